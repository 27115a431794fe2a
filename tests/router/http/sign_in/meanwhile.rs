//! What changed while a user was away to sign in.

use axum::http::{Method, StatusCode};
use serde_json::json;
use support::mcp::sign_in::Instead;
use support::mcp::{McpServer, reading};
use t3nets_router::model::UserRole;

use super::super::mcp::connect;
use super::super::{json_request, send_to};
use super::{OWN, TENANTS, World};

#[tokio::test]
async fn no_code_is_redeemed_for_a_server_that_is_at_another_address_by_then() {
    let world = World::new(json!({"credentials": "user"})).await;
    let back = world.authority.allow(&world.address(OWN, &world.bob).await);
    let other = McpServer::with([reading("look")]).await;
    connect(&world.app, &other, json!({"credentials": "user"})).await;
    let refused = world.finish(&world.bob, &back).await;
    assert_eq!(refused.error_code(), "sign_in_mismatch");
    assert_eq!(world.authority.forms("authorization_code").len(), 0);
}

#[tokio::test]
async fn who_is_no_administrator_any_more_signs_nobody_in_for_the_tenant() {
    let world = World::new(json!({})).await;
    let app = &world.app;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let eve = json!({"email": "eve@example.com", "display_name": "Eve", "role": "admin"});
    let added = app.post("/api/admin/users", Some(&ada), &eve).await;
    assert!(added.status.is_success(), "{added:?}");
    let eve = app.key("default", "eve@example.com", UserRole::Admin).await;
    let back = world.authority.allow(&world.address(TENANTS, &ada).await);
    let path = "/api/admin/users/ada";
    let role = json!({"role": "member"});
    let changed = app.send_json(Method::PATCH, path, &eve, &role).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    // Another router, which has not cached what she was.
    let path = format!("{OWN}/connected");
    let request = json_request(&path, Some(&ada), &json!(back));
    let refused = send_to(&app.another(), request).await;
    assert_eq!(refused.error_code(), "sign_in_unknown");
    assert_eq!(world.authority.forms("authorization_code").len(), 0);
}

#[tokio::test]
async fn tokens_of_a_kind_that_cannot_be_sent_are_not_stored() {
    let world = World::new(json!({"credentials": "user"})).await;
    let answer = json!({"access_token": "third-s3cret", "token_type": "DPoP"});
    world
        .authority
        .instead("/token", Instead::Answer(200, answer));
    let back = world.authority.allow(&world.address(OWN, &world.bob).await);
    let refused = world.finish(&world.bob, &back).await;
    assert_eq!(refused.error_code(), "integration_misconfigured");
    assert_eq!(world.stored(Some("bob")).await, json!(null));
}
