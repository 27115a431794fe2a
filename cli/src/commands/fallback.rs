//! Whether there is a key for a tenant's fallback model of another provider, as far as that can be
//! told from here: what a router was started with is not seen.

use t3nets_router::ai::{AiDefaults, ProviderKind, by_provider};
use t3nets_router::model::{SecretName, TenantId};
use t3nets_router::ports::Platform;

use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;

/// What is missing, and what to do about it.
pub(crate) struct Missing {
    pub(crate) what: String,
    pub(crate) hint: Hint,
}

/// What is missing for a fallback model; none where nothing is.
///
/// # Errors
/// If the secrets cannot be read, or the variables of this machine's router cannot be used.
pub(crate) async fn missing(
    context: &Context,
    platform: &Platform,
    tenant: &TenantId,
    named: &str,
) -> Result<Option<Missing>, CliError> {
    let (Some(provider), _) = by_provider(named) else {
        return Ok(None);
    };
    let is_local = context.settings.environment()?.platform == PlatformKind::Local;
    match (provider, is_local) {
        (ProviderKind::Bedrock, false) => return Ok(None),
        (ProviderKind::Bedrock, true) => {
            return Ok(Some(Missing {
                what: "an environment on this machine has no Bedrock".to_owned(),
                hint: "name a model of `anthropic` or `openai`".into(),
            }));
        }
        _ => {}
    }
    let Ok(integration) = provider.as_str().parse() else {
        return Ok(None);
    };
    let name = SecretName {
        tenant_id: tenant.clone(),
        integration,
        user_id: None,
    };
    if platform.secrets.describe(&name).await?.is_some() {
        return Ok(None);
    }
    let own = AiDefaults::from_env(|name| std::env::var(name).ok())
        .map_err(|error| CliError::not_ready(error.to_string()))?;
    Ok((!is_local || !own.has_key(provider)).then(|| Missing {
        what: format!("there is no key for `{provider}`"),
        hint: Hint::command(format!("secret set {provider} -t {tenant}"), "stores one"),
    }))
}
