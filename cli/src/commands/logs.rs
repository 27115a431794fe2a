//! `t3nets logs`: what all tasks wrote, in order.

use std::collections::HashSet;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use t3nets_deploy::cloudwatch_logs::{LogEvent, LogsClient};
use t3nets_router::aws::{AwsError, AwsErrorKind};

use crate::commands::arguments::parse_duration;
use crate::commands::deploy::service::ServiceConnection;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Streamed;
use crate::terminal::text::strip_control_chars;

/// How often `-f` asks.
const EVERY: Duration = Duration::from_secs(2);
/// How far `-f` looks back for lines that arrived late.
const LATE: SignedDuration = SignedDuration::from_secs(10);
/// One for each task, in turn.
const COLORS: [AnsiColor; 5] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Blue,
];

/// Which lines.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// Follow new lines until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Show lines since so long ago (`90s`, `15m`, `2h`) or since a time (`2026-11-24T10:00:00Z`)
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = since)]
    since: Since,
}

/// A time, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Ago(SignedDuration),
    At(Timestamp),
}

impl Since {
    fn start(self) -> Timestamp {
        match self {
            Self::Ago(ago) => Timestamp::now() - ago,
            Self::At(at) => at,
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = text.parse() {
        return Ok(Since::At(at));
    }
    let ago = parse_duration(text)
        .map_err(|_| "must be like `15m` or `2026-11-24T10:00:00Z`".to_owned())?;
    // Three years of logs are kept nowhere.
    if ago > SignedDuration::from_hours(24 * 1100) {
        return Err("that is longer ago than any log is kept".to_owned());
    }
    Ok(Since::Ago(ago))
}

#[derive(Serialize)]
struct Line<'a> {
    at: Option<Timestamp>,
    task: &'a str,
    message: &'a str,
}

/// Runs the command.
///
/// # Errors
/// As AWS says.
pub(crate) async fn run(context: &Context, args: LogsArgs) -> Result<Streamed, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let mut reader = Reader {
        context,
        client: LogsClient::new(&connection.sdk, None),
        group: &connection.target.log_group,
        newest: args.since.start(),
        shown: HashSet::new(),
        tasks: Vec::new(),
    };
    let mut start = reader.newest;
    let mut in_trouble = false;
    loop {
        match reader.show_from(start).await {
            Ok(()) => in_trouble = false,
            Err(ReadError::Aws(error)) if args.follow && may_pass(&error) => {
                if !in_trouble {
                    context.printer.warning(reader.headline());
                }
                in_trouble = true;
            }
            Err(ReadError::Aws(error)) => return Err(CliError::aws(reader.headline(), error)),
            Err(ReadError::Output(error)) => return Err(error),
        }
        if !args.follow {
            return Ok(Streamed::DONE);
        }
        tokio::time::sleep(EVERY).await;
        start = start.max(reader.newest - LATE);
    }
}

/// Why not all lines were shown.
enum ReadError {
    /// CloudWatch Logs refuses, or cannot be reached.
    Aws(AwsError),
    /// stdout cannot be written to.
    Output(CliError),
}

/// Whether the same question may be answered a little later.
fn may_pass(error: &AwsError) -> bool {
    match error.kind {
        AwsErrorKind::Throttled
        | AwsErrorKind::Unreachable
        | AwsErrorKind::Rejected
        | AwsErrorKind::Internal => true,
        AwsErrorKind::Credentials
        | AwsErrorKind::Permission
        | AwsErrorKind::Configuration
        | AwsErrorKind::NotFound => false,
    }
}

struct Reader<'a> {
    context: &'a Context,
    client: LogsClient,
    group: &'a str,
    newest: Timestamp,
    shown: HashSet<String>,
    tasks: Vec<String>,
}

impl Reader<'_> {
    /// Shows what is new from a time on, page by page.
    async fn show_from(&mut self, start: Timestamp) -> Result<(), ReadError> {
        let mut seen = HashSet::new();
        let mut token: Option<String> = None;
        loop {
            let page = self
                .client
                .events_since(self.group, start.as_millisecond(), token.as_deref())
                .await
                .map_err(ReadError::Aws)?;
            for event in page.events {
                if !self.shown.contains(&event.event_id) {
                    self.show(&event).map_err(ReadError::Output)?;
                }
                seen.insert(event.event_id);
            }
            let next = page.next_token.filter(|next| !next.is_empty());
            // The same token again would be answered with the same part for ever.
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        // Only what could be answered again has to be remembered.
        self.shown = seen;
        Ok(())
    }

    /// What fails where the lines cannot be read.
    fn headline(&self) -> String {
        format!("cannot read the log group `{}`", self.group)
    }

    fn show(&mut self, event: &LogEvent) -> Result<(), CliError> {
        let at = event
            .timestamp
            .and_then(|at| Timestamp::from_millisecond(at).ok());
        self.newest = self.newest.max(at.unwrap_or(Timestamp::MIN));
        let stream = event.log_stream_name.as_str();
        let task = stream.rsplit_once('/').map_or(stream, |(_, task)| task);
        let message = event.message.trim_end();
        let printer = &self.context.printer;
        if printer.is_json() {
            return printer.json_line(&Line { at, task, message });
        }
        let color = self.color(task);
        let short = task.get(..8).unwrap_or(task);
        let at = at.map_or_else(String::new, |at| format!("{} ", local_time(at)));
        printer.write(&format!(
            "{at}{color}{}{color:#} {}\n",
            strip_control_chars(short),
            strip_control_chars(message)
        ))
    }

    fn color(&mut self, task: &str) -> Style {
        let known = self.tasks.iter().position(|known| known == task);
        let index = known.unwrap_or_else(|| {
            self.tasks.push(task.to_owned());
            self.tasks.len() - 1
        });
        COLORS[index % COLORS.len()].on_default()
    }
}

/// To the millisecond, in local time with its offset.
fn local_time(at: Timestamp) -> String {
    let local = at.to_zoned(TimeZone::system());
    local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_given_as_such_or_as_how_long_ago() {
        let ago = |seconds| Ok(Since::Ago(SignedDuration::from_secs(seconds)));
        assert_eq!(since("90s"), ago(90));
        assert_eq!(since("15m"), ago(900));
        assert_eq!(since("2h"), ago(7200));
        assert_eq!(since("1d"), ago(86_400));
        let at = "2026-11-24T10:00:00Z";
        assert_eq!(since(at), Ok(Since::At(at.parse().unwrap())));
        for wrong in ["", "m", "-1m", "10", "yesterday", "4000000000d", "ä", "1ä"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
