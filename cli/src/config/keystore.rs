//! The API keys that this machine's operator uses, one per tenant of an environment: encrypted in
//! the environment's home folder, apart from the tenants' own secrets.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use t3nets_router::local::FileSecrets;
use t3nets_router::model::{JsonObject, SecretDocument, SecretName, TenantId};
use t3nets_router::ports::{SecretStore, SystemClock};
use url::Url;

use super::environment::Environment;
use super::home;
use crate::error::CliError;

/// The name of the files.
pub(crate) const STEM: &str = "operator-keys";
/// The name under which a tenant's key is kept.
const ENTRY: &str = "t3nets";

/// The stored keys of an environment.
pub(crate) struct Keystore(FileSecrets);

/// A key as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredKey {
    pub(crate) key: SecretString,
    /// When it stops working, if it does.
    pub(crate) expires_at: Option<Timestamp>,
    /// The only place it may be sent to, where the environment's router is not on this machine: the
    /// router's [origin](origin_of). Two projects may both have an environment of this name.
    pub(crate) origin: Option<String>,
}

/// Scheme, host and port of an address.
pub(crate) fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

impl StoredKey {
    /// Whether it still works at a moment.
    pub(crate) fn lives_until(&self, moment: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > moment)
    }
}

impl Keystore {
    /// Opens it, empty if there is none.
    ///
    /// # Errors
    /// If its files cannot be read or decrypted.
    pub(crate) fn open(environment: &Environment) -> Result<Self, CliError> {
        home::make_private_folder(&environment.home)?;
        let secrets = FileSecrets::open(&environment.home, STEM, Arc::new(SystemClock))?;
        Ok(Self(secrets))
    }

    /// The key for a tenant.
    pub(crate) async fn get(&self, tenant: &TenantId) -> Result<Option<StoredKey>, CliError> {
        let Some(document) = self.0.get(&name(tenant)?).await? else {
            return Ok(None);
        };
        Ok(document.text("key").map(|key| StoredKey {
            key: SecretString::from(key),
            origin: document.text("origin"),
            // An expiry that cannot be read is one that has passed.
            expires_at: document
                .text("expires_at")
                .map(|text| text.parse().unwrap_or(Timestamp::UNIX_EPOCH)),
        }))
    }

    /// Forgets the key for a tenant, if there is one.
    pub(crate) async fn forget(&self, tenant: &TenantId) -> Result<(), CliError> {
        Ok(self.0.delete(&name(tenant)?).await?)
    }

    /// Keeps a key for a tenant, in place of the one before.
    pub(crate) async fn put(&self, tenant: &TenantId, key: &StoredKey) -> Result<(), CliError> {
        let mut fields = JsonObject::new();
        fields.insert("key".to_owned(), key.key.expose_secret().into());
        if let Some(end) = key.expires_at {
            fields.insert("expires_at".to_owned(), end.to_string().into());
        }
        if let Some(origin) = &key.origin {
            fields.insert("origin".to_owned(), origin.as_str().into());
        }
        self.0
            .put(&name(tenant)?, &SecretDocument::new(fields))
            .await?;
        Ok(())
    }
}

fn name(tenant: &TenantId) -> Result<SecretName, CliError> {
    Ok(SecretName {
        tenant_id: tenant.clone(),
        integration: ENTRY
            .parse()
            .map_err(|error| CliError::failed("the key's name is not valid").caused_by(error))?,
        user_id: None,
    })
}
