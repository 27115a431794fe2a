//! The issuer's keys: fetched, changed, and missing.

use axum::http::StatusCode;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use support::issuer::{OidcIssuer, SigningKey, unsigned};
use t3nets_router::model::UserRole;

use super::{KEY, NEXT_KEY, World};
use crate::http::logging::Log;
use crate::http::{Answer, Setup, TestApp};

#[tokio::test]
async fn keys_change_without_a_restart() {
    let world = World::new().await;
    assert_eq!(
        world.chat(&world.token(json!({}))).await.status,
        StatusCode::OK
    );
    world
        .issuer
        .publish(vec![KEY.published("a"), NEXT_KEY.published("b")]);
    let newer = world.token_by(&NEXT_KEY, "b", json!({}));
    assert_eq!(world.chat(&newer).await.status, StatusCode::OK);
    assert_eq!(world.issuer.fetches(), 2);
    // The next of a new key has to wait for its time, or for that of all keys.
    let third = SigningKey::p256();
    world
        .issuer
        .publish(vec![NEXT_KEY.published("b"), third.published("c")]);
    let newest = world.token_by(&third, "c", json!({}));
    assert_eq!(world.chat(&newest).await.status, StatusCode::UNAUTHORIZED);
    world.pass(SignedDuration::from_secs(60));
    assert_eq!(world.chat(&newest).await.status, StatusCode::OK);
    // A key that was withdrawn is nobody's any more.
    let withdrawn = world.token(json!({"jti": 1}));
    assert_eq!(
        world.chat(&withdrawn).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(world.issuer.fetches(), 3);
}

#[tokio::test]
async fn keys_are_renewed_beside_the_requests_that_use_them() {
    let world = World::new().await;
    assert_eq!(
        world.chat(&world.token(json!({}))).await.status,
        StatusCode::OK
    );
    world.issuer.publish(vec![NEXT_KEY.published("b")]);
    world.pass(SignedDuration::from_mins(10));
    // Known still; the fetch goes on beside it.
    let known = world.token(json!({"jti": 1}));
    assert_eq!(world.chat(&known).await.status, StatusCode::OK);
    world.app.drained().await;
    assert_eq!(world.issuer.fetches(), 2);
    let withdrawn = world.token(json!({"jti": 2}));
    assert_eq!(
        world.chat(&withdrawn).await.status,
        StatusCode::UNAUTHORIZED
    );
    let newer = world.token_by(&NEXT_KEY, "b", json!({}));
    assert_eq!(world.chat(&newer).await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_token_is_judged_before_the_issuer_answered_and_keys_outlive_its_absence() {
    let (log, _guard) = Log::begin();
    let world = World::new().await;
    world.issuer.set_down(true);
    let unavailable = |answer: &Answer| {
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "issuer_unavailable")
        );
        assert_eq!(answer.headers["retry-after"], "5");
    };
    for turn in 0..5 {
        unavailable(&world.chat(&world.token(json!({"jti": turn}))).await);
    }
    assert_eq!(world.issuer.fetches(), 1, "the next has to wait");
    assert_eq!(log.lines_with("keys were not fetched").len(), 1);
    // Keys of T3nets work all the same.
    let key = world.app.key("default", "bob", UserRole::Member).await;
    assert_eq!(world.chat(&key).await.status, StatusCode::OK);

    world.issuer.set_down(false);
    world.pass(SignedDuration::from_secs(5));
    assert_eq!(
        world.chat(&world.token(json!({}))).await.status,
        StatusCode::OK
    );
    world.issuer.set_down(true);
    world.pass(SignedDuration::from_hours(5));
    assert_eq!(
        world.chat(&world.token(json!({}))).await.status,
        StatusCode::OK
    );
    world.app.drained().await;
    // Nobody can say whose a newer key is.
    unavailable(&world.chat(&world.token_by(&NEXT_KEY, "b", json!({}))).await);
    world.pass(SignedDuration::from_hours(1));
    unavailable(&world.chat(&world.token(json!({}))).await);
    world.issuer.set_down(false);
    world.pass(SignedDuration::from_secs(5));
    assert_eq!(
        world.chat(&world.token(json!({}))).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_none_for_the_issuer() {
    let world = World::new().await;
    let flood = async |names: std::ops::Range<usize>| {
        let requests = names.map(|name| {
            let token = world.token_by(&NEXT_KEY, &format!("k{name}"), json!({}));
            let world = &world;
            async move { world.chat(&token).await.status }
        });
        let answers = join_all(requests).await;
        let all = answers
            .iter()
            .all(|status| *status == StatusCode::UNAUTHORIZED);
        assert!(all, "{answers:?}");
    };
    flood(0..100).await;
    flood(100..200).await;
    assert!(world.issuer.fetches() <= 2, "{}", world.issuer.fetches());
    // What is signed by nobody at all costs the issuer nothing.
    world.pass(SignedDuration::from_secs(60));
    let before = world.issuer.fetches();
    let bad = json!({"alg": "HS256", "kid": "new"});
    let bad = format!("{}.AAAA", unsigned(&bad, &world.claims(json!({}))));
    assert_eq!(world.chat(&bad).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.issuer.fetches(), before);
}

#[tokio::test]
async fn an_issuer_that_is_another_or_publishes_no_keys_lets_nobody_in() {
    let world = World::new().await;
    world
        .issuer
        .publish(vec![json!({"kty": "oct", "k": "c2VjcmV0", "kid": "a"})]);
    let answer = world.chat(&world.token(json!({}))).await;
    assert_eq!(answer.error_code(), "issuer_unavailable");

    let issuer = OidcIssuer::start(vec![KEY.published("a")]).await;
    let named = issuer.name().replace("127.0.0.1", "localhost") + "/";
    let app = TestApp::with(Setup {
        issuer: Some(named),
        ..Setup::default()
    })
    .await;
    let now = Timestamp::now().as_second();
    let claims = json!({
        "iss": issuer.name(), "aud": "t3nets", "exp": now + 60,
        "email": "bob@example.com", "email_verified": true, "tenant_id": "default",
    });
    let token = KEY.token(&json!({"alg": "ES256", "kid": "a"}), &claims);
    assert_eq!(
        app.chat(&token, "hi").await.error_code(),
        "issuer_unavailable"
    );
}
