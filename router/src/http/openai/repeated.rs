//! A request that is sent again under its `Idempotency-Key` gets the first answer, whichever
//! process made it, and is charged once. Such an answer is kept for some minutes, as a turn is.
//!
//! OpenAI's clients send the header only where their user sets it. What failed is tried anew, since
//! clients repeat what fails for a passing reason: each attempt is a record of its own, so that of
//! two repetitions at once one begins it, and the other waits.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use super::answer::{Answer, ChatCompletion, Head};
use super::{How, Step, stream};
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::turns::{IDEMPOTENCY_KEY, keep_stored, store_end_surely};
use crate::model::{
    ConversationOwner, JsonObject, SessionId, StoredTurn, TurnId, TurnProgress, TurnState,
};

/// How often the store is asked for an answer that is being made.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// The most times that what failed is tried anew.
const MOST_ATTEMPTS: usize = 32;
/// The most bytes of an answer that are kept: an item of DynamoDB takes 400 KB.
const MOST_KEPT: usize = 320 * 1024;

/// The header that says which request it is; none if it is not there.
///
/// # Errors
/// If it is nothing that can be told apart.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get(&IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default().trim();
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid(
            "the header `Idempotency-Key` must be 1 to 255 printable ASCII characters",
        ));
    }
    Ok(Some(key.to_owned()))
}

/// Whose a request is.
pub(super) enum Claim {
    /// It was answered before.
    Answered(Box<Kept>),
    /// This process answers it.
    Own(Box<Own>),
}

/// The right to answer a request.
pub(super) struct Own(StoredTurn);

/// An answer that is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    head: Head,
    answer: Answer,
}

/// Claims a request; waits for whoever answers it already.
///
/// # Errors
/// If the key is another request's, or the first is being answered for longer than `until`.
pub(super) async fn claim(
    state: &AppState,
    owner: ConversationOwner,
    key: &str,
    hash: String,
    until: Instant,
) -> Result<Claim, ApiError> {
    for attempt in 0..MOST_ATTEMPTS {
        let id = TurnId::of_key(&format!("v1 {attempt} {key}"));
        let mut there = match begin(state, &owner, &id, &hash).await? {
            Begun::Own(turn) => return Ok(Claim::Own(Box::new(Own(turn)))),
            Begun::There(there) => there,
        };
        loop {
            if there.message != hash {
                return Err(ApiError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "idempotency_key_reused",
                    "the `Idempotency-Key` is another request's",
                ));
            }
            let now = state.platform.clock.now();
            match there.progress.state {
                TurnState::Done => return kept(there.progress.end).map(Claim::Answered),
                TurnState::Running if !there.is_lost(now) => {}
                TurnState::Running | TurnState::Failed | TurnState::Stopped => break,
            }
            if Instant::now() + ASK_EVERY > until {
                return Err(under_way());
            }
            tokio::time::sleep(ASK_EVERY).await;
            let now = state.platform.clock.now();
            match state.platform.turns.turn(&owner, &id, now).await? {
                Some(turn) => there = turn,
                None => break,
            }
        }
    }
    Err(ApiError::new(
        StatusCode::CONFLICT,
        "idempotency_key_used_up",
        format!("the request failed {MOST_ATTEMPTS} times under its `Idempotency-Key`"),
    )
    .hint("send another key"))
}

enum Begun {
    Own(StoredTurn),
    There(StoredTurn),
}

async fn begin(
    state: &AppState,
    owner: &ConversationOwner,
    id: &TurnId,
    hash: &str,
) -> Result<Begun, ApiError> {
    let now = state.platform.clock.now();
    let turn = StoredTurn {
        id: id.clone(),
        owner: owner.clone(),
        session_id: SessionId::from(id.clone()),
        message: hash.to_owned(),
        started_at: now,
        progress: TurnProgress {
            is_completion: true,
            ..TurnProgress::begun(now)
        },
        is_stopping: false,
    };
    let there = state.platform.turns.begin(&turn).await?;
    Ok(there.map_or(Begun::Own(turn), Begun::There))
}

fn under_way() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "answer_under_way",
        "the first request of this `Idempotency-Key` is still being answered",
    )
    .retry_after(Some(Duration::from_secs(1)))
}

fn kept(end: Option<JsonObject>) -> Result<Box<Kept>, ApiError> {
    let kept = end.map(|end| serde_json::from_value(Value::Object(end)));
    match kept {
        Some(Ok(kept)) => Ok(Box::new(kept)),
        Some(Err(_)) | None => Err(ApiError::new(
            StatusCode::CONFLICT,
            "answer_not_kept",
            "the first answer under this `Idempotency-Key` was too long to be kept",
        )),
    }
}

impl Own {
    /// Answers, says meanwhile that it goes on, and keeps what comes of it, before it is told.
    pub(super) async fn hold(
        &self,
        state: &AppState,
        head: &Head,
        answering: impl Future<Output = Result<Answer, ApiError>>,
    ) -> Result<Answer, ApiError> {
        let end = tokio::select! {
            biased;
            end = answering => end,
            () = keep_stored(state, &self.0) => Err(gone()),
        };
        let (is_answered, kept) = match &end {
            Ok(answer) => (true, object_of(head, answer)),
            Err(_) => (false, None),
        };
        let progress = TurnProgress {
            state: match is_answered {
                true => TurnState::Done,
                false => TurnState::Failed,
            },
            end: kept,
            saved_at: state.platform.clock.now(),
            ..self.0.progress.clone()
        };
        store_end_surely(state, &self.0, &progress).await;
        end
    }
}

/// Whoever asked was removed.
fn gone() -> ApiError {
    crate::chat::TurnError::CallerGone.into()
}

fn object_of(head: &Head, answer: &Answer) -> Option<JsonObject> {
    let kept = Kept {
        head: head.clone(),
        answer: answer.clone(),
    };
    match serde_json::to_value(&kept) {
        Ok(Value::Object(kept)) => {
            let is_short = serde_json::to_string(&kept).is_ok_and(|text| text.len() <= MOST_KEPT);
            is_short.then_some(kept)
        }
        _ => None,
    }
}

impl Kept {
    /// The answer once more.
    pub(super) async fn response(self, how: How) -> Result<Response, ApiError> {
        if !how.streamed {
            return Ok(Json(ChatCompletion::new(self.head, self.answer)).into_response());
        }
        let (steps, received) = unbounded_channel();
        // Neither fails: the receiver is here.
        let _ = steps.send(Step::Words(self.answer.text.clone()));
        let _ = steps.send(Step::End(Ok(self.answer)));
        stream::response(self.head, how, received, None).await
    }
}
