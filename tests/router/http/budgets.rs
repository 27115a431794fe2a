//! Budgets: what a turn may use is held before a model is asked, and settled by what it used.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use support::TestServer;
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::{TenantSettings, UserRole};

use super::chat::variables;
use super::{Setup, TestApp};

/// A router whose model answers so, with these settings, and a member's key.
async fn app_with(model: &ModelServer, settings: Value) -> (TestApp, String) {
    let app = TestApp::with(Setup {
        ai: variables(model),
        settings: TenantSettings {
            max_tokens_per_message: Some(100),
            ..TenantSettings::default()
        },
        ..Setup::default()
    })
    .await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let body = json!({ "settings": settings });
    let set = app
        .send_json(Method::PUT, "/api/settings", &admin, &body)
        .await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    let key = app.key("default", "bob", UserRole::Member).await;
    (app, key)
}

/// Asks until it is refused, each question in a conversation of its own: what the answers used, and
/// the refusal.
async fn until_refused(app: &TestApp, key: &str) -> (Vec<Value>, super::Answer) {
    let mut answered = Vec::new();
    for _ in 0..50 {
        let answer = app.chat(key, "think it over").await;
        if answer.status != StatusCode::OK {
            return (answered, answer);
        }
        answered.push(answer.json()["usage"].clone());
        app.drained().await;
    }
    panic!("nothing was refused");
}

async fn budgets(app: &TestApp, key: &str) -> Vec<Value> {
    let usage = app.get("/api/usage", Some(key)).await.json();
    usage["limits"]["budgets"].as_array().unwrap().clone()
}

#[tokio::test]
async fn tokens_and_dollars_are_held_before_a_model_is_asked_and_settled_after_it() {
    let cases = [
        ("tokens_per_day", json!(10_000), "today"),
        ("usd_per_month", json!(0.05), "this month"),
        ("user_tokens_per_month", json!(10_000), "this month"),
        ("key_usd_per_day", json!(0.05), "today"),
    ];
    for (name, most, when) in cases {
        let model = ModelServer::answering(|_| Says::text("Well.").usage(900, 100)).await;
        let (app, key) = app_with(&model, json!({ name: most })).await;
        let (answered, refused) = until_refused(&app, &key).await;
        assert_eq!(
            (refused.status, &*refused.error_code()),
            (StatusCode::TOO_MANY_REQUESTS, "budget_reached"),
            "{name}: {refused:?}"
        );
        assert!(refused.headers.contains_key("retry-after"), "{name}");
        let hint = refused.json()["error"]["hint"].to_string();
        assert!(hint.contains(when), "{name}: {hint}");
        assert_eq!(
            model.requests().len(),
            answered.len(),
            "{name}: nothing was asked"
        );
        let all = budgets(&app, &key).await;
        let budget = all.iter().find(|one| one["name"] == name).unwrap();
        let (used, limit) = (budget["used"].as_f64().unwrap(), most.as_f64().unwrap());
        let expected: f64 = answered
            .iter()
            .map(|usage| match name.contains("usd") {
                true => usage["cost_usd"].as_f64().unwrap(),
                false => {
                    (usage["input_tokens"].as_u64().unwrap()
                        + usage["output_tokens"].as_u64().unwrap()) as f64
                }
            })
            .sum();
        assert!((used - expected).abs() < 1e-9, "{name}: {budget}");
        assert!(used <= limit, "{name}: {budget}");
        // What is left is less than what a turn may come to.
        assert!(answered.len() >= 6, "{name}: {answered:?}");
    }
}

#[tokio::test]
async fn each_user_has_as_much_and_a_refusal_says_whose_it_is() {
    let model = ModelServer::scripted([]).await;
    let (app, bob) = app_with(&model, json!({"user_messages_per_day": 2})).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    for key in [&bob, &admin] {
        for _ in 0..2 {
            assert_eq!(app.chat(key, "hello").await.status, StatusCode::OK);
            app.drained().await;
        }
        let refused = app.chat(key, "hello").await;
        assert_eq!(refused.error_code(), "daily_limit_reached");
        assert_eq!(
            refused.json()["error"]["message"],
            "the daily limit of 2 messages for each user is reached"
        );
    }
    // Who has used much is seen by the administrator.
    let usage = app
        .get("/api/admin/usage?days=1", Some(&admin))
        .await
        .json();
    let near: Vec<_> = usage["budgets"].as_array().unwrap().iter().collect();
    let near: Vec<_> = near
        .iter()
        .filter(|one| one["is_warning"] == true)
        .map(|one| {
            (
                one["name"].as_str(),
                one["of"].as_str(),
                one["used"].as_u64(),
            )
        })
        .collect();
    let of = |user| (Some("user_messages_per_day"), Some(user), Some(2));
    assert_eq!(near, [of("ada"), of("bob")]);
}

#[tokio::test]
async fn one_user_or_key_has_a_budget_of_its_own_and_the_others_what_each_has() {
    let model = ModelServer::scripted([]).await;
    let general = json!({"user_messages_per_day": 3, "key_messages_per_day": 2});
    let (app, _) = app_with(&model, general).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let body = json!({"user_id": "bob", "budgets": {"messages_per_day": "unlimited"}});
    let made = app
        .post("/api/admin/keys", Some(&admin), &body)
        .await
        .json();
    let (key, prefix) = (
        made["key"].as_str().unwrap(),
        made["prefix"].as_str().unwrap(),
    );
    assert_eq!(made["budgets"], body["budgets"], "{made}");
    let edits = json!({"budgets": {"messages_per_day": 4, "usd_per_day": 5}});
    let bob = "/api/admin/users/bob";
    let set = app
        .send_json(Method::PATCH, bob, &admin, &edits)
        .await
        .json();
    let changed = json!(["budget messages_per_day", "budget usd_per_day"]);
    assert_eq!(
        (&set["changed"], &set["budgets"]),
        (&changed, &edits["budgets"])
    );
    let away = json!({"budgets": {"usd_per_day": null}});
    let set = app
        .send_json(Method::PATCH, bob, &admin, &away)
        .await
        .json();
    assert_eq!(set["budgets"], json!({"messages_per_day": 4}));

    let until_refused = async |key: &str| {
        for asked in 0..9 {
            let answer = app.chat(key, "hello").await;
            if answer.status != StatusCode::OK {
                return (asked, answer.json()["error"]["message"].clone());
            }
            app.drained().await;
        }
        panic!("nothing was refused");
    };
    let of_bob = json!("the daily limit of 4 messages for this user is reached");
    assert_eq!(until_refused(key).await, (4, of_bob));
    let of_key = json!("the daily limit of 2 messages for each key is reached");
    assert_eq!(until_refused(&admin).await, (2, of_key));
    // How it stands is seen by himself and by the administrator.
    let theirs = budgets(&app, key).await;
    let theirs: Vec<_> = theirs
        .iter()
        .filter(|one| one["payer"] != "tenant")
        .collect();
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    let usage = app
        .get("/api/admin/usage?days=1", Some(&admin))
        .await
        .json();
    let all = usage["budgets"].as_array().unwrap();
    let seen = all.iter().find(|one| one["of"] == "bob").unwrap();
    assert_eq!(seen, theirs[0]);
    assert_eq!(
        (&seen["is_own"], &seen["used"], &seen["limit"]),
        (&json!(true), &json!(4), &json!(4))
    );

    // A key of its own, and nothing but a budget.
    let path = format!("/api/admin/keys/{prefix}");
    let less = json!({"budgets": {"messages_per_day": 1}});
    let set = app.send_json(Method::PATCH, &path, &admin, &less);
    let set = set.await.json();
    assert_eq!(set["budgets"], json!({"messages_per_day": 1}), "{set}");
    for wrong in [
        json!({"name": "other"}),
        json!({"budgets": {"user_usd_per_day": 1}}),
        json!({"budgets": {"usd_per_day": "five"}}),
    ] {
        let refused = app.send_json(Method::PATCH, &path, &admin, &wrong).await;
        assert!(refused.status.is_client_error(), "{wrong}: {refused:?}");
    }
    let trail = app.get("/api/admin/audit", Some(&admin)).await.json();
    let target = format!("{prefix} of bob (budget messages_per_day)");
    let is_it = |entry: &&Value| entry["action"] == "key.set" && entry["target"] == *target;
    assert!(
        trail["entries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| is_it(&entry)),
        "{trail}"
    );
}

#[tokio::test]
async fn an_admin_sees_what_one_used_of_each_budget_and_overwrites_nobodys_change() {
    let model = ModelServer::scripted([]).await;
    let general = json!({"user_messages_per_day": 3, "key_messages_per_month": 9});
    let (app, key) = app_with(&model, general).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    for _ in 0..2 {
        assert_eq!(app.chat(&key, "hello").await.status, StatusCode::OK);
        app.drained().await;
    }
    let of = async |path: &str, name: &str| {
        let path = format!("/api/admin/{path}/budgets");
        let told = app.get(&path, Some(&admin)).await.json();
        let all = told["budgets"].as_array().unwrap().clone();
        assert_eq!(all.len(), 6, "{told}");
        let one = all.into_iter().find(|one| one["name"] == name).unwrap();
        ["own", "everyones", "limit", "used", "is_warning"].map(|field| one[field].clone())
    };
    let nothing = Value::Null;
    let (day, month) = ("messages_per_day", "messages_per_month");
    let none_own = [nothing.clone(), json!(3), json!(3), json!(2), json!(false)];
    assert_eq!(of("users/bob", day).await, none_own);
    let keys = app.get("/api/admin/keys", Some(&admin)).await.json();
    let keys = keys["keys"].as_array().unwrap();
    let his = keys.iter().find(|key| key["user_id"] == "bob").unwrap();
    let his = format!("keys/{}", his["hash"].as_str().unwrap());
    let of_key = [nothing.clone(), json!(9), json!(9), json!(2), json!(false)];
    assert_eq!(of(&his, month).await, of_key);
    assert_eq!(of("users/ada", day).await[3], json!(0));

    for path in ["users/bob", &his] {
        let change = async |value: Value, seen: Value| {
            let body = json!({"budgets": {day: value}, "budgets_seen": {day: seen}});
            let path = format!("/api/admin/{path}");
            app.send_json(Method::PATCH, &path, &admin, &body).await
        };
        let set = change(json!(2), nothing.clone()).await;
        assert_eq!(set.status, StatusCode::OK, "{set:?}");
        let own = of(path, day).await;
        assert_eq!((&own[0], &own[2]), (&json!(2), &json!(2)));
        assert_eq!((&own[3], &own[4]), (&json!(2), &json!(true)));
        // Another saw none, and decided on that.
        let refused = change(json!(5), nothing.clone()).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
        let error = &refused.json()["error"];
        assert_eq!(error["code"], "changed");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.ends_with("`budget messages_per_day` is now `2`"),
            "{message}"
        );
        // What is wanted is there already: nothing to refuse.
        assert_eq!(
            change(json!(2), nothing.clone()).await.json()["changed"],
            json!([])
        );
        assert_eq!(
            change(json!("unlimited"), json!(2)).await.status,
            StatusCode::OK
        );
        assert_eq!(of(path, day).await[2], nothing);
        assert_eq!(
            change(nothing.clone(), json!("unlimited")).await.status,
            StatusCode::OK
        );
    }
    let gone = app
        .get("/api/admin/users/nobody/budgets", Some(&admin))
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let member = app.get("/api/admin/users/bob/budgets", Some(&key)).await;
    assert_eq!(member.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_answer_warns_once_four_fifths_are_used() {
    let model = ModelServer::scripted([]).await;
    let (app, key) = app_with(&model, json!({"key_messages_per_month": 5})).await;
    for (asked, is_warning) in [(1, false), (2, false), (3, false), (4, true), (5, true)] {
        let answer = app.chat(&key, "hello").await.json();
        app.drained().await;
        let warnings = &answer["budget_warnings"];
        let Some(warning) = warnings.get(0) else {
            assert!(!is_warning, "{asked}: {answer}");
            continue;
        };
        assert!(is_warning, "{asked}: {answer}");
        assert_eq!(warning["name"], "key_messages_per_month");
        assert_eq!(
            (&warning["used"], &warning["limit"]),
            (&json!(asked), &json!(5))
        );
    }
}

#[tokio::test]
async fn a_budget_in_dollars_is_not_kept_by_a_model_without_a_price() {
    let model = ModelServer::answering(|_| Says::text("Well.")).await;
    let (app, key) = app_with(&model, json!({"usd_per_day": 5})).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let other =
        json!({"settings": {"ai_provider": "anthropic", "ai_model": "claude-of-tomorrow-9"}});
    let set = app
        .send_json(Method::PUT, "/api/settings", &admin, &other)
        .await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    let refused = app.chat(&key, "think it over").await;
    assert_eq!(
        (refused.status, &*refused.error_code()),
        (StatusCode::CONFLICT, "model_misconfigured"),
        "{refused:?}"
    );
    assert_eq!(model.requests().len(), 0);
    // Small talk asks nobody.
    assert_eq!(app.chat(&key, "hello").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_turn_that_comes_to_more_than_is_left_ends_before_its_next_call() {
    let model = ModelServer::answering(|call| {
        let is_first = call.body["messages"].as_array().unwrap().len() == 1;
        match is_first {
            true => Says::tool("t1", "ping", json!({})).usage(9_800, 100),
            false => Says::text("It answers.").usage(100, 100),
        }
    })
    .await;
    let (app, key) = app_with(&model, json!({"tokens_per_day": 10_000})).await;
    let refused = app.chat(&key, "think it over").await;
    assert_eq!(refused.error_code(), "budget_reached", "{refused:?}");
    assert_eq!(
        refused.json()["error"]["message"],
        "too little is left of the daily limit of 10000 tokens for an answer"
    );
    assert_eq!(model.requests().len(), 1);
    app.drained().await;
    let all = budgets(&app, &key).await;
    assert_eq!(all[1]["used"], 9_900, "{all:?}");
}

#[tokio::test]
async fn an_attempt_that_failed_counts_before_the_next_is_made() {
    let model = ModelServer::answering(|_| Says::text("").usage(9_800, 0).then_cut()).await;
    let (app, key) = app_with(&model, json!({"tokens_per_day": 10_000})).await;
    let refused = app.chat(&key, "think it over").await;
    assert_eq!(refused.error_code(), "budget_reached", "{refused:?}");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn a_long_conversation_is_answered_as_long_as_what_it_really_comes_to_is_left() {
    let model = ModelServer::answering(|_| Says::text("Well.").usage(500, 100)).await;
    // Less than the longest conversation would come to.
    let (app, key) = app_with(&model, json!({"tokens_per_day": 9_000})).await;
    let mut session = Value::Null;
    for _ in 0..3 {
        let body = match &session {
            Value::Null => json!({"message": "think it over"}),
            session => json!({"message": "and then?", "session_id": session}),
        };
        let answer = app.post("/api/chat", Some(&key), &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        session = answer.json()["session_id"].clone();
        app.drained().await;
    }
    let all = budgets(&app, &key).await;
    assert_eq!(all[1]["used"], 1_800, "{all:?}");
}

/// A webhook that answers each post with the next of these, the last one again and again.
async fn webhook(statuses: &'static [u16]) -> (TestServer, Arc<Mutex<Vec<Value>>>) {
    let received = Arc::<Mutex<Vec<Value>>>::default();
    let heard = received.clone();
    let routes = Router::new().fallback(move |body: axum::Json<Value>| {
        let mut heard = heard.lock().unwrap();
        let status = statuses[heard.len().min(statuses.len() - 1)];
        heard.push(body.0);
        std::future::ready(StatusCode::from_u16(status).unwrap())
    });
    (TestServer::start(routes).await, received)
}

#[tokio::test]
async fn the_operators_webhook_is_told_once_of_each_mark() {
    let model = ModelServer::scripted([]).await;
    let (server, received) = webhook(&[200]).await;
    let app = TestApp::with(Setup {
        ai: variables(&model),
        budget_webhook: Some(server.url()),
        ..Setup::default()
    })
    .await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let limits = json!({"settings": {"messages_per_day": 5, "user_messages_per_month": 5}});
    app.send_json(Method::PUT, "/api/settings", &admin, &limits)
        .await;
    for _ in 0..6 {
        app.chat(&admin, "hello").await;
    }
    app.drained().await;
    let heard = received.lock().unwrap().clone();
    let told: Vec<_> = heard
        .iter()
        .map(|event| {
            (
                event["budget"]["name"].as_str().unwrap(),
                &event["threshold_percent"],
            )
        })
        .collect();
    let mut told: Vec<_> = told
        .into_iter()
        .map(|(name, percent)| (name, percent.as_u64()))
        .collect();
    told.sort_unstable();
    let of = |name: &'static str| [(name, Some(80)), (name, Some(100))];
    let all = [of("messages_per_day"), of("user_messages_per_month")].concat();
    assert_eq!(told, all, "{heard:?}");
    let is_ada =
        |event: &&Value| event["budget"]["of"] == "ada" && event["threshold_percent"] == 80;
    let event = heard.iter().find(is_ada).unwrap();
    assert_eq!(event["type"], "budget.threshold_crossed");
    assert_eq!(
        (&event["tenant_id"], &event["environment"]),
        (&json!("default"), &json!("local"))
    );
    assert_eq!(
        (&event["budget"]["used"], &event["budget"]["limit"]),
        (&json!(4), &json!(5))
    );
    let id = event["id"].as_str().unwrap();
    assert!(
        id.starts_with("default/user_messages_per_month/ada/") && id.ends_with("-01/80"),
        "{id}"
    );
}

#[tokio::test]
async fn a_webhook_that_fails_is_asked_again_and_no_answer_waits_for_it() {
    for (statuses, posts) in [(&[503, 200][..], 2), (&[400], 1), (&[500], 3)] {
        let model = ModelServer::scripted([]).await;
        let (server, received) = webhook(statuses).await;
        let app = TestApp::with(Setup {
            ai: variables(&model),
            budget_webhook: Some(server.url()),
            settings: TenantSettings {
                messages_per_day: Some(1),
                ..TenantSettings::default()
            },
            ..Setup::default()
        })
        .await;
        let key = app.key("default", "bob", UserRole::Member).await;
        assert_eq!(app.chat(&key, "hello").await.status, StatusCode::OK);
        // Ending ends its pauses.
        app.drained().await;
        let heard = received.lock().unwrap().clone();
        let of_first = heard
            .iter()
            .filter(|event| event["threshold_percent"] == 80);
        assert_eq!(of_first.count(), posts, "{statuses:?}");
    }
}
