//! A tenant's settings as an operator names them: which there are, what each accepts, and how edits
//! are planned.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::{AdminError, FieldConflict};
use crate::ai::plausible;
use crate::model::{ChannelKind, JsonObject, Tenant, TenantSettings};
use crate::nearest::{did_you_mean, nearest};
use crate::skills;

/// A setting that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingKey {
    /// The provider of the language model; one of [`PROVIDERS`].
    AiProvider,
    /// The model, by its name in the model table or the provider's own id.
    AiModel,
    /// What replaces the built-in system prompt.
    SystemPromptOverride,
    /// The longest answer, in tokens.
    MaxTokensPerMessage,
    /// The channels that may be used.
    EnabledChannels,
    /// The skills that may be used.
    EnabledSkills,
    /// How many messages the tenant may send on a day (in UTC).
    MessagesPerDay,
    /// Turns of history given to the model.
    MaxConversationHistory,
}

/// The providers that a tenant can choose.
pub const PROVIDERS: [&str; 4] = ["bedrock", "anthropic", "openai", "offline"];

/// The longest system prompt, in bytes.
const MAX_PROMPT_BYTES: usize = 32 * 1024;

/// The longest name of a model, in characters: Bedrock's inference-profile ARNs reach 2048.
const MAX_MODEL_CHARS: usize = 2048;

impl SettingKey {
    /// Every setting, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::AiProvider,
        Self::AiModel,
        Self::SystemPromptOverride,
        Self::MaxTokensPerMessage,
        Self::EnabledChannels,
        Self::EnabledSkills,
        Self::MessagesPerDay,
        Self::MaxConversationHistory,
    ];

    /// The setting's stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AiProvider => "ai_provider",
            Self::AiModel => "ai_model",
            Self::SystemPromptOverride => "system_prompt_override",
            Self::MaxTokensPerMessage => "max_tokens_per_message",
            Self::EnabledChannels => "enabled_channels",
            Self::EnabledSkills => "enabled_skills",
            Self::MessagesPerDay => "messages_per_day",
            Self::MaxConversationHistory => "max_conversation_history",
        }
    }

    /// What the setting is for, with what holds where it is not set.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AiProvider => "who answers [default: the router's own]",
            Self::AiModel => "the model that answers [default: the router's own]",
            Self::SystemPromptOverride => {
                "instructions in place of the built-in ones [default: those]"
            }
            Self::MaxTokensPerMessage => "the longest answer, in tokens [default: 4096]",
            Self::EnabledChannels => "where people may ask [default: everywhere]",
            Self::EnabledSkills => "the skills that may be used [default: all]",
            Self::MessagesPerDay => "questions a day (UTC) [default: 1000]",
            Self::MaxConversationHistory => {
                "turns of a conversation that the model is given [default: 20]"
            }
        }
    }

    /// What the setting accepts, in words.
    pub fn rule(self) -> &'static str {
        match self {
            Self::AiProvider => "must be one of bedrock, anthropic, openai, offline",
            Self::AiModel => "must be a model's name or id, without spaces",
            Self::SystemPromptOverride => "must be a text of 1 to 32768 bytes",
            Self::MaxTokensPerMessage => "must be a whole number from 1 to 200000",
            Self::EnabledChannels => {
                "must be a list of dashboard, api, slack, teams, telegram, separated by commas"
            }
            Self::EnabledSkills => "must be a list of ping, sprint_status, separated by commas",
            Self::MessagesPerDay => "must be a whole number from 0 to 1000000000",
            Self::MaxConversationHistory => "must be a whole number from 0 to 1000",
        }
    }

    /// What was probably meant by a value that is not accepted.
    fn meant_by(self, value: &Value) -> String {
        let names: Vec<&str> = match self {
            Self::AiProvider => PROVIDERS.to_vec(),
            Self::EnabledChannels => ChannelKind::ALL.map(ChannelKind::as_str).to_vec(),
            Self::EnabledSkills => skills::NAMES.to_vec(),
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
            Self::AiModel => value.as_str().is_some_and(|name| {
                (1..=MAX_MODEL_CHARS).contains(&name.chars().count())
                    && !name.chars().any(|c| c.is_whitespace() || c.is_control())
            }),
            Self::SystemPromptOverride => value
                .as_str()
                .is_some_and(|text| !text.trim().is_empty() && text.len() <= MAX_PROMPT_BYTES),
            Self::MaxTokensPerMessage => number_in(1..=200_000),
            Self::EnabledChannels => list_of(|name| name.parse::<ChannelKind>().is_ok()),
            Self::EnabledSkills => list_of(|name| skills::NAMES.contains(&name)),
            Self::MessagesPerDay => number_in(0..=1_000_000_000),
            Self::MaxConversationHistory => number_in(0..=1000),
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
            SettingKey::AiProvider | SettingKey::AiModel => Value::from(text.trim()),
            SettingKey::SystemPromptOverride => Value::from(text),
            SettingKey::MaxTokensPerMessage
            | SettingKey::MessagesPerDay
            | SettingKey::MaxConversationHistory => {
                text.trim().parse::<u64>().map_or(Value::Null, Value::from)
            }
            SettingKey::EnabledChannels | SettingKey::EnabledSkills => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect(),
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
    settings
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
    for edit in edits {
        match &edit.value {
            Some(value) => object.insert(edit.key.to_string(), value.clone()),
            None => object.remove(edit.key.as_str()),
        };
    }
    let settings: TenantSettings = serde_json::from_value(Value::Object(object))
        .map_err(|error| AdminError::invalid("settings", format!("cannot be stored: {error}")))?;
    check_model(&settings, edits)?;
    let mut edited = Tenant {
        settings,
        ..tenant.clone()
    };
    if edits
        .iter()
        .any(|edit| edit.key == SettingKey::EnabledChannels)
    {
        edited.decide_channels();
    }
    Ok(edited)
}

/// Whether a model that is set fits its provider. What was stored before is left as it is.
fn check_model(edited: &TenantSettings, edits: &[SettingEdit]) -> Result<(), AdminError> {
    let is_set = |edit: &&SettingEdit| edit.key == SettingKey::AiModel && edit.value.is_some();
    let (Some(_), Some(model)) = (edits.iter().find(is_set), &edited.ai_model) else {
        return Ok(());
    };
    let provider = edited.ai_provider.as_deref();
    let provider = provider.and_then(|word| word.trim().to_lowercase().parse().ok());
    plausible::check_model(provider, model)
        .map_err(|reason| AdminError::invalid(SettingKey::AiModel.as_str(), reason))
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

#[cfg(test)]
mod tests {
    use crate::model::ChannelKind;

    use super::*;
    use serde_json::json;

    fn tenant(settings: TenantSettings) -> Tenant {
        Tenant {
            id: crate::model::TenantId::usual(),
            name: "Default".to_owned(),
            status: crate::model::TenantStatus::Active,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            settings,
            extensions: JsonObject::new(),
            version: 0,
            other: Default::default(),
        }
    }

    fn accepted(key: &str, text: &str) -> bool {
        SettingEdit::set_text(key.parse().unwrap(), text).is_ok()
    }

    #[test]
    fn the_defaults_that_are_told_are_those_that_hold() {
        let unset = TenantSettings::default();
        for (key, default) in [
            (
                SettingKey::MaxTokensPerMessage,
                u64::from(unset.max_tokens()),
            ),
            (SettingKey::MessagesPerDay, unset.daily_messages()),
            (
                SettingKey::MaxConversationHistory,
                u64::from(unset.history_turns()),
            ),
        ] {
            let told = format!("[default: {default}]");
            assert!(key.meaning().ends_with(&told), "{key}");
        }
        assert!(unset.allows_skill("ping"));
        assert!(tenant(unset).allows_channel(ChannelKind::Slack));
    }

    #[test]
    fn settings_accept_what_their_rule_says() {
        for (key, good, bad) in [
            ("ai_provider", "offline", "gemini"),
            ("ai_model", "claude-sonnet", "two words"),
            ("system_prompt_override", "Be brief.", " "),
            ("max_tokens_per_message", "200000", "0"),
            ("max_tokens_per_message", "1", "200001"),
            ("enabled_channels", "slack, api", "slack,irc"),
            ("enabled_skills", "", "pong"),
            ("messages_per_day", "0", "-1"),
            ("max_conversation_history", "1000", "1001"),
            ("max_conversation_history", " 7 ", "seven"),
        ] {
            assert!(accepted(key, good), "{key}={good} was refused");
            assert!(!accepted(key, bad), "{key}={bad} was accepted");
        }
    }

    #[test]
    fn json_values_are_held_to_the_same_rules_as_typed_ones() {
        assert!(SettingEdit::set(SettingKey::EnabledSkills, json!(["ping"])).is_ok());
        assert!(SettingEdit::set(SettingKey::EnabledSkills, json!([1])).is_err());
        assert!(SettingEdit::set(SettingKey::MaxTokensPerMessage, json!("12")).is_err());
        assert!(SettingEdit::set(SettingKey::AiModel, Value::Null).is_err());
    }

    #[test]
    fn an_unknown_setting_is_named_with_those_there_are() {
        let error = "ai_modle".parse::<SettingKey>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`ai_modle` is not a setting; did you mean `ai_model`?"
        );
        let error = "theme".parse::<SettingKey>().unwrap_err().to_string();
        assert!(error.contains("the settings are ai_provider,"), "{error}");
    }

    #[test]
    fn a_name_that_does_not_exist_is_refused_with_the_one_that_was_meant() {
        for (key, typed, meant) in [
            (
                SettingKey::EnabledSkills,
                "ping, sprint-status",
                "sprint_status",
            ),
            (SettingKey::EnabledSkills, "pong", "ping"),
            (SettingKey::AiProvider, "antropic", "anthropic"),
            (SettingKey::EnabledChannels, "dashbord", "dashboard"),
        ] {
            let error = SettingEdit::set_text(key, typed).unwrap_err().to_string();
            let meant = format!("did you mean `{meant}`?");
            assert!(error.ends_with(&meant), "{error}");
        }
    }

    #[test]
    fn a_model_is_held_against_its_provider_when_it_is_set_and_only_then() {
        let edit = |key, text| SettingEdit::set_text(key, text).unwrap();
        let (provider, model) = (SettingKey::AiProvider, SettingKey::AiModel);
        let unset = tenant(TenantSettings::default());
        let error = edited(&unset, &[edit(model, "claude")]).unwrap_err();
        assert!(error.to_string().contains("did you mean"), "{error}");
        let both = [edit(model, "llama3.3"), edit(provider, "openai")];
        let stored = edited(&unset, &both).unwrap();
        // A model that an older program stored is no obstacle to other changes.
        let other = [edit(SettingKey::MessagesPerDay, "5")];
        let stored = tenant(TenantSettings {
            ai_provider: None,
            ..stored.settings
        });
        assert!(edited(&stored, &other).is_ok());
    }

    #[test]
    fn edits_leave_other_settings_alone() {
        let settings: TenantSettings = serde_json::from_value(
            json!({"ai_model": "m", "messages_per_day": 5, "theme": "dark"}),
        )
        .unwrap();
        let edits = [
            SettingEdit::unset(SettingKey::MessagesPerDay),
            SettingEdit::set_text(SettingKey::EnabledSkills, "ping").unwrap(),
        ];
        let settings = tenant(settings);
        assert_eq!(
            of(&edited(&settings, &edits).unwrap()),
            *json!({"ai_model": "m", "enabled_skills": ["ping"], "theme": "dark"})
                .as_object()
                .unwrap()
        );
        assert_eq!(
            changed_fields(&settings, &edits),
            ["messages_per_day", "enabled_skills"]
        );
    }

    #[test]
    fn channels_that_the_older_program_lists_are_not_set_until_an_operator_sets_them() {
        let saved = tenant(TenantSettings {
            enabled_channels: Some(vec!["dashboard".to_owned()]),
            ..TenantSettings::default()
        });
        assert_eq!(of(&saved), JsonObject::new());
        let set = [SettingEdit::set_text(SettingKey::EnabledChannels, "dashboard").unwrap()];
        assert_eq!(changed_fields(&saved, &set), ["enabled_channels"]);
        let chosen = edited(&saved, &set).unwrap();
        assert!(!chosen.allows_channel(ChannelKind::Api));
        assert_eq!(changed_fields(&chosen, &set), [""; 0]);
        // Other edits are no decision about it.
        let other = [SettingEdit::set_text(SettingKey::MessagesPerDay, "5").unwrap()];
        assert!(
            edited(&saved, &other)
                .unwrap()
                .allows_channel(ChannelKind::Api)
        );
        assert!(
            !edited(&chosen, &other)
                .unwrap()
                .allows_channel(ChannelKind::Api)
        );
        let unset = [SettingEdit::unset(SettingKey::EnabledChannels)];
        let unset = edited(&chosen, &unset).unwrap();
        assert!(unset.allows_channel(ChannelKind::Api) && unset.extensions.is_empty());
    }
}
