//! Errors as callers get them: JSON, with a status that fits, and nothing internal in a 500 or 503.
//!
//! An [`ApiError`] carries its [`Cause`] as a value to where the response leaves
//! ([`super::middleware`], or the event stream for what fails after its head was sent). There, and
//! nowhere else, it is logged.

mod admin;
mod openai;
mod over_budget;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ai::SelectError;
use crate::aws::AwsError;
use crate::chat::TurnError;
use crate::errors::{chain, with_causes};
use crate::model::TurnId;
use crate::ports::{ModelError, StoreError};
use crate::skills::{SkillError, SkillErrorKind};
use crate::token::NoRandomness;

pub(super) use self::openai::{ErrorForm, OpenAiErrorBody, OpenAiErrors};

/// How long a caller should wait where a provider or Jira limits the rate of requests and does not
/// say for how long.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The body of every error.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// Code, message and hint.
    error: ErrorDetail,
    /// The request, as in `x-request-id`: quote it when asking for help.
    request_id: String,
}

/// The errors that any operation may answer, for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum Errors {
    /// Refused
    #[response(status = "4XX")]
    Refused(ErrorBody),
    /// Failed
    #[response(status = "5XX")]
    Failed(ErrorBody),
}

/// What went wrong, for programs and for people.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ErrorDetail {
    /// Stable, for programs.
    code: &'static str,
    /// For people; may change.
    message: String,
    /// What the caller can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The field that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The turn that is in the way, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<String>,
}

/// An error on its way to the caller. The request's id is added where it leaves
/// ([`super::middleware`]).
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
    about: Option<Box<About>>,
    retry_after: Option<Duration>,
    /// For the log alone. Errors that are the caller's own have none.
    cause: Option<Arc<Cause>>,
}

/// What an error is about.
#[derive(Debug, Clone)]
enum About {
    /// A field of the request.
    Field(String),
    /// The turn that is in the way.
    Turn(TurnId),
    /// The token of an issuer.
    Token,
}

/// What failed behind an error, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    #[error("a store failed")]
    Store(#[source] StoreError),
    #[error("no store answered within {} s", .0.as_secs())]
    StoreTimeout(Duration),
    #[error("the model failed")]
    Model(#[source] ModelError),
    #[error("the skill `{skill}` failed")]
    Skill {
        skill: &'static str,
        source: SkillError,
    },
    #[error("no session id could be made")]
    NoRandomness(#[source] NoRandomness),
    /// What it says goes to stderr by the panic hook, and not into this log: it may quote a
    /// message.
    #[error("a request panicked")]
    Panic,
    #[error("a layer answered without an explanation")]
    Unexplained,
    #[error("a handler found no caller who may call it")]
    NobodyAdmitted,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
            about: None,
            retry_after: None,
            cause: None,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// A request of a session that lacks its CSRF token.
    pub(super) fn no_csrf_token() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "csrf_token_missing",
            "the session's CSRF token is missing or wrong",
        )
        .hint("send `x-csrf-token` with what `GET /api/me` gives as `csrf_token`")
    }

    /// Whether the credential was refused.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// The cause goes to the log; the caller learns only that there is one.
    pub(super) fn internal(cause: Cause) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong here; it was logged",
        )
        .caused_by(cause)
    }

    pub(super) fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn about_field(mut self, field: impl Into<String>) -> Self {
        self.about = Some(Box::new(About::Field(field.into())));
        self
    }

    pub(super) fn about_turn(mut self, id: TurnId) -> Self {
        self.about = Some(Box::new(About::Turn(id)));
        self
    }

    /// Has the challenge say what is wrong with the token.
    pub(super) fn about_token(mut self) -> Self {
        self.about = Some(Box::new(About::Token));
        self
    }

    /// What a caller whose credential is missing or refused has to send
    /// (<https://www.rfc-editor.org/rfc/rfc6750#section-3>).
    fn challenge(&self) -> HeaderValue {
        let scheme = HeaderValue::from_static("Bearer");
        match self.about.as_deref() {
            Some(About::Token) => {
                let why = &self.message;
                let named = format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
                HeaderValue::try_from(named).unwrap_or(scheme)
            }
            _ => scheme,
        }
    }

    pub(super) fn retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }

    pub(super) fn of_skill(skill: &'static str, error: SkillError) -> Self {
        let (status, code) = match error.kind {
            SkillErrorKind::Input => (StatusCode::UNPROCESSABLE_ENTITY, "skill_input"),
            SkillErrorKind::Configuration => (StatusCode::CONFLICT, "integration_misconfigured"),
            SkillErrorKind::Denied | SkillErrorKind::MoreAccess { .. } => {
                (StatusCode::BAD_GATEWAY, "integration_denied")
            }
            SkillErrorKind::NotFound => (StatusCode::BAD_GATEWAY, "integration_not_found"),
            SkillErrorKind::Throttled { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "integration_throttled")
            }
            SkillErrorKind::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "integration_timed_out"),
            SkillErrorKind::Unavailable => (StatusCode::BAD_GATEWAY, "integration_unavailable"),
        };
        let retry_after = match error.kind {
            SkillErrorKind::Throttled { retry_after } => {
                Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER))
            }
            _ => None,
        };
        let mut api = Self::new(status, code, error.message.clone()).retry_after(retry_after);
        api.hint.clone_from(&error.hint);
        api.caused_by(Cause::Skill {
            skill,
            source: error,
        })
    }

    /// How long to wait, rounded up: a caller who comes back too early is refused again.
    pub(super) fn retry_after_seconds(&self) -> Option<u64> {
        let after = self.retry_after?;
        Some((after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1))
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its code.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// What went wrong, for people.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// What can be done about it.
    pub(super) fn hinted(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Writes the cause to the log. Called once, where the error leaves.
    pub(super) fn log(&self) {
        let Some(cause) = self.cause.as_deref() else {
            return;
        };
        let detail = cause.source().map(with_causes);
        let (code, detail) = (self.code, detail.as_deref());
        // By these AWS's support and CloudTrail find the call.
        let aws = chain(cause).find_map(|error| error.downcast_ref::<AwsError>());
        let aws_operation = aws.map(|error| error.operation);
        let aws_request_id = aws.and_then(|error| error.request_id.as_deref());
        match cause {
            // Other parties' services, whose failures an operator cannot always repair.
            Cause::Model(_) | Cause::Skill { .. } => {
                tracing::warn!(
                    code,
                    error = detail,
                    aws_operation,
                    aws_request_id,
                    "{cause}"
                );
            }
            Cause::Store(_)
            | Cause::StoreTimeout(_)
            | Cause::NoRandomness(_)
            | Cause::Panic
            | Cause::Unexplained
            | Cause::NobodyAdmitted => {
                tracing::error!(
                    code,
                    error = detail,
                    aws_operation,
                    aws_request_id,
                    "{cause}"
                );
            }
        }
    }

    /// The body, with the request's id.
    pub(super) fn body(&self, request_id: &str) -> ErrorBody {
        let (field, turn_id) = match self.about.as_deref() {
            Some(About::Field(field)) => (Some(field.clone()), None),
            Some(About::Turn(id)) => (None, Some(id.to_string())),
            Some(About::Token) | None => (None, None),
        };
        ErrorBody {
            error: ErrorDetail {
                code: self.code,
                message: self.message.clone(),
                hint: self.hint.clone(),
                field,
                turn_id,
            },
            request_id: request_id.to_owned(),
        }
    }

    /// The response: body, `Retry-After` and `WWW-Authenticate`.
    pub(super) fn response(&self, request_id: &str, form: ErrorForm) -> Response {
        let mut response = match form {
            ErrorForm::Own => (self.status, Json(self.body(request_id))).into_response(),
            ErrorForm::OpenAi => self.as_openai(),
        };
        if let Some(seconds) = self.retry_after_seconds() {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, self.challenge());
        }
        response
    }
}

impl IntoResponse for ApiError {
    /// Leaves the error where the middleware finds it, which knows the request's id.
    fn into_response(self) -> Response {
        (self.status, Extension(self)).into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InvalidCursor => Self::invalid("`after` is not a cursor of this list"),
            StoreError::TooLarge(_) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                error.to_string(),
            ),
            StoreError::Throttled | StoreError::Unavailable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "the store does not answer; try again",
            )
            .retry_after(Some(Duration::from_secs(1)))
            .caused_by(Cause::Store(error)),
            StoreError::Full(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_full",
                "the store has no room: nothing can be stored until the operator makes some",
            )
            .caused_by(Cause::Store(error)),
            StoreError::AlreadyExists(_)
            | StoreError::NotFound(_)
            | StoreError::Changed(_)
            | StoreError::Taken(_)
            | StoreError::Suspended(_)
            | StoreError::Reserved { .. }
            | StoreError::Misconfigured(_)
            | StoreError::Unauthenticated(_)
            | StoreError::Denied(_)
            | StoreError::Corrupt { .. } => Self::internal(Cause::Store(error)),
        }
    }
}

impl From<TurnError> for ApiError {
    fn from(error: TurnError) -> Self {
        let message = error.to_string();
        match error {
            TurnError::Suspended(_) => {
                Self::new(StatusCode::FORBIDDEN, "tenant_suspended", message)
            }
            TurnError::CallerGone => Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message),
            TurnError::ChannelOff {
                channel,
                tenant,
                mut enabled,
            } => {
                enabled.push(channel.to_string());
                let enabled = enabled.join(",");
                Self::new(StatusCode::FORBIDDEN, "channel_off", message).hint(format!(
                    "`t3nets tenant set -t {tenant} enabled_channels={enabled}` turns it on"
                ))
            }
            TurnError::OverBudget {
                standing,
                resets_at,
            } => Self::over_budget(message, &standing, resets_at),
            TurnError::TooManyCalls { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_calls", message)
                    .hint(
                        "ask again in a moment; an administrator can raise `max_concurrent_calls`",
                    )
                    .retry_after(Some(Duration::from_secs(1)))
            }
            TurnError::Unpriced { .. } => {
                Self::new(StatusCode::CONFLICT, "model_misconfigured", message)
                    .hint("an administrator can set a budget in tokens instead, or another model; `profile_model` tells which is behind an inference profile")
            }
            TurnError::NotConnected { integration, .. } => {
                Self::new(StatusCode::CONFLICT, "integration_not_connected", message)
                    .hint(format!("connect it with `t3nets secret set {integration}`"))
            }
            TurnError::Skill { skill, error } => Self::of_skill(skill, error),
            TurnError::Select(error) => error.into(),
            TurnError::Model(error) => error.into(),
            TurnError::Store(error) => error.into(),
            TurnError::NoRandomness(error) => Self::internal(Cause::NoRandomness(error)),
        }
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        let (status, code) = match &error {
            ModelError::Throttled { .. } => (StatusCode::SERVICE_UNAVAILABLE, "model_throttled"),
            ModelError::Unavailable(_) => (StatusCode::BAD_GATEWAY, "model_unavailable"),
            ModelError::Paused { .. } => (StatusCode::SERVICE_UNAVAILABLE, "model_unavailable"),
            ModelError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "model_timed_out"),
            ModelError::Denied(_) => (StatusCode::BAD_GATEWAY, "model_denied"),
            ModelError::UnknownModel(_) => (StatusCode::BAD_GATEWAY, "model_unknown"),
            ModelError::TooLong => (StatusCode::UNPROCESSABLE_ENTITY, "conversation_too_long"),
            ModelError::NoTools | ModelError::NoFormat => {
                (StatusCode::CONFLICT, "model_misconfigured")
            }
            ModelError::Format(_) => (StatusCode::BAD_REQUEST, "response_format_refused"),
            ModelError::Rejected(_) => (StatusCode::BAD_GATEWAY, "model_rejected"),
            ModelError::Protocol(_) => (StatusCode::BAD_GATEWAY, "model_protocol"),
        };
        let retry_after = match &error {
            ModelError::Throttled { retry_after } => {
                Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER))
            }
            ModelError::Paused { retry_after } => Some(*retry_after),
            _ => None,
        };
        let api = Self::new(status, code, error.to_string()).retry_after(retry_after);
        let api = match &error {
            ModelError::TooLong => api.hint("begin a new session, or clear this one"),
            ModelError::Format(_) => api.about_field("response_format"),
            ModelError::Denied(_) => {
                api.hint("an administrator can renew the provider's key, or allow the model")
            }
            _ => api,
        };
        api.caused_by(Cause::Model(error))
    }
}

impl From<SelectError> for ApiError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Store(error) => error.into(),
            error => {
                let api = Self::new(
                    StatusCode::CONFLICT,
                    "model_misconfigured",
                    error.to_string(),
                );
                match error.hint() {
                    Some(hint) => api.hint(hint),
                    None => api,
                }
            }
        }
    }
}
