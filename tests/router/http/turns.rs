//! Turns as resources: they outlive the connection that asked for them, and are there once however
//! often they are asked for.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use eventsource_stream::Eventsource;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::admin::Admin;
use t3nets_router::admin::users::LastAdmin;
use t3nets_router::model::{
    ChannelKind, ConversationOwner, StoredTurn, TenantSettings, TurnId, TurnProgress, UserRole,
};
use tower::ServiceExt;

mod stopping;

use super::chat::{app_with, variables};
use super::{Answer, Setup, TestApp, request, send_to, tenant_id};

/// A key for each message of a test.
fn idempotency_key(name: &str) -> String {
    format!("{name}-0123456789abcdef")
}

fn asked(key: &str, name: &str, body: &Value) -> Request<Body> {
    request(Method::POST, "/api/turns", Some(key))
        .header("content-type", "application/json")
        .header("idempotency-key", idempotency_key(name))
        .body(Body::from(body.to_string()))
        .unwrap()
}

async fn ask(app: &TestApp, key: &str, name: &str, body: Value) -> Answer {
    app.send(asked(key, name, &body)).await
}

/// Asks in a conversation whose newest message is, for the caller, of that time.
async fn ask_having_seen(app: &TestApp, key: &str, name: &str, seen: Option<&Value>) -> Answer {
    let body = json!({"message": "think it over", "session_id": "s", "seen": seen});
    ask(app, key, name, body).await
}

fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn follow(key: &str, id: &str, after: usize) -> Request<Body> {
    let path = format!("/api/turns/{id}?after={after}");
    request(Method::GET, &path, Some(key))
        .body(Body::empty())
        .unwrap()
}

/// Whose the turns are that these tests begin.
pub(super) async fn bob(app: &TestApp) -> ConversationOwner {
    let bob = "bob".parse().unwrap();
    let tenants = &app.platform.tenants;
    let user = tenants.user(&tenant_id("default"), &bob).await.unwrap();
    ConversationOwner {
        tenant_id: tenant_id("default"),
        channel: ChannelKind::Api,
        since: user.unwrap().created_at,
        user_id: bob,
        retention: None,
    }
}

/// Asks for more until the turn is over, and returns all its words and the last answer.
async fn until_over(routes: &Router, key: &str, id: &str) -> (String, Value) {
    let (mut text, mut after) = (String::new(), 0);
    loop {
        let more = send_to(routes, follow(key, id, after)).await;
        assert_eq!(more.status, StatusCode::OK, "{more:?}");
        let more = more.json();
        text.push_str(more["text"].as_str().unwrap());
        after = usize::try_from(more["next"].as_u64().unwrap()).unwrap();
        if more["state"] != "running" {
            return (text, more);
        }
    }
}

async fn stop(routes: &Router, key: &str, id: &str) -> Answer {
    let path = format!("/api/turns/{id}");
    let stop = request(Method::DELETE, &path, Some(key));
    send_to(routes, stop.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_turn_is_answered_whether_its_caller_stays_or_not() {
    let model = ModelServer::scripted([Says::text("It is fine.").in_chunks(3)]).await;
    let (app, key) = app_with(&model).await;
    let begun = ask(&app, &key, "one", json!({"message": "think it over"})).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{begun:?}");
    assert_eq!(begun.json()["state"], "running");
    let (text, last) = until_over(&app.routes, &key, &id_of(&begun)).await;
    assert_eq!(
        (text.as_str(), &last["state"]),
        ("It is fine.", &json!("done"))
    );
    assert_eq!(last["answer"]["text"], "It is fine.");
    assert_eq!(last["answer"]["usage"]["output_tokens"], 5);
    let session = begun.json()["session_id"].as_str().unwrap().to_owned();
    let history = app.history(&key, &session).await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[1]["details"]["route"], "ai");
    assert_eq!(history[1]["details"]["usage"]["output_tokens"], 5);
    let list = app.get("/api/sessions", Some(&key)).await.json();
    assert_eq!(list["sessions"][0]["title"], "think it over");
}

#[tokio::test]
async fn the_same_key_again_is_the_same_turn_and_costs_nothing() {
    let model = ModelServer::scripted([Says::text("Once.")]).await;
    let (app, key) = app_with(&model).await;
    let body = json!({"message": "think it over", "session_id": "s"});
    let (one, two) = tokio::join!(
        ask(&app, &key, "same", body.clone()),
        ask(&app, &key, "same", body.clone())
    );
    assert_eq!(id_of(&one), id_of(&two));
    until_over(&app.routes, &key, &id_of(&one)).await;
    let later = ask(&app, &key, "same", body).await;
    assert_eq!(later.status, StatusCode::OK);
    assert_eq!(later.json()["state"], "done");
    assert_eq!(model.requests().len(), 1);
    assert_eq!(app.history(&key, "s").await.len(), 2);

    let other = json!({"message": "something else", "session_id": "s"});
    let other = ask(&app, &key, "same", other).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(other.error_code(), "idempotency_key_reused");
}

#[tokio::test]
async fn a_request_without_a_good_key_begins_nothing() {
    let (app, key) = app_with(&ModelServer::scripted([]).await).await;
    for bad in [
        None,
        Some(""),
        Some("short"),
        Some("with a space in the key"),
    ] {
        let mut asked = request(Method::POST, "/api/turns", Some(&key))
            .header("content-type", "application/json");
        if let Some(bad) = bad {
            asked = asked.header("idempotency-key", bad);
        }
        let body = Body::from(json!({"message": "hello"}).to_string());
        let refused = app.send(asked.body(body).unwrap()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad:?}");
        assert_eq!(refused.error_code(), "invalid_request");
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_cut_without_gap_or_doubling() {
    let words = "Grüezi, the sprint is on track 👋, and two issues wait for a review.";
    let model = ModelServer::scripted([Says::text(words).in_chunks(20).held()]).await;
    let (app, key) = app_with(&model).await;
    let begun = ask(&app, &key, "one", json!({"message": "think it over"})).await;
    let path = format!("/api/turns/{}", id_of(&begun));
    let stream = async |last: Option<&str>| {
        let mut follow =
            request(Method::GET, &path, Some(&key)).header("accept", "text/event-stream");
        if let Some(last) = last {
            follow = follow.header("last-event-id", last);
        }
        let follow = follow.body(Body::empty()).unwrap();
        let response = app.routes.clone().oneshot(follow).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body().into_data_stream().eventsource()
    };
    let mut first = stream(None).await;
    let (mut text, mut last) = (String::new(), String::new());
    let start = first.next().await.unwrap().unwrap();
    assert_eq!(start.event, "start");
    while text.len() < words.len() / 2 {
        let event = first.next().await.unwrap().unwrap();
        let data: Value = serde_json::from_str(&event.data).unwrap();
        text.push_str(data["text"].as_str().unwrap());
        last = event.id;
    }
    drop(first);
    model.release();
    let mut second = stream(Some(&last)).await;
    let mut end = None;
    while let Some(event) = second.next().await {
        let event = event.unwrap();
        let data: Value = serde_json::from_str(&event.data).unwrap();
        match &*event.event {
            "delta" => text.push_str(data["text"].as_str().unwrap()),
            "done" => end = Some(data),
            _ => {}
        }
    }
    assert_eq!(text, words);
    assert_eq!(end.unwrap()["text"], words);
    assert_eq!(model.cancelled(), 0);
}

#[tokio::test]
async fn a_message_to_a_conversation_that_moved_on_is_refused() {
    let model = ModelServer::scripted([Says::text("One."), Says::text("Half").held()]).await;
    let (app, key) = app_with(&model).await;
    let ask_with = async |name, seen| ask_having_seen(&app, &key, name, seen).await;
    let first = ask_with("first", None).await;
    until_over(&app.routes, &key, &id_of(&first)).await;
    let history = app.history(&key, "s").await;
    // The time of the question is not that of the newest message.
    let stale = ask_with("stale", Some(&history[0]["at"])).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert_eq!(stale.error_code(), "conversation_moved_on");

    let fresh = ask_with("fresh", Some(&history[1]["at"])).await;
    assert_eq!(fresh.status, StatusCode::CREATED, "{fresh:?}");
    let during = ask_with("during", Some(&history[1]["at"])).await;
    assert_eq!(during.status, StatusCode::CONFLICT);
    assert_eq!(during.error_code(), "turn_under_way");
    assert_eq!(during.json()["error"]["turn_id"], id_of(&fresh));
    let list = app.get("/api/turns?session_id=s", Some(&key)).await.json();
    assert_eq!(list["turns"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["turns"][0]["message"], "think it over");
    let elsewhere = app.get("/api/turns?session_id=t", Some(&key)).await.json();
    assert_eq!(elsewhere["turns"], json!([]));
}

#[tokio::test]
async fn a_question_asked_anew_begins_a_conversation_and_leaves_the_old_one() {
    let answers = ["One.", "Two.", "Two, better."].map(Says::text);
    let model = ModelServer::scripted(answers).await;
    let (app, key) = app_with(&model).await;
    for (name, message) in [("a", "think of one"), ("b", "think of two")] {
        let body = json!({"message": message, "session_id": "old"});
        let begun = ask(&app, &key, name, body).await;
        until_over(&app.routes, &key, &id_of(&begun)).await;
    }
    let branch = json!({"session_id": "old", "messages": 2});
    let body = json!({"message": "think of two, please", "branch": branch});
    let begun = ask(&app, &key, "c", body).await;
    until_over(&app.routes, &key, &id_of(&begun)).await;
    let session = begun.json()["session_id"].as_str().unwrap().to_owned();
    assert_ne!(session, "old");
    let said = |history: Vec<Value>| -> Vec<String> {
        let messages = history.iter();
        messages
            .map(|message| message["content"].as_str().unwrap().to_owned())
            .collect()
    };
    let new = [
        "think of one",
        "One.",
        "think of two, please",
        "Two, better.",
    ];
    assert_eq!(said(app.history(&key, &session).await), new);
    assert_eq!(app.history(&key, "old").await.len(), 4);
    // The model was told how it began, and not of the question that was replaced.
    let asked = model.requests().last().unwrap().body["messages"].to_string();
    assert!(
        asked.contains("think of one") && !asked.contains("Two."),
        "{asked}"
    );

    for (branch, code) in [
        (
            json!({"session_id": "old", "messages": 9}),
            "conversation_moved_on",
        ),
        (
            json!({"session_id": "nothing", "messages": 1}),
            "no_such_session",
        ),
    ] {
        let name = format!("bad-{code}");
        let body = json!({"message": "think", "branch": branch});
        let begun = ask(&app, &key, &name, body).await;
        let (_, last) = until_over(&app.routes, &key, &id_of(&begun)).await;
        assert_eq!(last["error"]["code"], code, "{last}");
    }
}

#[tokio::test]
async fn a_turn_whose_router_is_gone_is_broken_off() {
    let (app, key) = app_with(&ModelServer::scripted([]).await).await;
    let owner = bob(&app).await;
    let then = Timestamp::now() - SignedDuration::from_secs(30);
    let turn = StoredTurn {
        id: TurnId::of_key(&idempotency_key("lost")),
        owner,
        session_id: "s".parse().unwrap(),
        message: "think it over".to_owned(),
        started_at: then,
        progress: TurnProgress {
            text: "Half of".to_owned(),
            ..TurnProgress::begun(then)
        },
        is_stopping: false,
    };
    app.platform.turns.begin(&turn).await.unwrap();
    let (text, last) = until_over(&app.routes, &key, turn.id.as_str()).await;
    assert_eq!(
        (text.as_str(), &last["state"]),
        ("Half of", &json!("broken_off"))
    );
    let list = app.get("/api/turns", Some(&key)).await.json();
    assert_eq!(list["turns"][0]["state"], "broken_off");
    // It is in nobody's way.
    let body = json!({"message": "hello", "session_id": "s"});
    let next = ask(&app, &key, "next", body).await;
    assert_eq!(next.status, StatusCode::CREATED, "{next:?}");
}

#[tokio::test]
async fn a_turn_that_fails_says_why_and_leaves_nothing() {
    let model = ModelServer::scripted([Says::text("Half of").then_error("overloaded")]).await;
    let (app, key) = app_with(&model).await;
    let body = json!({"message": "think it over", "session_id": "s"});
    let begun = ask(&app, &key, "one", body).await;
    let (_, last) = until_over(&app.routes, &key, &id_of(&begun)).await;
    assert_eq!(last["state"], "failed");
    let error = &last["error"];
    assert!(
        error["code"].as_str().unwrap().starts_with("model_"),
        "{error}"
    );
    assert!(error["status"].as_u64().unwrap() >= 500, "{error}");
    assert_eq!(app.history(&key, "s").await.len(), 0);
}

#[tokio::test]
async fn a_turn_past_the_days_limit_says_when_it_resets() {
    let settings = TenantSettings {
        messages_per_day: Some(0),
        ..TenantSettings::default()
    };
    let (app, key) = TestApp::with_member(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let begun = ask(&app, &key, "one", json!({"message": "hello"})).await;
    let (_, last) = until_over(&app.routes, &key, &id_of(&begun)).await;
    let error = &last["error"];
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!("daily_limit_reached"), &json!(429))
    );
    let seconds = error["retry_after_seconds"].as_u64().unwrap();
    assert!((1..=86_400).contains(&seconds), "{error}");
}

#[tokio::test]
async fn nobody_sees_or_stops_anothers_turn() {
    let model = ModelServer::scripted([Says::text("Half of it").in_chunks(2).held()]).await;
    let app = TestApp::with(Setup {
        anonymous: true,
        ai: variables(&model),
        ..Setup::default()
    })
    .await;
    let bob = app.key("default", "bob", UserRole::Member).await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let begun = ask(&app, &bob, "one", json!({"message": "think it over"})).await;
    let id = id_of(&begun);
    for key in [Some(&*ada), None] {
        let path = format!("/api/turns/{id}");
        for method in [Method::GET, Method::DELETE] {
            let other = request(method, &path, key).body(Body::empty()).unwrap();
            let other = app.send(other).await;
            assert_eq!(other.status, StatusCode::NOT_FOUND);
            assert_eq!(other.error_code(), "no_such_turn");
        }
    }
    let list = app.get("/api/turns", Some(&ada)).await.json();
    assert_eq!(list["turns"], json!([]));
    assert_eq!(model.cancelled(), 0);
    model.release();
    until_over(&app.routes, &bob, &id).await;
}

#[tokio::test]
async fn nothing_of_a_turn_is_left_of_a_user_who_was_removed() {
    let model = ModelServer::scripted([Says::text("Half of it").in_chunks(2).held()]).await;
    let (app, key) = app_with(&model).await;
    let body = json!({"message": "think it over", "session_id": "s"});
    let begun = ask(&app, &key, "one", body).await;
    assert_eq!(begun.status, StatusCode::CREATED);
    let admin = Admin::new(app.platform.clone(), "operator:test");
    let bob = "bob".parse().unwrap();
    admin
        .remove_user(&tenant_id("default"), &bob, LastAdmin::Keep)
        .await
        .unwrap();
    // Its router notices when it stores how far it is.
    model.until_cancelled(1).await;
    app.drained().await;
    let owner = ConversationOwner {
        tenant_id: tenant_id("default"),
        channel: ChannelKind::Api,
        user_id: bob,
        since: None,
        retention: None,
    };
    let now = Timestamp::now();
    assert_eq!(app.platform.turns.turns(&owner, now).await.unwrap(), []);
}
