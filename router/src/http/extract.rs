//! Bodies and queries as types, with errors that tell what is wrong with them.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use http_body_util::LengthLimitError;

use super::error::ApiError;
use super::fields::{Fields, FromFields};
use super::server::BodyTooSlow;
use crate::errors::chain;

/// The limit of a body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A JSON body. It must be declared as JSON, which also keeps other sites' forms from posting here.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: FromFields, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let headers = request.headers();
        let media_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json")
            || headers.contains_key(CONTENT_ENCODING)
        {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body must be uncompressed JSON, declared as `Content-Type: application/json`",
            ));
        }
        let declared = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length > MAX_BODY_BYTES) {
            return Err(too_large());
        }
        let body = to_bytes(request.into_body(), MAX_BODY_BYTES)
            .await
            .map_err(|error| unread(&error))?;
        T::from_fields(&Fields::of_json(&body)?).map(Self)
    }
}

/// Why a body was not read to its end.
fn unread(error: &(dyn std::error::Error + 'static)) -> ApiError {
    if chain(error).any(|cause| cause.is::<LengthLimitError>()) {
        return too_large();
    }
    match chain(error).find_map(|cause| cause.downcast_ref::<BodyTooSlow>()) {
        Some(slow) => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            slow.to_string(),
        ),
        None => ApiError::invalid("the body ended early"),
    }
}

fn too_large() -> ApiError {
    let limit = MAX_BODY_BYTES / 1024;
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body is larger than {limit} KiB"),
    )
}

/// The query string as a type.
pub(super) struct QueryString<T>(pub(super) T);

impl<T: FromFields, S: Send + Sync> FromRequestParts<S> for QueryString<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => T::from_fields(&Fields::of_query(pairs)).map(Self),
            Err(_) => Err(ApiError::invalid("the query cannot be understood")),
        }
    }
}
