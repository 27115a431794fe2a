//! A tenant's settings as an operator names them: which there are, what each accepts, and how edits
//! are planned.

mod checks;
mod meanings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use self::checks::{
    as_named, check_disabled_triggers, check_guardrail, check_models, is_guardrail,
    is_trigger_name, wrong_trigger,
};
use super::own_budgets::typed;
use super::{AdminError, FieldConflict};
use crate::ai::table;
use crate::model::newer::{
    DISABLED_TRIGGERS, FALLBACK_MODEL, GUARDRAIL_DRAFT, GUARDRAIL_IDENTIFIER, GUARDRAIL_VERSION,
    MAX_CONCURRENT_CALLS, MOST_RETENTION_DAYS, PROFILE_MODEL, RETENTION_DAYS, SKILL_TRIGGERS,
    WORDING_MODEL,
};
use crate::model::{BudgetKey, ChannelKind, JsonObject, Tenant, TenantSettings};
use crate::nearest::{did_you_mean, nearest};
use crate::skills;
use crate::skills::built_in_triggers::MOST_OFF;
use crate::skills::own_triggers::{MOST_PHRASES, OwnTrigger};

/// A setting that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingKey {
    /// The provider of the language model; one of [`PROVIDERS`].
    AiProvider,
    /// The model, by its name in the model table or the provider's own id.
    AiModel,
    /// The model that words the results of skills that a rule chose.
    Tier1FormattingModel,
    /// The model that is asked while another is throttled or down.
    FallbackModel,
    /// The model behind application inference profiles.
    ProfileModel,
    /// What replaces the built-in system prompt.
    SystemPromptOverride,
    /// The longest answer, in tokens.
    MaxTokensPerMessage,
    /// The channels that may be used.
    EnabledChannels,
    /// The skills that may be used.
    EnabledSkills,
    /// The phrases that mean skills beside the built-in ones.
    SkillTriggers,
    /// The built-in phrases that take no message.
    DisabledTriggers,
    /// How many messages the tenant may send on a day (in UTC).
    MessagesPerDay,
    /// Turns of history given to the model.
    MaxConversationHistory,
    /// How many questions may be with a model at once.
    MaxConcurrentCalls,
    /// How many days a conversation is kept after its last turn.
    RetentionDays,
    /// The guardrail that Bedrock applies.
    GuardrailIdentifier,
    /// Which of its versions.
    GuardrailVersion,
    /// How much may be used in a day or a month, by all or by each.
    Budget(BudgetKey),
}

/// The settings that are no budgets.
const PLAIN: [SettingKey; 17] = [
    SettingKey::AiProvider,
    SettingKey::AiModel,
    SettingKey::Tier1FormattingModel,
    SettingKey::FallbackModel,
    SettingKey::ProfileModel,
    SettingKey::SystemPromptOverride,
    SettingKey::MaxTokensPerMessage,
    SettingKey::EnabledChannels,
    SettingKey::EnabledSkills,
    SettingKey::SkillTriggers,
    SettingKey::DisabledTriggers,
    SettingKey::MessagesPerDay,
    SettingKey::MaxConversationHistory,
    SettingKey::MaxConcurrentCalls,
    SettingKey::RetentionDays,
    SettingKey::GuardrailIdentifier,
    SettingKey::GuardrailVersion,
];

/// The providers that a tenant can choose.
pub const PROVIDERS: [&str; 4] = ["bedrock", "anthropic", "openai", "offline"];

/// The longest system prompt, in bytes.
const MAX_PROMPT_BYTES: usize = 32 * 1024;

/// The longest name of a model, in characters: Bedrock's inference-profile ARNs reach 2048.
const MAX_MODEL_CHARS: usize = 2048;

impl SettingKey {
    /// Every setting, in the order in which they are shown.
    pub const ALL: [Self; PLAIN.len() + BudgetKey::ALL.len()] = {
        let mut all = [Self::AiProvider; _];
        let mut at = 0;
        while at < all.len() {
            all[at] = match at.checked_sub(PLAIN.len()) {
                None => PLAIN[at],
                Some(at) => Self::Budget(BudgetKey::ALL[at]),
            };
            at += 1;
        }
        all
    };

    /// The setting's stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AiProvider => "ai_provider",
            Self::AiModel => "ai_model",
            Self::Tier1FormattingModel => WORDING_MODEL,
            Self::FallbackModel => FALLBACK_MODEL,
            Self::ProfileModel => PROFILE_MODEL,
            Self::SystemPromptOverride => "system_prompt_override",
            Self::MaxTokensPerMessage => "max_tokens_per_message",
            Self::EnabledChannels => "enabled_channels",
            Self::EnabledSkills => "enabled_skills",
            Self::SkillTriggers => SKILL_TRIGGERS,
            Self::DisabledTriggers => DISABLED_TRIGGERS,
            Self::MessagesPerDay => "messages_per_day",
            Self::MaxConversationHistory => "max_conversation_history",
            Self::MaxConcurrentCalls => MAX_CONCURRENT_CALLS,
            Self::RetentionDays => RETENTION_DAYS,
            Self::GuardrailIdentifier => GUARDRAIL_IDENTIFIER,
            Self::GuardrailVersion => GUARDRAIL_VERSION,
            Self::Budget(key) => key.as_str(),
        }
    }

    /// Whether older programs may not know it.
    fn is_newer(self) -> bool {
        matches!(
            self,
            Self::Tier1FormattingModel
                | Self::FallbackModel
                | Self::ProfileModel
                | Self::SkillTriggers
                | Self::DisabledTriggers
                | Self::MaxConcurrentCalls
                | Self::RetentionDays
                | Self::GuardrailIdentifier
                | Self::GuardrailVersion
        )
    }

    /// Whether it names a model.
    fn is_model(self) -> bool {
        matches!(
            self,
            Self::AiModel | Self::Tier1FormattingModel | Self::FallbackModel
        )
    }

    /// What was probably meant by a value that is not accepted.
    fn meant_by(self, value: &Value) -> String {
        let names: Vec<&str> = match self {
            Self::AiProvider => PROVIDERS.to_vec(),
            Self::EnabledChannels => ChannelKind::ALL.map(ChannelKind::as_str).to_vec(),
            Self::EnabledSkills => skills::NAMES.to_vec(),
            Self::SkillTriggers => return wrong_trigger(value),
            _ => return String::new(),
        };
        let typed = match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            Value::String(text) => vec![text.as_str()],
            _ => Vec::new(),
        };
        let wrong = typed.into_iter().find(|typed| !names.contains(typed));
        wrong.map_or_else(String::new, |wrong| did_you_mean(wrong, names))
    }

    fn accepts(self, value: &Value) -> bool {
        let number_in = |range: std::ops::RangeInclusive<u64>| {
            value.as_u64().is_some_and(|number| range.contains(&number))
        };
        let list_of = |is_item: fn(&str) -> bool| {
            value
                .as_array()
                .is_some_and(|items| items.iter().all(|item| item.as_str().is_some_and(is_item)))
        };
        match self {
            Self::AiProvider => value.as_str().is_some_and(|name| PROVIDERS.contains(&name)),
            Self::AiModel | Self::Tier1FormattingModel | Self::FallbackModel => {
                value.as_str().is_some_and(|name| {
                    (1..=MAX_MODEL_CHARS).contains(&name.chars().count())
                        && !name.chars().any(|c| c.is_whitespace() || c.is_control())
                })
            }
            Self::ProfileModel => value
                .as_str()
                .is_some_and(|name| table::find(name).is_some_and(|known| known.bedrock.is_some())),
            Self::SystemPromptOverride => value
                .as_str()
                .is_some_and(|text| !text.trim().is_empty() && text.len() <= MAX_PROMPT_BYTES),
            Self::MaxTokensPerMessage => number_in(1..=200_000),
            Self::EnabledChannels => list_of(|name| name.parse::<ChannelKind>().is_ok()),
            Self::EnabledSkills => list_of(|name| skills::NAMES.contains(&name)),
            Self::SkillTriggers => {
                list_of(|text| OwnTrigger::parse(text).is_ok())
                    && value
                        .as_array()
                        .is_some_and(|all| all.len() <= MOST_PHRASES)
            }
            Self::DisabledTriggers => {
                list_of(is_trigger_name)
                    && value.as_array().is_some_and(|all| all.len() <= MOST_OFF)
            }
            Self::MessagesPerDay => BudgetKey::MESSAGES_PER_DAY.read(value).is_some(),
            Self::Budget(key) => key.read(value).is_some(),
            Self::MaxConversationHistory => number_in(0..=1000),
            Self::MaxConcurrentCalls => number_in(1..=10_000),
            Self::RetentionDays => number_in(1..=MOST_RETENTION_DAYS),
            Self::GuardrailIdentifier => value.as_str().is_some_and(is_guardrail),
            Self::GuardrailVersion => value.as_str().is_some_and(|version| {
                version == GUARDRAIL_DRAFT
                    || (version.len() <= 8 && version.parse::<u32>().is_ok_and(|number| number > 0))
            }),
        }
    }
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SettingKey {
    type Err = AdminError;

    fn from_str(text: &str) -> Result<Self, AdminError> {
        Self::ALL
            .into_iter()
            .find(|key| key.as_str() == text)
            .ok_or_else(|| {
                let known: Vec<&str> = Self::ALL.into_iter().map(Self::as_str).collect();
                AdminError::invalid(
                    text.chars().take(64).collect::<String>(),
                    match nearest(text, known.iter().copied()) {
                        Some(meant) => format!("is not a setting; did you mean `{meant}`?"),
                        None => format!("is not a setting; the settings are {}", known.join(", ")),
                    },
                )
            })
    }
}

/// One setting to be changed, with a value that it accepts.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingEdit {
    key: SettingKey,
    value: Option<Value>,
}

impl SettingEdit {
    /// Sets it to a value, as JSON: numbers, texts, lists of texts.
    pub fn set(key: SettingKey, value: Value) -> Result<Self, AdminError> {
        let value = match (key, value) {
            // As it is typed into a field of the web page.
            (SettingKey::SkillTriggers | SettingKey::DisabledTriggers, Value::String(text)) => {
                list(&text)
            }
            (_, value) => value,
        };
        let value = match key {
            SettingKey::DisabledTriggers => as_named(value),
            _ => value,
        };
        if key.accepts(&value) {
            Ok(Self {
                key,
                value: Some(value),
            })
        } else {
            let rule = key.rule();
            let reason = format!("{rule}{}", key.meant_by(&value));
            Err(AdminError::invalid(key.as_str(), reason))
        }
    }

    /// Sets it to a value as people type it: lists are separated by commas, and an empty text is an
    /// empty list.
    pub fn set_text(key: SettingKey, text: &str) -> Result<Self, AdminError> {
        let value = match key {
            SettingKey::AiProvider
            | SettingKey::AiModel
            | SettingKey::Tier1FormattingModel
            | SettingKey::FallbackModel
            | SettingKey::ProfileModel
            | SettingKey::GuardrailIdentifier
            | SettingKey::GuardrailVersion => Value::from(text.trim()),
            SettingKey::SystemPromptOverride => Value::from(text),
            SettingKey::MaxTokensPerMessage
            | SettingKey::MessagesPerDay
            | SettingKey::MaxConversationHistory
            | SettingKey::MaxConcurrentCalls
            | SettingKey::RetentionDays => whole_number(text),
            SettingKey::Budget(key) => typed(key, text),
            SettingKey::EnabledChannels
            | SettingKey::EnabledSkills
            | SettingKey::SkillTriggers
            | SettingKey::DisabledTriggers => list(text),
        };
        Self::set(key, value)
    }

    /// Takes the setting away, so that its default holds.
    pub fn unset(key: SettingKey) -> Self {
        Self { key, value: None }
    }

    /// The setting that is changed.
    pub fn key(&self) -> SettingKey {
        self.key
    }

    /// Its value; `None` takes it away.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }
}

/// What is set on a tenant, by name. What only looks as if it was, since an older program writes it
/// for everyone, is left out.
pub fn of(tenant: &Tenant) -> JsonObject {
    let mut settings = as_object(&tenant.settings);
    if tenant.enabled_channels().is_none() {
        settings.remove(SettingKey::EnabledChannels.as_str());
    }
    settings.extend(tenant.stored_newer());
    if let Some(model) = tenant.wording_model() {
        settings.insert(WORDING_MODEL.to_owned(), model.into());
    } else {
        settings.remove(WORDING_MODEL);
    }
    settings.extend(tenant.stored_budgets());
    settings
}

/// A list as people type it.
fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

fn whole_number(text: &str) -> Value {
    text.trim().parse::<u64>().map_or(Value::Null, Value::from)
}

/// Settings as they are stored, by name.
pub(super) fn as_object(settings: &TenantSettings) -> JsonObject {
    match serde_json::to_value(settings) {
        Ok(Value::Object(object)) => object,
        // Settings are an object of plain values, which always serialize.
        _ => JsonObject::new(),
    }
}

/// The tenant with the edits made. Settings that the edits do not name stay as they are, unknown
/// ones included.
pub(super) fn edited(tenant: &Tenant, edits: &[SettingEdit]) -> Result<Tenant, AdminError> {
    let mut object = as_object(&tenant.settings);
    let (mut newer, mut budgets) = (tenant.stored_newer(), tenant.stored_budgets());
    for edit in edits {
        let name = edit.key.as_str();
        let place = match edit.key {
            SettingKey::Budget(_) => &mut budgets,
            // Where a program that knows it has stored it.
            SettingKey::Tier1FormattingModel if object.contains_key(name) => {
                newer.remove(name);
                &mut object
            }
            key if key.is_newer() => &mut newer,
            _ => &mut object,
        };
        match &edit.value {
            Some(value) => place.insert(name.to_owned(), value.clone()),
            None => place.remove(name),
        };
    }
    let settings: TenantSettings = serde_json::from_value(Value::Object(object))
        .map_err(|error| AdminError::invalid("settings", format!("cannot be stored: {error}")))?;
    let mut edited = Tenant {
        settings,
        ..tenant.clone()
    };
    edited.store_newer(newer);
    edited.store_budgets(budgets);
    check_models(&edited, edits)?;
    check_guardrail(&edited, edits)?;
    check_disabled_triggers(tenant, edits)?;
    if edits
        .iter()
        .any(|edit| edit.key == SettingKey::EnabledChannels)
    {
        edited.decide_channels();
    }
    Ok(edited)
}

/// The edits whose setting is no longer what the caller saw, and not what the caller wants either.
pub(super) fn conflicts(seen: &Tenant, now: &Tenant, edits: &[SettingEdit]) -> Vec<FieldConflict> {
    let (seen, now) = (of(seen), of(now));
    edits
        .iter()
        .filter_map(|edit| {
            let name = edit.key.as_str();
            let current = now.get(name);
            (current != seen.get(name) && current != edit.value.as_ref()).then(|| FieldConflict {
                field: name.to_owned(),
                now: current.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`")),
            })
        })
        .collect()
}

/// The settings that the edits would change.
pub(super) fn changed_fields(tenant: &Tenant, edits: &[SettingEdit]) -> Vec<String> {
    let object = of(tenant);
    edits
        .iter()
        .filter(|edit| object.get(edit.key.as_str()) != edit.value.as_ref())
        .map(|edit| edit.key.to_string())
        .collect()
}
