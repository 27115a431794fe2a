//! Chooses the provider, model and credentials for a tenant.

mod choice;
mod credentials;
mod error;
mod fallback;
mod source;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::choice::{Choice, TenantModels, Tier};
use self::credentials::{credentials_of, own_credentials};
pub use self::error::SelectError;
pub use self::fallback::by_provider;
use self::source::Source;
use super::anthropic::Anthropic;
use super::breaker::{Attempt, Breaker, Breakers};
use super::defaults::{AiDefaults, Credentials};
use super::format;
use super::http;
use super::offline::Offline;
use super::openai::{Learnt, OpenAi};
use super::refusal::excerpt;
use super::table::{self, Ability, ModelInfo, is_model_id};
use super::{ProviderKind, plausible};
use crate::model::{
    Guardrail, ModelReply, ModelRequest, NanoUsd, SecretDocument, Tenant, ToolChoice,
};
use crate::outbound::{Client, ClientError, Reach};
use crate::ports::{ChatModel, Listener, ModelError, ModelEvent, SecretStore};
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
    breakers: Breakers,
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
            breakers: Breakers::default(),
        })
    }

    /// Opens a connection to Bedrock where the process has it: see [`Bedrock::connect`].
    ///
    /// [`Bedrock::connect`]: super::Bedrock::connect
    pub async fn connect(&self) {
        if let Some((bedrock, _)) = &self.defaults.bedrock {
            bedrock.connect().await;
        }
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
        let source = self.source(tenant, secrets).await?;
        self.one(&source, tenant.settings.ai_model.as_deref())
    }

    /// The model that [`select`](Self::select) says, and those that the settings name beside it.
    /// What the tenant's provider cannot have of the latter, as a model that an older program
    /// stored for another, is left out.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub async fn all_of(
        &self,
        tenant: &Tenant,
        secrets: &dyn SecretStore,
    ) -> Result<TenantModels, SelectError> {
        let (source, elsewhere) = futures::join!(
            self.source(tenant, secrets),
            self.elsewhere(tenant, secrets)
        );
        let source = source?;
        let ai = self.one(&source, tenant.settings.ai_model.as_deref())?;
        let other = |named: Option<&str>| self.other(&source, named);
        let (fallback, fallback_problem) = match elsewhere {
            None => (other(tenant.fallback_model()), None),
            Some(Ok(fallback)) => (Some(fallback.standing_in(ai.provider)), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        Ok(TenantModels {
            wording: other(tenant.wording_model()).filter(|wording| wording.id != ai.id),
            fallback,
            fallback_problem,
            ai,
        })
    }

    /// A model that settings name beside the one for all else, if the provider can have it.
    fn other(&self, source: &Source<'_>, named: Option<&str>) -> Option<SelectedModel> {
        let named = named?;
        plausible::check_model(Some(source.provider()), named).ok()?;
        self.one(source, Some(named)).ok()
    }

    /// Whether a tenant without settings and secrets of its own would get an answer.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn check_defaults(&self) -> Result<(), SelectError> {
        let source = self.shared(self.defaults.provider())?;
        self.one(&source, None).map(drop)
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
        let settings = &tenant.settings;
        let is_of_provider = |word: &str| word.to_lowercase().parse() == Ok(provider);
        let named = settings.ai_model.as_deref();
        // Else the tenant's model is another provider's.
        let named = named.filter(|_| settings.ai_provider.as_deref().is_none_or(is_of_provider));
        let source = self.owned(tenant, provider, credentials_of(provider, document)?);
        self.one(&source, named)
    }

    /// Words the results of tools by templates: for a model that takes none.
    pub(crate) fn by_template(&self, request: &ModelRequest) -> String {
        self.offline.answer(request)
    }

    /// Who provides the tenant's models, and by which credentials.
    async fn source<'a>(
        &'a self,
        tenant: &'a Tenant,
        secrets: &dyn SecretStore,
    ) -> Result<Source<'a>, SelectError> {
        let source = self.provider(tenant, secrets).await?;
        self.guarded(source, tenant)
    }

    /// A provider with what a tenant's settings say of its calls.
    ///
    /// # Errors
    /// If that is a guardrail, which the provider does not have.
    fn guarded<'a>(
        &self,
        source: Source<'a>,
        tenant: &'a Tenant,
    ) -> Result<Source<'a>, SelectError> {
        match (source, tenant.guardrail()) {
            (Source::Bedrock { .. }, guardrail) => Ok(Source::Bedrock {
                guarded: guardrail.map(|guardrail| (&tenant.id, guardrail)),
                behind: tenant.profile_model().and_then(table::find),
            }),
            (source, None) => Ok(source),
            (other, Some(_)) => Err(SelectError::NoGuardrails(other.provider())),
        }
    }

    async fn provider<'a>(
        &'a self,
        tenant: &'a Tenant,
        secrets: &dyn SecretStore,
    ) -> Result<Source<'a>, SelectError> {
        let decided = match &tenant.settings.ai_provider {
            Some(word) => Some(word.trim().to_lowercase().parse()?),
            None => Some(self.defaults.provider()).filter(|kind| *kind != ProviderKind::Offline),
        };
        let asked: &[ProviderKind] = match &decided {
            Some(provider) => std::slice::from_ref(provider),
            None => &[ProviderKind::Anthropic, ProviderKind::OpenAi],
        };
        for provider in asked {
            if let Some(credentials) = own_credentials(tenant, *provider, secrets).await? {
                return Ok(self.owned(tenant, *provider, credentials));
            }
        }
        match self.shared(decided.unwrap_or(ProviderKind::Offline))? {
            Source::Offline(shared) => Ok(Source::Offline(Arc::new(shared.of_tenant(tenant)))),
            source => Ok(source),
        }
    }

    /// A provider by a tenant's own credentials.
    fn owned<'a>(
        &'a self,
        tenant: &'a Tenant,
        provider: ProviderKind,
        credentials: Credentials,
    ) -> Source<'a> {
        Source::Api {
            provider,
            client: &self.tenants_client,
            credentials,
            owner: Some(&tenant.id),
        }
    }

    /// A provider by the process's own credentials.
    fn shared(&self, provider: ProviderKind) -> Result<Source<'_>, SelectError> {
        let shared = match provider {
            ProviderKind::Offline => return Ok(Source::Offline(self.offline.clone())),
            ProviderKind::Bedrock => {
                return Ok(Source::Bedrock {
                    guarded: None,
                    behind: None,
                });
            }
            ProviderKind::Anthropic => &self.defaults.anthropic,
            ProviderKind::OpenAi => &self.defaults.openai,
        };
        let credentials = shared.clone().ok_or(SelectError::MissingKey(provider))?;
        Ok(Source::Api {
            provider,
            client: &self.client,
            credentials,
            owner: None,
        })
    }

    /// The model of a source that settings name, or its default.
    fn one(&self, source: &Source<'_>, named: Option<&str>) -> Result<SelectedModel, SelectError> {
        match source {
            Source::Offline(offline) => Ok(SelectedModel {
                chat: offline.clone(),
                ..self.offline()
            }),
            Source::Bedrock { guarded, behind } => {
                let guardrail = guarded.as_ref().map(|(_, guardrail)| guardrail);
                self.on_bedrock(source, guardrail, *behind, named)
            }
            Source::Api {
                provider,
                client,
                credentials,
                ..
            } => self.of_api(source, client, *provider, credentials, named),
        }
    }

    /// No model: templates.
    pub(crate) fn offline(&self) -> SelectedModel {
        let name = ProviderKind::Offline.to_string();
        SelectedModel {
            provider: ProviderKind::Offline,
            breaker: self
                .breakers
                .breaker(Source::Offline(self.offline.clone()).circuit(&name)),
            id: name.clone(),
            name,
            chat: self.offline.clone(),
            info: None,
            is_elsewhere: false,
        }
    }

    fn on_bedrock(
        &self,
        source: &Source<'_>,
        guardrail: Option<&Guardrail>,
        behind: Option<&'static ModelInfo>,
        named: Option<&str>,
    ) -> Result<SelectedModel, SelectError> {
        let provider = ProviderKind::Bedrock;
        let Some((bedrock, model)) = &self.defaults.bedrock else {
            return Err(SelectError::NotAvailable(provider));
        };
        let chosen = named.map_or(&**model, str::trim);
        let (id, info) = table::bedrock_model(chosen, bedrock.region()).ok_or_else(|| {
            SelectError::UnknownModel {
                provider,
                model: excerpt(chosen, None),
            }
        })?;
        // The ledger names a profile, by which the bill tells it.
        let name = info.map_or(table::without_account(chosen), |info| &info.name);
        let info = info.or_else(|| table::application_profile(&id).and(behind));
        Ok(SelectedModel {
            provider,
            name: name.to_owned(),
            breaker: self.breakers.breaker(source.circuit(&id)),
            id,
            chat: bedrock.model(info, guardrail.cloned()),
            info,
            is_elsewhere: false,
        })
    }

    fn of_api(
        &self,
        source: &Source<'_>,
        client: &Client,
        provider: ProviderKind,
        credentials: &Credentials,
        named: Option<&str>,
    ) -> Result<SelectedModel, SelectError> {
        // The process's model belongs to the process's provider.
        let shared = self.defaults.model.as_deref();
        let shared = shared.filter(|_| provider == self.defaults.provider());
        let chosen = match named.map(str::trim).or(shared) {
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
        let Credentials { key, base_url } = credentials.clone();
        let chat: Arc<dyn ChatModel> = match (provider, key) {
            (ProviderKind::Anthropic, Some(key)) => {
                Arc::new(Anthropic::new(client, base_url, key, effort))
            }
            (ProviderKind::OpenAi, key) if key.is_some() || base_url.is_some() => Arc::new(
                OpenAi::new(client, base_url, key, effort, self.learnt.clone()),
            ),
            _ => return Err(SelectError::MissingKey(provider)),
        };
        Ok(SelectedModel {
            provider,
            name: info.map_or(chosen, |info| &info.name).to_owned(),
            breaker: self.breakers.breaker(source.circuit(id)),
            id: id.to_owned(),
            chat,
            info,
            is_elsewhere: false,
        })
    }
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
    breaker: Breaker,
    /// Whether it stands in for another provider's model, and its name says so.
    is_elsewhere: bool,
}

impl SelectedModel {
    /// Begins an attempt at a call.
    ///
    /// # Errors
    /// If it failed several times in a row and is left alone for a while.
    pub(crate) fn admit(&self) -> Result<Attempt, ModelError> {
        self.breaker.admit()
    }

    /// For how long it is left alone; `None` if it is not.
    pub(crate) fn paused_for(&self) -> Option<Duration> {
        self.breaker.paused_for()
    }

    /// The cost of one call; `None` if the price is unknown, as a local model's. Prices can depend
    /// on the length of one prompt, so the usage of several calls must not be summed first.
    pub fn cost(&self, reply: &ModelReply) -> Option<NanoUsd> {
        if self.is_offline() {
            return Some(NanoUsd(0));
        }
        let (info, by) = match &reply.answered_by {
            Some(id) => (table::model_of_id(id), id),
            None => (self.info, &self.id),
        };
        info.map(|info| info.cost(reply.usage, by))
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
        let mut call = ModelCall::begin(self.provider, self.own_name());
        let mut listen = |event: ModelEvent<'_>| {
            if let ModelEvent::Text(_) = event {
                call.hear();
            }
            listen(event);
        };
        let outcome = match &request.options.format {
            None => self.chat.reply(&self.unforced(request), &mut listen).await,
            Some(format) => format::reply(self, request, format, &mut listen).await,
        };
        call.end(&outcome);
        outcome
    }

    /// The request without a call that it demands, where the model is known to refuse that: it is
    /// asked for one in words instead.
    pub(super) fn unforced<'r>(&self, request: &'r ModelRequest) -> Cow<'r, ModelRequest> {
        let can_force = |info: &ModelInfo| info.abilities.contains(&Ability::ForcedTools);
        let asked = match &request.options.tool_choice {
            ToolChoice::Auto => return Cow::Borrowed(request),
            _ if self.provider == ProviderKind::OpenAi || self.info.is_none_or(can_force) => {
                return Cow::Borrowed(request);
            }
            ToolChoice::Required => "\n\nAnswer by calling one of the tools.".to_owned(),
            ToolChoice::Named(name) => format!("\n\nAnswer by calling the tool `{name}`."),
        };
        let mut request = request.clone();
        request.system.push_str(&asked);
        let choice = std::mem::take(&mut request.options.tool_choice);
        if let ToolChoice::Named(name) = choice {
            request.tools.retain(|tool| tool.name == name);
        }
        Cow::Owned(request)
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

#[cfg(test)]
mod tests;
