//! What a turn does where an endpoint or a model is not as it should be: calls of tools, notes, a
//! conversation that is too long, what is counted however the turn ends.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use futures::StreamExt;
use jiff::civil::Date;
use serde_json::{Value, json};
use support::jira::Script;
use support::model::{Answer as Says, ModelCall, ModelServer};
use t3nets_router::model::{
    BudgetProgress, DailyUsage, Hold, LedgerAccount, LedgerLine, Reserved, SettledTurn, TenantId,
    UserId,
};
use t3nets_router::ports::{StoreError, UsageStore};
use tower::ServiceExt;

use super::chat::{app_on, app_with};
use super::streaming::{events, stream_request};
use super::{Setup, TestApp, tenant_id};

/// What today's turns used, once all is counted.
async fn used(app: &TestApp) -> DailyUsage {
    app.drained().await;
    let today = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .date();
    let yesterday = today.yesterday().unwrap();
    let tenant = tenant_id("default");
    let days = app.platform.usage.usage(&tenant, yesterday, today);
    days.await.unwrap().pop().unwrap()
}

fn results(call: &ModelCall) -> Vec<Value> {
    let messages = call.body["messages"].as_array().unwrap().iter();
    messages
        .filter(|message| message["role"] == "tool")
        .cloned()
        .collect()
}

#[tokio::test]
async fn a_call_that_cannot_be_meant_gets_an_error_and_the_model_corrects_itself() {
    for (written, is_run) in [
        (r#"{"action": "blockers""#, false),
        ("[]", false),
        ("```json\n{\"action\": \"blockers\"}\n```", true),
        (r#"{"action": "blockers"}{}"#, true),
        (r#""{\"action\": \"blockers\"}""#, true),
    ] {
        let jira = Script::sample().start().await;
        let model = ModelServer::scripted([
            Says::text("").and_tool_text("t", "sprint_status", written),
            Says::text("Done."),
        ])
        .await;
        let (app, key) = app_on(&model).await;
        app.connect_jira("default", jira.credentials()).await;
        let answer = app
            .chat(&key, "tell me what the team should know")
            .await
            .json();
        assert_eq!(answer["text"], "Done.", "{answer}");
        let [result] = results(&model.requests()[1]).try_into().unwrap();
        let content = result["content"].as_str().unwrap();
        assert_eq!(content.contains("blockers"), is_run, "{written}: {content}");
        assert_eq!(content.contains("not a JSON object"), !is_run, "{content}");
        // The error is wrapped once.
        assert!(content.matches("\"error\"").count() <= 1, "{content}");
    }
}

#[tokio::test]
async fn more_calls_than_can_run_and_tools_that_do_not_exist_get_an_error_each() {
    let mut many = Says::text("").and_tool("x", "no_such_tool", json!({}));
    for at in 0..10 {
        many = many.and_tool(&format!("p{at}"), "ping", json!({}));
    }
    let model = ModelServer::scripted([many, Says::text("Done.")]).await;
    let (app, key) = app_on(&model).await;
    let events = events(&app, &key, &json!({"message": "look at it all"})).await;
    let tools = events.iter().filter(|(name, _)| name == "tool");
    assert!(
        tools.clone().all(|(_, data)| data["name"] == "ping"),
        "{events:?}"
    );
    assert_eq!(tools.count(), 7);
    let results = results(&model.requests()[1]);
    assert_eq!(results.len(), 11);
    assert!(results[0].to_string().contains("no_such_tool"));
    assert!(results[10].to_string().contains("at once"));
}

#[tokio::test]
async fn a_model_without_tools_answers_and_says_what_it_could_not_use() {
    let model = ModelServer::answering(|call| match call.body.get("tools") {
        Some(_) => Says::openai_error(400, "", "some-model does not support tools"),
        None => Says::text("From memory."),
    })
    .await;
    let (app, key) = app_on(&model).await;
    let first = app.chat(&key, "what is a sprint, in short?").await.json();
    let text = first["text"].as_str().unwrap();
    assert!(
        text.starts_with("From memory.\n\n(The model some-model cannot use skills"),
        "{text}"
    );
    assert!(text.contains("`ping`"), "{text}");
    assert_eq!(model.requests().len(), 2);
    // It is remembered, and the note is not shown to the model as its own words.
    let session = &first["session_id"];
    let body = json!({"message": "and a board?", "session_id": session});
    app.post("/api/chat", Some(&key), &body).await.json();
    let calls = model.requests();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[2].body["messages"][2]["content"], "From memory.");
}

#[tokio::test]
async fn the_results_of_a_skill_are_worded_by_a_template_where_the_model_takes_none() {
    let jira = Script::sample().start().await;
    let model = ModelServer::answering(|_| {
        Says::openai_error(
            400,
            "",
            "\"auto\" tool choice requires --enable-auto-tool-choice",
        )
    })
    .await;
    let (app, key) = app_on(&model).await;
    app.connect_jira("default", jira.credentials()).await;
    let answer = app.chat(&key, "sprint status?").await.json();
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("Sprint 24"), "{text}");
    assert!(text.ends_with("takes no results of skills.)"), "{text}");
    // Data is never put among the person's words instead.
    for call in model.requests() {
        let users = call.body["messages"].as_array().unwrap().iter();
        let said: Vec<&Value> = users.filter(|message| message["role"] == "user").collect();
        assert!(!json!(said).to_string().contains("Sprint 24"));
    }
}

#[tokio::test]
async fn what_an_endpoint_does_not_know_is_left_out_and_stays_left_out() {
    let model = ModelServer::answering(|call| {
        if call.body.get("stream_options").is_some() {
            return Says::failure(422, r#"{"detail": [{"loc": ["body", "stream_options"], "msg": "extra fields not permitted"}]}"#);
        }
        if call.body.get("max_tokens").is_some() {
            return Says::openai_error(400, "unsupported_parameter", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.");
        }
        Says::text("Hello there.")
    })
    .await;
    let (app, key) = app_on(&model).await;
    for turns in [3, 4] {
        let answer = app.chat(&key, "tell me something").await.json();
        assert_eq!(answer["text"], "Hello there.");
        assert_eq!(model.requests().len(), turns);
    }
    // Nobody counted, so both turns are estimates.
    let used = used(&app).await;
    assert!(used.output_tokens >= 6 && used.input_tokens > 0, "{used:?}");
    assert_eq!(
        used.estimated_tokens,
        used.input_tokens + used.output_tokens
    );
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_halved_once() {
    let model = ModelServer::answering(|call| {
        let messages = call.body["messages"].as_array().unwrap().len();
        match messages {
            // The instructions and three turns, then half of them.
            0..=4 => Says::text(format!("Heard {messages}.")),
            _ => Says::openai_error(400, "context_length_exceeded", "too long"),
        }
    })
    .await;
    let (app, key) = app_on(&model).await;
    let ask = async || {
        let body = json!({"message": "go on then", "session_id": "s"});
        app.post("/api/chat", Some(&key), &body).await
    };
    for _ in 0..2 {
        assert_eq!(ask().await.status, StatusCode::OK);
    }
    let third = ask().await.json();
    assert_eq!(third["text"], "Heard 4.", "{third}");

    let model =
        ModelServer::answering(|_| Says::openai_error(400, "context_length_exceeded", "")).await;
    let (app, key) = app_on(&model).await;
    let answer = app.chat(&key, "go on then").await;
    assert_eq!(answer.error_code(), "conversation_too_long");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn what_was_used_is_counted_when_the_client_leaves() {
    let model = ModelServer::scripted([Says::text("Half of what there is to say")
        .in_chunks(4)
        .usage(100, 900)
        .held()])
    .await;
    let (app, key) = app_with(&model).await;
    let request = stream_request(&key, &json!({"message": "think it over"}));
    let response = app.routes.clone().oneshot(request).await.unwrap();
    let mut stream = response.into_body().into_data_stream();
    let mut heard = String::new();
    while !heard.contains("say") {
        heard.push_str(&String::from_utf8_lossy(
            &stream.next().await.unwrap().unwrap(),
        ));
    }
    drop(stream);
    model.until_cancelled(1).await;
    let used = used(&app).await;
    // Anthropic says at the beginning what was sent; what was answered is estimated.
    assert_eq!(used.input_tokens, 100);
    assert!((5..=10).contains(&used.output_tokens), "{used:?}");
    assert!(
        used.estimated_tokens > 0 && used.estimated_tokens <= used.output_tokens,
        "{used:?}"
    );
    assert!(used.cost.0 > 0);
}

#[tokio::test]
async fn what_failed_after_tokens_were_spent_is_counted_and_what_was_refused_is_not() {
    let model = ModelServer::scripted([Says::text("Half of it").then_cut()]).await;
    let (app, key) = app_on(&model).await;
    assert!(!app.chat(&key, "think it over").await.status.is_success());
    let half = used(&app).await;
    assert!(half.input_tokens > 0 && half.output_tokens > 0, "{half:?}");

    let model = ModelServer::answering(|_| Says::openai_error(401, "invalid_api_key", "no")).await;
    let (app, key) = app_on(&model).await;
    assert!(!app.chat(&key, "think it over").await.status.is_success());
    let refused = used(&app).await;
    assert_eq!((refused.input_tokens, refused.output_tokens), (0, 0));
}

/// A store with a bug.
struct Panicking;

#[async_trait]
impl UsageStore for Panicking {
    async fn reserve(&self, _: &Hold) -> Result<Reserved, StoreError> {
        panic!("a bug")
    }

    async fn settle(&self, _: &Hold, _: &SettledTurn) -> Result<Vec<BudgetProgress>, StoreError> {
        Ok(Vec::new())
    }

    async fn add_refusals(
        &self,
        _: &TenantId,
        _: Date,
        _: &LedgerAccount,
        _: u64,
    ) -> Result<(), StoreError> {
        Ok(())
    }
    async fn ledger(
        &self,
        _: &TenantId,
        _: Date,
        _: Date,
        _: Option<&UserId>,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        Ok(Vec::new())
    }
    async fn usage(&self, _: &TenantId, _: Date, _: Date) -> Result<Vec<DailyUsage>, StoreError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_panic_in_a_streamed_turn_is_an_error_that_is_told() {
    let (app, key) = TestApp::with_member(Setup {
        usage: Some(Arc::new(Panicking)),
        ..Setup::default()
    })
    .await;
    let answer = app
        .send(stream_request(&key, &json!({"message": "hello"})))
        .await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.error_code(), "internal");
}
