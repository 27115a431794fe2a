//! The proxy before a small server, seen by the SDK and by bare sockets.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::any;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::TestServer;

/// What stands behind the proxy: tells each call's headers in a header, and counts the calls.
async fn upstream() -> (TestServer, Arc<AtomicUsize>) {
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let handler = move |headers: HeaderMap| {
        count.fetch_add(1, Ordering::SeqCst);
        let host = headers["host"].clone();
        async move { ([("seen-host", host)], r#"{"TableNames":["a"]}"#) }
    };
    let routes = Router::new().fallback(any(handler));
    (TestServer::start(routes).await, served)
}

async fn client(proxy: &AwsProxy, attempts: u32) -> Client {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(attempts)
                .with_initial_backoff(Duration::from_millis(1)),
        )
        .endpoint_url(proxy.url())
        .load()
        .await;
    Client::new(&config)
}

#[tokio::test]
async fn calls_are_forwarded_and_recorded_by_operation() {
    let (server, _) = upstream().await;
    let proxy = AwsProxy::to(&server.url()).start().await;
    let client = client(&proxy, 1).await;
    client.list_tables().send().await.unwrap();
    let _ = client.describe_limits().send().await;
    client.list_tables().send().await.unwrap();
    let calls = proxy.calls();
    assert_eq!(calls[2].operation, "ListTables");
    assert_eq!((calls[2].number, calls[2].of_operation), (3, 2));
    assert_eq!(calls[2].service, "DynamoDB_20120810");
    assert_eq!(proxy.count_of("ListTables"), 2);
    assert_eq!(proxy.faults(), 0);
}

#[tokio::test]
async fn the_host_stays_the_one_that_the_client_named() {
    let (server, _) = upstream().await;
    let proxy = AwsProxy::to(&server.url()).start().await;
    let answer = bare(&proxy, "GET /bucket HTTP/1.1\r\nhost: s3.example\r\n\r\n").await;
    assert!(answer.contains("seen-host: s3.example"), "{answer}");
}

#[tokio::test]
async fn refusals_are_what_the_sdk_knows() {
    let (server, served) = upstream().await;
    let cases = [
        (Refusal::Throttle, "ThrottlingException"),
        (
            Refusal::ThroughputExceeded,
            "ProvisionedThroughputExceededException",
        ),
        (Refusal::InternalError, "InternalServerError"),
    ];
    for (refusal, code) in cases {
        let proxy = AwsProxy::to(&server.url())
            .before(move |_| Before::Refuse(refusal))
            .start()
            .await;
        let error = client(&proxy, 1).await.list_tables().send().await;
        assert_eq!(error.unwrap_err().code(), Some(code));
        assert_eq!(proxy.faults(), 1);
    }
    assert_eq!(served.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_sdk_gets_through_where_every_third_call_fails() {
    let (server, served) = upstream().await;
    for faults in [&THROTTLES_AND_ERRORS[..], &CUTS[..]] {
        let proxy = AwsProxy::to(&server.url())
            .before(every_third(faults))
            .start()
            .await;
        let client = client(&proxy, 3).await;
        let before = served.load(Ordering::SeqCst);
        for _ in 0..10 {
            client.list_tables().send().await.unwrap();
        }
        assert_eq!(served.load(Ordering::SeqCst) - before, 10);
        assert_eq!((proxy.count(), proxy.faults()), (14, 4));
    }
}

#[tokio::test]
async fn a_lost_answer_was_given_by_the_server() {
    let (server, served) = upstream().await;
    let proxy = AwsProxy::to(&server.url())
        .after(|_, _| After::Lose)
        .start()
        .await;
    let error = client(&proxy, 1).await.list_tables().send().await;
    assert!(error.unwrap_err().code().is_none(), "no answer came");
    assert_eq!(served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_truncated_answer_ends_in_the_middle() {
    let (server, _) = upstream().await;
    let proxy = AwsProxy::to(&server.url())
        .after(|_, _| After::Truncate(5))
        .start()
        .await;
    let answer = bare(&proxy, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.contains("content-length: 20"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"Tab"), "{answer}");
}

#[tokio::test]
async fn what_is_held_waits_for_its_release() {
    let (server, served) = upstream().await;
    let proxy = AwsProxy::to(&server.url())
        .before(hold_from(1))
        .start()
        .await;
    let client = client(&proxy, 1).await;
    let call = client.list_tables().send();
    let release = async {
        proxy.until_called(1).await;
        assert_eq!(served.load(Ordering::SeqCst), 0);
        proxy.release();
    };
    let (answer, ()) = tokio::join!(call, release);
    answer.unwrap();
}

#[tokio::test]
async fn the_callback_runs_once_at_its_call() {
    let (server, served) = upstream().await;
    let proxy = AwsProxy::to(&server.url()).start().await;
    let seen = Arc::new(AtomicUsize::new(usize::MAX));
    let at = seen.clone();
    proxy.at(2, move |_| {
        at.store(served.load(Ordering::SeqCst), Ordering::SeqCst)
    });
    let client = client(&proxy, 1).await;
    for _ in 0..3 {
        client.list_tables().send().await.unwrap();
    }
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

/// What a socket gets that sends this and reads to the end.
async fn bare(proxy: &AwsProxy, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(proxy.address).await.unwrap();
    let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A cut connection may end in an error, after what came before it.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}
