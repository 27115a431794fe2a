//! The known models, with their ids, limits, abilities and prices: `models.toml`, parsed once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::ProviderKind;
use crate::model::{NanoUsd, TokenUsage};

// A data file that cannot be read would be an empty table; the tests below make sure that it can
// be.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("models.toml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    default: BTreeMap<String, String>,
    model: Vec<ModelInfo>,
}

/// One model of `models.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    /// The name in settings and answers: `claude-sonnet-4-5`.
    pub name: String,
    /// Other names that mean it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The id in Anthropic's API, if it offers the model.
    pub anthropic: Option<String>,
    /// The id in OpenAI's API, if it offers the model.
    pub openai: Option<String>,
    /// The id in Bedrock, without an inference profile's prefix.
    pub bedrock: Option<String>,
    /// The prefixes of Bedrock's inference profiles for it.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// The context window in tokens: prompt and answer together.
    pub context: u64,
    /// The longest answer, in tokens.
    pub max_output: u32,
    /// The reasoning effort to ask for; `None` if the model does not reason unless asked.
    pub effort: Option<String>,
    /// What it can do through the APIs used here.
    pub abilities: Vec<Ability>,
    /// The price of a call.
    pub price: Price,
    /// The price of a call with a long prompt, where it differs.
    pub long_prompt: Option<LongPrompt>,
}

/// What a model can do through an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Tools can be called.
    Tools,
    /// Answers can be streamed.
    Streaming,
    /// Answers can be streamed while tools are offered.
    StreamedTools,
}

/// Prices in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input tokens.
    pub input: f64,
    /// Output tokens.
    pub output: f64,
    /// Input tokens that were read from the cache; as `input` unless set.
    pub cache_read: Option<f64>,
    /// Input tokens that were written to the cache (for five minutes, where there is a choice); as
    /// `input` unless set.
    pub cache_write: Option<f64>,
}

/// Prices that hold for the whole call once the prompt passes a length.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrompt {
    /// The most input tokens at the usual price.
    pub above: u64,
    /// The prices above that.
    pub price: Price,
}

impl ModelInfo {
    /// The provider's id of the model, if it offers it. For Bedrock the plain id, without a
    /// profile's prefix.
    pub fn id(&self, provider: ProviderKind) -> Option<&str> {
        match provider {
            ProviderKind::Anthropic => self.anthropic.as_deref(),
            ProviderKind::OpenAi => self.openai.as_deref(),
            ProviderKind::Bedrock => self.bedrock.as_deref(),
            ProviderKind::Offline => None,
        }
    }

    /// The id for calls in an AWS region: that of the nearest inference profile, else the plain
    /// one.
    pub fn bedrock_id(&self, region: &str) -> Option<String> {
        let id = self.bedrock.as_deref()?;
        let nearest = Profile::nearest(region)
            .iter()
            .find(|profile| self.profiles.contains(profile));
        Some(nearest.map_or_else(
            || id.to_owned(),
            |profile| format!("{}.{id}", profile.prefix()),
        ))
    }

    /// The cost of one call in billionths of a dollar, rounded up.
    pub fn cost(&self, usage: TokenUsage) -> NanoUsd {
        let prompt = usage.input + usage.cache_read + usage.cache_write;
        let price = match &self.long_prompt {
            Some(long) if prompt > long.above => &long.price,
            _ => &self.price,
        };
        let parts = [
            (usage.input, price.input),
            (usage.output, price.output),
            (usage.cache_read, price.cache_read.unwrap_or(price.input)),
            (usage.cache_write, price.cache_write.unwrap_or(price.input)),
        ];
        // Dollars per million tokens times 10^9 are billionths per million: whole numbers for every
        // price there is.
        let billionths_of_millionths: u128 = parts
            .iter()
            .map(|(tokens, usd)| u128::from(*tokens) * (usd * 1e9).round() as u128)
            .sum();
        NanoUsd(u64::try_from(billionths_of_millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

/// A geography of Bedrock's inference profiles, within which a call may be answered
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The United States (and Canada).
    Us,
    /// The European regions.
    Eu,
    /// The regions of Asia and the Pacific.
    Apac,
    /// The Japanese regions.
    Jp,
    /// The Australian regions.
    Au,
    /// Every commercial region.
    Global,
}

impl Profile {
    const ALL: [Self; 6] = [
        Self::Us,
        Self::Eu,
        Self::Apac,
        Self::Jp,
        Self::Au,
        Self::Global,
    ];

    /// The prefix of the profiles' ids: `us` in `us.amazon.nova-lite-v1:0`.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
            Self::Apac => "apac",
            Self::Jp => "jp",
            Self::Au => "au",
            Self::Global => "global",
        }
    }

    /// The profiles that a region can call, the nearest first. Data stays in the geography where a
    /// profile allows it.
    fn nearest(region: &str) -> &'static [Self] {
        match region {
            "ap-northeast-1" | "ap-northeast-3" => &[Self::Jp, Self::Apac, Self::Global],
            "ap-southeast-2" | "ap-southeast-4" => &[Self::Au, Self::Apac, Self::Global],
            // Partitions of their own, which no profile of the table reaches.
            _ if region.starts_with("us-gov-") || region.starts_with("cn-") => &[],
            _ => match region.split('-').next() {
                Some("us" | "ca") => &[Self::Us, Self::Global],
                Some("eu") => &[Self::Eu, Self::Global],
                Some("ap") => &[Self::Apac, Self::Global],
                _ => &[Self::Global],
            },
        }
    }
}

/// The model of this name, alias, or provider's id.
pub fn find(text: &str) -> Option<&'static ModelInfo> {
    TABLE.model.iter().find(|info| {
        let ids = [&info.anthropic, &info.openai, &info.bedrock];
        info.name == text
            || info.aliases.iter().any(|alias| alias == text)
            || ids.into_iter().flatten().any(|id| id == text)
    })
}

/// The id for Bedrock of the model that a setting names, and the table's entry for it. A name of
/// the table means the nearest inference profile; ids and ARNs (of models, inference profiles,
/// prompt routers) are used as they are, since permissions are granted for them. `None` if it can
/// be neither.
pub fn bedrock_model(text: &str, region: &str) -> Option<(String, Option<&'static ModelInfo>)> {
    match find(text) {
        Some(info) if info.bedrock.as_deref() != Some(text) => {
            Some((info.bedrock_id(region)?, Some(info)))
        }
        _ if is_model_id(text) => Some((text.to_owned(), model_of_id(text))),
        _ => None,
    }
}

/// The model behind an id or ARN of Bedrock, where that is known: for an inference profile it is,
/// for a prompt router or an application inference profile it is not.
pub fn model_of_id(id: &str) -> Option<&'static ModelInfo> {
    let resource = if id.starts_with("arn:") {
        let (kind, resource) = arn_resource(id)?.split_once('/')?;
        matches!(kind, "inference-profile" | "foundation-model").then_some(resource)?
    } else {
        id
    };
    let plain = Profile::ALL
        .iter()
        .find_map(|profile| resource.strip_prefix(profile.prefix())?.strip_prefix('.'))
        .unwrap_or(resource);
    TABLE
        .model
        .iter()
        .find(|info| info.bedrock.as_deref() == Some(plain))
}

/// An id of Bedrock as callers may see it: an ARN without the account in it.
pub fn without_account(id: &str) -> &str {
    arn_resource(id).unwrap_or(id)
}

/// The last part of `arn:partition:service:region:account:resource`.
fn arn_resource(id: &str) -> Option<&str> {
    id.starts_with("arn:")
        .then(|| id.splitn(6, ':').nth(5))
        .flatten()
}

/// Whether a text that is not in the table may be a provider's id of a model.
pub(super) fn is_model_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The name of a provider's model for tenants that choose none.
pub fn default_model(provider: ProviderKind) -> Option<&'static str> {
    TABLE.default.get(provider.as_str()).map(String::as_str)
}

/// Every name and alias of the models that a provider offers, or that there are.
pub(super) fn all_names(provider: Option<ProviderKind>) -> Vec<&'static str> {
    TABLE
        .model
        .iter()
        .filter(|info| provider.is_none_or(|provider| info.id(provider).is_some()))
        .flat_map(|info| std::iter::once(&info.name).chain(&info.aliases))
        .map(String::as_str)
        .collect()
}

/// The names of the models that a provider offers.
pub fn names(provider: ProviderKind) -> Vec<&'static str> {
    TABLE
        .model
        .iter()
        .filter(|info| info.id(provider).is_some())
        .map(|info| info.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn table() -> Table {
        toml::from_str(include_str!("models.toml")).unwrap()
    }

    #[test]
    fn every_name_and_id_means_one_model_that_a_provider_offers() {
        let mut seen = BTreeSet::new();
        for info in table().model {
            let ids: Vec<String> = [&info.anthropic, &info.openai, &info.bedrock]
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            assert!(!ids.is_empty(), "`{}` has no provider", info.name);
            let mut own = BTreeSet::from([info.name.clone()]);
            own.extend(info.aliases);
            own.extend(ids);
            for text in own {
                assert!(seen.insert(text.clone()), "`{text}` means two models");
            }
        }
    }

    #[test]
    fn every_default_is_offered_by_its_provider() {
        let table = table();
        assert_eq!(table.default.len(), 3);
        for (provider, name) in &table.default {
            let provider: ProviderKind = provider.parse().unwrap();
            let info = find(name).unwrap_or_else(|| panic!("`{name}` is not in the table"));
            assert!(info.id(provider).is_some(), "{provider} lacks `{name}`");
        }
    }

    #[test]
    fn limits_and_prices_are_plausible() {
        for info in table().model {
            let name = &info.name;
            assert!(u64::from(info.max_output) < info.context, "{name}");
            assert!(info.abilities.contains(&Ability::Tools), "{name}");
            for price in [Some(info.price), info.long_prompt.map(|long| long.price)]
                .into_iter()
                .flatten()
            {
                let Price {
                    input,
                    output,
                    cache_read,
                    cache_write,
                } = price;
                assert!(0.0 < input && input <= output && output < 1000.0, "{name}");
                assert!(
                    cache_read.is_none_or(|read| 0.0 < read && read < input),
                    "{name}"
                );
                assert!(cache_write.is_none_or(|write| write >= input), "{name}");
            }
        }
    }

    #[test]
    fn a_call_costs_what_the_price_list_says() {
        let info = find("claude-sonnet-4-5").unwrap();
        let usage = TokenUsage {
            input: 1_000,
            output: 100,
            cache_read: 10_000,
            cache_write: 2_000,
        };
        // 1000 × $3 + 100 × $15 + 10 000 × $0.30 + 2000 × $3.75, per million.
        assert_eq!(info.cost(usage), NanoUsd(15_000_000));
        // The cheapest token there is counts for something.
        let one = TokenUsage {
            cache_read: 1,
            ..TokenUsage::default()
        };
        assert_eq!(find("nova-micro").unwrap().cost(one), NanoUsd(9));
        let endless = TokenUsage {
            input: u64::MAX / 4,
            output: u64::MAX / 4,
            cache_read: 0,
            cache_write: 0,
        };
        assert_eq!(info.cost(endless), NanoUsd(u64::MAX));
    }

    #[test]
    fn a_long_prompt_costs_its_own_price() {
        let info = find("claude-haiku-5-5").unwrap();
        let of = |input| {
            info.cost(TokenUsage {
                input,
                ..TokenUsage::default()
            })
        };
        assert_eq!(of(100_000), NanoUsd(10_000_000));
        assert_eq!(of(200_000), NanoUsd(100_000_000));
    }

    #[test]
    fn bedrock_is_asked_through_the_nearest_inference_profile() {
        let id = |model: &str, region: &str| find(model).unwrap().bedrock_id(region).unwrap();
        let plain = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        for (region, prefix) in [
            ("us-east-1", "us"),
            ("eu-central-1", "eu"),
            ("ap-northeast-1", "jp"),
            ("ap-southeast-2", "au"),
            ("ap-south-1", "global"),
            ("sa-east-1", "global"),
        ] {
            assert_eq!(id("claude-sonnet-4-5", region), format!("{prefix}.{plain}"));
        }
        assert_eq!(
            id("nova-lite", "ap-northeast-1"),
            "apac.amazon.nova-lite-v1:0"
        );
        for bare in ["sa-east-1", "us-gov-west-1"] {
            assert_eq!(id("nova-lite", bare), "amazon.nova-lite-v1:0");
        }
    }

    #[test]
    fn what_a_setting_names_on_bedrock_is_asked_for_and_its_price_known_where_it_can_be_told() {
        let sonnet = Some("claude-sonnet-4-5");
        let plain = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let arn = |resource: &str| format!("arn:aws:bedrock:eu-west-1:123456789012:{resource}");
        for (text, known) in [
            (plain.to_owned(), sonnet),
            (format!("us.{plain}"), sonnet),
            (format!("global.{plain}"), sonnet),
            (arn(&format!("inference-profile/eu.{plain}")), sonnet),
            (
                format!("arn:aws:bedrock:us-east-1::foundation-model/{plain}"),
                sonnet,
            ),
            (arn("application-inference-profile/a1b2c3"), None),
            (arn("default-prompt-router/anthropic.claude:1"), None),
            (arn("prompt-router/a1b2c3"), None),
            ("mistral.mistral-large-2407-v1:0".to_owned(), None),
            ("arn:aws".to_owned(), None),
        ] {
            let (id, info) = bedrock_model(&text, "us-east-1").unwrap();
            assert_eq!(id, text);
            assert_eq!(info.map(|info| info.name.as_str()), known, "{text}");
            assert!(!without_account(&text).contains("123456789012"), "{text}");
        }
        for text in ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929"] {
            let (id, info) = bedrock_model(text, "eu-west-1").unwrap();
            assert_eq!(id, format!("eu.{plain}"));
            assert_eq!(info.map(|info| info.name.as_str()), sonnet);
        }
        for text in ["gpt-5.6-luna", "two words", ""] {
            assert!(bedrock_model(text, "us-east-1").is_none(), "{text}");
        }
    }
}
