//! `t3nets rollback`: back to an earlier release.

use crate::commands::deploy::target::Connected;
use crate::commands::deploy::{Work, left, unchanged};
use crate::context::Context;
use crate::error::CliError;
use t3nets_deploy::back::{Earlier, Found, nothing};
use t3nets_deploy::plan::{GIT_SHA, Revision};

/// Where to go back to.
#[derive(Debug, clap::Args)]
pub(crate) struct RollbackArgs {
    /// The revision to go back to, by its number; without it, the last verified one before the one that runs
    #[arg(long, value_name = "REV")]
    to: Option<String>,
    /// How many seconds it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// Runs the command and says with which code to end.
///
/// # Errors
/// If somebody else deploys, there is nothing to go back to, its image is gone, or it does not come up.
pub(crate) async fn run(context: &Context, args: RollbackArgs) -> Result<u8, CliError> {
    let connected = Connected::to(context).await?;
    let work = Work::new(context, &connected);
    let (lock, _) = work.lock().await?;
    let result = async {
        let before = work.service().await?;
        let running = work.running().await?;
        let revision = wanted(&work, &running, args.to.as_deref()).await?;
        work.engine(false, args.timeout)
            .roll_out(&lock, &revision, false, &before)
            .await
            .map_err(|error| left(error, work.target()))
    };
    let result = result.await;
    work.end(lock, result).await
}

async fn wanted(
    work: &Work<'_>,
    running: &Revision,
    to: Option<&str>,
) -> Result<Revision, CliError> {
    let engine = work.engine(false, 1);
    let mut images = engine.images();
    let found = match to {
        Some(to) => {
            let name = full_name(to, running.family());
            if name == running.arn() || name == running.name() {
                return Err(
                    CliError::usage(format!("`{}` is what runs", running.name()))
                        .hint("`t3nets restart` gives it new tasks"),
                );
            }
            match engine
                .earlier(&name, &mut images)
                .await
                .map_err(unchanged)?
            {
                Earlier::There(revision) => {
                    return engine.runnable(revision).await.map_err(unchanged);
                }
                Earlier::ImageGone(revision) => return Err(gone(&revision, work)),
                Earlier::Missing => {
                    CliError::failed(format!("there is no task definition `{name}`"))
                }
            }
        }
        None => {
            let verified = work.history.good(100).await.map_err(unchanged)?;
            images
                .look_up(verified.iter().map(|good| &*good.digest))
                .await;
            let names = before(
                running.arn(),
                verified.into_iter().map(|good| good.task_definition),
            );
            let found = engine.first_runnable(names, &mut images).await;
            match found.map_err(unchanged)? {
                Found::This(revision) => return Ok(revision),
                Found::None(gone) => {
                    CliError::failed(nothing(&gone)).hint("`--to REV` goes to any revision")
                }
            }
        }
    };
    Err(found.hint(format!(
        "`t3nets history -e {}` shows the verified releases",
        work.target().environment
    )))
}

/// What was verified before the one that runs: its own entry, and younger ones, are passed over.
fn before(running: &str, verified: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = verified.collect();
    if let Some(at) = names.iter().position(|name| name == running) {
        names.drain(..=at);
    }
    names.retain(|name| name != running);
    names
}

/// The image of the wanted revision was deleted.
fn gone(revision: &Revision, work: &Work<'_>) -> CliError {
    let environment = &work.target().environment;
    let image = revision.image(&work.target().container).unwrap_or_default();
    let error = CliError::failed(format!(
        "the image of `{}` is no longer in the registry; nothing was changed",
        revision.name()
    ))
    .hint(format!(
        "`t3nets history -e {environment}` shows the releases whose images are still there"
    ));
    let mut error = match revision.tags.get(GIT_SHA) {
        Some(commit) => error.hint(format!(
            "or build it again: check commit {commit} out, then `t3nets deploy -e {environment}`"
        )),
        None => error.hint(format!(
            "or build it again: `t3nets deploy -e {environment}` from its commit"
        )),
    };
    error.causes.push(format!(
        "ECR has no `{image}`: its lifecycle rule, or a person, deleted it"
    ));
    error
}

/// A number is one of the family's.
fn full_name(to: &str, family: &str) -> String {
    match to.parse::<u64>() {
        Ok(number) => format!("{family}:{number}"),
        Err(_) => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_verified_before_the_one_that_runs_is_earlier() {
        let verified = || {
            ["r:5", "r:3", "r:4", "r:3", "r:2"]
                .map(str::to_owned)
                .into_iter()
        };
        assert_eq!(before("r:3", verified()), ["r:4", "r:2"]);
        assert_eq!(before("r:9", verified()).len(), 5);
    }

    #[test]
    fn a_revision_may_be_given_by_its_number() {
        assert_eq!(full_name("7", "t3nets-dev-router"), "t3nets-dev-router:7");
        assert_eq!(full_name("other:7", "t3nets-dev-router"), "other:7");
    }
}
