//! Describes a result in plain text that reads well in a terminal and as Markdown.

use serde::Deserialize;
use serde_json::Value;

use super::report::{IssueReport, Progress, Releases, Summary, TypeReport, VersionReport};
use super::version::{VersionState, is_latest, is_next};
use crate::skills::jira::figures::Tally;
use crate::skills::jira::issue::{Stage, plain};
use crate::skills::jira::lines::{counted, date, item, joined, rest};

/// How much is shown of a value that is not a result of this skill, in characters.
const UNKNOWN_CHARS: usize = 500;

/// Describes a result of the skill. Any other value is shown as JSON, cut.
pub(super) fn describe(result: &Value) -> String {
    if let Ok(summary) = Summary::deserialize(result) {
        return describe_summary(&summary);
    }
    match Releases::deserialize(result) {
        Ok(releases) => describe_releases(&releases),
        Err(_) => plain(&result.to_string(), UNKNOWN_CHARS),
    }
}

fn describe_releases(report: &Releases) -> String {
    let mut lines = Vec::new();
    if report.releases.is_empty() {
        lines.push(format!(
            "The project {} has no releases.",
            report.project.key
        ));
    }
    if let Some(next) = &report.next {
        lines.push(format!("Next: {}, {}", next.name, when(next)));
    }
    if let Some(latest) = &report.latest {
        lines.push(format!("Latest: {}, {}", latest.name, when(latest)));
    }
    for (state, title, total) in [
        (
            VersionState::Unreleased,
            "Unreleased",
            report.unreleased_total,
        ),
        (VersionState::Released, "Released", report.released_total),
    ] {
        let mut listed: Vec<String> = Vec::new();
        for version in report
            .releases
            .iter()
            .filter(|version| version.state == state)
        {
            listed.push(format!("- {}: {}", version.name, when(version)));
        }
        if listed.is_empty() {
            continue;
        }
        let shown = listed.len();
        lines.push(match (state, report.overdue_total) {
            (VersionState::Unreleased, late @ 1..) => format!("{title}: {total}, {late} overdue"),
            _ => format!("{title}: {total}"),
        });
        lines.append(&mut listed);
        rest(&mut lines, total, shown);
    }
    lines.extend(notes(&report.notes));
    joined(&lines)
}

/// When a version was or will be released.
fn when(version: &VersionReport) -> String {
    let Some(on) = version.release_date else {
        return match version.state {
            VersionState::Released => "released, without a date".to_owned(),
            VersionState::Unreleased => "unreleased, without a date".to_owned(),
            VersionState::Archived => "archived".to_owned(),
        };
    };
    let on = date(on);
    match (version.state, version.days_left) {
        (VersionState::Released, _) => format!("released on {on}"),
        (VersionState::Archived, _) => format!("archived, released on {on}"),
        (VersionState::Unreleased, Some(0)) => format!("due today ({on})"),
        (VersionState::Unreleased, Some(left @ 1..)) => {
            format!("due on {on}, in {}", counted(left, "day"))
        }
        (VersionState::Unreleased, Some(left)) => {
            format!(
                "overdue since {on} ({})",
                counted(left.saturating_neg(), "day")
            )
        }
        (VersionState::Unreleased, None) => format!("due on {on}"),
    }
}

fn describe_summary(report: &Summary) -> String {
    let Some(version) = &report.version else {
        return no_version(report);
    };
    let mut lines = vec![format!("{}: {}", version.name, when(version))];
    lines.extend(version.description.clone());
    lines.extend(report.progress.as_ref().map(|done| progress(done, version)));
    for kind in &report.types {
        lines.push(heading(kind));
        lines.extend(kind.issues.iter().map(issue));
        rest(
            &mut lines,
            usize::try_from(kind.total).unwrap_or(usize::MAX),
            kind.issues.len(),
        );
    }
    lines.extend(notes(&report.notes));
    joined(&lines)
}

fn no_version(report: &Summary) -> String {
    let project = &report.project.key;
    let missing = match &report.unknown_version {
        Some(name) if is_next(&name.to_lowercase()) => {
            format!("The project {project} has no unreleased version.")
        }
        Some(name) if is_latest(&name.to_lowercase()) => {
            format!("The project {project} has no released version.")
        }
        Some(name) => format!("The project {project} has no version `{name}`."),
        None => format!("The project {project} has no such version."),
    };
    let known = match report.known_versions.as_slice() {
        [] => "It has none at all.".to_owned(),
        [only] => format!("Its only one is {only}."),
        several => format!("Its newest are {}.", several.join(", ")),
    };
    let mut lines = vec![format!("{missing} {known}")];
    lines.extend(notes(&report.notes));
    joined(&lines)
}

fn progress(progress: &Progress, version: &VersionReport) -> String {
    let Tally {
        total,
        done,
        in_progress,
        to_do,
    } = &progress.issues;
    if *total == 0 {
        return "It holds no issues".to_owned();
    }
    let all = counted(*total, "issue");
    if done == total {
        return match version.state {
            VersionState::Unreleased => format!("All of its {all} done"),
            _ => all,
        };
    }
    format!(
        "{}% done. {done} of {all} done, {in_progress} in progress, {to_do} to do",
        progress.percent_done
    )
}

fn heading(kind: &TypeReport) -> String {
    match kind.total.saturating_sub(kind.done) {
        0 => format!("{}: {}", kind.kind, kind.total),
        open => format!("{}: {}, {open} not done", kind.kind, kind.total),
    }
}

fn issue(issue: &IssueReport) -> String {
    let status = issue.status.as_deref().unwrap_or(issue.stage.called());
    let is_open = issue.stage != Stage::Done;
    item(
        &issue.key,
        issue.summary.as_deref(),
        &[is_open.then_some("not done"), Some(status)],
    )
}

fn notes(notes: &[String]) -> impl Iterator<Item = String> {
    notes.iter().map(|note| format!("Note: {note}."))
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
            json!({"action": "summarize"}),
            json!({"action": "list_releases", "project": {"key": 1}}),
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
