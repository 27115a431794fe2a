//! `/api/turns`: a turn as a resource, for pages. It outlives the connection that asked for it, not
//! its deadline, and any process of the service tells how far it is.
//!
//! [`body`] is what begins a turn, [`running`] answers it, [`mod@follow`] tells what came of it,
//! [`events`] as events, and [`branch`] lets a question be asked anew.

mod body;
mod branch;
mod events;
mod follow;
mod running;

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use self::body::TurnBody;
use self::branch::Branch;
use self::follow::{Follower, More, Seen};
use self::running::Work;
pub(super) use self::running::{Running, keep_stored, store_end_surely};
use super::AppState;
use super::auth::{Admitted, Authenticated, KnownUser};
use super::chat::{accepted, wants_stream};
use super::error::{ApiError, Errors};
use super::extract::{JsonBody, QueryString};
use super::fields::{Fields, FromFields, SESSION};
use super::middleware::{Arrived, RequestId};
use crate::chat::{TurnRequest, admit};
use crate::model::{
    ConversationKey, ConversationOwner, JsonObject, SessionId, StoredTurn, TurnId, TurnProgress,
};
use crate::ports::{StoreError, Window};

/// The header that tells whether a turn was asked for already
/// (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>).
pub(super) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a request waits for more. API Gateway's HTTP API ends one at 30 s.
const LONG_POLL: Duration = Duration::from_secs(20);
/// How long a request that stops a turn, or the next message, waits for its end: another process
/// hears of it when it next stores how far it is.
const STOP_WAIT: Duration = Duration::from_secs(5);
const STOP_POLL: Duration = Duration::from_millis(200);
/// The most turns of one user that go on at once.
const MAX_AT_ONCE: usize = 8;

/// A turn.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Turn {
    id: String,
    /// The conversation that it belongs to.
    session_id: String,
    state: Seen,
    /// What was asked.
    message: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
}

impl Turn {
    fn new(turn: &StoredTurn, state: Seen) -> Self {
        Self {
            id: turn.id.to_string(),
            session_id: turn.session_id.to_string(),
            state,
            message: turn.message.clone(),
            started_at: turn.started_at,
        }
    }
}

/// How far a turn is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TurnSoFar {
    #[serde(flatten)]
    turn: Turn,
    /// The words behind the first `after` bytes.
    text: String,
    /// Send it as `after` for what comes next.
    next: usize,
    /// The skills that were begun.
    tools: Vec<String>,
    /// Of a turn that is done: as `POST /api/chat` answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<super::chat::ChatAnswer>)]
    answer: Option<JsonObject>,
    /// Of a turn that failed: the error, with `status` and perhaps `retry_after_seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    error: Option<JsonObject>,
}

impl TurnSoFar {
    fn new(follower: &Follower, more: More) -> Self {
        let (answer, error) = match more.state {
            Seen::Done => (more.end, None),
            Seen::Failed => (None, more.end),
            _ => (None, None),
        };
        Self {
            turn: Turn::new(&follower.turn, more.state),
            text: more.text,
            next: follower.at,
            tools: more.tools,
            answer,
            error,
        }
    }
}

/// Begin a turn
///
/// It is answered whether its caller stays or not. The same `Idempotency-Key` again is the same
/// turn.
#[utoipa::path(
    post,
    path = "/api/turns",
    tag = "turns",
    params(("Idempotency-Key" = String, Header, description = "16 to 128 printable ASCII characters that no other turn has: a UUID")),
    request_body = TurnBody,
    responses(
        (status = 201, description = "It begins", body = Turn),
        (status = 200, description = "It began before", body = Turn),
        Errors,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn begin(
    State(state): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(Arrived(arrived)): Extension<Arrived>,
    Authenticated(admitted): Authenticated,
    headers: HeaderMap,
    JsonBody(body): JsonBody<TurnBody>,
) -> Result<(StatusCode, Json<Turn>), ApiError> {
    let id = TurnId::of_key(idempotency_key(&headers)?);
    let (message, raw) = accepted(&body.message)?;
    let request = TurnRequest {
        channel: admitted.channel(),
        caller: admitted.caller,
        session_id: body.session_id.clone(),
        message,
        raw,
        request_id,
    };
    admit(&request)?;
    let owner = request.caller.owner(request.channel);
    let mut now = state.platform.clock.now();
    let mut others = turns_of(&state, &owner, now).await?;
    if let Some(same) = others.iter().find(|other| other.id == id) {
        return same_again(same, &body, now);
    }
    require_room(&others, &request, now)?;
    let key = state.engine.conversation(&request).await?;
    let until = Instant::now() + STOP_WAIT;
    while is_ending(&others, &key.session_id, now) && Instant::now() < until {
        tokio::time::sleep(STOP_POLL).await;
        now = state.platform.clock.now();
        others = turns_of(&state, &owner, now).await?;
    }
    require_latest(&state, &key, &body, &others, now).await?;
    let turn = StoredTurn {
        id,
        owner,
        session_id: key.session_id.clone(),
        message: body.message.clone(),
        started_at: now,
        progress: TurnProgress::begun(now),
        is_stopping: false,
    };
    if let Some(same) = state.platform.turns.begin(&turn).await? {
        return same_again(&same, &body, now);
    }
    let begun = Turn::new(&turn, Seen::Running);
    let branch = body.branch.map(|branch| Branch {
        session_id: branch.session_id,
        messages: branch.messages,
    });
    let work = Work {
        key,
        request,
        branch,
        arrived,
    };
    running::start(&state, turn, work);
    Ok((StatusCode::CREATED, Json(begun)))
}

fn idempotency_key(headers: &HeaderMap) -> Result<&str, ApiError> {
    let key = headers.get(&IDEMPOTENCY_KEY);
    let key = key.and_then(|key| key.to_str().ok()).map(str::trim);
    key.filter(|key| {
        (16..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    })
    .ok_or_else(|| {
        ApiError::invalid(
            "the header `Idempotency-Key` must be 16 to 128 printable ASCII characters",
        )
        .hint("make a UUID for each message, and send it again when you repeat the request")
    })
}

/// The turn that the same key began.
fn same_again(
    turn: &StoredTurn,
    body: &TurnBody,
    now: Timestamp,
) -> Result<(StatusCode, Json<Turn>), ApiError> {
    if turn.message != body.message {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "idempotency_key_reused",
            "the `Idempotency-Key` is another message's",
        )
        .about_turn(turn.id.clone()));
    }
    Ok((StatusCode::OK, Json(Turn::new(turn, seen(turn, now)))))
}

/// An owner's turns, without the answers that are kept for clients that hold their conversations.
async fn turns_of(
    state: &AppState,
    owner: &ConversationOwner,
    now: Timestamp,
) -> Result<Vec<StoredTurn>, StoreError> {
    let mut turns = state.platform.turns.turns(owner, now).await?;
    turns.retain(|turn| !turn.progress.is_completion);
    Ok(turns)
}

/// What a stored turn is to its caller.
fn seen(turn: &StoredTurn, now: Timestamp) -> Seen {
    match turn.is_lost(now) {
        true => Seen::BrokenOff,
        false => Seen::of(turn.progress.state),
    }
}

fn goes_on(turn: &StoredTurn, now: Timestamp) -> bool {
    seen(turn, now) == Seen::Running
}

/// Whether a turn of the conversation was stopped and has not ended yet. To its user it is over,
/// so their next message is not refused.
fn is_ending(others: &[StoredTurn], session_id: &SessionId, now: Timestamp) -> bool {
    others
        .iter()
        .any(|other| other.session_id == *session_id && other.is_stopping && goes_on(other, now))
}

fn require_room(
    others: &[StoredTurn],
    request: &TurnRequest,
    now: Timestamp,
) -> Result<(), ApiError> {
    let count = others.iter().filter(|other| goes_on(other, now)).count();
    // Callers without a credential are many, and share one owner.
    if request.caller.user.is_none() || count < MAX_AT_ONCE {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_turns",
        format!("{count} of your messages are being answered; wait for one of them"),
    )
    .retry_after(Some(Duration::from_secs(5))))
}

/// Refuses a message to a conversation that is not as its caller knows it.
async fn require_latest(
    state: &AppState,
    key: &ConversationKey,
    body: &TurnBody,
    others: &[StoredTurn],
    now: Timestamp,
) -> Result<(), ApiError> {
    let under_way = others
        .iter()
        .find(|other| other.session_id == key.session_id && goes_on(other, now));
    if let Some(turn) = under_way {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "turn_under_way",
            "another message of this conversation is being answered",
        )
        .about_turn(turn.id.clone()));
    }
    let Some(seen) = body.seen else {
        return Ok(());
    };
    let stopped: Vec<_> = others
        .iter()
        .filter(|other| other.session_id == key.session_id && other.is_stopping)
        .collect();
    // Two messages a turn, and the one before them.
    let window = Window {
        messages: 2 * stopped.len() + 1,
        bytes: usize::MAX,
    };
    let conversations = &state.platform.conversations;
    let newest = conversations.recent(key, window, now).await?;
    let mut newest = newest.iter().rev().filter_map(|message| message.at);
    // A turn that its user stopped may have been answered, and stored, before that was heard.
    let newest = newest.find(|at| {
        let held = |turn: &&StoredTurn| (turn.started_at..=turn.progress.saved_at).contains(at);
        !stopped.iter().any(held)
    });
    match newest.is_none_or(|newest| newest <= seen) {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::CONFLICT,
            "conversation_moved_on",
            "the conversation has newer messages than you have seen",
        )
        .hint("read it again, then decide whether to send the message")),
    }
}

/// Which turns to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TurnsQuery {
    /// Those of one conversation.
    #[param(value_type = Option<String>)]
    session_id: Option<SessionId>,
}

impl FromFields for TurnsQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        Ok(Self {
            session_id: fields.id(&SESSION)?,
        })
    }
}

/// Turns.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Turns {
    /// Oldest first.
    turns: Vec<Turn>,
}

/// List the caller's turns
///
/// Those that are being answered, and those that ended otherwise than with an answer in the last
/// ten minutes.
#[utoipa::path(
    get,
    path = "/api/turns",
    tag = "turns",
    params(TurnsQuery),
    responses(
        (status = 200, description = "The turns", body = Turns),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    known: KnownUser,
    QueryString(query): QueryString<TurnsQuery>,
) -> Result<Json<Turns>, ApiError> {
    let now = state.platform.clock.now();
    let owner = known.caller.owner(known.channel);
    let mut found = turns_of(&state, &owner, now).await?;
    found.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    let turns = found
        .iter()
        .filter(|turn| {
            let session = query.session_id.as_ref();
            session.is_none_or(|session| turn.session_id == *session)
        })
        .map(|turn| Turn::new(turn, seen(turn, now)))
        .filter(|turn| turn.state != Seen::Done)
        .collect();
    Ok(Json(Turns { turns }))
}

/// What the caller has of a turn.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FollowQuery {
    /// How many bytes (UTF-8) of the answer's words the caller has.
    #[param(minimum = 0)]
    after: Option<usize>,
}

impl FromFields for FollowQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        Ok(Self {
            after: fields.number("after", 0..=usize::MAX)?,
        })
    }
}

/// Follow a turn
///
/// With `Accept: text/event-stream` as server-sent events: `start` (the turn), `delta` (`{"text"}`,
/// its `id` is the next `after`), `tool` (`{"name"}`), and at the end `done` (the answer), `failed`
/// (`{"error"}`), `stopped` or `broken_off`. Otherwise as JSON, as soon as there is more than the
/// caller has, after 20 s at the latest.
#[utoipa::path(
    get,
    path = "/api/turns/{turn_id}",
    tag = "turns",
    params(("turn_id" = String, Path), FollowQuery),
    responses(
        (status = 200, description = "What came since", content(
            (TurnSoFar = "application/json"),
            (String = "text/event-stream"),
        )),
        Errors,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn follow(
    State(state): State<AppState>,
    Authenticated(admitted): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    QueryString(query): QueryString<FollowQuery>,
) -> Result<Response, ApiError> {
    let owner = owner(&admitted);
    let last = headers.get(&LAST_EVENT_ID);
    let last = last.and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let at = last.or(query.after).unwrap_or_default();
    let mut follower = Follower::new(state, &owner, &turn_id(&id)?, at).await?;
    if wants_stream(&headers) {
        return Ok(events::of(follower));
    }
    let more = follower.more(Instant::now() + LONG_POLL).await?;
    Ok(Json(TurnSoFar::new(&follower, more)).into_response())
}

/// Stop a turn
///
/// What was answered until then stays in the conversation. Of one that is over nothing changes.
#[utoipa::path(
    delete,
    path = "/api/turns/{turn_id}",
    tag = "turns",
    params(("turn_id" = String, Path)),
    responses(
        (status = 200, description = "As it ended, or is ending", body = TurnSoFar),
        Errors,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn stop(
    State(state): State<AppState>,
    Authenticated(admitted): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<TurnSoFar>, ApiError> {
    let (owner, id) = (owner(&admitted), turn_id(&id)?);
    let mut follower = Follower::new(state.clone(), &owner, &id, 0).await?;
    if let Some(live) = state.running.get(&owner, &id) {
        live.stop.cancel();
    }
    // Also of a turn of this process: another may be asked the next question before it has ended.
    match state.platform.turns.ask_to_stop(&owner, &id).await {
        Ok(()) | Err(StoreError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let until = Instant::now() + STOP_WAIT;
    let mut text = String::new();
    let mut tools = Vec::new();
    loop {
        let more = follower.more(until).await?;
        text.push_str(&more.text);
        tools.extend(more.tools.iter().cloned());
        if more.state != Seen::Running || Instant::now() >= until {
            let so_far = More {
                text,
                tools,
                ..more
            };
            return Ok(Json(TurnSoFar::new(&follower, so_far)));
        }
    }
}

fn owner(admitted: &Admitted) -> ConversationOwner {
    admitted.caller.owner(admitted.channel())
}

fn turn_id(text: &str) -> Result<TurnId, ApiError> {
    text.parse().map_err(|error| {
        ApiError::invalid(format!("`turn_id` in the path cannot be used: {error}"))
    })
}
