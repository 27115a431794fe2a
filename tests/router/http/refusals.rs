//! Requests that are refused: the status fits, and the error is JSON with a code and the request's
//! id.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;
use t3nets_router::model::{TenantSettings, UserRole};

use super::{Answer, Setup, TestApp, request};

async fn post_as(app: &TestApp, key: &str, media_type: &str, body: impl Into<Body>) -> Answer {
    let request = request(Method::POST, "/api/chat", Some(key)).header("content-type", media_type);
    app.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn unknown_paths_and_methods_are_json_errors() {
    let app = TestApp::new().await;
    let answer = app.get("/api/nothing", None).await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::NOT_FOUND, "not_found")
    );
    for (method, path) in [
        (Method::GET, "/api/chat"),
        (Method::DELETE, "/api/sessions"),
        (Method::POST, "/health"),
        (Method::PATCH, "/openapi.json"),
        (Method::OPTIONS, "/api/chat"),
    ] {
        let answer = app
            .send(
                request(method.clone(), path, None)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(
            answer.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        assert_eq!(answer.error_code(), "method_not_allowed");
        assert!(answer.headers.contains_key("allow"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_must_be_json_of_the_right_form() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let answer = post_as(&app, &key, media_type, r#"{"message":"hi"}"#).await;
        assert_eq!(
            answer.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{media_type:?}"
        );
        assert_eq!(answer.error_code(), "unsupported_media_type");
    }
    let deep = format!(
        r#"{{"message":{}"hi"{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for body in [
        "",
        "null",
        "[]",
        "{",
        r#"{"message":null}"#,
        r#"{"message":7}"#,
        r#"{"message":""}"#,
        r#"{"message":" \n "}"#,
        r#"{"message":"--raw"}"#,
        r#"{"message":"hi","session_id":"a b"}"#,
        r#"{"message":"hi","session_id":7}"#,
        r#"{"message":"hi","message":"ho"}"#,
        r#"{"message":"hi","text":"ho"}"#,
        r#"{"message":"hi"} trailing"#,
        &deep,
    ] {
        let answer = post_as(&app, &key, "application/json", body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:.80}", body);
        assert_eq!(answer.error_code(), "invalid_request");
    }
    let answer = post_as(
        &app,
        &key,
        "application/json; charset=utf-8",
        vec![b'"', 0xff, 0xfe, b'"'],
    )
    .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = post_as(
        &app,
        &key,
        "application/JSON; charset=utf-8",
        r#"{"message":"hi"}"#,
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let answer = app.chat(&key, &"x".repeat(32 * 1024 + 1)).await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "message_too_long")
    );

    let large = json!({"message": "hi", "padding": "x".repeat(1024 * 1024)}).to_string();
    let answer = post_as(&app, &key, "application/json", large.clone()).await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
    );

    let chunks = large
        .as_bytes()
        .chunks(1000)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
        .collect::<Vec<_>>();
    let undeclared = Body::from_stream(futures::stream::iter(chunks));
    let answer = post_as(&app, &key, "application/json", undeclared).await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
    );
}

#[tokio::test]
async fn hostile_queries_are_refused() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    for path in [
        "/api/history",
        "/api/history?session_id=",
        "/api/history?session_id=a%20b",
        "/api/history?session_id=%ff",
        "/api/history?session_id=s&limit=0",
        "/api/history?session_id=s&limit=201",
        "/api/history?session_id=s&limit=-1",
        "/api/history?session_id=s&limit=ten",
        "/api/history?session_id=s&limit=99999999999999999999999",
        "/api/sessions?limit=0",
        "/api/sessions?limit=",
        "/api/sessions?after=",
    ] {
        let answer = app.get(path, Some(&key)).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let app = TestApp::new().await;
    for (given, kept) in [
        ("abc-123", true),
        ("JKJaXmPLvHcESHA=", true),
        ("<script>", false),
        (&*"x".repeat(200), false),
    ] {
        let request = request(Method::GET, "/nothing", None)
            .header("x-request-id", given)
            .body(Body::empty())
            .unwrap();
        let answer = app.send(request).await;
        answer.error_code();
        assert_eq!(answer.headers["x-request-id"] == given, kept, "{given}");
    }
}

#[tokio::test]
async fn the_daily_limit_holds_exactly_and_says_when_it_ends() {
    let settings = TenantSettings {
        messages_per_day: Some(3),
        ..TenantSettings::default()
    };
    let (app, key) = TestApp::with_member(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let asked = (0..10).map(|_| app.chat(&key, "hello"));
    let answers = futures::future::join_all(asked).await;
    let accepted = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!(accepted, 3);
    let refused = answers
        .iter()
        .find(|answer| answer.status != StatusCode::OK)
        .unwrap();
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "daily_limit_reached")
    );
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_channel_that_the_tenant_turned_off_is_refused() {
    let settings = TenantSettings {
        enabled_channels: Some(vec!["slack".to_owned()]),
        ..TenantSettings::default()
    };
    let (app, key) = TestApp::with_member(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let answer = app.chat(&key, "hello").await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::FORBIDDEN, "channel_off")
    );
    let hint = answer.json()["error"]["hint"].to_string();
    let command = "`t3nets tenant set -t default enabled_channels=slack,api` turns it on";
    assert!(hint.contains(command), "{hint}");
}

#[tokio::test]
async fn what_the_older_program_saves_for_everyone_turns_no_channel_off() {
    let saved = r#"{"ai_provider":"bedrock","ai_model":"","system_prompt_override":"",
        "enabled_channels":["dashboard"],"enabled_skills":["ping"],"messages_per_day":1000}"#;
    let (app, key) = TestApp::with_member(Setup {
        settings: TenantSettings {
            ai_provider: None,
            ..serde_json::from_str(saved).unwrap()
        },
        ..Setup::default()
    })
    .await;
    assert_eq!(app.chat(&key, "hello").await.status, StatusCode::OK);
}

#[tokio::test]
async fn past_a_limit_that_was_lowered_the_refusal_says_what_was_really_used() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    for _ in 0..5 {
        let answer = app
            .post("/api/chat", Some(&key), &json!({"message": "hi"}))
            .await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let admin = t3nets_router::admin::Admin::new(app.platform.clone(), "operator:ada");
    let lowered = t3nets_router::admin::tenants::TenantEdits {
        name: None,
        settings: vec![
            t3nets_router::admin::settings::SettingEdit::set(
                t3nets_router::admin::settings::SettingKey::MessagesPerDay,
                json!(3),
            )
            .unwrap(),
        ],
    };
    admin
        .set_tenant(&"default".parse().unwrap(), &lowered)
        .await
        .unwrap();
    let refused = app
        .post("/api/chat", Some(&key), &json!({"message": "hi"}))
        .await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let hint = refused.json()["error"]["hint"].to_string();
    assert!(hint.contains("5 messages were used today"), "{hint}");
}
