//! What a deploy, a rollback and a restart result in.

use jiff::Timestamp;
use serde::Serialize;
use t3nets_deploy::release::Release;

use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::{Output, Printer};
use crate::terminal::text::{shown_time, strip_control_chars};

/// The release. With `--json` it is the last of the events.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum ReleaseOutput {
    /// It runs.
    Released {
        /// Its revision: `family:number`.
        revision: String,
        /// What the router calls itself.
        release: String,
        /// How many tasks run.
        running: i32,
        /// How it was verified.
        verified: String,
        /// Whether it was shown already.
        #[serde(skip)]
        is_streamed: bool,
    },
    /// The service's desired count is 0.
    NothingRuns {
        /// The revision that the next tasks will be of.
        revision: String,
        /// Until when there are no tasks by themselves.
        #[serde(skip_serializing_if = "Option::is_none")]
        asleep_until: Option<Timestamp>,
        /// Whether it was shown already.
        #[serde(skip)]
        is_streamed: bool,
    },
}

impl ReleaseOutput {
    /// Shows it as one event more, if events are what is shown.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(super) fn of(
        release: Release,
        asleep_until: Option<Timestamp>,
        printer: &Printer,
    ) -> Result<Self, CliError> {
        let is_streamed = printer.is_json();
        let output = match release {
            Release::Running {
                revision,
                release,
                tasks,
                verified,
            } => Self::Released {
                revision,
                release,
                running: tasks,
                verified: verified.to_string(),
                is_streamed,
            },
            Release::WithoutTasks { revision } => Self::NothingRuns {
                revision,
                asleep_until,
                is_streamed,
            },
        };
        if is_streamed {
            printer.json_line(&output)?;
        }
        Ok(output)
    }
}

impl Output for ReleaseOutput {
    fn text(&self) -> String {
        let text = match self {
            Self::Released {
                revision,
                running,
                verified,
                ..
            } => format!("{revision} runs in {}: {verified}", tasks(*running)),
            Self::NothingRuns {
                revision,
                asleep_until: Some(until),
                ..
            } => {
                let until = shown_time(*until);
                format!("{revision} is set, and not verified: the service is asleep until {until}")
            }
            Self::NothingRuns { revision, .. } => {
                format!("{revision} is set, but the service's desired count is 0")
            }
        };
        strip_control_chars(&text).into_owned()
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Released { .. } => Vec::new(),
            Self::NothingRuns { .. } => vec![Hint::command("scale 1", "starts a task")],
        }
    }

    fn is_streamed(&self) -> bool {
        match self {
            Self::Released { is_streamed, .. } | Self::NothingRuns { is_streamed, .. } => {
                *is_streamed
            }
        }
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn tasks(count: i32) -> String {
    match count {
        1 => "1 task".to_owned(),
        _ => format!("{count} tasks"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_without_tasks_says_whether_they_come_by_themselves() {
        let release = |asleep_until| ReleaseOutput::NothingRuns {
            revision: "r:7".to_owned(),
            asleep_until,
            is_streamed: false,
        };
        let none = release(None).text();
        assert_eq!(none, "r:7 is set, but the service's desired count is 0");
        let asleep = release(Some(Timestamp::UNIX_EPOCH));
        assert!(
            asleep.text().contains("asleep until 19"),
            "{}",
            asleep.text()
        );
        let json = serde_json::to_value(asleep).unwrap();
        assert_eq!(json["asleep_until"], "1970-01-01T00:00:00Z");
    }
}
