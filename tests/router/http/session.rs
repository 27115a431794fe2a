//! Signing in on the web page: by a key, by a one-time link, and what ends it.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use t3nets_router::admin::Admin;
use t3nets_router::admin::sessions::SESSION_LIFE;
use t3nets_router::admin::users::LastAdmin;
use t3nets_router::model::UserRole;
use t3nets_router::ports::Clock;

use super::clock::ManualClock;
use super::{Answer, Setup, TestApp, request, tenant_id};

/// A browser with its cookie and what `/api/me` told it.
pub(super) struct Browser<'a> {
    app: &'a TestApp,
    cookie: String,
    csrf: String,
}

impl<'a> Browser<'a> {
    pub(super) async fn sign_in(app: &'a TestApp, with: Value) -> Self {
        let answer = app.post("/session", None, &with).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let set = answer.headers["set-cookie"].to_str().unwrap();
        let (cookie, attributes) = set.split_once(';').unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(attributes.contains(attribute), "{set}");
        }
        // The session itself is in the cookie alone.
        let token = cookie.split_once('=').unwrap().1;
        assert!(!String::from_utf8_lossy(&answer.body).contains(token));
        Self {
            app,
            cookie: cookie.to_owned(),
            csrf: answer.json()["csrf_token"].as_str().unwrap().to_owned(),
        }
    }

    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        request(method, path, None).header("cookie", &self.cookie)
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Body::empty());
        self.app.send(request.unwrap()).await
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self
            .request(method, path)
            .header("x-csrf-token", &self.csrf);
        let request = request.header("content-type", "application/json");
        let body = Body::from(body.to_string());
        self.app.send(request.body(body).unwrap()).await
    }
}

fn operator(app: &TestApp) -> Admin {
    Admin::new(app.platform.clone(), "operator:test")
}

#[tokio::test]
async fn a_key_signs_in_and_the_cookie_is_enough_from_then_on() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let browser = Browser::sign_in(&app, json!({"key": key})).await;
    let me = browser.get("/api/me").await.json();
    assert_eq!(
        (&me["by"], &me["role"], &me["user"]["user_id"]),
        (&json!("session"), &json!("admin"), &json!("ada"))
    );
    assert_eq!(me["csrf_token"], browser.csrf);
    let said = json!({"message": "hello"});
    let answer = browser.send(Method::POST, "/api/chat", &said).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(browser.get("/api/admin/users").await.status, StatusCode::OK);

    // What is said on the page is another channel's than what programs say.
    let session = answer.json()["session_id"].as_str().unwrap().to_owned();
    let history = format!("/api/history?session_id={session}");
    assert_eq!(browser.get(&history).await.status, StatusCode::OK);
    assert_eq!(
        app.get(&history, Some(&key)).await.status,
        StatusCode::NOT_FOUND
    );

    let keys = browser.get("/api/admin/keys").await.json();
    let kinds: Vec<_> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kind"].clone())
        .collect();
    assert!(
        kinds.contains(&json!("session")) && kinds.contains(&json!("key")),
        "{keys}"
    );
}

/// The kinds of those keys of a list of which it says that the call came by them.
fn current(list: &Value) -> Vec<(&Value, &Value)> {
    let keys = list["keys"].as_array().unwrap();
    keys.iter()
        .filter(|key| key["current"] == json!(true))
        .map(|key| (&key["kind"], &key["hash"]))
        .collect()
}

#[tokio::test]
async fn the_list_of_keys_says_which_one_asks() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let one = Browser::sign_in(&app, json!({"key": key})).await;
    let two = Browser::sign_in(&app, json!({"key": key})).await;
    let list = one.get("/api/admin/keys").await.json();
    let others = two.get("/api/admin/keys").await.json();
    let by_key = app.get("/api/admin/keys", Some(&key)).await.json();
    assert_eq!(list["keys"].as_array().unwrap().len(), 3, "{list}");
    for (list, kind) in [(&list, "session"), (&others, "session"), (&by_key, "key")] {
        let current = current(list);
        assert_eq!(current.len(), 1, "{list}");
        assert_eq!(current[0].0, kind, "{list}");
    }
    assert_ne!(current(&list)[0].1, current(&others)[0].1);
}

#[tokio::test]
async fn what_changes_something_needs_the_token_of_the_page() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let browser = Browser::sign_in(&app, json!({"key": key})).await;
    let other = Browser::sign_in(&app, json!({"key": key})).await;
    let said = json!({"message": "hello", "session_id": "s"});
    for (method, path) in [
        (Method::POST, "/api/chat"),
        (Method::POST, "/api/clear"),
        (Method::PUT, "/api/settings"),
        (Method::POST, "/api/admin/users"),
        (Method::DELETE, "/api/admin/users/bob"),
        (Method::DELETE, "/session"),
    ] {
        for token in [None, Some(""), Some(&*other.csrf), Some("x")] {
            let mut request = browser.request(method.clone(), path);
            request = request.header("content-type", "application/json");
            if let Some(token) = token {
                request = request.header("x-csrf-token", token);
            }
            let request: Request<Body> = request.body(Body::from(said.to_string())).unwrap();
            let answer = app.send(request).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {token:?}");
            assert_eq!(answer.error_code(), "csrf_token_missing");
        }
    }
    assert_eq!(browser.get("/api/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_is_no_key_and_a_key_is_no_session() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let browser = Browser::sign_in(&app, json!({"key": key})).await;
    let token = browser.cookie.split_once('=').unwrap().1;
    assert_eq!(
        app.get("/api/me", Some(token)).await.error_code(),
        "unauthorized"
    );
    let ada = "ada".parse().unwrap();
    let hour = SignedDuration::from_hours(1);
    let link = operator(&app)
        .invite(&tenant_id("default"), &ada, hour)
        .await
        .unwrap();
    let link = link.key.expose_secret();
    assert_eq!(
        app.get("/api/me", Some(link)).await.error_code(),
        "unauthorized"
    );
    for with in [
        json!({"key": token}),
        json!({"key": link}),
        json!({"link": key}),
        json!({"link": token}),
        json!({"key": "t3n_nothing"}),
        json!({"link": "t3i_nothing"}),
    ] {
        let answer = app.post("/session", None, &with).await;
        assert_eq!(answer.error_code(), "unauthorized", "{with}");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    for with in [
        json!({}),
        json!({"key": key, "link": link}),
        json!({"key": ""}),
    ] {
        assert_eq!(
            app.post("/session", None, &with).await.status,
            StatusCode::BAD_REQUEST,
            "{with}"
        );
    }
    // A cookie with a key in it is none.
    let cookie = Request::get("/api/me").header("cookie", format!("t3nets={key}"));
    let answer = app.send(cookie.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.error_code(), "unauthorized");
}

#[tokio::test]
async fn a_link_signs_in_once_however_many_try_at_once() {
    let app = TestApp::new().await;
    let bob = "bob".parse().unwrap();
    let hour = SignedDuration::from_hours(1);
    let link = operator(&app)
        .invite(&tenant_id("default"), &bob, hour)
        .await
        .unwrap();
    let with = json!({"link": link.key.expose_secret()});
    // Looking at it spends nothing.
    for method in [Method::GET, Method::HEAD] {
        let request = request(method, "/session", None)
            .body(Body::empty())
            .unwrap();
        assert_eq!(
            app.send(request).await.status,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
    let tries = (0..5).map(|_| app.post("/session", None, &with));
    let answers = futures::future::join_all(tries).await;
    let signed_in = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .count();
    assert_eq!(signed_in, 1, "{answers:?}");
    let used = app.post("/session", None, &with).await;
    assert_eq!(used.error_code(), "unauthorized");
    assert!(
        used.json()["error"]["hint"]
            .as_str()
            .unwrap()
            .starts_with("links work once and expire. Ask for a new one")
    );
}

#[tokio::test]
async fn a_session_ends_by_signing_out_with_its_key_and_with_its_user() {
    let app = TestApp::new().await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let made = app
        .post("/api/admin/keys", Some(&admin), &json!({"user_id": "bob"}))
        .await
        .json();
    let with = json!({"key": made["key"]});
    let signed_out = Browser::sign_in(&app, with.clone()).await;
    let answer = signed_out
        .send(Method::DELETE, "/session", &json!({}))
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    assert!(
        answer.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(signed_out.get("/api/me").await.error_code(), "unauthorized");
    // Signing out of what is over takes the cookie away.
    let again = signed_out
        .send(Method::DELETE, "/session", &json!({}))
        .await;
    assert_eq!(again.status, StatusCode::NO_CONTENT);

    // Within the few seconds for which a router may know a credential: here the router itself
    // revokes, and a fresh one is asked.
    let by_key = Browser::sign_in(&app, with).await;
    let prefix = made["prefix"].as_str().unwrap();
    let path = format!("/api/admin/keys/{prefix}");
    let request = request(Method::DELETE, &path, Some(&admin)).body(Body::empty());
    assert_eq!(app.send(request.unwrap()).await.status, StatusCode::OK);
    assert_eq!(by_key.get("/api/me").await.error_code(), "unauthorized");

    let bob = "bob".parse().unwrap();
    let hour = SignedDuration::from_hours(1);
    let link = operator(&app)
        .invite(&tenant_id("default"), &bob, hour)
        .await
        .unwrap();
    let by_link = Browser::sign_in(&app, json!({"link": link.key.expose_secret()})).await;
    operator(&app)
        .remove_user(&tenant_id("default"), &bob, LastAdmin::Keep)
        .await
        .unwrap();
    assert_eq!(by_link.get("/api/me").await.error_code(), "unauthorized");
}

#[tokio::test]
async fn a_session_in_use_lives_on_and_one_that_is_not_ends_after_thirty_days() {
    let clock = ManualClock::at("2026-03-01T12:00:00Z");
    let start = clock.now();
    let app = TestApp::with(Setup {
        clock: Some(clock.clone()),
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let browser = Browser::sign_in(&app, json!({"key": key})).await;
    let at = |days: i64| *clock.0.lock().unwrap() = start + SignedDuration::from_hours(24 * days);
    let ends = async || -> Timestamp {
        let me = browser.get("/api/me").await.json();
        me["expires_at"].as_str().unwrap().parse().unwrap()
    };
    assert_eq!(ends().await, start + SESSION_LIFE);
    at(10);
    assert_eq!(ends().await, start + SESSION_LIFE);
    at(20);
    browser.get("/api/me").await;
    app.drained().await;
    assert_eq!(ends().await, start + SignedDuration::from_hours(24 * 50));
    at(51);
    let over = browser.get("/api/me").await;
    assert_eq!(over.error_code(), "unauthorized");
    assert_eq!(over.json()["error"]["message"], "the session has expired");
    // A session that is over is removed when the next is opened.
    Browser::sign_in(&app, json!({"key": key})).await;
    let keys = operator(&app).keys(&tenant_id("default")).await.unwrap();
    assert_eq!(keys.len(), 2, "{keys:?}");
}

#[tokio::test]
async fn a_session_does_not_outlive_the_key_that_opened_it() {
    let app = TestApp::new().await;
    let soon = Timestamp::now() + SignedDuration::from_mins(15);
    let key = app
        .key_until("default", "bob", UserRole::Member, Some(soon))
        .await;
    let browser = Browser::sign_in(&app, json!({"key": key})).await;
    let me = browser.get("/api/me").await.json();
    let ends: Timestamp = me["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(ends, soon);
}

#[tokio::test]
async fn on_aws_the_cookie_is_sent_by_https_alone() {
    let app = TestApp::with(Setup {
        platform: Some("aws"),
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let answer = app.post("/session", None, &json!({"key": key})).await;
    let set = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        set.starts_with("__Host-t3nets=t3s_") && set.ends_with("; Secure"),
        "{set}"
    );
}

async fn recovery_code(browser: &Browser<'_>) -> String {
    let path = "/api/me/recovery-code";
    let made = browser.send(Method::POST, path, &json!({})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.headers["cache-control"], "no-store");
    made.json()["recovery_code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_the_next_takes_its_place() {
    let app = TestApp::new().await;
    let bob = "bob".parse().unwrap();
    let hour = SignedDuration::from_hours(1);
    let link = operator(&app)
        .invite(&tenant_id("default"), &bob, hour)
        .await
        .unwrap();
    let browser = Browser::sign_in(&app, json!({"link": link.key.expose_secret()})).await;
    let first = recovery_code(&browser).await;
    let code = recovery_code(&browser).await;
    assert!(code.starts_with("t3r_"), "{code}");
    let keys = operator(&app).keys(&tenant_id("default")).await.unwrap();
    let codes = keys.iter().filter(|key| code.starts_with(&key.prefix));
    assert_eq!(codes.count(), 1, "{keys:?}");
    assert!(!keys.iter().any(|key| first.starts_with(&key.prefix)));

    let as_key = app.get("/api/me", Some(&code)).await;
    assert_eq!(as_key.error_code(), "unauthorized");
    for with in [
        json!({"recovery_code": first}),
        json!({"key": code}),
        json!({"link": code}),
        json!({"recovery_code": link.key.expose_secret()}),
        json!({"recovery_code": "t3r_nothing"}),
    ] {
        let answer = app.post("/session", None, &with).await;
        assert_eq!(answer.error_code(), "unauthorized", "{with}");
    }
    let with = json!({"recovery_code": code});
    let tries = (0..5).map(|_| app.post("/session", None, &with));
    let answers = futures::future::join_all(tries).await;
    let signed_in = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED);
    assert_eq!(signed_in.count(), 1, "{answers:?}");
    let used = app.post("/session", None, &with).await;
    let error = &used.json()["error"];
    assert_eq!(
        error["message"],
        "the recovery code is not valid, or was used"
    );
}

#[tokio::test]
async fn a_recovery_code_does_no_more_than_what_it_comes_from_and_goes_with_it() {
    let app = TestApp::new().await;
    let key = app.key("default", "ada", UserRole::Member).await;
    let by_key = Browser::sign_in(&app, json!({"key": key})).await;
    let code = recovery_code(&by_key).await;
    let by_code = Browser::sign_in(&app, json!({"recovery_code": code})).await;
    assert_eq!(by_code.get("/api/me").await.json()["role"], "member");
    recovery_code(&by_code).await;

    let operator = operator(&app);
    let hash = t3nets_router::model::KeyHash::of(&key);
    let stored = app.platform.tenants.key(&hash).await.unwrap().unwrap();
    operator.revoke_key(&stored).await.unwrap();
    let left = operator.keys(&tenant_id("default")).await.unwrap();
    assert_eq!(left, [], "{left:?}");

    // What ends by itself makes nothing that does not.
    let hour = Timestamp::now() + SignedDuration::from_hours(1);
    let ending = app
        .key_until("default", "ada", UserRole::Admin, Some(hour))
        .await;
    let path = "/api/me/recovery-code";
    let refused = app.post(path, Some(&ending), &json!({})).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
    let browser = Browser::sign_in(&app, json!({"key": ending})).await;
    let refused = browser.send(Method::POST, path, &json!({})).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
}

#[tokio::test]
async fn who_one_is_comes_with_who_answers_and_questions_that_skills_answer() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let me = app.get("/api/me", Some(&key)).await.json();
    assert_eq!(me["ask"], json!([]), "nothing is connected: {me}");
    assert_eq!(me["model"]["provider"], "offline");
    assert_eq!(me["limits"]["message_bytes"], 32 * 1024);
    assert_eq!(me["sample_data"], false);

    let jira = support::jira::Script::sample().start().await;
    let fields = jira.credentials();
    app.connect_jira("default", fields).await;
    let me = app.get("/api/me", Some(&key)).await.json();
    let ask = me["ask"].as_array().unwrap();
    assert!(ask.len() >= 3, "{me}");
    for question in ask {
        let answer = app.chat(&key, question.as_str().unwrap()).await.json();
        assert_eq!(answer["route"], "rule", "{question}: {answer}");
    }
    assert!(ask.contains(&json!("What am I working on?")), "{me}");
}

#[tokio::test]
async fn who_is_not_signed_in_is_offered_no_question_about_oneself() {
    let app = TestApp::with(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    let jira = support::jira::Script::sample().start().await;
    app.connect_jira("default", jira.credentials()).await;
    let me = app.get("/api/me", None).await.json();
    let ask = me["ask"].as_array().unwrap();
    assert!(ask.len() >= 2, "{me}");
    for question in ask {
        let body = json!({"message": question});
        let answer = app.post("/api/chat", None, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{question}: {answer:?}");
        assert_eq!(answer.json()["route"], "rule", "{question}");
    }
}
