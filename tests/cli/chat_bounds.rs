//! `t3nets chat` and a router whose answers have no end.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use rexpect::session::spawn_command;
use support::TestServer;

use crate::sandbox::{Sandbox, finish};

/// How long the terminal may take to show what is awaited, in milliseconds.
const PATIENCE: Option<u64> = Some(60_000);

/// What begins like an answer and goes on for good.
fn endless(beginning: &'static str) -> Body {
    let chunks = std::iter::once(beginning.as_bytes().to_vec())
        .chain(std::iter::repeat_with(|| vec![b'x'; 1 << 16]))
        .map(Ok::<_, std::io::Error>);
    Body::from_stream(stream::iter(chunks))
}

async fn answer(request: Request) -> Response {
    let accepts = request.headers().get(header::ACCEPT);
    if accepts.is_some_and(|kind| kind == "text/event-stream") {
        let kind = [(header::CONTENT_TYPE, "text/event-stream")];
        return (kind, endless("event: done\ndata: {\"text\":\"")).into_response();
    }
    match request.uri().path() {
        "/refusing/api/chat" => {
            let body = endless("{\"error\": {\"code\": \"internal\", \"message\": \"");
            (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
        }
        "/api/sessions" => endless("{\"sessions\": [{\"session_id\": \"").into_response(),
        _ => endless("{\"text\": \"").into_response(),
    }
}

#[test]
fn a_routers_answer_without_an_end_is_given_up() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let routes = Router::new().fallback(answer);
    let server = runtime.block_on(TestServer::start(routes));
    let url = server.url();
    let sandbox = Sandbox::new();
    for arguments in [
        &["hi"][..],
        &["hi", "--continue"],
        &["hi", "--session", "abcde"],
    ] {
        let mut command = sandbox.command(&["chat", "--url", &url]);
        command.args(arguments);
        finish(&mut command)
            .expect_code(1)
            .says("the answer is longer than 8388608 bytes");
    }
    let refusing = format!("{url}/refusing");
    sandbox
        .run(&["chat", "--url", &refusing, "hi"])
        .expect_code(1)
        .says("the server answered with status 500 Internal Server Error, not as a router");

    let command = sandbox.command(&["chat", "--url", &url, "hi"]);
    let mut terminal = spawn_command(command, PATIENCE).unwrap();
    terminal.exp_string("the answer broke off").unwrap();
    terminal.exp_string("the answer is too long").unwrap();
    terminal.exp_eof().unwrap();
}
