//! From a revision to a verified release, or back: update, watch, verify, roll back. What is asked of the person, and how all
//! of it is shown, is the command's business.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use t3nets_router::ports::StoreError;
use tokio::time::Instant;

use super::ecs::Ecs;
use super::history::{Good, History, Lock, Watched};
use super::logs::{LogPlace, Logs};
use super::outcome::{Lost, Outcome};
use super::plan::{DEPLOYED_BY, GIT_SHA, RELEASE, Revision, VERSION};
use super::report::{Event, Report, Step};
use super::rollout::{Cause, Failure, Ours, Rollout, Service, Verdict};
use super::target::DeployTarget;
use super::targets::Targets;
use super::verify::{Verified, verify};
use super::watch::Watch;

/// How often it is looked whether a release that came up still runs.
const LOOKS: Duration = Duration::from_secs(1);

/// What the person wants when they interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Go back to the last verified release.
    RollBack,
    /// Leave the rollout to itself.
    Leave,
    /// Go on watching.
    GoOn,
    /// End at once, asking nothing.
    EndNow,
}

/// The person at the terminal, if there is one.
pub trait Person: Send + Sync {
    /// Resolves when they interrupt.
    fn interrupts(&self) -> BoxFuture<'_, ()>;
    /// Asks what they want.
    fn choose(&self) -> BoxFuture<'_, Choice>;
}

/// What a deploy works with.
pub struct Engine<'a> {
    /// The names.
    pub target: &'a DeployTarget,
    /// For further clients.
    pub config: &'a aws_config::SdkConfig,
    /// The service.
    pub ecs: &'a Ecs,
    /// Lock and history.
    pub history: &'a History,
    /// Told what goes on.
    pub report: &'a dyn Report,
    /// Who may interrupt.
    pub person: &'a dyn Person,
    /// Whether to go back if it fails.
    pub rolls_back: bool,
    /// How long it may take.
    pub timeout: Duration,
}

/// How a watch ended.
pub(super) enum Ended {
    Verdict(Box<Verdict>),
    RollBackWanted,
    Left,
    LockLost,
}

impl Ended {
    /// How many tasks run, if it is a success.
    fn success(&self) -> Option<i32> {
        match self {
            Self::Verdict(verdict) => match **verdict {
                Verdict::Succeeded { running } => Some(running),
                _ => None,
            },
            Self::RollBackWanted | Self::Left | Self::LockLost => None,
        }
    }
}

impl Engine<'_> {
    /// Tells the service to run a revision and sees it through. `before` is the service as it was.
    ///
    /// # Errors
    /// As AWS says: before it began, or while it goes on.
    pub async fn roll_out(
        &self,
        lock: &Lock,
        revision: &Revision,
        anew: bool,
        before: &Service,
    ) -> Result<Outcome, Lost> {
        let updated = self.update(lock, revision, anew).await;
        let ours = updated.map_err(|error| Lost::at_update(revision, error))?;
        let steady = before
            .primary()
            .filter(|one| one.is_complete() && one.task_definition != revision.arn())
            .map(|one| one.task_definition.clone());
        self.see_through(lock, revision, ours, steady)
            .await
            .map_err(Lost::from)
    }

    async fn update(
        &self,
        lock: &Lock,
        revision: &Revision,
        anew: bool,
    ) -> Result<Ours, StoreError> {
        let began = self.begin(Step::Update, revision.name());
        let ours = self.ecs.update(revision.arn(), anew).await?;
        let watched = Watched {
            deployment: ours.deployment.clone(),
            task_definition: ours.task_definition.clone(),
            created_at: ours.created_at,
        };
        if let Err(error) = lock.watching(&watched).await {
            self.report
                .note(format!("`--resume` will not know this deployment: {error}"));
        }
        self.done(Step::Update, ours.deployment.clone(), began);
        Ok(ours)
    }

    /// Watches a deployment to its end, verifies it, and goes back if it fails. `steady` is the revision that ran well
    /// before, for a service that has no history yet.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn see_through(
        &self,
        lock: &Lock,
        revision: &Revision,
        ours: Ours,
        steady: Option<String>,
    ) -> Result<Outcome, StoreError> {
        let rollout = Rollout::new(ours, &self.target.container, self.timeout);
        self.see(lock, revision, rollout, steady).await
    }

    /// Verifies a deployment that came up earlier and still is what runs. Nothing is gone back to if it does not serve.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn see_again(
        &self,
        lock: &Lock,
        revision: &Revision,
        ours: Ours,
    ) -> Result<Outcome, StoreError> {
        let rollout = Rollout::new(ours, &self.target.container, self.timeout).settled();
        self.see(lock, revision, rollout, None).await
    }

    async fn see(
        &self,
        lock: &Lock,
        revision: &Revision,
        rollout: Rollout,
        steady: Option<String>,
    ) -> Result<Outcome, StoreError> {
        let targets = self.targets();
        let logs = self.logs(revision);
        let deployment = rollout.ours().deployment.clone();
        let mut watch = Watch::new(
            self.ecs,
            targets.as_ref(),
            logs.as_ref(),
            self.report,
            rollout,
        );
        let began = self.begin(Step::Watch, deployment);
        let mut ended = self.watch(lock, &mut watch).await?;
        if let Some(running) = ended.success() {
            self.done(Step::Watch, format!("{running} running"), began);
            let release = revision
                .variable(&self.target.container, RELEASE)
                .unwrap_or_default()
                .to_owned();
            match self.verified(lock, &mut watch, &release).await? {
                Ok(verified) => {
                    self.remember(revision, &release).await;
                    return Ok(Outcome::Released {
                        revision: revision.name(),
                        release,
                        running,
                        verified,
                    });
                }
                Err(otherwise) => ended = otherwise,
            }
        }
        self.conclude(lock, &mut watch, ended, revision, steady)
            .await
    }

    /// What is left to do once it is known not to be a success.
    async fn conclude(
        &self,
        lock: &Lock,
        watch: &mut Watch<'_>,
        mut ended: Ended,
        revision: &Revision,
        steady: Option<String>,
    ) -> Result<Outcome, StoreError> {
        // Between the verdict and now ECS may have begun its own rollback, or somebody deployed.
        if let Ended::Verdict(verdict) = &ended
            && matches!(**verdict, Verdict::Failed(_))
            && self.rolls_back
            && self.is_replaced(watch.ours()).await
        {
            // That it can no longer be asked is met again on the way back, and told there with the failure.
            if let Ok(next) = self.watch(lock, watch).await
                && next.success().is_none()
            {
                ended = next;
            }
        }
        let failure = match ended {
            Ended::Verdict(verdict) => match *verdict {
                Verdict::Failed(failure) => failure,
                verdict => return Ok(Outcome::of(verdict, revision)),
            },
            Ended::RollBackWanted => Failure {
                cause: Cause::Unwanted,
                stops: 0,
                task: None,
                stop_code: String::new(),
                reason: String::new(),
            },
            Ended::Left => return Ok(Outcome::Left),
            Ended::LockLost => return Ok(Outcome::LockLost),
        };
        if !self.rolls_back {
            return Ok(Outcome::NotRolledBack {
                failure,
                why: "`--no-rollback` was given".to_owned(),
            });
        }
        let gone_back = self.go_back(lock, revision, failure.clone(), steady).await;
        Ok(gone_back.unwrap_or_else(|why| Outcome::NotRolledBack { failure, why }))
    }

    async fn is_replaced(&self, ours: &Ours) -> bool {
        let service = self.ecs.service().await.ok().flatten();
        let primary = service.as_ref().and_then(Service::primary);
        primary.is_some_and(|primary| primary.id != ours.deployment && primary.created_at.is_some())
    }

    /// Watches until there is a verdict, the person decides otherwise, or the lock is lost.
    pub(super) async fn watch(
        &self,
        lock: &Lock,
        watch: &mut Watch<'_>,
    ) -> Result<Ended, StoreError> {
        loop {
            tokio::select! {
                verdict = watch.verdict() => return Ok(Ended::Verdict(Box::new(verdict?))),
                () = lock.lost() => return Ok(Ended::LockLost),
                () = self.person.interrupts() => {}
            }
            self.report.report(Event::Interrupted);
            let choice = tokio::select! {
                choice = self.person.choose() => choice,
                () = self.person.interrupts() => Choice::EndNow,
            };
            match choice {
                Choice::RollBack => return Ok(Ended::RollBackWanted),
                Choice::Leave | Choice::EndNow => return Ok(Ended::Left),
                Choice::GoOn => {}
            }
        }
    }

    /// Whether the release answers from outside, or how else it ended meanwhile.
    async fn verified(
        &self,
        lock: &Lock,
        watch: &mut Watch<'_>,
        release: &str,
    ) -> Result<Result<String, Ended>, StoreError> {
        let Some(endpoint) = self
            .target
            .api_endpoint
            .as_deref()
            .filter(|_| !release.is_empty())
        else {
            let why = match release.is_empty() {
                true => "the revision names no release",
                false => "no address of the API is known",
            };
            return Ok(Ok(self.by_state(why)));
        };
        let began = self.begin(Step::Verify, endpoint.to_owned());
        let asked = verify(endpoint, release);
        tokio::pin!(asked);
        let mut pause = Duration::ZERO;
        loop {
            // It may still fall over while it is asked; that it has not is no news.
            let after = std::mem::replace(&mut pause, LOOKS);
            let watched = async {
                tokio::time::sleep(after).await;
                self.watch(lock, watch).await
            };
            let ended = tokio::select! {
                verified = &mut asked => match verified {
                    Verified::Yes => {
                        self.done(Step::Verify, endpoint.to_owned(), began);
                        return Ok(Ok(format!("{endpoint} answers as {release}")));
                    }
                    Verified::Unreachable(why) => {
                        return Ok(Ok(self.by_state(&format!(
                            "{endpoint} cannot be reached from here ({why})"
                        ))));
                    }
                    Verified::No(reason) => Ended::Verdict(Box::new(Verdict::Failed(Failure {
                        cause: Cause::NotVerified,
                        stops: 0,
                        task: None,
                        stop_code: String::new(),
                        reason,
                    }))),
                },
                ended = watched => ended?,
            };
            if ended.success().is_none() {
                return Ok(Err(ended));
            }
        }
    }

    fn by_state(&self, why: &str) -> String {
        let by = match self.target.target_group_arn {
            Some(_) => "the deployment's state and the targets' health",
            None => "the deployment's state",
        };
        self.report
            .note(format!("not asked from outside: {why}; {by} decided"));
        by.to_owned()
    }

    async fn remember(&self, revision: &Revision, release: &str) {
        let tag = |name: &str| revision.tags.get(name).cloned();
        let digest = release.rsplit_once('@').map_or("", |(_, digest)| digest);
        let good = Good {
            task_definition: revision.arn().to_owned(),
            release: release.to_owned(),
            digest: digest.to_owned(),
            image: revision.image(&self.target.container).map(str::to_owned),
            git_sha: tag(GIT_SHA),
            version: tag(VERSION),
            who: tag(DEPLOYED_BY).unwrap_or_default(),
            at: Timestamp::now(),
        };
        if let Err(error) = self.history.add(&good).await {
            self.report.note(format!(
                "the release is not in the history, and no rollback will go back to it: {error}"
            ));
        }
    }

    pub(super) fn targets(&self) -> Option<Targets> {
        let arn = self.target.target_group_arn.as_ref()?;
        Some(Targets::new(self.config, arn))
    }

    pub(super) fn logs(&self, revision: &Revision) -> Option<Logs> {
        let place = LogPlace::of(revision, &self.target.container)?;
        Some(Logs::new(self.config, place))
    }

    /// Tells that a step begins.
    pub fn begin(&self, step: Step, detail: String) -> Instant {
        self.report.report(Event::Started { step, detail });
        Instant::now()
    }

    /// Tells that it ended well.
    pub fn done(&self, step: Step, detail: String, began: Instant) {
        self.report.report(Event::Done {
            step,
            detail,
            took: began.elapsed(),
        });
    }
}
