//! What is refused, and how clients of OpenAI's are told.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::config::Deadlines;
use t3nets_router::model::{TenantSettings, UserRole};

use super::super::chat::variables;
use super::{Setup, TestApp, app_on, asked, body, complete, refusal, request, used, user, weather};

async fn app() -> (TestApp, String) {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    (app, key)
}

#[tokio::test]
async fn whatever_refuses_below_v1_speaks_openais_form() {
    let (app, key) = app().await;
    let plain = body(json!([user("hello")]), json!({}));
    let large = body(json!([user(&"x".repeat(2 << 20))]), json!({}));
    for (answer, expected) in [
        (
            complete(&app, "t3n_wrong", &plain).await,
            (401, "invalid_api_key", "authentication_error"),
        ),
        (
            app.get("/v1/models", None).await,
            (401, "invalid_api_key", "authentication_error"),
        ),
        (
            app.get("/v1/responses", Some(&key)).await,
            (404, "not_found", "invalid_request_error"),
        ),
        (
            app.get("/v1/chat/completions", Some(&key)).await,
            (405, "method_not_allowed", "invalid_request_error"),
        ),
        (
            complete(&app, &key, &large).await,
            (413, "body_too_large", "invalid_request_error"),
        ),
        (
            app.post("/v1/embeddings", Some(&key), &json!({"input": "x"}))
                .await,
            (404, "not_served", "invalid_request_error"),
        ),
        (
            app.send(
                request(Method::POST, "/v1/chat/completions", Some(&key))
                    .body(Body::from(plain.to_string()))
                    .unwrap(),
            )
            .await,
            (415, "unsupported_media_type", "invalid_request_error"),
        ),
    ] {
        let (status, code, _) = refusal(&answer);
        let kind = answer.json()["error"]["type"].clone();
        assert_eq!(
            (status, &*code, &kind),
            (expected.0, expected.1, &json!(expected.2))
        );
        assert!(answer.headers.contains_key("x-request-id"));
    }
    // Elsewhere nothing changed.
    let own = app.get("/api/nothing", Some(&key)).await;
    assert!(own.json()["request_id"].is_string());
}

#[tokio::test]
async fn what_is_not_served_or_wrong_is_refused_by_its_name() {
    let model = ModelServer::scripted([]).await;
    let (app, key) = app_on(&model).await;
    let hello = || json!([user("think it over")]);
    let call =
        json!({"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let with_call =
        |more: Value| json!([user("x"), {"role": "assistant", "tool_calls": [call]}, more]);
    let tool = |name: &str| json!([{"type": "function", "function": {"name": name}}]);
    let image = json!([{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": "https://x"}}]);
    for (messages, more, param) in [
        (hello(), json!({"n": 2}), "n"),
        (hello(), json!({"logprobs": true}), "logprobs"),
        (hello(), json!({"top_logprobs": 3}), "top_logprobs"),
        (
            hello(),
            json!({"logit_bias": {"50256": -100}}),
            "logit_bias",
        ),
        (
            hello(),
            json!({"functions": [{"name": "look"}]}),
            "functions",
        ),
        (hello(), json!({"function_call": "auto"}), "function_call"),
        (
            hello(),
            json!({"modalities": ["text", "audio"]}),
            "modalities",
        ),
        (hello(), json!({"audio": {"voice": "x"}}), "audio"),
        (hello(), json!({"temperature": 3}), "temperature"),
        (hello(), json!({"top_p": "much"}), "top_p"),
        (hello(), json!({"max_tokens": 0}), "max_tokens"),
        (
            hello(),
            json!({"max_completion_tokens": 1.5}),
            "max_completion_tokens",
        ),
        (hello(), json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (hello(), json!({"stop": ""}), "stop"),
        (hello(), json!({"stream": "yes"}), "stream"),
        (hello(), json!({"stream_options": true}), "stream_options"),
        (hello(), json!({"tools": {}}), "tools"),
        (
            hello(),
            json!({"tools": tool("a b")}),
            "tools[0].function.name",
        ),
        (
            hello(),
            json!({"tools": tool("ping")}),
            "tools[0].function.name",
        ),
        (
            hello(),
            json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]}),
            "tools[0].type",
        ),
        (hello(), json!({"tool_choice": "required"}), "tool_choice"),
        (
            hello(),
            json!({"tools": weather(), "tool_choice": {"type": "function", "function": {"name": "other"}}}),
            "tool_choice",
        ),
        (
            hello(),
            json!({"tools": weather(), "tool_choice": {"type": "allowed_tools"}}),
            "tool_choice",
        ),
        (hello(), json!({"model": 7}), "model"),
        (hello(), json!({"model": null}), "model"),
        (json!([]), json!({}), "messages"),
        (json!("hello"), json!({}), "messages"),
        (json!(["hello"]), json!({}), "messages[0]"),
        (
            json!([{"role": "robot", "content": "x"}]),
            json!({}),
            "messages[0].role",
        ),
        (
            json!([{"role": "function", "name": "f", "content": "x"}]),
            json!({}),
            "messages[0].role",
        ),
        (json!([user(" ")]), json!({}), "messages[0].content"),
        (
            json!([{"role": "user", "content": 7}]),
            json!({}),
            "messages[0].content",
        ),
        (
            json!([{"role": "user", "content": image}]),
            json!({}),
            "messages[0].content[1]",
        ),
        (
            json!([user("x"), {"role": "assistant", "function_call": {"name": "f"}}]),
            json!({}),
            "messages[1].function_call",
        ),
        (with_call(user("and?")), json!({}), "messages[2]"),
        (
            with_call(json!({"role": "tool", "tool_call_id": "c2", "content": "x"})),
            json!({}),
            "messages[2].tool_call_id",
        ),
        (
            json!([user("x"), {"role": "tool", "tool_call_id": "c1", "content": "x"}]),
            json!({}),
            "messages[1].tool_call_id",
        ),
        (
            json!([user("x"), {"role": "assistant", "tool_calls": [call]}]),
            json!({}),
            "messages",
        ),
        (
            json!([user("x"), {"role": "assistant", "tool_calls": [call, call]}]),
            json!({}),
            "messages[1].tool_calls[1].id",
        ),
    ] {
        let asked = body(messages, more);
        let answer = complete(&app, &key, &asked).await;
        let (status, _, about) = refusal(&answer);
        assert_eq!(
            (status, about.as_deref()),
            (400, Some(param)),
            "{asked}: {:?}",
            answer.body
        );
    }
    for long in [
        json!([user(&"x".repeat(33 * 1024))]),
        json!([{"role": "system", "content": "x".repeat(65 * 1024)}, user("x")]),
    ] {
        let answer = complete(&app, &key, &body(long, json!({}))).await;
        assert_eq!(refusal(&answer).0, 413);
    }
    assert_eq!(model.requests().len(), 0);
    assert_eq!(used(&app).await.messages, 0, "nothing of it is charged");
}

#[tokio::test]
async fn what_means_nothing_here_or_what_everybody_gets_is_left_alone() {
    let model = ModelServer::answering(|_| Says::text("So.")).await;
    let (app, key) = app_on(&model).await;
    let more = json!({
        "n": 1, "logprobs": false, "top_logprobs": 0, "logit_bias": {}, "response_format": {"type": "text"},
        "modalities": ["text"], "functions": [], "audio": null, "tools": [], "tool_choice": "none", "seed": 7,
        "user": "somebody", "metadata": {"a": "b"}, "store": true, "presence_penalty": 0,
        "frequency_penalty": 0.5, "reasoning_effort": "high", "parallel_tool_calls": true,
        "stream_options": null, "what_no_one_knows": [1],
    });
    let asked = body(
        json!([{"role": "user", "content": "think it over", "name": "bob"}]),
        more,
    );
    let answer = complete(&app, &key, &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let call = model.requests()[0].body.clone();
    for name in ["seed", "user", "store", "metadata", "what_no_one_knows"] {
        assert!(call.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn the_days_limit_is_429_with_its_end_and_is_not_asked_again() {
    let model = ModelServer::answering(|_| Says::text("So.")).await;
    let settings = TenantSettings {
        messages_per_day: Some(1),
        ..TenantSettings::default()
    };
    let (app, key) = TestApp::with_member(Setup {
        ai: variables(&model),
        settings,
        ..Setup::default()
    })
    .await;
    let asked_once = body(json!([user("think it over")]), json!({}));
    assert_eq!(
        complete(&app, &key, &asked_once).await.status,
        StatusCode::OK
    );
    for streamed in [false, true] {
        let again = body(json!([user("think it over")]), json!({"stream": streamed}));
        let refused = app.send(asked(&key, &again)).await;
        assert_eq!(
            refusal(&refused),
            (429, "daily_limit_reached".to_owned(), None)
        );
        assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
        assert!(refused.headers.contains_key("retry-after"));
        // Clients of OpenAI's repeat a 429 by themselves.
        if refused.headers["retry-after"].to_str().unwrap().len() > 2 {
            assert_eq!(refused.headers["x-should-retry"], "false");
        }
    }
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn a_channel_that_is_off_and_a_suspended_tenant_are_403() {
    let settings = TenantSettings {
        enabled_channels: Some(vec!["slack".to_owned()]),
        ..TenantSettings::default()
    };
    let (app, key) = TestApp::with_member(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let plain = body(json!([user("hello")]), json!({}));
    let refused = complete(&app, &key, &plain).await;
    assert_eq!(refusal(&refused), (403, "channel_off".to_owned(), None));
    assert_eq!(refused.json()["error"]["type"], "permission_error");
    let operator = t3nets_router::admin::Admin::new(app.platform.clone(), "operator:test");
    let tenant = super::tenant_id("default");
    operator.suspend_tenant(&tenant).await.unwrap();
    let other = app.key("default", "ada", UserRole::Admin).await;
    let refused = complete(&app, &other, &plain).await;
    assert_eq!(refusal(&refused).1, "tenant_suspended");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_504_and_its_work_ends() {
    let model = ModelServer::answering(|_| Says::text("Half of").held()).await;
    let (app, key) = TestApp::with_member(Setup {
        ai: variables(&model),
        deadlines: Some(Deadlines {
            answer: Duration::from_millis(200),
            stream: Duration::from_millis(200),
        }),
        ..Setup::default()
    })
    .await;
    let refused = complete(&app, &key, &body(json!([user("think it over")]), json!({}))).await;
    assert_eq!(
        refusal(&refused),
        (504, "deadline_exceeded".to_owned(), None)
    );
    assert_eq!(refused.headers["x-should-retry"], "false");
    model.until_cancelled(1).await;
}
