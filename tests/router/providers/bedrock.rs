//! What is Bedrock's own.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use serde_json::{Value, json};
use support::model::{Answer, ModelServer, Stop};
use support::{TestServer, python_venv};
use t3nets_router::ai::{AiDefaults, Bedrock, Models, ProviderKind};
use t3nets_router::model::{ContentBlock, NanoUsd, Role, StopReason, TokenUsage};
use t3nets_router::outbound::Reach;
use t3nets_router::ports::ModelError;
use t3nets_router::skills::SkillSet;

use super::{
    answered_by, ask, aws_at, bedrock_at, bedrock_by, error_of, message, model_at, question,
    select_from, text, tool_result, tool_use,
};

const BEDROCK: ProviderKind = ProviderKind::Bedrock;

/// The frames of `application/vnd.amazon.eventstream` that the scripted endpoint writes are read
/// right by AWS's own Python client, so the tests here do not rest on two errors that fit each
/// other.
#[tokio::test(flavor = "multi_thread")]
async fn boto3_understands_the_scripted_endpoint() {
    let Some(venv) = python_venv("boto3==1.43.11") else {
        return;
    };
    let answer = Answer::text("Grüße: 3 von 8 🚀")
        .after_thinking("First the sprint.")
        .and_tool("call_a", "sprint_status", json!({"action": "mine"}))
        .and_tool("call_b", "ping", json!({}))
        .in_chunks(2)
        .usage(100, 20)
        .cached(30, 7);
    let server = ModelServer::scripted([
        answer.clone(),
        answer,
        Answer::text("Half").then_error_of("throttlingException", "slow down"),
        Answer::bedrock_error(429, "ThrottlingException", "slow down"),
    ])
    .await;
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/router/providers/converse.py"
    );
    let mut command = Command::new(venv.join("bin/python"));
    command.args([
        script,
        &server.url(),
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let understood: Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!(understood);
}

#[tokio::test]
async fn refusals_say_what_is_wrong_and_what_to_do() {
    let rejected = |said: &str| ModelError::Rejected(said.to_owned());
    let unavailable = |said: &str| ModelError::Unavailable(said.to_owned());
    let unknown = || ModelError::UnknownModel("some-model".to_owned());
    let denied = |said: &str| ModelError::Denied(said.to_owned());
    for (status, name, said, expected) in [
        (
            400,
            "ValidationException",
            "tools: no",
            rejected("tools: no"),
        ),
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            unknown(),
        ),
        (
            400,
            "ValidationException",
            "Input is too long for requested model.",
            ModelError::TooLong,
        ),
        (404, "ResourceNotFoundException", "no such model", unknown()),
        (
            404,
            "ResourceNotFoundException",
            "Model use case details have not been submitted",
            denied("Model use case details have not been submitted"),
        ),
        (
            403,
            "UnrecognizedClientException",
            "The security token is invalid.",
            denied("The security token is invalid. (UnrecognizedClientException)"),
        ),
        (
            408,
            "ModelTimeoutException",
            "too slow",
            ModelError::TimedOut,
        ),
        (424, "ModelErrorException", "oops", unavailable("oops")),
        (
            429,
            "ModelNotReadyException",
            "loading",
            unavailable("loading"),
        ),
        (500, "InternalServerException", "oops", unavailable("oops")),
        (
            503,
            "ServiceUnavailableException",
            "busy",
            unavailable("busy"),
        ),
        (418, "NewException", "new", rejected("new (NewException)")),
        (
            599,
            "NewException",
            "new",
            unavailable("new (NewException)"),
        ),
    ] {
        let error = error_of(BEDROCK, Answer::bedrock_error(status, name, said)).await;
        assert_eq!(error, expected, "{status} {name} {said}");
    }
    let answer =
        Answer::bedrock_error(429, "ThrottlingException", "slow").header("retry-after", "3");
    let expected = ModelError::Throttled {
        retry_after: Some(Duration::from_secs(3)),
    };
    assert_eq!(error_of(BEDROCK, answer).await, expected);
    for (name, said, hint) in [
        (
            "AccessDeniedException",
            "no access",
            "`bedrock:InvokeModel`",
        ),
        (
            "ValidationException",
            "Invocation of model ID some-model with on-demand throughput isn’t supported.",
            "`us.some-model`",
        ),
    ] {
        let error = error_of(BEDROCK, Answer::bedrock_error(400, name, said)).await;
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[tokio::test]
async fn exceptions_in_the_middle_of_an_answer_are_understood() {
    let unavailable = || ModelError::Unavailable("said".to_owned());
    for (kind, expected) in [
        ("internalServerException", unavailable()),
        ("modelStreamErrorException", unavailable()),
        ("serviceUnavailableException", unavailable()),
        (
            "throttlingException",
            ModelError::Throttled { retry_after: None },
        ),
        (
            "validationException",
            ModelError::Rejected("said".to_owned()),
        ),
        ("newException", unavailable()),
    ] {
        let answer = Answer::text("Half").then_error_of(kind, "said");
        let (reply, heard) = answered_by(BEDROCK, answer).await;
        assert_eq!(heard, ["Half"]);
        assert_eq!(reply, Err(expected), "{kind}");
    }
}

#[tokio::test]
async fn garbage_is_an_error_and_never_a_panic() {
    const STREAM: &str = "application/vnd.amazon.eventstream";
    for body in ["<h1>Welcome to nginx!</h1>", "{}", "data: {}\n\n"] {
        let error = error_of(BEDROCK, Answer::raw("text/html", body)).await;
        assert!(
            matches!(error, ModelError::Protocol(_) | ModelError::Unavailable(_)),
            "{body}: {error:?}"
        );
    }
    // A whole frame's worth of zeros, and an answer without one.
    let error = error_of(BEDROCK, Answer::raw(STREAM, vec![0; 64])).await;
    assert!(matches!(error, ModelError::Protocol(_)), "{error:?}");
    let error = error_of(BEDROCK, Answer::raw(STREAM, "")).await;
    assert!(matches!(error, ModelError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn reasons_of_its_own_are_understood() {
    let stopped = |word| Answer::text("Well").stopped(Stop::Word(word));
    for (word, understood) in [
        ("stop_sequence", StopReason::EndTurn),
        ("guardrail_intervened", StopReason::Guardrail),
        ("content_filtered", StopReason::Filtered),
        ("model_context_window_exceeded", StopReason::MaxTokens),
        ("brand_new", StopReason::EndTurn),
    ] {
        let (reply, _) = answered_by(BEDROCK, stopped(word)).await;
        assert_eq!(reply.unwrap().stop, understood, "{word}");
    }
    for word in ["malformed_model_output", "malformed_tool_use"] {
        let error = error_of(BEDROCK, stopped(word)).await;
        assert!(
            matches!(error, ModelError::Protocol(_)),
            "{word}: {error:?}"
        );
    }
    let full = Answer::text("").stopped(Stop::Word("model_context_window_exceeded"));
    assert_eq!(error_of(BEDROCK, full).await, ModelError::TooLong);
}

#[tokio::test]
async fn reasoning_is_sent_back_to_the_model() {
    let answer = Answer::tool("a", "sprint_status", json!({})).after_thinking("First the sprint.");
    let server = ModelServer::scripted([answer, Answer::text("Fine.")]).await;
    let model = model_at(BEDROCK, &server.url()).await;
    let mut request = question();
    let (reply, heard) = ask(&model, &request).await;
    assert!(heard.is_empty(), "thoughts were heard: {heard:?}");
    request
        .messages
        .push(message(Role::Assistant, reply.unwrap().content));
    let result = tool_result("a", json!({}), false);
    request.messages.push(message(Role::User, vec![result]));
    ask(&model, &request).await.0.unwrap();
    let thought = &server.requests()[1].body["messages"][1]["content"][0];
    let expected = json!({
        "reasoningContent": {"reasoningText": {"text": "First the sprint.", "signature": "signed"}},
    });
    assert_eq!(thought, &expected);
}

#[tokio::test]
async fn a_model_that_cannot_stream_with_tools_answers_at_once() {
    let answer = Answer::text("Let me look.")
        .and_tool("a", "sprint_status", json!({"n": [1, -2, 3.5, null, true]}))
        .usage(100, 20)
        .cached(30, 7);
    let server = ModelServer::scripted([answer, Answer::text("Hi there.").in_chunks(3)]).await;
    let model = bedrock_at(&server.url(), "us-east-1", "llama-4-scout").await;
    let mut request = question();
    request.model = model.id.clone();
    let (reply, heard) = ask(&model, &request).await;
    let reply = reply.unwrap();
    assert_eq!(heard, ["Let me look."]);
    let expected = [
        text("Let me look."),
        tool_use("a", "sprint_status", json!({"n": [1, -2, 3.5, null, true]})),
    ];
    assert_eq!(reply.content, expected);
    assert_eq!(reply.stop, StopReason::ToolUse);
    let usage = TokenUsage {
        input: 100,
        output: 20,
        cache_read: 30,
        cache_write: 7,
    };
    assert_eq!(reply.usage, usage);

    request.tools.clear();
    assert_eq!(ask(&model, &request).await.1.len(), 3);
    let paths: Vec<String> = server
        .requests()
        .into_iter()
        .map(|call| call.path)
        .collect();
    let path = "/model/us.meta.llama4-scout-17b-instruct-v1%3A0";
    assert_eq!(
        paths,
        [
            format!("{path}/converse"),
            format!("{path}/converse-stream")
        ]
    );
}

#[tokio::test]
async fn a_routed_answer_costs_what_the_model_costs_that_gave_it() {
    let router = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1";
    let haiku = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0";
    let answer = Answer::text("Hi.").usage(1_000_000, 0);
    let server = ModelServer::scripted([answer.clone().answered_by(haiku), answer]).await;
    let model = bedrock_at(&server.url(), "us-east-1", router).await;
    assert_eq!(model.name, "default-prompt-router/anthropic.claude:1");
    let mut request = question();
    request.model = model.id.clone();
    let reply = ask(&model, &request).await.0.unwrap();
    assert_eq!(model.cost(&reply), Some(NanoUsd(1_100_000_000)));
    let reply = ask(&model, &request).await.0.unwrap();
    assert_eq!(model.cost(&reply), None);
}

#[tokio::test]
async fn empty_messages_are_left_out_and_their_neighbours_made_one() {
    let server = ModelServer::scripted([Answer::text("Hi.")]).await;
    let model = model_at(BEDROCK, &server.url()).await;
    let mut request = question();
    request.messages.extend([
        message(Role::Assistant, vec![text(" ")]),
        message(
            Role::User,
            vec![text("Hello?"), ContentBlock::Reasoning(json!({"other": 1}))],
        ),
    ]);
    ask(&model, &request).await.0.unwrap();
    let sent = server.requests()[0].body["messages"].clone();
    let expected =
        json!([{"role": "user", "content": [{"text": "How is the sprint?"}, {"text": "Hello?"}]}]);
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_chat_waits_longer_than_other_calls_to_aws() {
    let server =
        ModelServer::scripted([Answer::text("Hi.").after(Duration::from_millis(100))]).await;
    let short = TimeoutConfig::builder()
        .read_timeout(Duration::from_millis(1))
        .operation_attempt_timeout(Duration::from_millis(1))
        .operation_timeout(Duration::from_millis(1))
        .build();
    let sdk = aws_at(&server.url(), "us-east-1")
        .await
        .into_builder()
        .timeout_config(short)
        .build();
    let model = bedrock_by(&sdk, "some-model").await;
    assert_eq!(ask(&model, &question()).await.0.unwrap().text(), "Hi.");
}

#[tokio::test]
async fn without_credentials_bedrock_is_denied() {
    let server = ModelServer::scripted([]).await;
    let mut sdk = aws_at(&server.url(), "us-east-1").await.into_builder();
    sdk.set_credentials_provider(None);
    let model = bedrock_by(&sdk.build(), "some-model").await;
    let error = ask(&model, &question()).await.0.unwrap_err();
    assert!(matches!(error, ModelError::Denied(_)), "{error:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_model_is_asked_on_the_connection_that_was_opened_for_it() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let asked = async move |ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request| {
        let headers = request.headers();
        let is_signed = headers.contains_key("authorization");
        let what = format!("{} {}", request.method(), request.uri().path());
        tell.send((from, what, is_signed)).unwrap();
        StatusCode::NOT_FOUND
    };
    let server = TestServer::start(axum::Router::new().fallback(asked)).await;
    let sdk = aws_at(&server.url(), "us-east-1").await;
    let bedrock = Bedrock::new(&sdk, "dev");
    let defaults = AiDefaults::default().with_bedrock(bedrock, "some-model".to_owned());
    let models = Models::new(defaults, SkillSet::new(Vec::new()), Reach::Anywhere).unwrap();
    models.connect().await;
    let (opened_from, what, is_signed) = told.try_recv().unwrap();
    assert_eq!((&*what, is_signed), ("GET /ping", false));

    let model = select_from(&models).await;
    ask(&model, &question()).await.0.unwrap_err();
    let (asked_from, what, is_signed) = told.try_recv().unwrap();
    assert_eq!(
        (&*what, is_signed),
        ("POST /model/some-model/converse-stream", true)
    );
    assert_eq!(asked_from, opened_from);
    assert!(told.try_recv().is_err());
}
