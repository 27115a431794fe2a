//! `t3nets deploy`: brings an image to where the service runs, watches it come up, and rolls back
//! if it does not.
//!
//! Here: what can be chosen and the order of things. [`source`] is where the image comes from,
//! [`plan`] shows what would change, [`service`] is what is deployed to, with its lock. [`console`]
//! shows what goes on ([`display`], and [`trace`] to a collector) and may interrupt it
//! ([`interrupt`]); [`outcome`] and [`errors`] are what it ends with, of which [`on_done`] tells
//! others. The work is done in [`t3nets_deploy`].

mod console;
mod display;
pub(crate) mod errors;
mod image_errors;
mod interrupt;
mod on_done;
mod outcome;
mod plan;
pub(crate) mod running;
pub(crate) mod service;
mod source;
mod steps;
mod trace;

use opentelemetry::trace::FutureExt;
use secrecy::SecretString;
use serde::Serialize;
use t3nets_deploy::build::{BuildSecret, SshAgent};
use t3nets_deploy::error::NotStarted;
use t3nets_deploy::operations::{CurrentDefinitions, DeployOptions, deploy, resume};
use t3nets_deploy::task_definition::PlanError;

use crate::commands::arguments::TimeoutFlag;
use crate::commands::arguments::parse_pair;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use on_done::OnDone;
use plan::PlanOutput;
use service::ServiceConnection;
use source::ImageSource;
use trace::DeployTrace;

pub(crate) use console::Console;
pub(crate) use errors::remedies;
pub(crate) use outcome::{ReleaseOutput, tasks};
pub(crate) use steps::Ending;

/// What to deploy, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// Deploy an existing image, by tag or digest, instead of building one
    #[arg(long, value_name = "REF")]
    image: Option<String>,
    /// Set a build argument; may be repeated. Not for secrets (--secret): it stays in the image
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair, conflicts_with = "image")]
    build_arg: Vec<(String, String)>,
    /// The network mode of the build, such as `host`
    #[arg(long, value_name = "NETWORK", conflicts_with = "image")]
    build_network: Option<String>,
    /// Let steps of the build use a secret that the image does not keep, from a file, or with
    /// `env=NAME` from a variable; may be repeated
    #[arg(long, value_name = "id=ID,src=FILE", conflicts_with = "image")]
    secret: Vec<BuildSecret>,
    /// Let steps of the build sign in by SSH: `default` is the agent of this machine, `ID=SOCKET`
    /// another; may be repeated
    #[arg(long, value_name = "AGENT", conflicts_with = "image")]
    ssh: Vec<SshAgent>,
    /// Show what would change, field by field, without changing it
    #[arg(long)]
    plan: bool,
    /// With --plan: exit with code 8 if there are changes
    #[arg(long, requires = "plan")]
    exit_code: bool,
    /// Resume watching a deployment that is still running
    #[arg(long, conflicts_with_all = ["image", "plan", "build_arg", "build_network", "secret", "ssh"])]
    resume: bool,
    /// Do not roll back if the rollout fails
    #[arg(long, conflicts_with = "plan")]
    no_rollback: bool,
    /// Post how it ended to this address as JSON; https [default: T3NETS_ON_DONE, which other users
    /// of this machine do not see]
    #[arg(long, value_name = "URL")]
    on_done: Option<SecretString>,
    #[command(flatten)]
    timeout: TimeoutFlag,
}

/// A release, or what would change.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum DeployOutput {
    /// It was deployed.
    Release(ReleaseOutput),
    /// It would be.
    Plan(PlanOutput),
}

/// Runs the command.
///
/// # Errors
/// Not ready, denied or usage before anything is changed; rolled back, not rolled back, timed out
/// or interrupted after.
pub(crate) async fn run(context: &Context, args: DeployArgs) -> Result<DeployOutput, CliError> {
    let named = args.on_done.as_ref().or(context.settings.on_done.as_ref());
    let on_done = named.map(OnDone::new).transpose()?;
    let trace = (!args.plan).then(|| DeployTrace::begin(context)).flatten();
    let console = Console::traced(&context.printer, trace.as_ref().map(DeployTrace::steps));
    let deploying = deploy_or_plan(context, &console, args);
    let whole = trace.as_ref().map(DeployTrace::context);
    let result = deploying.with_context(whole.unwrap_or_default()).await;
    if let Some(trace) = trace {
        trace.end(context, result.as_ref().err()).await;
    }
    if let Some(on_done) = on_done {
        on_done.tell(context, &console, &result).await;
    }
    result
}

async fn deploy_or_plan(
    context: &Context,
    console: &Console,
    args: DeployArgs,
) -> Result<DeployOutput, CliError> {
    let connection = console
        .unless_interrupted(ServiceConnection::open(context))
        .await?;
    let session = connection.session(console);
    let options = DeployOptions {
        timeout: args.timeout.limit,
        rolls_back: !args.no_rollback,
    };
    if args.resume {
        let (lock, watched) = connection.lock(context, console).await?;
        let result = resume(&session, &lock, watched, &options).await;
        let output = connection.finish(context, console, lock, result).await;
        return output.map(DeployOutput::Release);
    }
    let source = ImageSource::of(&args)?;
    if args.plan {
        let plan = PlanOutput::of(&session, &source, args.exit_code);
        let plan = console.unless_interrupted(plan).await;
        return plan.map(DeployOutput::Plan);
    }
    let source = console.unless_interrupted(async {
        // Nothing is built for a service that cannot be deployed to.
        session.deployable().await?;
        source.ready().await
    });
    let source = source.await?;
    let (lock, _) = connection.lock(context, console).await?;
    let image = console.unless_interrupted(async {
        let current = CurrentDefinitions::read(&session).await?;
        // What keeps the image from being deployed is known before it is built.
        current
            .check(&session.target.container)
            .map_err(unplannable)?;
        source.image(&session, &current).await
    });
    let image = tokio::select! {
        image = image => image,
        () = lock.lost() => Err(CliError::failed(
            "the lock that keeps two deploys apart was lost; nothing was changed",
        )),
    };
    let image = match image {
        Ok(image) => image,
        Err(error) => {
            connection.abandon(console, lock).await;
            return Err(error);
        }
    };
    let result = deploy(&session, &lock, &image, context.who(), &options).await;
    let output = connection.finish(context, console, lock, result).await;
    output.map(DeployOutput::Release)
}

/// Why there can be no next revision.
fn unplannable(error: PlanError) -> CliError {
    NotStarted::Plan(error).into()
}

impl Output for DeployOutput {
    fn text(&self) -> String {
        match self {
            Self::Release(output) => output.text(),
            Self::Plan(output) => output.text(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Release(output) => output.hints(),
            Self::Plan(output) => output.hints(),
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Release(output) => output.exit_code(),
            Self::Plan(output) => output.exit_code(),
        }
    }

    fn is_streamed(&self) -> bool {
        match self {
            Self::Release(output) => output.is_streamed(),
            Self::Plan(output) => output.is_streamed(),
        }
    }
}
