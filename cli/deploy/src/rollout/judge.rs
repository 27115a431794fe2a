//! The verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::stops::{Stop, stop, why_not_started};
use super::{
    Cause, Deployment, Failure, Observation, Ours, Progress, Service, Task, Verdict, revision_name,
    revision_number,
};

/// How long reads may show what was before UpdateService.
const LAG: Duration = Duration::from_secs(30);
/// How long our deployment, once seen, has to be missing before that is believed: one read in many lags.
const GONE: Duration = Duration::from_secs(3);
/// How long it may take after the end of a deployment until ECS shows whether it rolls back.
const UNDECIDED: Duration = Duration::from_secs(10);
/// How long a task has to run. ECS counts a task as running, and a deployment without health checks as completed, the
/// moment a process is there; what crashes at its start does so within this time.
const SETTLED: Duration = Duration::from_secs(10);
/// How many tasks may end for one cause: the second says that the first was no accident.
const STOPS: usize = 2;

/// A rollout that is watched.
#[derive(Debug, Clone)]
pub struct Rollout {
    pub(super) ours: Ours,
    router: String,
    timeout: Duration,
    /// Whether a read showed our deployment.
    seen: bool,
    /// Since when reads do not show it any more.
    gone_since: Option<Duration>,
    /// Since when ECS calls it failed, or another is in its place for no known reason.
    undecided_since: Option<Duration>,
    /// The deployment that ECS said it goes back to. Once that is done it says so no more.
    way_back: Option<String>,
    /// What ECS said of why ours ended, before it left the list.
    why_ended: Option<String>,
    /// Since when ECS calls it complete.
    complete_since: Option<Duration>,
    /// Whether it had come up before the watch began, so that its tasks have been running for a while.
    was_settled: bool,
    /// Since when each of its tasks runs.
    pub(super) running_since: BTreeMap<String, Duration>,
    /// The ends of its tasks that speak against it.
    pub(super) stops: BTreeMap<String, (Cause, bool, Task)>,
}

/// Where our deployment is among the service's.
pub(super) enum Place<'a> {
    /// Not to be seen, which means nothing yet.
    Unseen,
    /// It is the one that counts.
    Primary(&'a Deployment),
    /// Another one is.
    Replaced {
        ours: Option<&'a Deployment>,
        by: &'a Deployment,
    },
}

impl Rollout {
    /// Begins to watch a deployment. `router` is the container that matters most.
    pub fn new(ours: Ours, router: impl Into<String>, timeout: Duration) -> Self {
        Self {
            ours,
            router: router.into(),
            timeout,
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
    pub fn settled(mut self) -> Self {
        self.was_settled = true;
        self
    }

    /// The deployment.
    pub fn ours(&self) -> &Ours {
        &self.ours
    }

    /// Whether this task's end speaks against the release: its log then says why.
    pub fn is_failing(&self, task: &Task) -> bool {
        matches!(stop(task, &self.router), Stop::Counts { .. })
    }

    /// Takes in what was seen and says what it means.
    pub fn observe(&mut self, seen: &Observation) -> Verdict {
        self.take_in_tasks(seen);
        let place = self.place(seen);
        let progress = self.progress(seen, &place);
        let verdict = self.judge(seen, &place, &progress);
        if !verdict.is_final() && seen.at >= self.timeout {
            return Verdict::TimedOut {
                progress,
                failure: self.likeliest(),
            };
        }
        verdict
    }

    fn take_in_tasks(&mut self, seen: &Observation) {
        for task in &seen.tasks {
            if task.last_status == "RUNNING" && task.desired_status != "STOPPED" {
                self.running_since.entry(task.id.clone()).or_insert(seen.at);
            } else {
                self.running_since.remove(&task.id);
            }
            if let Stop::Counts { cause, curable } = stop(task, &self.router) {
                self.stops
                    .insert(task.id.clone(), (cause, curable, task.clone()));
            }
        }
        if seen.service.is_some() {
            let listed = |id: &String| seen.tasks.iter().any(|task| task.id == *id);
            self.running_since.retain(|id, _| listed(id));
        }
    }

    fn place<'a>(&mut self, seen: &'a Observation) -> Place<'a> {
        let Some(service) = &seen.service else {
            return Place::Unseen;
        };
        let ours = service
            .deployments
            .iter()
            .find(|one| one.id == self.ours.deployment);
        let primary = service.deployments.iter().find(|one| one.is_primary());
        match (ours, primary) {
            (Some(ours), _) if ours.is_primary() => {
                self.seen = true;
                self.gone_since = None;
                Place::Primary(ours)
            }
            (Some(_), Some(by)) => {
                self.seen = true;
                self.gone_since = None;
                Place::Replaced { ours, by }
            }
            // A deployment that is younger than ours is no old read.
            (None, Some(by))
                if self.ours.created_at.is_some() && by.created_at > self.ours.created_at =>
            {
                Place::Replaced { ours: None, by }
            }
            (None, Some(by)) if self.seen || seen.at >= LAG => {
                let since = *self.gone_since.get_or_insert(seen.at);
                if seen.at.saturating_sub(since) >= GONE {
                    Place::Replaced { ours: None, by }
                } else {
                    Place::Unseen
                }
            }
            _ => Place::Unseen,
        }
    }

    fn judge(&mut self, seen: &Observation, place: &Place<'_>, progress: &Progress) -> Verdict {
        let Some(service) = &seen.service else {
            return self
                .decisive(None)
                .map_or_else(|| Verdict::InProgress(progress.clone()), Verdict::Failed);
        };
        if matches!(service.status.as_str(), "INACTIVE" | "DRAINING") {
            return Verdict::Failed(failure(Cause::ServiceGone, String::new()));
        }
        let status = seen
            .service_deployment
            .as_ref()
            .map_or("", |one| one.status.as_str());
        match place {
            Place::Replaced { ours, by } => {
                self.replaced(seen, service, *ours, by, status, progress)
            }
            Place::Primary(_) | Place::Unseen if status.starts_with("ROLLBACK_") => {
                // Ours may be gone from the list by the time that it is over.
                let mut others = service.deployments.iter();
                let by = others.find(|one| one.is_primary() && one.id != self.ours.deployment);
                let by = by.filter(|_| status == "ROLLBACK_SUCCESSFUL");
                self.rolling_back(seen, None, by, status, progress)
            }
            Place::Unseen => self
                .decisive(Some(service))
                .map_or_else(|| Verdict::InProgress(progress.clone()), Verdict::Failed),
            Place::Primary(ours) => self.primary(seen, service, ours, status, progress),
        }
    }

    /// Ours is the one that counts.
    fn primary(
        &mut self,
        seen: &Observation,
        service: &Service,
        ours: &Deployment,
        status: &str,
        progress: &Progress,
    ) -> Verdict {
        let failed = ours.rollout_state == "FAILED";
        // A deployment that ECS ended is to have no tasks either.
        if ours.desired == 0 && service.desired == 0 && !failed {
            return Verdict::NothingRuns;
        }
        if failed || status == "STOPPED" {
            let since = *self.undecided_since.get_or_insert(seen.at);
            let failure = self.ended(seen, Some(ours), None);
            // Its rollback, if there is to be one, shows a little later.
            if service.rolls_back && seen.at.saturating_sub(since) < UNDECIDED {
                return Verdict::RollingBack {
                    to: None,
                    failure,
                    progress: progress.clone(),
                };
            }
            return Verdict::Failed(failure);
        }
        if let Some(failure) = self.decisive(Some(service)) {
            return Verdict::Failed(failure);
        }
        let complete = ours.is_complete()
            || (status == "SUCCESSFUL" && ours.desired > 0 && ours.running >= ours.desired);
        if !complete {
            self.complete_since = None;
        } else if self.is_settled(seen, ours) {
            return Verdict::Succeeded {
                running: ours.running,
            };
        }
        Verdict::InProgress(progress.clone())
    }

    /// Another deployment is in the place of ours: the one that ECS goes back to, or somebody's.
    fn replaced(
        &mut self,
        seen: &Observation,
        service: &Service,
        ours: Option<&Deployment>,
        by: &Deployment,
        status: &str,
        progress: &Progress,
    ) -> Verdict {
        let failed = ours.is_some_and(|one| one.rollout_state == "FAILED");
        let older = by.created_at.is_some() && by.created_at < self.ours.created_at;
        if tells_of_rollback(&by.reason) {
            self.way_back = Some(by.id.clone());
        }
        let told = self.way_back.as_ref() == Some(&by.id);
        let rolled_back = failed
            || older
            || told
            || status.starts_with("ROLLBACK_")
            || self.events(service).any(tells_of_rollback);
        // A revision that is younger than ours is nobody's way back, unless ours was one to an earlier revision.
        let newer = by.task_definition != self.ours.task_definition
            && revision_number(&by.task_definition) > revision_number(&self.ours.task_definition);
        if rolled_back && (!newer || older || told) {
            return self.rolling_back(seen, ours, Some(by), status, progress);
        }
        let since = *self.undecided_since.get_or_insert(seen.at);
        if newer || seen.at.saturating_sub(since) >= UNDECIDED {
            return Verdict::Superseded {
                revision: revision_name(&by.task_definition).to_owned(),
                by: seen.successor.clone(),
            };
        }
        Verdict::InProgress(progress.clone())
    }

    fn rolling_back(
        &mut self,
        seen: &Observation,
        ours: Option<&Deployment>,
        by: Option<&Deployment>,
        status: &str,
        progress: &Progress,
    ) -> Verdict {
        let failure = self.ended(seen, ours, by);
        let to = by.map(|one| revision_name(&one.task_definition).to_owned());
        let failed_again = by.is_some_and(|one| one.rollout_state == "FAILED");
        if status == "ROLLBACK_FAILED" || failed_again {
            return Verdict::RollbackFailed(failure);
        }
        if status == "ROLLBACK_SUCCESSFUL" || by.is_some_and(Deployment::is_complete) {
            return Verdict::RolledBackByEcs { to, failure };
        }
        Verdict::RollingBack {
            to,
            failure,
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

    /// Why ours ended: what its tasks show, or else what ECS says. `by` is what ECS goes back to.
    fn ended(
        &mut self,
        seen: &Observation,
        ours: Option<&Deployment>,
        by: Option<&Deployment>,
    ) -> Failure {
        // Else a deployment's reason is that it is in progress, or completed.
        let failed = ours.filter(|one| one.rollout_state == "FAILED");
        let told = by.filter(|one| tells_of_rollback(&one.reason));
        let newer = seen.service_deployment.as_ref();
        let said = [
            failed.map(|one| &one.reason),
            newer.map(|one| &one.reason),
            told.map(|one| &one.reason),
        ];
        let said = said.into_iter().flatten().find(|text| !text.is_empty());
        if self.why_ended.is_none() {
            self.why_ended = said.cloned();
        }
        let said = || self.why_ended.clone().unwrap_or_default();
        self.likeliest()
            .unwrap_or_else(|| failure(Cause::Stopped, said()))
    }

    /// Whether its tasks have been running for a while, in good health.
    fn is_settled(&mut self, seen: &Observation, ours: &Deployment) -> bool {
        let complete_since = *self.complete_since.get_or_insert(seen.at);
        let running: Vec<&Task> = seen
            .tasks
            .iter()
            .filter(|task| self.running_since.contains_key(&task.id))
            .collect();
        let settled = running
            .iter()
            .filter(|task| {
                let since = self.running_since[&task.id];
                let long_enough = self.was_settled || seen.at.saturating_sub(since) >= SETTLED;
                task.health != "UNHEALTHY" && long_enough
            })
            .count();
        let enough = usize::try_from(ours.desired).unwrap_or_default();
        // Where tasks may not be listed, their deployment's counts have to do.
        let alone = seen.tasks.is_empty() && seen.at.saturating_sub(complete_since) >= 2 * SETTLED;
        (settled >= enough || alone) && !self.has_unhealthy_target(seen)
    }

    /// What is enough to call it failed.
    fn decisive(&self, service: Option<&Service>) -> Option<Failure> {
        let likeliest = self.likeliest();
        let incurable = self.stops.values().find(|(_, curable, _)| !curable);
        if let Some((cause, _, task)) = incurable {
            return Some(self.failure_of(cause, task));
        }
        if likeliest.as_ref().is_some_and(|one| one.stops >= STOPS) {
            return likeliest;
        }
        service.and_then(|service| self.not_launched(service))
    }

    /// The cause that ended most tasks.
    pub(super) fn likeliest(&self) -> Option<Failure> {
        let (cause, _, task) = self
            .stops
            .values()
            .max_by_key(|(cause, _, _)| self.count(cause))?;
        Some(self.failure_of(cause, task))
    }

    fn count(&self, cause: &Cause) -> usize {
        self.stops
            .values()
            .filter(|(other, _, _)| other == cause)
            .count()
    }

    fn failure_of(&self, cause: &Cause, task: &Task) -> Failure {
        // What a container could not do says more than that the task could not.
        let said = task
            .containers
            .iter()
            .map(|container| container.reason.as_str())
            .find(|reason| !reason.is_empty() && !task.stopped_reason.contains(*reason));
        let reason = match said {
            Some(reason) if task.stopped_reason.is_empty() => reason.to_owned(),
            Some(reason) => format!("{}: {reason}", task.stopped_reason),
            None => task.stopped_reason.clone(),
        };
        Failure {
            cause: cause.clone(),
            stops: self.count(cause),
            task: Some(task.id.clone()),
            stop_code: task.stop_code.clone(),
            reason,
        }
    }

    /// ECS makes no task at all where it cannot even begin, and says so in the service's events alone.
    fn not_launched(&self, service: &Service) -> Option<Failure> {
        let refused: Vec<&str> = self
            .events(service)
            .filter(|message| {
                let message = message.to_lowercase();
                message.contains("unable to assume")
                    || message.contains("failed to launch a task with (error")
                    || message.contains("failed to register targets in")
            })
            .collect();
        let newest = refused.first()?;
        let (cause, curable) = why_not_started(&newest.to_lowercase());
        if curable && refused.len() < STOPS {
            return None;
        }
        let cause = match cause {
            Cause::NotStarted => Cause::NotLaunched,
            known => known,
        };
        Some(failure(cause, (*newest).to_owned()))
    }

    /// What the service reported since our deployment was made, the newest first.
    pub(super) fn events<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a str> {
        let since = self.ours.created_at.unwrap_or(Timestamp::MIN);
        service
            .events
            .iter()
            .filter(move |event| event.at.is_none_or(|at| at >= since))
            .map(|event| event.message.as_str())
    }
}

fn failure(cause: Cause, reason: String) -> Failure {
    Failure {
        cause,
        stops: 0,
        task: None,
        stop_code: String::new(),
        reason,
    }
}

fn tells_of_rollback(text: &str) -> bool {
    let text = text.to_lowercase();
    ["rolling back", "rolled back", "rollback"]
        .iter()
        .any(|word| text.contains(word))
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
