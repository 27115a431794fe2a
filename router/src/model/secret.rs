//! A tenant's credentials for outside systems.

use std::fmt;

use jiff::Timestamp;

use super::{IntegrationName, JsonObject, TenantId, UserId};

/// Which secret: a tenant's credentials for one integration, or a user's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName {
    /// The tenant whose credentials they are.
    pub tenant_id: TenantId,
    /// The outside system that they are for.
    pub integration: IntegrationName,
    /// The user whose own they are; `None` of those that the whole tenant uses.
    pub user_id: Option<UserId>,
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user_id {
            None => write!(f, "{}/{}", self.tenant_id, self.integration),
            Some(user) => write!(f, "{}/users/{user}/{}", self.tenant_id, self.integration),
        }
    }
}

/// A secret's content, a JSON object. Its values appear in no debug output.
#[derive(Clone, Default, PartialEq)]
pub struct SecretDocument(JsonObject);

impl SecretDocument {
    /// Wraps an object.
    pub fn new(fields: JsonObject) -> Self {
        Self(fields)
    }

    /// A field's text, if there is one and it is not empty. Numbers, which people write for ids,
    /// are read as text.
    pub fn text(&self, field: &str) -> Option<String> {
        match self.0.get(field)? {
            serde_json::Value::String(text) => {
                Some(text.trim().to_owned()).filter(|text| !text.is_empty())
            }
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The object itself, for whoever stores it.
    pub fn fields(&self) -> &JsonObject {
        &self.0
    }
}

impl fmt::Debug for SecretDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What may be known of a secret without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretDescription {
    /// Tenant and integration.
    pub name: SecretName,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its value last changed.
    pub updated_at: Timestamp,
    /// Set while it waits to be deleted for good: when that will be. Until then it can be restored.
    pub deleted_for_good_at: Option<Timestamp>,
}
