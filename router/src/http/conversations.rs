//! The caller's own conversations: `GET /api/history`, `GET /api/sessions`, `POST /api/clear`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::AppState;
use super::auth::KnownUser;
use super::error::{ApiError, ErrorBody, Errors};
use super::extract::{JsonBody, QueryString};
use super::fields::{Fields, FromFields, SESSION};
use super::paging::PageQuery;
use crate::model::{ConversationKey, ConversationOwner, JsonObject, SessionId};

/// The conversation to return.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// The conversation; also accepted as `conversation_id`, and as both where they are equal.
    #[param(value_type = String, pattern = "^[!-~]{1,128}$")]
    session_id: SessionId,
}

impl FromFields for HistoryQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        let session_id = fields.id(&SESSION)?.ok_or_else(|| {
            ApiError::invalid("`session_id` is missing: it says which conversation")
                .hint("`GET /api/sessions` lists the conversations")
        })?;
        Ok(Self { session_id })
    }
}

/// A page of a conversation's messages.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct History {
    session_id: String,
    /// The page's messages, oldest first.
    messages: Vec<HistoryMessage>,
    /// Send it as `after` for older messages; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A message of the user or the assistant.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryMessage {
    /// `user` or `assistant`.
    role: &'static str,
    content: String,
    /// When it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// How an answer came about, as far as that was stored: `route`, `skills`, `model`, `usage`,
    /// `timing_ms`, `request_id`, and `stopped` of one that its user stopped.
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    #[schema(value_type = Option<Object>)]
    details: JsonObject,
}

/// What is told of how an answer came about. What else is stored with a message is other programs'.
const DETAILS: [&str; 7] = [
    "route",
    "skills",
    "model",
    "usage",
    "timing_ms",
    "request_id",
    "stopped",
];

fn details(mut message: JsonObject) -> JsonObject {
    message.retain(|name, _| DETAILS.contains(&name.as_str()));
    message
}

/// A page of the caller's conversations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    sessions: Vec<Session>,
    /// Send it as `after` for more; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A conversation in a list.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    session_id: String,
    /// When its last turn ended.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The beginning of the last message.
    preview: String,
    /// The beginning of the first message, or of the last one if the first is not known.
    title: String,
}

/// The conversation to remove.
#[derive(Debug, ToSchema)]
pub(super) struct ClearBody {
    /// The conversation; also accepted as `conversation_id`, and as both where they are equal.
    #[schema(value_type = String, pattern = "^[!-~]{1,128}$")]
    session_id: SessionId,
}

impl FromFields for ClearBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        let session_id = fields.id(&SESSION)?;
        Ok(Self {
            session_id: session_id.ok_or_else(|| {
                ApiError::invalid("`session_id` is missing: it says which conversation to remove")
            })?,
        })
    }
}

/// The conversation that was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Cleared {
    session_id: String,
    /// `false` if there was no such conversation.
    cleared: bool,
}

fn owner(known: &KnownUser) -> ConversationOwner {
    known.caller.owner(known.channel)
}

/// Messages of a conversation, newest page first
#[utoipa::path(
    get,
    path = "/api/history",
    tag = "conversations",
    params(HistoryQuery, PageQuery),
    responses(
        (status = 200, description = "The messages", body = History),
        (status = "4XX", description = "Refused, or no such conversation", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn history(
    State(state): State<AppState>,
    known: KnownUser,
    QueryString(query): QueryString<HistoryQuery>,
    QueryString(page): QueryString<PageQuery>,
) -> Result<Json<History>, ApiError> {
    let key = ConversationKey {
        owner: owner(&known),
        session_id: query.session_id,
    };
    let now = state.platform.clock.now();
    let Some(found) = state
        .platform
        .conversations
        .history(&key, page.into(), now)
        .await?
    else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "no_such_session",
            "no such conversation",
        ));
    };
    let messages = found
        .items
        .into_iter()
        .map(|message| HistoryMessage {
            role: message.role.as_str(),
            content: message.content,
            at: message.at,
            details: details(message.other),
        })
        .collect();
    Ok(Json(History {
        session_id: key.session_id.into(),
        messages,
        next: found.next,
    }))
}

/// The caller's conversations
///
/// In descending order of their ids: the conversations that the router began come newest first. A
/// new message does not move its conversation; `updated_at` has its time.
#[utoipa::path(
    get,
    path = "/api/sessions",
    tag = "conversations",
    params(PageQuery),
    responses(
        (status = 200, description = "The conversations", body = Sessions),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn sessions(
    State(state): State<AppState>,
    known: KnownUser,
    QueryString(page): QueryString<PageQuery>,
) -> Result<Json<Sessions>, ApiError> {
    let now = state.platform.clock.now();
    let found = state
        .platform
        .conversations
        .sessions(&owner(&known), page.into(), now)
        .await?;
    let sessions = found
        .items
        .into_iter()
        .map(|summary| Session {
            session_id: summary.session_id.into(),
            updated_at: summary.updated_at,
            title: summary.title.unwrap_or_else(|| summary.preview.clone()),
            preview: summary.preview,
        })
        .collect();
    Ok(Json(Sessions {
        sessions,
        next: found.next,
    }))
}

/// Remove a conversation
#[utoipa::path(
    post,
    path = "/api/clear",
    tag = "conversations",
    request_body = ClearBody,
    responses(
        (status = 200, description = "Removed, or there was none", body = Cleared),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn clear(
    State(state): State<AppState>,
    known: KnownUser,
    JsonBody(body): JsonBody<ClearBody>,
) -> Result<Json<Cleared>, ApiError> {
    let key = ConversationKey {
        owner: owner(&known),
        session_id: body.session_id,
    };
    let cleared = state
        .platform
        .conversations
        .clear(&key, state.platform.clock.now())
        .await?;
    Ok(Json(Cleared {
        session_id: key.session_id.into(),
        cleared,
    }))
}
