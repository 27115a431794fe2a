//! The service that is deployed to, and everything through which that is done.

use t3nets_router::aws::Deploys;

use crate::deploy_target::DeployTarget;
use crate::ecs::Ecs;
use crate::error::NotStarted;
use crate::interrupt::Interrupts;
use crate::logs::{LogPlace, Logs};
use crate::registry::RepositoryImages;
use crate::report::Reporter;
use crate::rollout::Service;
use crate::targets::Targets;
use crate::task_definition::{RevisionArn, TaskDefinition};

/// What every operation works with.
pub struct ServiceSession<'a> {
    /// The names.
    pub target: &'a DeployTarget,
    /// For clients of AWS's services.
    pub sdk: &'a aws_config::SdkConfig,
    /// The service.
    pub ecs: Ecs,
    /// Its lock and the releases that were verified.
    pub deploys: Deploys,
    /// Is told what goes on.
    pub reporter: &'a dyn Reporter,
    /// Where interrupts come from.
    pub interrupts: &'a dyn Interrupts,
}

impl<'a> ServiceSession<'a> {
    /// On a service. Asks nothing of AWS yet.
    pub fn new(
        target: &'a DeployTarget,
        sdk: &'a aws_config::SdkConfig,
        reporter: &'a dyn Reporter,
        interrupts: &'a dyn Interrupts,
    ) -> Self {
        Self {
            target,
            sdk,
            ecs: Ecs::new(sdk, target),
            deploys: Deploys::new(sdk, &target.tenants_table, &target.service),
            reporter,
            interrupts,
        }
    }

    /// The service as it is.
    ///
    /// # Errors
    /// If there is none; as AWS says.
    pub async fn service(&self) -> Result<Service, NotStarted> {
        let found = self.ecs.service().await?;
        found.ok_or_else(|| self.no_service())
    }

    /// The revision that the service is told to run.
    ///
    /// # Errors
    /// If there is no service, or its revision was deleted; as AWS says.
    pub async fn running(&self) -> Result<TaskDefinition, NotStarted> {
        let running = self.running_arn().await?;
        self.task_definition(running.as_str()).await
    }

    /// Which revision the service is told to run.
    ///
    /// # Errors
    /// If there is no service; as AWS says.
    pub async fn running_arn(&self) -> Result<RevisionArn, NotStarted> {
        let running = self.ecs.running().await?;
        running.ok_or_else(|| self.no_service())
    }

    /// A revision, by its ARN or `family:number`.
    ///
    /// # Errors
    /// If there is none; as AWS says.
    pub async fn task_definition(&self, name: &str) -> Result<TaskDefinition, NotStarted> {
        let found = self.ecs.task_definition(name).await?;
        found.ok_or_else(|| NotStarted::NoTaskDefinition(name.to_owned()))
    }

    fn no_service(&self) -> NotStarted {
        NotStarted::NoService {
            cluster: self.target.cluster.clone(),
            service: self.target.service.clone(),
        }
    }

    /// The load balancer's targets, if there is a target group.
    pub(crate) fn targets(&self) -> Option<Targets> {
        let arn = self.target.target_group_arn.as_ref()?;
        Some(Targets::new(self.sdk, arn))
    }

    /// What the tasks of a revision log, if that can be read.
    pub(crate) fn logs(&self, definition: &TaskDefinition) -> Option<Logs> {
        let place = LogPlace::of(definition, &self.target.container)?;
        Some(Logs::new(self.sdk, place))
    }

    /// Which images the registry still has. Asks nothing yet.
    pub(crate) fn images(&self) -> RepositoryImages {
        RepositoryImages::of(self.sdk, &self.target.repository)
    }
}
