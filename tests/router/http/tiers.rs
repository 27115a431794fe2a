//! Which model answers: one for each tier; and how many questions may be with one at once.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use support::jira::Script;
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::UserRole;

use super::chat::variables;
use super::{Answer, Setup, TestApp};

/// A router whose tenants get the model, with these settings, and an administrator's key.
pub(super) async fn app_set(model: &ModelServer, settings: Value) -> (TestApp, String) {
    let app = TestApp::with(Setup {
        ai: variables(model),
        ..Setup::default()
    })
    .await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let set = put(&app, &admin, settings).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    (app, admin)
}

pub(super) async fn put(app: &TestApp, admin: &str, settings: Value) -> Answer {
    let body = json!({ "settings": settings });
    app.send_json(Method::PUT, "/api/settings", admin, &body)
        .await
}

/// The models that were asked, in order.
pub(super) fn asked(model: &ModelServer) -> Vec<String> {
    let calls = model.requests().into_iter();
    calls
        .map(|call| call.body["model"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_rules_result_is_worded_by_the_cheaper_model_and_counted_as_its_own() {
    let jira = Script::sample().start().await;
    let model = ModelServer::answering(|_| Says::text("Well.").usage(1_000, 100)).await;
    let settings = json!({
        "ai_provider": "anthropic",
        "ai_model": "claude-opus-4-6",
        "tier1_formatting_model": "claude-sonnet-4-6",
    });
    let (app, admin) = app_set(&model, settings).await;
    app.connect_jira("default", jira.credentials()).await;
    let shown = app.get("/api/settings", Some(&admin)).await.json();
    assert_eq!(
        shown["model"],
        json!({"provider": "anthropic", "name": "claude-opus-4-6", "wording": "claude-sonnet-4-6"})
    );
    for (message, name, cost) in [
        ("sprint status?", "claude-sonnet-4-6", 0.0045),
        ("think it over", "claude-opus-4-6", 0.0075),
    ] {
        let answer = app.chat(&admin, message).await.json();
        assert_eq!(answer["model"], name, "{answer}");
        assert_eq!(answer["usage"]["cost_usd"], cost, "{answer}");
        assert_eq!(asked(&model).pop().unwrap(), name);
    }
    app.drained().await;
    let used = app
        .get("/api/admin/usage?days=2&by=model", Some(&admin))
        .await;
    let groups = used.json()["groups"].as_array().unwrap().clone();
    let mut costs: Vec<(String, Value)> = groups
        .iter()
        .map(|group| {
            (
                group["id"].as_str().unwrap().to_owned(),
                group["cost_usd"].clone(),
            )
        })
        .collect();
    costs.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        costs,
        [
            ("claude-opus-4-6".to_owned(), json!(0.0075)),
            ("claude-sonnet-4-6".to_owned(), json!(0.0045)),
        ]
    );
}

#[tokio::test]
async fn a_budget_in_dollars_goes_by_the_model_that_is_asked() {
    let jira = Script::sample().start().await;
    let model = ModelServer::answering(|_| Says::text("Well.")).await;
    let settings = json!({
        "ai_provider": "anthropic",
        "ai_model": "claude-opus-4-6",
        "tier1_formatting_model": "claude-of-tomorrow-9",
        "usd_per_day": 5,
    });
    let (app, admin) = app_set(&model, settings).await;
    app.connect_jira("default", jira.credentials()).await;
    // Nobody knows what the model for wording costs.
    let refused = app.chat(&admin, "sprint status?").await;
    assert_eq!(refused.error_code(), "model_misconfigured", "{refused:?}");
    let answer = app.chat(&admin, "think it over").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(asked(&model), ["claude-opus-4-6"]);
}

#[tokio::test]
async fn no_more_questions_are_with_a_model_at_once_than_the_settings_allow() {
    let model = ModelServer::answering(|_| Says::text("Well.").held()).await;
    let settings = json!({"ai_provider": "anthropic", "max_concurrent_calls": 2});
    let (app, admin) = app_set(&model, settings).await;
    let app = std::sync::Arc::new(app);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (app, admin) = (app.clone(), admin.clone());
        waiting.spawn(async move { app.chat(&admin, "think it over").await });
    }
    model.until_called(2).await;
    let refused = app.chat(&admin, "think it over").await;
    assert_eq!(
        (refused.status, &*refused.error_code()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_calls"),
        "{refused:?}"
    );
    assert_eq!(refused.headers["retry-after"], "1");
    // What needs no model waits for none.
    assert_eq!(app.chat(&admin, "hello").await.status, StatusCode::OK);
    assert_eq!(app.chat(&admin, "ping --raw").await.status, StatusCode::OK);
    // One that goes away makes room.
    waiting.abort_all();
    while waiting.join_next().await.is_some() {}
    model.until_cancelled(2).await;
    model.release();
    assert_eq!(
        app.chat(&admin, "think it over").await.status,
        StatusCode::OK
    );
    app.drained().await;
    let used = app.get("/api/settings", Some(&admin)).await.json();
    // What was refused for it is not counted.
    assert_eq!(used["limits"]["messages_today"], 5, "{used}");
}
