//! What an operation ends with, if not with a release: nothing was changed ([`NotStarted`]), or the
//! service was told to run another revision ([`RolloutFailure`]).

use t3nets_router::aws::AwsError;

use crate::ecs::{RegisterError, UpdateError};
use crate::rollout::{Cause, EcsRollback, Failure, Progress, Undeployable};
use crate::task_definition::{PlanError, RevisionArn};

/// Why an operation did not end with a release.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// Before the service was told anything.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// From then on.
    #[error(transparent)]
    Failed(#[from] RolloutFailure),
}

impl RolloutError {
    /// Whether the deployment goes on, or may, so that it can be watched again.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::NotStarted(_) => true,
            Self::Failed(failure) => match failure {
                RolloutFailure::Update(_)
                | RolloutFailure::Unwatched(_)
                | RolloutFailure::TimedOut { .. }
                | RolloutFailure::LeftRunning
                | RolloutFailure::LockLost => true,
                RolloutFailure::RolledBack { .. }
                | RolloutFailure::RolledBackByEcs(_)
                | RolloutFailure::NotRolledBack { .. }
                | RolloutFailure::Superseded { .. } => false,
            },
        }
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// AWS refuses a question, or cannot be asked.
    #[error("a request to AWS failed; nothing was changed")]
    Aws(#[from] AwsError),
    /// The service does not exist.
    #[error("cluster `{cluster}` has no service `{service}`")]
    NoService {
        /// The cluster's name.
        cluster: String,
        /// The service's name.
        service: String,
    },
    /// The service cannot be deployed to.
    #[error("service `{service}` {why}")]
    Undeployable {
        /// The cluster's name.
        cluster: String,
        /// The service's name.
        service: String,
        /// What keeps it from that.
        why: Undeployable,
    },
    /// What to go back to is no revision of the service's family.
    #[error("`{to}` is not a revision of `{family}`, which the service runs")]
    OtherFamily {
        /// As it was given.
        to: String,
        /// The family.
        family: String,
    },
    /// The task definition does not exist.
    #[error("there is no task definition `{0}`")]
    NoTaskDefinition(String),
    /// The revision to go back to does not exist.
    #[error("there is no task definition `{0}`")]
    NoEarlier(String),
    /// There can be no next revision.
    #[error("nothing was changed: {0}")]
    Plan(#[from] PlanError),
    /// No revision could be registered under a number that was known before.
    #[error("nothing was changed: somebody else registers revisions of `{family}` all the time")]
    Contended {
        /// The family.
        family: String,
    },
    /// The service has no deployment.
    #[error("the service has no deployment that could be watched")]
    NoDeployment,
    /// The revision to go back to is the one that runs.
    #[error("`{0}` is what runs")]
    AlreadyRuns(String),
    /// The registry deleted the image of the revision to go back to.
    #[error("the image of `{revision}` is no longer in the registry; nothing was changed")]
    ImageGone {
        /// The revision.
        revision: String,
        /// The image that it names.
        image: String,
        /// The commit that it was built from, if its tags say so.
        git_sha: Option<String>,
    },
    /// No release can be gone back to.
    #[error(transparent)]
    NothingEarlier(#[from] NothingEarlier),
}

impl From<RegisterError> for NotStarted {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Aws(error) => Self::Aws(error),
            RegisterError::Contended { family } => Self::Contended { family },
        }
    }
}

/// Why there is nothing to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NothingEarlier {
    /// There is no verified release but the one that runs.
    #[error("no earlier release was verified, so there is nothing to go back to")]
    NoneVerified,
    /// The registry deleted the images of all that there are.
    #[error("{}", images_gone(.0))]
    ImagesGone(Vec<String>),
}

fn images_gone(revisions: &[String]) -> String {
    let named: Vec<String> = revisions.iter().map(|name| format!("`{name}`")).collect();
    match &named[..] {
        [one] => format!(
            "the image of {one}, the only earlier release that was verified, is no longer in the registry"
        ),
        more => format!(
            "the images of all earlier releases that were verified are no longer in the registry: {}",
            more.join(", ")
        ),
    }
}

/// What became of a service that was told to run another revision, if not a release.
#[derive(Debug, thiserror::Error)]
pub enum RolloutFailure {
    /// It was not told, or it is not known whether it was.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// AWS cannot be asked any more; the deployment goes on by itself.
    #[error("the rollout could not be watched to its end")]
    Unwatched(#[source] AwsError),
    /// It failed, and an earlier release runs again.
    #[error("the rollout {}was rolled back: {to} runs", failed_and(failure))]
    RolledBack {
        /// Why it failed.
        failure: Failure,
        /// The revision that runs now.
        to: String,
    },
    /// It failed, and ECS went back by itself.
    #[error(
        "the rollout {}was rolled back by ECS: {} runs",
        failed_and(&.0.failure),
        .0.to.as_ref().map_or("the earlier revision", RevisionArn::name)
    )]
    RolledBackByEcs(EcsRollback),
    /// It failed, and nothing else runs in its place.
    #[error("the rollout failed and was not rolled back")]
    NotRolledBack {
        /// Why it failed.
        failure: Failure,
        /// Why it was not rolled back.
        reason: NotRolledBack,
    },
    /// Another deployment took its place.
    #[error(
        "another deployment took its place: {}{}",
        revision.name(),
        by.as_ref().map_or_else(String::new, |by| format!(" by `{by}`"))
    )]
    Superseded {
        /// That one's revision.
        revision: RevisionArn,
        /// Who deployed it, if its tags say so.
        by: Option<String>,
    },
    /// It took too long and was left running.
    #[error(
        "it did not come up in time: {} of {} tasks run",
        progress.running,
        progress.desired
    )]
    TimedOut {
        /// How far it was.
        progress: Progress,
        /// What spoke against it so far.
        failure: Option<Failure>,
    },
    /// The person left it running.
    #[error("interrupted: the rollout goes on by itself")]
    LeftRunning,
    /// Somebody else holds the lock now.
    #[error("the lock was lost: somebody else may be deploying, so this watch ends")]
    LockLost,
}

/// A rollback that was asked for did not fail before.
fn failed_and(failure: &Failure) -> &'static str {
    match failure.cause {
        Cause::Unwanted => "",
        _ => "failed and ",
    }
}

/// Why a failed rollout was not rolled back.
#[derive(Debug, thiserror::Error)]
pub enum NotRolledBack {
    /// It was not to be.
    #[error("rolling back was switched off")]
    SwitchedOff,
    /// The revision is the one that ran before.
    #[error("it is the revision that ran before, so there is nothing to go back to")]
    SameRevision,
    /// Nothing but Terraform's placeholder was ever told to run.
    #[error("nothing was deployed yet: it is the revision that Terraform made the service with")]
    NothingDeployed,
    /// It was a rollback itself.
    #[error("it was a rollback itself")]
    WasRollback,
    /// ECS's own rollback failed.
    #[error("ECS could not roll it back")]
    EcsFailed,
    /// There is nothing to go back to.
    #[error(transparent)]
    NothingEarlier(#[from] NothingEarlier),
    /// It cannot be found out what to go back to.
    #[error("what to go back to cannot be found out: {0}")]
    Unknown(#[source] AwsError),
    /// The service was not told to go back, or it is not known whether it was.
    #[error("{error}: {}", update_source(error))]
    Update {
        /// Which of the two, with AWS's answer.
        #[from]
        #[source]
        error: UpdateError,
    },
    /// AWS cannot be asked any more; going back goes on by itself.
    #[error("going back to `{to}` goes on, and cannot be watched: {source}")]
    Unwatched {
        /// The revision that it goes back to.
        to: String,
        /// AWS's answer.
        source: AwsError,
    },
    /// The person left it running.
    #[error("going back to `{to}` was left to itself")]
    LeftRunning {
        /// The revision that it goes back to.
        to: String,
    },
    /// The earlier release does not come up either.
    #[error("`{to}` fails too: {}", failure.cause)]
    FailsToo {
        /// The revision that it goes back to.
        to: String,
        /// Why that fails.
        failure: Failure,
    },
    /// It took too long and was left running.
    #[error("going back to `{to}` takes too long")]
    TimedOut {
        /// The revision that it goes back to.
        to: String,
    },
}

fn update_source(error: &UpdateError) -> &AwsError {
    match error {
        UpdateError::Refused { source, .. } | UpdateError::Unanswered { source, .. } => source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_nothing_to_go_back_to_names_the_releases_whose_images_are_gone() {
        let gone = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned());
            NothingEarlier::ImagesGone(names.collect()).to_string()
        };
        let none = NothingEarlier::NoneVerified.to_string();
        assert!(none.contains("no earlier release was verified"));
        assert!(gone(&["router:3"]).contains("the image of `router:3`"));
        assert!(gone(&["router:3", "router:2"]).ends_with("`router:3`, `router:2`"));
    }
}
