//! `t3nets restart`: new tasks of the revision that runs, one after the other.

use crate::commands::deploy::target::Connected;
use crate::commands::deploy::{Work, left};
use crate::context::Context;
use crate::error::CliError;

/// How to restart.
#[derive(Debug, clap::Args)]
pub(crate) struct RestartArgs {
    /// How many seconds it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// Runs the command and says with which code to end.
///
/// # Errors
/// If somebody else deploys, or the new tasks do not come up: the old ones then go on running.
pub(crate) async fn run(context: &Context, args: RestartArgs) -> Result<u8, CliError> {
    let connected = Connected::to(context).await?;
    let work = Work::new(context, &connected);
    let (lock, _) = work.lock().await?;
    let result = async {
        let before = work.service().await?;
        let running = work.running().await?;
        // There is nothing to go back to: it is the same revision.
        work.engine(false, args.timeout)
            .roll_out(&lock, &running, true, &before)
            .await
            .map_err(|error| left(error, work.target()))
    };
    let result = result.await;
    work.end(lock, result).await
}
