//! `t3nets rollback`: back to an earlier release.

use t3nets_deploy::operations::{RollbackOptions, rollback};

use crate::commands::arguments::TimeoutFlag;
use crate::commands::deploy::service::ServiceConnection;
use crate::commands::deploy::{Console, ReleaseOutput};
use crate::context::Context;
use crate::error::CliError;

/// Where to go back to.
#[derive(Debug, clap::Args)]
pub(crate) struct RollbackArgs {
    /// The revision to roll back to, by number [default: the last verified one before the current]
    #[arg(long, value_name = "REV")]
    to: Option<String>,
    #[command(flatten)]
    timeout: TimeoutFlag,
}

/// Runs the command.
///
/// # Errors
/// If somebody else deploys, there is nothing to go back to, its image is gone, or it does not come
/// up.
pub(crate) async fn run(context: &Context, args: RollbackArgs) -> Result<ReleaseOutput, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let console = Console::new(&context.printer);
    let session = connection.session(&console);
    let options = RollbackOptions {
        to: args.to,
        timeout: args.timeout.limit,
    };
    let (lock, _) = connection.lock(context, &console).await?;
    let result = rollback(&session, &lock, &options).await;
    connection.finish(context, &console, lock, result).await
}
