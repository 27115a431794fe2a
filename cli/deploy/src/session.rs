//! The service that is deployed to, and everything through which that is done.

use t3nets_router::aws::Deploys;

use crate::deploy_target::DeployTarget;
use crate::ecs::Ecs;
use crate::error::NotStarted;
use crate::interrupt::Interrupts;
use crate::logs::TaskLogs;
use crate::registry::RepositoryImages;
use crate::report::Reporter;
use crate::rollout::{Failure, Service, TaskContainers, Undeployable};
use crate::targets::Targets;
use crate::task_definition::TaskDefinition;

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

    /// The service, if its desired count can be changed.
    ///
    /// # Errors
    /// If there is none, or it is not ECS's own to deploy to; as AWS says.
    pub async fn scalable(&self) -> Result<Service, NotStarted> {
        let service = self.service().await?;
        self.without(service.obstacle())?;
        Ok(service)
    }

    /// The service, if it can be deployed to.
    ///
    /// # Errors
    /// If there is none, or it cannot be; as AWS says.
    pub async fn deployable(&self) -> Result<Service, NotStarted> {
        let service = self.service().await?;
        self.without(service.replacement_obstacle())?;
        Ok(service)
    }

    fn without(&self, obstacle: Option<Undeployable>) -> Result<(), NotStarted> {
        match obstacle {
            None => Ok(()),
            Some(why) => Err(NotStarted::Undeployable {
                cluster: self.target.cluster.clone(),
                service: self.target.service.clone(),
                why,
            }),
        }
    }

    /// The revision that a service is told to run.
    ///
    /// # Errors
    /// If it has none, or it was deleted; as AWS says.
    pub async fn told(&self, service: &Service) -> Result<TaskDefinition, NotStarted> {
        match service.task_definition.as_str() {
            "" => Err(NotStarted::NoDeployment),
            arn => self.task_definition(arn).await,
        }
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

    /// What the tasks of a revision log, as far as that can be read.
    pub(crate) fn logs(&self, definition: &TaskDefinition) -> TaskLogs {
        TaskLogs::of(self.sdk, definition)
    }

    /// Why the last task of a service that runs none ended; `None` where that is not known.
    pub async fn last_stop(&self, definition: &TaskDefinition) -> Option<Failure> {
        let containers = TaskContainers::of(definition, &self.target.container);
        let mut tasks = self.ecs.all_tasks().await.ok()?;
        tasks.retain(|task| task.task_definition == definition.arn());
        tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at));
        tasks.iter().find_map(|one| containers.failure(&one.task))
    }

    /// Which images the registry still has. Asks nothing yet.
    pub(crate) fn images(&self) -> RepositoryImages {
        RepositoryImages::of(self.sdk, &self.target.repository)
    }

    /// Marks a revision's image as one to keep. Without that a rollout is no worse.
    pub(crate) async fn keep_image(&self, definition: &TaskDefinition) {
        let image = definition.image(&self.target.container).unwrap_or_default();
        if let Err(error) = self.images().keep(image).await {
            self.reporter.note(&format!(
                "cannot tag the image of `{}` to keep it, so the repository may delete it after ten more pushes: {error}",
                definition.name()
            ));
        }
    }
}
