//! Two tenants beside each other: neither sees or changes what is the other's.

use std::sync::Arc;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use axum::http::{Method, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use support::aws::{AwsServer, Tables};
use support::jira::{Jira, Script};
use t3nets_router::aws::Names;
use t3nets_router::http::ROUTES;
use t3nets_router::model::{JsonObject, TenantSettings, UserRole};
use t3nets_router::ports::{Platform, SystemClock};
use tokio::runtime::Runtime;
use ulid::Ulid;

use super::access::{call, filled};
use super::{Setup, TestApp, add_tenant};

/// A tenant whose contents hold its mark, and whose ids do not: the other tenant may call them.
struct Marked {
    id: &'static str,
    mark: &'static str,
    /// What may stand in a path or a body of either tenant.
    names: Vec<String>,
    admin: String,
    member: String,
}

async fn marked(app: &TestApp, jira: &Jira, id: &'static str, mark: &'static str) -> Marked {
    let settings = TenantSettings {
        system_prompt_override: Some(format!("prompt {mark}")),
        ..TenantSettings::default()
    };
    add_tenant(&app.platform, id, settings).await;
    let admin = app.key(id, "ada", UserRole::Admin).await;
    let member = app.key(id, "bob", UserRole::Member).await;
    let mut fields = jira.credentials();
    fields.insert("project_key".to_owned(), mark.into());
    app.connect_jira(id, fields).await;
    let user_id = format!("user-of-{id}");
    let user =
        json!({"email": format!("{mark}@example.com"), "user_id": user_id, "display_name": mark});
    let answer = app.post("/api/admin/users", Some(&admin), &user).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let key = json!({"name": mark, "user_id": user_id});
    let answer = app.post("/api/admin/keys", Some(&admin), &key).await;
    let prefix = answer.json()["prefix"].as_str().unwrap().to_owned();
    let session = format!("session-of-{id}");
    let said = json!({"message": format!("hello {mark}"), "session_id": session});
    for key in [&admin, &member] {
        app.post("/api/chat", Some(key), &said).await;
    }
    let asked = call(&Method::POST, "/api/turns", Some(&admin), &said.to_string());
    let turn = app.send(asked).await;
    assert_eq!(turn.status, StatusCode::CREATED, "{turn:?}");
    let turn = turn.json()["id"].as_str().unwrap().to_owned();
    let names = ["ada", "jira", "openai", "slack", id, "nothing"]
        .map(str::to_owned)
        .into_iter()
        .chain([user_id, session, prefix, turn])
        .collect();
    Marked {
        id,
        mark,
        names,
        admin,
        member,
    }
}

/// One generated call: who calls, which route, what stands in its path and its body.
type Call = (bool, bool, usize, Vec<usize>, usize);

fn body_of(route: &str, name: &str) -> String {
    let body = match route {
        "/api/chat" | "/api/turns" => {
            json!({"message": format!("hello {name}"), "session_id": name})
        }
        "/v1/chat/completions" => {
            json!({"model": "t3nets", "messages": [{"role": "user", "content": name}]})
        }
        "/api/clear" => json!({"session_id": name}),
        "/session" => json!({"key": name}),
        "/api/admin/users" => json!({"email": format!("{name}@x.example")}),
        "/api/admin/keys" => json!({"user_id": name}),
        "/api/admin/channels" => json!({"channel_type": "slack", "channel_id": name}),
        "/api/settings" => json!({"name": "renamed"}),
        path if path.starts_with("/api/admin/integrations") => json!({"fields": {"url": ""}}),
        _ => json!({"display_name": "renamed"}),
    };
    body.to_string()
}

/// How many calls are generated on one pair of tenants: they take away what there is to see.
const CALLS_AT_ONCE: u32 = 2_000;

/// How often that many are generated: once, unless more is asked for.
fn rounds() -> u32 {
    let calls = std::env::var("T3NETS_TWO_TENANT_CALLS");
    let calls: u32 = calls.map_or(CALLS_AT_ONCE, |calls| calls.parse().unwrap());
    calls.div_ceil(CALLS_AT_ONCE)
}

/// No answer to one tenant's caller has a mark of the other's, whatever is called with whose names.
#[test]
fn no_tenant_sees_what_is_anothers_whatever_it_calls() {
    for _ in 0..rounds() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        call_as_two_tenants(&runtime, Setup::default());
    }
}

#[test]
fn no_tenant_sees_what_is_anothers_whatever_it_calls_on_aws() {
    let Some(server) = AwsServer::shared_ministack() else {
        return;
    };
    for _ in 0..rounds() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let setup = Setup {
            platform: Some("aws"),
            stores: Some(runtime.block_on(stores_on(server, None))),
            ..Setup::default()
        };
        call_as_two_tenants(&runtime, setup);
    }
}

/// Tables and a place for secrets that nobody else has, reached at the server's own address or at
/// another.
pub(super) async fn stores_on(server: &AwsServer, address: Option<&str>) -> Platform {
    let patient = TimeoutConfig::builder().build();
    let mut sdk = server.sdk_config().await.into_builder();
    sdk.set_timeout_config(Some(patient));
    if let Some(address) = address {
        sdk.set_endpoint_url(Some(address.to_owned()));
    }
    let sdk = sdk.build();
    let prefix = format!("two-{}", Ulid::generate()).to_lowercase();
    let tables = Tables::create(&Client::new(&sdk), &prefix).await;
    let names = Names {
        tenants_table: tables.tenants,
        conversations_table: tables.conversations,
        secrets: format!("/t3nets/{prefix}/tenants").parse().unwrap(),
    };
    t3nets_router::aws::open(&sdk, &names, Arc::new(SystemClock))
}

fn call_as_two_tenants(runtime: &Runtime, setup: Setup) {
    let app = runtime.block_on(TestApp::with(setup));
    let jira = runtime.block_on(Script::sample().start());
    let one = runtime.block_on(marked(&app, &jira, "one", "FIRSTMARK"));
    let two = runtime.block_on(marked(&app, &jira, "two", "SECONDMARK"));
    let names: Vec<String> = one.names.iter().chain(&two.names).cloned().collect();
    let calls = (
        any::<bool>(),
        any::<bool>(),
        0..ROUTES.len(),
        prop::collection::vec(0..names.len(), 2),
        0..names.len(),
    );
    let mut runner = TestRunner::new(Config {
        cases: CALLS_AT_ONCE,
        failure_persistence: None,
        ..Config::default()
    });
    let own_marks = std::cell::Cell::new(0);
    let sent = runner.run(
        &calls,
        |(first, as_admin, route, in_path, in_body): Call| {
            let (own, other) = if first { (&one, &two) } else { (&two, &one) };
            let (method, route, _) = &ROUTES[route];
            let place = std::cell::Cell::new(0);
            let mut path = filled(route, |_| {
                let at = place.replace(place.get() + 1);
                names[in_path[at.min(1)]].clone()
            });
            if *route == "/api/history" {
                path = format!("{path}?session_id={}", names[in_path[0]]);
            }
            let key = if as_admin { &own.admin } else { &own.member };
            let body = body_of(route, &names[in_body]);
            let request = call(method, &path, Some(key), &body);
            let answer = runtime.block_on(app.send(request));
            let seen = String::from_utf8_lossy(&answer.body);
            let called = format!("{method} {path} {body} by {}: {seen}", own.id);
            // Jira may not be reached with what a call changed.
            let is_fault =
                answer.status.is_server_error() && answer.status != StatusCode::BAD_GATEWAY;
            prop_assert!(!is_fault, "{called}");
            prop_assert!(!seen.contains(other.mark), "{called}");
            own_marks.set(own_marks.get() + usize::from(seen.contains(own.mark)));
            Ok(())
        },
    );
    sent.unwrap();
    // Else there was nothing to see. Some 5 in 100 calls show something, the fewer the more routes
    // there are.
    let seldom = usize::try_from(CALLS_AT_ONCE).unwrap() / 50;
    let seen = own_marks.get();
    assert!(seen > seldom, "{seen} of {CALLS_AT_ONCE}");
}

#[tokio::test]
async fn what_one_tenant_changes_leaves_the_other_as_it_was() {
    let app = TestApp::new().await;
    let jira = Script::sample().start().await;
    let one = marked(&app, &jira, "one", "FIRSTMARK").await;
    let two = marked(&app, &jira, "two", "SECONDMARK").await;
    // What turns used is counted behind their answers.
    app.drained().await;
    let before = everything(&app, &two.admin).await;
    for (method, route, _) in ROUTES {
        for name in &two.names {
            let path = filled(route, |_| name.clone());
            app.send(call(method, &path, Some(&one.admin), &body_of(route, name)))
                .await;
        }
    }
    assert_eq!(everything(&app, &two.admin).await, before);
}

/// All that an admin can read, without what the reading itself leaves.
async fn everything(app: &TestApp, admin: &str) -> JsonObject {
    let mut all = JsonObject::new();
    for path in [
        "/api/settings",
        "/api/sessions",
        "/api/admin/users",
        "/api/admin/keys",
        "/api/admin/channels",
        "/api/admin/integrations",
        "/api/admin/usage",
        "/api/admin/audit",
    ] {
        let answer = app.get(path, Some(admin)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        all.insert(path.to_owned(), answer.json());
    }
    all
}
