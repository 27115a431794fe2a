//! A server that asks for more access than was granted.

use super::*;
use support::mcp::Fault;

fn scopes_of(address: &str) -> String {
    let address = url::Url::parse(address).unwrap();
    let mut pairs = address.query_pairs();
    let scopes = pairs.find(|(name, _)| name == "scope").unwrap();
    scopes.1.into_owned()
}

/// What the model was told of the last call.
fn told(model: &ModelServer) -> String {
    let requests = model.requests();
    let messages = requests.last().unwrap().body["messages"].clone();
    messages.as_array().unwrap().last().unwrap().to_string()
}

#[tokio::test]
async fn a_tool_that_needs_more_says_so_and_the_next_sign_in_asks_for_it() {
    let model = looking().await;
    let world = World::with(json!({"credentials": "user"}), variables(&model)).await;
    world.sign_in(OWN, &world.bob).await;
    for scopes in ["docs:write", "docs:share docs:write"] {
        let fault = Fault::MoreScopes(scopes.to_owned());
        world.server.fail("tools/call", fault);
        world.app.chat(&world.bob, "look").await;
        let told = told(&model);
        for part in [scopes, "card=mcp-docs", "connect it again"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    // It is no reason to renew a token.
    assert_eq!(world.authority.forms("refresh_token").len(), 0);
    // Who does not come back is asked for it again, and what was granted once stays asked for.
    let wanted = "docs:read docs:write docs:share";
    for _ in 0..2 {
        let address = world.address(OWN, &world.bob).await;
        assert_eq!(scopes_of(&address), wanted);
    }
    world.sign_in(OWN, &world.bob).await;
    world.server.heal();
    assert_eq!(
        world.app.chat(&world.bob, "look").await.json()["text"],
        "So."
    );
    let address = world.address(OWN, &world.bob).await;
    assert_eq!(scopes_of(&address), wanted);
}

#[tokio::test]
async fn a_server_that_tells_no_tools_without_more_access_is_to_be_connected_again() {
    let model = looking().await;
    let world = World::with(json!({"credentials": "user"}), variables(&model)).await;
    world.sign_in(OWN, &world.bob).await;
    let fault = Fault::MoreScopes("docs:list".to_owned());
    world.server.fail("tools/list", fault);
    let told = world.app.chat(&world.bob, "look").await.json()["text"].clone();
    assert!(
        told.as_str().unwrap().contains("[Connect `docs`]"),
        "{told}"
    );
    let tested = world.tested().await;
    assert_eq!(tested.error_code(), "integration_denied");
    let address = world.address(OWN, &world.bob).await;
    assert_eq!(scopes_of(&address), "docs:read docs:list");
}

#[tokio::test]
async fn for_a_whole_tenant_an_administrator_grants_it() {
    let model = looking().await;
    let world = World::with(json!({}), variables(&model)).await;
    let ada = world.app.key("default", "ada", UserRole::Admin).await;
    world.sign_in(TENANTS, &ada).await;
    let fault = Fault::MoreScopes("docs:write".to_owned());
    world.server.fail("tools/call", fault);
    world.app.chat(&world.bob, "look").await;
    let told = told(&model);
    assert!(
        told.contains("An administrator has to connect it again"),
        "{told}"
    );
    let address = world.address(TENANTS, &ada).await;
    assert_eq!(scopes_of(&address), "docs:read docs:write");
}
