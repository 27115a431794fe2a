//! Language models: which one answers a tenant, and the providers behind
//! [`ChatModel`](crate::ports::ChatModel).
//!
//! Not here: what a model is asked and what happens with its answer ([`crate::chat`]). Read it in
//! this order:
//!
//! 1. [`Models`] chooses the provider, the model and the credentials for a tenant, from its
//!    settings and secrets and what the process was started with ([`AiDefaults`]);
//!    [`SelectedModel`] is the choice.
//! 2. [`with_retries`] repeats a call that failed for a transient reason; `breaker` leaves a model
//!    alone that failed several times in a row.
//! 3. [`table`] and its data file `models.toml`: names, ids, prices, abilities.
//! 4. One file or folder per provider: `bedrock`, `anthropic`, `openai` (any compatible endpoint),
//!    `offline` (no model: templates); `endpoint`, `http`, `reading`, `refusal` and `thinking` are
//!    what they share; `format` brings each to the form that a client asks for. [`recorded`] reads
//!    answers without a network.
//!
//! The rules for every adapter: one attempt per call; streamed wherever the model can, so that text
//! arrives at once; dropping the future cancels the call; no key in an error. Arguments of a tool
//! call that are not JSON are passed on as a JSON *string* instead of an object, so that the caller
//! can answer the call with an error and the model can correct itself.

mod anthropic;
mod bedrock;
mod breaker;
mod defaults;
mod endpoint;
mod format;
mod http;
mod offline;
mod openai;
pub(crate) mod plausible;
mod reading;
pub mod recorded;
mod refusal;
mod retry;
mod select;
pub mod table;
mod thinking;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::ports::ModelError;

pub use bedrock::Bedrock;
pub(crate) use breaker::{Attempt, PATIENCE};
pub use defaults::{AiDefaults, InvalidAiSetting};
pub use offline::NO_MODEL_NOTE;
pub(crate) use reading::tool_input;
pub(crate) use retry::Retries;
pub use retry::with_retries;
pub use select::{Choice, Models, SelectError, SelectedModel, TenantModels, Tier, by_provider};

/// Who provides a tenant's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Amazon Bedrock, by IAM. On the AWS platform only.
    Bedrock,
    /// Anthropic's own API.
    Anthropic,
    /// OpenAI, or any endpoint that speaks its chat completions (Ollama, llama.cpp, vLLM).
    OpenAi,
    /// No model: skills' results are worded by templates.
    Offline,
}

impl ProviderKind {
    /// The name in settings, and of the secret with a tenant's own key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock",
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Offline => "offline",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an AI provider (bedrock, anthropic, openai, offline)")]
pub struct UnknownProvider(pub String);

impl FromStr for ProviderKind {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "bedrock" => Ok(Self::Bedrock),
            "anthropic" => Ok(Self::Anthropic),
            "openai" => Ok(Self::OpenAi),
            "offline" => Ok(Self::Offline),
            other => Err(UnknownProvider(other.to_owned())),
        }
    }
}

/// A stream that ended before the answer did.
fn broken_off() -> ModelError {
    ModelError::Unavailable("the answer broke off".to_owned())
}

/// What a tool was called with, as the conversation is sent back to the model: Anthropic and
/// Bedrock accept nothing but objects, even where the model itself wrote something else.
fn tool_arguments(input: &serde_json::Value) -> Cow<'_, serde_json::Value> {
    match input {
        serde_json::Value::Object(_) => Cow::Borrowed(input),
        other => Cow::Owned(serde_json::json!({"invalid": other})),
    }
}

/// A tool's result as providers take it: text.
fn result_text(content: &serde_json::Value) -> String {
    match content {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_read_from_the_names_they_are_shown_by() {
        for kind in [
            ProviderKind::Bedrock,
            ProviderKind::Anthropic,
            ProviderKind::OpenAi,
            ProviderKind::Offline,
        ] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "Azure".parse::<ProviderKind>().unwrap_err();
        assert!(error.to_string().contains("`Azure`"), "{error}");
    }
}
