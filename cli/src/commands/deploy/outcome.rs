//! What a deploy, a rollback and a restart result in.

use serde::Serialize;
use t3nets_deploy::release::Release;

use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::{Output, Printer};
use crate::terminal::text::strip_control_chars;

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
    pub(super) fn of(release: Release, printer: &Printer) -> Result<Self, CliError> {
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
