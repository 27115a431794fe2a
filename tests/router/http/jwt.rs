//! Callers by a JWT of the environment's issuer.

mod issuers_keys;

use std::sync::{Arc, LazyLock};

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::issuer::{OidcIssuer, SigningKey, unsigned};
use t3nets_router::admin::Admin;
use t3nets_router::admin::users::LastAdmin;
use t3nets_router::model::{TenantSettings, TenantStatus, UserId, UserRole};
use t3nets_router::ports::Change;

use super::clock::ManualClock;
use super::logging::Log;
use super::{Answer, Setup, TestApp, add_tenant, audit, tenant_id};

static KEY: LazyLock<SigningKey> = LazyLock::new(SigningKey::p256);
static NEXT_KEY: LazyLock<SigningKey> = LazyLock::new(SigningKey::p256);

/// Where the clock stands at first.
const START: &str = "2027-01-15T08:00:00Z";

/// A router that accepts an issuer's tokens, both on this machine.
struct World {
    app: TestApp,
    issuer: OidcIssuer,
    clock: Arc<ManualClock>,
}

impl World {
    async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        let issuer = OidcIssuer::start(vec![KEY.published("a")]).await;
        let clock = ManualClock::at(START);
        let app = TestApp::with(Setup {
            issuer: Some(issuer.name()),
            clock: Some(clock.clone()),
            ..setup
        })
        .await;
        Self { app, issuer, clock }
    }

    fn pass(&self, time: SignedDuration) {
        let mut now = self.clock.0.lock().unwrap();
        *now += time;
    }

    /// What a token of `bob`'s says, with changes.
    fn claims(&self, changes: Value) -> Value {
        let now = self.clock.0.lock().unwrap().as_second();
        let mut claims = json!({
            "iss": self.issuer.name(), "aud": "t3nets", "iat": now, "exp": now + 3600,
            "email": "Bob@example.com", "email_verified": true, "tenant_id": "default",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn token(&self, changes: Value) -> String {
        self.token_by(&KEY, "a", changes)
    }

    fn token_by(&self, key: &SigningKey, id: &str, changes: Value) -> String {
        key.token(&json!({"alg": "ES256", "kid": id}), &self.claims(changes))
    }

    async fn chat(&self, token: &str) -> Answer {
        self.app.chat(token, "hi").await
    }
}

#[tokio::test]
async fn a_members_token_is_good_wherever_a_key_is() {
    let world = World::new().await;
    let app = &world.app;
    let (token, key) = (
        world.token(json!({})),
        app.key("default", "bob", UserRole::Member).await,
    );
    let me = app.get("/api/me", Some(&token)).await.json();
    assert_eq!(
        (
            &me["by"],
            &me["user"]["user_id"],
            &me["role"],
            &me["expires_at"]
        ),
        (
            &json!("jwt"),
            &json!("bob"),
            &json!("member"),
            &json!("2027-01-15T09:00:00Z")
        ),
        "{me}"
    );
    let hello = json!({"message": "hi", "session_id": "s1"});
    for credential in [&token, &key] {
        let answer = app.post("/api/chat", Some(credential), &hello).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    // One user, however they come.
    for credential in [&token, &key] {
        assert_eq!(app.history(credential, "s1").await.len(), 4);
    }
    let models = app.get("/v1/models", Some(&token)).await;
    assert_eq!(models.status, StatusCode::OK);
    // A role is the member's own.
    let admins = world.token(json!({"email": "ada@example.com"}));
    for (token, status) in [(&token, StatusCode::FORBIDDEN), (&admins, StatusCode::OK)] {
        assert_eq!(
            app.get("/api/admin/users", Some(token)).await.status,
            status
        );
    }
    // No key is theirs among the keys, nor what they use.
    let keys = app.get("/api/admin/keys", Some(&admins)).await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{keys}");
    app.drained().await;
    let used = app.get("/api/admin/usage?by=key", Some(&admins)).await;
    let used = used.json().to_string();
    assert!(used.contains("no key"), "{used}");
    // What would outlive it is not made of it.
    let code = app
        .post("/api/me/recovery-code", Some(&token), &json!({}))
        .await;
    assert_eq!(code.status, StatusCode::CONFLICT, "{code:?}");
    let session = app.post("/session", None, &json!({"key": token})).await;
    assert_eq!(session.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said_and_nothing_of_it_repeated() {
    let (log, _guard) = Log::begin();
    let world = World::with(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    let past = world.clock.0.lock().unwrap().as_second() - 100;
    let forged = SigningKey::p256();
    let head = json!({"alg": "none", "kid": "a"});
    let cases = [
        (world.token(json!({"exp": past})), "the token has expired"),
        (
            world.token(json!({"aud": "other"})),
            "the token is for another audience",
        ),
        (
            world.token(json!({"iss": "https://a.example"})),
            "the token is of another issuer",
        ),
        (
            world.token(json!({"nbf": past + 1000})),
            "the token is not valid yet",
        ),
        (world.token(json!({"exp": null})), "the token has no end"),
        (
            world.token(json!({"email_verified": false})),
            "the token's e-mail address is not verified",
        ),
        (
            world.token(json!({"tenant_id": null})),
            "the token names no tenant",
        ),
        (
            world.token_by(&forged, "a", json!({})),
            "the token's signature is wrong",
        ),
        (
            world.token_by(&forged, "b", json!({})),
            "the token's key is none of the issuer's",
        ),
        (
            format!("{}.", unsigned(&head, &world.claims(json!({})))),
            "the token is not signed by an accepted algorithm of its key",
        ),
        (
            world.token(json!({"padding": "x".repeat(9000)})),
            "the token is longer than 8 KiB",
        ),
    ];
    for (token, why) in &cases {
        let answer = world.chat(token).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::UNAUTHORIZED, "unauthorized"),
            "{why}"
        );
        assert_eq!(answer.json()["error"]["message"], *why);
        assert_eq!(
            answer.headers["www-authenticate"],
            format!("Bearer error=\"invalid_token\", error_description=\"{why}\"")
        );
        let body = json!({"model": "t3nets", "messages": [{"role": "user", "content": "hi"}]});
        let openai = world
            .app
            .post("/v1/chat/completions", Some(token), &body)
            .await;
        assert_eq!(openai.status, StatusCode::UNAUTHORIZED);
        for part in token.split('.').filter(|part| part.len() > 1) {
            assert!(!format!("{answer:?}{openai:?}").contains(part), "{why}");
            assert!(log.lines_with(part).is_empty(), "{why}");
        }
    }
}

#[tokio::test]
async fn a_token_of_nobody_here_is_forbidden_and_makes_no_user() {
    let world = World::new().await;
    let app = &world.app;
    add_tenant(&app.platform, "other", TenantSettings::default()).await;
    let eve = t3nets_router::admin::users::NewUser {
        email: "eve@example.com".to_owned(),
        id: None,
        display_name: None,
        role: UserRole::Admin,
    };
    let admin = Admin::new(app.platform.clone(), "operator:test");
    admin
        .add_user(&tenant_id("other"), eve.clone())
        .await
        .unwrap();
    for changes in [
        json!({"email": "nobody@example.com"}),
        json!({"email": "eve@example.com"}),
        json!({"tenant_id": "missing"}),
        // In lower case, its first letter is one of ASCII.
        json!({"email": "\u{212a}ob@example.com"}),
    ] {
        let answer = world.chat(&world.token(changes.clone())).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::FORBIDDEN, "not_a_member"),
            "{changes}"
        );
        assert!(!answer.headers.contains_key("www-authenticate"));
    }
    assert_eq!(admin.users(&tenant_id("default")).await.unwrap().len(), 2);
    // They are one of the other tenant's.
    let others = world.token(json!({"email": "eve@example.com", "tenant_id": "other"}));
    assert_eq!(world.chat(&others).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_is_removed_or_has_another_address_is_let_in_no_more() {
    let world = World::new().await;
    let (tenant, bob): (_, UserId) = (tenant_id("default"), "bob".parse().unwrap());
    let admin = Admin::new(world.app.platform.clone(), "operator:test");
    assert_eq!(
        world.chat(&world.token(json!({}))).await.status,
        StatusCode::OK
    );
    let edits = t3nets_router::admin::users::UserEdits {
        email: Some("robert@example.com".to_owned()),
        ..Default::default()
    };
    admin
        .set_user(&tenant, &bob, &edits, LastAdmin::Keep)
        .await
        .unwrap();
    // Each token is another, so that none is known yet.
    let old = world.token(json!({"jti": 1}));
    assert_eq!(world.chat(&old).await.error_code(), "not_a_member");
    let new = world.token(json!({"email": "robert@example.com"}));
    assert_eq!(world.chat(&new).await.status, StatusCode::OK);
    admin
        .remove_user(&tenant, &bob, LastAdmin::Keep)
        .await
        .unwrap();
    let again = world.token(json!({"email": "robert@example.com", "jti": 2}));
    assert_eq!(world.chat(&again).await.error_code(), "not_a_member");

    let before = world
        .app
        .platform
        .tenants
        .tenant(&tenant)
        .await
        .unwrap()
        .unwrap();
    let mut after = before.clone();
    after.status = TenantStatus::Suspended;
    let change = Change::UpdateTenant { before, after };
    let tenants = &world.app.platform.tenants;
    tenants
        .commit(&tenant, &[change], &audit(&tenant))
        .await
        .unwrap();
    let adas = world.token(json!({"email": "ada@example.com"}));
    let suspended = world.chat(&adas).await;
    assert_eq!(
        (suspended.status, suspended.error_code().as_str()),
        (StatusCode::FORBIDDEN, "tenant_suspended")
    );
}

#[tokio::test]
async fn an_address_that_two_users_have_lets_neither_in() {
    let world = World::new().await;
    let tenants = &world.app.platform.tenants;
    let tenant = tenant_id("default");
    let ada = tenants
        .user(&tenant, &"ada".parse().unwrap())
        .await
        .unwrap();
    // As another program may write it.
    let second = t3nets_router::model::User {
        id: "zoe".parse().unwrap(),
        email: "ADA@example.com".to_owned(),
        ..ada.unwrap()
    };
    let change = Change::CreateUser(second);
    tenants
        .commit(&tenant, &[change], &audit(&tenant))
        .await
        .unwrap();
    let token = world.token(json!({"email": "ada@example.com"}));
    assert_eq!(world.chat(&token).await.error_code(), "not_a_member");
}

#[tokio::test]
async fn a_token_ends_though_it_was_known_a_moment_before() {
    let world = World::new().await;
    let token = world.token(json!({}));
    assert_eq!(world.chat(&token).await.status, StatusCode::OK);
    world.pass(SignedDuration::from_mins(61));
    let expired = world.chat(&token).await;
    assert_eq!(expired.json()["error"]["message"], "the token has expired");
}

#[tokio::test]
async fn without_an_issuer_a_token_is_nothing_and_a_key_is_not_taken_for_one() {
    let app = TestApp::new().await;
    let claims = json!({"exp": Timestamp::now().as_second() + 60});
    let token = KEY.token(&json!({"alg": "ES256", "kid": "a"}), &claims);
    let refused = app.chat(&token, "hi").await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["message"]),
        (
            StatusCode::UNAUTHORIZED,
            &json!("this environment accepts no JWT")
        )
    );
    let nobody = app.get("/api/sessions", None).await.json();
    assert!(!nobody.to_string().contains("JWT"), "{nobody}");

    let world = World::new().await;
    let wrong = world.chat("t3n_wrong").await;
    assert_eq!(wrong.json()["error"]["message"], "the key is not valid");
    assert_eq!(world.issuer.fetches(), 0);
    let nobody = world.app.get("/api/sessions", None).await.json();
    let hint = nobody["error"]["hint"].as_str().unwrap();
    assert!(hint.contains(&world.issuer.name()), "{hint}");
}
