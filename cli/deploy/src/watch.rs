//! Looking at a deployment every second until there is a verdict.
//!
//! AWS not answering for a while is no verdict: the watch says so and goes on.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use t3nets_router::ports::StoreError;
use tokio::time::{Instant, sleep};

use super::ecs::{Ecs, said};
use super::logs::Logs;
use super::plan::{DEPLOYED_BY, MANAGED_BY};
use super::report::{Event, Report};
use super::rollout::{
    Observation, Ours, Progress, Rollout, Service, ServiceDeployment, Task, Verdict,
};
use super::targets::Targets;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// How long a task's end may wait for its last lines: they may tell a wrong architecture from a crash.
const LINES_WAIT: Duration = Duration::from_millis(1500);
/// How long the verdict may wait for them.
const LAST_LINES_WAIT: Duration = Duration::from_secs(5);
/// How many looks pass between two at the newer view of deployments, while it knows nothing of ours.
const LOOKS_BETWEEN: u32 = 5;

/// Where the newer view of deployments stands.
#[derive(Debug)]
enum Newer {
    /// It may know of ours.
    Sought(u32),
    /// By this ARN.
    Found(String),
    /// It is missing or denied here.
    Missing,
}

/// What is watched, and through what.
pub(crate) struct Watch<'a> {
    ecs: &'a Ecs,
    targets: Option<&'a Targets>,
    logs: Option<&'a Logs>,
    report: &'a dyn Report,
    rollout: Rollout,
    began: Instant,
    newer: Newer,
    /// Tasks that need no second look: of other deployments, or stopped long ago.
    settled: HashMap<String, Option<Task>>,
    lines: HashMap<String, Vec<String>>,
    told_stops: HashSet<String>,
    told_events: HashSet<String>,
    told_progress: Option<Progress>,
    in_trouble: bool,
    /// Whether its tasks may be looked at.
    sees_tasks: bool,
    successor: Option<String>,
}

impl<'a> Watch<'a> {
    /// Begins to watch.
    pub(crate) fn new(
        ecs: &'a Ecs,
        targets: Option<&'a Targets>,
        logs: Option<&'a Logs>,
        report: &'a dyn Report,
        rollout: Rollout,
    ) -> Self {
        Self {
            ecs,
            targets,
            logs,
            report,
            rollout,
            began: Instant::now(),
            newer: Newer::Sought(0),
            settled: HashMap::new(),
            lines: HashMap::new(),
            told_stops: HashSet::new(),
            told_events: HashSet::new(),
            told_progress: None,
            in_trouble: false,
            sees_tasks: true,
            successor: None,
        }
    }

    /// What is watched.
    pub(crate) fn ours(&self) -> &Ours {
        self.rollout.ours()
    }

    /// Looks until there is a verdict. It may be dropped and called again between two looks.
    ///
    /// # Errors
    /// Denied if AWS does not accept the credentials any more: nothing can be seen then.
    pub(crate) async fn verdict(&mut self) -> Result<Verdict, StoreError> {
        loop {
            let verdict = self.look().await?;
            if verdict.is_final() {
                self.tell_last_lines(&verdict).await;
                return Ok(verdict);
            }
            sleep(EVERY).await;
        }
    }

    /// Looks once.
    async fn look(&mut self) -> Result<Verdict, StoreError> {
        let service = self.ecs.service().await;
        let service = self.tolerate(service)?.flatten();
        let tasks = match self.tasks().await {
            // Who may not look at tasks can still deploy: the counts decide. Credentials that are not accepted any more
            // show at the service as well.
            Err(StoreError::Denied(why) | StoreError::Unauthenticated(why))
                if service.is_some() =>
            {
                self.sees_tasks = false;
                let message = format!("{why}; the watch goes on without the tasks");
                self.report.report(Event::Trouble { message });
                Some(Vec::new())
            }
            tasks => self.tolerate(tasks)?,
        };
        if service.is_some() && tasks.is_some() {
            self.in_trouble = false;
        }
        let tasks = tasks.unwrap_or_default();
        if let Some(service) = &service {
            self.tell_events(service);
            self.find_successor(service).await;
        }
        let targets = match self.targets {
            // Who may not look at targets can still deploy.
            Some(targets) => targets.health().await.ok(),
            None => None,
        };
        let seen = Observation {
            at: self.began.elapsed(),
            service,
            tasks,
            service_deployment: self.service_deployment().await,
            targets,
            successor: self.successor.clone(),
        };
        self.tell_stops(&seen.tasks);
        let verdict = self.rollout.observe(&seen);
        if let Verdict::InProgress(progress) | Verdict::RollingBack { progress, .. } = &verdict
            && seen.service.is_some()
            && self.told_progress.as_ref() != Some(progress)
        {
            self.told_progress = Some(progress.clone());
            self.report.report(Event::Progress {
                progress: progress.clone(),
                elapsed: seen.at,
            });
        }
        Ok(verdict)
    }

    /// An answer, or none: only what will not get better by itself ends the watch.
    fn tolerate<T>(&mut self, answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error @ (StoreError::Denied(_) | StoreError::Unauthenticated(_))) => Err(error),
            Err(error) => {
                if !self.in_trouble {
                    self.in_trouble = true;
                    self.report.report(Event::Trouble {
                        message: format!("{}; the watch goes on", said(&error)),
                    });
                }
                Ok(None)
            }
        }
    }

    async fn tasks(&mut self) -> Result<Vec<Task>, StoreError> {
        if !self.sees_tasks {
            return Ok(Vec::new());
        }
        let listed = self.ecs.task_arns().await?;
        let unknown: Vec<String> = listed
            .iter()
            .filter(|arn| !self.settled.contains_key(*arn))
            .cloned()
            .collect();
        let seen = self.ecs.tasks(&unknown).await?;
        let (own, others) = Ecs::sort(seen, self.rollout.ours());
        for arn in others {
            self.settled.insert(arn, None);
        }
        let mut tasks: Vec<Task> = listed
            .iter()
            .filter_map(|arn| self.settled.get(arn)?.clone())
            .collect();
        for (arn, mut task) in own {
            task.last_lines = self.lines_of(&task).await;
            if task.last_status == "STOPPED" {
                self.settled.insert(arn, Some(task.clone()));
            }
            tasks.push(task);
        }
        Ok(tasks)
    }

    /// The last lines of a task whose end speaks against the release.
    async fn lines_of(&mut self, task: &Task) -> Vec<String> {
        if let Some(lines) = self.lines.get(&task.id) {
            return lines.clone();
        }
        let Some(logs) = self.logs.filter(|_| self.rollout.is_failing(task)) else {
            return Vec::new();
        };
        let lines = logs.last_lines(&task.id, LINES_WAIT).await;
        if !lines.is_empty() {
            self.lines.insert(task.id.clone(), lines.clone());
        }
        lines
    }

    /// What the newer view says of ours. It is a second opinion: without it there is the older one.
    async fn service_deployment(&mut self) -> Option<ServiceDeployment> {
        if let Newer::Sought(looks) = &mut self.newer {
            *looks += 1;
            if *looks % LOOKS_BETWEEN != 1 {
                return None;
            }
            self.newer = match self.ecs.find_service_deployment(self.rollout.ours()).await {
                Ok(Some(arn)) => Newer::Found(arn),
                Ok(None) | Err(StoreError::Throttled) => return None,
                Err(_) => Newer::Missing,
            };
        }
        let Newer::Found(arn) = &self.newer else {
            return None;
        };
        self.ecs.service_deployment(arn).await.ok().flatten()
    }

    /// Who deployed what took our place.
    async fn find_successor(&mut self, service: &Service) {
        let Some(primary) = service.primary() else {
            return;
        };
        let ours = self.rollout.ours();
        if self.successor.is_some()
            || primary.id == ours.deployment
            || primary.created_at <= ours.created_at
        {
            return;
        }
        if let Ok(Some(revision)) = self.ecs.revision(&primary.task_definition).await {
            let by = |tag: &str| revision.tags.get(tag).cloned();
            self.successor = by(DEPLOYED_BY).or_else(|| by(MANAGED_BY));
        }
    }

    fn tell_events(&mut self, service: &Service) {
        let since = self.rollout.ours().created_at;
        for event in service.events.iter().rev() {
            let is_new = since.is_none_or(|since| event.at.is_none_or(|at| at >= since));
            if is_new && self.told_events.insert(event.id.clone()) {
                self.report.report(Event::Service {
                    message: event.message.clone(),
                });
            }
        }
    }

    fn tell_stops(&mut self, tasks: &[Task]) {
        for task in tasks {
            let counts = self.rollout.is_failing(task);
            if task.last_status != "STOPPED" && !counts {
                continue;
            }
            if !self.told_stops.insert(task.id.clone()) {
                continue;
            }
            let exit_codes = task.containers.iter().filter_map(|container| {
                container
                    .exit_code
                    .map(|code| format!("{} {code}", container.name))
            });
            self.report.report(Event::TaskStopped {
                task: task.id.clone(),
                stop_code: task.stop_code.clone(),
                reason: task.stopped_reason.clone(),
                exit_codes: exit_codes.collect(),
                counts,
            });
        }
    }

    /// The last lines of the task that the verdict names.
    async fn tell_last_lines(&mut self, verdict: &Verdict) {
        let failure = match verdict {
            Verdict::Failed(failure)
            | Verdict::RollbackFailed(failure)
            | Verdict::RolledBackByEcs { failure, .. }
            | Verdict::TimedOut {
                failure: Some(failure),
                ..
            } => failure,
            _ => return,
        };
        self.report.report(Event::Failed {
            failure: failure.clone(),
        });
        let (Some(task), Some(logs)) = (&failure.task, self.logs) else {
            return;
        };
        let lines = match self.lines.get(task) {
            Some(lines) => lines.clone(),
            None => logs.last_lines(task, LAST_LINES_WAIT).await,
        };
        for line in lines {
            self.report.report(Event::LogLine {
                task: task.clone(),
                line,
            });
        }
    }
}
