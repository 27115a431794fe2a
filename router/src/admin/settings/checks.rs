//! What values of settings have to be beside their own form: plausible for the provider, and not
//! against each other.

use serde_json::Value;

use super::{MAX_MODEL_CHARS, SettingEdit, SettingKey};
use crate::admin::AdminError;
use crate::ai::{ProviderKind, plausible};
use crate::model::Tenant;
use crate::model::newer::GUARDRAIL_IDENTIFIER;
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
    let provider = provider_of(edited).filter(|provider| *provider != ProviderKind::Bedrock);
    let (Some(provider), Some(_)) = (provider, edited.guardrail()) else {
        return Ok(());
    };
    for edit in edits.iter().filter(|edit| edit.value.is_some()) {
        let reason = match edit.key {
            SettingKey::GuardrailIdentifier => {
                format!("needs `ai_provider=bedrock`: `{provider}` has no guardrails")
            }
            SettingKey::AiProvider => format!(
                "cannot be `{provider}`, which has no guardrails, while `{GUARDRAIL_IDENTIFIER}` is set"
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
            plausible::check_model(provider, model)
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
