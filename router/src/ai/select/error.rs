//! Why no model can be chosen for a tenant, and what can be done about it.

use crate::ai::table;
use crate::ai::{ProviderKind, UnknownProvider};
use crate::ports::StoreError;

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
    /// The settings name a guardrail, which only Bedrock applies.
    #[error("the AI provider `{0}` has no guardrails, and the settings name one")]
    NoGuardrails(ProviderKind),
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
            Self::NoGuardrails(_) => Some(
                "set `ai_provider` to `bedrock`, or take `guardrail_identifier` away".to_owned(),
            ),
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
