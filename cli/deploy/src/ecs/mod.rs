//! ECS, as far as a deploy needs it: task definitions as JSON ([`document`]), the service and its
//! tasks as plain facts ([`facts`]), what it runs on ([`capacity`]); its words are in [`states`]
//! and [`messages`]. The SDK's types stay here.

mod capacity;
mod document;
mod error;
mod facts;
pub mod messages;
pub mod states;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DesiredStatus, ServiceField, SortOrder, TaskDefinitionStatus};
use jiff::Timestamp;
use serde_json::Value;
use t3nets_router::aws::{AwsError, AwsErrorKind};

use crate::deploy_target::DeployTarget;
use crate::rollout::{OwnDeployment, Service, ServiceDeployment, Task};
use crate::task_definition::{Plan, RevisionArn, TaskDefinition};
use error::ecs_error;

pub use capacity::{Cluster, PlacedService};
pub use error::{RegisterError, UpdateError};

/// How many tasks DescribeTasks takes at once.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const TASKS_AT_ONCE: usize = 100;
/// How often the service is asked whether an update that was not answered has arrived: reads lag a
/// few seconds.
const LOOKS_AFTER_SILENCE: usize = 4;
/// The pause before each of those.
const BEFORE_A_LOOK: Duration = Duration::from_secs(1);
/// How many revisions are registered until one has the number that its release names.
const REGISTRATIONS: usize = 5;

/// The service that is deployed to.
#[derive(Debug, Clone)]
pub struct Ecs {
    client: Client,
    cluster: String,
    service: String,
}

/// A task of the service, whichever deployment started it.
pub struct ListedTask {
    arn: String,
    started_by: String,
    /// The revision that it runs.
    pub task_definition: RevisionArn,
    /// When ECS began to make it.
    pub created_at: Option<Timestamp>,
    /// When it ended, if it did.
    pub stopped_at: Option<Timestamp>,
    /// Where it is in its life.
    pub task: Task,
}

impl ListedTask {
    /// Whether this deployment started it.
    fn is_of(&self, deployment: &OwnDeployment) -> bool {
        if self.started_by == deployment.id {
            return true;
        }
        // ECS says which deployment started a task. What stands in for it may say the service's
        // name.
        !self.started_by.starts_with("ecs-svc/")
            && self.task_definition == deployment.task_definition
            && self.created_at >= deployment.created_at
    }
}

/// Whether UpdateService makes a new deployment where the service runs the revision already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateMode {
    /// Only another revision makes one.
    IfChanged,
    /// It does: `forceNewDeployment`.
    ForceNewDeployment,
}

impl Ecs {
    /// The service of an environment.
    pub fn new(config: &aws_config::SdkConfig, target: &DeployTarget) -> Self {
        Self {
            client: Client::new(config),
            cluster: target.cluster.clone(),
            service: target.service.clone(),
        }
    }

    /// The service; `None` if ECS does not find it, which right after a change it may not: reads
    /// are eventually consistent.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn service(&self) -> Result<Option<Service>, AwsError> {
        Ok(self.describe().await?.map(|found| facts::service(&found)))
    }

    async fn describe(&self) -> Result<Option<aws_sdk_ecs::types::Service>, AwsError> {
        let answer = self
            .client
            .describe_services()
            .cluster(&self.cluster)
            .services(&self.service)
            .include(ServiceField::Tags)
            .send()
            .await
            .map_err(|error| ecs_error("DescribeServices", &error))?;
        Ok(answer.services.unwrap_or_default().into_iter().next())
    }

    /// A revision by its ARN or `family:number`; `None` if there is none.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn task_definition(&self, name: &str) -> Result<Option<TaskDefinition>, AwsError> {
        document::describe(&self.client, name).await
    }

    /// The revision that Terraform registered last, by its ARN in Terraform's state or else by its
    /// tag. `None` if there is none, or it is deregistered.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn template(
        &self,
        arn: Option<&str>,
        running: &TaskDefinition,
    ) -> Result<Option<TaskDefinition>, AwsError> {
        let found = match arn {
            Some(arn) => self.task_definition(arn).await,
            None => self.younger_template(running).await,
        };
        Ok(found?.filter(TaskDefinition::is_active))
    }

    /// The revision that Terraform registered last, if that is younger than `running`. For where
    /// Terraform's state does not say.
    ///
    /// # Errors
    /// As AWS says.
    async fn younger_template(
        &self,
        running: &TaskDefinition,
    ) -> Result<Option<TaskDefinition>, AwsError> {
        let mut pages = self
            .client
            .list_task_definitions()
            .family_prefix(running.family())
            .status(TaskDefinitionStatus::Active)
            .sort(SortOrder::Desc)
            .into_paginator()
            .items()
            .send();
        while let Some(arn) = pages.next().await {
            let arn = arn.map_err(|error| ecs_error("ListTaskDefinitions", &error))?;
            let number = RevisionArn::from(&*arn).number();
            if number.is_none_or(|number| number <= running.number()) {
                break;
            }
            let revision = self.task_definition(&arn).await?;
            if let Some(revision) = revision.filter(TaskDefinition::is_template) {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// The number that the family's next revision will most likely get.
    async fn next_number(&self, family: &str) -> Result<u64, AwsError> {
        let mut newest = 0;
        for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
            let answer = self
                .client
                .list_task_definitions()
                .family_prefix(family)
                .status(status)
                .sort(SortOrder::Desc)
                .max_results(1)
                .send()
                .await
                .map_err(|error| ecs_error("ListTaskDefinitions", &error))?;
            let arns = answer.task_definition_arns().iter();
            let numbers = arns.filter_map(|arn| RevisionArn::from(&**arn).number());
            let number = numbers.max();
            newest = newest.max(number.unwrap_or_default());
        }
        Ok(newest + 1)
    }

    /// Registers the planned revision. Its own number is part of the release's name, and ECS gives
    /// it only in the answer: it is predicted, and where that went wrong (somebody else registered
    /// one at that moment) it is registered again.
    ///
    /// # Errors
    /// As AWS says, or if somebody else registers revisions all the time.
    pub async fn register(&self, plan: &Plan) -> Result<TaskDefinition, RegisterError> {
        let mut number = self.next_number(plan.family()).await?;
        for _ in 0..REGISTRATIONS {
            let registered = self.register_request(&plan.request(number)).await?;
            if registered.number() == number {
                return Ok(registered);
            }
            number = registered.number() + 1;
        }
        Err(RegisterError::Contended {
            family: plan.family().to_owned(),
        })
    }

    /// Registers a revision by its request.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn register_request(&self, request: &Value) -> Result<TaskDefinition, AwsError> {
        document::register(&self.client, request).await
    }

    /// Tells the service to run a revision, and gives the deployment that this makes.
    ///
    /// # Errors
    /// Refused, or not answered, so that it is not known whether the service was told.
    pub async fn update(
        &self,
        task_definition: &TaskDefinition,
        mode: UpdateMode,
    ) -> Result<OwnDeployment, UpdateError> {
        let arn = task_definition.arn();
        let force = mode == UpdateMode::ForceNewDeployment;
        let answer = self
            .client
            .update_service()
            .cluster(&self.cluster)
            .service(&self.service)
            .task_definition(arn.as_str())
            .set_force_new_deployment(force.then_some(true))
            .send()
            .await;
        let source = match answer {
            Ok(answer) => {
                let service = answer.service.as_ref().map(facts::service);
                match service.and_then(|service| service.primary_of(&arn)) {
                    Some(deployment) => return Ok(deployment),
                    None => AwsError {
                        service: "ecs",
                        operation: "UpdateService",
                        kind: AwsErrorKind::Unreachable,
                        code: None,
                        message: "ECS did not say which deployment it made".to_owned(),
                        request_id: None,
                    },
                }
            }
            Err(error) => ecs_error("UpdateService", &error),
        };
        let revision = task_definition.name();
        if !matches!(
            source.kind,
            AwsErrorKind::Unreachable | AwsErrorKind::Internal
        ) {
            return Err(UpdateError::Refused { revision, source });
        }
        // It may have arrived all the same. A forced deployment cannot be told from the one before,
        // which has the same revision.
        if mode == UpdateMode::IfChanged
            && let Some(deployment) = self.begun(&arn).await
        {
            return Ok(deployment);
        }
        Err(UpdateError::Unanswered { revision, source })
    }

    /// The newest deployment, as soon as it is of this revision.
    async fn begun(&self, task_definition: &RevisionArn) -> Option<OwnDeployment> {
        for _ in 0..LOOKS_AFTER_SILENCE {
            tokio::time::sleep(BEFORE_A_LOOK).await;
            let service = self.service().await.ok().flatten();
            let deployment = service.and_then(|service| service.primary_of(task_definition));
            if deployment.is_some() {
                return deployment;
            }
        }
        None
    }

    /// Changes the service's desired count.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn scale(&self, desired: i32) -> Result<Service, AwsError> {
        let answer = self
            .client
            .update_service()
            .cluster(&self.cluster)
            .service(&self.service)
            .desired_count(desired)
            .send()
            .await
            .map_err(|error| ecs_error("UpdateService", &error))?;
        let found = answer.service.as_ref();
        Ok(found.map(facts::service).unwrap_or_default())
    }

    /// The ARNs of the service's tasks, running and stopped within the last hour.
    pub(crate) async fn task_arns(&self) -> Result<Vec<String>, AwsError> {
        let mut arns = self.tasks_to_be(DesiredStatus::Running).await?;
        arns.extend(self.tasks_to_be(DesiredStatus::Stopped).await?);
        Ok(arns)
    }

    async fn tasks_to_be(&self, status: DesiredStatus) -> Result<Vec<String>, AwsError> {
        let mut arns = Vec::new();
        let mut pages = self
            .client
            .list_tasks()
            .cluster(&self.cluster)
            .service_name(&self.service)
            .desired_status(status)
            .into_paginator()
            .items()
            .send();
        while let Some(arn) = pages.next().await {
            arns.push(arn.map_err(|error| ecs_error("ListTasks", &error))?);
        }
        Ok(arns)
    }

    /// The ids of the service's tasks that stopped within the last hour.
    pub(crate) async fn stopped_tasks(&self) -> Result<BTreeSet<String>, AwsError> {
        let arns = self.tasks_to_be(DesiredStatus::Stopped).await?;
        Ok(arns
            .iter()
            .map(|arn| facts::task_id(arn).to_owned())
            .collect())
    }

    /// The service's tasks, running and stopped within the last hour, of every deployment.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn all_tasks(&self) -> Result<Vec<ListedTask>, AwsError> {
        let arns = self.task_arns().await?;
        self.tasks(&arns).await
    }

    /// These tasks. Those that were forgotten meanwhile are left out.
    pub(crate) async fn tasks(&self, arns: &[String]) -> Result<Vec<ListedTask>, AwsError> {
        let mut tasks = Vec::new();
        for some in arns.chunks(TASKS_AT_ONCE) {
            let answer = self
                .client
                .describe_tasks()
                .cluster(&self.cluster)
                .set_tasks(Some(some.to_vec()))
                .send()
                .await
                .map_err(|error| ecs_error("DescribeTasks", &error))?;
            tasks.extend(answer.tasks().iter().map(facts::task));
        }
        Ok(tasks)
    }

    /// The ARN of the service deployment that is this deployment; `None` if ECS shows none yet. The
    /// two have different ids, so they are matched by when they were made and by the revision that
    /// they run.
    pub(crate) async fn find_service_deployment(
        &self,
        deployment: &OwnDeployment,
    ) -> Result<Option<String>, AwsError> {
        let answer = self
            .client
            .list_service_deployments()
            .cluster(&self.cluster)
            .service(&self.service)
            .max_results(5)
            .send()
            .await
            .map_err(|error| ecs_error("ListServiceDeployments", &error))?;
        for brief in answer.service_deployments.unwrap_or_default() {
            let made = brief.created_at.as_ref().and_then(facts::timestamp);
            // Both are made by one UpdateService.
            let apart = made
                .zip(deployment.created_at)
                .map(|(one, other)| one.duration_since(other).abs().unsigned_abs().as_secs());
            let (Some(arn), Some(revision), Some(0..=30)) = (
                brief.service_deployment_arn,
                brief.target_service_revision_arn,
                apart,
            ) else {
                continue;
            };
            let answer = self
                .client
                .describe_service_revisions()
                .service_revision_arns(revision)
                .send()
                .await
                .map_err(|error| ecs_error("DescribeServiceRevisions", &error))?;
            let wanted = deployment.task_definition.as_str();
            let mut revisions = answer.service_revisions().iter();
            if revisions.any(|one| one.task_definition() == Some(wanted)) {
                return Ok(Some(arn));
            }
        }
        Ok(None)
    }

    /// A service deployment; `None` if there is none of that ARN.
    pub(crate) async fn service_deployment(
        &self,
        arn: &str,
    ) -> Result<Option<ServiceDeployment>, AwsError> {
        let answer = self
            .client
            .describe_service_deployments()
            .service_deployment_arns(arn)
            .send()
            .await
            .map_err(|error| ecs_error("DescribeServiceDeployments", &error))?;
        let found = answer
            .service_deployments
            .unwrap_or_default()
            .into_iter()
            .next();
        Ok(found.map(facts::service_deployment))
    }

    /// Of these tasks, those that the deployment started, and the ARNs of the others, which need no
    /// second look.
    pub(crate) fn partition(
        tasks: Vec<ListedTask>,
        deployment: &OwnDeployment,
    ) -> (Vec<(String, Task)>, Vec<String>) {
        let (own, others): (Vec<_>, Vec<_>) =
            tasks.into_iter().partition(|task| task.is_of(deployment));
        (
            own.into_iter().map(|task| (task.arn, task.task)).collect(),
            others.into_iter().map(|task| task.arn).collect(),
        )
    }
}
