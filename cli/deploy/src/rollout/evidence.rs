//! What speaks against a rollout: the ends of its tasks, and the service's events.

use jiff::Timestamp;

use super::verdict::{CountedStop, Rollout};
use super::{Cause, Failure, Observation, Service};
use crate::ecs::messages::{Cure, Meaning, meaning};

/// How many tasks may end for one cause: the second says that the first was no accident. ECS's
/// circuit breaker waits for three at least.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
const STOPS: usize = 2;

impl Rollout {
    /// What is enough to call it failed.
    pub(super) fn decisive(&self, service: Option<&Service>) -> Option<Failure> {
        if let Some(stop) = self.stops.values().find(|stop| !stop.is_curable) {
            return Some(self.failure_of(stop));
        }
        self.likeliest()
            .filter(|failure| failure.stops >= STOPS)
            .or_else(|| self.not_launched(service?))
    }

    /// The cause that ended most tasks.
    pub(super) fn likeliest(&self) -> Option<Failure> {
        let stops = self.stops.values();
        let stop = stops.max_by_key(|stop| self.count(&stop.cause))?;
        Some(self.failure_of(stop))
    }

    fn count(&self, cause: &Cause) -> usize {
        let stops = self.stops.values();
        stops.filter(|stop| stop.cause == *cause).count()
    }

    fn failure_of(&self, stop: &CountedStop) -> Failure {
        let stops = self.count(&stop.cause);
        self.containers
            .failure_of(&stop.task, stop.cause.clone(), stops)
    }

    /// What ECS says in the service's events alone and no retry cures: it makes no task at all
    /// where it cannot even begin.
    fn not_launched(&self, service: &Service) -> Option<Failure> {
        let mut once: Vec<(Cause, &str)> = Vec::new();
        for text in self.events(service) {
            match meaning(text) {
                Meaning::Trouble {
                    cause,
                    cure: Cure::Never,
                } => {
                    return Some(Failure::without_task(cause, text));
                }
                Meaning::Trouble {
                    cause,
                    cure: Cure::Once,
                } => once.push((cause, text)),
                Meaning::Trouble {
                    cure: Cure::Waiting,
                    ..
                }
                | Meaning::News
                | Meaning::Unknown => {}
            }
        }
        let enough = once.len() >= STOPS;
        let (cause, newest) = once.into_iter().next().filter(|_| enough)?;
        Some(Failure::without_task(cause, newest))
    }

    /// What holds it up, by the service's newest event that tells of trouble.
    pub(super) fn held_up(&self, seen: &Observation) -> Option<Failure> {
        let service = seen.service.as_ref().filter(|one| one.desired > 0)?;
        self.events(service).find_map(|text| match meaning(text) {
            Meaning::Trouble { cause, .. } => Some(Failure::without_task(cause, text)),
            Meaning::News | Meaning::Unknown => None,
        })
    }

    /// The service's events since the watched deployment was made, the newest first.
    pub(super) fn events<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a str> {
        let since = self.watched.created_at.unwrap_or(Timestamp::MIN);
        service
            .events
            .iter()
            .filter(move |event| event.at.is_none_or(|at| at >= since))
            .filter(|event| !self.before.events.contains(&event.id))
            .map(|event| event.message.as_str())
    }
}
