//! A tenant's fallback model, which another provider than its own may have.

use super::{Models, SelectError, SelectedModel, Source, excerpt, own_credentials};
use crate::ai::{ProviderKind, plausible};
use crate::model::Tenant;
use crate::ports::SecretStore;

/// The provider that stands before a fallback model's name (`anthropic/claude-sonnet-4-5`), if one
/// does, and the name. What begins with a provider and a slash is always that provider's: the ids
/// of Bedrock begin with a vendor and a dot, or with `arn:`.
pub fn by_provider(named: &str) -> (Option<ProviderKind>, &str) {
    let parts = named.split_once('/').filter(|(_, model)| !model.is_empty());
    match parts.and_then(|(word, model)| Some((word.parse().ok()?, model))) {
        None | Some((ProviderKind::Offline, _)) => (None, named),
        Some((provider, model)) => (Some(provider), model),
    }
}

impl Models {
    /// Whether a tenant can have this fallback model, as far as its provider and the key for it go.
    ///
    /// # Errors
    /// If the provider is not there, there is no key for it, or it has no such model.
    pub async fn check_fallback(
        &self,
        tenant: &Tenant,
        named: &str,
        secrets: &dyn SecretStore,
    ) -> Result<(), SelectError> {
        let (Some(provider), model) = by_provider(named) else {
            return Ok(());
        };
        let source = self.by_key(tenant, provider, secrets).await?;
        self.one(&source, Some(model)).map(drop)
    }

    /// The fallback model, if the tenant's settings name one with its provider.
    pub(super) async fn elsewhere(
        &self,
        tenant: &Tenant,
        secrets: &dyn SecretStore,
    ) -> Option<Result<SelectedModel, SelectError>> {
        let (provider, model) = by_provider(tenant.fallback_model()?);
        let provider = provider?;
        let selected = async {
            if plausible::check_model(Some(provider), model).is_err() {
                let model = excerpt(model, None);
                return Err(SelectError::UnknownModel { provider, model });
            }
            let source = self.by_key(tenant, provider, secrets).await?;
            // What a guardrail does not assess is no stand-in for what it does.
            self.one(&self.guarded(source, tenant)?, Some(model))
        };
        Some(selected.await)
    }

    /// A provider, by the tenant's own key or else the process's.
    async fn by_key<'a>(
        &'a self,
        tenant: &'a Tenant,
        provider: ProviderKind,
        secrets: &dyn SecretStore,
    ) -> Result<Source<'a>, SelectError> {
        match own_credentials(tenant, provider, secrets).await? {
            Some(credentials) => Ok(self.owned(tenant, provider, credentials)),
            None => self.shared(provider),
        }
    }
}

impl SelectedModel {
    /// The same as the stand-in for another provider's model. Its name tells it from the same model
    /// there: what it costs is on another bill.
    pub(super) fn standing_in(mut self, first: ProviderKind) -> Self {
        if self.provider != first {
            self.is_elsewhere = true;
            self.name = format!("{}/{}", self.provider, self.name);
        }
        self
    }

    /// Its name without the provider's.
    pub(super) fn own_name(&self) -> &str {
        match self.name.split_once('/') {
            Some((_, name)) if self.is_elsewhere => name,
            _ => &self.name,
        }
    }
}
