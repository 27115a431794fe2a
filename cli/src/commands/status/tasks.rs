//! A service's tasks: those that run, and why the last ones ended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use t3nets_deploy::ecs::ListedTask;
use t3nets_deploy::ecs::states::{HealthStatus, StopCode, TaskStatus};

use crate::terminal::table::table;
use crate::terminal::text::shown_time;

/// How many of the tasks that ended are shown.
const ENDED: usize = 5;

/// A task.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct TaskView {
    id: String,
    revision: String,
    status: TaskStatus,
    /// Empty where ECS gives none.
    health: HealthStatus,
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<StoppedView>,
}

/// How a task ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct StoppedView {
    at: Option<Timestamp>,
    /// Empty where ECS gives none.
    stop_code: StopCode,
    reason: String,
    /// By container.
    exit_codes: BTreeMap<String, i32>,
    /// By container.
    reasons: BTreeMap<String, String>,
}

impl TaskView {
    fn is_over(&self) -> bool {
        self.stopped.is_some()
    }

    /// When it came to be what it is.
    fn since(&self) -> Option<Timestamp> {
        let stopped = self.stopped.as_ref().and_then(|stopped| stopped.at);
        stopped.or(self.created_at)
    }
}

/// What is shown of the tasks.
pub(super) fn views(tasks: Vec<ListedTask>) -> Vec<TaskView> {
    chosen(tasks.into_iter().map(view).collect())
}

/// All that are not over, then the last that are, each the newest first.
fn chosen(mut views: Vec<TaskView>) -> Vec<TaskView> {
    views.sort_by(|one, other| {
        let over = one.is_over().cmp(&other.is_over());
        over.then_with(|| other.since().cmp(&one.since()))
    });
    let running = views.iter().take_while(|task| !task.is_over()).count();
    views.truncate(running + ENDED);
    views
}

fn view(seen: ListedTask) -> TaskView {
    let ListedTask {
        task,
        task_definition,
        created_at,
        stopped_at,
        ..
    } = seen;
    let stopped = task.is_stopped().then(|| StoppedView {
        at: stopped_at,
        stop_code: task.stop_code.clone().unwrap_or_default(),
        reason: task.stopped_reason.clone(),
        exit_codes: task
            .containers
            .iter()
            .filter_map(|container| Some((container.name.clone(), container.exit_code?)))
            .collect(),
        reasons: task
            .containers
            .iter()
            .filter(|container| !container.reason.is_empty())
            .map(|container| (container.name.clone(), container.reason.clone()))
            .collect(),
    });
    TaskView {
        id: task.id,
        revision: task_definition.name().to_owned(),
        status: task.last_status,
        health: task.health.unwrap_or_default(),
        created_at,
        stopped,
    }
}

/// For people. Tasks are named as `t3nets logs` does.
pub(super) fn shown(tasks: &[TaskView]) -> String {
    let rows = tasks.iter().map(|task| {
        let since = task.since().map_or_else(String::new, shown_time);
        [
            task.id.get(..8).unwrap_or(&task.id).to_owned(),
            task.revision.clone(),
            task.status.to_string(),
            task.health.to_string(),
            since,
            task.stopped.as_ref().map_or_else(String::new, why),
        ]
    });
    table(
        &["task", "revision", "status", "health", "since", "why"],
        rows,
    )
}

fn why(stopped: &StoppedView) -> String {
    let codes = stopped.exit_codes.iter();
    let codes = codes.map(|(container, code)| format!("`{container}` exited with {code}"));
    let reasons = stopped.reasons.iter();
    let reasons = reasons.map(|(container, reason)| format!("`{container}`: {reason}"));
    let sentence = match stopped.stop_code.as_str() {
        "" => stopped.reason.clone(),
        code => format!("{} ({code})", stopped.reason),
    };
    let parts: Vec<String> = codes.chain([sentence]).chain(reasons).collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, second: i64) -> TaskView {
        TaskView {
            id: id.to_owned(),
            revision: "router:1".to_owned(),
            status: TaskStatus::Running,
            health: HealthStatus::Healthy,
            created_at: Timestamp::from_second(second).ok(),
            stopped: None,
        }
    }

    fn stopped(id: &str, second: i64) -> TaskView {
        let at = Timestamp::from_second(second).ok();
        TaskView {
            stopped: Some(StoppedView {
                at,
                stop_code: StopCode::EssentialContainerExited,
                reason: "Essential container in task exited".to_owned(),
                exit_codes: BTreeMap::from([("router".to_owned(), 7)]),
                reasons: BTreeMap::new(),
            }),
            ..task(id, 1)
        }
    }

    #[test]
    fn all_that_run_and_the_last_that_ended_are_shown_the_newest_first() {
        let ended = (10..20).map(|second| stopped(&second.to_string(), second));
        let tasks = ended.chain([task("old", 1), task("new", 2)]).collect();
        let ids: Vec<String> = chosen(tasks).into_iter().map(|task| task.id).collect();
        assert_eq!(ids, ["new", "old", "19", "18", "17", "16", "15"]);
    }

    #[test]
    fn why_a_task_ended_begins_with_the_exit_code() {
        let text = shown(&[stopped("0123456789", 60)]);
        assert!(text.contains("01234567 "), "{text}");
        let why =
            "`router` exited with 7; Essential container in task exited (EssentialContainerExited)";
        assert!(text.ends_with(&format!("  {why}")), "{text}");
    }
}
