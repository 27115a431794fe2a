//! Signing in to an MCP server by OAuth: what a user is sent with and comes back with, what becomes
//! of the tokens, and what is refused.

mod meanwhile;
mod more_scopes;
mod renewing;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use support::mcp::sign_in::{AuthorizationServer, Instead, METADATA};
use support::mcp::{McpServer, reading};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::{SecretName, UserRole};

use super::chat::variables;
use super::clock::ManualClock;
use super::mcp::connect;
use super::session::Browser;
use super::{Answer, Setup, TestApp, request, tenant_id};

const OWN: &str = "/api/me/integrations/mcp-docs";
const TENANTS: &str = "/api/admin/integrations/mcp-docs";

/// A tenant with a server that people sign in to.
struct World {
    app: TestApp,
    server: McpServer,
    authority: AuthorizationServer,
    clock: std::sync::Arc<ManualClock>,
    bob: String,
}

impl World {
    async fn new(fields: Value) -> Self {
        Self::with(fields, Vec::new()).await
    }

    async fn with(fields: Value, ai: Vec<(&'static str, String)>) -> Self {
        let clock = ManualClock::at("2026-11-27T12:00:00Z");
        let (app, bob) = TestApp::with_member(Setup {
            public_url: Some("https://t3nets.example.com"),
            clock: Some(clock.clone()),
            ai,
            ..Setup::default()
        })
        .await;
        let (server, authority) = (
            McpServer::with([reading("look")]).await,
            AuthorizationServer::start().await,
        );
        server.sign_in_at(&authority);
        connect(&app, &server, fields).await;
        Self {
            app,
            server,
            authority,
            clock,
            bob,
        }
    }

    fn pass(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    /// Where the user is sent.
    async fn begin(&self, path: &str, key: &str) -> Answer {
        let path = format!("{path}/connect");
        self.app.post(&path, Some(key), &json!({})).await
    }

    async fn address(&self, path: &str, key: &str) -> String {
        let begun = self.begin(path, key).await;
        assert_eq!(begun.status, StatusCode::OK, "{begun:?}");
        begun.json()["authorization_url"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn finish(&self, key: &str, back: &BTreeMap<String, String>) -> Answer {
        let path = format!("{OWN}/connected");
        self.app.post(&path, Some(key), &json!(back)).await
    }

    /// Signs in, from beginning to end.
    async fn sign_in(&self, path: &str, key: &str) {
        let back = self.authority.allow(&self.address(path, key).await);
        let finished = self.finish(key, &back).await;
        assert_eq!(finished.status, StatusCode::OK, "{finished:?}");
    }

    async fn listed(&self) -> Value {
        let listed = self.app.get("/api/me/integrations", Some(&self.bob)).await;
        listed.json()["integrations"][0].clone()
    }

    async fn tested(&self) -> Answer {
        let path = format!("{OWN}/test");
        self.app.post(&path, Some(&self.bob), &json!({})).await
    }

    /// What is stored: the user's own, or the tenant's.
    async fn stored(&self, user: Option<&str>) -> Value {
        let name = SecretName {
            tenant_id: tenant_id("default"),
            integration: "mcp-docs".parse().unwrap(),
            user_id: user.map(|id| id.parse().unwrap()),
        };
        let stored = self.app.platform.secrets.get(&name).await.unwrap();
        stored.map_or(Value::Null, |stored| stored.fields().clone().into())
    }
}

/// A model that uses the server's tool if it is offered, and otherwise says that it is wanted.
async fn looking() -> ModelServer {
    ModelServer::answering(|call| {
        let tools = call.body["tools"].to_string();
        let last = call.body["messages"].as_array().unwrap().last().unwrap();
        match call.last_text().as_str() {
            _ if last.to_string().contains("tool_result") => Says::text("So."),
            "look" if tools.contains("docs__look") => Says::tool("t1", "docs__look", json!({})),
            "look" => Says::tool("t1", "docs__connect_account", json!({})),
            _ => Says::text("So."),
        }
    })
    .await
}

#[tokio::test]
async fn a_user_signs_in_and_the_server_is_called_with_what_came_of_it() {
    let model = looking().await;
    let world = World::with(json!({"credentials": "user"}), variables(&model)).await;
    let told = world.app.chat(&world.bob, "look").await.json()["text"].clone();
    let link =
        "[Connect `docs`](https://t3nets.example.com/dashboard?view=connections&card=mcp-docs)";
    assert!(told.as_str().unwrap().contains(link), "{told}");

    let begun = world.begin(OWN, &world.bob).await.json();
    let way_back = "https://t3nets.example.com/oauth/callback/mcp-docs";
    assert_eq!(begun["redirect_uri"], way_back);
    let address = begun["authorization_url"].as_str().unwrap();
    for part in [
        "&scope=docs%3Aread",
        "oauth%2Fcallback%2Fmcp-docs&",
        "&resource=http",
    ] {
        assert!(address.contains(part), "{part}: {address}");
    }
    let registered = &world.authority.registrations()[0];
    assert_eq!(registered["redirect_uris"], json!([way_back]));
    let back = world.authority.allow(address);
    let finished = world.finish(&world.bob, &back).await;
    assert_eq!(
        finished.json(),
        json!({"name": "mcp-docs", "credentials": "user"})
    );
    assert_eq!(world.authority.forms("authorization_code").len(), 1);
    let listed = world.listed().await;
    assert_eq!(
        (
            &listed["connected"],
            &listed["signed_in"],
            &listed["ended_at"]
        ),
        (&json!(true), &json!(true), &Value::Null)
    );
    assert_eq!(
        world.app.chat(&world.bob, "look").await.json()["text"],
        "So."
    );
    assert_eq!(world.server.calls().len(), 1);
    let tested = world.tested().await;
    assert_eq!(tested.json()["reached"]["tools"][0]["name"], "look");
    for answer in [&finished, &tested] {
        assert!(!format!("{:?}", answer.body).contains("s3cret"));
    }
    // What is entered takes its place.
    let put =
        request(Method::PUT, OWN, Some(&world.bob)).header("content-type", "application/json");
    let put = put.body(Body::from(json!({"token": "entered"}).to_string()));
    world.app.send(put.unwrap()).await;
    assert_eq!(world.listed().await["signed_in"], false);
    assert!(
        !world
            .stored(Some("bob"))
            .await
            .to_string()
            .contains("s3cret")
    );
}

#[tokio::test]
async fn what_comes_back_counts_once_and_for_who_began_it_there() {
    let world = World::new(json!({"credentials": "user"})).await;
    let (ada, other) = (
        world.app.key("default", "ada", UserRole::Admin).await,
        world.app.key("default", "bob", UserRole::Member).await,
    );
    let back = world.authority.allow(&world.address(OWN, &world.bob).await);
    // Neither another user nor another state finds it; another session of the user spends it.
    let mut wrong = back.clone();
    wrong.insert("state".to_owned(), "x".repeat(52));
    for (key, back) in [
        (&ada, &back),
        (&world.bob, &wrong),
        (&other, &back),
        (&world.bob, &back),
    ] {
        let refused = world.finish(key, back).await;
        assert_eq!(refused.error_code(), "sign_in_unknown");
    }
    assert_eq!(world.authority.forms("authorization_code").len(), 0);

    let back = world.authority.allow(&world.address(OWN, &world.bob).await);
    assert_eq!(world.finish(&world.bob, &back).await.status, StatusCode::OK);
    let replayed = world.finish(&world.bob, &back).await;
    assert_eq!(replayed.error_code(), "sign_in_unknown");
    assert_eq!(world.authority.forms("authorization_code").len(), 1);

    // Of many at once one is taken.
    let back = world.authority.allow(&world.address(OWN, &world.bob).await);
    let all = (0..8).map(|_| world.finish(&world.bob, &back));
    let all = futures::future::join_all(all).await;
    let taken = all
        .iter()
        .filter(|answer| answer.status.is_success())
        .count();
    assert_eq!(taken, 1);

    // Too late.
    let back = world.authority.allow(&world.address(OWN, &world.bob).await);
    world.pass(601);
    let late = world.finish(&world.bob, &back).await;
    assert_eq!(late.error_code(), "sign_in_unknown");
}

#[tokio::test]
async fn a_session_of_the_page_begins_and_finishes_it_with_its_csrf_token() {
    let world = World::new(json!({"credentials": "user"})).await;
    let with = json!({"key": world.bob});
    let browser = Browser::sign_in(&world.app, with.clone()).await;
    let begun = browser
        .send(Method::POST, &format!("{OWN}/connect"), &json!({}))
        .await;
    let address = begun.json()["authorization_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let back = json!(world.authority.allow(&address));
    let page = world
        .app
        .get("/oauth/callback/mcp-docs?code=x&state=y", None)
        .await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    let finished = browser
        .send(Method::POST, &format!("{OWN}/connected"), &back)
        .await;
    assert_eq!(finished.status, StatusCode::OK, "{finished:?}");
    // Another session of the same user's.
    let begun = browser
        .send(Method::POST, &format!("{OWN}/connect"), &json!({}))
        .await;
    let address = begun.json()["authorization_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let back = json!(world.authority.allow(&address));
    let another = Browser::sign_in(&world.app, with).await;
    let refused = another
        .send(Method::POST, &format!("{OWN}/connected"), &back)
        .await;
    assert_eq!(refused.error_code(), "sign_in_unknown");
}

#[tokio::test]
async fn a_refusal_and_another_issuer_sign_nobody_in() {
    let world = World::new(json!({"credentials": "user"})).await;
    for (change, code) in [
        (
            json!({"error": "access_denied", "code": null}),
            "sign_in_refused",
        ),
        (
            json!({"error": "<b>s3cret</b>", "code": null}),
            "sign_in_refused",
        ),
        (json!({"code": null}), "sign_in_refused"),
        (json!({"iss": "https://evil.example"}), "sign_in_mismatch"),
        (json!({"iss": null}), "sign_in_mismatch"),
    ] {
        let back = world.authority.allow(&world.address(OWN, &world.bob).await);
        let mut back = json!(back);
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(back.as_object_mut().unwrap().remove(name)),
                value => back[name] = value.clone(),
            }
        }
        let path = format!("{OWN}/connected");
        let refused = world.app.post(&path, Some(&world.bob), &back).await;
        assert_eq!(refused.error_code(), code, "{change}");
        assert!(!format!("{:?}", refused.body).contains("s3cret"));
    }
    assert_eq!(world.authority.forms("authorization_code").len(), 0);
    // A code that was not given for this.
    let mut back = world.authority.allow(&world.address(OWN, &world.bob).await);
    back.insert("code".to_owned(), "stolen".to_owned());
    let refused = world.finish(&world.bob, &back).await;
    assert_eq!(refused.error_code(), "integration_denied");
    assert!(!format!("{:?}", refused.body).contains("s3cret"));
    assert_eq!(world.listed().await["connected"], false);
    // What comes back for another server's is not taken for this one's.
    let back = world.authority.allow(&world.address(OWN, &world.bob).await);
    let elsewhere = "/api/me/integrations/mcp-other/connected";
    let refused = world
        .app
        .post(elsewhere, Some(&world.bob), &json!(back))
        .await;
    assert_eq!(refused.error_code(), "sign_in_unknown");
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_trusted_or_reached_sends_nobody_there() {
    for (name, value, said) in [
        ("code_challenge_methods_supported", json!(["plain"]), "PKCE"),
        (
            "issuer",
            json!("https://evil.example"),
            "that it is another",
        ),
        (
            "token_endpoint",
            json!("http://evil.example/token"),
            "no https",
        ),
        (
            "authorization_endpoint",
            json!("javascript:alert(1)"),
            "no https",
        ),
        ("registration_endpoint", Value::Null, "does not know"),
        // Where the cloud has its credentials.
        (
            "registration_endpoint",
            json!("https://169.254.169.254/"),
            "may not lead to",
        ),
    ] {
        let world = World::new(json!({"credentials": "user"})).await;
        world.authority.say(name, value);
        let refused = world.begin(OWN, &world.bob).await;
        let text = format!("{:?}", refused.body);
        assert_eq!(refused.error_code(), "integration_misconfigured", "{name}");
        assert!(text.contains(said), "{name}: {text}");
    }
    for (of_server, value) in [
        ("authorization_servers", json!(["https://10.0.0.1"])),
        ("authorization_servers", json!(["http://evil.example"])),
        ("authorization_servers", json!([])),
        ("resource", json!("https://elsewhere.example/mcp")),
    ] {
        let world = World::new(json!({"credentials": "user"})).await;
        world.server.say_of_sign_in(of_server, value);
        let refused = world.begin(OWN, &world.bob).await;
        assert_eq!(
            refused.error_code(),
            "integration_misconfigured",
            "{of_server}"
        );
    }
    let world = World::new(json!({"credentials": "user"})).await;
    world.server.name_metadata("http://evil.example/metadata");
    let refused = world.begin(OWN, &world.bob).await;
    assert!(format!("{:?}", refused.body).contains("no https"));
    // A token would go into a header that is another's.
    let world = World::new(json!({"credentials": "user", "header": "X-Token"})).await;
    let refused = world.begin(OWN, &world.bob).await;
    assert_eq!(refused.error_code(), "refused");
    let world = World::new(json!({"credentials": "user"})).await;
    world.authority.instead(METADATA, Instead::Flood);
    let refused = world.begin(OWN, &world.bob).await;
    assert!(format!("{:?}", refused.body).contains("too long"));
    world
        .authority
        .instead(METADATA, Instead::Answer(503, json!({})));
    let refused = world.begin(OWN, &world.bob).await;
    assert_eq!(refused.error_code(), "integration_unavailable");
}

#[tokio::test]
async fn an_administrator_signs_in_for_the_whole_tenant() {
    let model = looking().await;
    let fields = json!({"client_id": "known", "client_secret": "clients-s3cret"});
    let world = World::with(fields, variables(&model)).await;
    world.authority.require_secret("clients-s3cret");
    let ada = world.app.key("default", "ada", UserRole::Admin).await;
    let refused = world.begin(TENANTS, &world.bob).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = world.begin(OWN, &world.bob).await;
    assert_eq!(refused.error_code(), "refused");
    world.sign_in(TENANTS, &ada).await;
    assert_eq!(world.authority.registrations(), [] as [Value; 0]);
    // https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    let basic = data_encoding::BASE64.encode(b"known:clients-s3cret");
    assert_eq!(world.authority.heads(), [Some(format!("Basic {basic}"))]);
    assert_eq!(
        world.app.chat(&world.bob, "look").await.json()["text"],
        "So."
    );

    let shown = async || {
        let listed = world.app.get("/api/admin/integrations", Some(&ada)).await;
        assert!(!format!("{:?}", listed.body).contains("s3cret"));
        let all = listed.json()["integrations"].clone();
        all.as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "mcp-docs")
            .unwrap()
            .clone()
    };
    let docs = shown().await;
    assert_eq!(docs["sign_in"]["signed_in"], true);
    let fields = docs["fields"].as_array().unwrap();
    assert!(
        fields.iter().all(|field| field["name"] != "oauth"),
        "{docs}"
    );

    // Renewed, too; and what an administrator changes meanwhile stays.
    world.pass(3601);
    let put = async |fields: Value| {
        let put = request(Method::PUT, TENANTS, Some(&ada));
        let put = put.header("content-type", "application/json");
        let body = Body::from(json!({"fields": fields}).to_string());
        world.app.send(put.body(body).unwrap()).await
    };
    assert_eq!(put(json!({"timeout": "9"})).await.status, StatusCode::OK);
    assert_eq!(
        world.app.chat(&world.bob, "look").await.json()["text"],
        "So."
    );
    assert_eq!(world.authority.forms("refresh_token").len(), 1);
    assert_eq!(world.stored(None).await["timeout"], "9");

    // No token of a sign-in goes to another host, nor is it mixed with one that is entered.
    let other = McpServer::with([reading("look")]).await;
    let moved = put(json!({"url": other.url(), "client_secret": "s3cret"})).await;
    assert_eq!(moved.status, StatusCode::OK, "{moved:?}");
    let stored = world.stored(None).await;
    assert_eq!(
        (&stored["oauth"], &stored["token"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shown().await["sign_in"]["signed_in"], false);
}

#[tokio::test]
async fn a_router_that_does_not_know_its_address_says_so() {
    let (app, bob) = TestApp::with_member(Setup::default()).await;
    let server = McpServer::with([reading("look")]).await;
    connect(&app, &server, json!({"credentials": "user"})).await;
    let refused = app
        .post(&format!("{OWN}/connect"), Some(&bob), &json!({}))
        .await;
    assert_eq!(refused.error_code(), "no_public_url");
    assert!(format!("{:?}", refused.body).contains("T3NETS_PUBLIC_URL"));
}
