//! Answers as Jira writes them, and as it fails.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Fault;

pub(super) async fn fail(fault: Fault) -> Response {
    let header = |name, value: String| [(name, value)];
    match fault {
        Fault::Status(status) => error_response(status, "scripted"),
        Fault::RetryAfter(status, seconds) => (
            header(RETRY_AFTER, seconds.to_string()),
            error_response(status, "scripted"),
        )
            .into_response(),
        Fault::Page(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let page = "<html><body>Log in to continue</body></html>".to_owned();
            (
                status,
                header(CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                page,
            )
                .into_response()
        }
        Fault::Garbage => (
            header(CONTENT_TYPE, "application/json".to_owned()),
            "{\"values\": [",
        )
            .into_response(),
        Fault::Json(body) => json_response(StatusCode::OK, &body),
        Fault::SignedOut(body) => (
            [("x-seraph-loginreason", "AUTHENTICATED_FAILED")],
            json_response(StatusCode::OK, &body),
        )
            .into_response(),
        Fault::Answer(status, headers, body) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let kind = header(CONTENT_TYPE, "application/json".to_owned());
            let mut response = (status, kind, body).into_response();
            for (name, value) in headers {
                let value = value.parse().expect("a header's value");
                response.headers_mut().insert(name, value);
            }
            response
        }
        Fault::Slow(_) => unreachable!("answered before"),
        Fault::Hang => std::future::pending().await,
        Fault::Redirect(to) => (StatusCode::FOUND, header(LOCATION, to)).into_response(),
        Fault::Bytes(bytes) => {
            let body = format!("[\"{}\"]", "x".repeat(bytes));
            (header(CONTENT_TYPE, "application/json".to_owned()), body).into_response()
        }
    }
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/json;charset=UTF-8")],
        body.to_string(),
    )
        .into_response()
}

pub(super) fn error_response(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    json_response(status, &json!({"errorMessages": [message], "errors": {}}))
}
