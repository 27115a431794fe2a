//! How a rollout ended, or why that is not known.

use t3nets_router::ports::StoreError;

use super::plan::Revision;
use super::rollout::{Failure, Progress, Verdict};

/// How a rollout ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It runs.
    Released {
        /// Its revision: `family:number`.
        revision: String,
        /// What it calls itself.
        release: String,
        /// How many tasks run.
        running: i32,
        /// How that was verified.
        verified: String,
    },
    /// The service is to have no tasks: the next ones will be of this revision.
    NothingRuns {
        /// The revision.
        revision: String,
    },
    /// It failed, and an earlier revision runs again.
    RolledBack {
        /// Why.
        failure: Failure,
        /// What runs now.
        to: Option<String>,
        /// Whether ECS did it.
        by_ecs: bool,
    },
    /// It failed, and nothing else runs in its place.
    NotRolledBack {
        /// Why it failed.
        failure: Failure,
        /// Why it was not rolled back.
        why: String,
    },
    /// Another deployment took its place.
    Superseded {
        /// That one's revision.
        revision: String,
        /// Who deployed it.
        by: Option<String>,
    },
    /// It took too long and was left to itself.
    TimedOut {
        /// How far it was.
        progress: Progress,
        /// What spoke against it.
        failure: Option<Failure>,
    },
    /// The person left it to itself.
    Left,
    /// The lock is somebody else's now.
    LockLost,
}

impl Outcome {
    /// What a verdict means where nothing is gone back to.
    pub(super) fn of(verdict: Verdict, revision: &Revision) -> Self {
        match verdict {
            Verdict::RolledBackByEcs { to, failure } => Self::RolledBack {
                failure,
                to,
                by_ecs: true,
            },
            Verdict::RollbackFailed(failure) => Self::NotRolledBack {
                failure,
                why: "ECS could not roll it back".to_owned(),
            },
            Verdict::Failed(failure) => Self::NotRolledBack {
                failure,
                why: String::new(),
            },
            Verdict::Superseded { revision, by } => Self::Superseded { revision, by },
            Verdict::NothingRuns => Self::NothingRuns {
                revision: revision.name(),
            },
            Verdict::TimedOut { progress, failure } => Self::TimedOut { progress, failure },
            Verdict::Succeeded { running } => Self::Released {
                revision: revision.name(),
                release: String::new(),
                running,
                verified: String::new(),
            },
            Verdict::InProgress(progress) | Verdict::RollingBack { progress, .. } => {
                Self::TimedOut {
                    progress,
                    failure: None,
                }
            }
        }
    }
}

/// Why a rollout has no outcome.
#[derive(Debug)]
pub enum Lost {
    /// AWS refused the update: the service runs on as it did.
    NotBegun {
        /// The revision that it was to run.
        revision: String,
        /// What AWS said.
        error: StoreError,
    },
    /// The update was not answered: it may have arrived.
    Unclear {
        /// The revision that it was to run.
        revision: String,
        /// What went wrong.
        error: StoreError,
    },
    /// AWS can no longer be asked how it goes; it goes on by itself.
    Unwatched(StoreError),
}

impl Lost {
    /// What an error of the update means.
    pub(super) fn at_update(revision: &Revision, error: StoreError) -> Self {
        let revision = revision.name();
        match error {
            StoreError::Unavailable(_) => Self::Unclear { revision, error },
            error => Self::NotBegun { revision, error },
        }
    }

    /// What is not so, in words for people; why is the error's.
    pub fn headline(&self) -> String {
        match self {
            Self::NotBegun { revision, .. } => {
                format!("the service cannot be told to run `{revision}`")
            }
            Self::Unclear { revision, .. } => {
                format!("whether the service was told to run `{revision}` is not known")
            }
            Self::Unwatched(_) => "the rollout could not be seen through".to_owned(),
        }
    }
}

impl From<StoreError> for Lost {
    fn from(error: StoreError) -> Self {
        Self::Unwatched(error)
    }
}
