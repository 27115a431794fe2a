//! Requests that are sent again under their `Idempotency-Key`.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::{StoredTurn, TurnId, TurnProgress, UserRole};
use tower::ServiceExt;

use super::super::chat::app_with;
use super::super::send_to;
use super::super::turns::bob;
use super::{Answer, app_on, body, refusal, request, used, user, weather};

fn named(key: &str, name: &str, body: &Value) -> Request<Body> {
    request(Method::POST, "/v1/chat/completions", Some(key))
        .header("content-type", "application/json")
        .header("idempotency-key", name)
        .body(Body::from(body.to_string()))
        .unwrap()
}

async fn ask(routes: &Router, key: &str, name: &str, body: &Value) -> Answer {
    send_to(routes, named(key, name, body)).await
}

fn think(more: Value) -> Value {
    body(json!([user("think it over")]), more)
}

#[tokio::test]
async fn the_same_request_again_gets_the_first_answer_of_any_process_and_is_charged_once() {
    let model = ModelServer::scripted([Says::text("Once.")]).await;
    let (app, key) = app_with(&model).await;
    let first = ask(&app.routes, &key, "k", &think(json!({}))).await;
    assert_eq!(first.status, StatusCode::OK, "{first:?}");
    let again = ask(&app.another(), &key, "k", &think(json!({}))).await;
    assert_eq!(again.json(), first.json(), "also its id");
    // Another request under the key.
    let form = json!({"response_format": {"type": "json_object"}});
    for other in [json!({"max_tokens": 5}), form] {
        let other = ask(&app.routes, &key, "k", &think(other)).await;
        assert_eq!(
            refusal(&other),
            (422, "idempotency_key_reused".to_owned(), None)
        );
    }
    // Another user's key of the same name is another one.
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let hers = ask(&app.routes, &ada, "k", &think(json!({}))).await;
    assert_eq!(hers.status, StatusCode::BAD_GATEWAY, "the script is over");
    for unusable in ["", "a b", &"k".repeat(256)] {
        let refused = ask(&app.routes, &key, unusable, &think(json!({}))).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    // It is no turn and no conversation.
    for (path, name) in [("/api/turns", "turns"), ("/api/sessions", "sessions")] {
        let list = app.get(path, Some(&key)).await.json();
        assert_eq!(list[name], json!([]), "{path}");
    }
    assert_eq!(used(&app).await.messages, 2);
}

#[tokio::test]
async fn a_streamed_answer_is_streamed_again_with_its_calls() {
    let model = ModelServer::scripted([Says::text("Let me look.").in_chunks(3).and_tool(
        "t1",
        "get_weather",
        json!({}),
    )])
    .await;
    let (app, key) = app_on(&model).await;
    let asked = think(
        json!({"stream": true, "tools": weather(), "stream_options": {"include_usage": true}}),
    );
    let mut seen = Vec::new();
    for _ in 0..2 {
        let answer = ask(&app.routes, &key, "k", &asked).await;
        assert_eq!(answer.status, StatusCode::OK);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let chunks: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
            .collect();
        assert!(text.trim_end().ends_with("data: [DONE]"));
        let words: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        let calls: Vec<Value> = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"].get("tool_calls").cloned())
            .collect();
        let usage = chunks.last().unwrap()["usage"].clone();
        seen.push((chunks[0]["id"].clone(), words, calls, usage));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].1, "Let me look.");
    assert_eq!(used(&app).await.messages, 1);
}

#[tokio::test]
async fn whoever_comes_again_while_the_first_is_answered_waits_for_it_though_its_client_is_gone() {
    let model = ModelServer::scripted([Says::text("Half of it, and the rest.").held()]).await;
    let (app, key) = app_with(&model).await;
    let asked = think(json!({"stream": true}));
    // The first client sees the beginning, and goes.
    let response = app
        .routes
        .clone()
        .oneshot(named(&key, "k", &asked))
        .await
        .unwrap();
    let mut stream = response.into_body().into_data_stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let other = app.another();
    let again = ask(&other, &key, "k", &asked);
    let (again, ()) = tokio::join!(again, async {
        tokio::task::yield_now().await;
        model.release();
    });
    let text = String::from_utf8(again.body.to_vec()).unwrap();
    assert!(text.contains("Half of it, and the rest."), "{text}");
    assert_eq!((model.requests().len(), model.cancelled()), (1, 0));
    assert_eq!(used(&app).await.messages, 1);
}

#[tokio::test]
async fn two_at_once_are_one() {
    let model = ModelServer::scripted([Says::text("Once.").held()]).await;
    let (app, key) = app_with(&model).await;
    let other = app.another();
    let asked = think(json!({}));
    let (one, two, ()) = tokio::join!(
        ask(&app.routes, &key, "k", &asked),
        ask(&other, &key, "k", &asked),
        async {
            model.until_called(1).await;
            model.release();
        }
    );
    assert_eq!(one.json(), two.json());
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn what_failed_is_tried_anew_under_the_same_key() {
    let model =
        ModelServer::scripted([Says::openai_error(400, "", "not today"), Says::text("Now.")]).await;
    let (app, key) = app_on(&model).await;
    let failed = ask(&app.routes, &key, "k", &think(json!({}))).await;
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
    let list = app.get("/api/turns", Some(&key)).await.json();
    assert_eq!(list["turns"], json!([]), "it is no turn");
    let again = ask(&app.another(), &key, "k", &think(json!({}))).await;
    assert_eq!(again.json()["choices"][0]["message"]["content"], "Now.");
    let third = ask(&app.routes, &key, "k", &think(json!({}))).await;
    assert_eq!(third.json(), again.json());
    let used = used(&app).await;
    assert_eq!(
        used.messages, 2,
        "a failed turn counts as a message, as everywhere"
    );
}

#[tokio::test]
async fn one_whose_process_is_gone_is_answered_anew() {
    let model = ModelServer::scripted([Says::text("Another."), Says::text("Now.")]).await;
    let (app, key) = app_with(&model).await;
    let asked = think(json!({}));
    ask(&app.routes, &key, "another", &asked).await;
    let owner = bob(&app).await;
    let turns = &app.platform.turns;
    let like = turns
        .turns(&owner, Timestamp::now())
        .await
        .unwrap()
        .remove(0);
    // As a process leaves it that was killed.
    let then = Timestamp::now() - SignedDuration::from_secs(20);
    let lost = StoredTurn {
        id: TurnId::of_key("v1 0 k"),
        progress: TurnProgress {
            is_completion: true,
            ..TurnProgress::begun(then)
        },
        ..like
    };
    assert_eq!(turns.begin(&lost).await.unwrap(), None);
    let answer = ask(&app.routes, &key, "k", &asked).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Now.");
}
