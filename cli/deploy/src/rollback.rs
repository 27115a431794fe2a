//! Earlier releases, and going back to the last one after a failure.

use std::time::Duration;

use t3nets_router::aws::{AwsError, DeployLock};

use crate::ecs::UpdateMode;
use crate::error::{NotRolledBack, NothingEarlier, RolloutFailure};
use crate::registry::RepositoryImages;
use crate::report::Step;
use crate::rollout::{EcsRollback, Failure, Rollout, TaskContainers, Unsuccessful};
use crate::session::ServiceSession;
use crate::task_definition::{RevisionArn, TaskDefinition, copy};
use crate::watch::{Watch, WatchStop};

/// How many verified releases a rollback looks through: as many images as ECR describes in one
/// call.
const RELEASES: usize = 100;

/// An earlier revision, as far as it can be run again.
pub(crate) enum Earlier {
    /// There is none of that name.
    Missing,
    /// The registry deleted its image.
    ImageGone(TaskDefinition),
    /// Nothing speaks against it.
    Runnable(TaskDefinition),
}

/// Goes back to the last verified release and waits until it runs. `steady` is a revision that ran
/// well before, for a service that has no verified release yet.
///
/// What keeps it from going back never hides why the rollout failed, so the result says both.
pub(crate) async fn roll_back(
    session: &ServiceSession<'_>,
    lock: &DeployLock,
    failed: &TaskDefinition,
    failure: Failure,
    steady: Option<RevisionArn>,
    timeout: Duration,
) -> RolloutFailure {
    match try_roll_back(session, lock, failed, steady, timeout).await {
        Ok(RolledBackTo::Release(to)) => RolloutFailure::RolledBack { failure, to },
        Ok(RolledBackTo::ByEcs(to)) => RolloutFailure::RolledBackByEcs(EcsRollback { to, failure }),
        Ok(RolledBackTo::Superseded { revision, by }) => {
            RolloutFailure::Superseded { revision, by }
        }
        Ok(RolledBackTo::LockLost) => RolloutFailure::LockLost,
        Err(reason) => RolloutFailure::NotRolledBack { failure, reason },
    }
}

/// What came of going back.
enum RolledBackTo {
    /// This earlier release runs.
    Release(String),
    /// ECS went back to something else.
    ByEcs(Option<RevisionArn>),
    /// Somebody else deployed meanwhile.
    Superseded {
        revision: RevisionArn,
        by: Option<String>,
    },
    /// Somebody else holds the lock now.
    LockLost,
}

async fn try_roll_back(
    session: &ServiceSession<'_>,
    lock: &DeployLock,
    failed: &TaskDefinition,
    steady: Option<RevisionArn>,
    timeout: Duration,
) -> Result<RolledBackTo, NotRolledBack> {
    let found = last_runnable(session, failed, steady).await;
    let earlier = found.map_err(NotRolledBack::Unknown)??;
    let to = earlier.name();
    let step = session.reporter.begin(Step::Rollback, &to);
    let deployment = session.ecs.update(&earlier, UpdateMode::IfChanged).await?;
    let containers = TaskContainers::of(&earlier, &session.target.container);
    let rollout = Rollout::new(deployment, containers, timeout);
    let stop = match Watch::new(session, &earlier, rollout).until_up(lock).await {
        Ok(_) => {
            step.done(&to);
            return Ok(RolledBackTo::Release(to));
        }
        Err(stop) => stop,
    };
    match stop {
        WatchStop::Unsuccessful(Unsuccessful::RolledBackByEcs(rollback)) => {
            Ok(RolledBackTo::ByEcs(rollback.to))
        }
        WatchStop::Unsuccessful(Unsuccessful::Superseded { revision, by }) => {
            Ok(RolledBackTo::Superseded { revision, by })
        }
        WatchStop::LockLost => Ok(RolledBackTo::LockLost),
        WatchStop::Unsuccessful(
            Unsuccessful::Failed(failure) | Unsuccessful::EcsRollbackFailed(failure),
        ) => Err(NotRolledBack::FailsToo { to, failure }),
        WatchStop::Unsuccessful(Unsuccessful::TimedOut { .. }) => {
            Err(NotRolledBack::TimedOut { to })
        }
        WatchStop::RollbackRequested | WatchStop::LeftRunning => {
            Err(NotRolledBack::LeftRunning { to })
        }
        WatchStop::Unwatched(source) => Err(NotRolledBack::Unwatched { to, source }),
    }
}

/// The newest verified release that can still be run, other than the one that failed.
async fn last_runnable(
    session: &ServiceSession<'_>,
    failed: &TaskDefinition,
    steady: Option<RevisionArn>,
) -> Result<Result<TaskDefinition, NothingEarlier>, AwsError> {
    let (verified, mut images) = verified_revisions(session).await?;
    let failed = failed.arn();
    let revisions = verified
        .into_iter()
        .chain(steady)
        .filter(|arn| *arn != failed);
    first_runnable(session, revisions, &mut images).await
}

/// The revisions of verified releases, newest first, with their images looked up at once.
pub(crate) async fn verified_revisions(
    session: &ServiceSession<'_>,
) -> Result<(Vec<RevisionArn>, RepositoryImages), AwsError> {
    let verified = session.deploys.releases(RELEASES).await?;
    let mut images = session.images();
    images
        .look_up(verified.iter().map(|release| &*release.digest))
        .await;
    let verified = verified.into_iter();
    let verified = verified.map(|release| RevisionArn::from(release.task_definition));
    Ok((verified.collect(), images))
}

/// The first of these revisions that can be run. Those whose image is gone are passed over, and
/// named.
pub(crate) async fn first_runnable(
    session: &ServiceSession<'_>,
    revisions: impl IntoIterator<Item = RevisionArn>,
    images: &mut RepositoryImages,
) -> Result<Result<TaskDefinition, NothingEarlier>, AwsError> {
    let mut gone = Vec::new();
    for arn in revisions {
        match earlier(session, arn.as_str(), images).await? {
            Earlier::Missing => {}
            // The same one may have been verified more than once.
            Earlier::ImageGone(definition) if gone.contains(&definition.name()) => {}
            Earlier::ImageGone(definition) => {
                let name = definition.name();
                session.reporter.note(&format!(
                    "`{name}` is passed over: its image is no longer in the registry"
                ));
                gone.push(name);
            }
            Earlier::Runnable(definition) => {
                return made_active(session, definition).await.map(Ok);
            }
        }
    }
    Ok(Err(match gone.is_empty() {
        true => NothingEarlier::NoneVerified,
        false => NothingEarlier::ImagesGone(gone),
    }))
}

/// An earlier revision, and whether the registry still has its image. Where that cannot be told it
/// counts as if it had: what failed would otherwise go on running.
pub(crate) async fn earlier(
    session: &ServiceSession<'_>,
    name: &str,
    images: &mut RepositoryImages,
) -> Result<Earlier, AwsError> {
    let Some(definition) = session.ecs.task_definition(name).await? else {
        return Ok(Earlier::Missing);
    };
    let image = definition
        .image(&session.target.container)
        .unwrap_or_default();
    match images.check(image).await {
        Some(false) => return Ok(Earlier::ImageGone(definition)),
        Some(true) => {}
        None => {
            let why = match images.error() {
                Some(error) => error.to_string(),
                None => "it is not of this repository, or named without a digest".to_owned(),
            };
            session.reporter.note(&format!(
                "whether the image of `{}` is still in the registry is not known: {why}",
                definition.name(),
            ));
        }
    }
    Ok(Earlier::Runnable(definition))
}

/// A revision as a service can be told to run it: a deregistered one is registered again, under a
/// new number.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html>
pub(crate) async fn made_active(
    session: &ServiceSession<'_>,
    definition: TaskDefinition,
) -> Result<TaskDefinition, AwsError> {
    if definition.is_active() {
        return Ok(definition);
    }
    session.reporter.note(&format!(
        "`{}` was deregistered: it is registered again",
        definition.name()
    ));
    session.ecs.register_request(&copy(&definition)).await
}
