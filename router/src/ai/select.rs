//! Chooses the provider, model and credentials for a tenant.

use std::fmt;
use std::sync::Arc;

use super::anthropic::Anthropic;
use super::defaults::{AiDefaults, Credentials};
use super::endpoint::{BaseUrl, PlainHttp, ProviderKey};
use super::http;
use super::offline::Offline;
use super::openai::{Learnt, OpenAi};
use super::refusal::excerpt;
use super::table::{self, ModelInfo, is_model_id};
use super::{ProviderKind, UnknownProvider};
use crate::model::{
    IntegrationName, ModelReply, ModelRequest, NanoUsd, SecretDocument, SecretName, Tenant,
    TenantSettings,
};
use crate::outbound::{Client, ClientError, Reach};
use crate::ports::{ChatModel, Listener, ModelError, ModelEvent, SecretStore, StoreError};
use crate::skills::SkillSet;
use crate::telemetry::ModelCall;

/// Chooses the model for a tenant, and holds what all tenants share: connections and the process's
/// keys.
pub struct Models {
    defaults: AiDefaults,
    client: Client,
    /// To the addresses that tenants choose.
    tenants_client: Client,
    offline: Arc<Offline>,
    learnt: Learnt,
}

impl Models {
    /// The models of a process; `reach` is where tenants' own addresses may lead.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub fn new(defaults: AiDefaults, skills: SkillSet, reach: Reach) -> Result<Self, ClientError> {
        Ok(Self {
            defaults,
            client: http::client(Reach::Anywhere)?,
            tenants_client: http::client(reach)?,
            offline: Arc::new(Offline::new(skills)),
            learnt: Learnt::default(),
        })
    }

    /// The model for this tenant: its settings decide, then what the process has (Bedrock, its own
    /// keys), then the secret `anthropic` or `openai` of the tenant. The tenant's own secret is
    /// used whole where there is one, so that the process's key never goes to a tenant's address.
    /// Reads one secret, or two where only they decide.
    ///
    /// # Errors
    /// If the settings name an unknown provider or model, there is no key, or the secret cannot be
    /// read.
    pub async fn select(
        &self,
        tenant: &Tenant,
        secrets: &dyn SecretStore,
    ) -> Result<SelectedModel, SelectError> {
        let (provider, own) = self.provider(tenant, secrets).await?;
        if provider == ProviderKind::Offline {
            return Ok(SelectedModel {
                provider,
                name: provider.to_string(),
                id: provider.to_string(),
                chat: self.offline.clone(),
                info: None,
            });
        }
        let shared = match provider {
            ProviderKind::Anthropic => &self.defaults.anthropic,
            ProviderKind::OpenAi => &self.defaults.openai,
            ProviderKind::Bedrock => return self.on_bedrock(&tenant.settings),
            ProviderKind::Offline => return Err(SelectError::NotAvailable(provider)),
        };
        let (client, credentials) = match (own, shared) {
            (Some(own), _) => (&self.tenants_client, own),
            (None, Some(shared)) => (&self.client, shared.clone()),
            (None, None) => return Err(SelectError::MissingKey(provider)),
        };
        self.model(client, &tenant.settings, provider, credentials)
    }

    /// Whether a tenant without settings and secrets of its own would get an answer.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn check_defaults(&self) -> Result<(), SelectError> {
        let settings = TenantSettings::default();
        let provider = self.defaults.provider();
        let shared = match provider {
            ProviderKind::Offline => return Ok(()),
            ProviderKind::Bedrock => return self.on_bedrock(&settings).map(drop),
            ProviderKind::Anthropic => &self.defaults.anthropic,
            ProviderKind::OpenAi => &self.defaults.openai,
        };
        let shared = shared.clone().ok_or(SelectError::MissingKey(provider))?;
        self.model(&self.client, &settings, provider, shared)
            .map(drop)
    }

    /// The model that a tenant would get with these credentials of a provider: for trying them.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn with_credentials(
        &self,
        tenant: &Tenant,
        provider: ProviderKind,
        document: &SecretDocument,
    ) -> Result<SelectedModel, SelectError> {
        let mut settings = tenant.settings.clone();
        let is_of_provider = |word: &str| word.to_lowercase().parse() == Ok(provider);
        if !settings.ai_provider.as_deref().is_none_or(is_of_provider) {
            // The tenant's model is another provider's.
            settings.ai_model = None;
        }
        let credentials = credentials_of(provider, document)?;
        self.model(&self.tenants_client, &settings, provider, credentials)
    }

    /// Words the results of tools by templates: for a model that takes none.
    pub(crate) fn by_template(&self, request: &ModelRequest) -> String {
        self.offline.answer(request)
    }

    /// The provider, and the tenant's own credentials for it.
    async fn provider(
        &self,
        tenant: &Tenant,
        secrets: &dyn SecretStore,
    ) -> Result<(ProviderKind, Option<Credentials>), SelectError> {
        let decided = match &tenant.settings.ai_provider {
            Some(word) => Some(word.trim().to_lowercase().parse()?),
            None => Some(self.defaults.provider()).filter(|kind| *kind != ProviderKind::Offline),
        };
        if let Some(provider) = decided {
            let own = own_credentials(tenant, provider, secrets).await?;
            return Ok((provider, own));
        }
        for provider in [ProviderKind::Anthropic, ProviderKind::OpenAi] {
            let own = own_credentials(tenant, provider, secrets).await?;
            if own.is_some() {
                return Ok((provider, own));
            }
        }
        Ok((ProviderKind::Offline, None))
    }

    fn on_bedrock(&self, settings: &TenantSettings) -> Result<SelectedModel, SelectError> {
        let provider = ProviderKind::Bedrock;
        let Some((bedrock, model)) = &self.defaults.bedrock else {
            return Err(SelectError::NotAvailable(provider));
        };
        let chosen = settings.ai_model.as_deref().map_or(&**model, str::trim);
        let (id, info) = table::bedrock_model(chosen, bedrock.region()).ok_or_else(|| {
            SelectError::UnknownModel {
                provider,
                model: excerpt(chosen, None),
            }
        })?;
        Ok(SelectedModel {
            provider,
            name: info
                .map_or(table::without_account(chosen), |info| &info.name)
                .to_owned(),
            id,
            chat: bedrock.model(info),
            info,
        })
    }

    fn model(
        &self,
        client: &Client,
        settings: &TenantSettings,
        provider: ProviderKind,
        credentials: Credentials,
    ) -> Result<SelectedModel, SelectError> {
        // The process's model belongs to the process's provider.
        let shared = self.defaults.model.as_deref();
        let shared = shared.filter(|_| provider == self.defaults.provider());
        let chosen = settings.ai_model.as_deref().map(str::trim).or(shared);
        let chosen = match chosen {
            Some(text) => text,
            // Another endpoint's models are unknown here, so there is no default for it.
            None if provider == ProviderKind::OpenAi && credentials.base_url.is_some() => {
                return Err(SelectError::NoModel(provider));
            }
            None => table::default_model(provider).ok_or(SelectError::NoModel(provider))?,
        };
        let info = table::find(chosen);
        let id = match info.map(|info| info.id(provider)) {
            Some(Some(id)) => id,
            // A local server may offer a model of the table under the same name.
            Some(None) if provider == ProviderKind::OpenAi && credentials.base_url.is_some() => {
                chosen
            }
            None if is_model_id(chosen) => chosen,
            Some(None) | None => {
                return Err(SelectError::UnknownModel {
                    provider,
                    model: excerpt(chosen, None),
                });
            }
        };
        let info = info.filter(|info| info.id(provider).is_some());
        let client = client.clone();
        let effort = info.and_then(|info| info.effort.as_deref());
        let chat: Arc<dyn ChatModel> = match (provider, credentials.key) {
            (ProviderKind::Anthropic, Some(key)) => {
                Arc::new(Anthropic::new(client, credentials.base_url, key, effort))
            }
            (ProviderKind::OpenAi, key) if key.is_some() || credentials.base_url.is_some() => {
                Arc::new(OpenAi::new(
                    client,
                    credentials.base_url,
                    key,
                    effort,
                    self.learnt.clone(),
                ))
            }
            _ => return Err(SelectError::MissingKey(provider)),
        };
        Ok(SelectedModel {
            provider,
            name: info.map_or(chosen, |info| &info.name).to_owned(),
            id: id.to_owned(),
            chat,
            info,
        })
    }
}

/// The tenant's own secret for the provider, if it has one.
async fn own_credentials(
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
    };
    match secrets.get(&name).await? {
        Some(document) => credentials_of(provider, &document).map(Some),
        None => Ok(None),
    }
}

/// What a secret for the provider holds.
fn credentials_of(
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

/// The model that answers a tenant.
pub struct SelectedModel {
    /// The provider, which decides whose API is called.
    pub provider: ProviderKind,
    /// The model's name, for people.
    pub name: String,
    /// The provider's id of it, for [`ModelRequest::model`](crate::model::ModelRequest::model).
    pub id: String,
    /// The model itself.
    pub chat: Arc<dyn ChatModel>,
    /// What is known of it; `None` for models that the table does not list.
    pub info: Option<&'static ModelInfo>,
}

impl SelectedModel {
    /// The cost of one call; `None` if the price is unknown, as a local model's. Prices can depend
    /// on the length of one prompt, so the usage of several calls must not be summed first.
    pub fn cost(&self, reply: &ModelReply) -> Option<NanoUsd> {
        if self.is_offline() {
            return Some(NanoUsd(0));
        }
        let info = match &reply.answered_by {
            Some(id) => table::model_of_id(id),
            None => self.info,
        };
        info.map(|info| info.cost(reply.usage))
    }

    /// Asks it once, and tells the metrics.
    ///
    /// # Errors
    /// Those of [`ChatModel::reply`].
    pub async fn reply(
        &self,
        request: &ModelRequest,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let mut call = ModelCall::begin(self.provider, &self.name);
        let mut listen = |event: ModelEvent<'_>| {
            if let ModelEvent::Text(_) = event {
                call.hear();
            }
            listen(event);
        };
        let outcome = self.chat.reply(request, &mut listen).await;
        call.end(&outcome);
        outcome
    }

    /// Whether there is no model and templates write the answer.
    pub fn is_offline(&self) -> bool {
        self.provider == ProviderKind::Offline
    }

    /// The limit to ask for, in tokens: `wanted`, but no more than the model can give, which
    /// providers refuse.
    pub fn max_tokens(&self, wanted: u32) -> u32 {
        self.info.map_or(wanted, |info| wanted.min(info.max_output))
    }
}

impl fmt::Debug for SelectedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedModel")
            .field("provider", &self.provider)
            .field("name", &self.name)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why no model can be chosen for a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The settings name an unknown provider.
    #[error(transparent)]
    UnknownProvider(#[from] UnknownProvider),
    /// The provider needs another platform than this one.
    #[error("the AI provider `{0}` is not available on this platform")]
    NotAvailable(ProviderKind),
    /// The provider has no such model.
    #[error("the AI provider `{provider}` does not offer the model `{model}`")]
    UnknownModel {
        /// The provider that was chosen.
        provider: ProviderKind,
        /// The name in the settings, shortened.
        model: String,
    },
    /// The provider's models are unknown, and none is named.
    #[error("no model is chosen for the AI provider `{0}`")]
    NoModel(ProviderKind),
    /// Neither the tenant nor the process has a key.
    #[error("there is no API key for the AI provider `{0}`")]
    MissingKey(ProviderKind),
    /// The tenant's secret is incomplete or holds an invalid value.
    #[error("the secret `{provider}` cannot be used: {reason}")]
    InvalidSecret {
        /// The provider, whose name is the secret's.
        provider: ProviderKind,
        /// What is wrong, without the value.
        reason: String,
    },
    /// The secret cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SelectError {
    /// What can be done about it where the router is started.
    pub fn hint_at_start(&self) -> Option<String> {
        match self {
            Self::NoModel(_) => Some("set T3NETS_MODEL to one that the endpoint offers".to_owned()),
            Self::UnknownModel { provider, .. } => Some(format!(
                "set T3NETS_MODEL to one of {}",
                table::names(*provider).join(", ")
            )),
            other => other.hint(),
        }
    }

    /// What an administrator can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownProvider(_) => Some("set `ai_provider` to one of these".to_owned()),
            Self::NotAvailable(_) => {
                Some("set `ai_provider` to `anthropic`, `openai` or `offline`".to_owned())
            }
            Self::UnknownModel { provider, .. } => Some(format!(
                "set `ai_model` to one of {}",
                table::names(*provider).join(", ")
            )),
            Self::NoModel(_) => {
                Some("name one that the endpoint offers in `ai_model` or `T3NETS_MODEL`".to_owned())
            }
            Self::MissingKey(provider) => Some(format!(
                "store the tenant's key as the secret `{provider}`, or start the router with `{}_API_KEY`",
                provider.as_str().to_uppercase()
            )),
            Self::InvalidSecret { provider, .. } => Some(format!(
                "store the secret `{provider}` again, with `api_key`"
            )),
            Self::Store(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
