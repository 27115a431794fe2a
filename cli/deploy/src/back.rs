//! Going back to the last verified release.

use t3nets_router::ports::StoreError;

use super::ecs;
use super::engine::{Ended, Engine};
use super::history::Lock;
use super::outcome::{Lost, Outcome};
use super::plan::{Revision, copy};
use super::registry::RepositoryImages;
use super::report::Step;
use super::rollout::{Failure, Rollout, Verdict, revision_name};
use super::watch::Watch;

/// How many verified releases are looked at for one to go back to.
const RELEASES: i32 = 20;

/// An earlier revision, as far as it can be run again.
pub enum Earlier {
    /// There is none of that name.
    Missing,
    /// The registry deleted its image.
    ImageGone(Revision),
    /// Nothing speaks against it.
    There(Revision),
}

/// What came of looking for one to go back to.
pub enum Found {
    /// The first one that can be run.
    This(Revision),
    /// None can be; of these the image is gone.
    None(Vec<String>),
}

impl Engine<'_> {
    /// Goes back to the last verified release and waits for that.
    ///
    /// # Errors
    /// Why it is not gone back, in words for people: it never hides why the rollout failed.
    pub(super) async fn go_back(
        &self,
        lock: &Lock,
        failed: &Revision,
        failure: Failure,
        steady: Option<String>,
    ) -> Result<Outcome, String> {
        let found = self.last_good(failed, steady).await;
        let found = found.map_err(|error| {
            format!(
                "what to go back to cannot be found out: {}",
                ecs::said(&error)
            )
        })?;
        let revision = match found {
            Found::This(revision) => revision,
            Found::None(gone) => return Err(nothing(&gone)),
        };
        let name = revision.name();
        let began = self.begin(Step::Rollback, name.clone());
        let updated = self.ecs.update(revision.arn(), false).await;
        let ours = updated.map_err(|error| {
            let why = ecs::said(&error);
            format!("{}: {why}", Lost::at_update(&revision, error).headline())
        })?;
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
        let ended = self.watch(lock, &mut watch).await;
        let ended = ended.map_err(|error| {
            format!(
                "going back to `{name}` goes on, and cannot be watched: {}",
                ecs::said(&error)
            )
        })?;
        let verdict = match ended {
            Ended::Verdict(verdict) => *verdict,
            Ended::LockLost => return Ok(Outcome::LockLost),
            Ended::RollBackWanted | Ended::Left => {
                return Err(format!("going back to `{name}` was left to itself"));
            }
        };
        match verdict {
            Verdict::Succeeded { .. } | Verdict::NothingRuns => {
                self.done(Step::Rollback, name.clone(), began);
                Ok(Outcome::RolledBack {
                    failure,
                    to: Some(name),
                    by_ecs: false,
                })
            }
            Verdict::RolledBackByEcs { to, .. } => Ok(Outcome::RolledBack {
                failure,
                to,
                by_ecs: true,
            }),
            Verdict::Superseded { revision, by } => Ok(Outcome::Superseded { revision, by }),
            Verdict::Failed(again) | Verdict::RollbackFailed(again) => {
                Err(format!("`{name}` fails too: {}", again.cause))
            }
            Verdict::TimedOut { .. } | Verdict::InProgress(_) | Verdict::RollingBack { .. } => {
                Err(format!("going back to `{name}` takes too long"))
            }
        }
    }

    /// The newest verified release that can still be run, other than the one that failed.
    async fn last_good(
        &self,
        failed: &Revision,
        steady: Option<String>,
    ) -> Result<Found, StoreError> {
        let verified = self.history.good(RELEASES).await?;
        let mut images = self.images();
        images
            .look_up(verified.iter().map(|good| &*good.digest))
            .await;
        let verified = verified.into_iter().map(|good| good.task_definition);
        let names = verified.chain(steady).filter(|arn| arn != failed.arn());
        self.first_runnable(names, &mut images).await
    }

    /// Which images the registry still has. Asks nothing yet.
    pub fn images(&self) -> RepositoryImages {
        RepositoryImages::of(self.config, &self.target.repository)
    }

    /// The first of these revisions that can be run. Those whose image is gone are passed over, and named.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn first_runnable(
        &self,
        names: impl IntoIterator<Item = String>,
        images: &mut RepositoryImages,
    ) -> Result<Found, StoreError> {
        let mut gone = Vec::new();
        for name in names {
            match self.earlier(&name, images).await? {
                Earlier::Missing => {}
                // The same one may have been verified more than once.
                Earlier::ImageGone(revision) if gone.contains(&revision.name()) => {}
                Earlier::ImageGone(revision) => {
                    self.report.note(format!(
                        "`{}` is passed over: its image is no longer in the registry",
                        revision.name()
                    ));
                    gone.push(revision.name());
                }
                Earlier::There(revision) => return self.runnable(revision).await.map(Found::This),
            }
        }
        Ok(Found::None(gone))
    }

    /// An earlier revision, and whether its image is still there. Where that cannot be told it counts as there: what failed
    /// would otherwise go on running.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn earlier(
        &self,
        name: &str,
        images: &mut RepositoryImages,
    ) -> Result<Earlier, StoreError> {
        let Some(revision) = self.ecs.revision(name).await? else {
            return Ok(Earlier::Missing);
        };
        let image = revision.image(&self.target.container).unwrap_or_default();
        match images.check(image).await {
            Some(false) => return Ok(Earlier::ImageGone(revision)),
            Some(true) => {}
            None => self.report.note(format!(
                "whether the image of `{}` is still in the registry is not known: {}",
                revision.name(),
                images.error().map_or_else(
                    || "it is not of this repository, or named without a digest".to_owned(),
                    ToString::to_string
                ),
            )),
        }
        Ok(Earlier::There(revision))
    }

    /// A revision as a service can be told to run it: a deregistered one is registered again.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn runnable(&self, revision: Revision) -> Result<Revision, StoreError> {
        if revision.is_active() {
            return Ok(revision);
        }
        self.report.note(format!(
            "`{}` was deregistered: it is registered again",
            revision_name(revision.arn())
        ));
        self.ecs.register_as_is(&copy(&revision)).await
    }
}

/// Why there is nothing to go back to.
pub fn nothing(gone: &[String]) -> String {
    let named: Vec<String> = gone.iter().map(|name| format!("`{name}`")).collect();
    match &named[..] {
        [] => "no earlier release was verified, so there is nothing to go back to".to_owned(),
        [one] => format!(
            "the image of {one}, the only earlier release that was verified, is no longer in the registry"
        ),
        more => format!(
            "the images of all earlier releases that were verified are no longer in the registry: {}",
            more.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_nothing_to_go_back_to_names_the_releases_whose_images_are_gone() {
        let gone = ["router:3".to_owned(), "router:2".to_owned()];
        assert!(nothing(&[]).contains("no earlier release was verified"));
        assert!(nothing(&gone[..1]).contains("the image of `router:3`"));
        assert!(nothing(&gone).ends_with("`router:3`, `router:2`"));
    }
}
