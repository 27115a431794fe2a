//! Looking at a deployment every second until there is a verdict.
//!
//! AWS not answering for a while is no verdict: the watch says so and goes on.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use t3nets_router::aws::{AwsError, AwsErrorKind, DeployLock};
use tokio::time::{Instant, sleep};

use crate::ecs::Ecs;
use crate::ecs::messages::{Cure, Meaning, meaning};
use crate::interrupt::InterruptChoice;
use crate::logs::TaskLogs;
use crate::report::Event;
use crate::rollout::{
    Assessment, Cause, Failure, Observation, OwnDeployment, Progress, Rollout, Service,
    ServiceDeployment, Task, Unsuccessful, Up, Verdict,
};
use crate::session::ServiceSession;
use crate::targets::Targets;
use crate::task_definition::{DEPLOYED_BY, MANAGED_BY, TaskDefinition};

/// How often the service is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long a task's end may wait for its last lines: they may tell a wrong architecture from a
/// crash.
const LINES_WAIT: Duration = Duration::from_millis(1500);
/// How long the verdict may wait for them.
const LAST_LINES_WAIT: Duration = Duration::from_secs(5);
/// How many looks pass between two at the service deployments, while none of them is the watched
/// one.
const LOOKS_BETWEEN: u32 = 5;

/// What ends a watch before the deployment came up.
pub(crate) enum WatchStop {
    /// The verdict is that it did not.
    Unsuccessful(Unsuccessful),
    /// The person wants to go back.
    RollbackRequested,
    /// The person leaves it running.
    LeftRunning,
    /// Somebody else holds the lock now.
    LockLost,
    /// AWS does not accept the credentials any more: nothing can be seen.
    Unwatched(AwsError),
}

impl From<AwsError> for WatchStop {
    fn from(error: AwsError) -> Self {
        Self::Unwatched(error)
    }
}

/// Which service deployment is the watched one. The service itself knows deployments by another id.
#[derive(Debug)]
enum ServiceDeploymentArn {
    /// ECS may know it soon: how often it was looked for.
    Sought(u32),
    /// By this ARN.
    Found(String),
    /// The API is missing or denied here, so that it is not asked again.
    Unavailable,
}

/// What is watched, and through what.
pub(crate) struct Watch<'a> {
    session: &'a ServiceSession<'a>,
    targets: Option<Targets>,
    logs: TaskLogs,
    rollout: Rollout,
    began: Instant,
    service_deployment: ServiceDeploymentArn,
    /// Tasks that need no second look, by ARN: of other deployments (`None`), or stopped.
    settled: HashMap<String, Option<Task>>,
    /// The last lines of failing tasks, by id.
    lines: HashMap<String, Vec<String>>,
    reported_stops: HashSet<String>,
    reported_events: HashSet<String>,
    reported_obstacles: HashSet<Cause>,
    reported_progress: Option<Progress>,
    in_trouble: bool,
    may_list_tasks: bool,
    successor: Option<String>,
}

impl<'a> Watch<'a> {
    /// Begins to watch the rollout of a revision.
    pub(crate) fn new(
        session: &'a ServiceSession<'a>,
        definition: &TaskDefinition,
        rollout: Rollout,
    ) -> Self {
        let before = rollout.before().clone();
        Self {
            session,
            targets: session.targets(),
            logs: session.logs(definition),
            // What scales no deployment of the newer view tells of.
            service_deployment: match rollout.is_scaling() {
                true => ServiceDeploymentArn::Unavailable,
                false => ServiceDeploymentArn::Sought(0),
            },
            rollout,
            began: Instant::now(),
            settled: HashMap::new(),
            lines: HashMap::new(),
            reported_stops: before.stopped_tasks.into_iter().collect(),
            reported_events: before.events.into_iter().collect(),
            reported_obstacles: HashSet::new(),
            reported_progress: None,
            in_trouble: false,
            may_list_tasks: true,
            successor: None,
        }
    }

    /// What is watched.
    pub(crate) fn watched(&self) -> &OwnDeployment {
        self.rollout.watched()
    }

    /// Watches until the deployment came up, or something else ends it. It may be dropped and
    /// called again.
    pub(crate) async fn until_up(&mut self, lock: &DeployLock) -> Result<Up, WatchStop> {
        let interrupts = self.session.interrupts;
        loop {
            tokio::select! {
                verdict = self.verdict() => return verdict?.map_err(WatchStop::Unsuccessful),
                () = lock.lost() => return Err(WatchStop::LockLost),
                () = interrupts.next() => {}
            }
            self.session.reporter.report(Event::Interrupted);
            let choice = tokio::select! {
                choice = interrupts.choose() => choice,
                () = interrupts.next() => InterruptChoice::LeaveRunning,
            };
            match choice {
                InterruptChoice::RollBack => return Err(WatchStop::RollbackRequested),
                InterruptChoice::LeaveRunning => return Err(WatchStop::LeftRunning),
                InterruptChoice::KeepWatching => {}
            }
        }
    }

    /// Looks until there is a verdict.
    pub(crate) async fn verdict(&mut self) -> Result<Verdict, AwsError> {
        loop {
            if let Assessment::Final(mut verdict) = self.look().await? {
                if let Err(unsuccessful) = &mut verdict
                    && let Some(failure) = unsuccessful.failure_mut()
                {
                    self.report_failure(failure).await;
                }
                return Ok(verdict);
            }
            sleep(EVERY).await;
        }
    }

    /// Looks once.
    async fn look(&mut self) -> Result<Assessment, AwsError> {
        let service = self.session.ecs.service().await;
        let service = self.tolerate(service)?.flatten();
        let tasks = match self.tasks().await {
            // Who may not look at tasks can still deploy: the counts decide. Credentials that are
            // not accepted any more show at the service as well.
            Err(error) if is_denied(&error) && service.is_some() => {
                self.may_list_tasks = false;
                let message = format!("{error}; the watch goes on without the tasks");
                self.session
                    .reporter
                    .report(Event::Trouble { message: &message });
                Some(Vec::new())
            }
            tasks => self.tolerate(tasks)?,
        };
        if service.is_some() && tasks.is_some() {
            self.in_trouble = false;
        }
        let tasks = tasks.unwrap_or_default();
        if let Some(service) = &service {
            self.report_events(service);
            self.find_successor(service).await;
        }
        let targets = match &self.targets {
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
        self.report_stops(&seen.tasks);
        let assessment = self.rollout.observe(&seen);
        if let Assessment::Pending { progress, .. } = &assessment
            && seen.service.is_some()
            && self.reported_progress.as_ref() != Some(progress)
        {
            self.reported_progress = Some(progress.clone());
            self.session.reporter.report(Event::Progress {
                progress,
                elapsed: seen.at,
            });
        }
        Ok(assessment)
    }

    /// An answer, or none: only what will not get better by itself ends the watch.
    fn tolerate<T>(&mut self, answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_denied(&error) => Err(error),
            Err(error) => {
                if !self.in_trouble {
                    self.in_trouble = true;
                    let message = format!("{error}; the watch goes on");
                    self.session
                        .reporter
                        .report(Event::Trouble { message: &message });
                }
                Ok(None)
            }
        }
    }

    async fn tasks(&mut self) -> Result<Vec<Task>, AwsError> {
        if !self.may_list_tasks {
            return Ok(Vec::new());
        }
        let ecs = &self.session.ecs;
        let listed = ecs.task_arns().await?;
        let unknown: Vec<String> = listed
            .iter()
            .filter(|arn| !self.settled.contains_key(*arn))
            .cloned()
            .collect();
        let described = ecs.tasks(&unknown).await?;
        let (own, others) = Ecs::partition(described, self.rollout.watched());
        for arn in others {
            self.settled.insert(arn, None);
        }
        let mut tasks: Vec<Task> = listed
            .iter()
            .filter_map(|arn| self.settled.get(arn)?.clone())
            .collect();
        for (arn, mut task) in own {
            task.last_lines = self.lines_of(&task).await;
            if task.is_stopped() {
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
        if !self.rollout.is_failing(task) {
            return Vec::new();
        }
        let container = self.rollout.telling(task);
        let lines = self.logs.last_lines(container, &task.id, LINES_WAIT).await;
        if !lines.is_empty() {
            self.lines.insert(task.id.clone(), lines.clone());
        }
        lines
    }

    /// The watched deployment as a service deployment, which names each step of a rollback. It is a
    /// second opinion: not every region, and not every permission, has it.
    async fn service_deployment(&mut self) -> Option<ServiceDeployment> {
        let ecs = &self.session.ecs;
        if let ServiceDeploymentArn::Sought(looks) = &mut self.service_deployment {
            *looks += 1;
            if *looks % LOOKS_BETWEEN != 1 {
                return None;
            }
            let found = ecs.find_service_deployment(self.rollout.watched()).await;
            self.service_deployment = match found {
                Ok(Some(arn)) => ServiceDeploymentArn::Found(arn),
                Ok(None) => return None,
                Err(error) if error.kind == AwsErrorKind::Throttled => return None,
                Err(_) => ServiceDeploymentArn::Unavailable,
            };
        }
        let ServiceDeploymentArn::Found(arn) = &self.service_deployment else {
            return None;
        };
        ecs.service_deployment(arn).await.ok().flatten()
    }

    /// Who deployed what took the watched deployment's place.
    async fn find_successor(&mut self, service: &Service) {
        let Some(primary) = service.primary() else {
            return;
        };
        let watched = self.rollout.watched();
        if self.successor.is_some()
            || primary.id == watched.id
            || primary.created_at <= watched.created_at
        {
            return;
        }
        let arn = primary.task_definition.as_str();
        if let Ok(Some(definition)) = self.session.ecs.task_definition(arn).await {
            let by = |tag: &str| definition.tags.get(tag).cloned();
            self.successor = by(DEPLOYED_BY).or_else(|| by(MANAGED_BY));
        }
    }

    fn report_events(&mut self, service: &Service) {
        let since = self.rollout.watched().created_at;
        for event in service.events.iter().rev() {
            let is_new = since.is_none_or(|since| event.at.is_none_or(|at| at >= since));
            if is_new && self.reported_events.insert(event.id.clone()) {
                self.session.reporter.report(Event::Service {
                    message: &event.message,
                });
                self.report_obstacle(&event.message);
            }
        }
    }

    /// What an event says of what holds the rollout up, once. What ends it is its verdict, and what
    /// tasks show is told with them.
    fn report_obstacle(&mut self, message: &str) {
        let Meaning::Trouble {
            cause,
            cure: Cure::Waiting,
        } = meaning(message)
        else {
            return;
        };
        if matches!(cause, Cause::TargetHealth | Cause::NotStarted)
            || !self.reported_obstacles.insert(cause.clone())
        {
            return;
        }
        self.session.reporter.report(Event::Obstacle {
            remedy: cause.remedy(),
            cause: &cause,
        });
    }

    fn report_stops(&mut self, tasks: &[Task]) {
        for task in tasks {
            let counts = self.rollout.is_failing(task);
            if !task.is_stopped() && !counts {
                continue;
            }
            if !self.reported_stops.insert(task.id.clone()) {
                continue;
            }
            let exit_codes = task.containers.iter().filter_map(|container| {
                let code = container.exit_code?;
                Some(format!("{} {code}", container.name))
            });
            self.session.reporter.report(Event::TaskStopped {
                task: &task.id,
                stop_code: task.stop_code.as_ref().map_or("", |code| code.as_str()),
                reason: &task.stopped_reason,
                exit_codes: &exit_codes.collect::<Vec<_>>(),
                counts,
            });
        }
    }

    /// Why there is no success, with the last lines of the task that shows it.
    async fn report_failure(&self, failure: &mut Failure) {
        let reporter = self.session.reporter;
        let told_by = match &mut failure.log {
            Some(log) => {
                log.destination = self.logs.elsewhere(&log.container);
                log.container.clone()
            }
            None => self.session.target.container.clone(),
        };
        reporter.report(Event::Failed {
            failure,
            remedy: failure.cause.remedy(),
        });
        let Some(task) = failure.task.clone() else {
            return;
        };
        let lines = match self.lines.get(&task) {
            Some(lines) => lines.clone(),
            None => self.logs.last_lines(&told_by, &task, LAST_LINES_WAIT).await,
        };
        for line in &lines {
            reporter.report(Event::LogLine {
                task: &task,
                container: &told_by,
                has_others: self.logs.has_many(),
                line,
            });
        }
    }
}

/// Whether AWS does not accept the credentials, or the permission is missing.
fn is_denied(error: &AwsError) -> bool {
    matches!(
        error.kind,
        AwsErrorKind::Credentials | AwsErrorKind::Permission
    )
}
