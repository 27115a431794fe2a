//! What there is to see of a rollout, whatever it means.

use super::judge::{Place, Rollout};
use super::{Observation, Progress, Target};

impl Rollout {
    pub(super) fn progress(&self, seen: &Observation, place: &Place<'_>) -> Progress {
        let deployments = seen.service.iter().flat_map(|one| &one.deployments);
        let ours = match place {
            Place::Primary(ours) => Some(*ours),
            Place::Replaced { ours, .. } => *ours,
            Place::Unseen => None,
        };
        Progress {
            state: ours
                .map(|one| one.rollout_state.clone())
                .unwrap_or_default(),
            desired: ours.map_or(0, |one| one.desired),
            running: ours.map_or(0, |one| one.running),
            pending: ours.map_or(0, |one| one.pending),
            others: deployments
                .filter(|one| one.id != self.ours.deployment)
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
            .filter(|target| target.state == "healthy")
            .count()
    }

    pub(super) fn has_unhealthy_target(&self, seen: &Observation) -> bool {
        self.targets(seen)
            .any(|target| matches!(target.state.as_str(), "unhealthy" | "initial"))
    }

    fn note(&self, seen: &Observation) -> Option<String> {
        let Some(service) = &seen.service else {
            return Some("the service cannot be read at the moment".to_owned());
        };
        if let Some(target) = self
            .targets(seen)
            .find(|target| target.state == "unhealthy")
        {
            return Some(format!(
                "target {} is unhealthy: {}",
                target.address, target.reason
            ));
        }
        if let Some(task) = seen
            .tasks
            .iter()
            .find(|task| task.health == "UNHEALTHY" && task.desired_status != "STOPPED")
        {
            return Some(format!("task {} fails its own health check", task.id));
        }
        if service.desired > 0
            && let Some(event) = self
                .events(service)
                .find(|message| message.contains("unable to place a task"))
        {
            return Some(event.to_owned());
        }
        self.likeliest().map(|failure| failure.cause.to_string())
    }
}
