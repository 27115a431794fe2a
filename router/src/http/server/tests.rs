use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Own, Shared, serve};
use super::exchange::{Exchange, Known};
use super::serve_until;
use super::wire::Socket;
use crate::config::Deadlines;
use crate::http::error::ApiError;
use crate::http::extract::JsonBody;
use crate::http::fields::{Fields, FromFields};
use crate::http::middleware::around;

impl Socket for DuplexStream {
    fn is_gone(&self) -> bool {
        false
    }
}

/// Any JSON object.
struct Anything;

impl FromFields for Anything {
    fn from_fields(_: &Fields) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// A connection that a test drives from the other side.
struct Peer {
    socket: DuplexStream,
    ending: CancellationToken,
    served: AbortOnDropHandle<Option<Known>>,
}

fn shared(routes: Router) -> Shared {
    Shared {
        routes: routes.layer(from_fn(around)),
        deadlines: Deadlines::default(),
        ending: CancellationToken::new(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the handle aborts on drop")]
fn connect_with(routes: Router, buffer: usize) -> Peer {
    let (socket, other) = tokio::io::duplex(buffer);
    let shared = shared(routes);
    let ending = shared.ending.clone();
    let own = Own {
        exchange: Arc::new(Exchange::new()),
        closed: CancellationToken::new(),
        is_beyond_limit: false,
    };
    let served = AbortOnDropHandle::new(tokio::spawn(serve(other, shared, own)));
    Peer {
        socket,
        ending,
        served,
    }
}

/// `/` answers at once; `/json` wants a body; `/never` does not answer.
fn connect() -> Peer {
    let routes = Router::new()
        .route("/", get(async || "hello"))
        .route("/json", post(async |_: JsonBody<Anything>| "read"))
        .route("/refused", post(async || "refused"))
        .route("/never", get(std::future::pending::<()>));
    connect_with(routes, 64 * 1024)
}

impl Peer {
    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// What comes until the connection is closed.
    async fn until_closed(mut self) -> String {
        let mut text = String::new();
        self.socket.read_to_string(&mut text).await.unwrap();
        text
    }

    /// What comes until it ends with this.
    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            bytes.push(self.socket.read_u8().await.unwrap());
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// Whether it is an error as every other: JSON with an id, and the connection's end announced.
#[track_caller]
fn assert_refused(answer: &str, status: u16, code: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect(answer);
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(head.contains("connection: close"), "{answer}");
    let body: Value = serde_json::from_str(body).expect(answer);
    assert_eq!(body["error"]["code"], code, "{answer}");
    let id = body["request_id"].as_str().unwrap();
    assert!(head.contains(&format!("x-request-id: {id}")), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_answered_after_its_time() {
    let mut peer = connect();
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n").await;
    assert_refused(&peer.until_closed().await, 408, "request_timeout");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_has_no_more_time() {
    let mut peer = connect();
    let mut sent = 0;
    for byte in "GET / HTTP/1.1\r\nhost: x\r\n\r\n".chars() {
        sleep(Duration::from_secs(3)).await;
        if peer.served.is_finished() {
            break;
        }
        let _ = peer.socket.write_all(byte.to_string().as_bytes()).await;
        sent += 1;
    }
    assert!(sent <= 4, "{sent}");
    assert_refused(&peer.until_closed().await, 408, "request_timeout");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_byte_by_byte_has_its_turns_deadline() {
    let mut peer = connect();
    let head = "POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
    peer.send(head).await;
    let mut sent = 0;
    while !peer.served.is_finished() && sent < 50 {
        let _ = peer.socket.write_all(b" ").await;
        sent += 1;
        sleep(Duration::from_secs(3)).await;
    }
    assert!(sent < 12, "{sent}");
    assert_refused(&peer.until_closed().await, 408, "request_timeout");
}

#[tokio::test(start_paused = true)]
async fn a_connection_waits_for_its_next_request_longer_than_a_load_balancer_does() {
    let mut peer = connect();
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("hello").await;
    sleep(Duration::from_secs(140)).await;
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("hello").await;
    assert_eq!(peer.until_closed().await, "");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_1_request_is_told_so_in_json() {
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(9_000));
    let long_head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
    for (sent, status, code) in [
        ("nonsense\r\n\r\n", 400, "invalid_request"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "invalid_request"),
        (
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            400,
            "invalid_request",
        ),
        (&long_head, 431, "head_too_large"),
        (&many, 431, "head_too_large"),
        (
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            505,
            "http_version_not_supported",
        ),
    ] {
        let mut peer = connect();
        peer.send(sent).await;
        assert_refused(&peer.until_closed().await, status, code);
    }
    let mut peer = connect();
    peer.send(&long_path).await;
    let answer = peer.until("}").await + &peer.until("}").await;
    assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
    assert!(answer.contains("uri_too_long"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_refused_without_its_body_can_go_on_or_is_told_that_it_cannot() {
    let mut peer = connect();
    peer.send("POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody")
        .await;
    let answer = peer.until("refused").await;
    assert!(!answer.contains("connection: close"), "{answer}");
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("hello").await;

    for head in [
        "content-length: 70000\r\n",
        "content-length: 4\r\nexpect: 100-continue\r\n",
    ] {
        let mut peer = connect();
        peer.send(&format!("POST /refused HTTP/1.1\r\nhost: x\r\n{head}\r\n"))
            .await;
        let answer = peer.until_closed().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.ends_with("refused"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_takes_nothing_of_its_answer_is_left() {
    let routes = Router::new().route("/", get(async || "x".repeat(1 << 20)));
    let mut peer = connect_with(routes, 1024);
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(peer.served.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_not_arrived_whole_does_not_hold_up_the_end() {
    for sent in [
        "",
        "GET / HTTP/1.1\r\nhost",
        "POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut peer = connect();
        peer.send(sent).await;
        tokio::task::yield_now().await;
        let asked = tokio::time::Instant::now();
        peer.ending.cancel();
        assert_eq!(peer.served.await.unwrap(), None);
        assert!(asked.elapsed() <= Duration::from_secs(2), "{sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_gets_its_deadline_and_is_named_if_that_is_not_enough() {
    let mut peer = connect();
    peer.send("GET /never?secret HTTP/1.1\r\nhost: x\r\nx-request-id: one\r\n\r\n")
        .await;
    sleep(Duration::from_secs(5)).await;
    peer.ending.cancel();
    let cut = peer.served.await.unwrap().unwrap();
    assert_eq!((&*cut.id, &*cut.path), ("one", "/never"));
    assert_eq!(cut.began.elapsed(), Duration::from_secs(26));
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_of_a_connection_says_so() {
    let go_on = Arc::new(Notify::new());
    let routes = Router::new().route(
        "/",
        get({
            let go_on = go_on.clone();
            async move || {
                go_on.notified().await;
                "done"
            }
        }),
    );
    let mut peer = connect_with(routes, 1024);
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    sleep(Duration::from_millis(1)).await;
    peer.ending.cancel();
    sleep(Duration::from_millis(1)).await;
    go_on.notify_one();
    let answer = peer.until_closed().await;
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.ends_with("done"), "{answer}");
}

/// A server on a real socket.
#[expect(clippy::disallowed_methods, reason = "the handle aborts on drop")]
async fn listen(routes: Router, limit: usize) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shared = shared(routes);
    let served = tokio::spawn(async move {
        serve_until(listener, shared, limit, std::future::pending()).await;
    });
    (address, AbortOnDropHandle::new(served))
}

/// Tells when it is dropped.
struct Told(Option<oneshot::Sender<()>>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_what_a_caller_sends_may_come_with_its_request() {
    let mut peer = connect();
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.socket.shutdown().await.unwrap();
    let answer = peer.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_caller_that_closes_its_sending_half_is_answered_and_one_that_goes_away_stops_the_work() {
    let (begun, begins) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (sender, stopped) = oneshot::channel();
    let told = Arc::new(std::sync::Mutex::new(Some(Told(Some(sender)))));
    let routes = Router::new()
        .route(
            "/slow",
            get({
                let begins = begins.clone();
                async move || {
                    begins.notified().await;
                    "done"
                }
            }),
        )
        .route(
            "/never",
            get({
                let begun = begun.clone();
                async move || {
                    let _told = told.lock().unwrap().take();
                    begun.notify_one();
                    std::future::pending::<()>().await;
                }
            }),
        );
    let (address, _server) = listen(routes, 10).await;

    let mut half = TcpStream::connect(&address).await.unwrap();
    half.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    half.shutdown().await.unwrap();
    // The interim answer shows that the end was noticed, and the caller looked for.
    let mut interim = [0; 25];
    half.read_exact(&mut interim).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100 "));
    begins.notify_one();
    let mut answer = String::new();
    half.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("done"), "{answer}");

    let mut gone = TcpStream::connect(&address).await.unwrap();
    gone.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    begun.notified().await;
    drop(gone);
    stopped.await.unwrap();
}

#[tokio::test]
async fn health_is_answered_however_many_connections_are_held() {
    let routes = Router::new().route("/health", get(async || "well"));
    let (address, _server) = listen(routes, 8).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut one = TcpStream::connect(&address).await.unwrap();
        one.write_all(b"G").await.unwrap();
        held.push(one);
    }
    let mut health = TcpStream::connect(&address).await.unwrap();
    health
        .write_all(b"GET /health HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    health.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("well"), "{answer}");
}
