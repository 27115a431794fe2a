//! The models and keys that the process was started with.

use super::ProviderKind;
use super::bedrock::Bedrock;
use super::endpoint::{BaseUrl, PlainHttp, ProviderKey};

/// The process's keys and choices, for tenants without their own. Without any, the provider is
/// `offline`. Keys appear in no debug output.
#[derive(Debug, Clone, Default)]
pub struct AiDefaults {
    /// Bedrock, and the model for tenants that choose none.
    pub(super) bedrock: Option<(Bedrock, String)>,
    pub(super) anthropic: Option<Credentials>,
    pub(super) openai: Option<Credentials>,
    pub(super) model: Option<String>,
}

/// The address of a provider's API and the key for it.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) key: Option<ProviderKey>,
    /// Replaces the provider's own address.
    pub(super) base_url: Option<BaseUrl>,
}

/// A variable whose value cannot be used. The value, which may be a key, is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{variable}` cannot be used: {reason}")]
pub struct InvalidAiSetting {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl AiDefaults {
    /// Reads `ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL`, `OPENAI_API_KEY`, `OPENAI_BASE_URL` (with
    /// its `/v1`; plain http is accepted, as for Ollama) and `T3NETS_MODEL`. An empty variable
    /// counts as unset.
    ///
    /// # Errors
    /// If a key cannot be sent as a header or an address is not a URL.
    pub fn from_env(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<AiDefaults, InvalidAiSetting> {
        let read = |variable| {
            lookup(variable)
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let key = |variable: &'static str| {
            read(variable)
                .map(|text| {
                    ProviderKey::parse(&text).ok_or_else(|| InvalidAiSetting {
                        variable,
                        reason: "it holds characters that no API key has".to_owned(),
                    })
                })
                .transpose()
        };
        let base_url = |variable: &'static str| {
            read(variable)
                .map(|text| {
                    BaseUrl::parse(&text, PlainHttp::Anywhere).map_err(|error| InvalidAiSetting {
                        variable,
                        reason: error.to_string(),
                    })
                })
                .transpose()
        };
        let anthropic = Credentials {
            key: key("ANTHROPIC_API_KEY")?,
            base_url: base_url("ANTHROPIC_BASE_URL")?,
        };
        let openai = Credentials {
            key: key("OPENAI_API_KEY")?,
            base_url: base_url("OPENAI_BASE_URL")?,
        };
        Ok(Self {
            bedrock: None,
            anthropic: Some(anthropic).filter(|credentials| credentials.key.is_some()),
            openai: Some(openai)
                .filter(|credentials| credentials.key.is_some() || credentials.base_url.is_some()),
            model: read("T3NETS_MODEL"),
        })
    }

    /// Adds Bedrock, which then comes first, and the model for tenants that choose none: a name of
    /// [`table`](super::table), or a model id or ARN of Bedrock.
    #[must_use]
    pub fn with_bedrock(mut self, bedrock: Bedrock, model: String) -> Self {
        self.bedrock = Some((bedrock, model));
        self
    }

    /// Whether the process has a key for a provider, or an address that needs none.
    pub fn has_key(&self, provider: ProviderKind) -> bool {
        match provider {
            ProviderKind::Bedrock => self.bedrock.is_some(),
            ProviderKind::Anthropic => self.anthropic.is_some(),
            ProviderKind::OpenAi => self.openai.is_some(),
            ProviderKind::Offline => true,
        }
    }

    /// Whether a model is named that no tenant gets, since there is no provider for it.
    pub fn has_unused_model(&self) -> bool {
        self.model.is_some() && self.provider() == ProviderKind::Offline
    }

    /// The provider for a tenant without AI settings and secrets: Bedrock if present, else
    /// Anthropic if its key is set, else OpenAI if its key or address is, else no model.
    pub fn provider(&self) -> ProviderKind {
        if self.bedrock.is_some() {
            ProviderKind::Bedrock
        } else if self.anthropic.is_some() {
            ProviderKind::Anthropic
        } else if self.openai.is_some() {
            ProviderKind::OpenAi
        } else {
            ProviderKind::Offline
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<AiDefaults, InvalidAiSetting> {
        AiDefaults::from_env(|name| {
            let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn the_provider_follows_from_what_is_set() {
        let provider = |variables: &[(&str, &str)]| from(variables).unwrap().provider();
        assert_eq!(AiDefaults::default().provider(), ProviderKind::Offline);
        assert_eq!(provider(&[("OPENAI_API_KEY", "")]), ProviderKind::Offline);
        assert_eq!(
            provider(&[("ANTHROPIC_BASE_URL", "https://a.example")]),
            ProviderKind::Offline
        );
        assert_eq!(
            provider(&[("OPENAI_BASE_URL", "http://localhost:11434/v1")]),
            ProviderKind::OpenAi
        );
        assert_eq!(
            provider(&[("OPENAI_API_KEY", "sk-o"), ("ANTHROPIC_API_KEY", " sk-a\n")]),
            ProviderKind::Anthropic
        );
    }

    #[test]
    fn a_model_without_a_provider_is_noticed() {
        let unused = |variables: &[(&str, &str)]| from(variables).unwrap().has_unused_model();
        assert!(unused(&[("T3NETS_MODEL", "llama3.3")]));
        assert!(!unused(&[]));
        let endpoint = ("OPENAI_BASE_URL", "http://localhost:11434/v1");
        assert!(!unused(&[endpoint, ("T3NETS_MODEL", "llama3.3")]));
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_value() {
        let error = from(&[("ANTHROPIC_API_KEY", "sk secret")]).unwrap_err();
        assert_eq!(error.variable, "ANTHROPIC_API_KEY");
        assert!(!error.to_string().contains("secret"), "{error}");
        let error = from(&[("OPENAI_BASE_URL", "localhost:11434")]).unwrap_err();
        assert_eq!(error.variable, "OPENAI_BASE_URL");
    }

    #[test]
    fn keys_are_in_no_debug_output() {
        let defaults = from(&[("ANTHROPIC_API_KEY", "sk-a"), ("OPENAI_API_KEY", "sk-o")]).unwrap();
        assert!(!format!("{defaults:?}").contains("sk-"));
    }
}
