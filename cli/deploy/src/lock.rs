//! The lock that keeps two deploys of one service apart: getting it, and what it remembers.

use t3nets_router::aws::{AwsError, DeployLock, Deploys, Lease, LockAttempt, WatchedDeployment};
use t3nets_router::token::{NoRandomness, random_token};

use crate::deploy_target::DeployTarget;
use crate::rollout::OwnDeployment;

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else deploys.
    #[error("`{}` is deploying to `{service}`", lease.who)]
    Held {
        /// The service.
        service: String,
        /// Who, since when and until when.
        lease: Lease,
    },
    /// AWS refuses it, or cannot be reached.
    #[error("cannot get the lock that keeps two deploys apart")]
    Aws(#[from] AwsError),
    /// The system has no randomness to tell this process from others.
    #[error("cannot make a lock")]
    Randomness(#[from] NoRandomness),
}

/// Gets the lock of a service, with the deployment that its last holder was watching, if it left
/// one running.
///
/// # Errors
/// If somebody else has it; as AWS says.
pub async fn acquire(
    sdk: &aws_config::SdkConfig,
    target: &DeployTarget,
    who: &str,
) -> Result<(DeployLock, Option<OwnDeployment>), LockError> {
    let deploys = Deploys::new(sdk, &target.tenants_table, &target.service);
    // Tells this process from every other.
    let token = random_token("")?;
    match deploys.lock(who, &token).await? {
        LockAttempt::Taken(lock, watched) => Ok((lock, watched.map(OwnDeployment::from))),
        LockAttempt::Held(lease) => Err(LockError::Held {
            service: target.service.clone(),
            lease,
        }),
    }
}

/// Remembers which deployment is watched, for whoever goes on.
pub(crate) async fn remember(lock: &DeployLock, watched: &OwnDeployment) -> Result<(), AwsError> {
    lock.note_watched(&WatchedDeployment {
        deployment: watched.id.clone(),
        task_definition: watched.task_definition.to_string(),
        created_at: watched.created_at,
    })
    .await
}

impl From<WatchedDeployment> for OwnDeployment {
    fn from(watched: WatchedDeployment) -> Self {
        Self {
            id: watched.deployment,
            task_definition: watched.task_definition.into(),
            created_at: watched.created_at,
        }
    }
}
