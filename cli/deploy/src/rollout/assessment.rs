//! What an observation of a rollout means: nothing yet, or a verdict.

use super::Failure;
use super::progress::Progress;
use crate::task_definition::RevisionArn;

/// What an observation means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assessment {
    /// Nothing is decided: it goes on, forward or back.
    Pending {
        /// How far it is.
        progress: Progress,
        /// What ECS rolls it back to, and why, if it does.
        rollback: Option<EcsRollback>,
    },
    /// There is nothing more to wait for.
    Final(Verdict),
}

/// A rollback that ECS began by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcsRollback {
    /// The revision that it goes back to, if that is known.
    pub to: Option<RevisionArn>,
    /// Why the watched deployment failed.
    pub failure: Failure,
}

/// What became of a deployment.
pub type Verdict = Result<Up, Unsuccessful>;

/// A deployment that came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up {
    /// Its tasks run, and have for a while.
    Running {
        /// How many tasks.
        tasks: i32,
    },
    /// No tasks are desired, so nothing was tried.
    WithoutTasks,
}

/// A deployment that did not come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsuccessful {
    /// It will not come up.
    Failed(Failure),
    /// ECS rolled it back, and the earlier revision runs.
    RolledBackByEcs(EcsRollback),
    /// ECS wanted to roll it back and could not.
    EcsRollbackFailed(Failure),
    /// Another deployment took its place.
    Superseded {
        /// The revision of the other.
        revision: RevisionArn,
        /// Who deployed that, if its tags say so.
        by: Option<String>,
    },
    /// It took too long.
    TimedOut {
        /// How far it was.
        progress: Progress,
        /// What spoke against it so far.
        failure: Option<Failure>,
    },
}

impl Unsuccessful {
    /// Why it did not come up, as far as that is known.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) | Self::EcsRollbackFailed(failure) => Some(failure),
            Self::RolledBackByEcs(rollback) => Some(&rollback.failure),
            Self::TimedOut { failure, .. } => failure.as_ref(),
            Self::Superseded { .. } => None,
        }
    }
}
