//! Tokens that expire, and what renewing them comes to.

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::mcp::sign_in::Instead;

use super::super::chat::variables;
use super::super::mcp::connect;
use super::super::{json_request, send_to};
use super::{OWN, World, looking};

#[tokio::test]
async fn a_token_is_renewed_once_however_many_need_it_at_once() {
    let world = World::new(json!({"credentials": "user"})).await;
    world.sign_in(OWN, &world.bob).await;
    let another = world.app.another();
    for round in 1..4 {
        world.pass(3601);
        let path = format!("{OWN}/test");
        let all = (0..8).map(|at| {
            let routes = if at % 2 == 0 {
                &world.app.routes
            } else {
                &another
            };
            send_to(routes, json_request(&path, Some(&world.bob), &json!({})))
        });
        for answer in futures::future::join_all(all).await {
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
        let renewals = world.authority.forms("refresh_token");
        assert_eq!(renewals.len(), round);
        assert_eq!(renewals[round - 1]["resource"], world.server.url());
    }
    // Before it expires, too.
    world.pass(3550);
    assert_eq!(world.tested().await.status, StatusCode::OK);
    assert_eq!(world.authority.forms("refresh_token").len(), 4);
}

#[tokio::test]
async fn who_gives_no_new_refresh_token_leaves_the_one_before_and_who_is_down_loses_none() {
    let world = World::new(json!({"credentials": "user"})).await;
    world.sign_in(OWN, &world.bob).await;
    let before = world.stored(Some("bob")).await["oauth"]["refresh_token"].clone();
    world.pass(3601);
    world.authority.instead(
        "/token",
        Instead::Answer(503, json!({"error": "server_error"})),
    );
    let failed = world.tested().await;
    assert_eq!(failed.error_code(), "integration_unavailable");
    let listed = world.listed().await;
    assert_eq!(
        (&listed["connected"], &listed["ended_at"]),
        (&json!(true), &Value::Null)
    );
    let tokens = world.authority.tokens();
    tokens.lock().unwrap().insert("third-s3cret".to_owned());
    let answer =
        json!({"access_token": "third-s3cret", "token_type": "bearer", "expires_in": "60"});
    world
        .authority
        .instead("/token", Instead::Answer(200, answer));
    assert_eq!(world.tested().await.status, StatusCode::OK);
    assert_eq!(
        world.stored(Some("bob")).await["oauth"]["refresh_token"],
        before
    );
    world.authority.heal();
    world.pass(60);
    assert_eq!(world.tested().await.status, StatusCode::OK);
}

/// An administrator can correct the client's secret: nobody has to sign in again for it.
#[tokio::test]
async fn a_refusal_of_the_client_ends_no_sign_in() {
    let world = World::new(json!({"credentials": "user"})).await;
    world.sign_in(OWN, &world.bob).await;
    world.pass(3601);
    let refusal = Instead::Answer(401, json!({"error": "invalid_client"}));
    world.authority.instead("/token", refusal);
    let failed = world.tested().await;
    assert_eq!(failed.error_code(), "integration_denied");
    let listed = world.listed().await;
    assert_eq!(
        (&listed["connected"], &listed["ended_at"]),
        (&json!(true), &Value::Null)
    );
    world.authority.heal();
    assert_eq!(world.tested().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_renewal_that_is_refused_asks_the_user_to_connect_again() {
    let model = looking().await;
    let world = World::with(json!({"credentials": "user"}), variables(&model)).await;
    world.sign_in(OWN, &world.bob).await;
    assert_eq!(
        world.app.chat(&world.bob, "look").await.json()["text"],
        "So."
    );
    // One that is taken back before its time is renewed within the turn.
    world.pass(301);
    world.authority.revoke_tokens();
    connect(
        &world.app,
        &world.server,
        json!({"credentials": "user", "timeout": "14"}),
    )
    .await;
    assert_eq!(
        world.app.chat(&world.bob, "look").await.json()["text"],
        "So."
    );
    assert_eq!(world.authority.forms("refresh_token").len(), 1);

    world.authority.revoke();
    world.pass(3601);
    let told = world.app.chat(&world.bob, "look").await.json()["text"].clone();
    assert!(
        told.as_str().unwrap().contains("[Connect `docs`]"),
        "{told}"
    );
    let listed = world.listed().await;
    assert_eq!(
        (
            &listed["connected"],
            &listed["signed_in"],
            &listed["ended_at"]
        ),
        (&json!(false), &json!(true), &json!("2026-11-27T13:05:02Z"))
    );
    let tested = world.tested().await;
    assert_eq!(tested.error_code(), "integration_denied");
    assert!(
        !world
            .stored(Some("bob"))
            .await
            .to_string()
            .contains("s3cret")
    );
    world.app.chat(&world.bob, "look").await;
    assert_eq!(world.authority.forms("refresh_token").len(), 2);
    world.sign_in(OWN, &world.bob).await;
    assert_eq!(
        world.app.chat(&world.bob, "look").await.json()["text"],
        "So."
    );
}
