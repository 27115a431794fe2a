//! Phrases that a tenant adds to its skills' triggers.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use t3nets_router::model::{TenantSettings, UserRole};

use super::{TestApp, add_tenant, json_request, request, send_to};

/// How a message is answered.
async fn answered(routes: &Router, key: &str, message: &str) -> (String, Option<String>) {
    let asked = json_request("/api/chat", Some(key), &json!({"message": message}));
    let answer = send_to(routes, asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = answer.json();
    let route = answer["route"].as_str().unwrap().to_owned();
    (route, answer["skill"].as_str().map(str::to_owned))
}

async fn set(app: &TestApp, key: &str, triggers: Value) -> super::Answer {
    let body = json!({"settings": {"skill_triggers": triggers}});
    let put = request(Method::PUT, "/api/settings", Some(key))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    app.send(put.unwrap()).await
}

#[tokio::test]
async fn a_tenants_own_phrase_runs_its_skill_and_nobody_elses() {
    let app = TestApp::new().await;
    add_tenant(&app.platform, "other", TenantSettings::default()).await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let other = app.key("other", "ada", UserRole::Admin).await;
    let by_rule = ("rule".to_owned(), Some("ping".to_owned()));
    let asked = "hey, are you still awake?";
    assert_eq!(answered(&app.routes, &ada, asked).await.0, "ai");

    let changed = set(&app, &ada, json!(["ping: are you awake"])).await;
    assert_eq!(changed.json()["changed"], json!(["skill_triggers"]));
    // What the router knew of the tenant is seconds old.
    let later = app.another();
    assert_eq!(answered(&later, &ada, asked).await, by_rule);
    assert_eq!(answered(&later, &ada, "ping").await, by_rule);
    assert_eq!(answered(&later, &other, asked).await.0, "ai");
    let more = "are you awake and who wrote the novel Dracula?";
    assert_eq!(answered(&later, &ada, more).await.0, "ai");

    // As it is typed into the page's field.
    set(&app, &ada, json!("ping: roger, ping: copy that")).await;
    let shown = app.get("/api/settings", Some(&ada)).await.json();
    let all = shown["settings"].as_array().unwrap();
    let own = all.iter().find(|one| one["name"] == "skill_triggers");
    assert_eq!(
        own.unwrap()["value"],
        json!(["ping: roger", "ping: copy that"])
    );
    assert_eq!(answered(&app.another(), &ada, "roger?").await, by_rule);
}

#[tokio::test]
async fn phrases_that_cannot_be_triggers_are_refused_with_the_reason() {
    let app = TestApp::new().await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let too_many: Vec<String> = (0..51).map(|n| format!("ping: wake {n}")).collect();
    for (triggers, reason) in [
        (json!(["pong: hello there"]), "names an unknown skill"),
        (
            json!(["sprint_status/blocker: x y"]),
            "did you mean `blockers`?",
        ),
        (json!([1]), "must be up to 50 phrases"),
        (json!(too_many), "must be up to 50 phrases"),
    ] {
        let refused = set(&app, &ada, triggers).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert_eq!(refused.error_code(), "invalid_value");
        let message = refused.json()["error"]["message"].to_string();
        assert!(message.contains(reason), "{message}");
    }
}
