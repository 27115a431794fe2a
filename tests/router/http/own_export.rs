//! What is kept of the caller, as lines.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::Value;
use t3nets_router::model::UserRole;
use tower::ServiceExt;

use super::{TestApp, request};

const PATH: &str = "/api/me/export";

#[tokio::test]
async fn callers_get_what_is_kept_of_them_and_nothing_of_others() {
    let app = TestApp::new().await;
    let bob = app.key("default", "bob", UserRole::Member).await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    for (key, said) in [(&bob, "hello from bob"), (&ada, "hello from ada")] {
        let answer = app.chat(key, said).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    app.drained().await;
    let answer = app.get(PATH, Some(&bob)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["user_id"], "bob");
    assert_eq!(lines.last().unwrap()["is_complete"], true);
    let said: Vec<&str> = lines
        .iter()
        .filter(|line| line["type"] == "message" && line["role"] == "user")
        .map(|line| line["content"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["hello from bob"]);
    let keys: Vec<_> = lines.iter().filter(|line| line["type"] == "key").collect();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].get("hash").is_none() && !text.contains(&bob));
    assert!(
        !text.contains("from ada") && !text.contains("ada@"),
        "{text}"
    );

    let trail = app.get("/api/admin/audit", Some(&ada)).await.json();
    let newest = &trail["entries"][0];
    assert_eq!(
        (&newest["actor"], &newest["action"], &newest["target"]),
        (&"user:bob".into(), &"user.export".into(), &"bob".into())
    );
}

#[tokio::test]
async fn only_a_few_exports_are_made_at_once() {
    let app = TestApp::new().await;
    let bob = app.key("default", "bob", UserRole::Member).await;
    let begin = async || {
        let request = request(Method::GET, PATH, Some(&bob));
        let request = request.body(Body::empty()).unwrap();
        app.routes.clone().oneshot(request).await.unwrap()
    };
    let under_way = [begin().await, begin().await];
    let refused = app.get(PATH, Some(&bob)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.error_code(), "too_many_exports");
    assert!(refused.headers.contains_key("retry-after"));
    drop(under_way);
    assert_eq!(app.get(PATH, Some(&bob)).await.status, StatusCode::OK);
}
