//! Liveness, readiness, what the router is, and the API's own description.

use axum::http::StatusCode;
use serde_json::{Value, json};
use t3nets_router::model::UserRole;

use support::model::{Answer as Says, ModelServer};

use super::chat::variables;
use super::{Setup, TestApp};

#[tokio::test]
async fn it_lives_and_is_ready() {
    let app = TestApp::new().await;
    assert_eq!(
        app.get("/health", None).await.json(),
        json!({"status": "ok"})
    );
    assert_eq!(
        app.get("/ready", None).await.json(),
        json!({"status": "ready"})
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_router_without_room_is_not_ready() {
    let app = TestApp::new().await;
    // What is written to it meets a disk without room.
    let probe = app.home.path().join("room.probe");
    std::os::unix::fs::symlink("/dev/full", probe).unwrap();
    let answer = app.get("/ready", None).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_public_learns_what_the_router_is_and_nothing_of_a_tenant() {
    let app = TestApp::with(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    let about = app.get("/api/health", None).await.json();
    assert_eq!(about["status"], "ok");
    assert_eq!(about["platform"], "local");
    assert_eq!(about["environment"], "local");
    assert_eq!(about["version"], t3nets_router::VERSION);
    for key in ["git_sha", "release", "started_at", "uptime_seconds"] {
        assert!(about.get(key).is_some(), "{key} is missing");
    }
    assert!(about.get("tenant").is_none());
}

#[tokio::test]
async fn an_administrator_learns_how_the_tenant_is_set_up() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    app.chat(&key, "hi").await;
    let tenant = app.get("/api/health", Some(&key)).await.json()["tenant"].clone();
    assert_eq!(tenant["id"], "default");
    assert_eq!(tenant["ai_provider"], "offline");
    assert_eq!(
        tenant["routes"],
        json!({"conversational": 1, "rule": 0, "ai": 0})
    );
    assert_eq!(
        tenant["integrations"],
        json!([{"name": "jira", "connected": false}])
    );
    assert_eq!(
        tenant["skills"],
        json!(["ping", "sprint_status", "release_notes"])
    );
}

#[tokio::test]
async fn the_openapi_document_describes_every_route() {
    let app = TestApp::new().await;
    let document = app.get("/openapi.json", None).await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty(), "{method} {path} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{method} {path} describes no success"
            );
            let says = |status: &str| responses.contains_key(status);
            assert!(
                says("default") || (says("4XX") && says("5XX")),
                "{method} {path} does not describe every refusal and failure"
            );
        }
    }
    assert_eq!(undescribed_references(&document), Vec::<String>::new());
}

/// References in a document to what it does not hold.
fn undescribed_references(document: &Value) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(
                    fields
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                fields.values().for_each(|field| collect(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(document, &mut found);
    found.retain(|reference| {
        document
            .pointer(reference.trim_start_matches('#'))
            .is_none()
    });
    found
}

#[tokio::test]
async fn health_answers_while_every_chat_waits_for_its_model() {
    let model = ModelServer::answering(|_| Says::text("done").held()).await;
    let app = std::sync::Arc::new(
        TestApp::with(Setup {
            ai: variables(&model),
            ..Setup::default()
        })
        .await,
    );
    let key = app.key("default", "bob", UserRole::Member).await;
    let mut chats = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (app, key) = (app.clone(), key.clone());
        chats.spawn(async move { app.chat(&key, "tell me something").await.status });
    }
    model.until_called(20).await;
    assert_eq!(app.get("/health", None).await.status, StatusCode::OK);
    model.release();
    while let Some(status) = chats.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
}
