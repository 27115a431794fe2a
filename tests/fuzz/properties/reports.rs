//! What is made of Jira's answers.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use t3nets_router::model::SecretDocument;
use t3nets_router::skills::sprint_status::SprintStatus;
use t3nets_router::skills::{Access, Limits};
use t3nets_router::skills::{Skill, SkillCall, SkillError};

use super::choices::Choices;

/// A head and a body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json")],
            body: value.to_string().into_bytes(),
        }
    }
}

/// What Jira holds and answers.
#[derive(Debug, Clone, Default)]
struct World {
    configuration: Option<Answer>,
    fields: Option<Answer>,
    sprints: Option<Answer>,
    issues: Vec<Value>,
    page_length: usize,
    /// Whether a page says how many issues there are.
    has_total: bool,
    /// The body of this page of issues ends early.
    half_page: Option<(usize, usize)>,
    users: Option<Answer>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

/// Checks what the bytes choose: nothing that Jira sends does harm; what a report can do without
/// does not cost it; a list that broke off is never reported as whole.
///
/// # Panics
/// If that does not hold.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(4) {
        0 => anything(&mut choices),
        1 => half(&mut choices),
        _ => noisy(&mut choices),
    }
}

fn anything(choices: &mut Choices<'_>) {
    let mut world = sound(choices);
    world.configuration = Some(any_answer(choices, true));
    world.fields = Some(any_answer(choices, true));
    world.sprints = Some(any_answer(choices, true));
    world.users = Some(any_answer(choices, true));
    world.issues = (0..choices.below(4)).map(|_| choices.value(3)).collect();
    if let Ok(result) = report(choices, world) {
        described(&result);
    }
}

/// What a report can do without answers anything, and fields of issues hold anything.
fn noisy(choices: &mut Choices<'_>) {
    let mut world = sound(choices);
    world.configuration = Some(any_answer(choices, false));
    world.fields = Some(any_answer(choices, false));
    for issue in &mut world.issues {
        for field in [
            "summary", "status", "priority", "assignee", "labels", "flagged", "points",
        ] {
            if choices.flag() {
                issue["fields"][field] = choices.value(3);
            }
        }
    }
    let count = world.issues.len();
    let shown = format!("{world:?}");
    let result = report(choices, world).unwrap_or_else(|error| panic!("{error:?} from {shown}"));
    assert_eq!(
        result["progress"]["issues"]["total"],
        json!(count),
        "{result} from {shown}"
    );
    described(&result);
}

fn half(choices: &mut Choices<'_>) {
    let mut world = sound(choices);
    if world.issues.is_empty() {
        return;
    }
    let pages = world.issues.len().div_ceil(world.page_length);
    world.half_page = Some((choices.below(pages), 1 + choices.below(200)));
    let shown = format!("{world:?}");
    if let Ok(result) = report(choices, world) {
        let has_note = result["notes"]
            .as_array()
            .is_some_and(|notes| !notes.is_empty());
        assert!(has_note, "{result} from {shown}");
    }
}

/// The result is worded without what steers a terminal.
fn described(result: &Value) {
    let words = skill().describe(result);
    assert!(words.chars().all(is_harmless), "{words:?}");
}

pub(super) fn is_harmless(c: char) -> bool {
    c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

fn sound(choices: &mut Choices<'_>) -> World {
    let count = choices.below(9);
    World {
        issues: (0..count)
            .map(|at| {
                let category = choices.of(&["new", "indeterminate", "done"]);
                json!({"id": (1000 + at).to_string(), "key": format!("PAY-{at}"), "fields": {
                    "summary": "Pay by invoice", "status": {"name": "Open", "statusCategory": {"key": category}},
                }})
            })
            .collect(),
        page_length: 1 + choices.below(5),
        has_total: choices.flag(),
        ..World::default()
    }
}

/// Some answer; one that says nothing of the credentials unless it may.
pub(super) fn any_answer(choices: &mut Choices<'_>, of_credentials: bool) -> Answer {
    let mut answer = Answer {
        status: choices.of(&[200, 404, 403, 500, 503, 429, 400, 302, 204, 401]),
        headers: vec![choices.of(&[
            ("content-type", "application/json"),
            ("content-type", "text/html"),
            ("Retry-After", "1.5"),
            ("x-seraph-loginreason", "OK"),
        ])],
        body: match choices.flag() {
            true => choices.value(3).to_string().into_bytes(),
            false => choices.bytes(60).to_vec(),
        },
    };
    if of_credentials {
        answer.headers.push(choices.of(&[
            ("x-seraph-loginreason", "OUT"),
            ("content-type", "application/json"),
        ]));
    } else if answer.status == 401 {
        answer.status = 410;
    }
    answer
}

fn report(choices: &mut Choices<'_>, world: World) -> Result<Value, SkillError> {
    let action = choices.of(&["status", "blockers", "mine"]);
    WORLD.set(world);
    let call = SkillCall {
        email: Some("ada@example.com".to_owned()),
        credentials: Some(SecretDocument::new(
            match json!({
                "url": "https://acme.atlassian.net", "email": "bot@example.com", "api_token": "t0ken", "board_id": "7",
            }) {
                Value::Object(fields) => fields,
                _ => return Ok(Value::Null),
            },
        )),
        now: "2026-11-18T12:00:00Z".parse().expect("a time"),
    };
    super::wait_for(skill().run(&call, &json!({"action": action})))
}

fn skill() -> &'static SprintStatus {
    static SKILL: OnceLock<SprintStatus> = OnceLock::new();
    SKILL.get_or_init(|| {
        let limits = Limits {
            retry_delay: Duration::from_millis(1),
            ..Limits::default()
        };
        let recording = Box::new(|url: &reqwest::Url| answer(url).into_response());
        SprintStatus::through(Access::recorded(limits, recording).expect("a client"))
    })
}

impl Answer {
    pub(super) fn into_response(self) -> reqwest::Response {
        let mut response = axum::http::Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(self.body).expect("a response").into()
    }
}

fn answer(url: &reqwest::Url) -> Answer {
    let world = WORLD.with_borrow(World::clone);
    let asked = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    match url.path() {
        path if path.ends_with("/configuration") => world.configuration.unwrap_or_else(|| Answer::json(&json!({}))),
        path if path.ends_with("/field") => world.fields.unwrap_or_else(|| Answer::json(&json!([]))),
        path if path.ends_with("/search") => world.users.unwrap_or_else(|| Answer::json(&json!([]))),
        path if path.ends_with("/issue") => {
            let start: usize = asked("startAt").and_then(|start| start.parse().ok()).unwrap_or(0);
            let page: Vec<&Value> = world.issues.iter().skip(start).take(world.page_length.max(1)).collect();
            let mut page = json!({"startAt": start, "issues": page});
            if world.has_total {
                page["total"] = json!(world.issues.len());
            }
            let mut answer = Answer::json(&page);
            if let Some((at, cut)) = world.half_page
                && at == start / world.page_length.max(1)
            {
                answer.body.truncate(answer.body.len().saturating_sub(cut));
            }
            answer
        }
        _ => world.sprints.unwrap_or_else(|| {
            Answer::json(&json!({"isLast": true, "values": [
                {"id": 42, "state": "active", "name": "Sprint 24", "endDate": "2026-11-23T09:00:00.000Z"},
            ]}))
        }),
    }
}
