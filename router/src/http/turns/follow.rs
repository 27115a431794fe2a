//! What came of a turn since a caller saw it last, whichever process answers it.

use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use utoipa::ToSchema;

use super::super::AppState;
use super::super::error::ApiError;
use crate::model::{ConversationOwner, JsonObject, StoredTurn, TurnId, TurnProgress, TurnState};

/// How often the store is asked for a turn that another process answers.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Whether a turn goes on, or how it ended, as callers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// It is being answered.
    Running,
    /// It was answered.
    Done,
    /// It failed; nothing of it is in its conversation.
    Failed,
    /// It was stopped; what was answered until then is in its conversation.
    Stopped,
    /// Whoever answered it is gone; nothing of it is in its conversation.
    BrokenOff,
}

impl Seen {
    pub(super) fn of(state: TurnState) -> Self {
        match state {
            TurnState::Running => Self::Running,
            TurnState::Done => Self::Done,
            TurnState::Failed => Self::Failed,
            TurnState::Stopped => Self::Stopped,
        }
    }
}

/// What came since.
pub(super) struct More {
    pub(super) state: Seen,
    pub(super) text: String,
    pub(super) tools: Vec<String>,
    pub(super) end: Option<JsonObject>,
}

/// A caller who follows a turn.
pub(super) struct Follower {
    state: AppState,
    /// As it was when it was found.
    pub(super) turn: StoredTurn,
    /// Where this process answers it, how far it is.
    live: Option<watch::Receiver<TurnProgress>>,
    /// How many bytes of the words the caller has.
    pub(super) at: usize,
    tools: usize,
}

impl Follower {
    /// A caller who has `at` bytes of a turn's words.
    ///
    /// # Errors
    /// 404 if there is no such turn, or it has been over for long.
    pub(super) async fn new(
        state: AppState,
        owner: &ConversationOwner,
        id: &TurnId,
        at: usize,
    ) -> Result<Self, ApiError> {
        let (turn, live) = match state.running.get(owner, id) {
            Some(live) => (live.turn.clone(), Some(live.progress.subscribe())),
            None => (stored(&state, owner, id).await?, None),
        };
        Ok(Self {
            state,
            turn,
            live,
            at,
            tools: 0,
        })
    }

    /// What came since, as soon as something did, and at `until` at the latest.
    ///
    /// # Errors
    /// If the store fails, or the turn is gone from it.
    pub(super) async fn more(&mut self, until: Instant) -> Result<More, ApiError> {
        loop {
            if let Some(live) = &mut self.live {
                let more = since(&live.borrow_and_update(), &mut self.at, &mut self.tools);
                if more.is_something() {
                    return Ok(more);
                }
                match timeout_at(until, live.changed()).await {
                    Err(_) => return Ok(more),
                    Ok(Ok(())) => {}
                    // Its task ended without an end.
                    Ok(Err(_)) => self.live = None,
                }
                continue;
            }
            let turn = stored(&self.state, &self.turn.owner, &self.turn.id).await?;
            let mut more = since(&turn.progress, &mut self.at, &mut self.tools);
            if turn.is_lost(self.state.platform.clock.now()) {
                more.state = Seen::BrokenOff;
            }
            let next = Instant::now() + ASK_EVERY;
            if more.is_something() || until <= next {
                return Ok(more);
            }
            sleep_until(next).await;
        }
    }
}

impl More {
    fn is_something(&self) -> bool {
        !self.is_nothing()
    }

    /// Whether nothing came since.
    pub(super) fn is_nothing(&self) -> bool {
        self.state == Seen::Running && self.text.is_empty() && self.tools.is_empty()
    }
}

async fn stored(
    state: &AppState,
    owner: &ConversationOwner,
    id: &TurnId,
) -> Result<StoredTurn, ApiError> {
    let now = state.platform.clock.now();
    let found = state.platform.turns.turn(owner, id, now).await?;
    let found = found.filter(|turn| !turn.progress.is_completion);
    found.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_such_turn",
            "no such turn, or it has been over for long",
        )
        .hint("`GET /api/history` has what was answered")
    })
}

/// What comes behind the first `at` bytes and the first `tools`, which are moved on. Words that
/// were not stored yet may be fewer than the caller has.
fn since(progress: &TurnProgress, at: &mut usize, tools: &mut usize) -> More {
    let from = progress.text.floor_char_boundary(*at);
    let text = match *at < progress.text.len() {
        true => progress.text[from..].to_owned(),
        false => String::new(),
    };
    *at = progress.text.len().max(*at);
    let new = progress.tools.get(*tools..).unwrap_or_default().to_vec();
    *tools = progress.tools.len();
    More {
        state: Seen::of(progress.state),
        text,
        tools: new,
        end: progress.end.clone(),
    }
}
