//! What values of settings have to be beside their own form: plausible for the provider, and not
//! against each other.

use serde_json::Value;

use super::{MAX_MODEL_CHARS, SettingEdit, SettingKey};
use crate::admin::AdminError;
use crate::ai::{ProviderKind, by_provider, plausible};
use crate::model::Tenant;
use crate::model::newer::{FALLBACK_MODEL, GUARDRAIL_IDENTIFIER};
use crate::skills::built_in_triggers::{BuiltInTrigger, MAX_NAME_CHARS};
use crate::skills::own_triggers::OwnTrigger;

/// Whether a text has the form of a guardrail's id or ARN
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailConfiguration.html>).
pub(super) fn is_guardrail(text: &str) -> bool {
    let is_id = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_arn = |text: &str| {
        text.starts_with("arn:")
            && text.contains(":guardrail")
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    (1..=MAX_MODEL_CHARS).contains(&text.len()) && (is_id(text) || is_arn(text))
}

/// Whether a guardrail has a provider that applies it: no other than Bedrock does.
pub(super) fn check_guardrail(edited: &Tenant, edits: &[SettingEdit]) -> Result<(), AdminError> {
    if edited.guardrail().is_none() {
        return Ok(());
    }
    let has_none = |provider: &ProviderKind| *provider != ProviderKind::Bedrock;
    let provider = provider_of(edited).filter(has_none);
    let other = edited
        .fallback_model()
        .and_then(|named| by_provider(named).0);
    let other = other.filter(has_none);
    for edit in edits.iter().filter(|edit| edit.value.is_some()) {
        let reason = match (edit.key, provider, other) {
            (SettingKey::GuardrailIdentifier, Some(provider), _) => {
                format!("needs `ai_provider=bedrock`: `{provider}` has no guardrails")
            }
            (SettingKey::GuardrailIdentifier, None, Some(other)) => {
                format!("needs another `{FALLBACK_MODEL}`, or none: `{other}` has no guardrails")
            }
            (SettingKey::AiProvider, Some(provider), _) => format!(
                "cannot be `{provider}`, which has no guardrails, while `{GUARDRAIL_IDENTIFIER}` is set"
            ),
            (SettingKey::FallbackModel, _, Some(other)) => format!(
                "cannot be of `{other}`, which has no guardrails, while `{GUARDRAIL_IDENTIFIER}` is set"
            ),
            _ => continue,
        };
        return Err(AdminError::invalid(edit.key.as_str(), reason));
    }
    Ok(())
}

/// The provider that is set.
fn provider_of(tenant: &Tenant) -> Option<ProviderKind> {
    let word = tenant.settings.ai_provider.as_deref()?;
    word.trim().to_lowercase().parse().ok()
}

/// Whether each model that is set fits its provider. What was stored before is left as it is.
pub(super) fn check_models(edited: &Tenant, edits: &[SettingEdit]) -> Result<(), AdminError> {
    let provider = provider_of(edited);
    for edit in edits.iter().filter(|edit| edit.key.is_model()) {
        if let Some(model) = edit.value.as_ref().and_then(Value::as_str) {
            let (by, model) = match edit.key {
                SettingKey::FallbackModel => by_provider(model),
                _ => (None, model),
            };
            plausible::check_model(by.or(provider), model)
                .map_err(|reason| AdminError::invalid(edit.key.as_str(), reason))?;
        }
    }
    Ok(())
}

/// What is wrong with the first of a tenant's triggers that cannot be one.
pub(super) fn wrong_trigger(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten();
    let mut texts = items.filter_map(Value::as_str);
    let wrong = texts.find_map(|text| Some((text, OwnTrigger::parse(text).err()?)));
    wrong.map_or_else(String::new, |(text, reason)| {
        let text: String = text.chars().take(64).collect();
        format!("; `{text}` {reason}")
    })
}

/// Whether a text can name a built-in trigger, of this release or another.
pub(super) fn is_trigger_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_NAME_CHARS).contains(&length) && !text.chars().any(char::is_control)
}

/// A list of built-in triggers with the names that those which are known have, each once.
pub(super) fn as_named(value: Value) -> Value {
    let Value::Array(items) = value else {
        return value;
    };
    let mut named: Vec<Value> = Vec::new();
    for item in items {
        let known = item
            .as_str()
            .and_then(|text| BuiltInTrigger::find(text).ok());
        let item = known.map_or(item, |known| known.name().into());
        if !named.contains(&item) {
            named.push(item);
        }
    }
    Value::Array(named)
}

/// Whether each trigger that is switched off is a built-in one. What was before stays: another
/// release may have had it.
pub(super) fn check_disabled_triggers(
    before: &Tenant,
    edits: &[SettingEdit],
) -> Result<(), AdminError> {
    let stored = before.disabled_triggers();
    let key = SettingKey::DisabledTriggers;
    let edits = edits.iter().filter(|edit| edit.key == key);
    let items = edits.filter_map(|edit| edit.value.as_ref()?.as_array());
    for text in items.flatten().filter_map(Value::as_str) {
        if stored.iter().any(|stored| stored == text) {
            continue;
        }
        BuiltInTrigger::find(text).map_err(|reason| {
            let text: String = text.chars().take(64).collect();
            let rule = key.rule();
            AdminError::invalid(key.as_str(), format!("{rule}; `{text}` {reason}"))
        })?;
    }
    Ok(())
}
