//! One customer team and how it is set up.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonObject, TenantId};

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
}

impl TenantStatus {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Onboarding => "onboarding",
        }
    }
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_provider: Option<String>,
    /// The model's name in the model table, or the provider's own id. Absent: the provider's
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_model: Option<String>,
    /// Replaces the built-in system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt_override: Option<String>,
    /// The longest answer, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens_per_message: Option<u32>,
    /// Which channels may be used. Absent: all.
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

    /// Whether the channel may be used; all may unless a list is set.
    pub fn allows_channel(&self, kind: super::ChannelKind) -> bool {
        self.enabled_channels
            .as_ref()
            .is_none_or(|enabled| enabled.iter().any(|channel| channel == kind.as_str()))
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
}
