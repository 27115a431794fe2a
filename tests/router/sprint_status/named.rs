//! A sprint that is asked for by name.

use super::*;

async fn ask(jira: &Jira, input: Value) -> Value {
    let caller = call(jira, Some("ada@example.com"));
    skill().run(&caller, &input).await.unwrap()
}

fn closed_sprint() -> Value {
    json!({
        "id": 41, "state": "closed", "name": "Sprint 23", "startDate": "2026-10-26T09:00:00.000Z",
        "endDate": "2026-11-08T09:00:00.000Z", "completeDate": "2026-11-09T08:00:00.000Z",
    })
}

fn script() -> Script {
    Script::sample()
        .without_sprints("closed")
        .sprint(7, closed_sprint())
        .issue(41, issue("PAY-90", "done", json!({POINTS: 5})))
        .issue(41, issue("PAY-91", "new", json!({})))
        .issue(43, issue("PAY-99", "new", json!({})))
}

#[tokio::test]
async fn the_sprint_that_is_named_is_reported_whatever_its_state() {
    let jira = script().start().await;
    for (name, found, state, words) in [
        (json!("24"), "Sprint 24", "active", "Sprint 24: 5 days left"),
        (json!(24), "Sprint 24", "active", "Sprint 24: 5 days left"),
        (json!("current"), "Sprint 24", "active", "Sprint 24: 5 days"),
        (
            json!("23"),
            "Sprint 23",
            "closed",
            "Sprint 23: closed on 9 Nov",
        ),
        (
            json!("last"),
            "Sprint 23",
            "closed",
            "Sprint 23: closed on 9 Nov",
        ),
        (
            json!("sprint 25"),
            "Sprint 25",
            "future",
            "Sprint 25: not started",
        ),
        (
            json!("next"),
            "Sprint 25",
            "future",
            "Sprint 25: not started",
        ),
    ] {
        let result = ask(&jira, json!({"sprint": name})).await;
        assert_eq!(result["sprint"]["name"], found, "{name}");
        assert_eq!(result["sprint"]["state"], state, "{name}");
        let said = skill().describe(&result);
        assert!(said.starts_with(words), "{said}");
        assert!(!said.contains("still open"), "{said}");
        assert_eq!(
            said.contains("Also active: Sprint 24"),
            state != "active",
            "{said}"
        );
    }
    let closed = ask(&jira, json!({"sprint": "23"})).await;
    assert_eq!(closed["progress"]["percent_done"], 50);
    assert_eq!(closed["sprint"]["overdue_days"], Value::Null);
    let said = skill().describe(&closed);
    assert!(
        said.contains("its issues are shown as they are today"),
        "{said}"
    );
}

#[tokio::test]
async fn a_sprint_that_does_not_exist_is_said_with_those_that_do() {
    let jira = script().start().await;
    for action in ["status", "blockers", "mine"] {
        let result = ask(&jira, json!({"action": action, "sprint": "99"})).await;
        assert_eq!(result["sprint"], Value::Null);
        assert_eq!(result["unknown_sprint"], "99");
        assert_eq!(
            skill().describe(&result),
            "The board Payments has no sprint `99`. Its newest are Sprint 25, Sprint 24, Sprint 23."
        );
    }
    assert_eq!(jira.requests_to("/issue"), []);
    let steering = json!({"sprint": "\u{202e}99\u{1b}[2J"});
    let said = skill().describe(&ask(&jira, steering).await);
    assert!(
        !said.contains('\u{202e}') && !said.contains('\u{1b}'),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_name_may_be_anything_and_is_looked_for_in_all_pages() {
    let mut script = script().page_size(10);
    for id in 100..140 {
        let name = format!("Ops 2025.{id}");
        script = script.sprint(7, json!({"id": id, "state": "closed", "name": name}));
    }
    let jira = script.start().await;
    let result = ask(&jira, json!({"sprint": "138"})).await;
    assert_eq!(result["sprint"]["name"], "Ops 2025.138");
    let long = ask(&jira, json!({"sprint": "x".repeat(9000)})).await;
    assert_eq!(long["unknown_sprint"].as_str().unwrap().len(), 100);
    for wrong in [json!(true), json!([24]), json!({"name": "24"})] {
        let refused = skill()
            .run(&call(&jira, None), &json!({"sprint": wrong}))
            .await;
        assert_eq!(refused.unwrap_err().kind, SkillErrorKind::Input);
    }
    for none in [json!(null), json!(""), json!(" \u{202e}")] {
        let result = ask(&jira, json!({"sprint": none})).await;
        assert_eq!(result["sprint"]["name"], "Sprint 24");
    }
}
