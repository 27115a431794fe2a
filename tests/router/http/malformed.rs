//! Requests that nobody would send on purpose, generated: whatever they are, the answer is JSON and
//! a 4xx.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use t3nets_router::model::UserRole;

use super::TestApp;

/// A request before it has a key.
#[derive(Debug, Clone)]
struct Malformed {
    method: String,
    path: String,
    media_type: Option<String>,
    body: Vec<u8>,
}

/// Any JSON at all, up to deep nesting and odd texts.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(".*", inner, 0..8).prop_map(|fields| json!(fields)),
        ]
    })
}

/// A session id that breaks the rule for ids.
fn hostile_id() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(" ".to_owned()),
        Just("'; DROP TABLE messages; --".to_owned()),
        Just("x".repeat(100_000)),
        Just("\u{0}".to_owned()),
        ".*[^!-~]+.*",
    ]
}

fn post(path: &'static str, media_type: &'static str, body: Vec<u8>) -> Malformed {
    Malformed {
        method: "POST".to_owned(),
        path: path.to_owned(),
        media_type: Some(media_type.to_owned()),
        body,
    }
}

fn malformed() -> impl Strategy<Value = Malformed> {
    const JSON: &str = "application/json";
    let post_path = || prop_oneof![Just("/api/chat"), Just("/api/clear")];
    let not_an_object =
        any_json().prop_filter("an object might be right", |value| !value.is_object());
    let wrong_message = any_json().prop_filter("a text might be right", |value| !value.is_string());
    let nested =
        (1_usize..200_000).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    prop_oneof![
        (post_path(), not_an_object).prop_map(|(path, body)| post(
            path,
            JSON,
            body.to_string().into_bytes()
        )),
        wrong_message.prop_map(|value| post(
            "/api/chat",
            JSON,
            json!({"message": value}).to_string().into_bytes()
        )),
        (post_path(), hostile_id()).prop_map(|(path, id)| {
            post(
                path,
                JSON,
                json!({"message": "hi", "session_id": id})
                    .to_string()
                    .into_bytes(),
            )
        }),
        (post_path(), nested).prop_map(|(path, body)| post(path, JSON, body.into_bytes())),
        (post_path(), prop::collection::vec(any::<u8>(), 0..2_000))
            .prop_map(|(path, body)| post(path, JSON, body)),
        (post_path(), 1_048_577_usize..3_000_000).prop_map(|(path, size)| post(
            path,
            JSON,
            vec![b' '; size]
        )),
        (32_769_usize..500_000).prop_map(|size| post(
            "/api/chat",
            JSON,
            json!({"message": "x".repeat(size)})
                .to_string()
                .into_bytes()
        )),
        (post_path(), "[a-z]{1,9}/[a-z.+-]{1,20}").prop_filter_map(
            "that is JSON",
            |(path, media_type)| {
                let valid = json!({"message": "hi", "session_id": "s"})
                    .to_string()
                    .into_bytes();
                (media_type != JSON).then(|| Malformed {
                    media_type: Some(media_type),
                    ..post(path, JSON, valid)
                })
            }
        ),
        ("[A-Z]{3,12}", post_path()).prop_filter_map(
            "that is a method of theirs",
            |(method, path)| {
                (method != "POST").then(|| Malformed {
                    method,
                    ..post(path, JSON, b"{}".to_vec())
                })
            }
        ),
        hostile_id().prop_map(|id| {
            let encoded: String = id
                .bytes()
                .take(2_000)
                .map(|byte| format!("%{byte:02x}"))
                .collect();
            let path = format!("/api/history?session_id={encoded}");
            Malformed {
                method: "GET".to_owned(),
                path,
                media_type: None,
                body: Vec::new(),
            }
        }),
        "[a-zA-Z0-9/_.-]{1,60}".prop_map(|path| {
            Malformed {
                method: "GET".to_owned(),
                path: format!("/nothing/{path}"),
                media_type: None,
                body: Vec::new(),
            }
        }),
    ]
}

#[tokio::test]
async fn two_hundred_malformed_requests_get_4xx_json() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    for _ in 0..200 {
        let malformed = malformed().new_tree(&mut runner).unwrap().current();
        let mut request = Request::builder()
            .method(Method::from_bytes(malformed.method.as_bytes()).unwrap())
            .uri(&malformed.path)
            .header("authorization", format!("Bearer {key}"));
        if let Some(media_type) = &malformed.media_type {
            request = request.header("content-type", media_type);
        }
        let answer = app
            .send(request.body(Body::from(malformed.body.clone())).unwrap())
            .await;
        let shown = format!(
            "{} {} {:.200}",
            malformed.method,
            malformed.path,
            String::from_utf8_lossy(&malformed.body)
        );
        assert!(
            answer.status.is_client_error(),
            "{}: {shown}",
            answer.status
        );
        if malformed.method != "HEAD" {
            answer.error_code();
        }
    }
    assert_eq!(
        app.chat(&key, "hello").await.status,
        StatusCode::OK,
        "and it still serves"
    );
}
