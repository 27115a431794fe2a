//! A tenant's credentials for outside systems: which fields they have, setting, showing, removing
//! and restoring them.
//!
//! No transaction covers the secret store and the audit trail, so a change is recorded as intended
//! before it and as done or failed after.

mod fields;
mod known;
mod own;
mod sign_in;

use jiff::Timestamp;

use super::{Admin, AdminError, Edited, until_unchanged};
use crate::model::{
    ChannelKind, IntegrationName, JsonObject, MOST_MCP_SERVERS, SecretDescription, SecretDocument,
    SecretName, Tenant, TenantId,
};
use crate::ports::{PutOutcome, StoreError};
use crate::skills::mcp::oauth::{Grant, grant};
use crate::skills::mcp::own as own_tokens;
pub use fields::{Field, check, merged};
pub use known::{KNOWN_INTEGRATIONS, fields_of};
pub use own::OwnIntegration;
pub use sign_in::{CameBack, SignInError, SigningIn, Whose};

/// The integrations that a tenant's secrets can be of by nature: those whose fields T3nets knows,
/// and the channels'.
const NAMED_INTEGRATIONS: [&str; 6] = [
    "jira",
    "anthropic",
    "openai",
    ChannelKind::Slack.as_str(),
    ChannelKind::Teams.as_str(),
    ChannelKind::Telegram.as_str(),
];

/// A field of a stored secret, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownField {
    /// The field's name in the secret.
    pub name: String,
    /// Its value; `None` for what must not be shown.
    pub value: Option<String>,
}

/// A stored secret, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSecret {
    /// What is known of it without its content.
    pub description: SecretDescription,
    /// Its fields by name; none of a removed secret.
    pub fields: Vec<ShownField>,
}

impl Admin {
    /// Makes or replaces a tenant's credentials for an integration.
    pub async fn set_secret(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, AdminError> {
        check(&name.integration, document)?;
        let tenant = self.tenant(&name.tenant_id).await?;
        require_room(&tenant, &name.integration)?;
        let document = match Grant::of(document) {
            Some(grant) => self.with_sign_in(name, document, &grant).await?,
            None => document.clone(),
        };
        let outcome = self.put_secret(name, &document).await?;
        self.note_mcp_server(name, true).await?;
        Ok(outcome)
    }

    /// The document with what came of a sign-in only if its token and its server are still the
    /// same.
    async fn with_sign_in(
        &self,
        name: &SecretName,
        document: &SecretDocument,
        grant: &Grant,
    ) -> Result<SecretDocument, AdminError> {
        let stored = self.platform.secrets.get_now(name).await?;
        let is_kept = stored.is_none_or(|stored| stored.text("token") == document.text("token"));
        let is_moved = own_tokens::server(document).as_ref() != Some(&grant.server);
        let mut fields = document.fields().clone();
        if is_moved || !is_kept {
            grant::take_away(&mut fields);
        }
        if is_moved && is_kept {
            fields.remove("token");
        }
        Ok(SecretDocument::new(fields))
    }

    /// Notes in the tenant's record whether it has this MCP server: a turn looks there.
    async fn note_mcp_server(&self, name: &SecretName, is_there: bool) -> Result<(), AdminError> {
        let integration = &name.integration;
        if integration.mcp_label().is_none() {
            return Ok(());
        }
        until_unchanged(|| async {
            let before = self.tenant(&name.tenant_id).await?;
            let mut servers = before.mcp_servers();
            if servers.contains(integration) == is_there {
                return Ok(());
            }
            require_room(&before, integration)?;
            servers.retain(|server| server != integration);
            servers.extend(is_there.then(|| integration.clone()));
            let mut value = before.clone();
            value.set_mcp_servers(&servers);
            let changed = vec!["mcp_servers".to_owned()];
            self.update_tenant(before, Edited { value, changed }, "tenant.set")
                .await?;
            Ok(())
        })
        .await
    }

    /// A tenant's secrets by name, removed ones included.
    pub async fn secrets(&self, tenant: &TenantId) -> Result<Vec<SecretDescription>, AdminError> {
        self.tenant(tenant).await?;
        self.all_secrets(tenant).await
    }

    /// One secret, as it may be shown.
    pub async fn secret(&self, name: &SecretName) -> Result<ShownSecret, AdminError> {
        self.tenant(&name.tenant_id).await?;
        let Some(description) = self.platform.secrets.describe(name).await? else {
            return Err(AdminError::NotFound(name.into()));
        };
        let document = self.platform.secrets.get(name).await?.unwrap_or_default();
        Ok(ShownSecret {
            description,
            fields: shown(&name.integration, document.fields()),
        })
    }

    /// The credentials themselves, for testing them.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there are none or they were removed.
    pub async fn secret_document(&self, name: &SecretName) -> Result<SecretDocument, AdminError> {
        self.tenant(&name.tenant_id).await?;
        let document = self.platform.secrets.get_now(name).await?;
        document.ok_or_else(|| AdminError::NotFound(name.into()))
    }

    /// Removes a secret into its recovery window; returns when it will be gone for good.
    pub async fn remove_secret(&self, name: &SecretName) -> Result<Timestamp, AdminError> {
        self.tenant(&name.tenant_id).await?;
        self.note_mcp_server(name, false).await?;
        self.audited("secret.remove", name, self.platform.secrets.remove(name))
            .await
    }

    /// Brings a removed secret back.
    pub async fn restore_secret(&self, name: &SecretName) -> Result<(), AdminError> {
        let tenant = self.tenant(&name.tenant_id).await?;
        require_room(&tenant, &name.integration)?;
        self.audited("secret.restore", name, self.platform.secrets.restore(name))
            .await?;
        self.note_mcp_server(name, true).await
    }

    pub(super) async fn put_secret(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, AdminError> {
        self.audited(
            "secret.set",
            name,
            self.platform.secrets.put(name, document),
        )
        .await
    }

    /// A tenant's secrets by name, without users' own. The list may lag on some platforms, so those
    /// of [`NAMED_INTEGRATIONS`] and of its MCP servers are asked for by name: one that was made
    /// just now is neither hidden nor left behind by a removal.
    pub(super) async fn all_secrets(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<SecretDescription>, AdminError> {
        let mut secrets = self.platform.secrets.list(tenant).await?;
        secrets.retain(|secret| secret.name.user_id.is_none());
        let servers = match self.platform.tenants.tenant(tenant).await {
            Ok(record) => record.map(|tenant| tenant.mcp_servers()),
            Err(StoreError::Corrupt { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let named = NAMED_INTEGRATIONS
            .iter()
            .filter_map(|name| name.parse().ok());
        for integration in named.chain(servers.unwrap_or_default()) {
            let name = SecretName {
                tenant_id: tenant.clone(),
                integration,
                user_id: None,
            };
            if !secrets.iter().any(|secret| secret.name == name) {
                secrets.extend(self.platform.secrets.describe(&name).await?);
            }
        }
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(secrets)
    }

    /// The names of a tenant's secrets that were not removed.
    pub(super) async fn present_secrets(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<SecretName>, AdminError> {
        let secrets = self.all_secrets(tenant).await?;
        Ok(secrets
            .into_iter()
            .filter(|secret| secret.deleted_for_good_at.is_none())
            .map(|secret| secret.name)
            .collect())
    }

    /// Records a change of a secret as intended before it, and as done or failed after it.
    ///
    /// # Errors
    /// Those of the change, and of recording it.
    pub async fn audited<T>(
        &self,
        action: &str,
        name: &SecretName,
        change: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, AdminError> {
        let target = match &name.user_id {
            None => name.integration.to_string(),
            Some(user) => format!("{} of {user}", name.integration),
        };
        let intended = self.intend(&name.tenant_id, action, &target).await?;
        let result = change.await;
        let recorded = intended.ended(result.is_ok()).await;
        let value = result?;
        recorded?;
        Ok(value)
    }
}

/// Refuses an MCP server beyond the most that a tenant may have.
fn require_room(tenant: &Tenant, integration: &IntegrationName) -> Result<(), AdminError> {
    let servers = tenant.mcp_servers();
    let is_new = integration.is_mcp_server() && !servers.contains(integration);
    match is_new && servers.len() >= MOST_MCP_SERVERS {
        true => Err(AdminError::invalid(
            integration.as_str(),
            format!("is one more than the {MOST_MCP_SERVERS} MCP servers that a tenant can have"),
        )),
        false => Ok(()),
    }
}

/// The fields as they may be shown: values only of those known to be no secret.
fn shown(integration: &IntegrationName, fields: &JsonObject) -> Vec<ShownField> {
    let known = fields_of(integration).unwrap_or_default();
    let document = SecretDocument::new(fields.clone());
    fields
        .keys()
        // What a sign-in left is told by itself.
        .filter(|name| !(integration.is_mcp_server() && *name == grant::FIELD))
        .map(|name| ShownField {
            name: name.clone(),
            value: known
                .iter()
                .find(|field| field.name == name && !field.is_secret)
                .and_then(|field| document.text(field.name)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_fields_known_to_be_no_secret_are_shown() {
        let fields = json!({"url": "https://t", "api_token": "hunter2", "extra": "hunter2"});
        let text = format!(
            "{:?}",
            shown(&"jira".parse().unwrap(), fields.as_object().unwrap())
        );
        assert!(text.contains("https://t"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        let shown = shown(&"pager".parse().unwrap(), fields.as_object().unwrap());
        assert!(shown.iter().all(|field| field.value.is_none()));
    }
}
