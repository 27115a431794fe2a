//! What can be done to a service: deploy, resume, restart, roll back, scale. Each is one function
//! with its options; what is asked of the person, and how all of it is shown, is the caller's.

use std::time::Duration;

use t3nets_router::aws::DeployLock;

use crate::ecs::UpdateMode;
use crate::error::{NotStarted, RolloutError};
use crate::image_ref::Architecture;
use crate::release::{OnFailure, Release, ReleaseRun, Stay, steady};
use crate::report::Step;
use crate::rollback::{Earlier, earlier, first_runnable, made_active, verified_revisions};
use crate::rollout::{Deployment, OwnDeployment, Service};
use crate::session::ServiceSession;
use crate::task_definition::{
    DesiredImage, GIT_SHA, PlanError, PlannedImage, Preview, RevisionArn, TaskDefinition, base,
    check_base, plan, preview, unmet,
};

/// The service, and the revisions that the next one is worked out from.
#[derive(Debug, Clone)]
pub struct CurrentDefinitions {
    /// The service.
    pub service: Service,
    /// The one that the service is told to run.
    pub running: TaskDefinition,
    /// The one that Terraform registered last, if it is active.
    pub template: Option<TaskDefinition>,
}

impl CurrentDefinitions {
    /// As they are now.
    ///
    /// # Errors
    /// If there is no service, or nothing can be deployed to it; as AWS says.
    pub async fn read(session: &ServiceSession<'_>) -> Result<Self, NotStarted> {
        let service = session.deployable().await?;
        let running = session.told(&service).await?;
        let arn = session.target.template_arn.as_deref();
        let template = session.ecs.template(arn, &running).await?;
        Ok(Self {
            service,
            running,
            template,
        })
    }

    /// What the next revision would not give the router's image that it needs.
    pub fn unmet(&self, container: &str) -> Vec<String> {
        unmet(base(&self.running, self.template.as_ref()), container)
    }

    /// Whether there can be a next revision, whatever its image will be.
    ///
    /// # Errors
    /// If there cannot.
    pub fn check(&self, container: &str) -> Result<(), PlanError> {
        check_base(base(&self.running, self.template.as_ref()), container)
    }

    /// What the image has to be built for.
    ///
    /// # Errors
    /// If no image can be built for it.
    pub fn architecture(&self) -> Result<Architecture, PlanError> {
        base(&self.running, self.template.as_ref()).architecture()
    }

    /// What a deploy of this image would change.
    ///
    /// # Errors
    /// If the image cannot run there.
    pub fn preview(&self, container: &str, image: &PlannedImage) -> Result<Preview, PlanError> {
        preview(&self.running, self.template.as_ref(), container, image)
    }
}

/// How to deploy, or to go on with a deploy.
#[derive(Debug, Clone, Copy)]
pub struct DeployOptions {
    /// How long it may take from the update to the verdict.
    pub timeout: Duration,
    /// Whether a rollout that fails is rolled back.
    pub rolls_back: bool,
}

impl DeployOptions {
    fn on_failure(&self, steady: Option<RevisionArn>) -> OnFailure {
        match self.rolls_back {
            true => OnFailure::RollBack { steady },
            false => OnFailure::Stay(Stay::SwitchedOff),
        }
    }
}

/// Deploys an image that the registry has. `who` does so.
///
/// # Errors
/// Before anything was changed; or what became of the rollout.
pub async fn deploy(
    session: &ServiceSession<'_>,
    lock: &DeployLock,
    desired: &DesiredImage,
    who: &str,
    options: &DeployOptions,
) -> Result<Release, RolloutError> {
    // Read again: a build takes long enough for Terraform to register another template.
    let current = CurrentDefinitions::read(session).await?;
    let running = &current.running;
    let container = &session.target.container;
    let plan = plan(running, current.template.as_ref(), container, desired, who);
    let plan = plan.map_err(NotStarted::Plan)?;
    let before = &current.service;
    let primary = before.primary();
    if plan.preview.changes.is_empty()
        && let Some(primary) = primary
        && primary.is_complete()
        && primary.task_definition == running.arn()
    {
        session.reporter.note(&format!(
            "nothing would change: `{}` runs already",
            running.name()
        ));
        let run = ReleaseRun {
            session,
            lock,
            definition: running,
            timeout: options.timeout,
            on_failure: OnFailure::Stay(Stay::SameRevision),
        };
        return Ok(run.verify_again(primary.to_watch()).await?);
    }
    for change in &plan.preview.changes {
        session.reporter.change(change);
    }
    let step = session.reporter.begin(Step::Register, plan.family());
    let (registered, ()) = tokio::join!(
        session.ecs.register(&plan),
        keep_what_runs(session, before, running),
    );
    let registered = registered.map_err(NotStarted::from)?;
    step.done(&registered.name());
    let run = ReleaseRun {
        session,
        lock,
        definition: &registered,
        timeout: options.timeout,
        on_failure: options.on_failure(steady(before, &registered)),
    };
    Ok(run.update_and_follow(UpdateMode::IfChanged).await?)
}

/// What runs without ever having been verified: deploys that fail would push its image out of the
/// repository, and its next task could not start.
async fn keep_what_runs(session: &ServiceSession<'_>, service: &Service, running: &TaskDefinition) {
    let runs =
        |primary: &Deployment| primary.is_complete() && primary.task_definition == running.arn();
    if service.primary().is_some_and(runs) {
        session.keep_image(running).await;
    }
}

/// Goes on watching a deployment: the one that was remembered, or else the service's newest.
///
/// # Errors
/// If there is none; or what became of the rollout.
pub async fn resume(
    session: &ServiceSession<'_>,
    lock: &DeployLock,
    watched: Option<OwnDeployment>,
    options: &DeployOptions,
) -> Result<Release, RolloutError> {
    let deployment = match watched {
        Some(watched) => watched,
        None => {
            let service = session.scalable().await?;
            let primary = service.primary().ok_or(NotStarted::NoDeployment)?;
            session.reporter.note(
                "nothing is remembered as left running: the service's own deployment is watched",
            );
            primary.to_watch()
        }
    };
    let arn = deployment.task_definition.as_str();
    let definition = session.task_definition(arn).await?;
    let run = ReleaseRun {
        session,
        lock,
        definition: &definition,
        timeout: options.timeout,
        on_failure: options.on_failure(None),
    };
    Ok(run.follow(deployment).await?)
}

/// How to restart.
#[derive(Debug, Clone, Copy)]
pub struct RestartOptions {
    /// How long it may take.
    pub timeout: Duration,
}

/// Starts new tasks of the revision that runs, in place of the old ones.
///
/// # Errors
/// Before anything was changed; or what became of the rollout.
pub async fn restart(
    session: &ServiceSession<'_>,
    lock: &DeployLock,
    options: &RestartOptions,
) -> Result<Release, RolloutError> {
    let service = session.deployable().await?;
    let running = session.told(&service).await?;
    let (target, template) = (session.target, session.target.template_arn.as_deref());
    let stay = match running.is_placeholder(&target.container, template) {
        true => Stay::NothingDeployed,
        false => Stay::SameRevision,
    };
    // What runs may have been deregistered since: no service can be told to run it again.
    let running = made_active(session, running)
        .await
        .map_err(NotStarted::Aws)?;
    let run = ReleaseRun {
        session,
        lock,
        definition: &running,
        timeout: options.timeout,
        on_failure: OnFailure::Stay(stay),
    };
    Ok(run
        .update_and_follow(UpdateMode::ForceNewDeployment)
        .await?)
}

/// How to roll back.
#[derive(Debug, Clone)]
pub struct RollbackOptions {
    /// The revision to go back to: its number, `family:number` or ARN. Without it, the last
    /// verified one before the one that runs.
    pub to: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Goes back to an earlier release.
///
/// # Errors
/// If there is none that can be run; or what became of the rollout.
pub async fn rollback(
    session: &ServiceSession<'_>,
    lock: &DeployLock,
    options: &RollbackOptions,
) -> Result<Release, RolloutError> {
    let service = session.deployable().await?;
    let running = session.told(&service).await?;
    let definition = match &options.to {
        Some(to) => named(session, &running, to).await?,
        None => last_before(session, &running).await?,
    };
    let run = ReleaseRun {
        session,
        lock,
        definition: &definition,
        timeout: options.timeout,
        on_failure: OnFailure::Stay(Stay::WasRollback),
    };
    Ok(run.update_and_follow(UpdateMode::IfChanged).await?)
}

/// The revision that was asked for, if it can be run.
async fn named(
    session: &ServiceSession<'_>,
    running: &TaskDefinition,
    to: &str,
) -> Result<TaskDefinition, NotStarted> {
    let name = full_name(to, running.family())?;
    if name == running.name() {
        return Err(NotStarted::AlreadyRuns(name));
    }
    match earlier(session, &name, &mut session.images()).await? {
        Earlier::Runnable(definition) => Ok(made_active(session, definition).await?),
        Earlier::ImageGone(definition) => Err(NotStarted::ImageGone {
            revision: definition.name(),
            image: definition
                .image(&session.target.container)
                .unwrap_or_default()
                .to_owned(),
            git_sha: definition.tags.get(GIT_SHA).cloned(),
        }),
        Earlier::Missing => Err(NotStarted::NoEarlier(name)),
    }
}

/// The newest release that was verified before the one that runs, and can still be run.
async fn last_before(
    session: &ServiceSession<'_>,
    running: &TaskDefinition,
) -> Result<TaskDefinition, NotStarted> {
    let (verified, mut images) = verified_revisions(session).await?;
    let revisions = before(&running.arn(), verified);
    Ok(first_runnable(session, revisions, &mut images).await??)
}

/// What was verified before the one that runs: its own entry, and younger ones, are passed over.
fn before(running: &RevisionArn, mut revisions: Vec<RevisionArn>) -> Vec<RevisionArn> {
    if let Some(at) = revisions.iter().position(|arn| arn == running) {
        revisions.drain(..=at);
    }
    revisions.retain(|arn| arn != running);
    revisions
}

/// A revision by its number, `family:number` or its ARN, as `family:number`. Another family has
/// what was never a release of this service.
fn full_name(to: &str, family: &str) -> Result<String, NotStarted> {
    let name = to.rsplit_once('/').map_or(to, |(_, name)| name);
    let number = match name.rsplit_once(':') {
        Some((given, number)) if given == family => number,
        Some(_) => "",
        None => name,
    };
    match number.parse::<u64>() {
        Ok(number) if number > 0 => Ok(format!("{family}:{number}")),
        Ok(_) | Err(_) => Err(NotStarted::OtherFamily {
            to: to.to_owned(),
            family: family.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_verified_before_the_one_that_runs_is_earlier() {
        let verified = || {
            ["r:5", "r:3", "r:4", "r:3", "r:2"]
                .map(RevisionArn::from)
                .to_vec()
        };
        let expected = ["r:4", "r:2"].map(RevisionArn::from);
        assert_eq!(before(&"r:3".into(), verified()), expected);
        assert_eq!(before(&"r:9".into(), verified()).len(), 5);
    }

    #[test]
    fn a_revision_may_be_given_by_its_number() {
        let family = "t3nets-dev-router";
        let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/t3nets-dev-router:7";
        for to in ["7", "t3nets-dev-router:7", arn] {
            assert_eq!(
                full_name(to, family).unwrap(),
                "t3nets-dev-router:7",
                "{to}"
            );
        }
    }

    #[test]
    fn what_is_no_revision_of_the_services_family_is_refused() {
        let other = "arn:aws:ecs:us-east-1:123456789012:task-definition/other:7";
        // A family alone would be its newest revision.
        for to in [
            "other:1",
            other,
            "t3nets-dev-router",
            "latest",
            "0",
            "-1",
            "",
            "r:",
            ":7",
            "1.2",
        ] {
            let refused = full_name(to, "t3nets-dev-router");
            assert!(
                matches!(refused, Err(NotStarted::OtherFamily { .. })),
                "{to}"
            );
        }
    }
}
