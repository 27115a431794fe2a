//! What became of a deployment: a verdict over what was observed. Nothing here asks AWS or the clock, so that everything
//! that ECS is known to do can be played to it in a test.
//!
//! Why not the SDK's waiter: a service is "stable" when it has one deployment whose tasks run, whichever deployment that is.
//! It is stable after a rollback, it is stable when another deploy took over, and right after UpdateService it is still
//! stable on the old revision. Here *our own* deployment is followed, by the id that UpdateService answered.
//!
//! Read in this order: the facts here, then [`stops`] (why a task ended, and whether that speaks against the release), then
//! [`judge`] (the verdict); [`look`] is what is shown until then.

mod judge;
mod look;
mod stops;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use judge::Rollout;

/// Our deployment, from UpdateService's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// `ecs-svc/1234567890123456789`.
    pub deployment: String,
    /// The ARN of the revision that it runs.
    pub task_definition: String,
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
    /// The tasks of our deployment, running and stopped.
    pub tasks: Vec<Task>,
    /// DescribeServiceDeployments; `None` where that is missing, denied or knows nothing of ours.
    pub service_deployment: Option<ServiceDeployment>,
    /// DescribeTargetHealth; `None` where there is no target group.
    pub targets: Option<Vec<Target>>,
    /// Who registered the revision of a deployment that took our place, if its tags say so.
    pub successor: Option<String>,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: String,
    /// How many tasks it is to have.
    pub desired: i32,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
    /// What it reports, the newest first.
    pub events: Vec<Event>,
    /// Whether the circuit breaker, or an alarm, rolls back by itself.
    pub rolls_back: bool,
}

/// A deployment of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// `ecs-svc/…`.
    pub id: String,
    /// PRIMARY, ACTIVE or INACTIVE.
    pub status: String,
    /// The ARN of its revision.
    pub task_definition: String,
    /// IN_PROGRESS, COMPLETED, FAILED; empty where ECS gives none.
    pub rollout_state: String,
    /// Why.
    pub reason: String,
    /// How many tasks it is to have.
    pub desired: i32,
    /// How many are about to run.
    pub pending: i32,
    /// How many run.
    pub running: i32,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

impl Deployment {
    fn is_primary(&self) -> bool {
        self.status == "PRIMARY"
    }

    /// Whether ECS calls it done and its tasks run. Not yet a verdict.
    pub fn is_complete(&self) -> bool {
        // Without a state there is nothing but the counts.
        matches!(self.rollout_state.as_str(), "COMPLETED" | "")
            && self.desired > 0
            && self.running >= self.desired
            && self.pending == 0
    }
}

/// Something that the service reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Option<Timestamp>,
    /// What.
    pub message: String,
}

/// A task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// The last part of its ARN, by which its log stream is named.
    pub id: String,
    /// PROVISIONING … RUNNING … STOPPED.
    pub last_status: String,
    /// RUNNING or STOPPED.
    pub desired_status: String,
    /// HEALTHY, UNHEALTHY or UNKNOWN: what the containers' own health checks say.
    pub health: String,
    /// Why it stopped, in a word; empty if it did not.
    pub stop_code: String,
    /// Why it stopped, in a sentence.
    pub stopped_reason: String,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its private address, by which a target group knows it.
    pub address: Option<String>,
    /// The last lines of its log, where they were asked for.
    pub last_lines: Vec<String>,
}

/// A container of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// What it ended with.
    pub exit_code: Option<i32>,
    /// Why it ended or could not start.
    pub reason: String,
    /// HEALTHY, UNHEALTHY or UNKNOWN.
    pub health: String,
}

/// A service deployment: the newer view of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDeployment {
    /// PENDING, IN_PROGRESS, SUCCESSFUL, STOP_REQUESTED, STOPPED, ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS,
    /// ROLLBACK_SUCCESSFUL or ROLLBACK_FAILED. A failure without rollback is STOPPED.
    pub status: String,
    /// Why.
    pub reason: String,
}

/// A target of the load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub address: String,
    /// initial, healthy, unhealthy, unused, draining, unavailable.
    pub state: String,
    /// Why.
    pub reason: String,
}

/// Why a release fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A container ended that must not.
    Exited {
        /// The container.
        container: String,
        /// What it ended with, if that is known.
        exit_code: Option<i32>,
    },
    /// A container took more memory than it has.
    OutOfMemory,
    /// The image cannot be pulled.
    ImageNotPulled,
    /// The image is built for another architecture.
    WrongArchitecture,
    /// A role cannot be taken, or lacks a permission.
    Role,
    /// A secret or parameter cannot be read.
    Secret,
    /// The log cannot be written to.
    Log,
    /// It does not start for another reason.
    NotStarted,
    /// A container's own health check fails.
    ContainerHealth,
    /// The load balancer's health check fails.
    TargetHealth,
    /// ECS cannot launch tasks at all.
    NotLaunched,
    /// ECS, an alarm or a person ended the deployment.
    Stopped,
    /// The person at the terminal does not want it.
    Unwanted,
    /// The service is gone.
    ServiceGone,
    /// It runs, but does not answer as it should.
    NotVerified,
}

/// A failure with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Why.
    #[serde(flatten)]
    pub cause: Cause,
    /// How many tasks ended for this cause.
    pub stops: usize,
    /// The task that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// ECS's word for why it stopped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_code: String,
    /// ECS's sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What there is to see while nothing is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// ECS's state of our deployment; empty if it is not to be seen yet.
    pub state: String,
    /// How many tasks it is to have.
    pub desired: i32,
    /// How many run.
    pub running: i32,
    /// How many are about to.
    pub pending: i32,
    /// How many tasks of earlier deployments still run.
    pub others: i32,
    /// How many of its targets are healthy, where there is a load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<usize>,
    /// How many of its tasks stopped in a way that speaks against it.
    pub failed: usize,
    /// Something worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not decided.
    InProgress(Progress),
    /// ECS is rolling it back: follow that.
    RollingBack {
        /// The revision that it goes back to, if that is known.
        to: Option<String>,
        /// Why.
        failure: Failure,
        /// How far the rollback is.
        progress: Progress,
    },
    /// Its tasks run, and have for a while.
    Succeeded {
        /// How many.
        running: i32,
    },
    /// It will not come up.
    Failed(Failure),
    /// ECS rolled it back, and the earlier revision runs.
    RolledBackByEcs {
        /// The revision that runs now, if that is known.
        to: Option<String>,
        /// Why.
        failure: Failure,
    },
    /// ECS wanted to roll it back and could not.
    RollbackFailed(Failure),
    /// Another deployment took its place.
    Superseded {
        /// The revision of the other.
        revision: String,
        /// Who deployed that, if its tags say so.
        by: Option<String>,
    },
    /// The service is to have no tasks, so nothing was tried.
    NothingRuns,
    /// It took too long.
    TimedOut {
        /// How far it was.
        progress: Progress,
        /// What spoke against it so far.
        failure: Option<Failure>,
    },
}

impl Verdict {
    /// Whether there is nothing more to wait for.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::InProgress(_) | Self::RollingBack { .. })
    }
}

/// `family:number` out of a revision's ARN.
pub fn revision_name(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

/// The number out of a revision's ARN.
pub fn revision_number(arn: &str) -> Option<u64> {
    arn.rsplit_once(':')?.1.parse().ok()
}
