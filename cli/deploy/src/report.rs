//! What a deploy tells while it goes on. Whoever shows it decides how.

use std::time::Duration;

use serde::Serialize;

use super::rollout::{Failure, Progress};

/// A step of a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The image is built.
    Build,
    /// The image that is there already is found.
    Check,
    /// The image is sent to the registry.
    Push,
    /// The new revision is registered.
    Register,
    /// The service is told to run it.
    Update,
    /// It comes up, or does not.
    Watch,
    /// It answers from outside.
    Verify,
    /// The service goes back.
    Rollback,
}

impl Step {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Check => "check",
            Self::Push => "push",
            Self::Register => "register",
            Self::Update => "update",
            Self::Watch => "watch",
            Self::Verify => "verify",
            Self::Rollback => "roll back",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step began.
    Started {
        /// Which.
        step: Step,
        /// More about it.
        detail: String,
    },
    /// A step ended well.
    Done {
        /// Which.
        step: Step,
        /// More about it.
        detail: String,
        /// How long it took.
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Duration,
    },
    /// How far the rollout is. Told only when it changed.
    Progress {
        /// How far.
        #[serde(flatten)]
        progress: Progress,
        /// Since the watch began.
        #[serde(rename = "seconds", serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// The service reports something.
    Service {
        /// What.
        message: String,
    },
    /// A task of ours ended.
    TaskStopped {
        /// Its id.
        task: String,
        /// ECS's word for why.
        stop_code: String,
        /// ECS's sentence.
        reason: String,
        /// What its containers ended with: `router 7`.
        exit_codes: Vec<String>,
        /// Whether it speaks against the release.
        counts: bool,
    },
    /// A line that a failing task wrote last.
    LogLine {
        /// The task's id.
        task: String,
        /// The line; may hold control characters.
        line: String,
    },
    /// AWS could not be asked; the watch goes on.
    Trouble {
        /// Why.
        message: String,
    },
    /// The release fails.
    Failed {
        /// Why.
        #[serde(flatten)]
        failure: Failure,
    },
    /// The person interrupts, and may be asked what they want.
    Interrupted,
    /// Something worth knowing.
    Note {
        /// What.
        message: String,
    },
}

pub(super) fn seconds<S: serde::Serializer>(
    time: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 10.0).round() / 10.0)
}

/// Told what goes on, in order. It should return at once.
pub trait Report: Send + Sync {
    /// Something happened.
    fn report(&self, event: Event);

    /// Something worth knowing.
    fn note(&self, message: String) {
        self.report(Event::Note { message });
    }
}
