//! What an admin does over HTTP, and what of it an operator sees.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use support::jira::Script;
use support::model::{Answer as Says, ModelServer};
use t3nets_router::admin::Admin;
use t3nets_router::model::{SecretName, UserRole};

use super::{Answer, TestApp, request, tenant_id};

impl TestApp {
    /// Sends JSON by a method other than POST.
    pub(super) async fn send_json(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Answer {
        let request = request(method, path, Some(key)).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    async fn delete(&self, path: &str, key: &str) -> Answer {
        self.send_json(Method::DELETE, path, key, &Value::Null)
            .await
    }

    fn operator(&self) -> Admin {
        Admin::new(self.platform.clone(), "operator:test")
    }
}

#[tokio::test]
async fn people_are_added_changed_and_removed_and_the_operator_sees_it() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let new = json!({"email": "Cleo@Example.com", "display_name": "Cleo", "role": "member"});
    let added = app.post("/api/admin/users", Some(&key), &new).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    let user = json!({
        "user_id": "cleo@example.com", "email": "Cleo@Example.com", "display_name": "Cleo",
        "role": "member",
    });
    assert_eq!(added.json(), user);
    let again = app.post("/api/admin/users", Some(&key), &new).await;
    assert_eq!(
        (again.status, &*again.error_code()),
        (StatusCode::CONFLICT, "already_exists")
    );

    let path = "/api/admin/users/cleo@example.com";
    let edits = json!({"role": "admin", "preferences": {"language": "German"}});
    let changed = app
        .send_json(Method::PATCH, path, &key, &edits)
        .await
        .json();
    assert_eq!(changed["changed"], json!(["role", "preference language"]));
    assert_eq!(changed["role"], "admin");
    let same = app
        .send_json(Method::PATCH, path, &key, &edits)
        .await
        .json();
    assert_eq!(same["changed"], json!([]));

    let tenant = tenant_id("default");
    let users = app.operator().users(&tenant).await.unwrap();
    assert!(users.iter().any(|user| user.email == "Cleo@Example.com"));
    let trail = app.operator().audit_trail(&tenant, 10).await.unwrap();
    let actors: Vec<_> = trail
        .iter()
        .map(|entry| (&*entry.actor, &*entry.action))
        .collect();
    assert_eq!(
        actors[..2],
        [("user:ada", "user.set"), ("user:ada", "user.add")]
    );

    let removed = app.delete(path, &key).await;
    assert_eq!(
        removed.json(),
        json!({"user_id": "cleo@example.com", "keys_revoked": 0})
    );
    assert_eq!(app.delete(path, &key).await.error_code(), "not_found");
}

#[tokio::test]
async fn the_last_admin_stays_whoever_asks() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let path = "/api/admin/users/ada";
    let removed = app.delete(path, &key).await;
    assert_eq!(
        (removed.status, &*removed.error_code()),
        (StatusCode::CONFLICT, "refused")
    );
    let demoted = app
        .send_json(Method::PATCH, path, &key, &json!({"role": "member"}))
        .await;
    assert_eq!(
        (demoted.status, &*demoted.error_code()),
        (StatusCode::CONFLICT, "refused")
    );
    assert!(demoted.json()["error"]["hint"].is_string(), "{demoted:?}");
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named_and_one_that_is_misspelt_is_not_lost() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    for (path, body, field, message) in [
        (
            "/api/admin/users",
            json!({"email": "no"}),
            json!("email"),
            "`email` must be an e-mail address",
        ),
        (
            "/api/admin/users",
            json!({}),
            json!("email"),
            "`email` is missing",
        ),
        (
            "/api/admin/users",
            json!({"email": "a@b", "roel": "admin"}),
            json!(null),
            "unknown field `roel`; did you mean `role`?",
        ),
        (
            "/api/admin/users",
            json!({"email": "a@b", "role": "boss"}),
            json!(null),
            "`role` cannot be used: `boss` is not a role",
        ),
        (
            "/api/admin/keys",
            json!({"expires_in_seconds": 0}),
            json!(null),
            "`expires_in_seconds` must be a whole number",
        ),
        (
            "/api/admin/keys",
            json!({"user_id": "bob", "role": "admin"}),
            json!(null),
            "and a key cannot do more than its user",
        ),
        (
            "/api/admin/keys",
            json!({"user_id": "zoe"}),
            json!(null),
            "does not exist",
        ),
        (
            "/api/admin/channels",
            json!({"channel_type": "irc", "channel_id": "x"}),
            json!(null),
            "`irc` is not a channel type",
        ),
    ] {
        let answer = app.post(path, Some(&key), &body).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        let error = &answer.json()["error"];
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
        assert_eq!(error["field"], field, "{error}");
    }
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_revoked() {
    let app = TestApp::new().await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let new = json!({"user_id": "bob", "name": "laptop", "expires_in_seconds": 3600});
    let made = app.post("/api/admin/keys", Some(&admin), &new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let key = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(
        app.get("/api/sessions", Some(&key)).await.status,
        StatusCode::OK
    );

    let listed = app.get("/api/admin/keys", Some(&admin)).await;
    let seen = String::from_utf8_lossy(&listed.body);
    assert!(!seen.contains(&key), "{seen}");
    let prefix = made.json()["prefix"].as_str().unwrap().to_owned();
    let keys = listed.json()["keys"].clone();
    let of_bob = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["prefix"] == *prefix);
    assert_eq!(of_bob.unwrap()["name"], "laptop");

    let path = format!("/api/admin/keys/{prefix}");
    assert_eq!(app.delete(&path, &admin).await.json()["state"], "revoked");
    assert_eq!(app.delete(&path, &admin).await.error_code(), "not_found");
    // A whole key in an address would stand in logs; it is neither taken nor repeated.
    let whole = app.delete(&format!("/api/admin/keys/{key}"), &admin).await;
    assert_eq!(whole.error_code(), "invalid_value");
    assert!(!String::from_utf8_lossy(&whole.body).contains(&key));
}

#[tokio::test]
async fn credentials_are_stored_tried_removed_and_restored_and_never_shown() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let jira = Script::sample().start().await;
    let fields = jira.credentials();
    let token = fields["api_token"].as_str().unwrap().to_owned();
    let path = "/api/admin/integrations/jira";
    let mut seen = Vec::new();

    // Tried before it is stored.
    let form = json!({"fields": fields});
    let tried = app.post(&format!("{path}/test"), Some(&key), &form).await;
    assert_eq!(
        tried.json()["reached"]["board"]["name"],
        "Payments",
        "{tried:?}"
    );
    assert_eq!(
        app.post(&format!("{path}/test"), Some(&key), &json!({}))
            .await
            .error_code(),
        "not_found"
    );

    // The board is chosen last, among those that the account reaches; it is tried without, and not
    // stored without.
    let mut without_board = fields.clone();
    without_board.remove("board_id");
    let without_board = json!({"fields": without_board});
    let tried = app
        .post(&format!("{path}/test"), Some(&key), &without_board)
        .await;
    assert_eq!(
        tried.json()["reached"]["boards"],
        json!([{"id": 7, "name": "Payments", "type": "scrum"}]),
        "{tried:?}"
    );
    let refused = app.send_json(Method::PUT, path, &key, &without_board).await;
    assert_eq!(refused.json()["error"]["field"], "board_id", "{refused:?}");

    let stored = app.send_json(Method::PUT, path, &key, &form).await;
    assert_eq!(stored.json()["connected"], true, "{stored:?}");
    seen.push(stored);
    seen.push(app.get("/api/admin/integrations", Some(&key)).await);
    let listed = seen.last().unwrap().json()["integrations"].clone();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["name"].clone())
        .collect();
    assert_eq!(names, ["jira", "anthropic", "openai"]);
    let shown = listed[0]["fields"].as_array().unwrap();
    let of = |name: &str| shown.iter().find(|field| field["name"] == name).unwrap();
    assert_eq!(
        (&of("api_token")["is_set"], &of("api_token")["value"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(of("board_id")["value"], "7");

    // A form comes back with the secret's field empty.
    let form = json!({"fields": {"api_token": "", "project_key": "ABC"}});
    seen.push(app.send_json(Method::PUT, path, &key, &form).await);
    seen.push(
        app.post(&format!("{path}/test"), Some(&key), &json!({}))
            .await,
    );
    assert_eq!(seen.last().unwrap().status, StatusCode::OK, "{seen:?}");
    // Nor is it sent to another host.
    let calls = jira.requests().len();
    let form = json!({"fields": {"url": "http://127.0.0.1:9"}});
    for request in [
        app.send_json(Method::PUT, path, &key, &form).await,
        app.post(&format!("{path}/test"), Some(&key), &form).await,
    ] {
        assert_eq!(request.error_code(), "invalid_value");
        assert_eq!(request.json()["error"]["field"], "api_token");
        seen.push(request);
    }
    assert_eq!(jira.requests().len(), calls);

    let removed = app.delete(path, &key).await;
    assert!(
        removed.json()["deleted_for_good_at"].is_string(),
        "{removed:?}"
    );
    let list = app.get("/api/admin/integrations", Some(&key)).await.json();
    assert_eq!(list["integrations"][0]["connected"], false);
    let restored = app
        .post(&format!("{path}/restore"), Some(&key), &json!({}))
        .await;
    assert_eq!(restored.json()["connected"], true, "{restored:?}");

    // What the operator stores is the same.
    let name = SecretName {
        tenant_id: tenant_id("default"),
        integration: "jira".parse().unwrap(),
        user_id: None,
    };
    let document = app.operator().secret_document(&name).await.unwrap();
    assert_eq!(document.text("api_token"), Some(token.clone()));
    assert_eq!(document.text("project_key").as_deref(), Some("ABC"));
    for answer in seen {
        assert!(
            !String::from_utf8_lossy(&answer.body).contains(&token),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn credentials_that_do_not_work_say_which_part() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let jira = Script::sample().start().await;
    let mut fields = jira.credentials();
    fields.insert("api_token".to_owned(), "wrong".into());
    let form = json!({"fields": fields});
    let tried = app
        .post("/api/admin/integrations/jira/test", Some(&key), &form)
        .await;
    assert_eq!(tried.status, StatusCode::BAD_GATEWAY, "{tried:?}");
    assert_eq!(tried.error_code(), "integration_denied");
    let none = app
        .post(
            "/api/admin/integrations/pager/test",
            Some(&key),
            &json!({"fields": {"a": "b"}}),
        )
        .await;
    assert_eq!(none.error_code(), "no_test");
}

#[tokio::test]
async fn a_models_key_is_tried_by_asking_it() {
    let model = ModelServer::scripted([Says::text("Yes.")]).await;
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let settings = json!({"settings": {"ai_provider": "openai", "ai_model": "tiny"}});
    let set = app
        .send_json(Method::PUT, "/api/settings", &key, &settings)
        .await;
    assert_eq!(
        set.json()["changed"],
        json!(["ai_model", "ai_provider"]),
        "{set:?}"
    );
    let form = json!({"fields": {"base_url": model.openai_url(), "api_key": "sk-1"}});
    let tried = app
        .post("/api/admin/integrations/openai/test", Some(&key), &form)
        .await;
    assert_eq!(tried.json()["reached"]["model"], "tiny", "{tried:?}");
}

#[tokio::test]
async fn settings_are_shown_to_everyone_and_changed_by_admins() {
    let app = TestApp::new().await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let member = app.key("default", "bob", UserRole::Member).await;
    app.chat(&member, "hello").await;
    app.drained().await;

    let seen = app.get("/api/settings", Some(&member)).await.json();
    assert_eq!(seen["limits"]["messages_today"], 1);
    assert_eq!(seen["limits"]["messages_per_day"], 1000);
    assert_eq!(
        seen["model"],
        json!({"provider": "offline", "name": "offline"})
    );
    assert!(
        seen.get("settings").is_none() && seen.get("version").is_none(),
        "{seen}"
    );

    let seen = app.get("/api/settings", Some(&admin)).await.json();
    let version = &seen["version"];
    let edits =
        json!({"name": "Payments", "settings": {"messages_per_day": 5}, "version": version});
    let put = |body: Value| {
        let (app, admin) = (&app, &admin);
        async move {
            app.send_json(Method::PUT, "/api/settings", admin, &body)
                .await
        }
    };
    let changed = put(edits.clone()).await.json();
    assert_eq!(changed["changed"], json!(["name", "messages_per_day"]));
    assert_eq!(changed["limits"]["messages_per_day"], 5);
    // Who saw an older state does not overwrite the newer one.
    let stale = put(edits).await;
    assert_eq!(
        (stale.status, &*stale.error_code()),
        (StatusCode::CONFLICT, "changed")
    );
    // The operator sees it, and what the operator changes is seen.
    let tenant = app.operator().tenant(&tenant_id("default")).await.unwrap();
    assert_eq!(
        (&*tenant.name, tenant.settings.daily_messages()),
        ("Payments", 5)
    );

    let unset = put(json!({"settings": {"messages_per_day": null}}))
        .await
        .json();
    assert_eq!(unset["limits"]["messages_per_day"], 1000);
    let wrong = put(json!({"settings": {"messages_per_day": -1}})).await;
    assert_eq!(
        wrong.json()["error"]["field"],
        "messages_per_day",
        "{wrong:?}"
    );
    assert_eq!(
        put(json!({"settings": {"messages_per_dya": 1}}))
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn long_lists_come_in_pages_to_their_end() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    for number in 0..7 {
        let new = json!({"email": format!("u{number}@example.com")});
        app.post("/api/admin/users", Some(&key), &new).await;
    }
    for (list, items, count) in [("users", "users", 9), ("audit", "entries", 9)] {
        let mut seen = 0;
        let mut after = String::new();
        loop {
            let page = app
                .get(&format!("/api/admin/{list}?limit=4{after}"), Some(&key))
                .await
                .json();
            let length = page[items].as_array().unwrap().len();
            assert!(length <= 4, "{page}");
            seen += length;
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, count, "{list}");
    }
}

#[tokio::test]
async fn a_user_is_invited_by_a_link_that_is_shown_once_and_listed_without_its_token() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    app.key("default", "bob", UserRole::Member).await;
    let path = "/api/admin/users/bob/invite";
    let made = app.post(path, Some(&key), &json!({})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let token = made.json()["link_token"].as_str().unwrap().to_owned();
    assert!(made.json()["expires_at"].is_string(), "{made:?}");
    let listed = app.get("/api/admin/keys", Some(&key)).await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&token));
    let prefix = made.json()["prefix"].clone();
    let keys = listed.json()["keys"].as_array().unwrap().clone();
    assert!(
        keys.iter()
            .any(|of| of["prefix"] == prefix && of["kind"] == "link"),
        "{keys:?}"
    );
    let audit = app.get("/api/admin/audit", Some(&key)).await.json();
    assert_eq!(audit["entries"][0]["action"], "link.create", "{audit}");

    let link = json!({"link": token});
    let signed_in = app.post("/session", None, &link).await;
    assert_eq!(signed_in.json()["user"]["user_id"], "bob", "{signed_in:?}");
    let again = app.post("/session", None, &link).await;
    assert_eq!(again.error_code(), "unauthorized");

    for (path, body, code) in [
        (path, json!({"expires_in_seconds": 0}), "invalid_request"),
        (
            path,
            json!({"expires_in_seconds": 604_801}),
            "invalid_request",
        ),
        (path, json!({"expires": 60}), "invalid_request"),
        ("/api/admin/users/nobody/invite", json!({}), "not_found"),
    ] {
        let refused = app.post(path, Some(&key), &body).await;
        assert_eq!(refused.error_code(), code, "{body}: {refused:?}");
    }
}
