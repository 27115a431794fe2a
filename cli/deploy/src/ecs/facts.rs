//! What ECS answers, as plain facts.

use aws_sdk_ecs::types::{self, DeploymentStrategy};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::ListedTask;
use super::states::{
    DeploymentController, HealthStatus, RolloutState, ServiceDeploymentStatus, StopCode,
};
use crate::rollout::{
    Container, Deployment, Service, ServiceDeployment, ServiceEvent, Task, TaskBounds,
};

pub(super) fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.as_nanos()).ok()
}

pub(super) fn service(found: &types::Service) -> Service {
    let configuration = found.deployment_configuration();
    let breaker = configuration.and_then(|one| one.deployment_circuit_breaker());
    let alarms = configuration.and_then(|one| one.alarms());
    let controller = found.deployment_controller();
    Service {
        status: found.status().unwrap_or_default().into(),
        // A service that does not say is ECS's own.
        controller: controller.map_or(DeploymentController::Ecs, |one| {
            one.r#type().as_str().into()
        }),
        task_definition: found.task_definition().unwrap_or_default().into(),
        // Other strategies make room in their own way.
        bounds: configuration.and_then(|one| {
            let strategy = one.strategy().unwrap_or(&DeploymentStrategy::Rolling);
            (*strategy == DeploymentStrategy::Rolling).then_some(())?;
            Some(TaskBounds {
                minimum_healthy_percent: one.minimum_healthy_percent()?,
                maximum_percent: one.maximum_percent()?,
            })
        }),
        desired: found.desired_count(),
        // Where another controller deploys, there are task sets instead.
        deployments: match found.task_sets() {
            [] => found.deployments().iter().map(deployment).collect(),
            sets => sets.iter().map(task_set).collect(),
        },
        events: found.events().iter().map(event).collect(),
        rolls_back: breaker.is_some_and(|one| one.enable() && one.rollback())
            || alarms.is_some_and(|one| one.enable() && one.rollback()),
    }
}

fn deployment(found: &types::Deployment) -> Deployment {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let state = found.rollout_state();
    Deployment {
        id: text(found.id()),
        status: found.status().unwrap_or_default().into(),
        task_definition: found.task_definition().unwrap_or_default().into(),
        rollout_state: state.map(|state| RolloutState::from(state.as_str())),
        reason: text(found.rollout_state_reason()),
        desired: found.desired_count(),
        pending: found.pending_count(),
        running: found.running_count(),
        created_at: found.created_at().and_then(timestamp),
    }
}

fn task_set(found: &types::TaskSet) -> Deployment {
    Deployment {
        id: found.id().unwrap_or_default().to_owned(),
        status: found.status().unwrap_or_default().into(),
        task_definition: found.task_definition().unwrap_or_default().into(),
        rollout_state: None,
        reason: String::new(),
        desired: found.computed_desired_count(),
        pending: found.pending_count(),
        running: found.running_count(),
        created_at: found.created_at().and_then(timestamp),
    }
}

fn event(found: &types::ServiceEvent) -> ServiceEvent {
    ServiceEvent {
        id: found.id().unwrap_or_default().to_owned(),
        at: found.created_at().and_then(timestamp),
        message: found.message().unwrap_or_default().to_owned(),
    }
}

pub(super) fn service_deployment(found: types::ServiceDeployment) -> ServiceDeployment {
    let status = found.status.as_ref();
    let status = status.map(|status| ServiceDeploymentStatus::from(status.as_str()));
    let rollback = found.rollback.and_then(|rollback| rollback.reason);
    ServiceDeployment {
        status: status.unwrap_or_default(),
        reason: rollback.or(found.status_reason).unwrap_or_default(),
    }
}

pub(super) fn task(found: &types::Task) -> ListedTask {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let arn = text(found.task_arn());
    let details = found.attachments().iter().flat_map(|one| one.details());
    let mut addresses = details
        .filter(|detail| detail.name() == Some("privateIPv4Address"))
        .filter_map(|detail| detail.value());
    let health = found.health_status();
    let stop_code = found.stop_code();
    ListedTask {
        task: Task {
            id: task_id(&arn).to_owned(),
            last_status: found.last_status().unwrap_or_default().into(),
            desired_status: found.desired_status().unwrap_or_default().into(),
            health: health.map(|health| HealthStatus::from(health.as_str())),
            stop_code: stop_code.map(|code| StopCode::from(code.as_str())),
            stopped_reason: text(found.stopped_reason()),
            containers: found.containers().iter().map(container).collect(),
            address: addresses.next().map(str::to_owned),
            last_lines: Vec::new(),
        },
        arn,
        started_by: text(found.started_by()),
        task_definition: found.task_definition_arn().unwrap_or_default().into(),
        created_at: found.created_at().and_then(timestamp),
        stopped_at: found.stopped_at().and_then(timestamp),
    }
}

/// The last part of a task's ARN.
pub(super) fn task_id(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, id)| id)
}

fn container(found: &types::Container) -> Container {
    Container {
        name: found.name().unwrap_or_default().to_owned(),
        exit_code: found.exit_code(),
        reason: found.reason().unwrap_or_default().to_owned(),
    }
}
