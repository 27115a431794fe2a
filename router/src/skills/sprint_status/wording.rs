//! Describes a result in plain text that reads well in a terminal and as Markdown.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Action;
use super::report::{Blocker, OwnIssue, Points, Progress, Report, SprintName, SprintReport};
use crate::skills::jira::figures::{Tally, day};
use crate::skills::jira::issue::{SprintState, plain};
use crate::skills::jira::lines::{self, counted, item, joined, rest};

/// How much is shown of a value that is not a result of this skill, in characters.
const UNKNOWN_CHARS: usize = 500;

/// Describes a result of the skill. Any other value is shown as JSON, cut.
pub(super) fn describe(result: &Value) -> String {
    match Report::deserialize(result) {
        Ok(report) => describe_report(&report),
        Err(_) => plain(&result.to_string(), UNKNOWN_CHARS),
    }
}

fn describe_report(report: &Report) -> String {
    let Some(sprint) = &report.sprint else {
        return no_sprint(report);
    };
    let mut lines = Vec::new();
    match report.action {
        Action::Status => {
            lines.push(format!("{}: {}", sprint.name, time_left(sprint)));
            lines.extend(sprint.goal.as_ref().map(|goal| format!("Goal: {goal}")));
            lines.extend(report.progress.as_ref().map(progress));
            blockers(&mut lines, report);
        }
        Action::Blockers => {
            blockers(&mut lines, report);
            lines.push(format!("Sprint: {}, {}", sprint.name, time_left(sprint)));
        }
        Action::Mine => {
            own_issues(&mut lines, report);
            lines.push(format!("Sprint: {}, {}", sprint.name, time_left(sprint)));
        }
    }
    if report.other_active_sprints_total > 0 {
        let names: Vec<&str> = report
            .other_active_sprints
            .iter()
            .map(|sprint| sprint.name.as_str())
            .collect();
        lines.push(format!(
            "Also active: {}{}",
            names.join(", "),
            more(report.other_active_sprints_total, names.len())
        ));
    }
    lines.extend(report.notes.iter().map(|note| format!("Note: {note}.")));
    joined(&lines)
}

fn no_sprint(report: &Report) -> String {
    let board = match &report.board.name {
        Some(name) => format!("board {name}"),
        None => format!("board {}", report.board.id),
    };
    let mut lines = vec![match &report.unknown_sprint {
        Some(name) => unknown_sprint(&board, name, &report.known_sprints),
        None => format!("No sprint is active on the {board}.{}", next_sprint(report)),
    }];
    lines.extend(report.notes.iter().map(|note| format!("Note: {note}.")));
    joined(&lines)
}

/// Also of `last` and `next`, which are no names.
fn unknown_sprint(board: &str, name: &str, known: &[String]) -> String {
    let name = match name.to_lowercase() {
        name if name.contains("sprint") => format!("`{name}`"),
        name => format!("sprint `{name}`"),
    };
    let known = match known {
        [] => "It has no sprints.".to_owned(),
        [only] => format!("Its only one is {only}."),
        several => format!("Its newest are {}.", several.join(", ")),
    };
    format!("The {board} has no {name}. {known}")
}

fn next_sprint(report: &Report) -> String {
    match &report.next_sprint {
        Some(SprintName {
            name,
            start: Some(start),
            ..
        }) => {
            format!(
                " The next one is {name}, planned to start on {}.",
                date(*start)
            )
        }
        Some(SprintName { name, .. }) => format!(" The next one is {name}."),
        None => String::new(),
    }
}

fn time_left(sprint: &SprintReport) -> String {
    match sprint.state {
        SprintState::Active => {}
        SprintState::Closed => {
            let closed = sprint.completed.or(sprint.end).map(date);
            return closed.map_or_else(|| "closed".to_owned(), |on| format!("closed on {on}"));
        }
        SprintState::Future => {
            let start = sprint.start.map(date);
            return start.map_or_else(
                || "not started, without a date".to_owned(),
                |on| format!("not started, planned to start on {on}"),
            );
        }
    }
    let Some(end) = sprint.end else {
        return "no end date".to_owned();
    };
    let end = date(end);
    match (sprint.overdue_days, sprint.days_left, sprint.days_total) {
        (Some(0), ..) => format!("over since today ({end}) and still open"),
        (None, Some(0), _) => format!("ends today ({end})"),
        (Some(days), ..) => format!(
            "over since {end} ({} ago) and still open",
            counted(days, "day")
        ),
        (None, Some(left), Some(total)) => {
            format!("{} left of {total}, ends {end}", counted(left, "day"))
        }
        (None, Some(left), None) => format!("{} left, ends {end}", counted(left, "day")),
        (None, None, _) => format!("ends {end}"),
    }
}

fn progress(progress: &Progress) -> String {
    let Tally {
        total,
        done,
        in_progress,
        to_do,
    } = &progress.issues;
    if *total == 0 {
        return "Progress: the sprint holds no issues".to_owned();
    }
    let mut line = format!(
        "Progress: {}% done. {done} of {} done, {in_progress} in progress, {to_do} to do",
        progress.percent_done,
        counted(*total, "issue"),
    );
    if let Some(points) = progress
        .points
        .as_ref()
        .filter(|points| points.total.0 > 0.0)
    {
        // Writing to a string cannot fail.
        let _ = write!(
            line,
            "; {} of {} story points done",
            Shown(points.done),
            Shown(points.total)
        );
        if let Some(without @ 1..) = progress.issues_without_points {
            let _ = write!(line, ", {} without points", counted(without, "issue"));
        }
    }
    line
}

fn blockers(lines: &mut Vec<String>, report: &Report) {
    if report.blockers_total == 0 {
        lines.push("Blockers: none".to_owned());
        return;
    }
    lines.push(format!("Blockers: {}", report.blockers_total));
    lines.extend(report.blockers.iter().map(blocker));
    rest(lines, report.blockers_total, report.blockers.len());
}

fn blocker(blocker: &Blocker) -> String {
    let facts = [
        Some(blocker.assignee.as_deref().unwrap_or("unassigned")),
        blocker.status.as_deref(),
        blocker.priority.as_deref(),
        Some(&blocker.reason),
    ];
    item(&blocker.key, blocker.summary.as_deref(), &facts)
}

fn own_issues(lines: &mut Vec<String>, report: &Report) {
    let own = report.mine.as_deref().unwrap_or_default();
    let total = report.mine_total.unwrap_or(own.len());
    if total == 0 {
        lines.push("None of the sprint's issues is assigned to you".to_owned());
        return;
    }
    let verb = if total == 1 { "is" } else { "are" };
    lines.push(format!(
        "{} of the sprint {verb} yours:",
        counted(total as u64, "issue")
    ));
    lines.extend(own.iter().map(own_issue));
    rest(lines, total, own.len());
}

fn own_issue(issue: &OwnIssue) -> String {
    let points = issue
        .points
        .map(|points| format!("{} points", Shown(points)));
    let facts = [
        Some(issue.status.as_deref().unwrap_or(issue.stage.called())),
        issue.priority.as_deref(),
        points.as_deref(),
        issue.blocked.then_some("blocked"),
    ];
    item(&issue.key, issue.summary.as_deref(), &facts)
}

fn more(total: usize, shown: usize) -> String {
    match total.saturating_sub(shown) {
        0 => String::new(),
        hidden => format!(" and {hidden} more"),
    }
}

fn date(at: Timestamp) -> String {
    lines::date(day(at))
}

/// Story points for people: at most two decimals, and none where none are needed.
struct Shown(Points);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", (self.0.0 * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn anything_can_be_described() {
        let strange = [
            json!(null),
            json!([]),
            json!("text\u{1b}[2J"),
            json!({"action": "status"}),
            json!({"action": "status", "board": {"id": 1}, "sprint": {"id": -1}}),
            json!({"error": "x".repeat(9000)}),
        ];
        for value in strange {
            let words = describe(&value);
            assert!(
                words.chars().count() <= UNKNOWN_CHARS && !words.contains('\u{1b}'),
                "{words}"
            );
        }
    }
}
