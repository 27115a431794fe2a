//! What happens around every request: its id, its lines in the log, and errors in their final form.

use std::any::Any;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tracing::Instrument;
use ulid::Ulid;

use super::error::{ApiError, Cause, ErrorForm};
use super::page::ErrorPage;
use crate::telemetry::{self, Span};

/// The header that names a request, in both directions.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The paths that load balancers and container health checks request.
pub(super) const PROBES: [&str; 2] = ["/health", "/ready"];

/// The id of the request under way.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// When the request under way came, its body perhaps still to come: a turn's deadline counts from
/// here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived(pub(super) Instant);

/// Names the request, logs how it ended, and completes errors. A message's words and credentials
/// are never logged.
pub(super) async fn around(mut request: Request, next: Next) -> Response {
    let id = accepted_id(request.headers()).unwrap_or_else(|| Ulid::generate().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    let started = Instant::now();
    request.extensions_mut().insert(Arrived(started));
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", MatchedPath::as_str)
        .to_owned();
    let form = ErrorForm::of_path(request.uri().path());
    let is_probe = PROBES.contains(&route.as_str());
    let method = request.method().clone();
    let traced = match is_probe {
        true => Span::default(),
        false => Span::of_request(request.headers(), &id, &method, &route),
    };
    let trace_id = traced.trace_id();
    let span = tracing::info_span!("request", request_id = %id, %method, route, trace_id);

    async move {
        let mut response = traced.around(next.run(request)).await;
        let error = response
            .extensions_mut()
            .remove::<ApiError>()
            .or_else(|| is_unexplained(&response).then(|| error_of_status(response.status())));
        if let Some(error) = error {
            error.log();
            telemetry::error_answered(error.code(), error.status().as_u16());
            response = completed(&error, &id, form, response.headers());
        }
        finish(&mut response, &id);
        let status = response.status();
        traced.answered(status.as_u16());
        telemetry::request_answered(&method, &route, status.as_u16(), started.elapsed());
        log_answer(is_probe, status, started.elapsed());
        response
    }
    .instrument(span)
    .await
}

/// An error's response. What an outer layer put into headers (the methods that are allowed, say)
/// still holds.
fn completed(error: &ApiError, id: &str, form: ErrorForm, headers: &HeaderMap) -> Response {
    let mut response = error.response(id, form);
    for (name, value) in headers {
        if !response.headers().contains_key(name) && !name.as_str().starts_with("content-") {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Logs how a request ended. Load balancers and container health checks send one every few seconds,
/// so only their failures are logged at `info`.
fn log_answer(is_probe: bool, status: StatusCode, elapsed: Duration) {
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let status_code = status.as_u16();
    if is_probe && status.is_success() {
        tracing::debug!(status = status_code, elapsed_ms, "answered");
    } else {
        tracing::info!(status = status_code, elapsed_ms, "answered");
    }
}

/// The id that the caller or a proxy in front gave, if it is harmless.
pub(super) fn accepted_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let harmless = (1..=128).contains(&id.len())
        && id.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'.' | b':')
        });
    harmless.then(|| id.to_owned())
}

/// The answer to a request that is refused before it comes to the API, by whoever serves the API:
/// as callers are promised every error, with the request's id.
pub fn refusal(
    headers: &HeaderMap,
    status: StatusCode,
    code: &'static str,
    message: &str,
    hint: Option<&str>,
) -> Response {
    let id = accepted_id(headers).unwrap_or_else(|| Ulid::generate().to_string());
    let mut error = ApiError::new(status, code, message);
    if let Some(hint) = hint {
        error = error.hint(hint);
    }
    tracing::info!(request_id = %id, status = status.as_u16(), code, "refused");
    named(&error, &id, ErrorForm::Own)
}

/// The answer to a request that does not come to the layers around the routes.
pub(super) fn named(error: &ApiError, id: &str, form: ErrorForm) -> Response {
    let mut response = error.response(id, form);
    finish(&mut response, id);
    response
}

/// Sets the headers that every answer has.
fn finish(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Whether a layer or extractor of the framework answered with an error of its own form.
fn is_unexplained(response: &Response) -> bool {
    let status = response.status();
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let is_page = response.extensions().get::<ErrorPage>().is_some();
    (status.is_client_error() || status.is_server_error()) && !is_json && !is_page
}

fn error_of_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::BAD_REQUEST => ApiError::invalid("the request cannot be understood"),
        status if status.is_client_error() => ApiError::new(
            status,
            "invalid_request",
            status
                .canonical_reason()
                .unwrap_or("invalid request")
                .to_lowercase(),
        ),
        _ => ApiError::internal(Cause::Unexplained),
    }
}

/// The answer after a panic, which must not end other requests.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    ApiError::internal(Cause::Panic).into_response()
}

/// The answer for an unknown path.
pub(super) async fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "no such path").hint("see /openapi.json")
}

/// The answer for a method that the path does not have.
pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not support this method",
    )
    .hint("see /openapi.json")
}
