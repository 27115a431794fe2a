//! Why a release fails, or is held up; and what to do about it.

use std::fmt;

use serde::Serialize;

/// Why a release fails, or is held up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// An essential container ended.
    Exited {
        /// The container's name.
        container: String,
        /// What its process ended with, if that is known.
        exit_code: Option<i32>,
    },
    /// A container took more memory than it has.
    OutOfMemory,
    /// The image cannot be pulled.
    ImageNotPulled,
    /// The image is built for another architecture.
    WrongArchitecture,
    /// A role cannot be assumed, or lacks a permission.
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
    /// The target group was deleted.
    TargetGroupGone,
    /// ECS cannot launch tasks at all.
    NotLaunched,
    /// ECS may neither start nor stop a task.
    DeploymentConfiguration,
    /// AWS has no capacity for a task at the moment.
    NoCapacity,
    /// No container instance has room for a task.
    NoInstance,
    /// The container agent of an instance does not answer.
    NoAgent,
    /// A quota of the account is reached.
    Quota,
    /// A task is larger than the account may have.
    AboveLimit,
    /// ECS cannot place a task, and says no more.
    NotPlaced,
    /// ECS is asked too often, or starts too much at once.
    Throttled,
    /// Tasks that are to end are protected.
    ProtectedTasks,
    /// ECS, an alarm or a person ended the deployment.
    Stopped,
    /// The person at the terminal asked for a rollback.
    Unwanted,
    /// The service was deleted.
    ServiceGone,
    /// It runs, but does not answer as the new release.
    NotVerified,
}

impl Cause {
    /// What to do about it, where that is the same for everybody.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::OutOfMemory => "give the task more memory: `memory` in the tfvars",
            Self::ImageNotPulled => {
                "the image has to be in the repository, and the tasks' subnets have to reach ECR and S3 (NAT gateway, or VPC endpoints)"
            }
            Self::WrongArchitecture => {
                "build the image for the task definition's architecture, or set `cpu_architecture` and apply"
            }
            Self::Role => {
                "the roles of the task definition have to trust ecs-tasks.amazonaws.com and have the permission that the reason names"
            }
            Self::Secret => {
                "create what `secrets` of the task definition names, in its region, and have the subnets reach Secrets Manager or Systems Manager"
            }
            Self::Log => {
                "create the log group that the task definition names, and have the subnets reach CloudWatch Logs"
            }
            Self::ContainerHealth | Self::TargetHealth => {
                "the router has to answer `/health` on its port within the health check's grace period, and the security groups have to let the load balancer in"
            }
            Self::TargetGroupGone => {
                "the service has to be deleted and created again: its target group no longer exists"
            }
            Self::DeploymentConfiguration => {
                "set maximumPercent of the service to 200, or minimumHealthyPercent lower, so that ECS may start or stop at least one task"
            }
            Self::NoCapacity => {
                "wait, use another capacity (`fargate_spot = false`), or add subnets in other availability zones"
            }
            Self::NoInstance => {
                "add container instances to the cluster, or make the task smaller: its CPU, memory, ports and network interface have to be free on one"
            }
            Self::NoAgent => {
                "restart the container agent of the instance: `sudo systemctl restart ecs`"
            }
            Self::Quota => {
                "stop other tasks, or have the quota of Fargate vCPUs or tasks raised in Service Quotas"
            }
            Self::AboveLimit => {
                "make the task smaller (`cpu`, `memory`), or have the quota raised in Service Quotas"
            }
            Self::NotPlaced => {
                "check that Fargate exists in the availability zones of the service's subnets"
            }
            Self::Throttled => {
                "it goes on by itself; AWS Support raises the rate quotas of the API"
            }
            Self::ProtectedTasks => {
                "wait until the tasks' protection ends, or end it with `aws ecs update-task-protection`"
            }
            Self::Exited { .. }
            | Self::NotStarted
            | Self::NotLaunched
            | Self::Stopped
            | Self::Unwanted
            | Self::ServiceGone
            | Self::NotVerified => return None,
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Exited {
                container,
                exit_code: Some(code),
            } => return write!(f, "container `{container}` ended with exit code {code}"),
            Self::Exited {
                container,
                exit_code: None,
            } => return write!(f, "container `{container}` ended"),
            Self::OutOfMemory => "a container ran out of memory",
            Self::ImageNotPulled => "the image cannot be pulled",
            Self::WrongArchitecture => "the image is built for another architecture",
            Self::Role => "a role is missing, or lacks a permission",
            Self::Secret => "a secret or parameter cannot be read",
            Self::Log => "the log cannot be written to",
            Self::NotStarted => "a task cannot start",
            Self::ContainerHealth => "the container's health check fails",
            Self::TargetHealth => "the load balancer's health check fails",
            Self::TargetGroupGone => "the load balancer's target group does not exist any more",
            Self::NotLaunched => "ECS cannot launch tasks",
            Self::DeploymentConfiguration => {
                "the service's deployment configuration lets ECS neither start nor stop a task"
            }
            Self::NoCapacity => "AWS has no capacity for a task at the moment",
            Self::NoInstance => "no container instance has room for a task",
            Self::NoAgent => "the container agent of an instance does not answer",
            Self::Quota => "a quota of the account is reached",
            Self::AboveLimit => "the task is larger than the account may have",
            Self::NotPlaced => "ECS cannot place a task",
            Self::Throttled => "ECS is throttled",
            Self::ProtectedTasks => "tasks that are to end are protected from it",
            Self::Stopped => "the deployment was ended",
            Self::Unwanted => "a rollback was asked for",
            Self::ServiceGone => "the service is gone",
            Self::NotVerified => "it runs, but does not answer as the new release",
        };
        f.write_str(text)
    }
}
