use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use support::mcp::sign_in::{AuthorizationServer, Instead, METADATA};
use support::mcp::{McpServer, reading};
use url::Url;

use super::{Grant, Held, KnownClient, Patience, Problem, Registered, SignIns};
use crate::model::{SecretDocument, SecretName};
use crate::outbound::{Allowed, Reach};

/// Begins a sign-in, waiting for this long.
async fn begin(
    server: &McpServer,
    known: KnownClient,
    reach: Reach,
    one: Duration,
    beginning: Duration,
) -> Result<Url, Problem> {
    let sign_ins = SignIns::new(reach, Patience { one, beginning }).unwrap();
    let (server, back) = (
        Url::parse(&server.url()).unwrap(),
        Url::parse("https://t3nets.example.com/oauth/callback/mcp-docs").unwrap(),
    );
    let begun = sign_ins.begin(&server, &known, &back, "some-state").await;
    begun.map(|begun| begun.address)
}

#[tokio::test]
async fn an_authorization_server_that_does_not_answer_is_not_waited_for() {
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(100));
    for path in [METADATA, "/register"] {
        let (server, authority) = (
            McpServer::with([reading("look")]).await,
            AuthorizationServer::start().await,
        );
        server.sign_in_at(&authority);
        authority.instead(path, Instead::Hang);
        let one = begin(
            &server,
            KnownClient::default(),
            Reach::Anywhere,
            short,
            long,
        )
        .await;
        assert!(
            matches!(one, Err(Problem::Unreachable(_))),
            "{path}: {one:?}"
        );
        let all = begin(
            &server,
            KnownClient::default(),
            Reach::Anywhere,
            long,
            short,
        )
        .await;
        assert_eq!(all, Err(Problem::TooSlow), "{path}");
    }
}

#[tokio::test]
async fn metadata_leads_to_nothing_that_a_tenants_address_may_not() {
    let (server, authority) = (
        McpServer::with([reading("look")]).await,
        AuthorizationServer::start().await,
    );
    server.sign_in_at(&authority);
    let long = Duration::from_secs(60);
    let only = Reach::Internet(Allowed::parse(false, Some("127.0.0.1")).unwrap());
    let begun = begin(&server, KnownClient::default(), only.clone(), long, long).await;
    assert!(begun.is_ok(), "{begun:?}");
    let inside = authority.issuer().replace("127.0.0.1", "127.0.0.2");
    server.say_of_sign_in("authorization_servers", json!([inside]));
    let refused = begin(&server, KnownClient::default(), only, long, long).await;
    assert_eq!(refused, Err(Problem::Forbidden));
}

#[tokio::test]
async fn a_client_that_is_known_is_not_registered_and_asks_for_what_it_was_told_to() {
    let (server, authority) = (
        McpServer::with([reading("look")]).await,
        AuthorizationServer::start().await,
    );
    server.sign_in_at(&authority);
    let known = KnownClient {
        id: Some("known".to_owned()),
        scopes: Some("a b".to_owned()),
        more_scopes: None,
    };
    let long = Duration::from_secs(60);
    let address = begin(&server, known, Reach::Anywhere, long, long)
        .await
        .unwrap();
    let query = address.query().unwrap();
    assert!(
        query.contains("client_id=known&") && query.ends_with("&scope=a+b"),
        "{query}"
    );
    assert!(authority.registrations().is_empty());
}

/// Of several processes one was faster, and is done. Nobody listens where tokens are renewed.
#[cfg(feature = "local")]
#[tokio::test]
async fn what_another_process_renewed_is_not_renewed_again() {
    let folder = tempfile::tempdir().unwrap();
    let platform = crate::local::open(folder.path()).unwrap();
    let name = SecretName {
        tenant_id: "default".parse().unwrap(),
        integration: "mcp-docs".parse().unwrap(),
        user_id: None,
    };
    let grant = |expires_at: Timestamp| Grant {
        server: "https://mcp.example".to_owned(),
        resource: "https://mcp.example/mcp".to_owned(),
        issuer: "https://a.example".to_owned(),
        token_endpoint: Url::parse("http://127.0.0.1:9/token").unwrap(),
        client: Registered {
            id: "c".to_owned(),
            secret: None,
            is_known: false,
            by_form: false,
        },
        refresh_token: Some("r".to_owned()),
        expires_at: Some(expires_at),
        more_scopes: None,
        ended_at: None,
    };
    let empty = SecretDocument::default();
    let renewed = grant(Timestamp::MAX).stored_in(&empty, "second");
    platform.secrets.put(&name, &renewed).await.unwrap();
    let held = Held {
        name,
        document: grant(Timestamp::UNIX_EPOCH).stored_in(&empty, "first"),
        settings: empty,
        was_refused: false,
    };
    let patience = Patience {
        one: Duration::from_secs(5),
        beginning: Duration::from_secs(5),
    };
    let sign_ins = Arc::new(SignIns::new(Reach::Anywhere, patience).unwrap());
    let current = sign_ins.current(&platform, held).await.unwrap();
    assert_eq!(current.text("token").as_deref(), Some("second"));
}
