//! Servers that misbehave: a turn waits for none of them longer than its limit, and once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use support::mcp::{Fault, McpServer, reading, writing};

use super::{Limits, Server, Servers};
use crate::model::{IntegrationName, SecretDocument, TenantId};
use crate::outbound::Reach;
use crate::skills::{SkillError, SkillErrorKind};

fn servers(limits: Limits) -> Arc<Servers> {
    Arc::new(Servers::new(Reach::Anywhere, limits).unwrap())
}

/// Waits short for what never comes, and long for what does.
const SHORT: Limits = Limits {
    turn: Duration::from_millis(100),
    list: Duration::from_millis(100),
    ..Limits::USUAL
};

async fn ready(
    servers: &Arc<Servers>,
    server: &McpServer,
    fields: serde_json::Value,
) -> Result<Server, SkillError> {
    let mut all = json!({"url": server.url()});
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    let fields = SecretDocument::new(all.as_object().unwrap().clone());
    let name: IntegrationName = "mcp-docs".parse().unwrap();
    servers.ready(&TenantId::usual(), &name, &fields).await
}

/// Waits until nothing is asked in the background.
async fn settled(servers: &Servers) {
    loop {
        let under_way = servers.under_way.lock().unwrap().values().next().cloned();
        let Some(mut coming) = under_way else { return };
        let _ = coming.wait_for(Option::is_some).await;
        tokio::task::yield_now().await;
    }
}

fn names(server: &Server) -> Vec<&str> {
    let offered = server.catalogue.offered.iter();
    offered.map(|tool| tool.spec.name.as_str()).collect()
}

#[tokio::test]
async fn a_list_is_asked_for_once_and_a_tool_answers() {
    let (scripted, servers) = (
        McpServer::with([reading("look")]).await,
        servers(Limits::USUAL),
    );
    scripted.require_token("s3cret");
    for events in [false, true] {
        if events {
            scripted.answer_with_events();
        }
        let server = ready(&servers, &scripted, json!({"token": "s3cret"}))
            .await
            .unwrap();
        assert_eq!(names(&server), ["docs__look"]);
        let tool = &server.catalogue.offered[0];
        let arguments = json!({"q": "x"}).as_object().unwrap().clone();
        let result = servers.call(&server, tool, arguments).await.unwrap();
        assert!(
            !result.is_error && result.content == "look ran",
            "{result:?}"
        );
    }
    assert_eq!(scripted.count("tools/list"), 1);
    assert_eq!(
        scripted.calls(),
        vec![("look".to_owned(), json!({"q": "x"})); 2]
    );
    // Other credentials are another server's list.
    let error = ready(&servers, &scripted, json!({"token": "old"}))
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind, SkillErrorKind::Denied, "{error}");
    assert!(!error.to_string().contains("old"));
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_asked_once_and_left_alone_for_a_while() {
    for (method, fault) in [
        ("initialize", Fault::Hang),
        ("initialize", Fault::Garbage),
        ("initialize", Fault::Status(500)),
        ("initialize", Fault::Flood),
        ("initialize", Fault::EventFlood),
        ("tools/list", Fault::Hang),
        ("tools/list", Fault::Flood),
        ("tools/list", Fault::EventFlood),
        ("tools/list", Fault::Error("no".to_owned())),
    ] {
        let scripted = McpServer::with([reading("look")]).await;
        let servers = servers(SHORT);
        scripted.fail(method, fault.clone());
        for _ in 0..3 {
            let found = ready(&servers, &scripted, json!({})).await;
            assert!(found.is_err(), "{method} {fault:?}");
        }
        assert_eq!(scripted.count("initialize"), 1, "{method} {fault:?}");
    }
}

#[tokio::test]
async fn lists_without_end_are_cut() {
    let (scripted, servers) = (
        McpServer::with([reading("look")]).await,
        servers(Limits::USUAL),
    );
    scripted.fail("tools/list", Fault::EndlessPages);
    let server = ready(&servers, &scripted, json!({})).await.unwrap();
    assert_eq!(names(&server), ["docs__look"]);
    assert_eq!(scripted.count("tools/list"), 20);
}

#[tokio::test]
async fn a_list_that_is_not_fresh_is_used_while_it_is_asked_for_anew() {
    let scripted = McpServer::with([reading("look")]).await;
    let servers = servers(Limits {
        fresh: Duration::ZERO,
        ..Limits::USUAL
    });
    let before = ready(&servers, &scripted, json!({})).await.unwrap();
    scripted.change_tools([reading("seek")], false);
    let meanwhile = ready(&servers, &scripted, json!({})).await.unwrap();
    assert_eq!(
        (names(&before), names(&meanwhile)),
        (vec!["docs__look"], vec!["docs__look"])
    );
    settled(&servers).await;
    let server = ready(&servers, &scripted, json!({})).await.unwrap();
    assert_eq!(names(&server), ["docs__seek"]);
    // One that fails then leaves what was there.
    scripted.fail("tools/list", Fault::Status(503));
    for _ in 0..5 {
        let server = ready(&servers, &scripted, json!({})).await.unwrap();
        assert_eq!(names(&server), ["docs__seek"]);
        settled(&servers).await;
    }
}

#[tokio::test]
async fn a_change_that_the_server_tells_is_looked_at() {
    let (scripted, servers) = (
        McpServer::with([reading("look")]).await,
        servers(Limits::USUAL),
    );
    let server = ready(&servers, &scripted, json!({})).await.unwrap();
    scripted.change_tools([reading("seek"), writing("drop")], true);
    let tool = &server.catalogue.offered[0];
    servers
        .call(&server, tool, Default::default())
        .await
        .unwrap();
    let server = ready(&servers, &scripted, json!({})).await.unwrap();
    assert_eq!(names(&server), ["docs__seek"]);
}

#[tokio::test]
async fn a_call_that_goes_wrong_is_an_error_in_words() {
    let (scripted, servers) = (
        McpServer::with([reading("look")]).await,
        servers(Limits::USUAL),
    );
    for (fault, said) in [
        (Fault::Error("quota is over".to_owned()), "quota is over"),
        (Fault::Status(500), "status 500"),
        (Fault::Status(403), "status 403"),
        (Fault::Flood, "too long"),
        (Fault::EventFlood, "too long"),
        (Fault::Garbage, "not answer as an MCP server"),
    ] {
        let server = ready(&servers, &scripted, json!({})).await.unwrap();
        scripted.fail("tools/call", fault.clone());
        let tool = &server.catalogue.offered[0];
        let error = servers
            .call(&server, tool, Default::default())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(said), "{fault:?}: {error}");
        scripted.heal();
    }
}
