//! What begins a turn.

use jiff::Timestamp;
use serde_json::Value;
use utoipa::ToSchema;

use super::super::error::ApiError;
use super::super::fields::{Fields, FromFields, MESSAGE, SESSION};
use super::branch;
use crate::model::{JsonObject, SessionId};

/// A message to the assistant.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct TurnBody {
    /// As of `POST /api/chat`.
    #[schema(min_length = 1, max_length = 32768)]
    pub(super) message: String,
    /// The conversation to go on with. Without it a new one begins.
    #[schema(value_type = Option<String>, pattern = "^[!-~]{0,128}$")]
    pub(super) session_id: Option<SessionId>,
    /// The time (`at`) of the newest message of the conversation that the caller knows: if there is
    /// a newer one, 409.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) seen: Option<Timestamp>,
    /// What a new conversation begins with, to ask a question anew.
    pub(super) branch: Option<BranchBody>,
}

/// The beginning of another conversation.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct BranchBody {
    #[schema(value_type = String)]
    pub(super) session_id: SessionId,
    /// How many of its messages.
    #[schema(maximum = 2000)]
    pub(super) messages: usize,
}

impl FromFields for TurnBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        let seen = fields.text(&["seen"])?.map(str::parse).transpose();
        let branch = fields.object("branch")?.map(BranchBody::read).transpose()?;
        let body = Self {
            message: fields
                .text(&MESSAGE)?
                .ok_or_else(|| ApiError::invalid("`message` is missing"))?
                .to_owned(),
            session_id: fields.id(&SESSION)?,
            seen: seen.map_err(|_| {
                ApiError::invalid("`seen` must be a time like 2026-11-26T08:00:00Z")
                    .about_field("seen")
            })?,
            branch,
        };
        match (&body.branch, &body.session_id) {
            (Some(_), Some(_)) => Err(ApiError::invalid(
                "send one of `session_id` and `branch`: a branch is a new conversation",
            )),
            _ => Ok(body),
        }
    }
}

impl BranchBody {
    fn read(given: &JsonObject) -> Result<Self, ApiError> {
        let invalid = |what: String| ApiError::invalid(what).about_field("branch");
        let session = given.get("session_id").and_then(Value::as_str);
        let session = session
            .ok_or_else(|| invalid("`branch.session_id` is missing, or no text".to_owned()))?;
        let messages = given.get("messages").and_then(Value::as_u64);
        let messages = messages.and_then(|count| usize::try_from(count).ok());
        let messages = messages.filter(|count| *count <= branch::MAX_MESSAGES);
        Ok(Self {
            session_id: session
                .parse()
                .map_err(|error| invalid(format!("`branch.session_id` cannot be used: {error}")))?,
            messages: messages.ok_or_else(|| {
                invalid(format!(
                    "`branch.messages` must be a whole number from 0 to {}",
                    branch::MAX_MESSAGES
                ))
            })?,
        })
    }
}
