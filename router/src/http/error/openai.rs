//! Errors in the form of OpenAI's API, which its clients read: below `/v1`, whatever refuses the
//! request.
//!
//! Status and headers are those of every error. Codes are ours but for those that OpenAI has for
//! the same (<https://developers.openai.com/api/docs/guides/error-codes>).

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{About, ApiError};

/// Tells OpenAI's clients whether to ask again. By themselves they repeat what is answered with
/// 408, 409, 429 or 5xx.
static SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// How long a wait is not worth holding a request for, in seconds.
const LONG_WAIT: u64 = 60;

/// The form of an error's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ErrorForm {
    /// The router's own.
    Own,
    /// OpenAI's.
    OpenAi,
}

impl ErrorForm {
    /// That of all errors at a path.
    pub(in crate::http) fn of_path(path: &str) -> Self {
        match path.strip_prefix("/v1") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Self::OpenAi,
            _ => Self::Own,
        }
    }
}

/// The body of every error below `/v1`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct OpenAiErrorBody {
    error: OpenAiError,
}

/// What went wrong, as OpenAI's clients read it.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct OpenAiError {
    /// For people, with what can be done about it; may change.
    message: String,
    /// The kind of error.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The part of the request that it is about.
    param: Option<String>,
    /// Stable, for programs.
    code: &'static str,
}

/// The errors that any operation below `/v1` may answer, for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(in crate::http) enum OpenAiErrors {
    /// Refused
    #[response(status = "4XX")]
    Refused(OpenAiErrorBody),
    /// Failed
    #[response(status = "5XX")]
    Failed(OpenAiErrorBody),
}

impl ApiError {
    /// The body as OpenAI has it.
    pub(in crate::http) fn openai_body(&self) -> OpenAiErrorBody {
        let message = match &self.hint {
            Some(hint) => format!("{} ({hint})", self.message),
            None => self.message.clone(),
        };
        let param = match self.about.as_deref() {
            Some(About::Field(field)) => Some(field.clone()),
            Some(About::Turn(_) | About::Token) | None => None,
        };
        OpenAiErrorBody {
            error: OpenAiError {
                message,
                kind: self.openai_type(),
                param,
                code: match self.code {
                    "unauthorized" => "invalid_api_key",
                    code => code,
                },
            },
        }
    }

    pub(super) fn as_openai(&self) -> Response {
        let mut response = (self.status, Json(self.openai_body())).into_response();
        if self.is_repeated_in_vain() {
            let no = HeaderValue::from_static("false");
            response.headers_mut().insert(SHOULD_RETRY.clone(), no);
        }
        response
    }

    fn openai_type(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            // The day's messages are used up: not a rate that a pause would help.
            StatusCode::TOO_MANY_REQUESTS if self.is_repeated_in_vain() => "insufficient_quota",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_client_error() => "invalid_request_error",
            _ => "server_error",
        }
    }

    /// Whether the same request would fail again, though its status does not say so. One that ran
    /// into its deadline would be paid for again.
    fn is_repeated_in_vain(&self) -> bool {
        match self.status {
            StatusCode::CONFLICT => self.retry_after.is_none(),
            StatusCode::TOO_MANY_REQUESTS => self
                .retry_after_seconds()
                .is_none_or(|seconds| seconds > LONG_WAIT),
            _ => matches!(
                self.code,
                "deadline_exceeded"
                    | "router_not_permitted"
                    | "store_full"
                    | "integration_denied"
                    | "integration_not_found"
                    | "model_denied"
                    | "model_unknown"
                    | "model_rejected"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_openais_form_below_v1_alone() {
        for (path, form) in [
            ("/v1", ErrorForm::OpenAi),
            ("/v1/", ErrorForm::OpenAi),
            ("/v1/models/a/b", ErrorForm::OpenAi),
            ("/v10/models", ErrorForm::Own),
            ("/api/v1/models", ErrorForm::Own),
            ("/", ErrorForm::Own),
        ] {
            assert_eq!(ErrorForm::of_path(path), form, "{path}");
        }
    }
}
