//! What a turn asks of AWS: few calls, each of which costs time and money.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use support::aws::AwsServer;
use support::aws_proxy::AwsProxy;
use support::issuer::{OidcIssuer, SigningKey};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::UserRole;
use t3nets_router::secrets_cache::CachedSecrets;

use super::chat::variables;
use super::tenants_apart::stores_on;
use super::{Setup, TestApp};

/// A router whose calls to AWS go through a proxy that counts them, with a key of `bob`'s; `None`
/// if the test should return.
async fn counted(
    model: &ModelServer,
    issuer: Option<String>,
) -> Option<(TestApp, String, AwsProxy)> {
    let server = AwsServer::shared_ministack()?;
    let proxy = AwsProxy::to(server.url()).start().await;
    let mut stores = stores_on(server, Some(&proxy.url())).await;
    stores.secrets = std::sync::Arc::new(CachedSecrets::new(stores.secrets));
    let (app, key) = TestApp::with_member(Setup {
        platform: Some("aws"),
        stores: Some(stores),
        ai: variables(model),
        issuer,
        ..Setup::default()
    })
    .await;
    Some((app, key, proxy))
}

/// The calls of one turn, by name: what is read before and written after.
async fn calls_of(app: &TestApp, proxy: &AwsProxy, key: &str, session: &mut Value) -> Vec<String> {
    let before = proxy.count();
    let body = match &session {
        Value::Null => json!({"message": "think it over"}),
        session => json!({"message": "and then? ".repeat(60), "session_id": session}),
    };
    let answer = app.post("/api/chat", Some(key), &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    *session = answer.json()["session_id"].clone();
    app.drained().await;
    let calls = proxy.calls();
    let mut names: Vec<String> = calls[before..]
        .iter()
        .map(|call| call.operation.clone())
        .collect();
    names.sort();
    names
}

fn count(calls: &[String], name: &str) -> usize {
    calls.iter().filter(|call| *call == name).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_makes_few_calls() {
    let model = ModelServer::answering(|_| Says::text("Well. ".repeat(80))).await;
    let Some((app, key, proxy)) = counted(&model, None).await else {
        return;
    };
    let mut session = Value::Null;
    // The router knows nobody yet, nor where the key is; the conversation begins.
    let first = calls_of(&app, &proxy, &key, &mut session).await;
    assert!(first.len() <= 16, "{first:?}");

    // The conversation, its reservation, the append, settling, the ledger. Whoever the router has
    // not asked for in five seconds is four more, all at once, and so is the one integration that
    // its skills need. Some turns move older ones to a page, in a transaction; pages are known to
    // the router that wrote them.
    let (mut moved, mut fewest) = (0, usize::MAX);
    for turn in 0..12 {
        let calls = calls_of(&app, &proxy, &key, &mut session).await;
        let transactions = count(&calls, "TransactWriteItems");
        moved += transactions;
        let writes = transactions + count(&calls, "UpdateItem");
        assert_eq!(writes, 4, "turn {turn}: {calls:?}");
        let reads = count(&calls, "GetItem");
        assert!([1, 5].contains(&reads), "turn {turn}: {calls:?}");
        let secrets = count(&calls, "GetSecretValue");
        assert!(secrets <= 1, "turn {turn}: {calls:?}");
        assert_eq!(
            writes + reads + secrets,
            calls.len(),
            "turn {turn}: {calls:?}"
        );
        fewest = fewest.min(calls.len());
    }
    assert_eq!(fewest, 5);
    assert!((4..=7).contains(&moved), "{moved}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_by_a_token_makes_no_more_calls_than_one_by_a_key() {
    let model = ModelServer::answering(|_| Says::text("Well.")).await;
    let signing = SigningKey::p256();
    let issuer = OidcIssuer::start(vec![signing.published("a")]).await;
    let Some((app, key, proxy)) = counted(&model, Some(issuer.name())).await else {
        return;
    };
    let token = |number: u8| {
        let claims = json!({
            "iss": issuer.name(), "aud": "t3nets", "exp": Timestamp::now().as_second() + 600,
            "email": "bob@example.com", "email_verified": true, "tenant_id": "default",
            "jti": number,
        });
        signing.token(&json!({"alg": "ES256", "kid": "a"}), &claims)
    };
    // What is cached of the tenant and not of the caller.
    calls_of(
        &app,
        &proxy,
        &app.key("default", "ada", UserRole::Admin).await,
        &mut Value::Null,
    )
    .await;
    let by_key = calls_of(&app, &proxy, &key, &mut Value::Null).await;
    let by_token = calls_of(&app, &proxy, &token(1), &mut Value::Null).await;
    assert!(by_token.len() <= by_key.len(), "{by_token:?} {by_key:?}");
    // Another token of theirs, of whom it is known where they are: tenant, user and memory.
    let (renewed, mut session) = (token(2), Value::Null);
    let began = calls_of(&app, &proxy, &renewed, &mut session).await;
    let went_on = calls_of(&app, &proxy, &renewed, &mut session).await;
    for calls in [&began, &went_on] {
        assert_eq!(count(calls, "Query"), 0, "{calls:?}");
    }
    assert!([1, 4].contains(&count(&went_on, "GetItem")), "{went_on:?}");
}
