//! The service as a look shows it: what it runs, and whether it can be deployed to.

use std::fmt;

use jiff::Timestamp;

use super::OwnDeployment;
use crate::ecs::states::{DeploymentController, DeploymentStatus, RolloutState, ServiceStatus};
use crate::task_definition::RevisionArn;

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Whether it can be used.
    pub status: ServiceStatus,
    /// Who makes its deployments.
    pub controller: DeploymentController,
    /// The revision that it is told to run; empty if it has none.
    pub task_definition: RevisionArn,
    /// How many tasks may run while they are replaced, if ECS says.
    pub bounds: Option<TaskBounds>,
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

    /// What keeps it from being deployed to or scaled, by what ECS says of it.
    pub fn obstacle(&self) -> Option<Undeployable> {
        match (&self.status, &self.controller) {
            (ServiceStatus::Draining, _) => Some(Undeployable::Draining),
            (ServiceStatus::Inactive, _) => Some(Undeployable::Inactive),
            (_, DeploymentController::CodeDeploy) => Some(Undeployable::CodeDeploy),
            (_, DeploymentController::External) => Some(Undeployable::External),
            (_, DeploymentController::Other(word)) if !word.is_empty() => {
                Some(Undeployable::OtherController(word.clone()))
            }
            (_, DeploymentController::Ecs | DeploymentController::Other(_)) => None,
        }
    }

    /// What keeps its tasks from being replaced.
    pub fn replacement_obstacle(&self) -> Option<Undeployable> {
        self.obstacle().or_else(|| {
            let bounds = self.bounds.filter(|_| self.desired > 0)?;
            let can_start = self.running() < bounds.most(self.desired);
            let can_stop = bounds.least(self.desired) < self.running();
            (!can_start && !can_stop).then_some(Undeployable::NoRoom(bounds))
        })
    }

    /// What its tasks show to run.
    pub fn runs(&self) -> Runs {
        let mut revisions: Vec<RevisionArn> = Vec::new();
        for one in self.deployments.iter().filter(|one| one.running > 0) {
            if !revisions.contains(&one.task_definition) {
                revisions.push(one.task_definition.clone());
            }
        }
        if !revisions.is_empty() {
            return Runs::Revisions(revisions);
        }
        let primary = self.primary();
        let why = match primary {
            Some(primary) if primary.has_failed() => NothingRuns::Failed(primary.reason.clone()),
            _ if self.desired == 0 => NothingRuns::NoneDesired,
            _ => NothingRuns::NotYet,
        };
        Runs::Nothing {
            told: primary.map_or_else(
                || self.task_definition.clone(),
                |primary| primary.task_definition.clone(),
            ),
            why,
        }
    }
}

/// How many tasks a service may have while they are replaced, in percent of the desired count.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskBounds {
    /// The least that have to run; rounded up.
    pub minimum_healthy_percent: i32,
    /// The most that may run; rounded down.
    pub maximum_percent: i32,
}

impl TaskBounds {
    fn least(self, desired: i32) -> i32 {
        let percent = i64::from(desired) * i64::from(self.minimum_healthy_percent);
        i32::try_from((percent + 99) / 100).unwrap_or(i32::MAX)
    }

    fn most(self, desired: i32) -> i32 {
        let percent = i64::from(desired) * i64::from(self.maximum_percent);
        i32::try_from(percent / 100).unwrap_or(i32::MAX)
    }
}

/// Why nothing can be deployed to a service, as far as ECS says so beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undeployable {
    /// It is being deleted.
    Draining,
    /// It was deleted.
    Inactive,
    /// CodeDeploy makes its deployments.
    CodeDeploy,
    /// Another tool does.
    External,
    /// Something else does, by this name.
    OtherController(String),
    /// Its bounds allow ECS neither to start a task nor to stop one.
    NoRoom(TaskBounds),
}

impl fmt::Display for Undeployable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draining => f.write_str("is DRAINING: it is being deleted"),
            Self::Inactive => f.write_str("is INACTIVE: it was deleted"),
            Self::CodeDeploy => f.write_str(
                "has the deployment controller CODE_DEPLOY: AWS CodeDeploy deploys to it",
            ),
            Self::External => {
                f.write_str("has the deployment controller EXTERNAL: another tool deploys to it")
            }
            Self::OtherController(word) => {
                write!(f, "has the unknown deployment controller {word}")
            }
            Self::NoRoom(bounds) => write!(
                f,
                "can neither start nor stop a task in a deployment: minimumHealthyPercent is {} and maximumPercent {}",
                bounds.minimum_healthy_percent, bounds.maximum_percent
            ),
        }
    }
}

/// What a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// Tasks of these revisions, the newest deployment's first.
    Revisions(Vec<RevisionArn>),
    /// No task.
    Nothing {
        /// The revision that it was told to run last.
        told: RevisionArn,
        /// Why none runs.
        why: NothingRuns,
    },
}

/// Why a service runs no task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NothingRuns {
    /// Its rollout failed: ECS's sentence.
    Failed(String),
    /// Its desired count is 0.
    NoneDesired,
    /// Its tasks do not run yet, or not any more.
    NotYet,
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

    pub(super) fn is_primary(&self) -> bool {
        self.status == DeploymentStatus::Primary
    }

    pub(super) fn has_failed(&self) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn service(status: &str, controller: &str) -> Service {
        Service {
            status: status.into(),
            controller: controller.into(),
            task_definition: "r:2".into(),
            ..Service::default()
        }
    }

    fn deployment(status: &str, revision: &str, state: &str, running: i32) -> Deployment {
        Deployment {
            status: status.into(),
            task_definition: revision.into(),
            rollout_state: Some(state.into()),
            reason: format!("{state} it is"),
            running,
            ..Deployment::default()
        }
    }

    #[test]
    fn only_an_active_service_that_ecs_itself_deploys_to_can_be_deployed_to() {
        let obstacle = |status, controller| service(status, controller).obstacle();
        assert_eq!(obstacle("ACTIVE", "ECS"), None);
        assert_eq!(
            obstacle("ACTIVE", "CODE_DEPLOY"),
            Some(Undeployable::CodeDeploy)
        );
        assert_eq!(obstacle("ACTIVE", "EXTERNAL"), Some(Undeployable::External));
        assert_eq!(obstacle("DRAINING", "ECS"), Some(Undeployable::Draining));
        assert_eq!(
            obstacle("INACTIVE", "CODE_DEPLOY"),
            Some(Undeployable::Inactive)
        );
        let later = obstacle("ACTIVE", "INVENTED_LATER").unwrap();
        assert!(later.to_string().contains("INVENTED_LATER"));
    }

    #[test]
    fn bounds_that_leave_no_room_for_another_task_are_known_before_a_deployment() {
        let is_stuck = |least, most, desired, running| {
            let bounds = Some(TaskBounds {
                minimum_healthy_percent: least,
                maximum_percent: most,
            });
            let deployments = vec![deployment("PRIMARY", "r:2", "COMPLETED", running)];
            let service = Service {
                bounds,
                desired,
                deployments,
                ..service("ACTIVE", "ECS")
            };
            service.replacement_obstacle().is_some()
        };
        // The examples of AWS's page, and one task at ECS's defaults.
        assert!(!is_stuck(100, 200, 1, 1));
        assert!(is_stuck(100, 150, 1, 1));
        assert!(is_stuck(100, 125, 3, 3));
        assert!(is_stuck(75, 100, 2, 2));
        assert!(!is_stuck(50, 100, 4, 4));
        assert!(!is_stuck(0, 100, 1, 1));
        // Nothing has to make room where nothing runs, or nothing is to run.
        assert!(!is_stuck(100, 100, 1, 0));
        assert!(!is_stuck(100, 100, 0, 0));
    }

    #[test]
    fn what_runs_is_what_has_tasks_and_not_what_was_told() {
        let runs = |desired, deployments| {
            Service {
                desired,
                deployments,
                ..service("ACTIVE", "ECS")
            }
            .runs()
        };
        let revisions = |names: &[&str]| {
            Runs::Revisions(names.iter().map(|name| RevisionArn::from(*name)).collect())
        };
        let well = deployment("PRIMARY", "r:2", "COMPLETED", 1);
        assert_eq!(runs(1, vec![well]), revisions(&["r:2"]));
        let failed = || deployment("PRIMARY", "r:2", "FAILED", 0);
        let old = deployment("ACTIVE", "r:1", "COMPLETED", 1);
        assert_eq!(runs(1, vec![failed(), old]), revisions(&["r:1"]));
        let nothing = |why| Runs::Nothing {
            told: "r:2".into(),
            why,
        };
        let why = NothingRuns::Failed("FAILED it is".to_owned());
        assert_eq!(runs(0, vec![failed()]), nothing(why));
        let empty = || deployment("PRIMARY", "r:2", "COMPLETED", 0);
        assert_eq!(runs(0, vec![empty()]), nothing(NothingRuns::NoneDesired));
        assert_eq!(runs(1, vec![empty()]), nothing(NothingRuns::NotYet));
    }
}
