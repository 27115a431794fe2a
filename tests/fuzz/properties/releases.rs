//! What is made of Jira's answers about releases.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use t3nets_router::model::SecretDocument;
use t3nets_router::skills::release_notes::ReleaseNotes;
use t3nets_router::skills::{Access, Limits};
use t3nets_router::skills::{Skill, SkillCall};

use super::choices::Choices;
use super::reports::{Answer, any_answer, is_harmless};

thread_local! {
    /// The answers by the end of the path; what is not there is sound.
    static ANSWERS: RefCell<Vec<(&'static str, Answer)>> = RefCell::default();
}

/// Checks what the bytes choose: nothing that Jira sends does harm; fields of versions and issues
/// hold anything and cost no report.
///
/// # Panics
/// If that does not hold.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let action = choices.of(&["list_releases", "summarize"]);
    let is_sound = choices.flag();
    let count = choices.below(5);
    let versions: Vec<Value> = (0..count).map(|at| version(&mut choices, at)).collect();
    let issues: Vec<Value> = (0..choices.below(5))
        .map(|at| issue(&mut choices, at))
        .collect();
    let expected = issues.len();
    let mut answers = vec![
        (
            "/version",
            Answer::json(&json!({"isLast": true, "values": versions})),
        ),
        (
            "/jql",
            Answer::json(&json!({"isLast": choices.flag(), "issues": issues})),
        ),
    ];
    if !is_sound {
        let path = choices.of(&["/version", "/jql", "/board/7"]);
        answers.insert(0, (path, any_answer(&mut choices, true)));
    }
    let shown = format!("{answers:?}");
    ANSWERS.set(answers);
    let input =
        json!({"action": action, "version": choices.of(&["0", "next", "latest", "\"", ""])});
    match super::wait_for(skill().run(&call(), &input)) {
        Ok(result) => {
            let words = skill().describe(&result);
            assert!(words.chars().all(is_harmless), "{words:?} from {shown}");
            if is_sound && !result["version"].is_null() {
                let total = &result["progress"]["issues"]["total"];
                assert_eq!(*total, json!(expected), "{result} from {shown}");
            }
        }
        Err(error) => assert!(!is_sound, "{error:?} from {shown}"),
    }
}

fn version(choices: &mut Choices<'_>, at: usize) -> Value {
    let mut version = json!({"id": at.to_string(), "name": format!("{at}.0")});
    for field in [
        "description",
        "released",
        "archived",
        "startDate",
        "releaseDate",
        "name",
    ] {
        if choices.flag() {
            version[field] = choices.value(2);
        }
    }
    version
}

fn issue(choices: &mut Choices<'_>, at: usize) -> Value {
    let mut issue = json!({"id": at.to_string(), "key": format!("PAY-{at}"), "fields": {}});
    for field in ["summary", "status", "priority", "assignee", "issuetype"] {
        if choices.flag() {
            issue["fields"][field] = choices.value(3);
        }
    }
    issue
}

fn call() -> SkillCall {
    let fields = json!({
        "url": "https://acme.atlassian.net", "email": "bot@example.com", "api_token": "t0ken", "board_id": "7",
    });
    SkillCall {
        email: None,
        credentials: fields.as_object().cloned().map(SecretDocument::new),
        now: "2026-11-18T12:00:00Z".parse().expect("a time"),
    }
}

fn skill() -> &'static ReleaseNotes {
    static SKILL: OnceLock<ReleaseNotes> = OnceLock::new();
    SKILL.get_or_init(|| {
        let limits = Limits {
            retry_delay: Duration::from_millis(1),
            ..Limits::default()
        };
        let recording = Box::new(|url: &reqwest::Url| answer(url).into_response());
        ReleaseNotes::through(Access::recorded(limits, recording).expect("a client"))
    })
}

fn answer(url: &reqwest::Url) -> Answer {
    let answers = ANSWERS.with_borrow(Clone::clone);
    let chosen = answers
        .into_iter()
        .find(|(path, _)| url.path().ends_with(path));
    let board = json!({"id": 7, "location": {"projectKey": "PAY"}});
    chosen.map_or_else(|| Answer::json(&board), |(_, answer)| answer)
}
