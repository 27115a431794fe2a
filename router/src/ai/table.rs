//! The known models, with their ids, limits, abilities and prices: `models.toml`, parsed once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{ProviderKind, by_provider};
use crate::model::newer::FALLBACK_MODEL;
use crate::model::{NanoUsd, Tenant, TokenUsage};

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
    /// The regions whose Bedrock takes its plain id. Everywhere else it has to be called by an
    /// inference profile.
    #[serde(default)]
    pub on_demand: Vec<String>,
    /// The context window in tokens: prompt and answer together.
    pub context: u64,
    /// The longest answer, in tokens.
    pub max_output: u32,
    /// The reasoning effort to ask for; `None` if the model does not reason unless asked.
    pub effort: Option<String>,
    /// What it can do through the APIs used here.
    pub abilities: Vec<Ability>,
    /// The providers that hold its answer to a schema.
    #[serde(default)]
    pub structured: Vec<ProviderKind>,
    /// The price of a call.
    pub price: Price,
    /// The price of a call with a long prompt, where it differs.
    pub long_prompt: Option<LongPrompt>,
    /// How much more Bedrock takes where the call stays in a region or a geography, in percent: all
    /// prices are those of the global profile.
    #[serde(default)]
    pub geographic_surcharge_percent: u32,
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
    /// A call of a tool can be demanded.
    ForcedTools,
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

    /// Whether a text is the model's plain id in Bedrock, and the region's Bedrock takes it: of
    /// most models it says that "on-demand throughput isn't supported"
    /// (<https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-use.html>).
    fn takes_plain_id(&self, text: &str, region: &str) -> bool {
        self.bedrock.as_deref() == Some(text) && self.on_demand.iter().any(|one| one == region)
    }

    /// The cost of one call by the provider's id `by`, in billionths of a dollar, rounded up.
    pub fn cost(&self, usage: TokenUsage, by: &str) -> NanoUsd {
        let prompt = usage.all_input();
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
        let percent = 100 + u128::from(self.surcharge_percent(by));
        let billionths = (billionths_of_millionths * percent).div_ceil(100 * 1_000_000);
        NanoUsd(u64::try_from(billionths).unwrap_or(u64::MAX))
    }

    /// What the id adds to the price, in percent. Which profile is behind an application's own
    /// cannot be told from its ARN: it is taken to be the dearer one.
    fn surcharge_percent(&self, by: &str) -> u32 {
        let resource = without_account(by);
        let (kind, id) = resource.split_once('/').unwrap_or(("", resource));
        let is_bedrocks = self.bedrock.as_deref().is_some_and(|own| id.ends_with(own));
        match (kind, Profile::of_id(id)) {
            (_, Some((Profile::Global, _))) => 0,
            ("application-inference-profile", _) => self.geographic_surcharge_percent,
            _ if is_bedrocks => self.geographic_surcharge_percent,
            _ => 0,
        }
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

    /// The profile of an id, and the model's plain id.
    fn of_id(id: &str) -> Option<(Self, &str)> {
        let plain = |profile: Self| id.strip_prefix(profile.prefix())?.strip_prefix('.');
        Self::ALL
            .into_iter()
            .find_map(|profile| Some((profile, plain(profile)?)))
    }

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
/// the table means the nearest inference profile, and so does a plain id that the region's Bedrock
/// does not take; other ids and ARNs (of models, inference profiles, prompt routers) are used as
/// they are, since permissions are granted for them. `None` if it can be neither.
pub fn bedrock_model(text: &str, region: &str) -> Option<(String, Option<&'static ModelInfo>)> {
    match find(text) {
        Some(info) if !info.takes_plain_id(text, region) => {
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
    let plain = Profile::of_id(resource).map_or(resource, |(_, plain)| plain);
    TABLE
        .model
        .iter()
        .find(|info| info.bedrock.as_deref() == Some(plain))
}

/// Whether this program knows the model that a setting names: its limits, abilities and price. Of
/// an ARN that leads to a model only through AWS (a prompt router's, an application inference
/// profile's) that cannot be told, and nothing is wrong with it.
pub fn is_known(text: &str) -> bool {
    let leads_elsewhere = arn_resource(text)
        .and_then(|resource| resource.split_once('/'))
        .is_some_and(|(kind, _)| !matches!(kind, "inference-profile" | "foundation-model"));
    leads_elsewhere || find(text).is_some() || model_of_id(text).is_some()
}

/// The models that a tenant's settings name and that this program does not know, each with its
/// setting. An endpoint of one's own has names of its own, of which nothing can be said.
pub fn unknown_models(tenant: &Tenant) -> Vec<(&'static str, &str)> {
    let provider = tenant.settings.ai_provider.as_deref().unwrap_or_default();
    let provider = provider.trim().to_lowercase().parse().ok();
    let is_unknown = |(by, setting, model): (Option<ProviderKind>, _, _)| {
        let has_own_names = matches!(
            by.or(provider),
            Some(ProviderKind::OpenAi | ProviderKind::Offline)
        );
        (!has_own_names && !is_known(model)).then_some((setting, model))
    };
    named_models(tenant).filter_map(is_unknown).collect()
}

/// The models that a tenant's settings name, each with its setting, and with the provider that the
/// setting names before it.
fn named_models(
    tenant: &Tenant,
) -> impl Iterator<Item = (Option<ProviderKind>, &'static str, &str)> {
    let named = tenant.named_models().into_iter();
    named.map(|(setting, model)| {
        let (by, model) = match setting == FALLBACK_MODEL {
            true => by_provider(model),
            false => (None, model),
        };
        (by, setting, model)
    })
}

/// The application inference profiles that a tenant's settings name, as [`application_profile`]
/// has them.
pub fn application_profiles(tenant: &Tenant) -> Vec<&str> {
    named_models(tenant)
        .filter_map(|(_, _, model)| application_profile(model))
        .collect()
}

/// The application inference profile that an ARN is of, or that the ledger names, without the
/// account in it.
pub fn application_profile(id: &str) -> Option<&str> {
    let resource = without_account(id);
    resource
        .starts_with("application-inference-profile/")
        .then_some(resource)
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
    // The longest that Bedrock takes:
    // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    (1..=2048).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
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
#[path = "table_tests.rs"]
mod tests;
