//! The caller's own conversations.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use t3nets_router::model::UserRole;

use super::clock::ManualClock;
use super::{Setup, TestApp, request, send_to};

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
async fn conversations_are_listed_from_the_newest_on() {
    let clock = ManualClock::at("2026-03-01T12:00:00Z");
    let (app, key) = TestApp::with_member(Setup {
        clock: Some(clock.clone()),
        ..Setup::default()
    })
    .await;
    let mut begun = Vec::new();
    for _ in 0..5 {
        *clock.0.lock().unwrap() += SignedDuration::from_millis(1);
        let answer = app.chat(&key, "hello").await.json();
        begun.insert(0, answer["session_id"].clone());
    }
    for limit in [1, 2, 100] {
        let listed = app.pages("/api/sessions", "sessions", limit, &key).await;
        let ids: Vec<_> = listed
            .iter()
            .map(|each| each["session_id"].clone())
            .collect();
        assert_eq!(ids, begun, "pages of {limit}");
    }
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

    let listed = app.pages("/api/sessions", "sessions", 1, &key).await;
    let ids: Vec<_> = listed.iter().map(|each| &each["session_id"]).collect();
    assert_eq!(ids, ["s2", "s1", "s0"]);
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

#[tokio::test]
async fn conversations_are_gone_once_the_tenants_retention_is_over() {
    let clock = ManualClock::at("2026-03-01T12:00:00Z");
    let app = TestApp::with(Setup {
        clock: Some(clock.clone()),
        ..Setup::default()
    })
    .await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let said = json!({"message": "hello", "session_id": "s"});
    app.post("/api/chat", Some(&admin), &said).await;
    let settings = json!({"settings": {"retention_days": 1}});
    let put = request(Method::PUT, "/api/settings", Some(&admin))
        .header("content-type", "application/json")
        .body(Body::from(settings.to_string()));
    let changed = app.send(put.unwrap()).await;
    assert_eq!(changed.json()["changed"], json!(["retention_days"]));

    // What the router knew of the tenant is seconds old.
    let later = app.another();
    let get = async |path: &str| {
        let get = request(Method::GET, path, Some(&admin));
        send_to(&later, get.body(Body::empty()).unwrap()).await
    };
    *clock.0.lock().unwrap() += SignedDuration::from_hours(23);
    let listed = get("/api/sessions").await.json();
    assert_eq!(listed["sessions"][0]["session_id"], "s");
    *clock.0.lock().unwrap() += SignedDuration::from_hours(1);
    let listed = get("/api/sessions").await.json();
    assert_eq!(listed["sessions"], json!([]));
    let history = get("/api/history?session_id=s").await;
    assert_eq!(history.status, StatusCode::NOT_FOUND);
    let export = get("/api/me/export").await;
    let export = String::from_utf8(export.body.to_vec()).unwrap();
    assert!(!export.contains("hello"), "{export}");
}
