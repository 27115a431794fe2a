//! One connection, from its first byte to its close.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Request, StatusCode, Version};
use axum::response::Response;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;
use ulid::Ulid;

use super::body::{AnswerBody, RequestBody};
use super::exchange::{Exchange, HEAD_TIME, Known};
use super::wire::{Socket, Wire};
use crate::config::Deadlines;
use crate::http::chat::wants_stream;
use crate::http::error::{ApiError, ErrorForm};
use crate::http::middleware::{PROBES, REQUEST_ID, accepted_id, named};
use crate::http::openai::COMPLETIONS;

/// The limit of a request's head, in bytes. API Gateway takes 10 KiB of headers, a load balancer
/// 64 KiB (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>);
/// a key or a token has under 8.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The limit of a path with its query, in bytes.
const MAX_URI_BYTES: usize = 8 * 1024;
/// What is buffered of one connection in each direction, in bytes.
const MAX_BUFFER_BYTES: usize = 64 * 1024;
/// How much is read, unheeded, of a caller that was refused while it was sending: closing at once
/// would reset the connection, and the answer would be lost with it
/// (RFC 9112, section 9.6).
const MAX_UNHEEDED_BYTES: usize = 4 * 1024 * 1024;
/// For how long.
const UNHEEDED_TIME: Duration = Duration::from_secs(2);

/// What the connections of a server share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) routes: Router,
    pub(super) deadlines: Deadlines,
    /// Cancelled once the router ends.
    pub(super) ending: CancellationToken,
}

/// One connection's own.
pub(super) struct Own {
    pub(super) exchange: Arc<Exchange>,
    /// Cancelled if the connection must make room for another.
    pub(super) closed: CancellationToken,
    /// Whether all connections are answering, so that only health checks are answered.
    pub(super) is_beyond_limit: bool,
}

/// How a connection came to its end.
enum End {
    /// By itself.
    Done(Result<(), hyper::Error>),
    /// What was to come did not come in time.
    Late,
    /// It had to make room, or the router ends.
    Closed,
}

/// Serves a connection to its end; tells the request that was cut off, if one was.
pub(super) async fn serve(socket: impl Socket, shared: Shared, own: Own) -> Option<Known> {
    let exchange = own.exchange.clone();
    let is_beyond_limit = own.is_beyond_limit;
    let service = service_fn({
        let (exchange, routes, deadlines) = (exchange.clone(), shared.routes, shared.deadlines);
        move |request| {
            let answered = answer(
                request,
                routes.clone(),
                deadlines,
                exchange.clone(),
                is_beyond_limit,
            );
            Box::pin(async move { Ok::<_, Infallible>(answered.await) })
        }
    });
    let wire = Wire::new(socket, exchange.clone());
    let mut connection = http1::Builder::new()
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(wire), service);
    let mut clock = Box::pin(sleep_until(exchange.deadline()));
    let mut is_ending = false;
    let end = loop {
        let served = poll_fn(|cx| {
            if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
                return Poll::Ready(End::Done(result));
            }
            let deadline = exchange.deadline();
            if clock.deadline() != deadline {
                clock.as_mut().reset(deadline);
            }
            clock.as_mut().poll(cx).map(|()| End::Late)
        });
        tokio::select! {
            biased;
            () = own.closed.cancelled() => break End::Closed,
            () = shared.ending.cancelled(), if !is_ending => {
                is_ending = true;
                exchange.end();
                if !exchange.has_request() {
                    break End::Closed;
                }
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            end = served => break end,
        }
    };
    // Ends the request under way, if one is.
    let mut socket = connection.into_parts().io.into_inner().into_socket();
    match end {
        End::Done(result) => {
            let is_http_2 = || result.as_ref().is_err_and(hyper::Error::is_parse);
            match exchange.refused() {
                Some(status) => refuse(&mut socket, unreadable(status)).await,
                None if is_http_2() && exchange.is_in_head() => {
                    refuse(&mut socket, not_http_1()).await;
                }
                None if exchange.has_unread() => close(&mut socket).await,
                // What was written is sent before the end is.
                None => {
                    let _ = socket.shutdown().await;
                }
            }
            None
        }
        End::Late if exchange.is_in_head() && !is_ending => {
            refuse(&mut socket, head_too_slow()).await;
            None
        }
        End::Late => exchange.cut(),
        End::Closed => None,
    }
}

/// Answers one request. It is noted at once, not when the answer is first polled: what the library
/// reads next (the end of what the caller sends, perhaps) means another thing once it is there.
fn answer(
    mut request: Request<Incoming>,
    mut routes: Router,
    deadlines: Deadlines,
    exchange: Arc<Exchange>,
    is_beyond_limit: bool,
) -> impl Future<Output = Response<AnswerBody>> {
    let began = Instant::now();
    let id = accepted_id(request.headers()).unwrap_or_else(|| {
        let id = Ulid::generate().to_string();
        if let Ok(value) = HeaderValue::from_str(&id) {
            request.headers_mut().insert(REQUEST_ID.clone(), value);
        }
        id
    });
    let has_body = !request.body().is_end_stream();
    let path = request.uri().path();
    let is_probe = PROBES.contains(&path);
    let form = ErrorForm::of_path(path);
    let known = Known {
        id: id.clone(),
        method: request.method().to_string(),
        path: path.to_owned(),
        began,
        // Whether a completion is streamed is in its body.
        deadline: match wants_stream(request.headers()) || path == COMPLETIONS {
            true => deadlines.stream,
            false => deadlines.answer,
        },
        knows_interim_answers: request.version() != Version::HTTP_10,
    };
    exchange.begin(known, has_body);
    let waits_to_send = request.headers().contains_key(EXPECT);
    let uri_length = request
        .uri()
        .path_and_query()
        .map_or(0, |uri| uri.as_str().len());

    async move {
        let (parts, body) = request.into_parts();
        let (body, rest) = RequestBody::new(body, exchange.clone(), began, deadlines.answer);
        let mut answer = if is_beyond_limit && !is_probe {
            named(&busy(), &id, form)
        } else if uri_length > MAX_URI_BYTES {
            named(&unreadable(StatusCode::URI_TOO_LONG), &id, form)
        } else {
            let request = Request::from_parts(parts, Body::new(body));
            match routes.call(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        };
        let mut closes = is_beyond_limit;
        if has_body && !exchange.is_whole() {
            // Who waits to be asked for the body is not asked.
            let is_read = !waits_to_send && rest.read().await;
            if !is_read {
                exchange.leave_unread();
                closes = true;
            }
        }
        if closes {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        answer.map(|body| AnswerBody::new(body, exchange))
    }
}

/// Answers what is no request, and closes.
async fn refuse(socket: &mut impl Socket, error: ApiError) {
    let id = Ulid::generate().to_string();
    let body = serde_json::to_vec(&error.body(&id)).unwrap_or_default();
    let status = error.status();
    tracing::info!(request_id = %id, status = status.as_u16(), "refused what is no request");
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}: {id}\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
        REQUEST_ID.as_str(),
    );
    let answer = [head.as_bytes(), &body].concat();
    if let Ok(Ok(())) = timeout(UNHEEDED_TIME, socket.write_all(&answer)).await {
        close(socket).await;
    }
}

/// Ends what is sent, and reads what still comes, to a bound.
async fn close(socket: &mut impl Socket) {
    let read = async {
        socket.shutdown().await?;
        let mut left = MAX_UNHEEDED_BYTES;
        let mut buffer = [0; 4096];
        while left > 0 {
            let length = socket.read(&mut buffer).await?;
            if length == 0 {
                break;
            }
            left = left.saturating_sub(length);
        }
        Ok::<_, std::io::Error>(())
    };
    // Whoever goes on sending, or is gone, is not waited for.
    let _ = timeout(UNHEEDED_TIME, read).await;
}

fn unreadable(status: StatusCode) -> ApiError {
    match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::new(
            status,
            "head_too_large",
            format!(
                "path and headers are larger than {} KiB, or there are more than 100 headers",
                MAX_HEAD_BYTES / 1024
            ),
        ),
        StatusCode::URI_TOO_LONG => ApiError::new(
            status,
            "uri_too_long",
            format!("the path is longer than {} KiB", MAX_URI_BYTES / 1024),
        ),
        _ => ApiError::invalid("this is not an HTTP request"),
    }
}

fn not_http_1() -> ApiError {
    ApiError::new(
        StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        "http_version_not_supported",
        "only HTTP/1.1 is spoken here",
    )
}

fn head_too_slow() -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "request_timeout",
        format!("no whole request came within {} s", HEAD_TIME.as_secs()),
    )
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_connections",
        "as many requests as can be are being answered; try again",
    )
    .retry_after(Some(Duration::from_secs(1)))
}
