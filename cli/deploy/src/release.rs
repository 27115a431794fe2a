//! From an update of the service to a verified release: update, watch, verify, and roll back if it
//! fails.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use t3nets_router::aws::{DeployLock, VerifiedRelease};

use crate::ecs::UpdateMode;
use crate::error::{NotRolledBack, RolloutFailure};
use crate::image_ref::Digest;
use crate::lock;
use crate::report::Step;
use crate::rollback::roll_back;
use crate::rollout::{
    Cause, Failure, OwnDeployment, Rollout, Service, TaskContainers, Unsuccessful, Up,
};
use crate::session::ServiceSession;
use crate::task_definition::{DEPLOYED_BY, GIT_SHA, RELEASE, RevisionArn, TaskDefinition, VERSION};
use crate::verify::{Answer, verify};
use crate::watch::{Watch, WatchStop};

/// How often the service is looked at whether a release that came up still runs.
const LOOKS: Duration = Duration::from_secs(1);

/// What an operation ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Its tasks run, and it was verified.
    Running {
        /// Its revision: `family:number`.
        revision: String,
        /// What the router calls itself; empty of a revision that does not say.
        release: String,
        /// How many tasks run.
        tasks: i32,
        /// How it was verified.
        verified: Verification,
    },
    /// The service's desired count is 0: the next tasks will be of this revision.
    WithoutTasks {
        /// The revision: `family:number`.
        revision: String,
    },
}

/// How a release was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It answers from outside, by its own name.
    Answered {
        /// The address.
        endpoint: String,
        /// The name.
        release: String,
    },
    /// By the deployment's state alone.
    ByDeployment,
    /// By the deployment's state and the load balancer's health checks.
    ByDeploymentAndTargets,
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { endpoint, release } => write!(f, "{endpoint} answers as {release}"),
            Self::ByDeployment => f.write_str("the deployment's state"),
            Self::ByDeploymentAndTargets => {
                f.write_str("the deployment's state and the targets' health")
            }
        }
    }
}

/// What happens to a rollout that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// It is rolled back: to a verified release, or to the revision that ran well before.
    RollBack { steady: Option<RevisionArn> },
    /// It stays.
    Stay(Stay),
}

/// Why a rollout that fails stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    SwitchedOff,
    SameRevision,
    NothingDeployed,
    WasRollback,
}

impl From<Stay> for NotRolledBack {
    fn from(stay: Stay) -> Self {
        match stay {
            Stay::SwitchedOff => Self::SwitchedOff,
            Stay::SameRevision => Self::SameRevision,
            Stay::NothingDeployed => Self::NothingDeployed,
            Stay::WasRollback => Self::WasRollback,
        }
    }
}

/// The revision that runs well before an update, which a service without a verified release can go
/// back to.
pub(crate) fn steady(before: &Service, next: &TaskDefinition) -> Option<RevisionArn> {
    let primary = before.primary()?;
    let runs = primary.is_complete() && primary.task_definition != next.arn();
    runs.then(|| primary.task_definition.clone())
}

/// A rollout on its way to a release.
pub(crate) struct ReleaseRun<'a> {
    pub(crate) session: &'a ServiceSession<'a>,
    pub(crate) lock: &'a DeployLock,
    pub(crate) definition: &'a TaskDefinition,
    pub(crate) timeout: Duration,
    pub(crate) on_failure: OnFailure,
}

impl ReleaseRun<'_> {
    /// Tells the service to run the revision, and follows that.
    pub(crate) async fn update_and_follow(
        self,
        mode: UpdateMode,
    ) -> Result<Release, RolloutFailure> {
        let session = self.session;
        let step = session
            .reporter
            .begin(Step::Update, &self.definition.name());
        let deployment = session.ecs.update(self.definition, mode).await?;
        if let Err(error) = lock::remember(self.lock, &deployment).await {
            session.reporter.note(&format!(
                "this deployment is not remembered, so that it cannot be resumed by itself: {error}"
            ));
        }
        step.done(&deployment.id);
        self.follow(deployment).await
    }

    /// Watches a deployment until it is up, and verifies it.
    pub(crate) async fn follow(self, deployment: OwnDeployment) -> Result<Release, RolloutFailure> {
        let rollout = self.rollout(deployment);
        self.run(rollout).await
    }

    /// The same for a deployment that came up earlier, and still is what runs.
    pub(crate) async fn verify_again(
        self,
        deployment: OwnDeployment,
    ) -> Result<Release, RolloutFailure> {
        let rollout = self.rollout(deployment).settled();
        self.run(rollout).await
    }

    fn rollout(&self, deployment: OwnDeployment) -> Rollout {
        let containers = TaskContainers::of(self.definition, &self.session.target.container);
        Rollout::new(deployment, containers, self.timeout)
    }

    async fn run(self, rollout: Rollout) -> Result<Release, RolloutFailure> {
        let id = rollout.watched().id.clone();
        let mut watch = Watch::new(self.session, self.definition, rollout);
        match self.watch_and_verify(&mut watch, &id).await {
            Ok(release) => Ok(release),
            Err(stop) => self.conclude(watch, stop).await,
        }
    }

    async fn watch_and_verify(
        &self,
        watch: &mut Watch<'_>,
        id: &str,
    ) -> Result<Release, WatchStop> {
        let step = self.session.reporter.begin(Step::Watch, id);
        match watch.until_up(self.lock).await? {
            Up::WithoutTasks => Ok(self.without_tasks().await),
            Up::Running { tasks } => {
                step.done(&format!("{tasks} running"));
                self.verify(watch, tasks).await
            }
        }
    }

    async fn without_tasks(&self) -> Release {
        // The next tasks need it, whenever they are wanted.
        self.session.keep_image(self.definition).await;
        Release::WithoutTasks {
            revision: self.definition.name(),
        }
    }

    /// Whether the release answers from outside, while it is watched whether it still runs.
    async fn verify(&self, watch: &mut Watch<'_>, tasks: i32) -> Result<Release, WatchStop> {
        let session = self.session;
        let release = self.definition.variable(&session.target.container, RELEASE);
        let release = release.unwrap_or_default();
        let verified = match (release.is_empty(), session.target.api_endpoint.as_deref()) {
            (true, _) => self.by_state("the revision names no release"),
            (false, None) => self.by_state("no address of the API is known"),
            (false, Some(endpoint)) => {
                let step = session.reporter.begin(Step::Verify, endpoint);
                match self.ask(watch, endpoint, release).await? {
                    None => return Ok(self.without_tasks().await),
                    Some(Answer::New) => {
                        step.done(endpoint);
                        Verification::Answered {
                            endpoint: endpoint.to_owned(),
                            release: release.to_owned(),
                        }
                    }
                    Some(Answer::Unreachable(why)) => {
                        self.by_state(&format!("{endpoint} cannot be reached from here ({why})"))
                    }
                    Some(Answer::Other(why)) => {
                        let failure = Failure::without_task(Cause::NotVerified, why);
                        let failed = Unsuccessful::Failed(failure);
                        return Err(WatchStop::Unsuccessful(failed));
                    }
                }
            }
        };
        self.remember(release).await;
        Ok(Release::Running {
            revision: self.definition.name(),
            release: release.to_owned(),
            tasks,
            verified,
        })
    }

    /// What answers from outside; `None` if the service was scaled to no tasks meanwhile.
    async fn ask(
        &self,
        watch: &mut Watch<'_>,
        endpoint: &str,
        release: &str,
    ) -> Result<Option<Answer>, WatchStop> {
        let asked = verify(endpoint, release);
        tokio::pin!(asked);
        let mut pause = Duration::ZERO;
        loop {
            // It may still crash while it is asked; that it has not is no news.
            let after = std::mem::replace(&mut pause, LOOKS);
            let watched = async {
                tokio::time::sleep(after).await;
                watch.until_up(self.lock).await
            };
            tokio::select! {
                answer = &mut asked => return Ok(Some(answer)),
                up = watched => match up? {
                    Up::Running { .. } => {}
                    Up::WithoutTasks => return Ok(None),
                },
            }
        }
    }

    fn by_state(&self, why: &str) -> Verification {
        let by = match self.session.target.target_group_arn {
            Some(_) => Verification::ByDeploymentAndTargets,
            None => Verification::ByDeployment,
        };
        let note = format!("not asked from outside: {why}; {by} decided");
        self.session.reporter.note(&note);
        by
    }

    async fn remember(&self, release: &str) {
        let definition = self.definition;
        let tag = |name: &str| definition.tags.get(name).cloned();
        let image = definition.image(&self.session.target.container);
        let verified = VerifiedRelease {
            task_definition: definition.arn().to_string(),
            release: release.to_owned(),
            digest: Digest::at_end_of(release)
                .map_or_else(String::new, |digest| digest.to_string()),
            image: image.map(str::to_owned),
            git_sha: tag(GIT_SHA),
            version: tag(VERSION),
            who: tag(DEPLOYED_BY).unwrap_or_default(),
            at: Timestamp::now(),
        };
        let (added, ()) = tokio::join!(
            self.session.deploys.add_release(&verified),
            self.session.keep_image(definition),
        );
        if let Err(error) = added {
            self.session.reporter.note(&format!(
                "the release is not in the history, and no rollback will go back to it: {error}"
            ));
        }
    }

    /// What remains to be done once it is known that there is no release.
    async fn conclude(
        self,
        mut watch: Watch<'_>,
        mut stop: WatchStop,
    ) -> Result<Release, RolloutFailure> {
        // Between the verdict and now ECS may have begun its own rollback, or somebody deployed.
        if matches!(stop, WatchStop::Unsuccessful(Unsuccessful::Failed(_)))
            && matches!(self.on_failure, OnFailure::RollBack { .. })
            && self.is_replaced(watch.watched()).await
        {
            match watch.until_up(self.lock).await {
                Ok(Up::WithoutTasks) => return Ok(self.without_tasks().await),
                // That AWS cannot be asked any more is met again on the way back, and reported
                // there with the failure.
                Ok(Up::Running { .. }) | Err(WatchStop::Unwatched(_)) => {}
                Err(next) => stop = next,
            }
        }
        let failure = match stop {
            WatchStop::Unsuccessful(Unsuccessful::Failed(failure)) => failure,
            WatchStop::RollbackRequested => Failure::without_task(Cause::Unwanted, ""),
            WatchStop::Unsuccessful(Unsuccessful::RolledBackByEcs(rollback)) => {
                return Err(RolloutFailure::RolledBackByEcs(rollback));
            }
            WatchStop::Unsuccessful(Unsuccessful::EcsRollbackFailed(failure)) => {
                let reason = NotRolledBack::EcsFailed;
                return Err(RolloutFailure::NotRolledBack { failure, reason });
            }
            WatchStop::Unsuccessful(Unsuccessful::Superseded { revision, by }) => {
                return Err(RolloutFailure::Superseded { revision, by });
            }
            WatchStop::Unsuccessful(Unsuccessful::TimedOut { progress, failure }) => {
                return Err(RolloutFailure::TimedOut { progress, failure });
            }
            WatchStop::LeftRunning => return Err(RolloutFailure::LeftRunning),
            WatchStop::LockLost => return Err(RolloutFailure::LockLost),
            WatchStop::Unwatched(error) => return Err(RolloutFailure::Unwatched(error)),
        };
        Err(match self.on_failure {
            OnFailure::Stay(stay) => RolloutFailure::NotRolledBack {
                failure,
                reason: stay.into(),
            },
            OnFailure::RollBack { steady } => {
                let (session, lock) = (self.session, self.lock);
                roll_back(
                    session,
                    lock,
                    self.definition,
                    failure,
                    steady,
                    self.timeout,
                )
                .await
            }
        })
    }

    async fn is_replaced(&self, watched: &OwnDeployment) -> bool {
        let service = self.session.ecs.service().await.ok().flatten();
        let primary = service.as_ref().and_then(Service::primary);
        primary.is_some_and(|primary| primary.id != watched.id && primary.created_at.is_some())
    }
}
