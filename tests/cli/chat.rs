//! `t3nets chat` against a scripted router: what is shown, what is sent where, and how refusals
//! end.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use support::TestServer;

use crate::dev::Dev;
use crate::sandbox::{Finished, Sandbox, finish};

/// A request that the scripted router got.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) authorization: Option<String>,
    body: Value,
}

#[derive(Clone)]
struct Script {
    status: StatusCode,
    answer: Value,
    received: Arc<Mutex<Vec<Received>>>,
}

pub(crate) struct ScriptedRouter {
    pub(crate) server: TestServer,
    received: Arc<Mutex<Vec<Received>>>,
    _runtime: tokio::runtime::Runtime,
}

impl ScriptedRouter {
    pub(crate) fn answering(status: u16, answer: Value) -> Self {
        let received = Arc::default();
        let script = Script {
            status: StatusCode::from_u16(status).unwrap(),
            answer,
            received: Arc::clone(&received),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(TestServer::start(
            Router::new().fallback(answer_all).with_state(script),
        ));
        Self {
            server,
            received,
            _runtime: runtime,
        }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn answer_all(
    State(script): State<Script>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    assert_eq!(uri.path(), "/api/chat");
    script.received.lock().unwrap().push(Received {
        authorization: headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap().to_owned()),
        body: serde_json::from_str(&body).unwrap(),
    });
    (script.status, axum::Json(script.answer)).into_response()
}

pub(crate) fn answer() -> Value {
    json!({
        "text": "Sprint 12 is on track.\u{1b}[2J", "session_id": "s-1", "route": "rule",
        "skill": "sprint_status", "model": "claude-sonnet",
        "usage": {"input_tokens": 120, "output_tokens": 30, "cost_usd": 0.0021},
        "timing_ms": 340, "raw": false, "request_id": "r-1",
    })
}

fn refusal(code: &str) -> Value {
    json!({"error": {"code": code, "message": "it was refused", "hint": "do this"}, "request_id": "r-9"})
}

fn ask(router: &ScriptedRouter, arguments: &[&str], key: Option<&str>) -> Finished {
    let sandbox = Sandbox::new();
    let url = router.server.url();
    let mut command = sandbox.command(&["chat", "--url", &url]);
    command.args(arguments);
    if let Some(key) = key {
        command.env("T3NETS_API_KEY", key);
    }
    finish(&mut command)
}

#[test]
fn the_answer_is_on_stdout_and_how_it_came_about_on_stderr() {
    let router = ScriptedRouter::answering(200, answer());
    let asked = ["sprint", "status?", "--verbose"];
    let finished = ask(&router, &asked, Some("t3n_key")).expect_code(0);
    assert_eq!(finished.stdout, "Sprint 12 is on track.[2J\n");
    let how = "route rule · skill sprint_status · model claude-sonnet · 120 + 30 tokens · $0.0021 · 340 ms · session s-1\n";
    assert!(finished.stderr.contains(how), "{finished:?}");
    assert_eq!(
        router.received()[0].body,
        json!({"message": "sprint status?"})
    );
}

#[test]
fn json_is_the_whole_answer_and_nothing_else() {
    let router = ScriptedRouter::answering(200, answer());
    let finished = ask(&router, &["hi", "--json"], None).expect_code(0);
    assert_eq!(finished.json(), answer());
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_budget_that_is_nearly_used_up_is_told_on_stderr() {
    let mut answer = answer();
    answer["budget_warnings"] = json!([{
        "name": "user_usd_per_day", "payer": "user", "of": "ada", "unit": "usd", "period": "day",
        "limit": 2.5, "used": 2.25, "is_warning": true, "resets_at": "2026-11-28T00:00:00Z",
    }]);
    let router = ScriptedRouter::answering(200, answer.clone());
    let warning = "warning: 90% of your budget of $2.50 for today is used; it resets at 2026-11-28 00:00 UTC\n";
    let quiet = ask(&router, &["hi", "--quiet"], None).expect_code(0);
    assert_eq!(quiet.stdout, "Sprint 12 is on track.[2J\n");
    assert_eq!(quiet.stderr, warning);
    let json = ask(&router, &["hi", "--json"], None).expect_code(0);
    assert_eq!((json.json(), &*json.stderr), (answer, ""));
}

#[test]
fn session_and_raw_are_sent_along() {
    let router = ScriptedRouter::answering(200, answer());
    ask(&router, &["hi", "--raw", "--session", "s-7"], None).expect_code(0);
    assert_eq!(
        router.received()[0].body,
        json!({"message": "hi --raw", "session_id": "s-7"})
    );
}

#[test]
fn the_message_can_be_piped_in() {
    let router = ScriptedRouter::answering(200, answer());
    let url = router.server.url();
    for arguments in [&["chat", "--url", &url][..], &["chat", "--url", &url, "-"]] {
        Sandbox::new()
            .run_with_input(arguments, "two\nlines\n")
            .expect_code(0);
    }
    for received in router.received() {
        assert_eq!(received.body, json!({"message": "two\nlines"}));
    }
    Sandbox::new()
        .run_with_input(&["chat", "--url", &url], " \n")
        .expect_code(2);
}

#[test]
fn a_key_goes_where_it_was_given_for_and_nowhere_else() {
    let router = ScriptedRouter::answering(200, answer());
    let authorization = |key| {
        ask(&router, &["hi"], key).expect_code(0);
        router.received().pop().unwrap().authorization
    };
    assert_eq!(authorization(None), None);
    assert_eq!(
        authorization(Some("t3n_key")).as_deref(),
        Some("Bearer t3n_key")
    );
}

#[test]
fn a_key_made_for_one_router_is_not_sent_to_another() {
    let stranger = ScriptedRouter::answering(200, answer());
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    sandbox
        .run(&["chat", "--url", dev.url(), "hello"])
        .expect_code(0);
    let url = stranger.server.url();
    sandbox
        .run(&["chat", "--url", &url, "hello"])
        .expect_code(0);
    assert_eq!(stranger.received()[0].authorization, None);
}

#[test]
fn a_key_does_not_follow_a_redirect() {
    let stranger = ScriptedRouter::answering(200, answer());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let elsewhere = format!("{}/api/chat", stranger.server.url());
    let redirecting = runtime.block_on(TestServer::start(
        Router::new().fallback(move || std::future::ready(Redirect::temporary(&elsewhere))),
    ));
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["chat", "--url", &redirecting.url(), "hi"]);
    command.env("T3NETS_API_KEY", "t3n_key");
    finish(&mut command).expect_code(1);
    assert!(stranger.received().is_empty());
}

#[test]
fn an_environment_on_aws_is_asked_at_its_own_address() {
    let router = ScriptedRouter::answering(200, answer());
    let sandbox = Sandbox::new();
    let url = router.server.url();
    sandbox.write(
        "t3nets.toml",
        &format!("[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\nurl = \"{url}\"\n"),
    );
    let mut command = sandbox.command(&["chat", "-e", "dev", "hi"]);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    finish(&mut command).expect_code(4).says("T3NETS_API_KEY");
    let mut command = sandbox.command(&["chat", "-e", "dev", "hi"]);
    command.env("T3NETS_API_KEY", "t3n_key");
    finish(&mut command).expect_code(0);
    assert_eq!(router.received().len(), 1);
}

#[test]
fn a_refused_key_is_named_by_where_it_came_from() {
    let router = ScriptedRouter::answering(401, refusal("unauthorized"));
    ask(&router, &["hi"], Some("bad"))
        .expect_code(4)
        .says("the key in T3NETS_API_KEY is not valid");
    let finished = ask(&router, &["hi"], None).expect_code(4);
    assert!(
        !finished.stderr.contains("key in T3NETS_API_KEY"),
        "{finished:?}"
    );
}

#[test]
fn refusals_are_shown_with_hint_and_request_and_end_with_their_code() {
    for (status, code, exit) in [
        (401, "unauthorized", 4),
        (403, "tenant_suspended", 4),
        (409, "integration_not_connected", 3),
        (429, "daily_limit_reached", 1),
        (503, "store_unavailable", 1),
        (504, "deadline_exceeded", 7),
    ] {
        let router = ScriptedRouter::answering(status, refusal(code));
        let finished = ask(&router, &["hi"], Some("t3n_key")).expect_code(exit);
        assert_eq!(finished.stdout, "");
        for part in ["error: it was refused", "hint: do this", "request: r-9"] {
            assert!(finished.stderr.contains(part), "{status}: {finished:?}");
        }
        assert!(!finished.stderr.contains("t3n_key"), "{finished:?}");
    }
}

#[test]
fn a_server_that_is_no_router_is_told_apart() {
    let router = ScriptedRouter::answering(200, json!({"hello": "world"}));
    let finished = ask(&router, &["hi"], None).expect_code(1);
    assert!(
        finished.stderr.contains("not from a T3nets router"),
        "{finished:?}"
    );
}

#[test]
fn without_a_running_router_it_says_how_to_start_one() {
    let finished = Sandbox::new().run(&["chat", "hi"]).expect_code(3);
    assert!(
        finished.stderr.contains("no router is running"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("t3nets dev"), "{finished:?}");
}

#[test]
fn the_file_of_a_killed_router_is_not_believed() {
    let router = ScriptedRouter::answering(200, answer());
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.home()).unwrap();
    let stale = json!({"url": router.server.url(), "pid": 1, "started_at": "2026-01-01T00:00:00Z"});
    std::fs::write(sandbox.home().join("dev.json"), stale.to_string()).unwrap();
    std::fs::write(sandbox.home().join("dev.lock"), "").unwrap();
    sandbox.run(&["chat", "hi"]).expect_code(3);
    assert!(router.received().is_empty());
}

#[test]
fn an_address_that_is_none_is_a_usage_error() {
    for url in ["ftp://example.com", "file:///etc/passwd", "nonsense"] {
        Sandbox::new()
            .run(&["chat", "--url", url, "hi"])
            .expect_code(2);
    }
}

#[test]
fn a_tenant_that_would_decide_nothing_is_refused() {
    let router = ScriptedRouter::answering(200, answer());
    let asked = ["hello", "--tenant", "acme"];
    // Without a key the router's anonymous tenant would answer; with one, the key's own.
    ask(&router, &asked, None)
        .expect_code(2)
        .says("`--tenant acme` has no effect")
        .says("T3NETS_API_KEY");
    ask(&router, &asked, Some("t3n_key"))
        .expect_code(2)
        .says("decided by the key in T3NETS_API_KEY");
    assert!(router.received().is_empty());
}

#[test]
fn a_tenant_without_users_is_told_with_a_command_that_adds_one_there() {
    let sandbox = Sandbox::new();
    let _dev = Dev::start(&sandbox, &[]);
    let run = |arguments: &[&str]| finish(&mut sandbox.command(arguments));
    run(&["tenant", "add", "fresh"]).expect_code(0);
    run(&["chat", "hello", "--tenant", "fresh"])
        .expect_code(3)
        .says("`t3nets tenant add-user -t fresh` adds one");
}
