//! Another model is asked while the first is throttled or down, and a model that failed several
//! times in a row is left alone for a while.

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelCall, ModelServer};
use t3nets_router::ai::Bedrock;
use t3nets_router::model::{SecretDocument, SecretName, UserRole};

use super::chat::variables;
use super::streaming::events;
use super::tiers::{app_set, asked, put};
use super::{Setup, TestApp, tenant_id};
use crate::providers::ask::aws_at;

const FIRST: &str = "claude-opus-4-6";
const OTHER: &str = "claude-sonnet-4-6";

fn settings() -> Value {
    json!({"ai_provider": "anthropic", "ai_model": FIRST, "fallback_model": OTHER})
}

/// A refusal for a minute, which nobody waits for.
fn throttled() -> Says {
    Says::anthropic_error(429, "rate_limit_error", "slow down").header("retry-after", "60")
}

fn is_first(call: &ModelCall) -> bool {
    call.body["model"] == FIRST
}

async fn health(app: &TestApp, admin: &str) -> Value {
    app.get("/api/health", Some(admin)).await.json()["tenant"]["ai_models"].clone()
}

/// Stores a key of Anthropic's of the tenant's own, which is for the server.
async fn store_key(app: &TestApp, model: &ModelServer) -> SecretName {
    let name = SecretName {
        tenant_id: tenant_id("default"),
        integration: "anthropic".parse().unwrap(),
        user_id: None,
    };
    let fields = json!({"api_key": "sk-own", "base_url": model.url()});
    let document = SecretDocument::new(fields.as_object().unwrap().clone());
    app.platform.secrets.put(&name, &document).await.unwrap();
    name
}

#[tokio::test]
async fn a_throttled_models_answer_is_the_other_ones_and_counted_as_its_own() {
    let model = ModelServer::answering(|call| match is_first(call) {
        true => throttled(),
        false => Says::text("Well.").usage(1_000, 100),
    })
    .await;
    let (app, admin) = app_set(&model, settings()).await;
    let answer = app.chat(&admin, "think it over").await.json();
    assert_eq!(answer["model"], OTHER, "{answer}");
    assert_eq!(answer["usage"]["cost_usd"], 0.0045, "{answer}");
    let body = json!({"message": "think it over"});
    let (name, done) = events(&app, &admin, &body).await.pop().unwrap();
    assert_eq!((&*name, &done["model"]), ("done", &json!(OTHER)));
    assert_eq!(asked(&model), [FIRST, OTHER, FIRST, OTHER]);
    app.drained().await;
    let used = app
        .get("/api/admin/usage?days=2&by=model", Some(&admin))
        .await;
    let groups = &used.json()["groups"];
    assert_eq!(
        (&groups[0]["id"], &groups[0]["turns"], &groups[1]),
        (&json!(OTHER), &json!(2), &Value::Null)
    );
    let failures =
        app.get("/api/admin/health", Some(&admin)).await.json()["model_failures"].clone();
    assert_eq!(
        (&failures[0]["model"], &failures[0]["code"]),
        (&json!(FIRST), &json!("model_throttled"))
    );
}

#[tokio::test]
async fn only_what_the_request_does_not_cause_and_no_word_came_before_goes_to_another() {
    for (first, status, asks) in [
        (
            Says::anthropic_error(529, "overloaded_error", "busy"),
            200,
            4,
        ),
        (Says::failure(504, "gateway"), 200, 2),
        (Says::failure(503, "gateway"), 200, 4),
        (
            Says::anthropic_error(400, "invalid_request_error", "no"),
            502,
            1,
        ),
        (
            Says::anthropic_error(401, "authentication_error", "no"),
            502,
            1,
        ),
        (Says::text("Half of").then_cut(), 502, 1),
    ] {
        let told = format!("{first:?}");
        let model = ModelServer::answering(move |call| match is_first(call) {
            true => first.clone(),
            false => Says::text("Well."),
        })
        .await;
        let (app, admin) = app_set(&model, settings()).await;
        let answer = app.chat(&admin, "think it over").await;
        assert_eq!(answer.status.as_u16(), status, "{told}: {answer:?}");
        assert_eq!(model.requests().len(), asks, "{told}");
    }
}

#[tokio::test]
async fn the_other_model_goes_on_where_the_first_called_a_tool_without_what_that_thought() {
    let model = ModelServer::answering(|call| {
        let messages = call.body["messages"].as_array().unwrap().len();
        match (is_first(call), messages) {
            (true, 1) => Says::tool("t1", "ping", json!({})).after_thinking("A ping first."),
            (true, _) => throttled(),
            (false, 3) => Says::tool("t2", "ping", json!({})),
            (false, _) => Says::text("It answers."),
        }
    })
    .await;
    let (app, admin) = app_set(&model, settings()).await;
    let answer = app.chat(&admin, "think it over").await.json();
    assert_eq!(answer["text"], "It answers.", "{answer}");
    assert_eq!(asked(&model), [FIRST, FIRST, OTHER, OTHER]);
    let calls = model.requests();
    assert!(calls[1].body.to_string().contains("A ping first."));
    assert!(!calls[2].body.to_string().contains("A ping first."));
}

#[tokio::test]
async fn a_model_without_a_price_stands_in_for_none_where_dollars_are_counted() {
    let mut settings = settings();
    settings["fallback_model"] = json!("claude-of-tomorrow-9");
    for (usd, status) in [(Value::Null, 200), (json!(5), 503)] {
        let model = ModelServer::answering(|call| match is_first(call) {
            true => throttled(),
            false => Says::text("Well."),
        })
        .await;
        settings["usd_per_day"] = usd;
        let (app, admin) = app_set(&model, settings.clone()).await;
        let answer = app.chat(&admin, "think it over").await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    }
}

#[tokio::test]
async fn what_the_other_model_may_come_to_is_held_too() {
    let model = ModelServer::answering(|call| match is_first(call) {
        // It began, so that it cost.
        true => Says::text("").usage(9_800, 0).then_cut(),
        false => Says::text("Well."),
    })
    .await;
    let mut settings = settings();
    settings["tokens_per_day"] = json!(10_000);
    settings["max_tokens_per_message"] = json!(100);
    let (app, admin) = app_set(&model, settings).await;
    let refused = app.chat(&admin, "think it over").await;
    assert_eq!(refused.error_code(), "budget_reached", "{refused:?}");
    assert_eq!(asked(&model), [FIRST]);
}

#[tokio::test]
async fn a_model_that_fails_in_a_row_is_not_asked_for_a_while_and_its_fallback_at_once() {
    let model = ModelServer::answering(|call| match is_first(call) {
        true => throttled(),
        false => Says::text("Well."),
    })
    .await;
    let mut settings = settings();
    settings["fallback_model"] = Value::Null;
    let (app, admin) = app_set(&model, settings).await;
    for _ in 0..5 {
        let answer = app.chat(&admin, "think it over").await;
        assert_eq!(answer.error_code(), "model_throttled", "{answer:?}");
    }
    let answer = app.chat(&admin, "think it over").await;
    assert_eq!(
        (answer.status, &*answer.error_code()),
        (StatusCode::SERVICE_UNAVAILABLE, "model_unavailable"),
    );
    let wait: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((50..=60).contains(&wait), "{wait}");
    assert_eq!(model.requests().len(), 5);
    let told = health(&app, &admin).await;
    assert!(
        told[0]["paused_for_seconds"].as_u64().unwrap() > 50,
        "{told}"
    );
    let checks = app.get("/api/admin/health", Some(&admin)).await.json()["checks"].clone();
    let checked = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "model");
    assert_eq!(checked.unwrap()["status"], "failed", "{checks}");

    // With another model, that one is asked.
    let set = super::tiers::put(&app, &admin, json!({ "fallback_model": OTHER })).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    let told = health(&app, &admin).await;
    assert_eq!(
        (&told[1]["for"], &told[1]["paused_for_seconds"]),
        (&json!("fallback"), &Value::Null)
    );
    let answer = app.chat(&admin, "think it over").await.json();
    assert_eq!(answer["model"], OTHER, "{answer}");
    assert_eq!(model.requests().len(), 6);

    // By a tenant's own key, the model is another's.
    store_key(&app, &model).await;
    let told = health(&app, &admin).await;
    assert_eq!(told[0]["paused_for_seconds"], Value::Null, "{told}");
}

/// A router whose tenants' answers come from Bedrock, with a key of Anthropic's of its own or none,
/// and an administrator's key. Both are asked at the server.
pub(super) async fn app_of_bedrock(model: &ModelServer, with_key: bool) -> (TestApp, String) {
    let app = TestApp::with(Setup {
        ai: match with_key {
            true => variables(model),
            false => Vec::new(),
        },
        bedrock: Some(Bedrock::new(
            &aws_at(&model.url(), "us-east-1").await,
            "dev",
        )),
        ..Setup::default()
    })
    .await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    (app, admin)
}

const ELSEWHERE: &str = "anthropic/claude-haiku-4-5";

fn is_bedrocks(call: &ModelCall) -> bool {
    call.path.contains("/converse")
}

#[tokio::test]
async fn a_throttled_region_is_helped_out_by_another_provider_under_that_ones_name_and_price() {
    let model = ModelServer::answering(|call| match is_bedrocks(call) {
        true => {
            Says::bedrock_error(429, "ThrottlingException", "slow down").header("retry-after", "60")
        }
        false => Says::text("Well.").usage(1_000, 100),
    })
    .await;
    let (app, admin) = app_of_bedrock(&model, true).await;
    let set = put(&app, &admin, json!({"fallback_model": ELSEWHERE})).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    assert_eq!(set.json()["model"]["fallback"], ELSEWHERE);
    let answer = app.chat(&admin, "think it over").await.json();
    assert_eq!(
        (&answer["text"], &answer["model"]),
        (&json!("Well."), &json!(ELSEWHERE))
    );
    // A thousand tokens at $1 and a hundred at $5, by the million.
    assert_eq!(answer["usage"]["cost_usd"], 0.0015, "{answer}");
    let body = json!({"message": "think it over"});
    let (name, done) = events(&app, &admin, &body).await.pop().unwrap();
    assert_eq!((&*name, &done["model"]), ("done", &json!(ELSEWHERE)));
    let calls = model.requests();
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[0].body["requestMetadata"]["tenant"], "default");
    assert_eq!(calls[1].body["model"], "claude-haiku-4-5-20251001");
    assert!(calls[1].body.get("requestMetadata").is_none());
    app.drained().await;
    let used = app
        .get("/api/admin/usage?days=2&by=model", Some(&admin))
        .await;
    assert_eq!(used.json()["groups"][0]["id"], ELSEWHERE);
    let told = app.get("/api/admin/health", Some(&admin)).await.json();
    let is_fallback = |check: &&Value| check["name"] == ELSEWHERE;
    let checks = told["checks"].as_array().unwrap();
    assert_eq!(checks.iter().find(is_fallback).unwrap()["status"], "ok");
    // Only what failed is left alone.
    for _ in 0..3 {
        app.chat(&admin, "think it over").await;
    }
    let told = health(&app, &admin).await;
    assert!(told[0]["paused_for_seconds"].is_u64(), "{told}");
    assert_eq!(told[1]["paused_for_seconds"], Value::Null, "{told}");
}

#[tokio::test]
async fn another_provider_needs_a_key_which_the_tenant_may_have_itself() {
    let model = ModelServer::answering(|call| match is_bedrocks(call) {
        true => {
            Says::bedrock_error(429, "ThrottlingException", "slow down").header("retry-after", "60")
        }
        false => Says::text("Well."),
    })
    .await;
    let (app, admin) = app_of_bedrock(&model, false).await;
    let refused = put(&app, &admin, json!({"fallback_model": ELSEWHERE})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    let error = refused.json()["error"].clone();
    assert_eq!(error["field"], "fallback_model");
    let told = error.to_string();
    assert!(
        told.contains("no API key") && told.contains("secret `anthropic`"),
        "{told}"
    );
    let name = store_key(&app, &model).await;
    let set = put(&app, &admin, json!({"fallback_model": ELSEWHERE})).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    let answer = app.chat(&admin, "think it over").await.json();
    assert_eq!(answer["model"], ELSEWHERE, "{answer}");
    assert_eq!(model.requests()[1].header("x-api-key"), Some("sk-own"));

    // A key that is gone takes the fallback along, and is told.
    app.platform.secrets.delete(&name).await.unwrap();
    let answer = app.chat(&admin, "think it over").await;
    assert_eq!(answer.error_code(), "model_throttled", "{answer:?}");
    let told = app.get("/api/health", Some(&admin)).await.json();
    let problem = told["tenant"]["ai_fallback_problem"].to_string();
    assert!(problem.contains("no API key"), "{told}");
    let told = app.get("/api/admin/health", Some(&admin)).await.json();
    let checks = told["checks"].as_array().unwrap();
    let fallback = checks.iter().find(|check| check["name"] == "fallback");
    assert_eq!(fallback.unwrap()["status"], "failed", "{told}");
}

#[tokio::test]
async fn a_guardrail_and_a_fallback_without_one_are_not_set_together() {
    let model = ModelServer::scripted([]).await;
    let guardrail = || json!({"guardrail_identifier": "gr1a2b3c4d5e"});
    let fallback = || json!({"fallback_model": ELSEWHERE});
    for (first, second, field) in [
        (guardrail(), fallback(), "fallback_model"),
        (fallback(), guardrail(), "guardrail_identifier"),
    ] {
        let (app, admin) = app_of_bedrock(&model, true).await;
        let set = put(&app, &admin, first).await;
        assert_eq!(set.status, StatusCode::OK, "{set:?}");
        let refused = put(&app, &admin, second).await;
        let error = refused.json()["error"].clone();
        assert_eq!(error["field"], field, "{error}");
        assert!(error.to_string().contains("has no guardrails"), "{error}");
        // Within Bedrock there is one.
        let own =
            json!({"fallback_model": "bedrock/nova-lite", "guardrail_identifier": "gr1a2b3c4d5e"});
        let set = put(&app, &admin, own).await;
        assert_eq!(set.status, StatusCode::OK, "{set:?}");
    }
}
