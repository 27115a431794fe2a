//! Stopping a turn, at whichever router.

use axum::http::StatusCode;
use serde_json::json;
use support::model::{Answer as Says, ModelServer};

use super::super::chat::app_with;
use super::super::send_to;
use super::{ask, ask_having_seen, asked, bob, follow, id_of, stop, until_over};

#[tokio::test]
async fn stopping_ends_the_spending_and_keeps_what_was_answered() {
    let model = ModelServer::scripted([Says::text("Half of it").in_chunks(2).held()]).await;
    let (app, key) = app_with(&model).await;
    let body = json!({"message": "think it over", "session_id": "s"});
    let id = id_of(&ask(&app, &key, "one", body).await);
    let more = app.send(follow(&key, &id, 0)).await.json();
    assert!(!more["text"].as_str().unwrap().is_empty());
    let stopped = stop(&app.routes, &key, &id).await.json();
    assert_eq!(stopped["state"], "stopped");
    model.until_cancelled(1).await;
    let history = app.history(&key, "s").await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["content"], "think it over");
    assert_eq!(history[1]["content"], stopped["text"]);
    assert_eq!(history[1]["details"]["stopped"], true);

    let again = stop(&app.routes, &key, &id).await;
    assert_eq!(again.json()["state"], "stopped");
    assert_eq!(app.history(&key, "s").await.len(), 2);
}

#[tokio::test]
async fn another_router_tells_how_far_a_turn_is_and_can_stop_it() {
    let model = ModelServer::scripted([Says::text("Half of it").in_chunks(2).held()]).await;
    let (app, key) = app_with(&model).await;
    let body = json!({"message": "think it over", "session_id": "s"});
    let id = id_of(&ask(&app, &key, "one", body.clone()).await);
    let other = app.another();
    // As soon as it was stored.
    let more = send_to(&other, follow(&key, &id, 0)).await.json();
    assert_eq!(more["state"], "running");
    assert!("Half of it".starts_with(more["text"].as_str().unwrap()));
    let again = send_to(&other, asked(&key, "one", &body)).await;
    assert_eq!((again.status, id_of(&again)), (StatusCode::OK, id.clone()));

    stop(&other, &key, &id).await;
    let (_, last) = until_over(&other, &key, &id).await;
    assert_eq!(last["state"], "stopped");
    model.until_cancelled(1).await;
}

#[tokio::test]
async fn the_message_behind_a_stop_waits_until_the_turn_has_ended() {
    let model = ModelServer::scripted([Says::text("Half").held(), Says::text("Whole")]).await;
    let (app, key) = app_with(&model).await;
    let body = json!({"message": "think it over", "session_id": "s"});
    let id = id_of(&ask(&app, &key, "one", body.clone()).await);
    // As another process does that was asked to stop it: the one that answers hears of it later.
    let turns = &app.platform.turns;
    let owner = bob(&app).await;
    turns
        .ask_to_stop(&owner, &id.parse().unwrap())
        .await
        .unwrap();
    let other = app.another();
    let next = send_to(&other, asked(&key, "two", &body)).await;
    assert_eq!(next.status, StatusCode::CREATED, "{next:?}");
    let (text, _) = until_over(&other, &key, &id_of(&next)).await;
    assert_eq!(text, "Whole");
    let history = app.history(&key, "s").await;
    assert_eq!(history[1]["details"]["stopped"], true, "{history:?}");
}

#[tokio::test]
async fn a_turn_that_ended_before_its_stop_was_heard_does_not_refuse_the_next_message() {
    let answers = [
        Says::text("One."),
        Says::text("Whole").held(),
        Says::text("Two."),
    ];
    let model = ModelServer::scripted(answers).await;
    let (app, key) = app_with(&model).await;
    let ask_with = async |name, seen| ask_having_seen(&app, &key, name, seen).await;
    let first = ask_with("first", None).await;
    until_over(&app.routes, &key, &id_of(&first)).await;
    let seen = app.history(&key, "s").await[1]["at"].clone();
    let second = id_of(&ask_with("second", Some(&seen)).await);
    // As another process does: the one that answers hears of it when it next stores how far it is.
    let owner = bob(&app).await;
    let turns = &app.platform.turns;
    let asked = turns.ask_to_stop(&owner, &second.parse().unwrap()).await;
    asked.unwrap();
    model.release();
    let (_, last) = until_over(&app.routes, &key, &second).await;
    assert_eq!(last["state"], "done");

    // Who did not see the first answer is refused all the same.
    let question = app.history(&key, "s").await[0]["at"].clone();
    let stale = ask_with("stale", Some(&question)).await;
    assert_eq!(stale.error_code(), "conversation_moved_on", "{stale:?}");
    let third = ask_with("third", Some(&seen)).await;
    assert_eq!(third.status, StatusCode::CREATED, "{third:?}");
}
