//! `t3nets scale`: how many tasks the service has.

use serde::Serialize;
use t3nets_deploy::report::Reporter;
use t3nets_deploy::scaling::{ScaleOptions, scale};
use t3nets_deploy::session::ServiceSession;

use crate::commands::arguments::TimeoutFlag;
use crate::commands::deploy::service::ServiceConnection;
use crate::commands::deploy::{Console, Ending};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;

/// Arguments of `t3nets scale`.
#[derive(Debug, clap::Args)]
#[command(mut_arg("timeout", |flag| flag.default_value("5m")))]
pub(crate) struct ScaleArgs {
    /// The desired number of tasks; 0 stops the service
    #[arg(value_name = "N", value_parser = clap::value_parser!(i32).range(0..=1000))]
    count: i32,
    #[command(flatten)]
    timeout: TimeoutFlag,
}

/// The desired count before and after.
#[derive(Debug, Serialize)]
pub(crate) struct ScaleOutput {
    service: String,
    from: i32,
    to: i32,
}

/// Runs the command.
///
/// # Errors
/// Usage if autoscaling would undo it; not ready if the service is not ECS's own; not rolled back
/// if the new tasks cannot run; timed out if it takes too long.
pub(crate) async fn run(context: &Context, args: ScaleArgs) -> Result<ScaleOutput, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let options = ScaleOptions {
        count: args.count,
        timeout: args.timeout.limit,
    };
    options.check(&connection.target)?;
    context.show_environment().await?;
    let console = Console::new(&context.printer);
    // With --json the result alone is shown, and Ctrl-C ends the process.
    let reporter: &dyn Reporter = match context.printer.is_json() {
        true => &(),
        false => &console.display,
    };
    let session = ServiceSession::new(&connection.target, &connection.sdk, reporter, &());
    let scaled = scale(&session, &options).await;
    console.display.end(match &scaled {
        Ok(_) => Ending::Well,
        Err(_) => Ending::Failed,
    });
    let from = scaled.map_err(|error| console.told(error.into()))?;
    Ok(ScaleOutput {
        service: connection.target.service.clone(),
        from,
        to: args.count,
    })
}

impl Output for ScaleOutput {
    fn text(&self) -> String {
        format!("{}: {} → {} tasks", self.service, self.from, self.to)
    }
}
