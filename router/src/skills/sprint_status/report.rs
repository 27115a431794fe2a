//! From Jira's answers to the result of the skill. Pure.
//!
//! Sub-tasks are parts of issues that are counted already, so they count neither as issues nor with
//! their points; a blocked sub-task is a blocker all the same, and one of the caller's is the
//! caller's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Action;
use super::calls::Findings;
use crate::skills::SkillError;
use crate::skills::jira::failure::Failure;
use crate::skills::jira::figures::{Tally, capped, day, days_between, percent};
use crate::skills::jira::issue::{Issue, Sprint, SprintState, Stage};
use crate::skills::jira::settings::Site;

/// The most story points that one issue can have: far above what teams use, and low enough that the
/// sum of any sprint is exact.
const MOST_POINTS: f64 = 1e9;

/// The result of the skill: the API of `--raw`, and what a model is given.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) action: Action,
    pub(super) board: BoardReport,
    /// The sprint that was asked for, else the active one that started last; `null` if there is
    /// none.
    pub(super) sprint: Option<SprintReport>,
    /// What was asked for; only if no sprint is called so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unknown_sprint: Option<String>,
    /// The names of the board's newest sprints; only beside `unknown_sprint`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) known_sprints: Vec<String>,
    /// The sprint's progress; `null` without a sprint.
    pub(super) progress: Option<Progress>,
    /// What is blocked and not done.
    pub(super) blockers: Vec<Blocker>,
    pub(super) blockers_total: usize,
    /// The caller's issues, those in progress first; only for the action `mine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mine: Option<Vec<OwnIssue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mine_total: Option<usize>,
    pub(super) other_active_sprints: Vec<SprintName>,
    pub(super) other_active_sprints_total: usize,
    /// What comes next; only while no sprint is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next_sprint: Option<SprintName>,
    /// What the result lacks, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BoardReport {
    pub(super) id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SprintReport {
    pub(super) id: u64,
    pub(super) name: String,
    #[serde(default)]
    pub(super) state: SprintState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) goal: Option<String>,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    /// Days from today to the day of the end, in UTC: 0 on that day and after it, `null` without an
    /// end.
    pub(super) days_left: Option<i64>,
    /// Days from the day of the start to that of the end, in UTC.
    pub(super) days_total: Option<i64>,
    /// When it was closed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) completed: Option<Timestamp>,
    /// Days from the day of the end to today, in UTC; only once it is over and while it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) overdue_days: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SprintName {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) start: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) issues: Tally<u64>,
    /// `null` if the board does not estimate in story points.
    pub(super) points: Option<Tally<Points>>,
    /// How many of the issues have no story points; `null` with `points`.
    pub(super) issues_without_points: Option<u64>,
    /// Done of all issues, 0 to 100, rounded down so that 100 means all. Not of the points: what
    /// has none would not count.
    pub(super) percent_done: u8,
}

/// Story points: whole numbers in JSON where they are whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Deserialize)]
#[serde(from = "f64")]
pub(super) struct Points(pub(super) f64);

impl From<f64> for Points {
    fn from(points: f64) -> Self {
        Self(points)
    }
}

impl Serialize for Points {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Sums of tenths are off by a hair.
        let rounded = (self.0 * 100.0).round() / 100.0;
        // Between these bounds a whole number converts exactly.
        if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
            serializer.serialize_i64(rounded as i64)
        } else {
            serializer.serialize_f64(rounded)
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Blocker {
    pub(super) key: String,
    pub(super) summary: Option<String>,
    pub(super) assignee: Option<String>,
    pub(super) status: Option<String>,
    pub(super) priority: Option<String>,
    /// Why it counts as blocked.
    pub(super) reason: String,
    pub(super) url: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OwnIssue {
    pub(super) key: String,
    pub(super) summary: Option<String>,
    pub(super) status: Option<String>,
    pub(super) stage: Stage,
    pub(super) priority: Option<String>,
    pub(super) points: Option<Points>,
    pub(super) blocked: bool,
    pub(super) url: Option<String>,
}

/// The result as JSON: see [`Report`].
pub(super) fn report(
    site: &Site,
    action: Action,
    now: Timestamp,
    findings: &Findings,
) -> Result<Value, SkillError> {
    let blockers: Vec<Blocker> = findings
        .issues
        .iter()
        .filter(|issue| issue.stage != Stage::Done)
        .filter_map(|issue| Some((issue, issue.blocked.clone()?)))
        .map(|(issue, reason)| Blocker {
            key: issue.key.clone(),
            summary: issue.summary.clone(),
            assignee: issue
                .assignee
                .as_ref()
                .and_then(|assignee| assignee.name.clone()),
            status: issue.status.clone(),
            priority: issue.priority.clone(),
            reason,
            url: site.browse_url(&issue.key),
        })
        .collect();
    let mine = (action == Action::Mine).then(|| own_issues(site, findings));
    let has_points = findings.board.points_field.is_some();
    let mut notes = findings.notes.to_vec();
    notes.extend(uncountable_points(&findings.issues));
    let others = &findings.other_sprints;
    let unknown = findings.unknown.as_ref();
    if findings
        .sprint
        .as_ref()
        .is_some_and(|sprint| sprint.state == SprintState::Closed)
    {
        notes.push("the sprint is closed; its issues are shown as they are today".to_owned());
    }
    let report = Report {
        action,
        board: BoardReport {
            id: site.board_id,
            name: findings.board.name.clone(),
        },
        sprint: findings
            .sprint
            .as_ref()
            .map(|sprint| sprint_report(sprint, now)),
        unknown_sprint: unknown.map(|(name, _)| name.clone()),
        known_sprints: unknown.map_or_else(Vec::new, |(_, known)| known.clone()),
        progress: findings
            .sprint
            .as_ref()
            .map(|_| progress(&findings.issues, has_points)),
        blockers_total: blockers.len(),
        blockers: capped(blockers),
        mine_total: mine.as_ref().map(Vec::len),
        mine: mine.map(capped),
        other_active_sprints_total: others.len(),
        other_active_sprints: capped(others.iter().map(sprint_name).collect()),
        next_sprint: findings.next_sprint.as_ref().map(sprint_name),
        notes,
    };
    serde_json::to_value(report)
        .map_err(|_| Failure::UnexpectedForm("a result that fits JSON").explain("the sprint"))
}

fn own_issues(site: &Site, findings: &Findings) -> Vec<OwnIssue> {
    let Some(caller) = &findings.caller else {
        return Vec::new();
    };
    let mut own: Vec<OwnIssue> = findings
        .issues
        .iter()
        .filter(|issue| caller.has(issue))
        .map(|issue| OwnIssue {
            key: issue.key.clone(),
            summary: issue.summary.clone(),
            status: issue.status.clone(),
            stage: issue.stage,
            priority: issue.priority.clone(),
            points: countable_points(issue).map(Points),
            blocked: issue.blocked.is_some() && issue.stage != Stage::Done,
            url: site.browse_url(&issue.key),
        })
        .collect();
    own.sort_by_key(|issue| issue.stage);
    own
}

fn sprint_report(sprint: &Sprint, now: Timestamp) -> SprintReport {
    let left = sprint
        .end
        .map(|end| days_between(day(now), day(end)).max(0));
    let total = sprint.start.zip(sprint.end);
    SprintReport {
        id: sprint.id,
        name: sprint.name.clone(),
        state: sprint.state,
        goal: sprint.goal.clone(),
        start: sprint.start,
        end: sprint.end,
        days_left: left,
        days_total: total.map(|(start, end)| days_between(day(start), day(end)).max(0)),
        completed: sprint.completed,
        overdue_days: sprint
            .end
            .filter(|end| *end < now && sprint.state == SprintState::Active)
            .map(|end| days_between(day(end), day(now))),
    }
}

fn sprint_name(sprint: &Sprint) -> SprintName {
    SprintName {
        id: sprint.id,
        name: sprint.name.clone(),
        start: sprint.start,
    }
}

fn progress(issues: &[Issue], has_points: bool) -> Progress {
    let mut counts = Tally::<u64>::default();
    let mut sums = Tally::<Points>::default();
    let mut without_points = 0;
    for issue in issues.iter().filter(|issue| !issue.is_subtask) {
        let points = countable_points(issue);
        let (count, sum) = match issue.stage {
            Stage::Done => (&mut counts.done, &mut sums.done),
            Stage::InProgress => (&mut counts.in_progress, &mut sums.in_progress),
            Stage::ToDo => (&mut counts.to_do, &mut sums.to_do),
        };
        *count += 1;
        counts.total += 1;
        match points {
            Some(points) => {
                sum.0 += points;
                sums.total.0 += points;
            }
            None => without_points += 1,
        }
    }
    Progress {
        percent_done: percent(counts.done, counts.total),
        issues: counts,
        points: has_points.then_some(sums),
        issues_without_points: has_points.then_some(without_points),
    }
}

/// An issue's story points, if they can be added to others'.
fn countable_points(issue: &Issue) -> Option<f64> {
    issue.points.filter(|points| points.abs() <= MOST_POINTS)
}

/// What is said of story points that cannot be added.
fn uncountable_points(issues: &[Issue]) -> Option<String> {
    let is_uncountable =
        |issue: &&Issue| issue.points.is_some() && countable_points(issue).is_none();
    match issues.iter().filter(is_uncountable).count() {
        0 => None,
        1 => Some("the story points of 1 issue are no number that can be added".to_owned()),
        many => Some(format!(
            "the story points of {many} issues are no numbers that can be added"
        )),
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
