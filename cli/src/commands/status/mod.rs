//! `t3nets status`: what the service runs, and how that is.

mod tasks;

use std::time::Duration;

use dialoguer::console::Term;
use jiff::Timestamp;
use serde::Serialize;
use t3nets_deploy::ecs::messages::{Meaning, meaning};
use t3nets_deploy::ecs::states::{DeploymentStatus, RolloutState, ServiceStatus, TargetState};
use t3nets_deploy::error::NotStarted;
use t3nets_deploy::rollout::{Cause, Service};
use t3nets_deploy::session::ServiceSession;
use t3nets_deploy::targets::Targets;
use t3nets_deploy::task_definition::{DEPLOYED_BY, RELEASE};
use t3nets_router::aws::AwsError;

use crate::commands::deploy::errors::unread;
use crate::commands::deploy::running::Running;
use crate::commands::deploy::service::ServiceConnection;
use crate::commands::deploy::tasks as count;
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::{shown_time, strip_control_chars};
use tasks::{TaskView, shown, views};

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(2);
/// How many events are shown.
const EVENTS: usize = 5;

/// How to show it.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Watch for changes until Ctrl-C; with --json, print a line for each
    #[arg(long)]
    watch: bool,
}

/// A service's state.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct StatusOutput {
    service: String,
    status: ServiceStatus,
    desired: i32,
    /// The revisions that its tasks run.
    running: Vec<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_running: Option<String>,
    /// Until when there are no tasks by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    asleep_until: Option<Timestamp>,
    /// What holds its tasks up, by its events.
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<ObstacleView>,
    /// The release that it is told to run.
    release: Option<String>,
    deployed_by: Option<String>,
    deployments: Vec<DeploymentView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<TaskView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<TargetView>>,
    events: Vec<EventView>,
    /// What could not be looked at, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unseen: Vec<String>,
}

/// Why ECS does not start tasks, and what to do about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ObstacleView {
    #[serde(flatten)]
    cause: Cause,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct DeploymentView {
    id: String,
    status: DeploymentStatus,
    revision: String,
    /// Empty where ECS gives none.
    rollout_state: RolloutState,
    running: i32,
    pending: i32,
    desired: i32,
    reason: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct TargetView {
    address: String,
    state: TargetState,
    reason: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct EventView {
    at: Option<Timestamp>,
    message: String,
}

/// Runs the command.
///
/// # Errors
/// Not ready if there is no such service; as AWS says.
pub(crate) async fn run(context: &Context, args: StatusArgs) -> Result<StatusOutput, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let session = connection.quiet_session();
    let look = async || {
        let seen = look(&session).await?;
        Ok::<_, CliError>(seen.asleep(connection.asleep_until()))
    };
    let mut seen = look().await?;
    if !args.watch {
        return Ok(seen);
    }
    let terminal = Term::stdout();
    let in_place = terminal.is_term() && !context.printer.is_json();
    let mut in_trouble = false;
    loop {
        if in_place {
            terminal.clear_screen().map_err(CliError::output)?;
        }
        context.printer.print_one(&seen)?;
        loop {
            tokio::time::sleep(EVERY).await;
            match look().await {
                Ok(now) => {
                    in_trouble = false;
                    if now != seen {
                        seen = now;
                        break;
                    }
                }
                Err(error) if error.kind != ErrorKind::Failed => return Err(error),
                Err(error) => {
                    if !in_trouble {
                        context.printer.warning(error.in_one_line());
                    }
                    in_trouble = true;
                }
            }
        }
    }
}

async fn look(session: &ServiceSession<'_>) -> Result<StatusOutput, CliError> {
    let service = session.service().await.map_err(unread)?;
    let target = session.target;
    let definition = match service.primary() {
        Some(primary) => {
            let arn = primary.task_definition.as_str();
            let found = session.ecs.task_definition(arn).await;
            found.map_err(NotStarted::Aws).map_err(unread)?
        }
        None => None,
    };
    let running = Running::of(session, &service, definition.as_ref()).await;
    let mut unseen = Vec::new();
    let tasks = or_why_not("the tasks", session.ecs.all_tasks().await, &mut unseen);
    let targets = match &target.target_group_arn {
        Some(arn) => {
            let health = Targets::new(session.sdk, arn).health().await;
            or_why_not("the targets", health, &mut unseen)
        }
        None => None,
    };
    Ok(StatusOutput {
        service: target.service.clone(),
        running: running.revisions,
        not_running: running.why_none,
        asleep_until: None,
        obstacle: obstacle(&service),
        release: definition
            .as_ref()
            .and_then(|one| one.variable(&target.container, RELEASE))
            .map(str::to_owned),
        deployed_by: definition.and_then(|one| one.tags.get(DEPLOYED_BY).cloned()),
        status: service.status,
        desired: service.desired,
        deployments: service
            .deployments
            .into_iter()
            .map(|one| DeploymentView {
                revision: one.task_definition.name().to_owned(),
                id: one.id,
                status: one.status,
                rollout_state: one.rollout_state.unwrap_or_default(),
                running: one.running,
                pending: one.pending,
                desired: one.desired,
                reason: one.reason,
            })
            .collect(),
        tasks: tasks.map(views),
        targets: targets.map(|targets| {
            let views = targets.into_iter().map(|one| TargetView {
                address: one.address,
                state: one.state,
                reason: one.reason,
            });
            views.collect()
        }),
        events: service
            .events
            .into_iter()
            .take(EVENTS)
            .map(|one| EventView {
                at: one.at,
                message: one.message,
            })
            .collect(),
        unseen,
    })
}

impl StatusOutput {
    /// As of a service that has no tasks by itself until then.
    fn asleep(mut self, until: Option<Timestamp>) -> Self {
        self.asleep_until = until.filter(|_| self.desired == 0);
        self
    }
}

/// What keeps a service from the tasks that it is to have, by the newest of its events that says so
/// since its last deployment.
fn obstacle(service: &Service) -> Option<ObstacleView> {
    let since = service.primary().and_then(|primary| primary.created_at);
    let mut events = service.events.iter().filter(|event| event.at >= since);
    let found = events.find_map(|event| match meaning(&event.message) {
        Meaning::Trouble { cause, .. } => Some(cause),
        Meaning::News | Meaning::Unknown => None,
    });
    found
        .filter(|_| service.running() < service.desired)
        .map(|cause| ObstacleView {
            remedy: cause.remedy(),
            cause,
        })
}

/// What the rest can do without: where it may not be looked at, that is said.
fn or_why_not<T>(what: &str, answer: Result<T, AwsError>, unseen: &mut Vec<String>) -> Option<T> {
    answer
        .map_err(|error| unseen.push(format!("{what}: {error}")))
        .ok()
}

impl Output for StatusOutput {
    fn text(&self) -> String {
        let mut parts = vec![format!(
            "{}: {}, {} desired",
            self.service,
            self.status,
            count(self.desired)
        )];
        if let Some(why) = &self.not_running {
            parts.push(format!("nothing runs: {}", strip_control_chars(why)));
        }
        if let Some(until) = self.asleep_until {
            let until = shown_time(until);
            parts.push(format!("asleep until {until}; `t3nets scale 1` wakes it"));
        }
        if let Some(ObstacleView { cause, remedy }) = &self.obstacle {
            let remedy = remedy.map_or_else(String::new, |remedy| format!(": {remedy}"));
            parts.push(format!("{cause}{remedy}"));
        }
        if let Some(release) = &self.release {
            let last = match self.running.is_empty() {
                true => "last release",
                false => "release",
            };
            let by = self.deployed_by.as_ref();
            let by = by.map_or_else(String::new, |by| format!(", deployed by {by}"));
            parts.push(format!("{last} {release}{by}"));
        }
        let rows = self.deployments.iter().map(|one| {
            [
                one.revision.clone(),
                one.status.to_string(),
                one.rollout_state.to_string(),
                format!("{} of {}", one.running, one.desired),
                one.pending.to_string(),
                one.reason.clone(),
            ]
        });
        let header = [
            "revision", "status", "rollout", "running", "pending", "reason",
        ];
        parts.push(table(&header, rows));
        if let Some(tasks) = self.tasks.as_ref().filter(|all| !all.is_empty()) {
            parts.push(shown(tasks));
        }
        if let Some(targets) = self.targets.as_ref().filter(|all| !all.is_empty()) {
            let rows = targets
                .iter()
                .map(|one| [&*one.address, one.state.as_str(), &*one.reason]);
            parts.push(table(&["target", "health", "reason"], rows));
        }
        if !self.events.is_empty() {
            let events = self.events.iter().map(|event| {
                let at = event.at.map_or_else(String::new, shown_time);
                [at, event.message.clone()]
            });
            parts.push(table(&["time", "event"], events));
        }
        let unseen = self.unseen.iter();
        parts.extend(unseen.map(|why| format!("not seen: {}", strip_control_chars(why))));
        parts.join("\n\n")
    }
}
