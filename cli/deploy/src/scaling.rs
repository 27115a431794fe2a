//! How many tasks a service has, and what becomes of those that are added.

use std::time::Duration;

use t3nets_router::aws::AwsError;

use crate::deploy_target::DeployTarget;
use crate::error::NotStarted;
use crate::rollout::{Baseline, Failure, Rollout, TaskContainers, Unsuccessful, Up, Verdict};
use crate::session::ServiceSession;
use crate::watch::Watch;

/// How often the service is looked at where its counts alone decide.
const LOOKS: Duration = Duration::from_secs(1);

/// How to scale.
#[derive(Debug, Clone, Copy)]
pub struct ScaleOptions {
    /// The desired count.
    pub count: i32,
    /// How long it may take until so many tasks run.
    pub timeout: Duration,
}

impl ScaleOptions {
    /// Whether autoscaling leaves such a count as it is.
    ///
    /// # Errors
    /// If it would undo it.
    pub fn check(&self, target: &DeployTarget) -> Result<(), ScaleError> {
        match target.autoscaling {
            Some((least, most)) if !(least..=most).contains(&self.count) => {
                Err(ScaleError::Autoscaled { least, most })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Why a service was not scaled.
#[derive(Debug, thiserror::Error)]
pub enum ScaleError {
    /// Autoscaling would undo it.
    #[error("autoscaling keeps between {least} and {most} tasks, and would undo this")]
    Autoscaled {
        /// The least that autoscaling keeps.
        least: i32,
        /// The most that it keeps.
        most: i32,
    },
    /// Nothing was changed.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// The desired count is set, and the tasks cannot run.
    #[error("{count} tasks are desired, and they cannot run")]
    Failed {
        /// The desired count.
        count: i32,
        /// What keeps them from it.
        failure: Box<Failure>,
        /// Whether nothing was ever deployed to the service.
        is_placeholder: bool,
    },
    /// The desired count is set, and another deployment took the service over.
    #[error("{count} tasks are desired, and another deployment began: {revision}")]
    Superseded {
        /// The desired count.
        count: i32,
        /// The other deployment's revision.
        revision: String,
    },
    /// The desired count is set, and AWS cannot be asked any more what became of it.
    #[error("{count} tasks are desired, and it cannot be watched whether they run")]
    Unwatched {
        /// The desired count.
        count: i32,
        /// AWS's answer.
        source: AwsError,
    },
    /// The desired count is set, and it took too long.
    #[error("not {count} tasks run after {} s", timeout.as_secs())]
    TimedOut {
        /// The desired count.
        count: i32,
        /// How long that was waited for.
        timeout: Duration,
        /// What speaks against it, or holds it up.
        failure: Option<Box<Failure>>,
    },
}

/// Changes how many tasks the service has, and waits until it does. Gives how many were desired
/// before.
///
/// # Errors
/// If autoscaling would undo it, the tasks cannot run, or it takes too long; as AWS says.
pub async fn scale(
    session: &ServiceSession<'_>,
    options: &ScaleOptions,
) -> Result<i32, ScaleError> {
    let count = options.count;
    options.check(session.target)?;
    let service = session.scalable().await?;
    let before = Baseline {
        // Without the right to list tasks, the counts decide, as for a deploy.
        stopped_tasks: session.ecs.stopped_tasks().await.unwrap_or_default(),
        events: service
            .events
            .iter()
            .map(|event| event.id.clone())
            .collect(),
    };
    // Who may not read it still scales, and is told less.
    let definition = session.told(&service).await.ok();
    let scaled = session.ecs.scale(count).await;
    scaled.map_err(NotStarted::Aws)?;
    match (service.primary(), definition) {
        (Some(primary), Some(definition)) if count > service.running() => {
            let containers = TaskContainers::of(&definition, &session.target.container);
            let rollout = Rollout::new(primary.to_watch(), containers, options.timeout)
                .scaled_to(count, before);
            let verdict = Watch::new(session, &definition, rollout).verdict().await;
            let verdict = verdict.map_err(|source| ScaleError::Unwatched { count, source })?;
            let template = session.target.template_arn.as_deref();
            let is_placeholder = definition.is_placeholder(&session.target.container, template);
            grown(verdict, options, is_placeholder)?;
        }
        _ => counted(session, options).await?,
    }
    Ok(service.desired)
}

/// What the verdict on more tasks means.
fn grown(verdict: Verdict, options: &ScaleOptions, is_placeholder: bool) -> Result<(), ScaleError> {
    let ScaleOptions { count, timeout } = *options;
    let failed = |failure| ScaleError::Failed {
        count,
        failure: Box::new(failure),
        is_placeholder,
    };
    match verdict {
        Ok(Up::Running { .. } | Up::WithoutTasks) => Ok(()),
        Err(Unsuccessful::Failed(failure) | Unsuccessful::EcsRollbackFailed(failure)) => {
            Err(failed(failure))
        }
        Err(Unsuccessful::RolledBackByEcs(rollback)) => Err(failed(rollback.failure)),
        Err(Unsuccessful::Superseded { revision, .. }) => Err(ScaleError::Superseded {
            count,
            revision: revision.name().to_owned(),
        }),
        Err(Unsuccessful::TimedOut { failure, .. }) => Err(ScaleError::TimedOut {
            count,
            timeout,
            failure: failure.map(Box::new),
        }),
    }
}

/// Waits until as many tasks run as are desired.
async fn counted(session: &ServiceSession<'_>, options: &ScaleOptions) -> Result<(), ScaleError> {
    let ScaleOptions { count, timeout } = *options;
    let reached = async {
        loop {
            // A single look that fails means nothing.
            let service = session.ecs.service().await.ok().flatten();
            if service.is_some_and(|one| one.desired == count && one.running() == count) {
                return;
            }
            tokio::time::sleep(LOOKS).await;
        }
    };
    let reached = tokio::time::timeout(timeout, reached).await;
    reached.map_err(|_| ScaleError::TimedOut {
        count,
        timeout,
        failure: None,
    })
}
