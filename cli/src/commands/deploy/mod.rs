//! `t3nets deploy`: brings an image to where the service runs, watches it come up, and goes back if it does not.
//!
//! Here: what can be chosen and the order of things. [`source`] is where the image comes from, [`display`] shows what goes
//! on, [`person`] is who may interrupt it, [`outcome`] what it ends with. The work is done in [`t3nets_deploy`].

mod display;
mod image_errors;
mod outcome;
mod person;
mod source;
pub(crate) mod target;
mod work;

use serde::Serialize;

use crate::admin::parse_pair;
use crate::context::Context;
use crate::error::{CliError, ErrorKind, exit_code};
use crate::printer::Output;
use source::{Source, to_be_built};
use t3nets_deploy::history::{Lock, Watched};
use t3nets_deploy::image_ref::Architecture;
use t3nets_deploy::outcome::Outcome;
use t3nets_deploy::plan::{Change, Desired, Plan, PlanError, Revision, architecture, base, plan};
use t3nets_deploy::report::{Report, Step};
use t3nets_deploy::rollout::Ours;
use target::Connected;

pub(crate) use outcome::tasks;
pub(crate) use work::{Work, left, unchanged};

/// What to deploy, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// Deploy an image that is in the registry already, by its tag or digest, and build nothing
    #[arg(long, value_name = "REF")]
    image: Option<String>,
    /// Give the Dockerfile an argument, as often as needed; not for secrets, which would stay in the image
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair, conflicts_with = "image")]
    build_arg: Vec<(String, String)>,
    /// The network that the build's commands use, if not Docker's usual one: `host`
    #[arg(long, value_name = "NETWORK", conflicts_with = "image")]
    build_network: Option<String>,
    /// Show what would change, field by field, and change nothing
    #[arg(long)]
    plan: bool,
    /// With --plan: end with code 8 when something would change
    #[arg(long, requires = "plan")]
    exit_code: bool,
    /// Go on watching the deployment that was left running
    #[arg(long, conflicts_with_all = ["image", "plan", "build_arg", "build_network"])]
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
    let source = Source::of(&args)?;
    if args.plan {
        return foresee(context, &work, &source, args.exit_code).await;
    }
    let docker = source.docker().await?;
    let (lock, _) = work.lock().await?;
    let prepared = async {
        let known = Known::read(&work).await?;
        source.image(context, &work, docker.as_ref(), &known).await
    };
    let desired = tokio::select! {
        desired = prepared => desired,
        () = work.interrupted() => Err(CliError::new(
            ErrorKind::Interrupted,
            "interrupted; nothing was changed",
        )),
        () = lock.lost() => Err(CliError::failed(
            "the lock that keeps two deploys apart was lost; nothing was changed",
        )),
    };
    let result = match desired {
        Ok(desired) => deploy(&work, &lock, &desired, &args).await,
        Err(error) => Err(error),
    };
    work.end(lock, result).await
}

/// The revisions that the next one is worked out from.
struct Known {
    running: Revision,
    template: Option<Revision>,
}

impl Known {
    /// As they are now.
    async fn read(work: &Work<'_>) -> Result<Self, CliError> {
        let running = work.running().await?;
        let arn = work.target().template_arn.as_deref();
        let template = work.ecs.template(arn, &running).await;
        Ok(Self {
            running,
            template: template.map_err(unchanged)?,
        })
    }

    /// What the image has to be built for.
    fn architecture(&self) -> Result<Architecture, CliError> {
        let base = base(&self.running, self.template.as_ref());
        Architecture::from_ecs(base.architecture()).ok_or_else(|| {
            CliError::failed(format!(
                "task definition `{}` runs on `{}`, for which no image can be built",
                base.name(),
                base.architecture()
            ))
        })
    }

    /// What would be different.
    fn plan(&self, work: &Work<'_>, desired: &Desired) -> Result<Plan, CliError> {
        plan(
            &self.running,
            self.template.as_ref(),
            &work.target().container,
            desired,
        )
        .map_err(|error| unplannable(&error))
    }
}

/// Shows what would change.
async fn foresee(
    context: &Context,
    work: &Work<'_>,
    source: &Source,
    fails_on_changes: bool,
) -> Result<u8, CliError> {
    let known = Known::read(work).await?;
    let desired = source.foreseen(context, work, &known).await?;
    let mut plan = known.plan(work, &desired)?;
    for change in &mut plan.changes {
        let image = change.to.as_ref().and_then(|value| value.as_str());
        if let Some(shown) = image.and_then(to_be_built) {
            change.to = Some(shown.into());
        }
    }
    let builds = match source {
        Source::Tree { root, .. } if to_be_built(&desired.image).is_some() => Some(ToBuild {
            folder: root.display().to_string(),
            architecture: known.architecture()?.to_string(),
        }),
        Source::Tree { .. } | Source::Pushed(_) => None,
    };
    context.printer.print(&PlanOutput {
        changes: plan.changes,
        base: plan.base,
        running: plan.running,
        builds,
        fails_on_changes,
    })
}

async fn deploy(
    work: &Work<'_>,
    lock: &Lock,
    desired: &Desired,
    args: &DeployArgs,
) -> Result<Outcome, CliError> {
    // Read anew: a build takes long enough for Terraform to register another template.
    let known = Known::read(work).await?;
    let plan = known.plan(work, desired)?;
    let running = known.running;
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
            .see_again(lock, &running, primary.as_ours())
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
    #[serde(skip_serializing_if = "Option::is_none")]
    builds: Option<ToBuild>,
    changes: Vec<Change>,
    #[serde(skip)]
    fails_on_changes: bool,
}

/// What a deploy would build.
#[derive(Debug, Serialize)]
struct ToBuild {
    folder: String,
    architecture: String,
}

impl Output for PlanOutput {
    fn text(&self) -> String {
        let mut lines = vec![format!("{} runs", self.running)];
        if self.base != self.running {
            lines.push(format!("{} is the newer template", self.base));
        }
        if let Some(ToBuild {
            folder,
            architecture,
        }) = &self.builds
        {
            lines.push(format!(
                "an image for {architecture} would be built from `{folder}`"
            ));
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
