//! What is kept of a person, as lines hold it.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::admin::usage::CountsView;
use crate::admin::views::AuditView;
use crate::model::{
    ApiKey, ChannelKind, IntegrationName, JsonObject, LedgerLine, Message, OtherAttributes,
    OwnBudgets, Role, Route, SecretDescription, SessionId, SessionSummary, StoredTurn, TurnState,
    User, UserId, UserMemory, UserRole,
};

/// Something that is kept of a person, as a line holds it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UserRecord {
    /// The person.
    User(UserLine),
    /// What is remembered of them.
    Memory(MemoryLine),
    /// An API key, a session, a link or a recovery code, without the secret and its hash.
    Key(KeyLine),
    /// That they have credentials of their own for a server of the tenant's, without them.
    Integration(IntegrationLine),
    /// What they used in a day, by key, route and model.
    Usage(UsageLine),
    /// A change that they made, or that was made to what is theirs.
    Audit(AuditView),
    /// A turn that is being answered, or was a moment ago.
    Turn(TurnLine),
    /// A conversation. Its messages follow.
    Conversation(ConversationLine),
    /// A message of the conversation before it.
    Message(MessageLine),
}

/// What a record is about. In the order in which an export holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// [`UserRecord::User`].
    User,
    /// [`UserRecord::Memory`].
    Memory,
    /// [`UserRecord::Key`].
    Key,
    /// [`UserRecord::Integration`].
    Integration,
    /// [`UserRecord::Usage`].
    Usage,
    /// [`UserRecord::Audit`].
    Audit,
    /// [`UserRecord::Turn`].
    Turn,
    /// [`UserRecord::Conversation`].
    Conversation,
    /// [`UserRecord::Message`].
    Message,
}

/// A person's own record.
#[derive(Debug, Serialize)]
pub struct UserLine {
    user_id: UserId,
    email: String,
    display_name: String,
    role: UserRole,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    channel_identities: JsonObject,
    #[serde(skip_serializing_if = "OwnBudgets::is_empty")]
    budgets: OwnBudgets,
    #[serde(skip_serializing_if = "OtherAttributes::is_empty")]
    other: OtherAttributes,
}

/// What is remembered of a person.
#[derive(Debug, Serialize)]
pub struct MemoryLine {
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    preferences: JsonObject,
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    custom_properties: JsonObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "OtherAttributes::is_empty")]
    other: OtherAttributes,
}

/// A key of a person's.
#[derive(Debug, Serialize)]
pub struct KeyLine {
    prefix: String,
    kind: &'static str,
    name: String,
    role: UserRole,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "OwnBudgets::is_empty")]
    budgets: OwnBudgets,
}

/// What a person used.
#[derive(Debug, Serialize)]
pub struct UsageLine {
    day: Date,
    credential: Option<String>,
    route: Option<Route>,
    model: Option<String>,
    #[serde(flatten)]
    counts: CountsView,
}

/// Credentials of their own for a server.
#[derive(Debug, Serialize)]
pub struct IntegrationLine {
    integration: IntegrationName,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A turn that is answered apart from its request.
#[derive(Debug, Serialize)]
pub struct TurnLine {
    turn_id: String,
    channel: ChannelKind,
    session_id: SessionId,
    started_at: Timestamp,
    state: TurnState,
    /// Of the answer to a client that holds its conversation itself it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    text: String,
}

/// A conversation.
#[derive(Debug, Serialize)]
pub struct ConversationLine {
    channel: ChannelKind,
    session_id: SessionId,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

/// A message.
#[derive(Debug, Serialize)]
pub struct MessageLine {
    channel: ChannelKind,
    session_id: SessionId,
    role: Role,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// How an answer came about, and what other programs store with it.
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    details: JsonObject,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::User,
        Self::Memory,
        Self::Key,
        Self::Integration,
        Self::Usage,
        Self::Audit,
        Self::Turn,
        Self::Conversation,
        Self::Message,
    ];

    /// The word that a line has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Memory => "memory",
            Self::Key => "key",
            Self::Integration => "integration",
            Self::Usage => "usage",
            Self::Audit => "audit",
            Self::Turn => "turn",
            Self::Conversation => "conversation",
            Self::Message => "message",
        }
    }

    /// Whether it is deleted with the person. What is not is the tenant's accounts.
    pub fn goes_with_the_user(self) -> bool {
        !matches!(self, Self::Usage | Self::Audit)
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl UserRecord {
    /// What it is about.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::User(_) => RecordKind::User,
            Self::Memory(_) => RecordKind::Memory,
            Self::Key(_) => RecordKind::Key,
            Self::Integration(_) => RecordKind::Integration,
            Self::Usage(_) => RecordKind::Usage,
            Self::Audit(_) => RecordKind::Audit,
            Self::Turn(_) => RecordKind::Turn,
            Self::Conversation(_) => RecordKind::Conversation,
            Self::Message(_) => RecordKind::Message,
        }
    }

    pub(super) fn conversation(channel: ChannelKind, summary: &SessionSummary) -> Self {
        Self::Conversation(ConversationLine {
            channel,
            session_id: summary.session_id.clone(),
            updated_at: summary.updated_at,
            title: summary.title.clone(),
        })
    }

    pub(super) fn message(channel: ChannelKind, session: &SessionId, message: Message) -> Self {
        Self::Message(MessageLine {
            channel,
            session_id: session.clone(),
            role: message.role,
            content: message.content,
            at: message.at,
            details: message.other,
        })
    }
}

impl From<User> for UserRecord {
    fn from(user: User) -> Self {
        Self::User(UserLine {
            user_id: user.id,
            email: user.email,
            display_name: user.display_name,
            role: user.role,
            created_at: user.created_at,
            channel_identities: user.channel_identities,
            budgets: user.budgets,
            other: user.other,
        })
    }
}

impl From<UserMemory> for UserRecord {
    fn from(memory: UserMemory) -> Self {
        Self::Memory(MemoryLine {
            preferences: memory.preferences,
            custom_properties: memory.custom_properties,
            memory_summary: memory.memory_summary,
            memory_updated_at: memory.memory_updated_at,
            other: memory.other,
        })
    }
}

impl From<ApiKey> for UserRecord {
    fn from(key: ApiKey) -> Self {
        Self::Key(KeyLine {
            kind: key.kind().as_str(),
            prefix: key.prefix,
            name: key.name,
            role: key.role,
            created_at: key.created_at,
            expires_at: key.expires_at,
            budgets: key.budgets,
        })
    }
}

impl From<SecretDescription> for UserRecord {
    fn from(secret: SecretDescription) -> Self {
        Self::Integration(IntegrationLine {
            integration: secret.name.integration,
            created_at: secret.created_at,
            updated_at: secret.updated_at,
        })
    }
}

impl From<LedgerLine> for UserRecord {
    fn from(line: LedgerLine) -> Self {
        Self::Usage(UsageLine {
            day: line.day,
            credential: line.account.credential,
            route: line.account.route,
            model: line.account.model,
            counts: line.counts.into(),
        })
    }
}

impl From<StoredTurn> for UserRecord {
    fn from(turn: StoredTurn) -> Self {
        Self::Turn(TurnLine {
            turn_id: turn.id.to_string(),
            channel: turn.owner.channel,
            session_id: turn.session_id,
            started_at: turn.started_at,
            state: turn.progress.state,
            // Of a completion it is the request's hash.
            message: (!turn.progress.is_completion).then_some(turn.message),
            text: turn.progress.text,
        })
    }
}
