//! What became of a deployment: a verdict over what was observed. Nothing here asks AWS or the
//! clock, so that everything that ECS is known to do can be played to it in a test.
//!
//! Why not the SDK's waiter: a service is "stable" when it has one deployment whose tasks run,
//! whichever deployment that is. It is stable after a rollback, it is stable when another deploy
//! took over, and right after UpdateService it is still stable on the old revision. Here *our own*
//! deployment is followed, by the id that UpdateService answered.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
//!
//! Read in this order: the facts here, then [`stop_reason`] (why a task ended, and whether that
//! speaks against the release), then [`verdict`]; [`progress`] is what is shown until then.

mod assessment;
mod progress;
mod stop_reason;
mod verdict;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::ecs::states::{
    DeploymentStatus, HealthStatus, RolloutState, ServiceDeploymentStatus, ServiceStatus, StopCode,
    TargetState, TaskStatus,
};
use crate::task_definition::RevisionArn;

pub use assessment::{Assessment, EcsRollback, Progress, Unsuccessful, Up, Verdict};
pub use stop_reason::Cause;
pub use verdict::Rollout;

/// Our own deployment, among those that a service has: what UpdateService answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDeployment {
    /// `ecs-svc/1234567890123456789`.
    pub id: String,
    /// The revision that it runs.
    pub task_definition: RevisionArn,
    /// When it was made, by ECS's clock.
    pub created_at: Option<Timestamp>,
}

/// What one look at the service showed.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// Since the watch began.
    pub at: Duration,
    /// DescribeServices; `None` if it was not found or not answered.
    pub service: Option<Service>,
    /// The tasks of the watched deployment, running and stopped.
    pub tasks: Vec<Task>,
    /// DescribeServiceDeployments; `None` where that is missing, denied or does not know the
    /// watched deployment.
    pub service_deployment: Option<ServiceDeployment>,
    /// DescribeTargetHealth; `None` where there is no target group.
    pub targets: Option<Vec<Target>>,
    /// Who registered the revision of a deployment that took the watched one's place, if its tags
    /// say so.
    pub successor: Option<String>,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Whether it can be used.
    pub status: ServiceStatus,
    /// How many tasks are desired.
    pub desired: i32,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
    /// Its events, the newest first.
    pub events: Vec<ServiceEvent>,
    /// Whether the circuit breaker, or an alarm, rolls back by itself.
    pub rolls_back: bool,
}

impl Service {
    /// The newest deployment: the one that ECS works towards.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.is_primary())
    }

    /// The newest deployment, if it runs this revision.
    pub fn primary_of(&self, task_definition: &RevisionArn) -> Option<OwnDeployment> {
        let primary = self.primary()?;
        (primary.task_definition == *task_definition).then(|| primary.to_watch())
    }

    /// How many tasks run, of all deployments.
    pub fn running(&self) -> i32 {
        self.deployments.iter().map(|one| one.running).sum()
    }
}

/// A deployment of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// `ecs-svc/…`.
    pub id: String,
    /// Whether it is the newest.
    pub status: DeploymentStatus,
    /// The revision that it runs.
    pub task_definition: RevisionArn,
    /// How far it is; `None` where ECS does not say, as of services with another deployment
    /// controller.
    pub rollout_state: Option<RolloutState>,
    /// ECS's sentence about that.
    pub reason: String,
    /// How many tasks are desired.
    pub desired: i32,
    /// How many tasks are about to run.
    pub pending: i32,
    /// How many tasks run.
    pub running: i32,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

impl Deployment {
    /// As the one to watch.
    pub fn to_watch(&self) -> OwnDeployment {
        OwnDeployment {
            id: self.id.clone(),
            task_definition: self.task_definition.clone(),
            created_at: self.created_at,
        }
    }

    fn is_primary(&self) -> bool {
        self.status == DeploymentStatus::Primary
    }

    fn has_failed(&self) -> bool {
        self.rollout_state == Some(RolloutState::Failed)
    }

    /// Whether ECS calls it completed and its tasks run. Not yet a verdict.
    pub fn is_complete(&self) -> bool {
        // Without a state there is nothing but the counts.
        matches!(self.rollout_state, Some(RolloutState::Completed) | None)
            && self.desired > 0
            && self.running >= self.desired
            && self.pending == 0
    }
}

/// One of a service's events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceEvent {
    /// Its id.
    pub id: String,
    /// When ECS wrote it.
    pub at: Option<Timestamp>,
    /// ECS's sentence.
    pub message: String,
}

/// A task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// The last part of its ARN, by which its log stream is named.
    pub id: String,
    /// Where it is in its life.
    pub last_status: TaskStatus,
    /// Where ECS wants it to be: RUNNING or STOPPED.
    pub desired_status: TaskStatus,
    /// What the containers' own health checks say.
    pub health: Option<HealthStatus>,
    /// Why it stopped, in a word; `None` if it did not, or reads lag.
    pub stop_code: Option<StopCode>,
    /// Why it stopped, in a sentence.
    pub stopped_reason: String,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its private address, by which a target group knows it.
    pub address: Option<String>,
    /// The last lines of its log, where they were asked for.
    pub last_lines: Vec<String>,
}

impl Task {
    /// Whether its containers run.
    fn is_running(&self) -> bool {
        self.last_status == TaskStatus::Running
    }

    /// Whether it is over.
    pub fn is_stopped(&self) -> bool {
        self.last_status == TaskStatus::Stopped
    }

    /// Whether ECS wants it to be over.
    fn is_to_stop(&self) -> bool {
        self.desired_status == TaskStatus::Stopped
    }

    fn is_unhealthy(&self) -> bool {
        self.health == Some(HealthStatus::Unhealthy)
    }
}

/// A container of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// What its process ended with.
    pub exit_code: Option<i32>,
    /// Why it ended or could not start.
    pub reason: String,
}

/// A service deployment: the newer view of a deployment, which names each step of a rollback.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDeployment {
    /// How far it is.
    pub status: ServiceDeploymentStatus,
    /// ECS's sentence about that.
    pub reason: String,
}

/// A target of the load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its IP address.
    pub address: String,
    /// What its health checks say.
    pub state: TargetState,
    /// The load balancer's sentence about that.
    pub reason: String,
}

/// Why a release fails, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The cause.
    #[serde(flatten)]
    pub cause: Cause,
    /// How many tasks ended for this cause.
    pub stops: usize,
    /// The task that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// ECS's word for why that stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<StopCode>,
    /// ECS's sentence; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Failure {
    /// One that no task shows.
    pub fn without_task(cause: Cause, reason: impl Into<String>) -> Self {
        Self {
            cause,
            stops: 0,
            task: None,
            stop_code: None,
            reason: reason.into(),
        }
    }
}
