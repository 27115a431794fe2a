//! A tenant's things as the CLI's `--json` and the HTTP administration show them. The names of
//! fields are an interface: programs read them.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelKind, ChannelMapping, IntegrationName, JsonObject,
    OwnBudgets, SecretDescription, User, UserId, UserRole,
};

/// A person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserView {
    /// Unique within the tenant.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The address that skills know the person by.
    pub email: String,
    /// The name people read.
    pub display_name: String,
    /// `admin` or `member`.
    #[schema(value_type = String)]
    pub role: UserRole,
    /// Who the person is on outside channels.
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    #[schema(value_type = Object)]
    pub channel_identities: JsonObject,
    /// Budgets of their own, in place of those that each user has: `{"usd_per_day": 5}`, or
    /// `"unlimited"`.
    #[serde(skip_serializing_if = "OwnBudgets::is_empty")]
    #[schema(value_type = Object)]
    pub budgets: OwnBudgets,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            user_id: user.id,
            email: user.email,
            display_name: user.display_name,
            role: user.role,
            channel_identities: user.channel_identities,
            budgets: user.budgets,
        }
    }
}

/// An API key without the key.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyView {
    /// The key's first characters.
    pub prefix: String,
    /// The user it speaks for.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// `key`, `session` (of the web page) or `link` (that opens one, once).
    pub kind: &'static str,
    /// What it is for; empty if nobody said.
    pub name: String,
    /// The most it may do: `admin` or `member`.
    #[schema(value_type = String)]
    pub role: UserRole,
    /// `active`, `expired` or `revoked`.
    pub state: &'static str,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it stops working; `null` if it does not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Budgets of its own, in place of those that each key has: `{"usd_per_day": 5}`, or
    /// `"unlimited"`.
    #[serde(skip_serializing_if = "OwnBudgets::is_empty")]
    #[schema(value_type = Object)]
    pub budgets: OwnBudgets,
    /// The key's SHA-256: it names the key without giving it away.
    pub hash: String,
}

impl KeyView {
    /// A key in this state.
    pub fn new(key: ApiKey, state: &'static str) -> Self {
        Self {
            state,
            kind: key.kind().as_str(),
            prefix: key.prefix,
            user_id: key.user_id,
            name: key.name,
            role: key.role,
            created_at: key.created_at,
            expires_at: key.expires_at,
            budgets: key.budgets,
            hash: key.hash.as_str().to_owned(),
        }
    }
}

/// A channel on which a tenant answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChannelView {
    /// `slack`, `teams` or `telegram`.
    #[schema(value_type = String)]
    pub channel_type: ChannelKind,
    /// What the outside system calls it.
    #[schema(value_type = String)]
    pub channel_id: ChannelId,
}

impl From<ChannelMapping> for ChannelView {
    fn from(mapping: ChannelMapping) -> Self {
        Self {
            channel_type: mapping.kind,
            channel_id: mapping.channel_id,
        }
    }
}

/// One change.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditView {
    /// Sorts by time.
    pub id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who made it: `operator:ada`, `user:ada@example.com`.
    pub actor: String,
    /// What was done: `user.add`.
    pub action: String,
    /// To what.
    pub target: String,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
        }
    }
}

/// A secret without its content.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SecretView {
    /// The outside system that it is for.
    #[schema(value_type = String)]
    pub integration: IntegrationName,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its value last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Until when a removed secret can be restored; `null` unless it was removed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_for_good_at: Option<Timestamp>,
}

impl From<SecretDescription> for SecretView {
    fn from(secret: SecretDescription) -> Self {
        Self {
            integration: secret.name.integration,
            created_at: secret.created_at,
            updated_at: secret.updated_at,
            deleted_for_good_at: secret.deleted_for_good_at,
        }
    }
}
