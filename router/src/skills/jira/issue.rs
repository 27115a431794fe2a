//! Sprints and issues as Jira sends them, where any field may be null, absent, or of another type
//! than documented. What cannot be read is treated as absent: a report with a gap is better than
//! none.

use jiff::Timestamp;
use serde_json::Value;

use crate::model::text::is_steering;

/// Jira allows 255 characters in a summary and a name; a hostile server could send megabytes.
const TEXT_CHARS: usize = 300;

/// Labels that say that an issue is blocked.
const BLOCKING_LABELS: [&str; 4] = ["blocked", "blocker", "impediment", "flagged"];

/// A text without what steers a terminal or turns the text around, its white space collapsed, at
/// most `chars` characters.
pub(in crate::skills) fn plain(text: &str, chars: usize) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || is_steering(c))
        .filter(|word| !word.is_empty());
    let mut line = String::new();
    let mut left = chars;
    for word in words {
        if !line.is_empty() && left > 0 {
            line.push(' ');
            left -= 1;
        }
        for c in word.chars().take(left) {
            line.push(c);
            left -= 1;
        }
        if left == 0 {
            break;
        }
    }
    line
}

/// A text at a place, if there is one and it is not blank.
pub(in crate::skills) fn text(value: &Value, pointer: &str) -> Option<String> {
    let text = plain(value.pointer(pointer)?.as_str()?, TEXT_CHARS);
    (!text.is_empty()).then_some(text)
}

/// A number, also one that is written as a text: fields of scripts and of add-ons do so.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_f64(),
    }
}

fn timestamp(value: &Value, pointer: &str) -> Option<Timestamp> {
    value.pointer(pointer)?.as_str()?.parse().ok()
}

/// A sprint of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::skills) struct Sprint {
    pub(in crate::skills) id: u64,
    pub(in crate::skills) name: String,
    pub(in crate::skills) state: SprintState,
    pub(in crate::skills) goal: Option<String>,
    pub(in crate::skills) start: Option<Timestamp>,
    pub(in crate::skills) end: Option<Timestamp>,
    /// When it was closed.
    pub(in crate::skills) completed: Option<Timestamp>,
}

/// Whether a sprint is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::skills) enum SprintState {
    #[default]
    Active,
    Closed,
    Future,
}

impl Sprint {
    /// `None` without an id, by which its issues are requested.
    pub(in crate::skills) fn read(value: &Value) -> Option<Self> {
        // Some proxies and older servers write ids as texts.
        let id = match value.get("id")? {
            Value::String(id) => id.trim().parse().ok()?,
            id => id.as_u64()?,
        };
        Some(Self {
            id,
            name: text(value, "/name").unwrap_or_else(|| format!("Sprint {id}")),
            state: match value.get("state").and_then(Value::as_str) {
                Some(state) if state.eq_ignore_ascii_case("closed") => SprintState::Closed,
                Some(state) if state.eq_ignore_ascii_case("future") => SprintState::Future,
                _ => SprintState::Active,
            },
            goal: text(value, "/goal"),
            start: timestamp(value, "/startDate").or_else(|| timestamp(value, "/activatedDate")),
            end: timestamp(value, "/endDate"),
            completed: timestamp(value, "/completeDate"),
        })
    }
}

/// Which of Jira's custom fields hold what. Their ids differ from site to site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::skills) struct FieldIds {
    /// The board's estimate in story points, if it has one.
    pub(in crate::skills) points: Option<String>,
    /// The fields that flag an issue as impeded.
    pub(in crate::skills) flags: Vec<String>,
}

/// How far an issue is, by the key of its status's category. Names are translated and can be
/// changed by the site; keys cannot
/// (<https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-workflow-status-categories/>).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub(in crate::skills) enum Stage {
    /// Being worked on: `indeterminate`.
    InProgress,
    /// Not started: `new`, and every unknown category.
    ToDo,
    /// Finished: `done`.
    Done,
}

impl Stage {
    /// What it is called where an issue has no status.
    pub(in crate::skills) fn called(self) -> &'static str {
        match self {
            Self::InProgress => "in progress",
            Self::ToDo => "to do",
            Self::Done => "done",
        }
    }
}

/// An issue.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::skills) struct Issue {
    pub(in crate::skills) key: String,
    /// As the site calls it: `Bug`.
    pub(in crate::skills) kind: Option<String>,
    pub(in crate::skills) summary: Option<String>,
    pub(in crate::skills) status: Option<String>,
    pub(in crate::skills) stage: Stage,
    pub(in crate::skills) priority: Option<String>,
    pub(in crate::skills) assignee: Option<Assignee>,
    pub(in crate::skills) points: Option<f64>,
    /// Whether it is a part of another issue.
    pub(in crate::skills) is_subtask: bool,
    /// Why it is blocked, if it is.
    pub(in crate::skills) blocked: Option<String>,
}

/// The person an issue is assigned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::skills) struct Assignee {
    pub(in crate::skills) account_id: Option<String>,
    pub(in crate::skills) name: Option<String>,
    /// Hidden by Jira for many accounts.
    pub(in crate::skills) email: Option<String>,
}

impl Issue {
    /// The fields that [`Issue::read`] needs, as Jira's `fields` parameter. `flagged` is the
    /// boards' own view of the flag.
    pub(in crate::skills) fn needed_fields(ids: &FieldIds) -> String {
        let fixed = [
            "summary",
            "status",
            "priority",
            "assignee",
            "labels",
            "issuetype",
            "flagged",
        ];
        let custom = ids.points.iter().chain(&ids.flags).map(String::as_str);
        fixed
            .into_iter()
            .chain(custom)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// `None` without a key, by which people name it.
    pub(in crate::skills) fn read(value: &Value, ids: &FieldIds) -> Option<Self> {
        let fields = value.get("fields").unwrap_or(&Value::Null);
        let status = text(fields, "/status/name");
        let stage = match fields
            .pointer("/status/statusCategory/key")
            .and_then(Value::as_str)
        {
            Some("done") => Stage::Done,
            Some("indeterminate") => Stage::InProgress,
            _ => Stage::ToDo,
        };
        let points = ids.points.as_ref().and_then(|id| number(fields.get(id)?));
        Some(Self {
            key: text(value, "/key")?,
            kind: text(fields, "/issuetype/name"),
            summary: text(fields, "/summary"),
            blocked: blocked(fields, status.as_deref(), ids),
            status,
            stage,
            priority: text(fields, "/priority/name"),
            assignee: fields
                .get("assignee")
                .filter(|who| who.is_object())
                .map(|who| Assignee {
                    account_id: text(who, "/accountId"),
                    name: text(who, "/displayName"),
                    email: text(who, "/emailAddress"),
                }),
            points,
            is_subtask: fields
                .pointer("/issuetype/subtask")
                .and_then(Value::as_bool)
                == Some(true),
        })
    }
}

/// Why the issue is blocked. What is done blocks nothing any more; the caller leaves it out.
fn blocked(fields: &Value, status: Option<&str>, ids: &FieldIds) -> Option<String> {
    let is_flagged = fields.get("flagged").and_then(Value::as_bool) == Some(true)
        || ids.flags.iter().any(|id| is_set(fields.get(id)));
    if is_flagged {
        return Some("flagged as an impediment".to_owned());
    }
    let labels = fields.get("labels").and_then(Value::as_array);
    let label = labels
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|label| {
            BLOCKING_LABELS
                .iter()
                .any(|blocking| label.eq_ignore_ascii_case(blocking))
        });
    if let Some(label) = label {
        return Some(format!("labelled `{label}`"));
    }
    let status = status.filter(|status| status.eq_ignore_ascii_case("blocked"))?;
    Some(format!("in the status `{status}`"))
}

/// Whether a checkbox field has a tick.
fn is_set(field: Option<&Value>) -> bool {
    match field {
        Some(Value::Array(ticks)) => !ticks.is_empty(),
        Some(Value::Object(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids() -> FieldIds {
        FieldIds {
            points: Some("customfield_1".to_owned()),
            flags: vec!["customfield_2".to_owned()],
        }
    }

    fn issue(fields: Value) -> Issue {
        Issue::read(&json!({"key": "A-1", "fields": fields}), &ids()).unwrap()
    }

    #[test]
    fn an_issue_of_which_only_the_key_is_known_is_read() {
        let nulls = json!({
            "summary": null, "status": null, "priority": null, "assignee": null, "labels": null, "issuetype": null,
            "customfield_1": null, "customfield_2": null, "flagged": null,
        });
        let wrong_types = json!({
            "summary": 1, "status": "Done", "priority": [], "assignee": "ada", "labels": {"a": 1}, "issuetype": true,
            "customfield_1": "five", "customfield_2": "x", "flagged": "no",
        });
        for fields in [json!({}), Value::Null, json!([]), nulls, wrong_types] {
            let issue = issue(fields);
            assert_eq!(issue.stage, Stage::ToDo);
            assert_eq!(
                (issue.summary, issue.assignee, issue.points, issue.blocked),
                (None, None, None, None)
            );
        }
        assert_eq!(issue(json!({"customfield_1": " 2.5"})).points, Some(2.5));
        assert_eq!(Issue::read(&json!({"fields": {}}), &ids()), None);
        assert_eq!(Issue::read(&json!("A-1"), &ids()), None);
    }

    #[test]
    fn a_sprint_is_read_whatever_form_its_id_has() {
        for id in [json!(42), json!("42"), json!(" 42 ")] {
            assert_eq!(
                Sprint::read(&json!({"id": id})).map(|sprint| sprint.id),
                Some(42)
            );
        }
        for id in [json!("x"), json!(-1), json!(null), json!([42])] {
            assert_eq!(Sprint::read(&json!({"id": id})), None);
        }
    }

    #[test]
    fn the_category_decides_whatever_the_status_is_called() {
        let stage = |name: &str, key: &str| {
            issue(json!({"status": {"name": name, "statusCategory": {"key": key}}})).stage
        };
        assert_eq!(stage("Erledigt", "done"), Stage::Done);
        assert_eq!(stage("Done-ish", "indeterminate"), Stage::InProgress);
        assert_eq!(stage("Done", "new"), Stage::ToDo);
        assert_eq!(stage("Done", "undefined"), Stage::ToDo);
    }

    #[test]
    fn a_flag_a_label_or_the_status_block_an_issue() {
        let blocked = |fields| issue(fields).blocked;
        let flagged = Some("flagged as an impediment".to_owned());
        assert_eq!(
            blocked(json!({"customfield_2": [{"value": "Impediment"}]})),
            flagged
        );
        assert_eq!(
            blocked(json!({"flagged": true, "labels": ["blocked"]})),
            flagged
        );
        assert_eq!(
            blocked(json!({"labels": ["web", "BLOCKED"]})),
            Some("labelled `BLOCKED`".to_owned())
        );
        assert_eq!(
            blocked(json!({"status": {"name": "blocked"}})),
            Some("in the status `blocked`".to_owned())
        );
        assert_eq!(
            blocked(json!({"customfield_2": [], "labels": ["unblocked"]})),
            None
        );
        assert_eq!(
            blocked(json!({"status": {"name": "Blocked by nothing"}})),
            None
        );
    }

    #[test]
    fn dates_are_read_in_every_form_that_jira_writes() {
        let expected: Timestamp = "2026-11-13T09:00:00Z".parse().unwrap();
        for written in [
            "2026-11-13T09:00:00.000Z",
            "2026-11-13T19:00:00.000+10:00",
            "2026-11-13T10:00:00.000+0100",
        ] {
            let sprint =
                Sprint::read(&json!({"id": 1, "startDate": written, "endDate": "soon"})).unwrap();
            assert_eq!(
                (sprint.start, sprint.end),
                (Some(expected), None),
                "{written}"
            );
        }
    }

    #[test]
    fn texts_carry_no_control_characters_and_end() {
        assert_eq!(plain("a\u{1b}[31m \n\t b\u{7}", 99), "a [31m b");
        assert_eq!(plain("äöü äöü", 5), "äöü ä");
        assert_eq!(plain("a\u{202e}b", 9), "a b");
        assert_eq!(plain(" \n ", 5), "");
    }
}
