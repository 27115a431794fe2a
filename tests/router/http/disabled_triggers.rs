//! Built-in triggers that a tenant switches off.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use t3nets_router::model::{TenantSettings, UserRole};
use t3nets_router::ports::Change;

use super::{Answer, TestApp, add_tenant, audit, tenant_id};

async fn switch(app: &TestApp, key: &str, body: Value) -> Answer {
    app.send_json(Method::PATCH, "/api/admin/triggers", key, &body)
        .await
}

/// The triggers that are listed in this state, by phrase.
fn in_state(listed: &Value, state: &str) -> Vec<Value> {
    let all = listed["triggers"].as_array().unwrap().iter();
    let those = all.filter(|one| one["state"] == state);
    those.map(|one| one["phrase"].clone()).collect()
}

/// Route and words of an answer, of a router that knows the tenant as it is now.
async fn answered(app: &TestApp, key: &str, message: &str) -> (String, String) {
    let asked = super::json_request("/api/chat", Some(key), &json!({"message": message}));
    let answer = super::send_to(&app.another(), asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = answer.json();
    let text = |field: &str| answer[field].as_str().unwrap().to_owned();
    (text("route"), text("text"))
}

#[tokio::test]
async fn what_is_switched_off_takes_no_message_of_its_tenant_and_is_not_suggested() {
    let app = TestApp::new().await;
    add_tenant(&app.platform, "other", TenantSettings::default()).await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let other = app.key("other", "ada", UserRole::Admin).await;
    let (route, _) = answered(&app, &ada, "ping").await;
    assert_eq!(route, "rule");
    let (_, suggested) = answered(&app, &ada, "pnig it").await;
    assert!(suggested.contains("\"ping\""), "{suggested}");

    let switched = switch(&app, &ada, json!({"disable": ["Ping"]})).await;
    assert_eq!(switched.status, StatusCode::OK, "{switched:?}");
    let switched = switched.json();
    assert_eq!(switched["changed"], json!(["disabled_triggers"]));
    assert_eq!(in_state(&switched, "disabled"), ["ping"]);
    let (route, words) = answered(&app, &ada, "ping").await;
    assert_eq!(route, "ai");
    assert!(!words.contains("\"ping\""), "{words}");
    let (_, suggested) = answered(&app, &ada, "pnig it").await;
    assert!(!suggested.contains("\"ping\""), "{suggested}");
    assert_eq!(answered(&app, &other, "ping").await.0, "rule");

    // A phrase of the tenant's own is not the built-in one.
    let own = json!({"settings": {"skill_triggers": ["ping: ping me"]}});
    let set = app
        .send_json(Method::PUT, "/api/settings", &ada, &own)
        .await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    assert_eq!(answered(&app, &ada, "ping me").await.0, "rule");

    let again = switch(&app, &ada, json!({"disable": ["ping: ping"]})).await;
    assert_eq!(again.json()["changed"], json!([]));
    let on = switch(&app, &ada, json!({"enable": ["ping"]})).await.json();
    assert!(in_state(&on, "disabled").is_empty());
    assert_eq!(answered(&app, &ada, "ping").await.0, "rule");

    let trail = app.get("/api/admin/audit", Some(&ada)).await.json();
    let changes = trail["entries"].as_array().unwrap().iter();
    let changes = changes.filter(|entry| {
        entry["action"] == "tenant.set"
            && entry["target"].to_string().contains("disabled_triggers")
            && entry["actor"] == "user:ada"
    });
    assert_eq!(changes.count(), 2, "{trail}");
}

#[tokio::test]
async fn it_is_told_which_trigger_a_message_fires() {
    let app = TestApp::new().await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let fires = async |message: &str| {
        let path = format!(
            "/api/admin/triggers?message={}",
            message.replace(' ', "%20")
        );
        let told = app.get(&path, Some(&ada)).await.json();
        told.get("fires").cloned().unwrap()
    };
    let board = fires("the sprint board please").await;
    assert_eq!(board["phrase"], "sprint board");
    assert_eq!(board["skill"], "sprint_status");
    assert_eq!(board["action"], "status");
    assert_eq!(board["origin"], "built_in");
    assert_eq!(fires("who wrote the novel Dracula").await, Value::Null);
    switch(&app, &ada, json!({"disable": ["sprint board"]})).await;
    assert_ne!(
        fires("the sprint board please").await["phrase"],
        "sprint board"
    );
    let member = app.key("default", "bob", UserRole::Member).await;
    let refused = app.get("/api/admin/triggers", Some(&member)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_trigger_that_is_not_there_is_refused_with_the_nearest_and_an_older_one_does_no_harm() {
    let app = TestApp::new().await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    for (body, says) in [
        (
            json!({"disable": ["sprint boad"]}),
            "did you mean `sprint board`?",
        ),
        (
            json!({"enable": ["sprintstatus: sprint board"]}),
            "did you mean `sprint_status`?",
        ),
        (json!({"disable": "ping"}), "must be a list of phrases"),
        (json!({"off": ["ping"]}), "off"),
    ] {
        let refused = switch(&app, &ada, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        let message = refused.json()["error"]["message"].to_string();
        assert!(message.contains(says), "{message}");
    }
    let put = async |triggers: Value| {
        let body = json!({"settings": {"disabled_triggers": triggers}});
        app.send_json(Method::PUT, "/api/settings", &ada, &body)
            .await
    };
    let refused = put(json!(["sprint boad"])).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["error"]["field"], "disabled_triggers");

    // Another release had one that this one does not.
    let tenants = &app.platform.tenants;
    let before = tenants
        .tenant(&tenant_id("default"))
        .await
        .unwrap()
        .unwrap();
    let mut after = before.clone();
    let stored = json!({"disabled_triggers": ["sprint_status: moon phase"]});
    after.extensions.insert("settings".to_owned(), stored);
    let (id, change) = (before.id.clone(), Change::UpdateTenant { before, after });
    tenants.commit(&id, &[change], &audit(&id)).await.unwrap();
    let listed = switch(&app, &ada, json!({"disable": ["ping"]}))
        .await
        .json();
    assert_eq!(in_state(&listed, "unknown"), ["sprint_status: moon phase"]);
    assert_eq!(in_state(&listed, "disabled"), ["ping"]);
    assert_eq!(answered(&app, &ada, "ping").await.0, "ai");
    // The whole list is kept as it was read.
    let kept = put(json!(["sprint_status: moon phase", "ping", "sprint board"])).await;
    assert_eq!(kept.status, StatusCode::OK, "{kept:?}");
    let gone = switch(&app, &ada, json!({"enable": ["sprint_status: moon phase"]})).await;
    assert!(in_state(&gone.json(), "unknown").is_empty());
}
