//! `t3nets chat` at a terminal: streaming, the conversation, Ctrl-C and Ctrl-D.

use std::convert::Infallible;

use axum::extract::Query;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{StreamExt, stream};
use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use serde_json::{Value, json};
use support::TestServer;

use crate::sandbox::Sandbox;

/// How long the terminal may take to show what is awaited, in milliseconds.
const PATIENCE: Option<u64> = Some(20_000);

struct Terminal {
    sandbox: Sandbox,
    session: PtySession,
    _server: TestServer,
    _runtime: tokio::runtime::Runtime,
}

impl Terminal {
    fn chatting(arguments: &[&str]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let routes = Router::new()
            .route("/api/chat", post(chat))
            .route("/api/sessions", get(sessions))
            .route("/api/history", get(history));
        let server = runtime.block_on(TestServer::start(routes));
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.home()).unwrap();
        let url = server.url();
        let mut command = sandbox.command(&["chat", "--url", &url]);
        command.args(arguments).env("TERM", "xterm");
        let session = spawn_command(command, PATIENCE).unwrap();
        Self {
            sandbox,
            session,
            _server: server,
            _runtime: runtime,
        }
    }

    #[track_caller]
    fn shows(&mut self, text: &str) {
        if let Err(error) = self.session.exp_string(text) {
            panic!("the terminal does not show {text:?}: {error}");
        }
    }

    fn ends_with(&mut self, code: i32) {
        self.session.exp_eof().unwrap();
        let status = self.session.process().wait().unwrap();
        assert!(
            matches!(status, WaitStatus::Exited(_, ended) if ended == code),
            "{status:?}"
        );
    }
}

/// Echoes the message in two pieces; never ends an answer to `wait`.
async fn chat(
    Json(body): Json<Value>,
) -> Sse<impl futures::Stream<Item = Result<Event, Infallible>>> {
    let message = body["message"].as_str().unwrap().to_owned();
    let session = body["session_id"].as_str().unwrap_or("new-1").to_owned();
    let text = format!("You said: {message} (in {session})");
    let (first, second) = text.split_at(9);
    let event = |name: &str, data: Value| Ok(Event::default().event(name).data(data.to_string()));
    let mut events = vec![
        event("tool", json!({"name": "ping"})),
        event("delta", json!({"text": first})),
    ];
    if message == "wait" {
        return Sse::new(stream::iter(events).chain(stream::pending()).boxed());
    }
    if message == "markdown" {
        let text = "# Title\n\nA **bold** word.";
        let end = json!({"text": text, "session_id": session, "route": "ai", "model": "echo"});
        let events = vec![event("delta", json!({"text": text})), event("done", end)];
        return Sse::new(stream::iter(events).boxed());
    }
    if message == "fail" {
        let body =
            json!({"error": {"code": "internal", "message": "it broke"}, "request_id": "r-3"});
        events.push(event("error", body));
        return Sse::new(stream::iter(events).boxed());
    }
    events.push(event("delta", json!({"text": second})));
    events.push(event(
        "done",
        json!({"text": text, "session_id": session, "route": "ai", "model": "echo", "timing_ms": 5}),
    ));
    Sse::new(stream::iter(events).boxed())
}

/// In two pages, the one that goes on in the second.
async fn sessions(Query(query): Query<Value>) -> Json<Value> {
    let old = json!({"session_id": "s-old", "updated_at": "2026-01-02T03:04:05Z", "preview": "what was it"});
    let late = json!({"session_id": "s-late-1", "updated_at": "2026-01-03T03:04:05Z", "preview": "and since"});
    match query["after"].as_str() {
        Some("second") => Json(json!({"sessions": [late], "next": null})),
        _ => Json(json!({"sessions": [old], "next": "second"})),
    }
}

async fn history(Query(query): Query<Value>) -> Json<Value> {
    Json(json!({"session_id": query["session_id"], "messages": [
        {"role": "user", "content": "asked before"},
        {"role": "assistant", "content": "answered before"},
    ]}))
}

#[test]
fn a_conversation_keeps_its_session_until_a_new_one_begins() {
    let mut terminal = Terminal::chatting(&["--session", "s-5"]);
    terminal.shows("you> ");
    terminal.session.send_line("hello").unwrap();
    terminal.shows("You said: hello (in s-5)");
    terminal.shows("you> ");
    terminal.session.send_line("/new").unwrap();
    terminal.shows("new conversation");
    terminal.shows("you> ");
    terminal.session.send_line("again").unwrap();
    terminal.shows("You said: again (in new-1)");
    terminal.shows("you> ");
    terminal.session.send_line("/quit").unwrap();
    terminal.ends_with(0);
}

#[test]
fn the_conversations_commands_show_what_they_promise() {
    let mut terminal = Terminal::chatting(&["--session", "s-5"]);
    terminal.shows("you> ");
    terminal.session.send_line("/help").unwrap();
    terminal.shows("/sessions");
    terminal.session.send_line("/sessions").unwrap();
    terminal.shows("s-old");
    terminal.session.send_line("/history").unwrap();
    terminal.shows("t3nets: answered before");
    terminal.session.send_line("/raw").unwrap();
    terminal.shows("raw> ");
    terminal.session.send_line("status").unwrap();
    terminal.shows("You said: status --raw");
    terminal.session.send_control('d').unwrap();
    terminal.ends_with(0);
}

#[test]
fn ctrl_c_stops_the_answer_and_not_the_conversation() {
    let mut terminal = Terminal::chatting(&[]);
    terminal.shows("you> ");
    terminal.session.send_line("wait").unwrap();
    terminal.shows("You said:");
    terminal.session.send_control('c').unwrap();
    terminal.shows("stopped");
    terminal.shows("you> ");
    terminal.session.send_line("fail").unwrap();
    terminal.shows("it broke");
    terminal.shows("you> ");
    terminal.session.send_control('d').unwrap();
    terminal.ends_with(0);
}

#[test]
fn ctrl_c_ends_a_single_question_as_interrupted() {
    let mut terminal = Terminal::chatting(&["wait"]);
    terminal.shows("You said:");
    terminal.session.send_control('c').unwrap();
    terminal.ends_with(130);
}

#[test]
fn the_history_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mut terminal = Terminal::chatting(&[]);
    terminal.shows("you> ");
    terminal.session.send_line("remember me").unwrap();
    terminal.shows("You said: remember me");
    terminal.session.send_control('d').unwrap();
    terminal.ends_with(0);
    let path = terminal.sandbox.home().join("chat_history");
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .contains("remember me")
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_latest_conversation_is_continued_and_another_by_the_beginning_of_its_id() {
    let mut terminal = Terminal::chatting(&["--continue"]);
    terminal.shows("you> ");
    terminal.session.send_line("more").unwrap();
    terminal.shows("You said: more (in s-late-1)");
    terminal.session.send_control('d').unwrap();
    terminal.ends_with(0);

    let mut terminal = Terminal::chatting(&["--session", "s-ol", "again"]);
    terminal.shows("continuing the conversation s-old");
    terminal.shows("You said: again (in s-old)");
    terminal.ends_with(0);
}

#[test]
fn a_conversation_is_picked_from_a_list_the_newest_first() {
    let mut terminal = Terminal::chatting(&[]);
    terminal.shows("you> ");
    terminal.session.send_line("/resume").unwrap();
    terminal.shows("2026-01-03 03:04 UTC  and since");
    terminal.shows("2026-01-02 03:04 UTC  what was it");
    terminal.session.send("\x1b[B").unwrap();
    terminal.session.flush().unwrap();
    terminal.session.send_line("").unwrap();
    terminal.shows("answered before");
    terminal.shows("continuing the conversation s-old");
    terminal.shows("you> ");
    terminal.session.send_line("more").unwrap();
    terminal.shows("You said: more (in s-old)");
    terminal.shows("you> ");
    terminal.session.send_line("/resume s-lat").unwrap();
    terminal.shows("continuing the conversation s-late-1");
    terminal.session.send_control('d').unwrap();
    terminal.ends_with(0);
}

#[test]
fn a_message_may_have_several_lines() {
    let mut terminal = Terminal::chatting(&[]);
    terminal.shows("you> ");
    terminal.session.send("one\x1b\rtwo\\\rthree\r").unwrap();
    terminal.session.flush().unwrap();
    terminal.shows("You said: one");
    terminal.shows("two");
    terminal.shows("three (in new-1)");
    terminal.session.send_control('d').unwrap();
    terminal.ends_with(0);
}

#[test]
fn nothing_is_lost_of_what_is_pasted_or_typed_while_an_answer_comes() {
    let mut terminal = Terminal::chatting(&[]);
    terminal.shows("you> ");
    terminal.session.send("first\rsecond\rthird\r").unwrap();
    terminal.session.flush().unwrap();
    for line in ["first", "second", "third"] {
        terminal.shows(&format!("You said: {line} (in new-1)"));
    }
    terminal
        .session
        .send("\x1b[200~pasted\nat once\x1b[201~\r")
        .unwrap();
    terminal.session.flush().unwrap();
    terminal.shows("You said: pasted");
    terminal.shows("at once (in new-1)");
    terminal.session.send_control('d').unwrap();
    terminal.ends_with(0);
}

#[test]
fn answers_are_shown_as_markdown_and_how_they_came_about_only_if_asked() {
    let mut terminal = Terminal::chatting(&["markdown"]);
    let shown = terminal.session.exp_eof().unwrap();
    // What came is replaced by how it is meant.
    let (_, shown) = shown.rsplit_once("\x1b[J").unwrap();
    assert!(shown.contains("\x1b[1mbold\x1b[0m word."), "{shown:?}");
    assert!(
        !shown.contains("**") && !shown.contains("route"),
        "{shown:?}"
    );

    let mut terminal = Terminal::chatting(&["markdown", "--verbose"]);
    terminal.shows("route ai");
    terminal.ends_with(0);
}
