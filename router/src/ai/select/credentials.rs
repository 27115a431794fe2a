//! A tenant's own credentials of a provider.

use super::SelectError;
use crate::ai::ProviderKind;
use crate::ai::defaults::Credentials;
use crate::ai::endpoint::{BaseUrl, PlainHttp, ProviderKey};
use crate::model::{IntegrationName, SecretDocument, SecretName, Tenant};
use crate::ports::SecretStore;

/// The tenant's own secret for the provider, if it has one.
pub(super) async fn own_credentials(
    tenant: &Tenant,
    provider: ProviderKind,
    secrets: &dyn SecretStore,
) -> Result<Option<Credentials>, SelectError> {
    if !matches!(provider, ProviderKind::Anthropic | ProviderKind::OpenAi) {
        return Ok(None);
    }
    let integration: IntegrationName = provider
        .as_str()
        .parse()
        .map_err(|_| SelectError::NotAvailable(provider))?;
    let name = SecretName {
        tenant_id: tenant.id.clone(),
        integration,
        user_id: None,
    };
    match secrets.get(&name).await? {
        Some(document) => credentials_of(provider, &document).map(Some),
        None => Ok(None),
    }
}

/// What a secret for the provider holds.
pub(super) fn credentials_of(
    provider: ProviderKind,
    document: &SecretDocument,
) -> Result<Credentials, SelectError> {
    let invalid = |reason: String| SelectError::InvalidSecret { provider, reason };
    let key = document
        .text("api_key")
        .map(|text| {
            ProviderKey::parse(&text)
                .ok_or_else(|| invalid("`api_key` holds characters that no API key has".to_owned()))
        })
        .transpose()?;
    let base_url = document
        .text("base_url")
        .map(|text| {
            BaseUrl::parse(&text, PlainHttp::Loopback)
                .map_err(|error| invalid(format!("`base_url`: {error}")))
        })
        .transpose()?;
    if key.is_none() && (provider == ProviderKind::Anthropic || base_url.is_none()) {
        return Err(invalid("`api_key` is missing".to_owned()));
    }
    Ok(Credentials { key, base_url })
}
