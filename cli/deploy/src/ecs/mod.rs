//! ECS, as far as a deploy needs it: task definitions as JSON ([`document`]), the service and its tasks as plain facts
//! ([`facts`]), and where it runs ([`place`]). The SDK's types stay here.

mod document;
mod facts;
mod place;

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::types::{
    DesiredStatus, ServiceDeploymentStatus, ServiceField, SortOrder, TaskDefinitionStatus,
};
use jiff::Timestamp;
use serde_json::Value;
use t3nets_router::aws::store_error;
use t3nets_router::ports::StoreError;

use super::plan::{Plan, Revision};
use super::rollout::{Ours, Service, ServiceDeployment, Task, revision_number};
use super::target::DeployTarget;

pub use place::{Cluster, Placed};

/// How many tasks DescribeTasks takes at once.
const TASKS_AT_ONCE: usize = 100;
/// How often it is looked whether an update that was not answered has arrived: reads lag a few seconds.
const LOOKS_AFTER_SILENCE: usize = 4;
/// How long is waited before each of those looks.
const BEFORE_A_LOOK: Duration = Duration::from_secs(1);

/// The service that is deployed to.
#[derive(Debug, Clone)]
pub struct Ecs {
    client: Client,
    cluster: String,
    service: String,
}

/// A task and the deployment that it may be of.
pub struct SeenTask {
    arn: String,
    started_by: String,
    /// The ARN of its revision.
    pub task_definition: String,
    /// When ECS began to make it.
    pub created_at: Option<Timestamp>,
    /// When it ended, if it did.
    pub stopped_at: Option<Timestamp>,
    /// What it does.
    pub task: Task,
}

impl SeenTask {
    /// Whether our deployment started it.
    fn is_of(&self, ours: &Ours) -> bool {
        if self.started_by == ours.deployment {
            return true;
        }
        // ECS says which deployment started a task. What stands in for it may say the service's name.
        !self.started_by.starts_with("ecs-svc/")
            && self.task_definition == ours.task_definition
            && self.created_at >= ours.created_at
    }
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

    /// The service; `None` if ECS does not find it, which right after a change it may not.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn service(&self) -> Result<Option<Service>, StoreError> {
        Ok(self.describe().await?.map(|found| facts::service(&found)))
    }

    /// The ARN of the revision that the service is told to run.
    ///
    /// # Errors
    /// As AWS says; misconfigured if there is no such service.
    pub async fn running(&self) -> Result<String, StoreError> {
        let found = self.describe().await?;
        let found = found.filter(|service| service.status() != Some("INACTIVE"));
        found
            .and_then(|service| service.task_definition)
            .ok_or_else(|| {
                let missing = format!(
                    "cluster `{}` has no service `{}`",
                    self.cluster, self.service
                );
                StoreError::Misconfigured(missing.into())
            })
    }

    async fn describe(&self) -> Result<Option<aws_sdk_ecs::types::Service>, StoreError> {
        let answer = self
            .client
            .describe_services()
            .cluster(&self.cluster)
            .services(&self.service)
            .include(ServiceField::Tags)
            .send()
            .await
            .map_err(refused)?;
        Ok(answer.services.unwrap_or_default().into_iter().next())
    }

    /// A revision by its ARN or `family:number`; `None` if there is none.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn revision(&self, name: &str) -> Result<Option<Revision>, StoreError> {
        document::describe(&self.client, name).await
    }

    /// The revision that Terraform registered last, as its state says, or as found. `None` if it is deregistered.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn template(
        &self,
        arn: Option<&str>,
        running: &Revision,
    ) -> Result<Option<Revision>, StoreError> {
        let found = match arn {
            Some(arn) => self.revision(arn).await,
            None => self.younger_template(running).await,
        };
        Ok(found?.filter(Revision::is_active))
    }

    /// The revision that Terraform registered last, if that is younger than `running`. For where Terraform's state does not
    /// say.
    ///
    /// # Errors
    /// As AWS says.
    async fn younger_template(&self, running: &Revision) -> Result<Option<Revision>, StoreError> {
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
            let arn = arn.map_err(refused)?;
            if revision_number(&arn).is_none_or(|number| number <= running.number()) {
                break;
            }
            let revision = self.revision(&arn).await?;
            if let Some(revision) = revision.filter(Revision::is_template) {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// The number that the family's next revision will most likely get.
    async fn next_number(&self, family: &str) -> Result<u64, StoreError> {
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
                .map_err(refused)?;
            let numbers = answer.task_definition_arns();
            let number = numbers.iter().filter_map(|arn| revision_number(arn)).max();
            newest = newest.max(number.unwrap_or_default());
        }
        Ok(newest + 1)
    }

    /// Registers the planned revision. Its own number is part of the release's name, and is known only afterwards: it is
    /// foretold, and where that went wrong (somebody else registered one at that moment) it is registered again.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn register(&self, plan: &Plan) -> Result<Revision, StoreError> {
        let mut number = self.next_number(plan.family()).await?;
        for _ in 0..5 {
            let revision = self.register_as_is(&plan.request(number)).await?;
            if revision.number() == number {
                return Ok(revision);
            }
            number = revision.number() + 1;
        }
        Err(StoreError::unavailable(format!(
            "revisions of `{}` are being registered by somebody else all the time",
            plan.family()
        )))
    }

    /// Registers a revision.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn register_as_is(&self, request: &Value) -> Result<Revision, StoreError> {
        document::register(&self.client, request).await
    }

    /// Tells the service to run a revision: a new deployment, whose id the answer holds. With `anew` also where it runs
    /// that revision already.
    ///
    /// # Errors
    /// As AWS says. Unavailable means that it is not known whether the service was told; after any other error it was not.
    pub async fn update(&self, task_definition: &str, anew: bool) -> Result<Ours, StoreError> {
        let answer = self
            .client
            .update_service()
            .cluster(&self.cluster)
            .service(&self.service)
            .task_definition(task_definition)
            .set_force_new_deployment(anew.then_some(true))
            .send()
            .await
            .map_err(refused);
        let unclear = match answer {
            Ok(answer) => {
                let service = answer.service.as_ref().map(facts::service);
                let ours = service.and_then(|service| service.primary_of(task_definition));
                match ours {
                    Some(ours) => return Ok(ours),
                    None => "ECS did not say which deployment it made".into(),
                }
            }
            Err(StoreError::Unavailable(why)) => why,
            Err(error) => return Err(error),
        };
        // It may have arrived though no answer did. One that was asked for anew cannot be told from the one before.
        if !anew && let Some(ours) = self.begun(task_definition).await {
            return Ok(ours);
        }
        Err(StoreError::Unavailable(unclear))
    }

    /// The deployment that counts, as soon as it is of this revision.
    async fn begun(&self, task_definition: &str) -> Option<Ours> {
        for _ in 0..LOOKS_AFTER_SILENCE {
            tokio::time::sleep(BEFORE_A_LOOK).await;
            let service = self.service().await.ok().flatten();
            let ours = service.and_then(|service| service.primary_of(task_definition));
            if ours.is_some() {
                return ours;
            }
        }
        None
    }

    /// Changes how many tasks the service is to have.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn scale(&self, desired: i32) -> Result<Service, StoreError> {
        let answer = self
            .client
            .update_service()
            .cluster(&self.cluster)
            .service(&self.service)
            .desired_count(desired)
            .send()
            .await
            .map_err(refused)?;
        let found = answer.service.as_ref();
        Ok(found.map(facts::service).unwrap_or_default())
    }

    /// The ARNs of the service's tasks, running and stopped within the last hour.
    pub(super) async fn task_arns(&self) -> Result<Vec<String>, StoreError> {
        let mut arns = Vec::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
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
                arns.push(arn.map_err(refused)?);
            }
        }
        Ok(arns)
    }

    /// The service's tasks, running and stopped within the last hour, of every deployment.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn all_tasks(&self) -> Result<Vec<SeenTask>, StoreError> {
        let arns = self.task_arns().await?;
        self.tasks(&arns).await
    }

    /// These tasks. Those that were forgotten meanwhile are left out.
    pub(super) async fn tasks(&self, arns: &[String]) -> Result<Vec<SeenTask>, StoreError> {
        let mut tasks = Vec::new();
        for some in arns.chunks(TASKS_AT_ONCE) {
            let answer = self
                .client
                .describe_tasks()
                .cluster(&self.cluster)
                .set_tasks(Some(some.to_vec()))
                .send()
                .await
                .map_err(refused)?;
            tasks.extend(answer.tasks().iter().map(facts::task));
        }
        Ok(tasks)
    }

    /// The ARN of the service deployment that is ours, in the newer view of deployments; `None` if there is none yet.
    pub(super) async fn find_service_deployment(
        &self,
        ours: &Ours,
    ) -> Result<Option<String>, StoreError> {
        let answer = self
            .client
            .list_service_deployments()
            .cluster(&self.cluster)
            .service(&self.service)
            .max_results(5)
            .send()
            .await
            .map_err(refused)?;
        for brief in answer.service_deployments.unwrap_or_default() {
            let made = brief.created_at.as_ref().and_then(facts::timestamp);
            // Both are made by one UpdateService.
            let apart = made
                .zip(ours.created_at)
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
                .map_err(refused)?;
            let revisions = answer.service_revisions();
            if revisions
                .iter()
                .any(|one| one.task_definition() == Some(&ours.task_definition))
            {
                return Ok(Some(arn));
            }
        }
        Ok(None)
    }

    /// A service deployment; `None` if there is none of that ARN.
    pub(super) async fn service_deployment(
        &self,
        arn: &str,
    ) -> Result<Option<ServiceDeployment>, StoreError> {
        let answer = self
            .client
            .describe_service_deployments()
            .service_deployment_arns(arn)
            .send()
            .await
            .map_err(refused)?;
        let found = answer
            .service_deployments
            .unwrap_or_default()
            .into_iter()
            .next();
        Ok(found.map(|found| ServiceDeployment {
            status: found
                .status
                .as_ref()
                .map(ServiceDeploymentStatus::as_str)
                .unwrap_or_default()
                .to_owned(),
            reason: found
                .rollback
                .and_then(|rollback| rollback.reason)
                .or(found.status_reason)
                .unwrap_or_default(),
        }))
    }

    /// Of these tasks, those of our deployment, and the ARNs of the others, which need no second look.
    pub(super) fn sort(tasks: Vec<SeenTask>, ours: &Ours) -> (Vec<(String, Task)>, Vec<String>) {
        let (own, others): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| task.is_of(ours));
        (
            own.into_iter().map(|task| (task.arn, task.task)).collect(),
            others.into_iter().map(|task| task.arn).collect(),
        )
    }
}

/// What went wrong, without what the stores' errors say of stores.
pub fn said(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(why)
        | StoreError::Misconfigured(why)
        | StoreError::Denied(why)
        | StoreError::Unauthenticated(why) => why.to_string(),
        StoreError::Throttled => "AWS throttles".to_owned(),
        error => error.to_string(),
    }
}

/// What ECS refuses. What it does not find is said in its own words: only some of it is a matter of configuration.
fn refused<E>(error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error().and_then(|said| said.code()) {
        Some(
            "ClusterNotFoundException" | "ServiceNotFoundException" | "ServiceNotActiveException",
        ) => {
            let said = error.as_service_error().and_then(|said| said.message());
            StoreError::Misconfigured(said.unwrap_or("there is no such service").into())
        }
        // The request itself is at fault: another try would be refused as well.
        Some("ClientException" | "InvalidParameterException") => {
            let said = error.as_service_error().and_then(|said| said.message());
            StoreError::Misconfigured(said.unwrap_or("ECS refuses the request").into())
        }
        _ => store_error(&error),
    }
}
