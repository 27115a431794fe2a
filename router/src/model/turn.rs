//! Turns that are answered apart from the request that asked for them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ConversationOwner, JsonObject, SessionId, TurnId};

/// A turn as it is stored while it is answered, and for a while after.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTurn {
    /// Its id among its owner's.
    pub id: TurnId,
    /// Whose it is.
    pub owner: ConversationOwner,
    /// The conversation that it belongs to.
    pub session_id: SessionId,
    /// What was asked.
    pub message: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How far it is.
    pub progress: TurnProgress,
    /// Whether it was asked to stop.
    pub is_stopping: bool,
}

/// How far a turn is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnProgress {
    /// Whether it goes on, or how it ended.
    pub state: TurnState,
    /// The answer's words so far.
    pub text: String,
    /// The skills that were begun, in order.
    pub tools: Vec<String>,
    /// Of a turn that is done its answer, of one that failed its error, as callers get them.
    pub end: Option<JsonObject>,
    /// When this was stored: as long as a turn goes on, that is often.
    pub saved_at: Timestamp,
    /// Whether it is the answer to a client that holds its conversation itself, kept for the
    /// request's repetition: it is among no lists of turns, and its message is the request's hash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_completion: bool,
}

/// Whether a turn goes on, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// It is being answered.
    Running,
    /// It was answered, and is in its conversation.
    Done,
    /// It failed. Nothing of it is in its conversation.
    Failed,
    /// Its user stopped it. What was answered until then is in its conversation.
    Stopped,
}

impl StoredTurn {
    /// How long a turn is kept after what was stored of it last.
    pub const LIFE: SignedDuration = SignedDuration::from_mins(10);
    /// The most bytes of words that are stored: an item of DynamoDB takes 400 KB.
    pub const TEXT_BYTES: usize = 256 * 1024;
    /// A turn that goes on is stored anew within this time, whether there is more of it or not.
    pub const SAVED_WITHIN: SignedDuration = SignedDuration::from_secs(2);
    /// Whoever answers a turn is gone if it was not stored for this long.
    const LOST_AFTER: SignedDuration = SignedDuration::from_secs(8);

    /// Whether the process that answered it is gone.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.progress.state == TurnState::Running
            && now.duration_since(self.progress.saved_at) > Self::LOST_AFTER
    }

    /// When it is gone.
    pub fn expires_at(progress: &TurnProgress) -> i64 {
        progress
            .saved_at
            .as_second()
            .saturating_add(Self::LIFE.as_secs())
    }
}

impl TurnProgress {
    /// A turn that begins now.
    pub fn begun(now: Timestamp) -> Self {
        Self {
            state: TurnState::Running,
            text: String::new(),
            tools: Vec::new(),
            end: None,
            saved_at: now,
            is_completion: false,
        }
    }

    /// As it is stored: no more words than there is room for.
    pub fn cut(&self) -> std::borrow::Cow<'_, Self> {
        if self.text.len() <= StoredTurn::TEXT_BYTES {
            return std::borrow::Cow::Borrowed(self);
        }
        let end = self.text.floor_char_boundary(StoredTurn::TEXT_BYTES);
        std::borrow::Cow::Owned(Self {
            text: self.text[..end].to_owned(),
            ..self.clone()
        })
    }
}
