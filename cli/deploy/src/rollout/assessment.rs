//! What an observation of a rollout means: nothing yet, or a verdict.

use serde::{Serialize, Serializer};

use super::Failure;
use crate::ecs::states::RolloutState;
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

    /// The same, to add to it.
    pub(crate) fn failure_mut(&mut self) -> Option<&mut Failure> {
        match self {
            Self::Failed(failure) | Self::EcsRollbackFailed(failure) => Some(failure),
            Self::RolledBackByEcs(rollback) => Some(&mut rollback.failure),
            Self::TimedOut { failure, .. } => failure.as_mut(),
            Self::Superseded { .. } => None,
        }
    }
}

/// How far a rollout is while nothing is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// ECS's state of the deployment; `None` if reads do not show it yet.
    #[serde(serialize_with = "word")]
    pub state: Option<RolloutState>,
    /// How many tasks are desired.
    pub desired: i32,
    /// How many tasks run.
    pub running: i32,
    /// How many tasks are about to run.
    pub pending: i32,
    /// How many tasks of earlier deployments still run.
    pub others: i32,
    /// How many of its targets are healthy, where there is a load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<usize>,
    /// How many of its tasks stopped in a way that speaks against it.
    pub failed: usize,
    /// What holds it up, as far as that shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// No state is an empty word in the events' JSON.
fn word<S: Serializer>(state: &Option<RolloutState>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_ref().map_or("", RolloutState::as_str))
}
