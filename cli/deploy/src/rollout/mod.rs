//! What became of a deployment: a verdict over what was observed. Nothing here asks AWS or the
//! clock, so that everything that ECS is known to do can be played to it in a test.
//!
//! Why not the SDK's waiter: a service is "stable" when it has one deployment whose tasks run,
//! whichever deployment that is. It is stable after a rollback, it is stable when another deploy
//! took over, and right after UpdateService it is still stable on the old revision. Here *our own*
//! deployment is followed, by the id that UpdateService answered.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
//!
//! Read in this order: the facts here and in [`service`], then [`cause`] and [`stop_reason`] (why a
//! task ended, and whether that speaks against the release), then [`verdict`], which weighs the
//! [`evidence`]; [`progress`] is what is shown until then. What the service's events mean is in
//! [`crate::ecs::messages`].

mod assessment;
mod cause;
mod evidence;
mod progress;
mod service;
mod stop_reason;
mod verdict;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::ecs::states::{
    HealthStatus, ServiceDeploymentStatus, StopCode, TargetState, TaskStatus,
};
use crate::task_definition::RevisionArn;

pub use assessment::{Assessment, EcsRollback, Progress, Unsuccessful, Up, Verdict};
pub use cause::Cause;
pub use service::{Deployment, NothingRuns, Runs, Service, ServiceEvent, TaskBounds, Undeployable};
pub use stop_reason::TaskContainers;
pub(crate) use stop_reason::{in_small_letters, why_not_started};
pub use verdict::{Baseline, Rollout};

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
    /// The log that tells more, if a task shows the cause.
    #[serde(flatten)]
    pub log: Option<Box<FailureLog>>,
}

/// The log of the container that shows a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureLog {
    /// The container.
    #[serde(skip)]
    pub container: String,
    /// Where its log goes, if not to CloudWatch Logs.
    #[serde(rename = "log_destination", skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
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
            log: None,
        }
    }
}
