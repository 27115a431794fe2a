//! `t3nets restart`: new tasks of the revision that runs, one after the other.

use t3nets_deploy::operations::{RestartOptions, restart};

use crate::commands::arguments::TimeoutFlag;
use crate::commands::deploy::service::ServiceConnection;
use crate::commands::deploy::{Console, ReleaseOutput};
use crate::context::Context;
use crate::error::CliError;

/// How to restart.
#[derive(Debug, clap::Args)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    timeout: TimeoutFlag,
}

/// Runs the command.
///
/// # Errors
/// If somebody else deploys, or the new tasks do not come up: the old ones then go on running.
pub(crate) async fn run(context: &Context, args: RestartArgs) -> Result<ReleaseOutput, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let console = Console::new(&context.printer);
    let session = connection.session(&console);
    let options = RestartOptions {
        timeout: args.timeout.limit,
    };
    let (lock, _) = connection.lock(context, &console).await?;
    let result = restart(&session, &lock, &options).await;
    connection.finish(context, &console, lock, result).await
}
