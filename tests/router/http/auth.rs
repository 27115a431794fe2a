//! Who may enter.

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use t3nets_router::model::{TenantSettings, TenantStatus, UserRole};
use t3nets_router::ports::Change;

use super::{Setup, TestApp, add_tenant, audit, tenant_id};

#[tokio::test]
async fn requests_without_a_credential_are_refused() {
    let app = TestApp::new().await;
    for path in ["/api/history?session_id=s", "/api/sessions"] {
        let answer = app.get(path, None).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::UNAUTHORIZED, "unauthorized")
        );
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    for path in ["/api/chat", "/api/clear"] {
        let answer = app
            .post(path, None, &json!({"message": "hi", "session_id": "s"}))
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_wrong_credential_is_never_taken_for_an_anonymous_caller() {
    let app = TestApp::with(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    assert_eq!(
        app.post("/api/chat", None, &json!({"message": "hi"}))
            .await
            .status,
        StatusCode::OK
    );
    for header in [
        "Bearer t3n_wrong",
        "Bearer",
        "Basic YTpi",
        "bogus",
        "Bearer \u{e9}",
        "",
    ] {
        let request = super::request(axum::http::Method::POST, "/api/chat", None)
            .header("content-type", "application/json")
            .header("authorization", header)
            .body(json!({"message": "hi"}).to_string().into())
            .unwrap();
        let answer = app.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header:?}");
    }
    assert_eq!(
        app.get("/api/health", Some("t3n_wrong")).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    let app = TestApp::new().await;
    let hour = SignedDuration::from_hours(1);
    let expired = app
        .key_until(
            "default",
            "bob",
            UserRole::Member,
            Some(Timestamp::now() - hour),
        )
        .await;
    assert_eq!(app.chat(&expired, "hi").await.error_code(), "unauthorized");
    let valid = app
        .key_until(
            "default",
            "bob",
            UserRole::Member,
            Some(Timestamp::now() + hour),
        )
        .await;
    assert_eq!(app.chat(&valid, "hi").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_without_its_user_is_refused() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let tenant = tenant_id("default");
    let bob = app
        .platform
        .tenants
        .user(&tenant, &"bob".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let stored = app
        .platform
        .tenants
        .key(&t3nets_router::model::KeyHash::of(&key))
        .await
        .unwrap()
        .unwrap();
    let changes = [Change::RevokeKey(stored), Change::RemoveUser(bob)];
    app.platform
        .tenants
        .commit(&tenant, &changes, &audit(&tenant))
        .await
        .unwrap();
    assert_eq!(app.chat(&key, "hi").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_lower_of_the_keys_and_the_users_role_is_in_force() {
    let app = TestApp::new().await;
    for (user, key_role, admin) in [
        ("ada", UserRole::Admin, true),
        ("ada", UserRole::Member, false),
        ("bob", UserRole::Admin, false),
        ("bob", UserRole::Member, false),
    ] {
        let key = app.key("default", user, key_role).await;
        let about = app.get("/api/health", Some(&key)).await.json();
        assert_eq!(
            about.get("tenant").is_some(),
            admin,
            "{user} with a key for {key_role}"
        );
    }
}

#[tokio::test]
async fn a_suspended_tenant_is_forbidden_for_users_and_anonymous_callers() {
    let app = TestApp::with(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let id = tenant_id("default");
    let before = app.platform.tenants.tenant(&id).await.unwrap().unwrap();
    let mut after = before.clone();
    after.status = TenantStatus::Suspended;
    app.platform
        .tenants
        .commit(&id, &[Change::UpdateTenant { before, after }], &audit(&id))
        .await
        .unwrap();
    for key in [Some(key.as_str()), None] {
        let answer = app.post("/api/chat", key, &json!({"message": "hi"})).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::FORBIDDEN, "tenant_suspended")
        );
    }
}

#[tokio::test]
async fn the_tenant_comes_from_the_key_and_not_from_the_body() {
    let app = TestApp::new().await;
    add_tenant(&app.platform, "other", TenantSettings::default()).await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let others = app.key("other", "bob", UserRole::Member).await;
    let body =
        json!({"message": "hi", "session_id": "s1", "tenant_id": "other", "tenant": "other"});
    assert_eq!(
        app.post("/api/chat", Some(&key), &body).await.status,
        StatusCode::OK
    );
    assert_eq!(app.history(&key, "s1").await.len(), 2);
    assert_eq!(app.history(&others, "s1").await.len(), 0);
}

#[tokio::test]
async fn anonymous_callers_chat_under_ids_that_the_server_makes() {
    let app = TestApp::with(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    let chat = async |session: Option<&str>| {
        let body = json!({"message": "hi", "session_id": session});
        app.post("/api/chat", None, &body).await.json()["session_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let guessed = chat(Some("guessable")).await;
    assert_ne!(guessed, "guessable");
    let first = chat(None).await;
    assert!(first.len() > 50 && first != guessed, "{first}");
    assert_eq!(
        chat(Some(&first)).await,
        first,
        "a conversation that the server began goes on"
    );

    for path in ["/api/sessions", "/api/history?session_id=s"] {
        assert_eq!(app.get(path, None).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_key_of_a_removed_tenant_opens_nothing_of_the_next_one_with_its_id() {
    let app = TestApp::with(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let hello = json!({"message": "hi", "session_id": "s"});
    // Both callers are in the router's cache from here on.
    for key in [Some(key.as_str()), None] {
        let answer = app.post("/api/chat", key, &hello).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let tenant = tenant_id("default");
    let admin = t3nets_router::admin::Admin::new(app.platform.clone(), "operator:ada");
    admin.remove_tenant(&tenant).await.unwrap();
    for key in [Some(key.as_str()), None] {
        let refused = app.post("/api/chat", key, &hello).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{key:?}");
    }
    let seed = t3nets_router::admin::seed::TenantSeed::new(tenant.clone());
    admin.seed(&seed).await.unwrap();
    let refused = app.post("/api/chat", Some(&key), &hello).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // Anonymous callers are the new tenant's now.
    let answer = app.post("/api/chat", None, &hello).await;
    assert_eq!(answer.status, StatusCode::OK);
    let used = admin.usage(&tenant, 1, None).await.unwrap();
    assert_eq!(used.total.messages, 1);
}
