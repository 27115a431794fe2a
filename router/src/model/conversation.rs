//! Conversations: who owns them, and their messages.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ChannelKind, JsonObject, SessionId, TenantId, UserId};

/// Whose conversations: one user of one tenant on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConversationOwner {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The channel the user speaks on.
    pub channel: ChannelKind,
    /// The user.
    pub user_id: UserId,
    /// When the user was made; of anonymous callers, when their tenant was. A conversation of an
    /// earlier user of the same id is not this one's. `None` of users whom an older program made.
    pub since: Option<Timestamp>,
    /// How long the tenant keeps a conversation after its last turn; `None`: as long as any is kept
    /// ([`CONVERSATION_LIFE`](crate::ports::CONVERSATION_LIFE)), which it cannot exceed.
    pub retention: Option<SignedDuration>,
}

impl ConversationOwner {
    /// Whether a conversation whose last turn ended then is one that the tenant still keeps.
    pub fn keeps(&self, updated_at: Timestamp, now: Timestamp) -> bool {
        self.retention
            .is_none_or(|kept_for| now.duration_since(updated_at) < kept_for)
    }
}

/// Names one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    /// The user and channel that it belongs to.
    pub owner: ConversationOwner,
    /// Its id among the owner's.
    pub session_id: SessionId,
}

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The assistant.
    Assistant,
}

impl Role {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message of a conversation, as stored and as `/api/history` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: String,
    /// When it was sent; absent in messages of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What else is stored with the message (route, skill, model, other programs' data).
    #[serde(flatten)]
    pub other: JsonObject,
}

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// The conversation's id among its owner's.
    pub session_id: SessionId,
    /// When its last turn ended.
    pub updated_at: Timestamp,
    /// The beginning of the person's last message, at most [`SessionSummary::PREVIEW_CHARS`]
    /// characters.
    pub preview: String,
    /// The beginning of the person's first message; `None` of conversations that earlier releases
    /// made.
    pub title: Option<String>,
}

impl SessionSummary {
    /// How much of the last message a list shows, in characters.
    pub const PREVIEW_CHARS: usize = 80;

    /// The beginning of the last thing the person said among `messages`.
    pub fn preview_of(messages: &[Message]) -> String {
        messages
            .iter()
            .rev()
            .find(|message| message.role == Role::User)
            .map(|message| message.content.chars().take(Self::PREVIEW_CHARS).collect())
            .unwrap_or_default()
    }

    /// The beginning of the first thing the person said among `messages`, in one line.
    pub fn title_of(messages: &[Message]) -> Option<String> {
        let first = messages.iter().find(|message| message.role == Role::User)?;
        let words = first.content.split_whitespace();
        let line = words.fold(String::new(), |mut line, word| {
            if line.len() < Self::PREVIEW_CHARS * 4 {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            line
        });
        let title: String = line.chars().take(Self::PREVIEW_CHARS).collect();
        Some(title).filter(|title| !title.is_empty())
    }
}
