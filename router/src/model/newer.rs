//! Settings that older programs of the same schema may not know. They crash on unknown settings, so
//! these are kept in the tenant's extensions.

use jiff::SignedDuration;
use serde_json::Value;

use super::{JsonObject, Tenant};

/// In a tenant's extensions: these settings, by name.
const EXTENSION: &str = "settings";

/// The model that words the results of skills that a rule chose. A later release of the older
/// program has it among its settings, where it is read and changed if it is there.
pub(crate) const WORDING_MODEL: &str = "tier1_formatting_model";

/// The model that is asked while another is throttled or down.
pub(crate) const FALLBACK_MODEL: &str = "fallback_model";

/// The model behind the tenant's application inference profiles, which AWS alone knows otherwise.
pub(crate) const PROFILE_MODEL: &str = "profile_model";

/// How many questions may be with a model at once.
pub(crate) const MAX_CONCURRENT_CALLS: &str = "max_concurrent_calls";

/// How many days a conversation is kept after its last turn.
pub(crate) const RETENTION_DAYS: &str = "retention_days";
/// The most of them: nothing is kept longer, and the id of a removed tenant rests as long.
pub(crate) const MOST_RETENTION_DAYS: u64 = 30;

/// The phrases that mean skills beside the built-in ones.
pub(crate) const SKILL_TRIGGERS: &str = "skill_triggers";

/// The built-in phrases that take no message.
pub(crate) const DISABLED_TRIGGERS: &str = "disabled_triggers";

/// The guardrail that Bedrock applies, and which of its versions.
pub(crate) const GUARDRAIL_IDENTIFIER: &str = "guardrail_identifier";
pub(crate) const GUARDRAIL_VERSION: &str = "guardrail_version";
/// The version that is being worked on, which every guardrail has.
pub(crate) const GUARDRAIL_DRAFT: &str = "DRAFT";

/// A guardrail of Amazon Bedrock's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its id or ARN.
    pub identifier: String,
    /// A number, or `DRAFT`.
    pub version: String,
}

impl Tenant {
    /// The model that words the results of skills that a rule chose; `None`: the one that answers
    /// all else.
    pub fn wording_model(&self) -> Option<&str> {
        let stored = self.settings.other.get(WORDING_MODEL);
        set_text(stored).or_else(|| self.newer_text(WORDING_MODEL))
    }

    /// The model that is asked while the one that should answer is throttled or down.
    pub fn fallback_model(&self) -> Option<&str> {
        self.newer_text(FALLBACK_MODEL)
    }

    /// The model behind the tenant's application inference profiles, by its name or id: what it
    /// costs and takes is theirs.
    pub fn profile_model(&self) -> Option<&str> {
        self.newer_text(PROFILE_MODEL)
    }

    /// How many questions may be with a model at once; `None`: as many as come.
    pub fn max_concurrent_calls(&self) -> Option<u64> {
        self.newer(MAX_CONCURRENT_CALLS)?.as_u64()
    }

    /// How long a conversation is kept after its last turn; `None`: as long as any is.
    pub fn retention(&self) -> Option<SignedDuration> {
        let days = self.newer(RETENTION_DAYS)?.as_u64()?;
        let days = i64::try_from(days.min(MOST_RETENTION_DAYS)).ok()?;
        (days > 0).then(|| SignedDuration::from_hours(24 * days))
    }

    /// The phrases that mean skills beside the built-in ones: `sprint_status: standup report`.
    pub fn skill_triggers(&self) -> Vec<String> {
        self.newer_texts(SKILL_TRIGGERS)
    }

    /// The built-in phrases that take no message: `sprint_status: sprint board`. This release may
    /// not have some of them.
    pub fn disabled_triggers(&self) -> Vec<String> {
        self.newer_texts(DISABLED_TRIGGERS)
    }

    /// The guardrail that is applied to questions and answers.
    pub fn guardrail(&self) -> Option<Guardrail> {
        let identifier = self.newer_text(GUARDRAIL_IDENTIFIER)?;
        let version = self.newer_text(GUARDRAIL_VERSION);
        Some(Guardrail {
            identifier: identifier.to_owned(),
            version: version.unwrap_or(GUARDRAIL_DRAFT).to_owned(),
        })
    }

    /// The models that the settings name, each with its setting.
    pub(crate) fn named_models(&self) -> Vec<(&'static str, &str)> {
        let answers = self.settings.ai_model.as_deref().map(str::trim);
        let named = [
            ("ai_model", answers),
            (WORDING_MODEL, self.wording_model()),
            (FALLBACK_MODEL, self.fallback_model()),
        ];
        let named = named.into_iter();
        named
            .filter_map(|(setting, model)| Some((setting, model?)))
            .collect()
    }

    /// Those of these settings that are set, by name.
    pub(crate) fn stored_newer(&self) -> JsonObject {
        let stored = self.extensions.get(EXTENSION).and_then(Value::as_object);
        stored.cloned().unwrap_or_default()
    }

    /// Puts these into the extensions.
    pub(crate) fn store_newer(&mut self, settings: JsonObject) {
        match settings.is_empty() {
            true => self.extensions.remove(EXTENSION),
            false => self
                .extensions
                .insert(EXTENSION.to_owned(), settings.into()),
        };
    }

    fn newer(&self, name: &str) -> Option<&Value> {
        self.extensions.get(EXTENSION)?.get(name)
    }

    fn newer_texts(&self, name: &str) -> Vec<String> {
        let stored = self.newer(name).and_then(Value::as_array);
        let texts = stored.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    fn newer_text(&self, name: &str) -> Option<&str> {
        set_text(self.newer(name))
    }
}

/// A text that is not empty, which is how what is not set is stored, too.
fn set_text(stored: Option<&Value>) -> Option<&str> {
    let text = stored?.as_str()?.trim();
    Some(text).filter(|text| !text.is_empty())
}
