//! How far a rollout is, whatever that means for it.

use serde::{Serialize, Serializer};

use super::verdict::{Rollout, Standing};
use super::{Observation, Target};
use crate::ecs::messages::tells_of_no_capacity;
use crate::ecs::states::{RolloutState, TargetState};

/// How far a rollout is while nothing is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// ECS's state of the deployment; `None` if reads do not show it yet.
    #[serde(serialize_with = "word")]
    pub state: Option<RolloutState>,
    /// How many tasks are desired.
    pub desired: i32,
    /// How many tasks run.
    pub running: i32,
    /// How many tasks are about to run.
    pub pending: i32,
    /// How many tasks of earlier deployments still run.
    pub others: i32,
    /// How many of its targets are healthy, where there is a load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<usize>,
    /// How many of its tasks stopped in a way that speaks against it.
    pub failed: usize,
    /// What holds it up, as far as that shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// No state is an empty word in the events' JSON.
fn word<S: Serializer>(state: &Option<RolloutState>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_ref().map_or("", RolloutState::as_str))
}

impl Rollout {
    pub(super) fn progress(&self, seen: &Observation, standing: &Standing<'_>) -> Progress {
        let deployments = seen.service.iter().flat_map(|one| &one.deployments);
        let watched = match standing {
            Standing::Primary(watched) => Some(*watched),
            Standing::Replaced { watched, .. } => *watched,
            Standing::Unseen => None,
        };
        Progress {
            state: watched.and_then(|one| one.rollout_state.clone()),
            desired: watched.map_or(0, |one| one.desired),
            running: watched.map_or(0, |one| one.running),
            pending: watched.map_or(0, |one| one.pending),
            others: deployments
                .filter(|one| one.id != self.watched.id)
                .map(|one| one.running)
                .sum(),
            healthy: seen.targets.as_ref().map(|_| self.healthy_targets(seen)),
            failed: self.stops.len(),
            note: self.note(seen),
        }
    }

    fn targets<'a>(&'a self, seen: &'a Observation) -> impl Iterator<Item = &'a Target> + 'a {
        let addresses = seen
            .tasks
            .iter()
            .filter(|task| self.running_since.contains_key(&task.id))
            .filter_map(|task| task.address.as_deref());
        let addresses: Vec<&str> = addresses.collect();
        seen.targets
            .iter()
            .flatten()
            .filter(move |target| addresses.contains(&target.address.as_str()))
    }

    fn healthy_targets(&self, seen: &Observation) -> usize {
        self.targets(seen)
            .filter(|target| target.state == TargetState::Healthy)
            .count()
    }

    pub(super) fn has_unhealthy_target(&self, seen: &Observation) -> bool {
        self.targets(seen)
            .any(|target| matches!(target.state, TargetState::Unhealthy | TargetState::Initial))
    }

    fn note(&self, seen: &Observation) -> Option<String> {
        let Some(service) = &seen.service else {
            return Some("the service cannot be read at the moment".to_owned());
        };
        let mut targets = self.targets(seen);
        if let Some(target) = targets.find(|target| target.state == TargetState::Unhealthy) {
            return Some(format!(
                "target {} is unhealthy: {}",
                target.address, target.reason
            ));
        }
        let mut tasks = seen.tasks.iter();
        if let Some(task) = tasks.find(|task| task.is_unhealthy() && !task.is_to_stop()) {
            return Some(format!("task {} fails its own health check", task.id));
        }
        if service.desired > 0
            && let Some(message) = self.events(service).find(|text| tells_of_no_capacity(text))
        {
            return Some(message.to_owned());
        }
        self.likeliest().map(|failure| failure.cause.to_string())
    }
}
