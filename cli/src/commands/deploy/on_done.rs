//! Telling a webhook how a deploy ended (`--on-done`): one JSON document, whichever way it ended.
//!
//! The address may lead out of the company (Slack, Teams), so that what is posted is less than what
//! the terminal shows: of an error the first line, and neither what AWS answered nor log lines.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use t3nets_router::outbound::{self, InvalidWebhookUrl, NotTold, Options, WebhookUrl};

use super::{Console, DeployOutput, ReleaseOutput};
use crate::aws::Name;
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::terminal::printer::Output;
use crate::terminal::text::strip_control_chars;

/// How often it is sent at most, how long each may take, and how long is waited in between: the
/// person has no prompt meanwhile.
const ATTEMPTS: u32 = 2;
const ATTEMPT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);

/// Whom to tell, from the moment at which the deploy begins.
pub(super) struct OnDone {
    url: WebhookUrl,
    began: Instant,
}

/// What is posted. The names of fields are an interface: programs read them.
#[derive(Debug, Serialize)]
struct Outcome {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The rest in one sentence, in the field that chat programs show.
    text: String,
    environment: String,
    /// `released`, `nothing_runs`, or the kind of the error.
    outcome: &'static str,
    exit_code: u8,
    /// The revision that was deployed.
    revision: Option<String>,
    /// What its router calls itself.
    release: Option<String>,
    /// Where the router is reached, if that is known.
    url: Option<String>,
    who: String,
    seconds: f64,
    error: Option<Failure>,
    at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Failure {
    code: String,
    message: String,
}

impl OnDone {
    /// What the flag or the variable names. The address is not repeated if it cannot be used.
    ///
    /// # Errors
    /// Usage if it is none that something may be posted to.
    pub(super) fn new(named: &SecretString) -> Result<Self, CliError> {
        let url = named.expose_secret().parse();
        let url = url.map_err(|error: InvalidWebhookUrl| {
            CliError::usage("the address of `--on-done` cannot be used")
                .caused_by(error)
                .hint("http is for this machine alone")
        })?;
        Ok(Self {
            url,
            began: Instant::now(),
        })
    }

    /// Posts how it ended. Where that fails, a warning says so: the deploy ended as it did. Ctrl-C
    /// ends it.
    pub(super) async fn tell(
        &self,
        context: &Context,
        console: &Console,
        result: &Result<DeployOutput, CliError>,
    ) {
        let release = match result {
            Ok(DeployOutput::Release(release)) => Ok(release),
            // Nothing was deployed.
            Ok(DeployOutput::Plan(_)) => return,
            Err(error) => Err(error),
        };
        let about = About {
            environment: context.settings.environment_name.clone(),
            url: context.known_name(Name::Url),
            who: context.who().to_owned(),
            took: self.began.elapsed(),
        };
        let outcome = outcome(about, release, Timestamp::now());
        let sent = tokio::select! {
            sent = self.send(&outcome) => sent,
            () = console.interrupted() => Err("interrupted".to_owned()),
        };
        if let Err(why) = sent {
            let url = &self.url;
            context
                .printer
                .warning(format!("{url} was not told how it ended: {why}"));
        }
    }

    async fn send(&self, outcome: &Outcome) -> Result<(), String> {
        let client = outbound::client(Options {
            total_timeout: Some(ATTEMPT),
            ..Options::default()
        });
        let client = client.map_err(|error| error.to_string())?;
        let mut attempt = 1;
        loop {
            let failure: NotTold = match self.url.post(&client, outcome).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if attempt == ATTEMPTS || !failure.is_passing() {
                return Err(failure.to_string());
            }
            tokio::time::sleep(PAUSE).await;
            attempt += 1;
        }
    }
}

/// What is known of a deploy, however it ended.
struct About {
    environment: String,
    url: Option<String>,
    who: String,
    took: Duration,
}

fn outcome(about: About, release: Result<&ReleaseOutput, &CliError>, at: Timestamp) -> Outcome {
    let About {
        environment,
        url,
        who,
        took,
    } = about;
    let ended = match release {
        Ok(release) => release.text(),
        Err(error) => format!("{}: {}", in_words(error.kind), error.message),
    };
    let text = format!("deploy to `{environment}`: {ended}");
    let (name, revision, release_name) = match release {
        Ok(ReleaseOutput::Released {
            revision, release, ..
        }) => ("released", Some(revision), Some(release)),
        Ok(ReleaseOutput::NothingRuns { revision, .. }) => ("nothing_runs", Some(revision), None),
        Err(error) => (error.kind.code(), None, None),
    };
    let failure = |error: &CliError| Failure {
        code: error.stable_code().to_owned(),
        message: strip_control_chars(&error.message).into_owned(),
    };
    Outcome {
        kind: "deploy.done",
        text: strip_control_chars(&text).into_owned(),
        environment,
        outcome: name,
        exit_code: release.map_or_else(|error| error.kind.exit_code(), Output::exit_code),
        revision: revision.cloned(),
        release: release_name.cloned(),
        url,
        who,
        seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
        error: release.err().map(failure),
        at,
    }
}

fn in_words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Failed | ErrorKind::Usage | ErrorKind::NotReady | ErrorKind::Denied => "failed",
        ErrorKind::TimedOut => "timed out",
        ErrorKind::RolledBack => "rolled back",
        ErrorKind::NotRolledBack => "failed and not rolled back",
        ErrorKind::Interrupted => "interrupted",
        ErrorKind::OutputClosed => "ended, and nobody read its output",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn posted(release: Result<&ReleaseOutput, &CliError>) -> Value {
        let about = About {
            environment: "dev".to_owned(),
            url: Some("https://api.example.com".to_owned()),
            who: "ada".to_owned(),
            took: Duration::from_millis(83_260),
        };
        let at = "2026-11-27T15:04:05Z".parse().unwrap();
        serde_json::to_value(outcome(about, release, at)).unwrap()
    }

    #[test]
    fn a_release_is_posted_with_what_runs_and_where() {
        let release = ReleaseOutput::Released {
            revision: "t3nets-dev-router:8".to_owned(),
            release: "t3nets-dev-router:8@sha256:1".to_owned(),
            running: 2,
            verified: "it answers".to_owned(),
            is_streamed: false,
        };
        assert_eq!(
            posted(Ok(&release)),
            json!({
                "type": "deploy.done",
                "text": "deploy to `dev`: t3nets-dev-router:8 runs in 2 tasks: it answers",
                "environment": "dev",
                "outcome": "released",
                "exit_code": 0,
                "revision": "t3nets-dev-router:8",
                "release": "t3nets-dev-router:8@sha256:1",
                "url": "https://api.example.com",
                "who": "ada",
                "seconds": 83.3,
                "error": null,
                "at": "2026-11-27T15:04:05Z",
            })
        );
    }

    #[test]
    fn of_an_error_the_first_line_is_posted_and_nothing_that_aws_or_a_log_said() {
        let error = CliError::new(ErrorKind::RolledBack, "the rollout failed\u{1b}[2J")
            .caused_by(CliError::failed("User: arn:aws:sts::111122223333:x"))
            .detail("last log lines: token=t3n_secret")
            .code("exited");
        let posted = posted(Err(&error));
        assert_eq!(posted["outcome"], "rolled_back");
        assert_eq!(posted["exit_code"], 5);
        assert_eq!(posted["error"]["code"], "exited");
        let text = posted.to_string();
        for hidden in ["1111", "t3n_", "\\u001b"] {
            assert!(!text.contains(hidden), "{text}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_not_repeated() {
        for bad in ["http://hooks.example.com/T1/secret", "secret"] {
            let error = OnDone::new(&SecretString::from(bad)).err().unwrap();
            assert_eq!(error.kind, ErrorKind::Usage);
            let shown = format!("{} {:?}", error.in_one_line(), error.hints);
            assert!(!shown.contains("secret"), "{shown}");
        }
    }
}
