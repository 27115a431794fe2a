//! The verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::assessment::{Assessment, EcsRollback, Progress, Unsuccessful, Up};
use super::stop_reason::{StopReason, TaskContainers, stop_reason};
use super::{Cause, Deployment, Failure, Observation, OwnDeployment, Service, Task};
use crate::ecs::messages::tells_of_rollback;
use crate::ecs::states::{ServiceDeploymentStatus, ServiceStatus};

/// How long reads may show what was before UpdateService: ECS's API is eventually consistent.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
const LAG: Duration = Duration::from_secs(30);
/// How long the watched deployment, once seen, has to be missing before that is believed: one read
/// in many lags.
const GONE: Duration = Duration::from_secs(3);
/// How long it may take after the end of a deployment until ECS shows whether it rolls back.
const UNDECIDED: Duration = Duration::from_secs(10);
/// How long a task has to run. ECS counts a task as running, and a deployment without health checks
/// as completed, the moment that a process exists; what crashes at its start does so within this
/// time.
const SETTLED: Duration = Duration::from_secs(10);

/// A rollout that is watched.
#[derive(Debug, Clone)]
pub struct Rollout {
    pub(super) watched: OwnDeployment,
    pub(super) containers: TaskContainers,
    timeout: Duration,
    /// How many tasks the service is scaled to, if it is that that is watched.
    scaling: Option<i32>,
    /// What was there before, and says nothing.
    pub(super) before: Baseline,
    /// Whether a read showed the deployment.
    seen: bool,
    /// Since when reads do not show it any more.
    gone_since: Option<Duration>,
    /// Since when ECS calls it failed, or another is in its place for no known reason.
    undecided_since: Option<Duration>,
    /// The deployment that ECS said it goes back to. Once that is done it says so no more.
    way_back: Option<String>,
    /// ECS's sentence of why it ended, from before it left the list.
    why_ended: Option<String>,
    /// Since when ECS calls it complete.
    complete_since: Option<Duration>,
    /// Whether it had come up before the watch began, so that its tasks have been running for a
    /// while.
    was_settled: bool,
    /// Since when each of its tasks runs.
    pub(super) running_since: BTreeMap<String, Duration>,
    /// The ends of its tasks that speak against it, by the task's id.
    pub(super) stops: BTreeMap<String, CountedStop>,
}

/// What was there before the watch, where the watched deployment is older than that.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// The ids of tasks that had ended.
    pub stopped_tasks: BTreeSet<String>,
    /// The ids of the service's events.
    pub events: BTreeSet<String>,
}

/// A task's end that speaks against the release.
#[derive(Debug, Clone)]
pub(super) struct CountedStop {
    pub(super) cause: Cause,
    pub(super) is_curable: bool,
    pub(super) task: Task,
}

/// Where the watched deployment is among the service's.
pub(super) enum Standing<'a> {
    /// Reads do not show it, which means nothing yet.
    Unseen,
    /// It is the newest.
    Primary(&'a Deployment),
    /// Another one is.
    Replaced {
        watched: Option<&'a Deployment>,
        by: &'a Deployment,
    },
}

impl Rollout {
    /// Begins to watch a deployment of a revision with these containers.
    pub fn new(
        watched: OwnDeployment,
        containers: impl Into<TaskContainers>,
        timeout: Duration,
    ) -> Self {
        Self {
            watched,
            containers: containers.into(),
            timeout,
            scaling: None,
            before: Baseline::default(),
            seen: false,
            gone_since: None,
            undecided_since: None,
            way_back: None,
            why_ended: None,
            complete_since: None,
            was_settled: false,
            running_since: BTreeMap::new(),
            stops: BTreeMap::new(),
        }
    }

    /// One that had come up before.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.was_settled = true;
        self
    }

    /// One that came up before and is to have so many tasks now. What was there before does not
    /// count.
    #[must_use]
    pub fn scaled_to(mut self, count: i32, before: Baseline) -> Self {
        self.scaling = Some(count);
        self.before = before;
        self
    }

    /// Whether it is watched how the service is scaled.
    pub fn is_scaling(&self) -> bool {
        self.scaling.is_some()
    }

    /// What was there before the watch and says nothing.
    pub fn before(&self) -> &Baseline {
        &self.before
    }

    /// The container whose log says why a task ended.
    pub fn telling<'t>(&'t self, task: &'t Task) -> &'t str {
        self.containers.telling(task)
    }

    /// The deployment.
    pub fn watched(&self) -> &OwnDeployment {
        &self.watched
    }

    /// Whether this task's end speaks against the release: its log then says why.
    pub fn is_failing(&self, task: &Task) -> bool {
        !self.before.stopped_tasks.contains(&task.id)
            && matches!(
                stop_reason(task, &self.containers),
                StopReason::Failure { .. }
            )
    }

    /// Takes in what was seen and says what it means.
    pub fn observe(&mut self, seen: &Observation) -> Assessment {
        self.take_in_tasks(seen);
        let standing = self.standing(seen);
        let progress = self.progress(seen, &standing);
        match self.assess(seen, &standing, &progress) {
            Assessment::Pending { .. } if seen.at >= self.timeout => {
                Assessment::Final(Err(Unsuccessful::TimedOut {
                    progress,
                    failure: self.likeliest().or_else(|| self.held_up(seen)),
                }))
            }
            assessment => assessment,
        }
    }

    fn take_in_tasks(&mut self, seen: &Observation) {
        for task in &seen.tasks {
            if task.is_running() && !task.is_to_stop() {
                self.running_since.entry(task.id.clone()).or_insert(seen.at);
            } else {
                self.running_since.remove(&task.id);
            }
            if self.before.stopped_tasks.contains(&task.id) {
                continue;
            }
            if let StopReason::Failure { cause, is_curable } = stop_reason(task, &self.containers) {
                let stop = CountedStop {
                    cause,
                    is_curable,
                    task: task.clone(),
                };
                self.stops.insert(task.id.clone(), stop);
            }
        }
        if seen.service.is_some() {
            let listed = |id: &String| seen.tasks.iter().any(|task| task.id == *id);
            self.running_since.retain(|id, _| listed(id));
        }
    }

    fn standing<'a>(&mut self, seen: &'a Observation) -> Standing<'a> {
        let Some(service) = &seen.service else {
            return Standing::Unseen;
        };
        let mut deployments = service.deployments.iter();
        let watched = deployments.find(|one| one.id == self.watched.id);
        match (watched, service.primary()) {
            (Some(watched), _) if watched.is_primary() => {
                self.seen = true;
                self.gone_since = None;
                Standing::Primary(watched)
            }
            (Some(_), Some(by)) => {
                self.seen = true;
                self.gone_since = None;
                Standing::Replaced { watched, by }
            }
            // A deployment that is younger than ours is no old read.
            (None, Some(by))
                if self.watched.created_at.is_some() && by.created_at > self.watched.created_at =>
            {
                Standing::Replaced { watched: None, by }
            }
            (None, Some(by)) if self.seen || seen.at >= LAG => {
                let since = *self.gone_since.get_or_insert(seen.at);
                if seen.at.saturating_sub(since) >= GONE {
                    Standing::Replaced { watched: None, by }
                } else {
                    Standing::Unseen
                }
            }
            (_, None) | (None, Some(_)) => Standing::Unseen,
        }
    }

    fn assess(
        &mut self,
        seen: &Observation,
        standing: &Standing<'_>,
        progress: &Progress,
    ) -> Assessment {
        let Some(service) = &seen.service else {
            return match self.decisive(None) {
                Some(failure) => failed(failure),
                None => pending(progress),
            };
        };
        if matches!(
            service.status,
            ServiceStatus::Inactive | ServiceStatus::Draining
        ) {
            return failed(Failure::without_task(Cause::ServiceGone, ""));
        }
        let newer = seen.service_deployment.as_ref().map(|one| &one.status);
        match standing {
            Standing::Replaced { watched, by } => {
                self.replaced(seen, service, *watched, by, newer, progress)
            }
            Standing::Primary(_) | Standing::Unseen
                if newer.is_some_and(ServiceDeploymentStatus::is_rollback) =>
            {
                // Ours may be gone from the list by the time that the rollback is over.
                let mut others = service.deployments.iter();
                let by = others.find(|one| one.is_primary() && one.id != self.watched.id);
                let is_over = newer == Some(&ServiceDeploymentStatus::RollbackSuccessful);
                self.rolling_back(seen, None, by.filter(|_| is_over), newer, progress)
            }
            Standing::Unseen => match self.decisive(Some(service)) {
                Some(failure) => failed(failure),
                None => pending(progress),
            },
            Standing::Primary(watched) => self.primary(seen, service, watched, newer, progress),
        }
    }

    /// The watched deployment is the newest.
    fn primary(
        &mut self,
        seen: &Observation,
        service: &Service,
        watched: &Deployment,
        newer: Option<&ServiceDeploymentStatus>,
        progress: &Progress,
    ) -> Assessment {
        if let Some(count) = self.scaling {
            return self.scaling(seen, service, watched, count, progress);
        }
        // ECS sets the desired count of a deployment that it ended to 0, too.
        if watched.desired == 0 && service.desired == 0 && !watched.has_failed() {
            return Assessment::Final(Ok(Up::WithoutTasks));
        }
        if watched.has_failed() || newer == Some(&ServiceDeploymentStatus::Stopped) {
            let since = *self.undecided_since.get_or_insert(seen.at);
            let failure = self.ended(seen, Some(watched), None);
            // Its rollback, if there is to be one, shows a little later. With nothing to go back
            // to, the circuit breaker leaves the failed deployment in place.
            if service.rolls_back && seen.at.saturating_sub(since) < UNDECIDED {
                return Assessment::Pending {
                    progress: progress.clone(),
                    rollback: Some(EcsRollback { to: None, failure }),
                };
            }
            return failed(failure);
        }
        if let Some(failure) = self.decisive(Some(service)) {
            return failed(failure);
        }
        let is_complete = watched.is_complete()
            || (newer == Some(&ServiceDeploymentStatus::Successful)
                && watched.desired > 0
                && watched.running >= watched.desired);
        if !is_complete {
            self.complete_since = None;
        } else if self.is_settled(seen, watched) {
            return Assessment::Final(Ok(Up::Running {
                tasks: watched.running,
            }));
        }
        pending(progress)
    }

    /// The watched deployment, which came up before, is to have another number of tasks.
    fn scaling(
        &mut self,
        seen: &Observation,
        service: &Service,
        watched: &Deployment,
        count: i32,
        progress: &Progress,
    ) -> Assessment {
        // Reads lag: until they show the new count, they say nothing of it.
        if service.desired != count {
            return pending(progress);
        }
        if let Some(failure) = self.decisive(Some(service)) {
            return failed(failure);
        }
        let running = service.running();
        // Where the circuit breaker ended a deployment and there is nothing to go back to, ECS
        // starts no further task of it.
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
        if watched.has_failed() && running == 0 {
            return failed(self.ended(seen, Some(watched), None));
        }
        if running == count && watched.pending == 0 && self.is_settled(seen, watched) {
            return Assessment::Final(Ok(Up::Running { tasks: running }));
        }
        pending(progress)
    }

    /// Another deployment is in the place of the watched one: the one that ECS goes back to, or
    /// somebody's.
    fn replaced(
        &mut self,
        seen: &Observation,
        service: &Service,
        watched: Option<&Deployment>,
        by: &Deployment,
        newer: Option<&ServiceDeploymentStatus>,
        progress: &Progress,
    ) -> Assessment {
        let is_older = by.created_at.is_some() && by.created_at < self.watched.created_at;
        if tells_of_rollback(&by.reason) {
            self.way_back = Some(by.id.clone());
        }
        let is_way_back = self.way_back.as_ref() == Some(&by.id);
        let is_rolled_back = watched.is_some_and(Deployment::has_failed)
            || is_older
            || is_way_back
            || newer.is_some_and(ServiceDeploymentStatus::is_rollback)
            || self.events(service).any(tells_of_rollback);
        // A revision that is younger than ours is nobody's way back, unless ours was one to an
        // earlier revision.
        let (its, ours) = (&by.task_definition, &self.watched.task_definition);
        let is_younger_revision = its != ours && its.number() > ours.number();
        if is_rolled_back && (!is_younger_revision || is_older || is_way_back) {
            return self.rolling_back(seen, watched, Some(by), newer, progress);
        }
        let since = *self.undecided_since.get_or_insert(seen.at);
        if is_younger_revision || seen.at.saturating_sub(since) >= UNDECIDED {
            return Assessment::Final(Err(Unsuccessful::Superseded {
                revision: by.task_definition.clone(),
                by: seen.successor.clone(),
            }));
        }
        pending(progress)
    }

    fn rolling_back(
        &mut self,
        seen: &Observation,
        watched: Option<&Deployment>,
        by: Option<&Deployment>,
        newer: Option<&ServiceDeploymentStatus>,
        progress: &Progress,
    ) -> Assessment {
        let failure = self.ended(seen, watched, by);
        if newer == Some(&ServiceDeploymentStatus::RollbackFailed)
            || by.is_some_and(Deployment::has_failed)
        {
            return Assessment::Final(Err(Unsuccessful::EcsRollbackFailed(failure)));
        }
        let rollback = EcsRollback {
            to: by.map(|one| one.task_definition.clone()),
            failure,
        };
        if newer == Some(&ServiceDeploymentStatus::RollbackSuccessful)
            || by.is_some_and(Deployment::is_complete)
        {
            return Assessment::Final(Err(Unsuccessful::RolledBackByEcs(rollback)));
        }
        Assessment::Pending {
            rollback: Some(rollback),
            progress: match by {
                Some(by) => Progress {
                    state: by.rollout_state.clone(),
                    desired: by.desired,
                    running: by.running,
                    pending: by.pending,
                    ..progress.clone()
                },
                None => progress.clone(),
            },
        }
    }

    /// Why the watched deployment ended: what its tasks show, or else what ECS says. `by` is what
    /// ECS goes back to.
    fn ended(
        &mut self,
        seen: &Observation,
        watched: Option<&Deployment>,
        by: Option<&Deployment>,
    ) -> Failure {
        // The reason of one that has not failed is that it is in progress, or completed.
        let failed = watched.filter(|one| one.has_failed());
        let way_back = by.filter(|one| tells_of_rollback(&one.reason));
        let newer = seen.service_deployment.as_ref();
        let reasons = [
            failed.map(|one| &one.reason),
            newer.map(|one| &one.reason),
            way_back.map(|one| &one.reason),
        ];
        if self.why_ended.is_none() {
            let mut reasons = reasons.into_iter().flatten();
            self.why_ended = reasons.find(|text| !text.is_empty()).cloned();
        }
        self.likeliest().unwrap_or_else(|| {
            Failure::without_task(Cause::Stopped, self.why_ended.clone().unwrap_or_default())
        })
    }

    /// Whether its tasks have been running for a while, in good health.
    fn is_settled(&mut self, seen: &Observation, watched: &Deployment) -> bool {
        let complete_since = *self.complete_since.get_or_insert(seen.at);
        let is_settled = |task: &&Task| {
            self.running_since.get(&task.id).is_some_and(|since| {
                let long_enough = self.was_settled || seen.at.saturating_sub(*since) >= SETTLED;
                !task.is_unhealthy() && long_enough
            })
        };
        let settled = seen.tasks.iter().filter(is_settled).count();
        let enough = usize::try_from(watched.desired).unwrap_or_default();
        // Where tasks may not be listed, their deployment's counts have to do.
        let by_counts =
            seen.tasks.is_empty() && seen.at.saturating_sub(complete_since) >= 2 * SETTLED;
        (settled >= enough || by_counts) && !self.has_unhealthy_target(seen)
    }
}

fn pending(progress: &Progress) -> Assessment {
    Assessment::Pending {
        progress: progress.clone(),
        rollback: None,
    }
}

fn failed(failure: Failure) -> Assessment {
    Assessment::Final(Err(Unsuccessful::Failed(failure)))
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
