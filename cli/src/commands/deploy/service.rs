//! The service of the environment in use: its names, the SDK set up for it, and its lock.

use aws_config::SdkConfig;
use jiff::Timestamp;
use t3nets_deploy::deploy_target::DeployTarget;
use t3nets_deploy::error::RolloutError;
use t3nets_deploy::lock::acquire;
use t3nets_deploy::release::Release;
use t3nets_deploy::rollout::OwnDeployment;
use t3nets_deploy::session::ServiceSession;
use t3nets_router::aws::DeployLock;

use super::console::Console;
use super::outcome::ReleaseOutput;
use super::steps::Ending;
use crate::aws::{ActiveHours, AwsEnvironment, Name};
use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::error::CliError;

/// A service on AWS that can be deployed to.
#[derive(Debug, Clone)]
pub(crate) struct ServiceConnection {
    /// Its names.
    pub(crate) target: DeployTarget,
    /// For clients of AWS's services.
    pub(crate) sdk: SdkConfig,
    /// When there are tasks, if not always.
    active_hours: Option<ActiveHours>,
}

impl ServiceConnection {
    /// That of the environment in use. Asks nothing of the service yet.
    ///
    /// # Errors
    /// Not ready if the environment is on this machine, or a name or the region is not known.
    pub(crate) async fn open(context: &Context) -> Result<Self, CliError> {
        let settings = &context.settings;
        let environment = settings.environment()?;
        if environment.platform == PlatformKind::Local {
            let others: Vec<String> = settings
                .environments
                .iter()
                .filter(|one| one.platform == PlatformKind::Aws)
                .map(|one| format!("`{}`", one.name))
                .collect();
            let error = CliError::not_ready(format!(
                "environment `{}` is on this machine: nothing is deployed there",
                environment.name
            ))
            .hint("`t3nets dev` runs the router here");
            return Err(match others.is_empty() {
                true => error.hint("`t3nets init` writes a t3nets.toml that defines environments"),
                false => error.hint(format!("there are: {}", others.join(", "))),
            });
        }
        let aws = context.aws().await?;
        Ok(Self {
            target: deploy_target(&aws.environment)?,
            sdk: aws.sdk.clone(),
            active_hours: aws.environment.active_hours.clone(),
        })
    }

    /// Until when it has no tasks by itself.
    pub(crate) fn asleep_until(&self) -> Option<Timestamp> {
        self.active_hours.as_ref()?.asleep_until(Timestamp::now())
    }

    /// To change it, with the console telling what goes on.
    pub(crate) fn session<'a>(&'a self, console: &'a Console) -> ServiceSession<'a> {
        ServiceSession::new(
            &self.target,
            &self.sdk,
            &console.display,
            &console.interrupts,
        )
    }

    /// To look at it: nothing is told, and Ctrl-C ends the process.
    pub(crate) fn quiet_session(&self) -> ServiceSession<'_> {
        ServiceSession::new(&self.target, &self.sdk, &(), &())
    }

    /// Says which environment is about to be changed, and gets the lock, with what its last holder
    /// watched.
    ///
    /// # Errors
    /// If somebody else deploys; as AWS says.
    pub(crate) async fn lock(
        &self,
        context: &Context,
        console: &Console,
    ) -> Result<(DeployLock, Option<OwnDeployment>), CliError> {
        context.show_environment().await?;
        let locked = acquire(&self.sdk, &self.target, context.who()).await?;
        // Whoever holds the lock gives it back, however the deploy ends.
        console.interrupts.listen().await;
        Ok(locked)
    }

    /// Gives the lock back and shows how it ended.
    ///
    /// # Errors
    /// Whatever it ended with, if that is no release.
    pub(crate) async fn finish(
        &self,
        context: &Context,
        console: &Console,
        lock: DeployLock,
        result: Result<Release, RolloutError>,
    ) -> Result<ReleaseOutput, CliError> {
        let is_resumable = result.as_ref().is_err_and(RolloutError::is_resumable);
        let ending = match (&result, is_resumable) {
            (Ok(_), _) => Ending::Well,
            (Err(_), true) => Ending::GoesOn,
            (Err(_), false) => Ending::Failed,
        };
        console.display.end(ending);
        give_back(console, lock, is_resumable).await;
        let release = result.map_err(|error| console.told(error.into()))?;
        ReleaseOutput::of(release, self.asleep_until(), &context.printer)
    }

    /// Gives the lock back where nothing was deployed.
    pub(crate) async fn abandon(&self, console: &Console, lock: DeployLock) {
        console.display.end(Ending::Failed);
        give_back(console, lock, true).await;
    }
}

async fn give_back(console: &Console, lock: DeployLock, is_resumable: bool) {
    let released = lock.release(!is_resumable).await;
    if let Err(error) = released {
        console.note(&format!(
            "the lock could not be given back ({error}); it ends by itself within a minute"
        ));
    }
}

/// What is deployed to in an environment.
///
/// # Errors
/// Not ready if a name is not known.
pub(crate) fn deploy_target(known: &AwsEnvironment) -> Result<DeployTarget, CliError> {
    let need = |name| known.need(name).map(|found| found.value.clone());
    let get = |name| known.get(name).map(|found| found.value.clone());
    Ok(DeployTarget {
        environment: known.name.clone(),
        cluster: need(Name::Cluster)?,
        service: need(Name::Service)?,
        container: need(Name::Container)?,
        repository: need(Name::Repository)?,
        log_group: need(Name::LogGroup)?,
        target_group_arn: get(Name::TargetGroup),
        api_endpoint: get(Name::Url),
        tenants_table: need(Name::TenantsTable)?,
        template_arn: known.template_arn.clone(),
        autoscaling: known.autoscaling,
    })
}
