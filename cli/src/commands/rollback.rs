//! `t3nets rollback`: back to an earlier release.

use crate::commands::deploy::target::Connected;
use crate::commands::deploy::{Work, left, unchanged};
use crate::context::Context;
use crate::deploy::plan::Revision;
use crate::error::CliError;

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
/// If somebody else deploys, there is nothing to go back to, or that does not come up.
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
    let names = match to {
        Some(to) => vec![full_name(to, running.family())],
        None => {
            let verified = work.history.good(100).await.map_err(unchanged)?;
            // What was verified before the one that runs: its own entry, and younger ones, are passed over.
            let mut names: Vec<String> = verified
                .into_iter()
                .map(|good| good.task_definition)
                .collect();
            if let Some(at) = names.iter().position(|name| name == running.arn()) {
                names.drain(..=at);
            }
            names.retain(|name| name != running.arn());
            names
        }
    };
    for name in &names {
        if name == running.arn() || *name == running.name() {
            return Err(
                CliError::usage(format!("`{}` is what runs", running.name()))
                    .hint("`t3nets restart` gives it new tasks"),
            );
        }
        if let Some(revision) = engine.runnable(name).await.map_err(unchanged)? {
            return Ok(revision);
        }
    }
    let missing = match to {
        Some(_) => CliError::failed(format!("there is no task definition `{}`", names.concat())),
        None => {
            CliError::failed("no earlier release was verified, so there is nothing to go back to")
                .hint("`--to REV` goes to any revision")
        }
    };
    Err(missing.hint(format!(
        "`t3nets history -e {}` shows the verified releases",
        work.target().environment
    )))
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
    fn a_revision_may_be_given_by_its_number() {
        assert_eq!(full_name("7", "t3nets-dev-router"), "t3nets-dev-router:7");
        assert_eq!(full_name("other:7", "t3nets-dev-router"), "other:7");
    }
}
