//! A person in a tenant, and what the assistant remembers about them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonObject, OtherAttributes, OwnBudgets, TenantId, UserId};

/// A person in a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Unique within the tenant.
    pub id: UserId,
    /// The tenant the person belongs to.
    pub tenant_id: TenantId,
    /// The address that skills know the person by.
    pub email: String,
    /// The name people read.
    pub display_name: String,
    /// What the person may do.
    pub role: UserRole,
    /// Who the person is on outside channels: `{"slack": "U024BE7LH"}`.
    pub channel_identities: JsonObject,
    /// The person's own budgets, in place of those that each user has.
    pub budgets: OwnBudgets,
    /// When the record was made, which tells a user from an earlier one of the same id; `None` in
    /// records of older programs.
    pub created_at: Option<Timestamp>,
    /// What other programs store with it.
    pub other: OtherAttributes,
}

/// What a person may do. Ordered: the lower of two roles is the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// May chat.
    Member,
    /// May administer the tenant too.
    Admin,
}

impl UserRole {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A role that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role (admin, member)")]
pub struct UnknownUserRole(pub String);

impl FromStr for UserRole {
    type Err = UnknownUserRole;

    fn from_str(text: &str) -> Result<Self, UnknownUserRole> {
        match text {
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            other => Err(UnknownUserRole(other.to_owned())),
        }
    }
}

/// What the assistant knows about a person beyond the conversation. Given to the model where set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserMemory {
    /// Preferences, by name: `{"language": "German"}`.
    pub preferences: JsonObject,
    /// Kept for other programs; not read.
    pub custom_properties: JsonObject,
    /// A summary of earlier conversations.
    pub memory_summary: Option<String>,
    /// When the summary was made.
    pub memory_updated_at: Option<Timestamp>,
    /// What other programs store with it.
    pub other: OtherAttributes,
}
