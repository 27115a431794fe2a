//! Going back to the last verified release.

use router::ports::StoreError;

use super::engine::{Ended, Engine, Outcome};
use super::history::Lock;
use super::plan::{Revision, copy};
use super::report::Step;
use super::rollout::{Failure, Rollout, Verdict, revision_name};
use super::watch::Watch;

/// How many verified releases are looked at for one to go back to.
const RELEASES: i32 = 20;

impl Engine<'_> {
    /// Goes back to the last verified release and waits for that.
    pub(super) async fn go_back(
        &self,
        lock: &Lock,
        failed: &Revision,
        failure: Failure,
        steady: Option<String>,
    ) -> Result<Outcome, StoreError> {
        let Some(revision) = self.last_good(failed, steady).await? else {
            return Ok(Outcome::NotRolledBack {
                failure,
                why: "no earlier release was verified, so there is nothing to go back to"
                    .to_owned(),
            });
        };
        let began = self.begin(Step::Rollback, revision.name());
        let (ours, _) = self.ecs.update(revision.arn(), false).await?;
        let targets = self.targets();
        let logs = self.logs(&revision);
        let rollout = Rollout::new(ours, &self.target.container, self.timeout);
        let mut watch = Watch::new(
            self.ecs,
            targets.as_ref(),
            logs.as_ref(),
            self.report,
            rollout,
        );
        let verdict = match self.watch(lock, &mut watch).await? {
            Ended::Verdict(verdict) => *verdict,
            Ended::LockLost => return Ok(Outcome::LockLost),
            Ended::RollBackWanted | Ended::Left => {
                let why = format!("going back to `{}` was left to itself", revision.name());
                return Ok(Outcome::NotRolledBack { failure, why });
            }
        };
        let why = match verdict {
            Verdict::Succeeded { .. } | Verdict::NothingRuns => {
                self.done(Step::Rollback, revision.name(), began);
                return Ok(Outcome::RolledBack {
                    failure,
                    to: Some(revision.name()),
                    by_ecs: false,
                });
            }
            Verdict::RolledBackByEcs { to, .. } => {
                return Ok(Outcome::RolledBack {
                    failure,
                    to,
                    by_ecs: true,
                });
            }
            Verdict::Superseded { revision, by } => {
                return Ok(Outcome::Superseded { revision, by });
            }
            Verdict::Failed(again) | Verdict::RollbackFailed(again) => {
                format!("`{}` fails too: {}", revision.name(), again.cause)
            }
            Verdict::TimedOut { .. } | Verdict::InProgress(_) | Verdict::RollingBack { .. } => {
                format!("going back to `{}` takes too long", revision.name())
            }
        };
        Ok(Outcome::NotRolledBack { failure, why })
    }

    /// The newest verified release that can still be run, other than the one that failed.
    async fn last_good(
        &self,
        failed: &Revision,
        steady: Option<String>,
    ) -> Result<Option<Revision>, StoreError> {
        let verified = self.history.good(RELEASES).await?;
        let verified = verified.into_iter().map(|good| good.task_definition);
        for arn in verified.chain(steady) {
            if arn == failed.arn() {
                continue;
            }
            if let Some(revision) = self.runnable(&arn).await? {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// A revision as a service can be told to run it: a deregistered one is registered again.
    ///
    /// # Errors
    /// As AWS says.
    pub(crate) async fn runnable(&self, name: &str) -> Result<Option<Revision>, StoreError> {
        let Some(revision) = self.ecs.revision(name).await? else {
            return Ok(None);
        };
        if revision.is_active() {
            return Ok(Some(revision));
        }
        self.report.note(format!(
            "`{}` was deregistered: it is registered again",
            revision_name(revision.arn())
        ));
        self.ecs.register_as_is(&copy(&revision)).await.map(Some)
    }
}
