//! Users' own credentials for the tenant's MCP servers. They are deleted for good with their user:
//! there is no recovery window, since nobody else may ever have them.

use jiff::Timestamp;
use reqwest::header::HeaderValue;

use super::{Admin, AdminError};
use crate::model::{
    IntegrationName, Record, SecretDescription, SecretDocument, SecretName, Tenant, TenantId, User,
    UserId,
};
use crate::ports::{PutOutcome, StoreError};
use crate::skills::mcp::oauth::{Grant, grant};
use crate::skills::mcp::own;

/// The longest token, in bytes: as much as servers take of a header.
const MOST_BYTES: usize = 8 * 1024;

/// A server that wants each user's own token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnIntegration {
    /// Its integration.
    pub integration: IntegrationName,
    /// Its scheme, host and port.
    pub server: Option<String>,
    /// What is stored of the user's token; `None` if there is none for this server.
    pub stored: Option<SecretDescription>,
    /// Whether that came of a sign-in, and was not entered.
    pub is_signed_in: bool,
    /// Since when the user has to sign in again; `None` if they need not.
    pub ended_at: Option<Timestamp>,
}

impl Admin {
    /// The servers that want the user's own token, by name.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there is no such user.
    pub async fn own_integrations(
        &self,
        tenant: &TenantId,
        id: &UserId,
    ) -> Result<Vec<OwnIntegration>, AdminError> {
        let (tenant, user) = (self.tenant(tenant).await?, self.user(tenant, id).await?);
        let mut all = Vec::new();
        for integration in tenant.mcp_servers() {
            let Some(settings) = self.settings_wanting_own(&tenant, &integration).await? else {
                continue;
            };
            let name = own_name(&user, &integration);
            let stored = self.platform.secrets.get(&name).await?;
            let stored = stored.filter(|own| own::is_for(&settings, own, &user));
            let ended_at = stored
                .as_ref()
                .and_then(|own| grant::ended(own, self.now()));
            let description = match &stored {
                Some(_) => self.platform.secrets.describe(&name).await?,
                None => None,
            };
            all.push(OwnIntegration {
                server: own::server(&settings),
                integration,
                stored: description,
                is_signed_in: stored.is_some_and(|own| Grant::of(&own).is_some()),
                ended_at,
            });
        }
        Ok(all)
    }

    /// Stores a user's own token for a server.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there is no such user or server, [`AdminError::Refused`] if the
    /// server does not use them, [`AdminError::Invalid`] if the token cannot be sent.
    pub async fn set_own_token(
        &self,
        tenant: &TenantId,
        id: &UserId,
        integration: &IntegrationName,
        token: &str,
    ) -> Result<PutOutcome, AdminError> {
        let (tenant, user) = (self.tenant(tenant).await?, self.user(tenant, id).await?);
        let token = token.trim();
        if token.is_empty() || token.len() > MOST_BYTES || HeaderValue::from_str(token).is_err() {
            let reason = "must be one line that a header can carry, of at most 8 KiB";
            return Err(AdminError::invalid("token", reason));
        }
        let settings = self.settings_wanting_own(&tenant, integration).await?;
        let settings = settings.ok_or_else(|| AdminError::Refused {
            message: format!("`{integration}` does not use users' own tokens"),
            hint: format!(
                "an administrator can set its field `{}` to `user`",
                own::CREDENTIALS
            ),
        })?;
        let name = own_name(&user, integration);
        let document = own::document(&settings, &user, token);
        let put = self.platform.secrets.put(&name, &document);
        self.audited("user_secret.set", &name, put).await
    }

    /// Deletes a user's own token for a server, for good.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there is none.
    pub async fn remove_own_token(
        &self,
        tenant: &TenantId,
        id: &UserId,
        integration: &IntegrationName,
    ) -> Result<(), AdminError> {
        let user = self.user(tenant, id).await?;
        let name = own_name(&user, integration);
        if self.platform.secrets.get(&name).await?.is_none() {
            return Err(AdminError::NotFound(Record::from(&name)));
        }
        let delete = self.platform.secrets.delete(&name);
        self.audited("user_secret.remove", &name, delete).await
    }

    /// Deletes all of a user's own, of whichever servers: those of the present ones by their exact
    /// names, since a list may lag.
    pub(in crate::admin) async fn delete_own_secrets(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<(), AdminError> {
        let record = self.platform.tenants.tenant(tenant).await?;
        let present = record
            .map(|tenant| tenant.mcp_servers())
            .unwrap_or_default();
        let present = present.into_iter().map(|integration| SecretName {
            tenant_id: tenant.clone(),
            integration,
            user_id: Some(user.clone()),
        });
        let listed = self.platform.secrets.list(tenant).await?;
        let listed = listed.into_iter().map(|secret| secret.name);
        let listed = listed.filter(|name| name.user_id.as_ref() == Some(user));
        for name in listed.chain(present) {
            self.platform.secrets.delete(&name).await?;
        }
        Ok(())
    }

    /// Deletes what all of a tenant's users have of their own.
    pub(in crate::admin) async fn delete_all_own_secrets(
        &self,
        tenant: &TenantId,
    ) -> Result<(), StoreError> {
        for secret in self.platform.secrets.list(tenant).await? {
            if secret.name.user_id.is_some() {
                self.platform.secrets.delete(&secret.name).await?;
            }
        }
        Ok(())
    }

    async fn settings_wanting_own(
        &self,
        tenant: &Tenant,
        integration: &IntegrationName,
    ) -> Result<Option<SecretDocument>, AdminError> {
        let name = SecretName {
            tenant_id: tenant.id.clone(),
            integration: integration.clone(),
            user_id: None,
        };
        if !tenant.mcp_servers().contains(integration) {
            return Err(AdminError::NotFound(Record::from(&name)));
        }
        let settings = self.platform.secrets.get(&name).await?;
        Ok(settings.filter(own::is_wanted))
    }
}

fn own_name(user: &User, integration: &IntegrationName) -> SecretName {
    SecretName {
        tenant_id: user.tenant_id.clone(),
        integration: integration.clone(),
        user_id: Some(user.id.clone()),
    }
}
