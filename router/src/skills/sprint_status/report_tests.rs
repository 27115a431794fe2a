use jiff::SignedDuration;
use serde_json::json;

use super::super::calls::{Board, Caller};
use super::super::wording::describe;
use super::*;
use crate::model::SecretDocument;
use crate::skills::jira::figures::LIST_LENGTH;
use crate::skills::jira::issue::{Assignee, FieldIds};

fn site() -> Site {
    let fields =
        json!({"url": "https://team.atlassian.net", "email": "a", "api_token": "t", "board_id": 7});
    Site::read(&SecretDocument::new(fields.as_object().unwrap().clone())).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sprint() -> Sprint {
    Sprint {
        id: 42,
        name: "Sprint 24".to_owned(),
        state: SprintState::Active,
        goal: None,
        start: Some(at("2026-11-09T09:00:00Z")),
        end: Some(at("2026-11-23T09:00:00Z")),
        completed: None,
    }
}

fn issue(key: &str, stage: &str, points: Value) -> Issue {
    let value = json!({"key": key, "fields": {"status": {"statusCategory": {"key": stage}}, "points": points}});
    let ids = FieldIds {
        points: Some("points".to_owned()),
        flags: Vec::new(),
    };
    Issue::read(&value, &ids).unwrap()
}

fn findings(issues: Vec<Issue>) -> Findings {
    Findings {
        board: Board {
            points_field: Some("points".to_owned()),
            ..Board::default()
        },
        sprint: Some(sprint()),
        issues,
        ..Findings::default()
    }
}

fn status(findings: &Findings) -> Value {
    report(
        &site(),
        Action::Status,
        at("2026-11-18T12:00:00Z"),
        findings,
    )
    .unwrap()
}

#[test]
fn days_are_those_of_the_calendar_in_which_dates_are_shown() {
    let days = |now: &str| {
        let report = sprint_report(&sprint(), at(now));
        (report.days_left.unwrap(), report.overdue_days)
    };
    assert_eq!(days("2026-11-09T09:00:00Z"), (14, None));
    assert_eq!(days("2026-11-18T00:00:00Z"), (5, None));
    assert_eq!(days("2026-11-18T23:59:59.999Z"), (5, None));
    assert_eq!(days("2026-11-19T00:00:00Z"), (4, None));
    assert_eq!(days("2026-11-22T23:59:59Z"), (1, None));
    assert_eq!(days("2026-11-23T00:00:00Z"), (0, None));
    assert_eq!(days("2026-11-23T09:00:00Z"), (0, None));
    assert_eq!(days("2026-11-23T09:00:00.001Z"), (0, Some(0)));
    assert_eq!(days("2026-11-23T23:59:59Z"), (0, Some(0)));
    assert_eq!(days("2026-11-24T00:00:00Z"), (0, Some(1)));
    assert_eq!(
        sprint_report(&sprint(), Timestamp::MIN).days_total,
        Some(14)
    );
    assert_eq!(sprint_report(&sprint(), Timestamp::MAX).days_left, Some(0));
}

#[test]
fn the_days_that_are_left_lead_to_the_date_that_is_shown_at_any_hour() {
    for hour in 0..24 {
        let now = at(&format!("2026-11-18T{hour:02}:30:00Z"));
        // As the demo's board places its sprint.
        let end = now + SignedDuration::from_hours(5 * 24);
        let sprint = Sprint {
            start: Some(end - SignedDuration::from_hours(14 * 24)),
            end: Some(end),
            ..sprint()
        };
        let report = sprint_report(&sprint, now);
        assert_eq!((report.days_left, report.days_total), (Some(5), Some(14)));
    }
}

#[test]
fn sub_tasks_do_not_count_twice() {
    let mut sub_task = issue("A-3", "done", json!(8));
    sub_task.is_subtask = true;
    sub_task.blocked = Some("labelled `blocked`".to_owned());
    sub_task.stage = Stage::InProgress;
    let issues = vec![
        issue("A-1", "done", json!(3)),
        issue("A-2", "new", json!(5)),
        sub_task,
    ];
    let result = status(&findings(issues));
    assert_eq!(
        result["progress"]["issues"],
        json!({"total": 2, "done": 1, "in_progress": 0, "to_do": 1})
    );
    assert_eq!(
        result["progress"]["points"],
        json!({"total": 8, "done": 3, "in_progress": 0, "to_do": 5})
    );
    assert_eq!(result["blockers"][0]["key"], "A-3");
}

#[test]
fn points_add_up_as_people_add_them() {
    let issues = [0.1, 0.2, 2.5].map(|points| issue("A-1", "done", json!(points)));
    let result = status(&findings(issues.to_vec()));
    assert_eq!(result["progress"]["points"]["total"], json!(2.8));
    assert_eq!(result["progress"]["issues_without_points"], 0);
    assert_eq!(result["progress"]["percent_done"], 100);
}

#[test]
fn percent_is_of_issues_with_points_and_their_gaps_beside_it() {
    let issues = vec![
        issue("A-1", "done", json!(3)),
        issue("A-2", "new", Value::Null),
    ];
    let result = status(&findings(issues));
    let progress = &result["progress"];
    assert_eq!(progress["percent_done"], 50);
    assert_eq!(progress["points"]["total"], 3);
    assert_eq!(progress["issues_without_points"], 1);
    assert!(
        describe(&result).contains(
            "Progress: 50% done. 1 of 2 issues done, 0 in progress, 1 to do; \
             3 of 3 story points done, 1 issue without points"
        ),
        "{}",
        describe(&result)
    );
}

#[test]
fn points_beyond_reason_are_not_counted_and_that_is_said() {
    for absurd in [json!(1e308), json!(-1e308), json!(u64::MAX), json!(1e16)] {
        let issues = vec![
            issue("A-1", "done", absurd.clone()),
            issue("A-2", "new", absurd.clone()),
            issue("A-3", "new", json!(2)),
        ];
        let mut found = findings(issues);
        let result = status(&found);
        assert_eq!(result["progress"]["points"]["total"], 2, "{absurd}");
        assert_eq!(result["progress"]["issues_without_points"], 2);
        let words = describe(&result);
        assert!(
            words.contains("Note: the story points of 2 issues are no numbers that can be added"),
            "{words}"
        );
        // Without any that counts there is no sum.
        found.issues.pop();
        let words = describe(&status(&found));
        assert!(words.contains("1 of 2 issues done"), "{words}");
        assert!(!words.contains("story points done"), "{words}");

        found.caller = Some(Caller::with_email("ada@example.com"));
        found.issues[0].assignee = Some(Assignee {
            account_id: None,
            name: None,
            email: Some("ada@example.com".to_owned()),
        });
        let mine = report(&site(), Action::Mine, at("2026-11-18T12:00:00Z"), &found).unwrap();
        assert_eq!(mine["mine"][0]["points"], Value::Null);
        assert!(describe(&mine).starts_with("1 issue of the sprint is yours"));
    }
}

#[test]
fn percent_is_of_issues_where_nothing_is_estimated_and_100_means_all() {
    let mut issues = vec![issue("A-1", "done", Value::Null); 199];
    issues.push(issue("A-2", "new", Value::Null));
    assert_eq!(
        status(&findings(issues.clone()))["progress"]["percent_done"],
        99
    );
    let mut unestimated = findings(issues);
    unestimated.board.points_field = None;
    let result = status(&unestimated);
    assert_eq!(result["progress"]["percent_done"], 99);
    assert_eq!(result["progress"]["points"], Value::Null);
    assert_eq!(status(&findings(Vec::new()))["progress"]["percent_done"], 0);
}

#[test]
fn what_is_done_blocks_nothing_and_long_lists_are_cut_with_their_total() {
    let blocked = |stage| {
        let mut issue = issue("A-1", stage, Value::Null);
        issue.blocked = Some("flagged as an impediment".to_owned());
        issue
    };
    let mut issues = vec![blocked("new"); LIST_LENGTH + 3];
    issues.push(blocked("done"));
    let result = status(&findings(issues));
    assert_eq!(result["blockers"].as_array().unwrap().len(), LIST_LENGTH);
    assert_eq!(result["blockers_total"], LIST_LENGTH + 3);
    assert!(describe(&result).ends_with("- and 3 more"));
}

#[test]
fn each_result_is_worded() {
    let mut blocked = issue("A-2", "indeterminate", json!(5));
    blocked.blocked = Some("labelled `blocked`".to_owned());
    blocked.summary = Some("Pay by invoice".to_owned());
    let mut found = findings(vec![issue("A-1", "done", json!(3)), blocked]);
    found.other_sprints.push(Sprint {
        name: "Ops 3".to_owned(),
        ..sprint()
    });
    assert_eq!(
        describe(&status(&found)),
        "Sprint 24: 5 days left of 14, ends 23 Nov 2026\n\
         Progress: 50% done. 1 of 2 issues done, 1 in progress, 0 to do; 3 of 8 story points done\n\
         Blockers: 1\n\
         - A-2 Pay by invoice (unassigned, labelled `blocked`)\n\n\
         Also active: Ops 3"
    );
    let later = report(
        &site(),
        Action::Blockers,
        at("2026-11-24T10:00:00Z"),
        &findings(Vec::new()),
    );
    assert_eq!(
        describe(&later.unwrap()),
        "Blockers: none\nSprint: Sprint 24, over since 23 Nov 2026 (1 day ago) and still open"
    );
    let none = Findings {
        next_sprint: Some(sprint()),
        ..Findings::default()
    };
    assert_eq!(
        describe(&status(&none)),
        "No sprint is active on the board 7. The next one is Sprint 24, planned to start on 9 Nov 2026."
    );
}
