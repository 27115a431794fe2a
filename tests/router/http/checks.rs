//! `GET /api/admin/health`: each check by itself, and what it may say.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::jira::Script;
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::UserRole;
use t3nets_router::ports::StoreError;

use super::logging::BrokenUsage;
use super::{Setup, TestApp, chat};

async fn checked(app: &TestApp, key: &str) -> Value {
    let answer = app.get("/api/admin/health", Some(key)).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.json()
}

/// The checks in short: name, kind, status.
fn short(health: &Value) -> Vec<[&str; 3]> {
    let checks = health["checks"].as_array().unwrap().iter();
    checks
        .map(|check| ["name", "kind", "status"].map(|field| check[field].as_str().unwrap()))
        .collect()
}

const STORES: [[&str; 3]; 4] = [
    ["tenants", "store", "ok"],
    ["usage", "store", "ok"],
    ["conversations", "store", "ok"],
    ["secrets", "secrets", "ok"],
];

#[tokio::test]
async fn what_is_not_set_up_is_told_from_what_fails() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let health = checked(&app, &key).await;
    assert_eq!(short(&health)[..4], STORES);
    assert_eq!(
        short(&health)[4..],
        [
            ["model", "model", "not_set_up"],
            ["jira", "integration", "not_set_up"],
        ]
    );
    assert_eq!(health["status"], "ok");
    assert_eq!(health["model_failures"], json!([]));
}

#[tokio::test]
async fn an_integration_that_fails_blanks_no_other_check_and_gives_no_secret_away() {
    let jira = Script::sample().start().await;
    let model = ModelServer::scripted([]).await;
    let (app, _) = chat::app_with(&model).await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let mut fields = jira.credentials();
    fields.insert("api_token".to_owned(), "wrong-and-secret".into());
    app.connect_jira("default", fields).await;
    let health = checked(&app, &key).await;
    assert_eq!(short(&health)[..4], STORES);
    assert_eq!(short(&health)[4], ["claude-sonnet-5-5", "model", "ok"]);
    assert_eq!(short(&health)[5], ["jira", "integration", "failed"]);
    assert_eq!(health["status"], "failed");
    let failed = &health["checks"][5];
    assert_eq!(failed["code"], "integration_denied", "{failed}");
    assert!(!failed["detail"].as_str().unwrap().is_empty());
    let model_check = health["checks"][4]["detail"].as_str().unwrap();
    assert!(model_check.contains("not called"), "{model_check}");
    assert_eq!(model.requests().len(), 0);
    assert!(!health.to_string().contains("wrong-and-secret"), "{health}");

    // A page that is loaded again and again.
    let asked = jira.requests().len();
    for _ in 0..20 {
        let again = checked(&app, &key).await;
        assert_eq!(again["checked_at"], health["checked_at"]);
    }
    assert_eq!(jira.requests().len(), asked);
}

#[tokio::test]
async fn a_store_that_fails_says_nothing_internal_and_the_others_are_told() {
    let error = StoreError::unavailable("disk sda1 is on fire");
    let app = TestApp::with(Setup {
        usage: Some(Arc::new(BrokenUsage(error))),
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let health = checked(&app, &key).await;
    let mut expected = STORES;
    expected[1][2] = "failed";
    assert_eq!(short(&health)[..4], expected);
    assert!(!health.to_string().contains("sda1"), "{health}");
}

#[tokio::test]
async fn calls_of_the_model_that_failed_are_listed_newest_first() {
    let refuses = |_: &_| Says::anthropic_error(401, "authentication_error", "no");
    let model = ModelServer::answering(refuses).await;
    let (app, key) = chat::app_with(&model).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    for _ in 0..12 {
        let failed = app.chat(&key, "think it over").await;
        assert_eq!(failed.error_code(), "model_denied");
    }
    let health = checked(&app, &admin).await;
    let failures = health["model_failures"].as_array().unwrap();
    assert_eq!(failures.len(), 10);
    assert_eq!(failures[0]["code"], "model_denied");
    assert_eq!(failures[0]["model"], "claude-sonnet-5-5");
    assert!(failures.is_sorted_by(|a, b| a["at"].as_str() >= b["at"].as_str()));
}
