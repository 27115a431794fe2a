//! The skill `sprint_status` against a scripted Jira.

#![expect(
    clippy::unwrap_used,
    reason = "a panic fails the test; clippy sees only the test functions themselves as tests"
)]

mod failures;
mod named;

use std::time::Duration;

use serde_json::{Value, json};
use support::jira::{
    FLAGGED, Fault, Jira, POINTS, Paging, Script, flag_field, issue, sprint, user,
};
use t3nets_router::model::SecretDocument;
use t3nets_router::outbound::Reach;
use t3nets_router::skills::sprint_status::SprintStatus;
use t3nets_router::skills::{Access, Limits};
use t3nets_router::skills::{Skill, SkillCall, SkillError, SkillErrorKind};

const SPRINTS: &str = "/board/7/sprint";
const CONFIGURATION: &str = "/configuration";
const FIELDS: &str = "/field";
const ISSUES: &str = "/issue";
const USERS: &str = "/user/search";

/// No test waits for a retry; those that wait for a time-out set a short one.
fn skill() -> SprintStatus {
    let limits = Limits {
        retry_delay: Duration::ZERO,
        ..Limits::default()
    };
    SprintStatus::through(Access::new(limits, Reach::Anywhere).unwrap())
}

fn call(jira: &Jira, email: Option<&str>) -> SkillCall {
    SkillCall {
        email: email.map(str::to_owned),
        credentials: Some(SecretDocument::new(jira.credentials())),
        now: "2026-11-18T12:00:00Z".parse().unwrap(),
    }
}

async fn run(jira: &Jira, action: &str) -> Result<Value, SkillError> {
    skill()
        .run(
            &call(jira, Some("Ada@Example.com")),
            &json!({"action": action}),
        )
        .await
}

fn keys(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["key"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn status_tells_progress_days_and_blockers() {
    let jira = Script::sample().start().await;
    let result = skill().run(&call(&jira, None), &json!({})).await.unwrap();
    assert_eq!(result["action"], "status");
    assert_eq!(result["board"], json!({"id": 7, "name": "Payments"}));
    assert_eq!(
        result["sprint"],
        json!({
            "id": 42, "name": "Sprint 24", "state": "active", "goal": "Pay by invoice",
            "start": "2026-11-09T09:00:00Z", "end": "2026-11-23T09:00:00Z", "days_left": 5, "days_total": 14,
        })
    );
    assert_eq!(
        result["progress"],
        json!({
            "issues": {"total": 6, "done": 3, "in_progress": 2, "to_do": 1},
            "points": {"total": 21.5, "done": 8, "in_progress": 13.5, "to_do": 0},
            "issues_without_points": 2, "percent_done": 50,
        })
    );
    assert_eq!(
        result["blockers"][0],
        json!({
            "key": "PAY-4", "summary": "Summary of PAY-4", "assignee": "Ada Lovelace", "status": "indeterminate",
            "priority": "High", "reason": "flagged as an impediment", "url": format!("{}/browse/PAY-4", jira.url()),
        })
    );
    assert_eq!(keys(&result["blockers"]), ["PAY-4", "PAY-5", "PAY-7"]);
    assert_eq!(result["blockers_total"], 3);
    assert_eq!(result["other_active_sprints"], json!([]));
    assert_eq!(result.get("mine"), None);
    let words = skill().describe(&result);
    for expected in [
        "Sprint 24",
        "5 days left of 14",
        "50% done",
        "8 of 21.5 story points",
        "PAY-7",
    ] {
        assert!(words.contains(expected), "{expected:?} is not in {words}");
    }
}

#[tokio::test]
async fn jira_is_asked_for_no_more_than_is_needed() {
    let jira = Script::sample().start().await;
    run(&jira, "status").await.unwrap();
    assert_eq!(jira.requests().len(), 4);
    let request = &jira.requests_to("/sprint/42/issue")[0];
    let mut fields: Vec<&str> = request.query["fields"].split(',').collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "assignee",
            POINTS,
            FLAGGED,
            "flagged",
            "issuetype",
            "labels",
            "priority",
            "status",
            "summary"
        ]
    );
    assert!(
        request.user_agent.starts_with("t3nets/"),
        "{}",
        request.user_agent
    );
}

#[tokio::test]
async fn issues_of_which_nothing_is_known_are_counted() {
    let jira = Script::sample()
        .issue(42, json!({"key": "PAY-8", "fields": null}))
        .issue(42, json!({"key": "PAY-9"}))
        .issue(42, json!(null))
        .sprint(7, json!({"id": null}))
        .field(json!({"name": null, "schema": "x"}))
        .start()
        .await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(result["progress"]["issues"]["total"], 8);
    assert_eq!(result["progress"]["issues"]["to_do"], 3);
}

#[tokio::test]
async fn a_sprint_without_dates_is_reported_without_days() {
    let jira = Script::sample()
        .without_sprints("active")
        .sprint(
            7,
            json!({"id": 42, "state": "active", "name": null, "startDate": null, "goal": ""}),
        )
        .start()
        .await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(
        result["sprint"],
        json!({"id": 42, "name": "Sprint 42", "state": "active", "start": null, "end": null, "days_left": null, "days_total": null})
    );
    assert!(
        skill()
            .describe(&result)
            .starts_with("Sprint 42: no end date")
    );
}

#[tokio::test]
async fn the_flag_is_found_by_the_fields_name_whatever_its_id() {
    let jira = Script::sample()
        .field(flag_field("customfield_999"))
        .issue(
            42,
            issue(
                "PAY-8",
                "new",
                json!({"customfield_999": [{"value": "Impediment"}]}),
            ),
        )
        .issue(42, issue("PAY-9", "new", json!({"flagged": true})))
        .start()
        .await;
    let result = run(&jira, "blockers").await.unwrap();
    assert_eq!(
        keys(&result["blockers"]),
        ["PAY-4", "PAY-5", "PAY-7", "PAY-8", "PAY-9"]
    );
    assert_eq!(result["action"], "blockers");
}

#[tokio::test]
async fn boards_without_estimates_or_with_estimates_in_time_have_no_points() {
    for field in [None, Some("timeoriginalestimate")] {
        let jira = Script::sample().board(7, "Payments", field).start().await;
        let result = run(&jira, "status").await.unwrap();
        assert_eq!(result["progress"]["points"], Value::Null, "{field:?}");
        assert_eq!(result["progress"]["percent_done"], 50);
    }
}

#[tokio::test]
async fn every_way_of_paging_is_read_to_the_end() {
    let ways = [
        Paging::Offset,
        Paging::NoTotal,
        Paging::Token,
        Paging::FalseTotal(0),
        Paging::FalseTotal(1_000_000),
    ];
    for paging in ways {
        for page_size in [1, 3, 7, 100] {
            let jira = Script::sample()
                .paging(paging)
                .page_size(page_size)
                .start()
                .await;
            let result = run(&jira, "status").await.unwrap();
            assert_eq!(
                result["progress"]["issues"]["total"], 6,
                "{paging:?} by {page_size}"
            );
        }
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_ended() {
    let jira = Script::sample()
        .paging(Paging::Endless)
        .page_size(3)
        .start()
        .await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(result["progress"]["issues"]["total"], 3);
    // A few were asked for before the second one showed it.
    assert!(jira.requests_to(ISSUES).len() <= 6);
}

#[tokio::test]
async fn a_sprint_of_many_pages_is_read_completely() {
    let script = (100..1100).fold(Script::sample(), |script, n| {
        script.issue(
            42,
            issue(&format!("PAY-{n}"), "done", json!({"labels": ["blocked"]})),
        )
    });
    let jira = script.start().await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(result["progress"]["issues"]["total"], 1006);
    assert_eq!(result["blockers_total"], 3);
    assert_eq!(jira.requests_to(ISSUES).len(), 11);
}

#[tokio::test]
async fn the_sprint_that_started_last_is_reported_and_the_others_named() {
    let mut later = sprint(50, "Ops 3");
    later["startDate"] = json!("2026-11-10T09:00:00.000+02:00");
    let jira = Script::sample()
        .sprint(7, later)
        .sprint(7, json!({"id": 51, "state": "active", "name": "Undated"}))
        .page_size(1)
        .start()
        .await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(result["sprint"]["name"], "Ops 3");
    let others = result["other_active_sprints"].as_array().unwrap();
    let names: Vec<&Value> = others.iter().map(|sprint| &sprint["name"]).collect();
    assert_eq!(names, ["Sprint 24", "Undated"]);
    assert!(
        skill()
            .describe(&result)
            .contains("Also active: Sprint 24, Undated")
    );
}

#[tokio::test]
async fn without_an_active_sprint_the_next_one_is_named() {
    let script = Script::sample().without_sprints("active");
    let dated = json!({"id": 44, "state": "future", "name": "Sprint 26", "startDate": "2026-12-01T09:00:00.000Z"});
    let jira = script.clone().sprint(7, dated).start().await;
    let result = run(&jira, "mine").await.unwrap();
    assert_eq!(
        (&result["sprint"], &result["progress"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(result["next_sprint"]["name"], "Sprint 26");
    assert_eq!(
        skill().describe(&result),
        "No sprint is active on the board Payments. The next one is Sprint 26, planned to start on 1 Dec 2026."
    );
    let jira = script.without_sprints("future").start().await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(
        skill().describe(&result),
        "No sprint is active on the board Payments."
    );
}

#[tokio::test]
async fn project_key_restricts_the_issues() {
    let jira = Script::sample()
        .issue(42, issue("OPS-1", "new", json!({})))
        .start()
        .await;
    let run = async |key: &str| {
        let mut call = call(&jira, None);
        let mut fields = jira.credentials();
        fields.insert("project_key".to_owned(), json!(key));
        call.credentials = Some(SecretDocument::new(fields));
        skill().run(&call, &json!({})).await
    };
    assert_eq!(run("OPS").await.unwrap()["progress"]["issues"]["total"], 1);
    let error = run("NOPE").await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Configuration);
    assert_eq!(error.message, "Jira has no project `NOPE`");
}

#[tokio::test]
async fn mine_is_by_the_callers_address_in_any_case() {
    let jira = Script::sample().start().await;
    let result = run(&jira, "mine").await.unwrap();
    assert_eq!(keys(&result["mine"]), ["PAY-4", "PAY-6", "PAY-1"]);
    assert_eq!(result["mine_total"], 3);
    assert_eq!(result["mine"][0]["points"], 5.5);
    assert_eq!(result["mine"][0]["blocked"], true);
    assert_eq!(jira.requests_to(USERS), []);
    let words = skill().describe(&result);
    assert!(
        words.starts_with("3 issues of the sprint are yours:\n- PAY-4 "),
        "{words}"
    );
    let nobody = skill()
        .run(
            &call(&jira, Some("nobody@example.com")),
            &json!({"action": "mine"}),
        )
        .await;
    assert_eq!(nobody.unwrap()["mine"], json!([]));
}

#[tokio::test]
async fn mine_is_by_account_where_jira_hides_addresses() {
    let jira = Script::sample().hiding_addresses().start().await;
    let result = run(&jira, "mine").await.unwrap();
    assert_eq!(keys(&result["mine"]), ["PAY-4", "PAY-6", "PAY-1"]);
    // Jira's search finds this address too: it begins with Ada's.
    let ambiguous = user("other-3", "Ada Other", "ada@example.com.au");
    let jira = Script::sample()
        .user(ambiguous)
        .hiding_addresses()
        .start()
        .await;
    let result = run(&jira, "mine").await.unwrap();
    assert_eq!(result["mine_total"], 0);
    let why = result["notes"][0].as_str().unwrap();
    assert!(why.contains("exactly one user"), "{why}");
    let jira = Script::sample()
        .hiding_addresses()
        .fault(USERS, Fault::Status(403))
        .start()
        .await;
    let error = run(&jira, "mine").await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Denied);
    assert!(error.hint.unwrap().contains("Browse users"));
}

#[tokio::test]
async fn mine_of_an_anonymous_caller_is_refused_before_jira_is_asked() {
    let jira = Script::sample().start().await;
    for email in [None, Some(" ")] {
        let error = skill()
            .run(&call(&jira, email), &json!({"action": "mine"}))
            .await
            .unwrap_err();
        assert_eq!(error.kind, SkillErrorKind::Input);
        assert!(error.message.contains("not signed in"), "{}", error.message);
    }
    assert_eq!(jira.requests(), []);
}

#[tokio::test]
async fn unknown_actions_are_refused_and_absent_ones_are_status() {
    let jira = Script::sample().start().await;
    for action in [
        json!("delete"),
        json!(7),
        json!({}),
        json!("x".repeat(9999)),
    ] {
        let error = skill()
            .run(&call(&jira, None), &json!({"action": action}))
            .await
            .unwrap_err();
        assert_eq!(error.kind, SkillErrorKind::Input);
        assert!(error.message.len() < 200);
    }
    for input in [
        json!({}),
        json!(null),
        json!([1]),
        json!("mine"),
        json!({"action": null}),
    ] {
        assert_eq!(
            skill().run(&call(&jira, None), &input).await.unwrap()["action"],
            "status"
        );
    }
}

#[tokio::test]
async fn a_check_names_the_account_and_the_board() {
    let jira = Script::sample().start().await;
    let credentials = SecretDocument::new(jira.credentials());
    assert_eq!(
        skill().check(&credentials).await.unwrap(),
        json!({
            "account": "T3nets Bot", "site": "127.0.0.1",
            "board": {"id": 7, "name": "Payments", "type": "scrum"},
            "sprint": {"name": "Sprint 24", "issues": 7},
        })
    );
    let jira = Script::default().start().await;
    let credentials = SecretDocument::new(jira.credentials());
    assert_eq!(
        skill().check(&credentials).await.unwrap_err().kind,
        SkillErrorKind::NotFound
    );
}

#[tokio::test]
async fn the_tool_offers_the_actions_that_run_takes() {
    let tool = skill().tool();
    assert_eq!(tool.name, "sprint_status");
    assert_eq!(
        tool.input_schema["properties"]["action"]["enum"],
        json!(["status", "blockers", "mine"])
    );
}
