//! What messages call a stored record.

use std::fmt;

use ulid::Ulid;

use super::{
    ApiKey, ChannelId, ChannelKind, ChannelMapping, SecretName, SessionId, Tenant, TenantId,
    TurnId, User, UserId,
};

/// Which record an error, a prompt or an audit entry is about. Its text is the one name that people
/// read of it, everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A tenant.
    Tenant(TenantId),
    /// A person in a tenant.
    User {
        /// The tenant.
        tenant: TenantId,
        /// The person.
        user: UserId,
    },
    /// What the assistant remembers of a person.
    Memory {
        /// The person's tenant.
        tenant: TenantId,
        /// The person.
        user: UserId,
    },
    /// A channel, whoever has it.
    Channel {
        /// The kind of channel.
        kind: ChannelKind,
        /// What the outside system calls it.
        id: ChannelId,
    },
    /// An API key, by the first of its characters: all that people know of a key.
    Key {
        /// The first characters.
        prefix: String,
    },
    /// A tenant's credentials for an integration.
    Secret(SecretName),
    /// A conversation.
    Conversation(SessionId),
    /// A turn.
    Turn(TurnId),
    /// That a message was counted.
    Reservation(Ulid),
    /// An entry of a tenant's audit trail.
    AuditEntry(Ulid),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(id) => write!(f, "tenant `{id}`"),
            Self::User { tenant, user } => write!(f, "user `{user}` of tenant `{tenant}`"),
            Self::Memory { tenant, user } => {
                write!(f, "the memory of user `{user}` of tenant `{tenant}`")
            }
            Self::Channel { kind, id } => write!(f, "{kind} channel `{id}`"),
            Self::Key { prefix } => write!(f, "key `{prefix}…`"),
            Self::Secret(name) => {
                write!(f, "secret `{}` of ", name.integration)?;
                if let Some(user) = &name.user_id {
                    write!(f, "user `{user}` of ")?;
                }
                write!(f, "tenant `{}`", name.tenant_id)
            }
            Self::Conversation(session) => write!(f, "conversation `{session}`"),
            Self::Turn(id) => write!(f, "turn `{id}`"),
            Self::Reservation(id) => write!(f, "reservation `{id}`"),
            Self::AuditEntry(id) => write!(f, "audit entry `{id}`"),
        }
    }
}

impl Record {
    /// A person of a tenant.
    pub fn user(tenant: &TenantId, user: &UserId) -> Self {
        Self::User {
            tenant: tenant.clone(),
            user: user.clone(),
        }
    }
}

impl From<&TenantId> for Record {
    fn from(id: &TenantId) -> Self {
        Self::Tenant(id.clone())
    }
}

impl From<&Tenant> for Record {
    fn from(tenant: &Tenant) -> Self {
        Self::Tenant(tenant.id.clone())
    }
}

impl From<&User> for Record {
    fn from(user: &User) -> Self {
        Self::user(&user.tenant_id, &user.id)
    }
}

impl From<&ChannelMapping> for Record {
    fn from(mapping: &ChannelMapping) -> Self {
        Self::Channel {
            kind: mapping.kind,
            id: mapping.channel_id.clone(),
        }
    }
}

impl From<&ApiKey> for Record {
    fn from(key: &ApiKey) -> Self {
        Self::Key {
            prefix: key.prefix.clone(),
        }
    }
}

impl From<&SecretName> for Record {
    fn from(name: &SecretName) -> Self {
        Self::Secret(name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_has_one_name() {
        let tenant: TenantId = "acme".parse().unwrap();
        let user: UserId = "ada".parse().unwrap();
        assert_eq!(Record::from(&tenant).to_string(), "tenant `acme`");
        assert_eq!(
            Record::user(&tenant, &user).to_string(),
            "user `ada` of tenant `acme`"
        );
        let channel = Record::Channel {
            kind: ChannelKind::Slack,
            id: "C1".parse().unwrap(),
        };
        assert_eq!(channel.to_string(), "slack channel `C1`");
        let jira = SecretName {
            tenant_id: tenant,
            integration: "jira".parse().unwrap(),
            user_id: None,
        };
        assert_eq!(
            Record::from(&jira).to_string(),
            "secret `jira` of tenant `acme`"
        );
        let key = Record::Key {
            prefix: "t3n_abcdefgh".to_owned(),
        };
        assert_eq!(key.to_string(), "key `t3n_abcdefgh…`");
    }
}
