//! From Jira's answers to the results of the skill. Pure.
//!
//! Every issue of a version counts, sub-tasks included, as on Jira's own page of the version.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Action;
use super::calls::Findings;
use super::version::{self, Version, VersionState};
use crate::skills::SkillError;
use crate::skills::jira::failure::Failure;
use crate::skills::jira::figures::{LIST_LENGTH, Tally, day, days_between, percent};
use crate::skills::jira::issue::{Issue, Stage};
use crate::skills::jira::settings::Site;

/// The most issues that are listed; a model is given no more than fits its context.
pub(super) const LISTED_ISSUES: usize = 100;

/// The most types that are told apart.
const MOST_TYPES: usize = 20;

/// What stands for the type of an issue that has none.
const NO_TYPE: &str = "Other";

/// The result of `list_releases`: the API of `--raw`, and what a model is given.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Releases {
    pub(super) action: Action,
    pub(super) project: ProjectReport,
    /// The unreleased version that comes first.
    pub(super) next: Option<VersionReport>,
    /// The released version that came last.
    pub(super) latest: Option<VersionReport>,
    /// Released and unreleased versions, the newest first; what is unreleased is never left out
    /// for what is released.
    pub(super) releases: Vec<VersionReport>,
    pub(super) released_total: usize,
    pub(super) unreleased_total: usize,
    /// How many of the unreleased ones should have been released by now.
    pub(super) overdue_total: usize,
    /// What the result lacks, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

/// The result of `summarize`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Summary {
    pub(super) action: Action,
    pub(super) project: ProjectReport,
    /// The version that was asked for; `null` if there is none.
    pub(super) version: Option<VersionReport>,
    /// What was asked for; only if no version is called so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unknown_version: Option<String>,
    /// The names of the newest versions; only where there is none to report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) known_versions: Vec<String>,
    /// `null` without a version.
    pub(super) progress: Option<Progress>,
    /// The version's issues by type: the type with the most of them first, sub-tasks last.
    pub(super) types: Vec<TypeReport>,
    /// What the result lacks, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProjectReport {
    pub(super) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct VersionReport {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) state: VersionState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) start_date: Option<Date>,
    /// When it was released or, while it is unreleased, when it is planned to be.
    pub(super) release_date: Option<Date>,
    /// Whether it is unreleased and its day is over, in UTC.
    pub(super) overdue: bool,
    /// Days from today to the day of the release, in UTC, negative if it is over; only while it is
    /// unreleased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) days_left: Option<i64>,
    pub(super) url: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) issues: Tally<u64>,
    /// Done of all issues, 0 to 100, rounded down so that 100 means all.
    pub(super) percent_done: u8,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TypeReport {
    /// As the site calls it: `Bug`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) total: u64,
    pub(super) done: u64,
    /// What is done first.
    pub(super) issues: Vec<IssueReport>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IssueReport {
    pub(super) key: String,
    pub(super) summary: Option<String>,
    pub(super) status: Option<String>,
    pub(super) stage: Stage,
    pub(super) priority: Option<String>,
    pub(super) assignee: Option<String>,
    pub(super) url: Option<String>,
}

/// The result of `list_releases` as JSON: see [`Releases`].
pub(super) fn releases(
    site: &Site,
    now: Timestamp,
    findings: &Findings,
) -> Result<Value, SkillError> {
    let described = |version: &Version| version_report(site, findings, now, version);
    let count = |state| {
        let versions = findings.versions.iter();
        versions.filter(|version| version.state == state).count()
    };
    let mut versions: Vec<&Version> = findings
        .versions
        .iter()
        .filter(|version| version.state != VersionState::Archived)
        .collect();
    versions.sort_by_key(|version| (version.state, Reverse(version.age())));
    versions.truncate(LIST_LENGTH);
    versions.sort_by_key(|version| Reverse(version.age()));
    let overdue = |version: &&Version| is_overdue(version, day(now));
    let report = Releases {
        action: Action::ListReleases,
        project: project(findings),
        next: version::next(&findings.versions).map(described),
        latest: version::latest(&findings.versions).map(described),
        releases: versions.into_iter().map(described).collect(),
        released_total: count(VersionState::Released),
        unreleased_total: count(VersionState::Unreleased),
        overdue_total: findings.versions.iter().filter(overdue).count(),
        notes: findings.notes.clone(),
    };
    as_json(report)
}

/// The result of `summarize` as JSON: see [`Summary`].
pub(super) fn summary(
    site: &Site,
    now: Timestamp,
    findings: &Findings,
) -> Result<Value, SkillError> {
    let version = findings.version.as_ref();
    let known = match version {
        None => version::newest(&findings.versions),
        Some(_) => Vec::new(),
    };
    let mut notes = findings.notes.clone();
    let types = types(site, &findings.issues, &mut notes);
    let report = Summary {
        action: Action::Summarize,
        project: project(findings),
        version: version.map(|version| version_report(site, findings, now, version)),
        unknown_version: findings.unknown.clone(),
        known_versions: known,
        progress: version.map(|_| progress(&findings.issues)),
        types,
        notes,
    };
    as_json(report)
}

fn as_json(report: impl Serialize) -> Result<Value, SkillError> {
    serde_json::to_value(report)
        .map_err(|_| Failure::UnexpectedForm("a result that fits JSON").explain("the releases"))
}

fn project(findings: &Findings) -> ProjectReport {
    ProjectReport {
        key: findings.project.key.clone(),
        name: findings.project.name.clone(),
    }
}

fn version_report(
    site: &Site,
    findings: &Findings,
    now: Timestamp,
    version: &Version,
) -> VersionReport {
    let today = day(now);
    let is_unreleased = version.state == VersionState::Unreleased;
    let days_left = version.release.filter(|_| is_unreleased);
    let (project, id) = (&findings.project.key, &version.id);
    let has_page = id.bytes().all(|byte| byte.is_ascii_digit());
    let page = has_page.then(|| site.page(&format!("/projects/{project}/versions/{id}")));
    VersionReport {
        id: id.clone(),
        name: version.name.clone(),
        state: version.state,
        description: version.description.clone(),
        start_date: version.start,
        release_date: version.release,
        overdue: is_overdue(version, today),
        days_left: days_left.map(|release| days_between(today, release)),
        url: page.flatten(),
    }
}

fn is_overdue(version: &Version, today: Date) -> bool {
    version.state == VersionState::Unreleased && version.release.is_some_and(|on| on < today)
}

fn progress(issues: &[Issue]) -> Progress {
    let mut counts = Tally::<u64>::default();
    for issue in issues {
        let count = match issue.stage {
            Stage::Done => &mut counts.done,
            Stage::InProgress => &mut counts.in_progress,
            Stage::ToDo => &mut counts.to_do,
        };
        *count += 1;
        counts.total += 1;
    }
    Progress {
        percent_done: percent(counts.done, counts.total),
        issues: counts,
    }
}

/// The issues by type, as many as are listed.
fn types(site: &Site, issues: &[Issue], notes: &mut Vec<String>) -> Vec<TypeReport> {
    let mut by_type: BTreeMap<(bool, &str), Vec<&Issue>> = BTreeMap::new();
    for issue in issues {
        let kind = issue.kind.as_deref().unwrap_or(NO_TYPE);
        by_type
            .entry((issue.is_subtask, kind))
            .or_default()
            .push(issue);
    }
    let mut by_type: Vec<((bool, &str), Vec<&Issue>)> = by_type.into_iter().collect();
    by_type.sort_by_key(|((is_subtask, _), issues)| (*is_subtask, Reverse(issues.len())));
    if by_type.len() > MOST_TYPES {
        by_type.truncate(MOST_TYPES);
        notes.push(format!(
            "only the {MOST_TYPES} most frequent types are listed"
        ));
    }
    let mut room = LISTED_ISSUES;
    let mut types = Vec::new();
    for ((_, kind), mut issues) in by_type {
        issues.sort_by_key(|issue| match issue.stage {
            Stage::Done => 0,
            Stage::InProgress => 1,
            Stage::ToDo => 2,
        });
        let total = issues.len();
        let done = issues
            .iter()
            .filter(|issue| issue.stage == Stage::Done)
            .count();
        issues.truncate(room.min(LIST_LENGTH));
        room -= issues.len();
        types.push(TypeReport {
            kind: kind.to_owned(),
            total: total as u64,
            done: done as u64,
            issues: issues
                .into_iter()
                .map(|issue| issue_report(site, issue))
                .collect(),
        });
    }
    types
}

fn issue_report(site: &Site, issue: &Issue) -> IssueReport {
    let assignee = issue.assignee.as_ref();
    IssueReport {
        key: issue.key.clone(),
        summary: issue.summary.clone(),
        status: issue.status.clone(),
        stage: issue.stage,
        priority: issue.priority.clone(),
        assignee: assignee.and_then(|assignee| assignee.name.clone()),
        url: site.browse_url(&issue.key),
    }
}
