//! The caller's own conversations.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use t3nets_router::model::UserRole;

use super::TestApp;

fn assert_alternates(messages: &[Value]) {
    for pair in messages.chunks(2) {
        let roles: Vec<&str> = pair
            .iter()
            .map(|message| message["role"].as_str().unwrap())
            .collect();
        assert_eq!(roles, ["user", "assistant"]);
    }
}

#[tokio::test]
async fn two_hundred_turns_at_once_on_one_session_are_all_kept_in_alternation() {
    let app = Arc::new(TestApp::new().await);
    let key = app.key("default", "bob", UserRole::Member).await;
    let mut turns = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (app, key) = (app.clone(), key.clone());
        turns.spawn(async move {
            let body =
                json!({"message": format!("what is the meaning of {n}?"), "session_id": "busy"});
            app.post("/api/chat", Some(&key), &body).await.status
        });
    }
    while let Some(status) = turns.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    let messages = app.history(&key, "busy").await;
    assert_eq!(messages.len(), 400);
    assert_alternates(&messages);
    let mut asked: Vec<&str> = messages
        .iter()
        .step_by(2)
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 200, "every message is there once");
}

#[tokio::test]
async fn history_pages_backwards_and_sessions_are_listed_and_cleared() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    for n in 0..7 {
        let body = json!({"text": "hello", "conversation_id": format!("s{}", n % 3)});
        let answer = app.post("/api/chat", Some(&key), &body).await.json();
        assert_eq!(answer["conversation_id"], answer["session_id"]);
        assert_eq!(answer["response"], answer["text"]);
    }
    let newest = app
        .get("/api/history?session_id=s0&limit=4", Some(&key))
        .await
        .json();
    assert_eq!(newest["messages"].as_array().unwrap().len(), 4);
    assert_alternates(&app.history(&key, "s0").await);
    assert_eq!(app.history(&key, "s0").await.len(), 6);

    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let page = app
            .get(&format!("/api/sessions?limit=1{after}"), Some(&key))
            .await
            .json();
        listed.extend(page["sessions"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let mut ids: Vec<&str> = listed
        .iter()
        .map(|session| session["session_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["s0", "s1", "s2"]);
    assert!(listed.iter().all(|session| session["preview"] == "hello"));

    let cleared = app
        .post("/api/clear", Some(&key), &json!({"session_id": "s0"}))
        .await
        .json();
    assert_eq!(cleared["cleared"], true);
    let again = app
        .post("/api/clear", Some(&key), &json!({"session_id": "s0"}))
        .await
        .json();
    assert_eq!(again["cleared"], false);
    let gone = app.get("/api/history?session_id=s0", Some(&key)).await;
    assert_eq!(
        (gone.status, gone.error_code().as_str()),
        (StatusCode::NOT_FOUND, "no_such_session")
    );
}

#[tokio::test]
async fn users_do_not_see_each_others_conversations() {
    let app = TestApp::new().await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let bob = app.key("default", "bob", UserRole::Member).await;
    app.post(
        "/api/chat",
        Some(&bob),
        &json!({"message": "hello", "session_id": "s"}),
    )
    .await;
    assert_eq!(
        app.get("/api/history?session_id=s", Some(&ada))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        app.get("/api/sessions", Some(&ada)).await.json()["sessions"],
        json!([])
    );
    app.post("/api/clear", Some(&ada), &json!({"session_id": "s"}))
        .await;
    assert_eq!(app.history(&bob, "s").await.len(), 2);
}

#[tokio::test]
async fn an_invalid_cursor_is_refused() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    app.post(
        "/api/chat",
        Some(&key),
        &json!({"message": "hello", "session_id": "s"}),
    )
    .await;
    for path in [
        "/api/history?session_id=s&after=%00bogus",
        "/api/sessions?after=bogus%ff",
    ] {
        assert_eq!(
            app.get(path, Some(&key)).await.status,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
}
