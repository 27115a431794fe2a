//! What is OpenAI's own, and how compatible endpoints differ from it.

use serde_json::{Value, json};
use support::model::{Answer, ModelServer};
use t3nets_router::ai::{AiDefaults, ProviderKind, SelectedModel};
use t3nets_router::model::{ModelReply, StopReason, TokenUsage};
use t3nets_router::ports::ModelError;

use super::{KEY, answered_by, ask, error_of, question, select, tool_use};

#[tokio::test]
async fn refusals_say_what_is_wrong_and_never_the_key() {
    let denied = || ModelError::Denied("bad key [key]".to_owned());
    let unknown = || ModelError::UnknownModel("some-model".to_owned());
    let echo = format!("bad key {KEY}");
    for (status, code, message, expected) in [
        (401, "invalid_api_key", echo.as_str(), denied()),
        (403, "", &echo, denied()),
        (429, "insufficient_quota", &echo, denied()),
        (404, "model_not_found", "no such thing", unknown()),
        (
            400,
            "context_length_exceeded",
            "too many tokens",
            ModelError::TooLong,
        ),
        (
            400,
            "invalid_value",
            "tools: no",
            ModelError::Rejected("tools: no".to_owned()),
        ),
        (
            503,
            "",
            "loading",
            ModelError::Unavailable("loading".to_owned()),
        ),
        (504, "", "too slow", ModelError::TimedOut),
    ] {
        let answer = Answer::openai_error(status, code, message);
        let error = error_of(ProviderKind::OpenAi, answer).await;
        assert_eq!(error, expected, "{status} {code} {message}");
    }
    // vLLM, an older Ollama, and llama.cpp.
    for (status, body, expected) in [
        (
            404,
            r#"{"object":"error","message":"The model `x` does not exist."}"#,
            unknown(),
        ),
        (
            404,
            r#"{"error":"model 'x' not found, try pulling it first"}"#,
            unknown(),
        ),
        (
            400,
            r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"n_ctx"}}"#,
            ModelError::TooLong,
        ),
    ] {
        let error = error_of(ProviderKind::OpenAi, Answer::failure(status, body)).await;
        assert_eq!(error, expected, "{body}");
    }
}

/// A compatible endpoint's own way of answering, as server-sent events.
async fn openai_says(events: &[Value], done: bool) -> Result<ModelReply, ModelError> {
    let mut body: String = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    if done {
        body.push_str("data: [DONE]\n\n");
    }
    answered_by(
        ProviderKind::OpenAi,
        Answer::raw("text/event-stream; charset=utf-8", body),
    )
    .await
    .0
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"delta": delta}]})
}

#[tokio::test]
async fn compatible_endpoints_may_leave_things_out() {
    let hello = delta(json!({"content": "Hello"}));
    let stop = json!({"choices": [{"finish_reason": "stop"}]});
    for (events, done) in [
        (vec![hello.clone()], true),
        (vec![hello.clone(), stop.clone()], false),
        (
            vec![
                json!({"choices": []}),
                hello.clone(),
                json!({"choices": [], "usage": null}),
                stop,
            ],
            true,
        ),
    ] {
        let reply = openai_says(&events, done).await.unwrap();
        assert_eq!(reply.text(), "Hello");
        assert_eq!(
            (reply.stop, reply.usage),
            (StopReason::EndTurn, TokenUsage::default())
        );
    }
    let error = openai_says(&[hello], false).await.unwrap_err();
    assert!(matches!(error, ModelError::Unavailable(_)), "{error:?}");
    assert_eq!(openai_says(&[], true).await.unwrap().content, []);
}

#[tokio::test]
async fn compatible_endpoints_call_tools_in_their_own_ways() {
    let calls = |calls: Value| delta(json!({"tool_calls": calls}));
    // Whole calls, all with the index 0; the ids tell them apart.
    let reply = openai_says(
        &[
            calls(
                json!([{"index": 0, "id": "x", "function": {"name": "ping", "arguments": "{\"n\":1}"}}]),
            ),
            calls(
                json!([{"index": 0, "id": "y", "function": {"name": "ping", "arguments": "{\"n\":2}"}}]),
            ),
            json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
        ],
        true,
    )
    .await
    .unwrap();
    assert_eq!(reply.stop, StopReason::ToolUse);
    let expected = [
        tool_use("x", "ping", json!({"n": 1})),
        tool_use("y", "ping", json!({"n": 2})),
    ];
    assert_eq!(reply.content, expected);
    // Neither index nor id, and arguments that are an object; then in pieces.
    let reply = openai_says(
        &[
            calls(
                json!([{"function": {"name": "ping", "arguments": {"n": 1}}}, {"function": {"name": "ping"}}]),
            ),
            calls(json!([{"function": {"arguments": "{\"n\""}}])),
            calls(json!([{"function": {"arguments": ":2}"}}])),
        ],
        true,
    )
    .await
    .unwrap();
    let expected = [
        tool_use("call_1_0", "ping", json!({"n": 1})),
        tool_use("call_1_1", "ping", json!({"n": 2})),
    ];
    assert_eq!(reply.content, expected);
}

#[tokio::test]
async fn a_model_that_refuses_is_filtered() {
    let reply = openai_says(&[delta(json!({"refusal": "I cannot."}))], true)
        .await
        .unwrap();
    assert_eq!(
        (reply.text().as_str(), reply.stop),
        ("I cannot.", StopReason::Filtered)
    );
}

/// The model of this name at the server, without a key.
async fn keyless(server: &ModelServer, model: &str) -> SelectedModel {
    let url = server.openai_url();
    let defaults = AiDefaults::from_env(|name| match name {
        "OPENAI_BASE_URL" => Some(url.clone()),
        "T3NETS_MODEL" => Some(model.to_owned()),
        _ => None,
    });
    select(defaults.unwrap()).await
}

#[tokio::test]
async fn a_key_is_optional_for_compatible_endpoints() {
    let server = ModelServer::scripted([Answer::text("Hi.")]).await;
    let model = keyless(&server, "llama3.2").await;
    let reply = ask(&model, &question()).await.0.unwrap();
    assert_eq!(model.cost(&reply), None);
    assert_eq!(server.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_model_that_cannot_think_and_call_tools_is_asked_not_to_think() {
    let server = ModelServer::scripted([Answer::text("Hi.")]).await;
    let model = keyless(&server, "gpt-5.6-luna").await;
    ask(&model, &question()).await.0.unwrap();
    assert_eq!(server.requests()[0].body["reasoning_effort"], "none");
}
