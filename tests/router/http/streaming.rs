//! Answers as server-sent events.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use eventsource_stream::Eventsource;
use futures::StreamExt;
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::UserRole;
use tower::ServiceExt;

use super::chat::app_with;
use super::{TestApp, request};

pub(super) fn stream_request(key: &str, body: &Value) -> Request<Body> {
    request(Method::POST, "/api/chat", Some(key))
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// Every event of an answer: its name and its data.
pub(super) async fn events(app: &TestApp, key: &str, body: &Value) -> Vec<(String, Value)> {
    let response = app
        .routes
        .clone()
        .oneshot(stream_request(key, body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream().eventsource();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        let event = event.unwrap();
        events.push((event.event, serde_json::from_str(&event.data).unwrap()));
    }
    events
}

fn deltas(events: &[(String, Value)]) -> String {
    events
        .iter()
        .filter(|(name, _)| name == "delta")
        .map(|(_, data)| data["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_words_that_come_are_the_whole_answer() {
    let model = ModelServer::scripted([
        Says::text("Let me look.")
            .in_chunks(3)
            .and_tool("t1", "ping", json!({})),
        Says::text("It answers, grüezi 👋.").in_chunks(9),
    ])
    .await;
    let (app, key) = app_with(&model).await;
    let events = events(
        &app,
        &key,
        &json!({"message": "check that you respond", "session_id": "s"}),
    )
    .await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"tool"), "{names:?}");
    assert_eq!(names.last(), Some(&"done"));
    assert!(
        names.iter().filter(|name| **name == "delta").count() > 4,
        "{names:?}"
    );
    let done = &events.last().unwrap().1;
    assert_eq!(done["text"], deltas(&events));
    assert_eq!(done["text"], "Let me look.\n\nIt answers, grüezi 👋.");
    assert_eq!(done["session_id"], "s");
    assert_eq!(app.history(&key, "s").await.len(), 2);
}

#[tokio::test]
async fn canned_answers_stream_too() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let events = events(&app, &key, &json!({"message": "hello"})).await;
    assert_eq!(events.last().unwrap().1["text"], deltas(&events));
}

#[tokio::test]
async fn how_to_get_a_skill_streams_too() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let events = events(&app, &key, &json!({"message": "sprint status?"})).await;
    let done = &events.last().unwrap().1;
    assert_eq!(done["text"], deltas(&events));
    assert!(deltas(&events).contains("not connected"), "{done}");
}

#[tokio::test]
async fn a_turn_that_fails_before_its_first_word_has_the_status_that_fits() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let answer = app
        .send(stream_request(
            &key,
            &json!({"message": "sprint status? --raw"}),
        ))
        .await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::CONFLICT, "integration_not_connected")
    );
    let answer = app
        .send(stream_request("t3n_wrong", &json!({"message": "hi"})))
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_turn_that_fails_in_the_middle_ends_with_an_error_and_is_not_kept() {
    let model = ModelServer::scripted([Says::text("Half of").then_error("overloaded")]).await;
    let (app, key) = app_with(&model).await;
    let events = events(
        &app,
        &key,
        &json!({"message": "think it over", "session_id": "s"}),
    )
    .await;
    let (name, data) = events.last().unwrap();
    assert_eq!(name, "error");
    assert!(
        data["error"]["code"]
            .as_str()
            .unwrap()
            .starts_with("model_"),
        "{data}"
    );
    assert!(data["request_id"].is_string());
    assert_eq!(app.history(&key, "s").await.len(), 0);
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_work() {
    let model = ModelServer::scripted([Says::text("Half of it").in_chunks(2).held()]).await;
    let (app, key) = app_with(&model).await;
    let request = stream_request(
        &key,
        &json!({"message": "think it over", "session_id": "s"}),
    );
    let response = app.routes.clone().oneshot(request).await.unwrap();
    let mut stream = response.into_body().into_data_stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    model.until_cancelled(1).await;
    assert_eq!(app.history(&key, "s").await.len(), 0);
}
