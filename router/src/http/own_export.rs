//! Everything that is kept of the caller: `GET /api/me/export`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::Semaphore;
use tracing::Span;

use super::AppState;
use super::auth::KnownUser;
use super::error::{ApiError, Errors};
use super::middleware::Arrived;
use crate::admin::Admin;
use crate::admin::user_export::ExportBounds;

/// How many exports a router makes at once: each reads the whole of what somebody said.
const AT_ONCE: usize = 2;
/// The most bytes of an export. API Gateway takes 10 MB
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MAX_BYTES: usize = 8 << 20;

/// The exports that are being made.
#[derive(Clone)]
pub(super) struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Export what is kept of the caller
///
/// As lines of JSON: the user, what is remembered of them, their keys and sessions without the
/// secrets, what they used, who changed what of theirs, and every conversation with its messages.
/// The last line is `{"type": "end", "records", "is_complete"}`: `is_complete` is false where the
/// rest did not fit the answer's time or 8 MiB. The audit trail says that it was exported.
#[utoipa::path(
    get,
    path = "/api/me/export",
    tag = "session",
    responses(
        (status = 200, description = "The lines", body = String, content_type = "application/x-ndjson"),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn export(
    State(state): State<AppState>,
    Extension(Arrived(arrived)): Extension<Arrived>,
    KnownUser {
        caller, user_id, ..
    }: KnownUser,
) -> Result<Response, ApiError> {
    let Ok(permit) = state.exports.0.clone().try_acquire_owned() else {
        let message = "others are being exported";
        return Err(
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_exports", message)
                .hint("try again in a moment")
                .retry_after(Some(state.deadlines.answer)),
        );
    };
    let admin = Admin::new(state.platform.clone(), format!("user:{user_id}"));
    let bounds = ExportBounds {
        bytes: MAX_BYTES,
        until: arrived + state.deadlines.answer,
    };
    let export = admin
        .export_user(&caller.tenant.id, &user_id, Some(bounds))
        .await?;
    let span = Span::current();
    let lines = stream::try_unfold((export, permit), move |(mut export, permit)| {
        let span = span.clone();
        async move {
            match export.next_line().await {
                Ok(line) => Ok(line.map(|line| (line, (export, permit)))),
                // The head is long sent: the caller sees it by the missing last line.
                Err(error) => {
                    span.in_scope(|| ApiError::from(error.clone()).log());
                    Err(error)
                }
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"t3nets-export.jsonl\"",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}
