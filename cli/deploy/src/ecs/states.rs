//! The words in which ECS and the load balancer give a state, as types: no other file compares or
//! writes them. What AWS adds later is kept as it comes ([`Other`](RolloutState::Other)), so that
//! it can be shown, and decides nothing.

use std::fmt;

use serde::{Serialize, Serializer};

/// An enum of AWS's words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$meaning])* $variant,)+
            /// A word that this program does not know; empty where AWS gave none.
            Other(String),
        }

        impl $name {
            /// The word as AWS writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// `status` of a cluster.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html>
    ClusterStatus {
        /// It can be used.
        Active = "ACTIVE",
        /// Its capacity providers are being made.
        Provisioning = "PROVISIONING",
        /// Its capacity providers are being deleted.
        Deprovisioning = "DEPROVISIONING",
        /// Its capacity providers could not be made.
        Failed = "FAILED",
        /// It was deleted, and is shown for a while.
        Inactive = "INACTIVE",
    }
}

words! {
    /// `status` of a service.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html>
    ServiceStatus {
        /// It can be used.
        Active = "ACTIVE",
        /// It is being deleted, and its tasks are being stopped.
        Draining = "DRAINING",
        /// It was deleted, and is shown for a while.
        Inactive = "INACTIVE",
    }
}

words! {
    /// `deploymentController.type` of a service.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentController.html>
    DeploymentController {
        /// ECS itself: UpdateService makes deployments.
        Ecs = "ECS",
        /// AWS CodeDeploy makes them.
        CodeDeploy = "CODE_DEPLOY",
        /// Another tool makes task sets.
        External = "EXTERNAL",
    }
}

words! {
    /// `status` of a task definition.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>
    TaskDefinitionStatus {
        /// Services can be told to run it.
        Active = "ACTIVE",
        /// It was deregistered: what runs it goes on, but no service can be told to run it any
        /// more.
        Inactive = "INACTIVE",
        /// It is being deleted.
        DeleteInProgress = "DELETE_IN_PROGRESS",
    }
}

words! {
    /// `launchType` of a service that uses no capacity providers.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html>
    LaunchType {
        /// AWS's machines.
        Fargate = "FARGATE",
        /// EC2 instances of the account.
        Ec2 = "EC2",
        /// Machines outside AWS.
        External = "EXTERNAL",
    }
}

words! {
    /// `status` of one of a service's deployments.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
    DeploymentStatus {
        /// The newest one.
        Primary = "PRIMARY",
        /// An earlier one whose tasks still run.
        Active = "ACTIVE",
        /// One that was replaced.
        Inactive = "INACTIVE",
    }
}

words! {
    /// `rolloutState` of one of a service's deployments.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
    RolloutState {
        /// Tasks are being started, and those of earlier deployments stopped.
        InProgress = "IN_PROGRESS",
        /// As many tasks run as are desired. Without health checks ECS says so the moment that a
        /// process exists.
        Completed = "COMPLETED",
        /// The circuit breaker or an alarm ended it.
        Failed = "FAILED",
    }
}

words! {
    /// `status` of a service deployment.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>
    ServiceDeploymentStatus {
        /// It has not begun.
        Pending = "PENDING",
        /// It goes on.
        InProgress = "IN_PROGRESS",
        /// It is done.
        Successful = "SUCCESSFUL",
        /// Somebody asked to stop it.
        StopRequested = "STOP_REQUESTED",
        /// It ended without a rollback, which is how ECS calls a failure that it does not roll
        /// back.
        Stopped = "STOPPED",
        /// A rollback was asked for.
        RollbackRequested = "ROLLBACK_REQUESTED",
        /// It is being rolled back.
        RollbackInProgress = "ROLLBACK_IN_PROGRESS",
        /// It was rolled back.
        RollbackSuccessful = "ROLLBACK_SUCCESSFUL",
        /// It could not be rolled back.
        RollbackFailed = "ROLLBACK_FAILED",
    }
}

impl ServiceDeploymentStatus {
    /// Whether a rollback was asked for, goes on, or is over.
    pub fn is_rollback(&self) -> bool {
        matches!(
            self,
            Self::RollbackRequested
                | Self::RollbackInProgress
                | Self::RollbackSuccessful
                | Self::RollbackFailed
        )
    }
}

words! {
    /// `lastStatus` and `desiredStatus` of a task.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
    TaskStatus {
        /// Its network interface is being made.
        Provisioning = "PROVISIONING",
        /// It waits for the container agent.
        Pending = "PENDING",
        /// It is being registered with the load balancer.
        Activating = "ACTIVATING",
        /// Its containers run.
        Running = "RUNNING",
        /// It is being deregistered from the load balancer.
        Deactivating = "DEACTIVATING",
        /// Its containers are being stopped.
        Stopping = "STOPPING",
        /// Its network interface is being deleted.
        Deprovisioning = "DEPROVISIONING",
        /// It is over, and is shown for an hour.
        Stopped = "STOPPED",
    }
}

words! {
    /// `healthStatus` of a task or a container, by the containers' own health checks.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
    HealthStatus {
        /// The check passes.
        Healthy = "HEALTHY",
        /// The check fails.
        Unhealthy = "UNHEALTHY",
        /// There is no check, or no result yet.
        Unknown = "UNKNOWN",
    }
}

words! {
    /// `stopCode` of a task.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html>
    StopCode {
        /// It never ran.
        TaskFailedToStart = "TaskFailedToStart",
        /// A container ended without which the task cannot go on.
        EssentialContainerExited = "EssentialContainerExited",
        /// Somebody stopped it.
        UserInitiated = "UserInitiated",
        /// The service stopped it: it scales in, replaces the task, or a health check fails.
        ServiceSchedulerInitiated = "ServiceSchedulerInitiated",
        /// Fargate Spot took its capacity back.
        SpotInterruption = "SpotInterruption",
        /// Its machine goes away.
        TerminationNotice = "TerminationNotice",
    }
}

words! {
    /// `State` of a load balancer's target.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
    TargetState {
        /// It is being registered, or its first checks are on their way.
        Initial = "initial",
        /// Its checks pass.
        Healthy = "healthy",
        /// Its checks fail.
        Unhealthy = "unhealthy",
        /// It is not registered, or nothing leads to its group.
        Unused = "unused",
        /// It is being deregistered.
        Draining = "draining",
        /// Health checks are switched off.
        Unavailable = "unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_known_is_kept_as_it_came() {
        assert_eq!(RolloutState::from("IN_PROGRESS"), RolloutState::InProgress);
        let later = RolloutState::from("INVENTED_LATER");
        assert_eq!(later, RolloutState::Other("INVENTED_LATER".to_owned()));
        assert_eq!(later.as_str(), "INVENTED_LATER");
    }
}
