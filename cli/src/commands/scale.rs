//! `t3nets scale`: how many tasks the service has.

use serde::Serialize;
use t3nets_deploy::operations::{ScaleOptions, scale};

use crate::commands::arguments::TimeoutFlag;
use crate::commands::deploy::service::ServiceConnection;
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
/// Usage if autoscaling would undo it; timed out if it takes too long.
pub(crate) async fn run(context: &Context, args: ScaleArgs) -> Result<ScaleOutput, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let options = ScaleOptions {
        count: args.count,
        timeout: args.timeout.limit,
    };
    options.check(&connection.target)?;
    context.show_environment().await?;
    let _progress = context
        .printer
        .progress(format!("scaling to {}", args.count));
    let from = scale(&connection.quiet_session(), &options).await?;
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
