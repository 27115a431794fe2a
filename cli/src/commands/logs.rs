//! `t3nets logs`: what all tasks wrote, in order, whichever of their containers.

use std::collections::HashSet;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use t3nets_deploy::cloudwatch_logs::{LogEvent, LogsClient};
use t3nets_deploy::logs::{LogDestination, Origin};
use t3nets_router::aws::{AwsError, AwsErrorKind};

use crate::commands::arguments::PastTime;
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
    /// Show lines since so long ago (`90s`, `1h30m`) or a time (`2026-11-24T10:00:00Z`)
    /// [default: 10m; with --task 1d]
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<PastTime>,
    /// Only show the lines of this container
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// Only show the lines of this task, by its id or how that begins
    #[arg(long, value_name = "ID", value_parser = task_id)]
    task: Option<String>,
}

impl LogsArgs {
    fn start(&self) -> Timestamp {
        let ago = match self.task {
            // Whoever names a task has seen it fail a while ago.
            Some(_) => SignedDuration::from_hours(24),
            None => SignedDuration::from_mins(10),
        };
        self.since.unwrap_or(PastTime::Ago(ago)).at()
    }
}

/// A task by its ARN is one by its id.
fn task_id(text: &str) -> Result<String, String> {
    let id = text.rsplit_once('/').map_or(text, |(_, id)| id);
    match !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        true => Ok(id.to_owned()),
        false => Err("must be a task's id, as `t3nets status` shows it".to_owned()),
    }
}

fn since(text: &str) -> Result<PastTime, String> {
    match text.parse()? {
        // Three years of logs are kept nowhere.
        PastTime::Ago(ago) if ago > SignedDuration::from_hours(24 * 1100) => {
            Err("that is longer ago than any log is kept".to_owned())
        }
        time => Ok(time),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at: Option<Timestamp>,
    task: &'a str,
    container: Option<&'a str>,
    message: &'a str,
}

/// Runs the command.
///
/// # Errors
/// Usage if there is no such container; not ready if the logs go elsewhere; as AWS says.
pub(crate) async fn run(context: &Context, args: LogsArgs) -> Result<Streamed, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let mut start = args.start();
    let mut reader = Reader::of(context, &connection, &args, start).await?;
    let mut in_trouble = false;
    loop {
        match reader.show_from(start).await {
            Ok(()) => in_trouble = false,
            Err(ReadError::Aws(group, error)) if args.follow && may_pass(&error) => {
                if !in_trouble {
                    context.printer.warning(headline(&group));
                }
                in_trouble = true;
            }
            Err(ReadError::Aws(group, error)) => {
                return Err(CliError::aws(headline(&group), error));
            }
            Err(ReadError::Output(error)) => return Err(error),
        }
        if !args.follow {
            return Ok(Streamed::DONE);
        }
        tokio::time::sleep(EVERY).await;
        start = start.max(reader.newest - LATE);
    }
}

/// What fails where the lines cannot be read.
fn headline(group: &str) -> String {
    format!("cannot read the log group `{group}`")
}

/// Why not all lines were shown.
enum ReadError {
    /// CloudWatch Logs refuses a group, or cannot be reached.
    Aws(String, AwsError),
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

/// A log group that is read.
struct Place {
    client: LogsClient,
    group: String,
    region: Option<String>,
    /// What was shown of it, and may be answered again.
    shown: HashSet<String>,
}

struct Reader<'a> {
    context: &'a Context,
    places: Vec<Place>,
    /// The names of the task's containers, as far as they are known.
    containers: Vec<String>,
    container: Option<&'a str>,
    task: Option<&'a str>,
    newest: Timestamp,
    /// The tasks that were shown, each in its colour.
    tasks: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Of the logs of all containers, or of one: where the revision that the service is told to run
    /// puts them. Who may not read that gets the router's log group.
    async fn of(
        context: &'a Context,
        connection: &ServiceConnection,
        args: &'a LogsArgs,
        newest: Timestamp,
    ) -> Result<Self, CliError> {
        let mut reader = Self {
            context,
            places: Vec::new(),
            containers: Vec::new(),
            container: args.container.as_deref(),
            task: args.task.as_deref(),
            newest,
            tasks: Vec::new(),
        };
        let session = connection.quiet_session();
        let definition = match session.service().await {
            Ok(service) => session.told(&service).await.ok(),
            Err(_) => None,
        };
        let Some(definition) = definition else {
            reader.add(connection, connection.target.log_group.clone(), None);
            return Ok(reader);
        };
        reader.containers = definition.container_names();
        if let Some(wanted) = reader.container
            && !reader.containers.iter().any(|name| name == wanted)
        {
            let names: Vec<String> = reader
                .containers
                .iter()
                .map(|one| format!("`{one}`"))
                .collect();
            return Err(CliError::usage(format!(
                "`{}` has no container `{wanted}`, only {}",
                definition.name(),
                names.join(", ")
            )));
        }
        let mut elsewhere = Vec::new();
        for name in reader.containers.clone() {
            if reader.container.is_some_and(|wanted| wanted != name) {
                continue;
            }
            match LogDestination::of(&definition, &name) {
                LogDestination::CloudWatch(place) => {
                    reader.add(connection, place.group, place.region);
                }
                LogDestination::Elsewhere(place) => {
                    elsewhere.push(format!("the log of `{name}` goes {place}"));
                }
            }
        }
        if reader.places.is_empty() {
            let error = CliError::not_ready(elsewhere.join("; ")).code("logs_elsewhere");
            return Err(error.hint("read it there: only CloudWatch Logs can be read here"));
        }
        for note in elsewhere {
            context.printer.detail(note);
        }
        Ok(reader)
    }

    fn add(&mut self, connection: &ServiceConnection, group: String, region: Option<String>) {
        if !self
            .places
            .iter()
            .any(|one| one.group == group && one.region == region)
        {
            self.places.push(Place {
                client: LogsClient::new(&connection.sdk, region.as_deref()),
                group,
                region,
                shown: HashSet::new(),
            });
        }
    }

    /// Shows what is new from a time on: page by page, or of several log groups in the order of
    /// time.
    async fn show_from(&mut self, start: Timestamp) -> Result<(), ReadError> {
        let mut places = std::mem::take(&mut self.places);
        let is_only = places.len() == 1;
        let mut kept = Vec::new();
        let mut read = Ok(());
        for place in &mut places {
            read = place
                .read_from(start, |event| match is_only {
                    true => self.show(&event),
                    false => {
                        kept.push(event);
                        Ok(())
                    }
                })
                .await;
            if read.is_err() {
                break;
            }
        }
        self.places = places;
        kept.sort_by_key(|event| event.timestamp);
        for event in kept {
            self.show(&event).map_err(ReadError::Output)?;
        }
        read
    }

    fn show(&mut self, event: &LogEvent) -> Result<(), CliError> {
        let at = event
            .timestamp
            .and_then(|at| Timestamp::from_millisecond(at).ok());
        self.newest = self.newest.max(at.unwrap_or(Timestamp::MIN));
        let Origin { container, task } = Origin::of(&event.log_stream_name, &self.containers);
        if self
            .container
            .is_some_and(|wanted| container != Some(wanted))
            || self.task.is_some_and(|wanted| !task.starts_with(wanted))
        {
            return Ok(());
        }
        let message = event.message.trim_end();
        let printer = &self.context.printer;
        if printer.is_json() {
            return printer.json_line(&Line {
                at,
                task,
                container,
                message,
            });
        }
        let color = self.color(task);
        let short = task.get(..8).unwrap_or(task);
        let at = at.map_or_else(String::new, |at| format!("{} ", local_time(at)));
        // Of a single container there is nothing to tell apart.
        let container = container.filter(|_| self.containers.len() > 1);
        let container = container.map_or_else(String::new, |name| format!(" {name}"));
        printer.write(&format!(
            "{at}{color}{}{}{color:#} {}\n",
            strip_control_chars(short),
            strip_control_chars(&container),
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

impl Place {
    /// Takes what was not shown yet, from a time on, page by page.
    async fn read_from(
        &mut self,
        start: Timestamp,
        mut take: impl FnMut(LogEvent) -> Result<(), CliError>,
    ) -> Result<(), ReadError> {
        let mut seen = HashSet::new();
        let mut token: Option<String> = None;
        loop {
            let page = self
                .client
                .events_since(&self.group, start.as_millisecond(), token.as_deref())
                .await
                .map_err(|error| ReadError::Aws(self.group.clone(), error))?;
            for event in page.events {
                let is_new = !self.shown.contains(&event.event_id);
                seen.insert(event.event_id.clone());
                if is_new {
                    take(event).map_err(ReadError::Output)?;
                }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_before_all_logs_are_not_asked_for() {
        assert!(since("1000d").is_ok());
        assert!(since("1101d").is_err());
    }

    #[test]
    fn a_task_is_named_by_its_id_how_that_begins_or_its_arn() {
        let arn = "arn:aws:ecs:us-east-1:123456789012:task/c/0123abcd0123abcd0123abcd0123abcd";
        assert_eq!(task_id("4bf2e600").unwrap(), "4bf2e600");
        assert_eq!(task_id(arn).unwrap(), "0123abcd0123abcd0123abcd0123abcd");
        for wrong in ["", "c/", "router", "4bf2e600 "] {
            assert!(task_id(wrong).is_err(), "{wrong}");
        }
    }
}
