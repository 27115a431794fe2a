//! `t3nets deploy`: brings an image to where the service runs, watches it come up, and goes back if it does not.
//!
//! Here: what can be chosen and the order of things. [`display`] shows what goes on, [`person`] is who may interrupt it,
//! [`outcome`] what it ends with. The work is done in [`crate::deploy`].

mod display;
mod outcome;
mod person;
pub(crate) mod target;
mod work;

use serde::Serialize;

use crate::context::Context;
use crate::deploy::engine::Outcome;
use crate::deploy::history::{Lock, Watched};
use crate::deploy::plan::{Change, Desired, Plan, PlanError, Revision, architecture, plan};
use crate::deploy::report::{Report, Step};
use crate::deploy::rollout::Ours;
use crate::deploy::target::DeployTarget;
use crate::error::{CliError, exit_code};
use crate::printer::Output;
use target::Connected;

pub(crate) use work::{Work, left, unchanged};

/// What to deploy, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// Deploy an image that is in the registry already, by its digest: REPOSITORY@sha256:… or sha256:…
    #[arg(long, value_name = "REF")]
    image: Option<String>,
    /// Show what would change, field by field, and change nothing
    #[arg(long)]
    plan: bool,
    /// With --plan: end with code 8 when something would change
    #[arg(long, requires = "plan")]
    exit_code: bool,
    /// Go on watching the deployment that was left running
    #[arg(long, conflicts_with_all = ["image", "plan"])]
    resume: bool,
    /// Leave a failed rollout as it is
    #[arg(long)]
    no_rollback: bool,
    /// How many seconds it may take from the update to the verdict
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// Runs the command and says with which code to end.
///
/// # Errors
/// Not ready, denied or usage before anything is changed; rolled back, not rolled back, timed out or interrupted after.
pub(crate) async fn run(context: &Context, args: DeployArgs) -> Result<u8, CliError> {
    let connected = Connected::to(context).await?;
    let work = Work::new(context, &connected);
    if args.resume {
        let (lock, watched) = work.lock().await?;
        let result = resume(&work, &lock, watched, &args).await;
        return work.end(lock, result).await;
    }
    let image = args.image.as_deref().ok_or_else(|| {
        CliError::not_ready("building an image is not part of this version")
            .hint("`--image REPOSITORY@sha256:…` deploys one that is in the registry")
    })?;
    let desired = Desired {
        image: pinned(image, &connected.target),
        architecture: None,
        git_sha: None,
        version: None,
        who: context.settings.user.clone(),
    };
    if args.plan {
        let (plan, _) = planned(&work, &desired).await?;
        return context.printer.print(&PlanOutput {
            changes: plan.changes,
            base: plan.base,
            running: plan.running,
            fails_on_changes: args.exit_code,
        });
    }
    let (lock, _) = work.lock().await?;
    let result = deploy(&work, &lock, &desired, &args).await;
    work.end(lock, result).await
}

/// `sha256:…` is an image of the environment's own repository.
fn pinned(image: &str, target: &DeployTarget) -> String {
    if image.starts_with("sha256:") {
        format!("{}@{image}", target.repository)
    } else {
        image.to_owned()
    }
}

/// What would be different, and the revision that runs.
async fn planned(work: &Work<'_>, desired: &Desired) -> Result<(Plan, Revision), CliError> {
    let running = work.running().await?;
    let template = match &work.target().template_arn {
        Some(arn) => work.ecs.revision(arn).await,
        None => work.ecs.younger_template(&running).await,
    };
    let template = template.map_err(unchanged)?.filter(Revision::is_active);
    plan(
        &running,
        template.as_ref(),
        &work.target().container,
        desired,
    )
    .map(|plan| (plan, running))
    .map_err(|error| unplannable(&error))
}

async fn deploy(
    work: &Work<'_>,
    lock: &Lock,
    desired: &Desired,
    args: &DeployArgs,
) -> Result<Outcome, CliError> {
    let (plan, running) = planned(work, desired).await?;
    let before = work.service().await?;
    if plan.changes.is_empty()
        && let Some(primary) = before.primary()
        && primary.is_complete()
        && primary.task_definition == running.arn()
    {
        work.display.note(format!(
            "nothing would change: `{}` runs already",
            running.name()
        ));
        let engine = work.engine(false, args.timeout);
        return engine
            .see_through(lock, &running, primary.as_ours(), None)
            .await
            .map_err(|error| left(error, work.target()));
    }
    for change in &plan.changes {
        work.display.note(change.to_string());
    }
    let engine = work.engine(!args.no_rollback, args.timeout);
    let began = engine.begin(Step::Register, plan.family().to_owned());
    let revision = work.ecs.register(&plan).await.map_err(unchanged)?;
    engine.done(Step::Register, revision.name(), began);
    engine
        .roll_out(lock, &revision, false, &before)
        .await
        .map_err(|error| left(error, work.target()))
}

async fn resume(
    work: &Work<'_>,
    lock: &Lock,
    watched: Option<Watched>,
    args: &DeployArgs,
) -> Result<Outcome, CliError> {
    let ours = match watched {
        Some(watched) => Ours {
            deployment: watched.deployment,
            task_definition: watched.task_definition,
            created_at: watched.created_at,
        },
        None => {
            let service = work.service().await?;
            let primary = service.primary().ok_or_else(|| {
                CliError::failed("the service has no deployment that could be watched")
            })?;
            work.display.note(
                "nothing is remembered as left running: the service's own deployment is watched"
                    .to_owned(),
            );
            primary.as_ours()
        }
    };
    let revision = work.revision(&ours.task_definition).await?;
    work.engine(!args.no_rollback, args.timeout)
        .see_through(lock, &revision, ours, None)
        .await
        .map_err(|error| left(error, work.target()))
}

fn unplannable(error: &PlanError) -> CliError {
    let described = CliError::failed(format!("nothing was changed: {error}"));
    match error {
        PlanError::NotPinned(_) => described.hint("it ends with `@sha256:` and 64 digits"),
        PlanError::WrongArchitecture { wanted, .. } => described.hint(format!(
            "build it for {}, or set `cpu_architecture` and apply",
            if architecture(wanted) == Some("ARM64") {
                "linux/arm64"
            } else {
                "linux/amd64"
            }
        )),
        PlanError::NoContainer { .. } => described,
    }
}

/// What a deploy would change.
#[derive(Debug, Serialize)]
struct PlanOutput {
    running: String,
    base: String,
    changes: Vec<Change>,
    #[serde(skip)]
    fails_on_changes: bool,
}

impl Output for PlanOutput {
    fn text(&self) -> String {
        let mut lines = vec![format!("{} runs", self.running)];
        if self.base != self.running {
            lines.push(format!("{} is the newer template", self.base));
        }
        if self.changes.is_empty() {
            lines.push("nothing would change".to_owned());
        }
        lines.extend(self.changes.iter().map(ToString::to_string));
        lines.join("\n")
    }

    fn exit_code(&self) -> u8 {
        match self.fails_on_changes && !self.changes.is_empty() {
            true => exit_code::CHANGES_PENDING,
            false => exit_code::DONE,
        }
    }
}
