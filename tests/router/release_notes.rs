//! The skill `release_notes` against a scripted Jira.

#![expect(
    clippy::unwrap_used,
    reason = "a panic fails the test; clippy sees only the test functions themselves as tests"
)]

mod failures;

use std::time::Duration;

use serde_json::{Value, json};
use support::jira::{Fault, Jira, Script, issue, version};
use t3nets_router::model::SecretDocument;
use t3nets_router::outbound::Reach;
use t3nets_router::skills::release_notes::ReleaseNotes;
use t3nets_router::skills::{Access, Limits};
use t3nets_router::skills::{Skill, SkillCall, SkillError, SkillErrorKind};

const VERSIONS: &str = "/version";
const SEARCH: &str = "/search/jql";
const BULK: &str = "/bulkfetch";
const BOARD: &str = "/board/7";
const PROJECTS: &str = "/board/7/project";

fn limits() -> Limits {
    Limits {
        retry_delay: Duration::ZERO,
        ..Limits::default()
    }
}

/// No test waits for a retry.
fn skill() -> ReleaseNotes {
    ReleaseNotes::through(Access::new(limits(), Reach::Anywhere).unwrap())
}

/// A call with these fields of the integration added.
fn call(jira: &Jira, added: Value) -> SkillCall {
    let mut fields = jira.credentials();
    fields.extend(added.as_object().unwrap().clone());
    SkillCall {
        email: None,
        credentials: Some(SecretDocument::new(fields)),
        now: "2026-11-18T12:00:00Z".parse().unwrap(),
    }
}

async fn run(jira: &Jira, input: Value) -> Result<Value, SkillError> {
    skill().run(&call(jira, json!({})), &input).await
}

async fn list(jira: &Jira) -> Value {
    run(jira, json!({"action": "list_releases"})).await.unwrap()
}

async fn summarize(jira: &Jira, name: &str) -> Value {
    let input = json!({"action": "summarize", "version": name});
    run(jira, input).await.unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn released_and_unreleased_versions_come_with_their_dates_newest_first() {
    let jira = Script::releases().start().await;
    let result = list(&jira).await;
    assert_eq!(
        result["project"],
        json!({"key": "PAY", "name": "Project PAY"})
    );
    assert_eq!(
        names(&result["releases"]),
        ["3.0", "2.5", "2.4", "2.4.1", "2.3"]
    );
    assert_eq!(result["next"]["name"], "2.5");
    assert_eq!(result["latest"]["name"], "2.4");
    let totals =
        ["released_total", "unreleased_total", "overdue_total"].map(|total| result[total].clone());
    assert_eq!(totals, [json!(2), json!(3), json!(1)]);
    let overdue = &result["releases"][3];
    assert_eq!(
        (&overdue["overdue"], &overdue["days_left"]),
        (&json!(true), &json!(-8))
    );
    assert_eq!(
        result["releases"][1]["url"],
        format!("{}/projects/PAY/versions/25", jira.url())
    );
    assert_eq!(
        skill().describe(&result),
        "Next: 2.5, due on 3 Dec 2026, in 15 days\n\
         Latest: 2.4, released on 12 Nov 2026\n\
         Unreleased: 3, 1 overdue\n\
         - 3.0: unreleased, without a date\n\
         - 2.5: due on 3 Dec 2026, in 15 days\n\
         - 2.4.1: overdue since 10 Nov 2026 (8 days)\n\n\
         Released: 2\n\
         - 2.4: released on 12 Nov 2026\n\
         - 2.3: released on 1 Oct 2026"
    );
}

#[tokio::test]
async fn a_version_is_summarized_by_type_and_by_the_category_of_each_status() {
    let jira = Script::releases().start().await;
    let result = summarize(&jira, "2.4").await;
    assert_eq!(result["version"]["name"], "2.4");
    assert_eq!(
        result["progress"],
        json!({"issues": {"total": 4, "done": 3, "in_progress": 1, "to_do": 0}, "percent_done": 75})
    );
    let types: Vec<(&str, u64)> = result["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| {
            (
                kind["type"].as_str().unwrap(),
                kind["total"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(types, [("Story", 2), ("Bug", 1), ("Sub-task", 1)]);
    assert_eq!(
        skill().describe(&result),
        "2.4: released on 12 Nov 2026\n\
         Pay later\n\
         75% done. 3 of 4 issues done, 1 in progress, 0 to do\n\
         Story: 2, 1 not done\n\
         - PAY-101 Summary of PAY-101 (done)\n\
         - PAY-103 Summary of PAY-103 (not done, indeterminate)\n\n\
         Bug: 1\n\
         - PAY-102 Summary of PAY-102 (done)\n\n\
         Sub-task: 1\n\
         - PAY-104 Summary of PAY-104 (done)"
    );
    // The older search is gone, and the current one pages by tokens.
    let searches = jira.requests_to(SEARCH);
    assert_eq!(searches.len(), 1);
    assert_eq!(
        searches[0].query["jql"],
        "project = \"PAY\" AND fixVersion = 24 ORDER BY issuetype, key"
    );
    assert!(!searches[0].query.contains_key("startAt"));
}

#[tokio::test]
async fn the_version_that_is_meant_is_found() {
    let jira = Script::releases().start().await;
    for (name, found) in [
        (json!("v2.5"), "2.5"),
        (json!(2.5), "2.5"),
        (json!("next"), "2.5"),
        (json!("latest"), "2.4"),
        (json!("last"), "2.4"),
        (json!("1.0"), "1.0"),
        (json!(null), "2.4"),
        (json!(""), "2.4"),
    ] {
        let result = run(&jira, json!({"action": "summarize", "version": name}))
            .await
            .unwrap();
        assert_eq!(result["version"]["name"], found, "{name}");
    }
    // A version that is named says what is wanted.
    let result = run(&jira, json!({"version": "2.5"})).await.unwrap();
    assert_eq!(result["action"], "summarize");
    assert_eq!(
        run(&jira, json!({})).await.unwrap()["action"],
        "list_releases"
    );
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_said_with_those_that_do() {
    let jira = Script::releases().start().await;
    let result = summarize(&jira, "9.9").await;
    assert_eq!(
        (&result["version"], &result["progress"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        skill().describe(&result),
        "The project PAY has no version `9.9`. Its newest are 3.0, 2.5, 2.4, 2.4.1, 2.3."
    );
    assert_eq!(jira.requests_to(SEARCH), []);
    let jira = Script::sample().start().await;
    let none = list(&jira).await;
    assert_eq!(skill().describe(&none), "The project PAY has no releases.");
    let none = run(&jira, json!({"action": "summarize"})).await.unwrap();
    assert_eq!(
        skill().describe(&none),
        "The project PAY has no such version. It has none at all."
    );
    for (name, words) in [
        ("next", "The project PAY has no unreleased version."),
        ("latest", "The project PAY has no released version."),
    ] {
        let none = summarize(&jira, name).await;
        assert_eq!(
            skill().describe(&none),
            format!("{words} It has none at all.")
        );
    }
}

#[tokio::test]
async fn names_of_versions_are_data() {
    let hostile = "2.9\" OR project = \"OPS\u{202e}\u{1b}[31m";
    let jira = Script::releases()
        .version(
            "PAY",
            version(
                29,
                hostile,
                json!({"description": "\u{1b}[2J", "releaseDate": "2026-13-99"}),
            ),
        )
        .start()
        .await;
    let result = summarize(&jira, "2.9").await;
    assert_eq!(result["version"]["name"], "2.9\" OR project = \"OPS [31m");
    let jql = &jira.requests_to(SEARCH)[0].query["jql"];
    assert!(jql.contains("fixVersion = 29 ORDER"), "{jql}");
    let words = skill().describe(&result);
    assert!(
        !words.contains('\u{1b}') && !words.contains('\u{202e}'),
        "{words:?}"
    );
}

#[tokio::test]
async fn the_project_is_the_one_that_was_set_else_the_boards() {
    let other = || Script::releases().version("OPS", version(77, "7.7", json!({})));
    let jira = other().start().await;
    // A project that was set needs no board.
    let set = call(&jira, json!({"project_key": "OPS", "board_id": null}));
    let result = skill().run(&set, &json!({})).await.unwrap();
    assert_eq!(names(&result["releases"]), ["7.7"]);
    assert_eq!(jira.requests_to(BOARD), []);
    // A person's board is in no project.
    let jira = other().showing(7, &["OPS", "PAY"]).start().await;
    let result = list(&jira).await;
    assert_eq!(result["project"]["key"], "OPS");
    assert!(
        result["notes"][0]
            .as_str()
            .unwrap()
            .contains("`project_key`"),
        "{result}"
    );
    let jira = other().showing(7, &["PAY"]).start().await;
    assert_eq!(list(&jira).await.get("notes"), None);
    let jira = other().showing(7, &[]).start().await;
    let error = run(&jira, json!({})).await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Configuration);
    assert!(error.hint.unwrap().contains("`project_key`"));
}

#[tokio::test]
async fn long_lists_are_read_completely_and_cut_with_their_totals() {
    let script = (0..130).fold(Script::releases(), |script, n| {
        let day = format!("20{:02}-01-01", n % 100);
        script.version(
            "PAY",
            version(
                1000 + n,
                &format!("0.{n}"),
                json!({"released": true, "releaseDate": day}),
            ),
        )
    });
    let jira = script.start().await;
    let result = list(&jira).await;
    assert_eq!(result["released_total"], 132);
    assert_eq!(result["releases"].as_array().unwrap().len(), 50);
    // What is to come is not left out for what is over.
    for name in ["3.0", "2.5", "2.4.1"] {
        assert!(names(&result["releases"]).contains(&name), "{name}");
    }
    assert!(skill().describe(&result).contains("- and 85 more"));
    assert_eq!(jira.requests_to(VERSIONS).len(), 3);
}

/// 2.5 with this many issues more.
fn many(issues: usize) -> Script {
    (0..issues).fold(Script::releases(), |script, n| {
        let fields = json!({"fixVersions": [{"id": "25"}], "issuetype": {"name": format!("Type {}", n % 3)}});
        script.issue(0, issue(&format!("PAY-{}", 2000 + n), "done", fields))
    })
}

#[tokio::test]
async fn a_version_of_many_issues_is_read_side_by_side_and_listed_in_part() {
    let jira = many(900).start().await;
    let result = summarize(&jira, "2.5").await;
    assert_eq!(result["progress"]["issues"]["total"], 903);
    let types = result["types"].as_array().unwrap();
    let listed: usize = types
        .iter()
        .map(|kind| kind["issues"].as_array().unwrap().len())
        .sum();
    assert_eq!(listed, 100);
    assert_eq!(result.get("notes"), None);
    assert!(skill().describe(&result).contains("- and 250 more"));
    assert!(result.to_string().len() < 64 * 1024);
    // The keys come at once, and the issues behind the first page a hundred at a time.
    assert_eq!(jira.requests_to(SEARCH).len(), 2);
    let bulks = jira.requests_to(BULK);
    assert_eq!(bulks.len(), 9);
    assert!(
        bulks
            .iter()
            .all(|bulk| bulk.body["issueIdsOrKeys"].as_array().unwrap().len() <= 100)
    );
}

#[tokio::test]
async fn unknown_actions_are_refused() {
    let jira = Script::releases().start().await;
    for input in [
        json!({"action": "delete"}),
        json!({"action": 7}),
        json!({"version": ["2.4"]}),
        json!({"action": "x".repeat(9999)}),
    ] {
        let error = run(&jira, input).await.unwrap_err();
        assert_eq!(error.kind, SkillErrorKind::Input);
        assert!(error.message.len() < 200 && error.hint.is_some());
    }
    assert_eq!(jira.requests(), []);
}

#[tokio::test]
async fn the_tool_offers_the_actions_that_run_takes() {
    let tool = skill().tool();
    assert_eq!(tool.name, "release_notes");
    assert_eq!(
        tool.input_schema["properties"]["action"]["enum"],
        json!(["list_releases", "summarize"])
    );
}
