//! One customer team and how it is set up.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{ChannelKind, JsonObject, OtherAttributes, TenantId};

/// One customer team.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Never changes.
    pub id: TenantId,
    /// The name people read.
    pub name: String,
    /// Whether the tenant may chat.
    pub status: TenantStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// Settings that older programs of the same schema know too.
    pub settings: TenantSettings,
    /// What those older programs do not know. They crash on unknown settings, so new things go
    /// here.
    pub extensions: JsonObject,
    /// Counts updates; 0 for items written by programs that know no versions.
    pub version: u64,
    /// What other programs store with it.
    pub other: OtherAttributes,
}

/// Whether a tenant may chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantStatus {
    /// May chat.
    Active,
    /// May not: every request of its callers is refused with 403.
    Suspended,
    /// Being set up; may chat.
    Onboarding,
    /// May not, as if it were not there: older programs mark a tenant so and keep what it has.
    Deleted,
}

impl TenantStatus {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Onboarding => "onboarding",
            Self::Deleted => "deleted",
        }
    }

    /// Whether the tenant's callers get answers.
    pub fn may_chat(self) -> bool {
        matches!(self, Self::Active | Self::Onboarding)
    }
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "removed",
            other => other.as_str(),
        })
    }
}

/// A status that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tenant status (active, suspended, onboarding)")]
pub struct UnknownTenantStatus(pub String);

impl FromStr for TenantStatus {
    type Err = UnknownTenantStatus;

    fn from_str(text: &str) -> Result<Self, UnknownTenantStatus> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            "onboarding" => Ok(Self::Onboarding),
            "deleted" => Ok(Self::Deleted),
            other => Err(UnknownTenantStatus(other.to_owned())),
        }
    }
}

/// A tenant's settings as stored. What is absent has a default, read through the methods, and is
/// not written back, so that a read and a write change nothing that nobody set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TenantSettings {
    /// Which provider answers: `bedrock`, `anthropic`, `openai`, `offline`. Absent: the platform's
    /// own choice.
    #[serde(
        default,
        deserialize_with = "unless_blank",
        skip_serializing_if = "Option::is_none"
    )]
    pub ai_provider: Option<String>,
    /// The model's name in the model table, or the provider's own id. Absent: the provider's
    /// default.
    #[serde(
        default,
        deserialize_with = "unless_blank",
        skip_serializing_if = "Option::is_none"
    )]
    pub ai_model: Option<String>,
    /// Replaces the built-in system prompt.
    #[serde(
        default,
        deserialize_with = "unless_blank",
        skip_serializing_if = "Option::is_none"
    )]
    pub system_prompt_override: Option<String>,
    /// The longest answer, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens_per_message: Option<u32>,
    /// Which channels may be used. Absent: all. What this says is not always a decision: see
    /// [`Tenant::enabled_channels`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_channels: Option<Vec<String>>,
    /// Which skills may be used. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_skills: Option<Vec<String>>,
    /// Kept for the older program; not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_skills: Option<serde_json::Value>,
    /// How many messages a day the tenant may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_day: Option<u64>,
    /// How many turns of a conversation the model is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_conversation_history: Option<u32>,
    /// Keys that T3nets does not know: kept through every read and write.
    #[serde(flatten)]
    pub other: JsonObject,
}

impl TenantSettings {
    /// The longest answer in tokens; 4096 unless set.
    pub fn max_tokens(&self) -> u32 {
        self.max_tokens_per_message.unwrap_or(4096)
    }

    /// Messages a day; 1000 unless set.
    pub fn daily_messages(&self) -> u64 {
        self.messages_per_day.unwrap_or(1000)
    }

    /// Turns of history given to the model; 20 unless set.
    pub fn history_turns(&self) -> u32 {
        self.max_conversation_history.unwrap_or(20)
    }

    /// Whether the skill may be used; all may unless a list is set. An empty list, as older
    /// programs write it, means none.
    pub fn allows_skill(&self, name: &str) -> bool {
        self.enabled_skills
            .as_ref()
            .is_none_or(|enabled| enabled.iter().any(|skill| skill == name))
    }
}

/// A setting's text; an empty one, which older programs write for what is not set, is none. Every
/// text of the settings is read here and nowhere else.
fn unless_blank<'de, D: Deserializer<'de>>(stored: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(stored)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// The channels that the older program writes into every tenant that it saves. It never enforces
/// them and has no way to change them, so its list decides nothing.
const OLDER_CHANNELS: [&str; 1] = ["dashboard"];

/// In a tenant's extensions: the settings that an operator set to what the older program would have
/// written anyway.
const DECIDED: &str = "decided";

/// The one setting that this is about.
const ENABLED_CHANNELS: &str = "enabled_channels";

impl Tenant {
    /// The channels that may be used; `None`, which is all of them, unless an operator chose some.
    pub fn enabled_channels(&self) -> Option<&[String]> {
        let listed = self.settings.enabled_channels.as_deref()?;
        (listed != OLDER_CHANNELS || self.decided_channels()).then_some(listed)
    }

    /// Whether the channel may be used.
    pub fn allows_channel(&self, kind: ChannelKind) -> bool {
        self.enabled_channels()
            .is_none_or(|enabled| enabled.iter().any(|channel| channel == kind.as_str()))
    }

    /// Notes whether the settings' channels are an operator's choice.
    pub(crate) fn decide_channels(&mut self) {
        let is_ambiguous = self
            .settings
            .enabled_channels
            .as_ref()
            .is_some_and(|listed| *listed == OLDER_CHANNELS);
        if is_ambiguous {
            self.extensions
                .insert(DECIDED.to_owned(), vec![ENABLED_CHANNELS].into());
        } else {
            self.extensions.remove(DECIDED);
        }
    }

    fn decided_channels(&self) -> bool {
        let decided = self.extensions.get(DECIDED).and_then(Value::as_array);
        decided.is_some_and(|names| names.iter().any(|name| name == ENABLED_CHANNELS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_an_older_program_read_with_defaults_and_write_back_unchanged() {
        let stored = r#"{"ai_model":"claude-sonnet","theme":{"dark":true}}"#;
        let settings: TenantSettings = serde_json::from_str(stored).unwrap();
        assert_eq!(settings.max_tokens(), 4096);
        assert_eq!(settings.daily_messages(), 1000);
        assert_eq!(settings.history_turns(), 20);
        assert!(settings.allows_skill("sprint_status"));
        assert_eq!(serde_json::to_string(&settings).unwrap(), stored);
    }

    /// As the older program's settings page stores them.
    const SAVED: &str = r#"{"ai_provider":"bedrock","ai_model":"","tier1_formatting_model":"",
        "system_prompt_override":"","max_tokens_per_message":4096,"enabled_channels":["dashboard"],
        "enabled_skills":[],"custom_skills":[],"primary_practice":"","addon_skills":[],
        "messages_per_day":1000,"max_conversation_history":20}"#;

    fn tenant(settings: &str) -> Tenant {
        Tenant {
            id: TenantId::usual(),
            name: "Default".to_owned(),
            status: TenantStatus::Active,
            created_at: Timestamp::UNIX_EPOCH,
            settings: serde_json::from_str(settings).unwrap(),
            extensions: JsonObject::new(),
            version: 0,
            other: Default::default(),
        }
    }

    #[test]
    fn an_empty_text_is_no_setting() {
        let settings = tenant(SAVED).settings;
        assert_eq!(settings.ai_provider.as_deref(), Some("bedrock"));
        assert_eq!(settings.ai_model, None);
        assert_eq!(settings.system_prompt_override, None);
        for blank in [r#""""#, r#""  ""#, r#""\n""#, "null"] {
            let stored = format!(r#"{{"ai_provider":{blank},"ai_model":{blank}}}"#);
            let settings = tenant(&stored).settings;
            assert_eq!((settings.ai_provider, settings.ai_model), (None, None));
        }
    }

    #[test]
    fn channels_that_every_save_of_the_older_program_lists_turn_none_off() {
        let saved = tenant(SAVED);
        assert!(saved.allows_channel(ChannelKind::Api));
        assert_eq!(saved.enabled_channels(), None);
        // It never enforces this list, but it does enforce that of the skills.
        assert!(!saved.settings.allows_skill("ping"));
        for chosen in [r#"["dashboard","slack"]"#, r#"["slack"]"#, "[]"] {
            let chosen = tenant(&format!(r#"{{"enabled_channels":{chosen}}}"#));
            assert!(!chosen.allows_channel(ChannelKind::Api), "{chosen:?}");
        }
    }

    #[test]
    fn the_same_list_set_by_an_operator_holds_until_it_is_another() {
        let mut chosen = tenant(SAVED);
        chosen.decide_channels();
        assert!(!chosen.allows_channel(ChannelKind::Api));
        assert!(chosen.allows_channel(ChannelKind::Dashboard));
        chosen.settings.enabled_channels = None;
        chosen.decide_channels();
        assert!(chosen.allows_channel(ChannelKind::Api) && chosen.extensions.is_empty());
    }
}
