//! `t3nets scale`: how many tasks the service is to have.

use std::time::Duration;

use serde::Serialize;

use crate::commands::deploy::target::Connected;
use crate::commands::deploy::{Work, unchanged};
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::printer::Output;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// How many.
#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArgs {
    /// How many tasks it is to have; 0 stops the service
    #[arg(value_name = "N", value_parser = clap::value_parser!(i32).range(0..=1000))]
    count: i32,
    /// How many seconds it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// How many there were and are.
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
    let connected = Connected::to(context).await?;
    let target = &connected.target;
    if let Some((least, most)) = target.autoscaling
        && !(least..=most).contains(&args.count)
    {
        return Err(CliError::usage(format!(
            "autoscaling keeps between {least} and {most} tasks, and would undo this"
        ))
        .hint("`desired_count` and `autoscaling_max_count` are its bounds"));
    }
    let work = Work::new(context, &connected);
    context.show_environment().await?;
    let from = work.service().await?.desired;
    work.ecs.scale(args.count).await.map_err(unchanged)?;
    let _progress = context
        .printer
        .progress(format!("scaling to {}", args.count));
    let reached = async {
        loop {
            // A single look that fails means nothing.
            let service = work.ecs.service().await.ok().flatten();
            if service.is_some_and(|one| {
                let running: i32 = one.deployments.iter().map(|one| one.running).sum();
                one.desired == args.count && running == args.count
            }) {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    let limit = Duration::from_secs(args.timeout);
    if tokio::time::timeout(limit, reached).await.is_err() {
        return Err(CliError::new(
            ErrorKind::TimedOut,
            format!("not {} tasks run after {} s", args.count, args.timeout),
        )
        .hint(format!(
            "`t3nets status -e {}` shows what keeps them",
            target.environment
        )));
    }
    Ok(ScaleOutput {
        service: target.service.clone(),
        from,
        to: args.count,
    })
}

impl Output for ScaleOutput {
    fn text(&self) -> String {
        format!("{}: {} → {} tasks", self.service, self.from, self.to)
    }
}
