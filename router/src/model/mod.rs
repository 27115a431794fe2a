//! Plain data: what tenants, users, channels, keys, conversations, usage and audit entries *are*,
//! with ids that cannot hold anything that would be unsafe in a database key, a path or a log line.
//!
//! Not here: how they are stored (the platforms behind [`crate::ports`]) and who may change them
//! ([`crate::admin`]). Begin with [`ids`].

mod ai;
mod audit;
pub mod budget;
mod channel;
mod conversation;
mod hold;
pub mod ids;
mod key;
mod ledger;
mod mcp;
pub(crate) mod newer;
mod note;
mod other;
pub mod own_budgets;
mod record;
mod secret;
mod tenant;
pub mod text;
mod turn;
mod usage;
mod user;

pub use ai::{
    ContentBlock, ModelMessage, ModelOptions, ModelReply, ModelRequest, Origin, ResponseFormat,
    ResponseSchema, StopReason, TokenUsage, ToolChoice, ToolSpec,
};
pub use audit::AuditEntry;
pub use budget::{Amounts, Budget, BudgetKey, BudgetProgress, Payer, Period, Standing, Unit};
pub use channel::{ChannelKind, ChannelMapping, UnknownChannelKind};
pub use conversation::{ConversationKey, ConversationOwner, Message, Role, SessionSummary};
pub use hold::{Hold, Reserved};
pub use ids::{ChannelId, IntegrationName, InvalidId, SessionId, TenantId, TurnId, UserId};
pub use key::{ApiKey, KeyHash, TokenKind};
pub use ledger::{LedgerAccount, LedgerCounts, LedgerLine, Route, SettledTurn, UnknownRoute};
pub use mcp::MOST_MCP_SERVERS;
pub use newer::Guardrail;
pub use note::NoteName;
pub use other::{InvalidAttribute, OtherAttributes};
pub(crate) use other::{
    KEY_ATTRIBUTES, MAPPING_ATTRIBUTES, MEMORY_ATTRIBUTES, TENANT_ATTRIBUTES, USER_ATTRIBUTES,
    USER_CREATED_AT, is_known,
};
pub use own_budgets::{OwnBudgets, OwnLimit, OwnOf, Owners};
pub use record::Record;
pub use secret::{SecretDescription, SecretDocument, SecretName};
pub use tenant::{Tenant, TenantSettings, TenantStatus, UnknownTenantStatus};
pub use text::is_sha256_hex;
pub use turn::{StoredTurn, TurnProgress, TurnState};
pub use usage::{DailyUsage, NanoUsd, UsageDelta};
pub use user::{UnknownUserRole, User, UserMemory, UserRole};

/// A JSON object whose keys T3nets does not interpret: other programs' data, kept as it is.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
