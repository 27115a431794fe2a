//! What ECS answers, as plain facts.

use aws_sdk_ecs::types;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::super::rollout::{Container, Deployment, Event, Ours, Service, Task};
use super::SeenTask;

impl Service {
    /// The deployment that counts, if it runs this revision.
    pub fn primary_of(&self, task_definition: &str) -> Option<Ours> {
        let primary = self.primary()?;
        (primary.task_definition == task_definition).then(|| primary.as_ours())
    }

    /// The deployment that counts.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.status == "PRIMARY")
    }
}

impl Deployment {
    /// To be watched.
    pub fn as_ours(&self) -> Ours {
        Ours {
            deployment: self.id.clone(),
            task_definition: self.task_definition.clone(),
            created_at: self.created_at,
        }
    }
}

pub(super) fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.as_nanos()).ok()
}

pub(super) fn service(found: &types::Service) -> Service {
    let configuration = found.deployment_configuration();
    let breaker = configuration.and_then(|one| one.deployment_circuit_breaker());
    let alarms = configuration.and_then(|one| one.alarms());
    Service {
        status: found.status().unwrap_or_default().to_owned(),
        desired: found.desired_count(),
        deployments: found.deployments().iter().map(deployment).collect(),
        events: found.events().iter().map(event).collect(),
        rolls_back: breaker.is_some_and(|one| one.enable() && one.rollback())
            || alarms.is_some_and(|one| one.enable() && one.rollback()),
    }
}

fn deployment(found: &types::Deployment) -> Deployment {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Deployment {
        id: text(found.id()),
        status: text(found.status()),
        task_definition: text(found.task_definition()),
        rollout_state: text(found.rollout_state().map(|state| state.as_str())),
        reason: text(found.rollout_state_reason()),
        desired: found.desired_count(),
        pending: found.pending_count(),
        running: found.running_count(),
        created_at: found.created_at().and_then(timestamp),
    }
}

fn event(found: &types::ServiceEvent) -> Event {
    Event {
        id: found.id().unwrap_or_default().to_owned(),
        at: found.created_at().and_then(timestamp),
        message: found.message().unwrap_or_default().to_owned(),
    }
}

pub(super) fn task(found: &types::Task) -> SeenTask {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let arn = text(found.task_arn());
    let details = found.attachments().iter().flat_map(|one| one.details());
    let mut addresses = details
        .filter(|detail| detail.name() == Some("privateIPv4Address"))
        .filter_map(|detail| detail.value());
    SeenTask {
        task: Task {
            id: arn
                .rsplit_once('/')
                .map_or(arn.as_str(), |(_, id)| id)
                .to_owned(),
            last_status: text(found.last_status()),
            desired_status: text(found.desired_status()),
            health: text(found.health_status().map(|health| health.as_str())),
            stop_code: text(found.stop_code().map(|code| code.as_str())),
            stopped_reason: text(found.stopped_reason()),
            containers: found.containers().iter().map(container).collect(),
            address: addresses.next().map(str::to_owned),
            last_lines: Vec::new(),
        },
        arn,
        started_by: text(found.started_by()),
        task_definition: text(found.task_definition_arn()),
        created_at: found.created_at().and_then(timestamp),
        stopped_at: found.stopped_at().and_then(timestamp),
    }
}

fn container(found: &types::Container) -> Container {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Container {
        name: text(found.name()),
        exit_code: found.exit_code(),
        reason: text(found.reason()),
        health: text(found.health_status().map(|health| health.as_str())),
    }
}
