//! How far a rollout is, whatever that means for it.

use super::assessment::Progress;
use super::verdict::{Rollout, Standing};
use super::{Cause, Observation, Target};
use crate::ecs::states::TargetState;

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
        if seen.service.is_none() {
            return Some("the service cannot be read at the moment".to_owned());
        }
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
        // A health check that fails shows above; the event about it stays when it is over.
        let held_up = self.held_up(seen);
        let held_up = held_up.filter(|one| one.cause != Cause::TargetHealth);
        held_up
            .map(|one| one.reason)
            .or_else(|| Some(self.likeliest()?.cause.to_string()))
    }
}
