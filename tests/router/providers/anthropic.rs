//! What is Anthropic's own.

use serde_json::json;
use support::model::{Answer, ModelServer};
use t3nets_router::ai::{AiDefaults, ProviderKind};
use t3nets_router::model::{Role, StopReason};
use t3nets_router::ports::ModelError;

use super::{KEY, answered_by, ask, error_of, message, model_at, question, select, tool_result};

#[tokio::test]
async fn refusals_say_what_is_wrong_and_never_the_key() {
    let denied = || ModelError::Denied("bad key [key]".to_owned());
    let rejected = |said: &str| ModelError::Rejected(said.to_owned());
    let unavailable = |said: &str| ModelError::Unavailable(said.to_owned());
    let unknown = ModelError::UnknownModel("some-model".to_owned());
    let echo = format!("bad key {KEY}");
    for (status, kind, message, expected) in [
        (401, "authentication_error", echo.as_str(), denied()),
        (402, "billing_error", &echo, denied()),
        (403, "permission_error", &echo, denied()),
        (404, "not_found_error", "model: some-model", unknown),
        (404, "not_found_error", "Not found", rejected("Not found")),
        (
            400,
            "invalid_request_error",
            "prompt is too long: 9 > 8",
            ModelError::TooLong,
        ),
        (
            400,
            "invalid_request_error",
            "tools: no",
            rejected("tools: no"),
        ),
        (413, "request_too_large", "too large", ModelError::TooLong),
        (500, "api_error", "oops", unavailable("oops")),
        (504, "timeout_error", "too slow", ModelError::TimedOut),
        (529, "overloaded_error", "busy", unavailable("busy")),
    ] {
        let answer = Answer::anthropic_error(status, kind, message);
        let error = error_of(ProviderKind::Anthropic, answer).await;
        assert_eq!(error, expected, "{status} {kind} {message}");
    }
}

#[tokio::test]
async fn reasoning_is_sent_back_to_the_model() {
    let answer = Answer::tool("a", "sprint_status", json!({})).after_thinking("First the sprint.");
    let server = ModelServer::scripted([answer, Answer::text("Fine.")]).await;
    let model = model_at(ProviderKind::Anthropic, &server.url()).await;
    let mut request = question();
    let (reply, heard) = ask(&model, &request).await;
    let reply = reply.unwrap();
    assert!(heard.is_empty(), "thoughts were heard: {heard:?}");
    request
        .messages
        .push(message(Role::Assistant, reply.content));
    request.messages.push(message(
        Role::User,
        vec![tool_result("a", json!({}), false)],
    ));
    ask(&model, &request).await.0.unwrap();
    let thought = &server.requests()[1].body["messages"][1]["content"][0];
    let expected =
        json!({"type": "thinking", "thinking": "First the sprint.", "signature": "signed"});
    assert_eq!(thought, &expected);
}

#[tokio::test]
async fn a_full_context_is_too_long_or_cuts_the_answer() {
    let end = |content: &str| {
        let start = r#"data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":null}}}"#;
        let stop = r#"data: {"type":"message_delta","delta":{"stop_reason":"model_context_window_exceeded"}}"#;
        Answer::raw(
            "text/event-stream",
            format!("{start}\n\n{content}{stop}\n\ndata: {{\"type\":\"new\"}}\n\n"),
        )
    };
    assert_eq!(
        error_of(ProviderKind::Anthropic, end("")).await,
        ModelError::TooLong
    );
    let block = r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Half"}}"#;
    let (reply, heard) = answered_by(ProviderKind::Anthropic, end(&format!("{block}\n\n"))).await;
    assert_eq!(heard, ["Half"]);
    assert_eq!(reply.unwrap().stop, StopReason::MaxTokens);
}

#[tokio::test]
async fn a_model_that_thinks_unasked_is_asked_to_be_brief() {
    let server = ModelServer::scripted([Answer::text("Hi.")]).await;
    let url = server.url();
    let defaults = AiDefaults::from_env(|name| match name {
        "ANTHROPIC_API_KEY" => Some(KEY.to_owned()),
        "ANTHROPIC_BASE_URL" => Some(url.clone()),
        _ => None,
    });
    let model = select(defaults.unwrap()).await;
    ask(&model, &question()).await.0.unwrap();
    assert_eq!(model.name, "claude-sonnet-5-5");
    assert_eq!(
        server.requests()[0].body["output_config"],
        json!({"effort": "low"})
    );
}
