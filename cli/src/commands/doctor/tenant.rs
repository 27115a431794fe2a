//! The checks of a tenant, wherever it is.

use serde_json::Value;
use t3nets_router::ai::{AiDefaults, Models};
use t3nets_router::errors::with_causes;
use t3nets_router::model::{
    IntegrationName, SecretDocument, SecretName, Tenant, TenantId, TenantStatus,
};
use t3nets_router::outbound::ClientError;
use t3nets_router::ports::Platform;
use t3nets_router::skills::SkillSet;
use t3nets_router::skills::sprint_status::SprintStatus;

use super::Check;
use crate::commands::dev::demo::is_sample;
use crate::hint::Hint;

pub(super) fn check_tenant(tenant: &TenantId, stored: &Result<Option<Tenant>, String>) -> Check {
    match stored {
        Ok(Some(stored)) if stored.status == TenantStatus::Suspended => Check::failed(
            "tenant",
            format!("`{tenant}` is suspended"),
            Hint::command(format!("tenant resume {tenant}"), "lets it chat again"),
        ),
        Ok(Some(stored)) => Check::ok("tenant", format!("`{tenant}` is {}", stored.status)),
        Ok(None) => Check::failed(
            "tenant",
            format!("tenant `{tenant}` does not exist"),
            Hint::command(format!("seed --tenant {tenant}"), "creates it"),
        ),
        Err(error) => Check::failed("tenant", error.as_str(), "see the checks above"),
    }
}

pub(super) async fn check_jira(platform: &Platform, tenant: &TenantId, dev_runs: bool) -> Check {
    let Ok(integration) = "jira".parse::<IntegrationName>() else {
        return Check::failed("jira", "its name is not valid", "report this");
    };
    let connect = Hint::command(format!("secret set jira --tenant {tenant}"), "connects it");
    let name = SecretName {
        tenant_id: tenant.clone(),
        integration,
    };
    match platform.secrets.get(&name).await {
        Ok(None) => Check::warning("jira", "not connected", connect),
        Err(error) => Check::failed("jira", error.to_string(), "see the checks above"),
        Ok(Some(document)) if is_sample(&document) && !dev_runs => Check::warning(
            "jira",
            "connected to the sample board, which only `t3nets dev --demo` serves",
            vec![
                Hint::command("dev --demo", "serves the sample board"),
                connect,
            ],
        ),
        Ok(Some(document)) => ask_jira(&document, connect).await,
    }
}

/// Whether Jira takes the credentials. The skill bounds how long that may take.
async fn ask_jira(document: &SecretDocument, connect: Hint) -> Check {
    let skill = match SprintStatus::new() {
        Ok(skill) => skill,
        Err(error) => return no_https("jira", &error),
    };
    match skill.check(document).await {
        Ok(found) => {
            let text = |pointer| {
                found
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or("?")
            };
            let (site, board, account) = (text("/site"), text("/board/name"), text("/account"));
            Check::ok("jira", format!("board `{board}` on {site} as {account}"))
        }
        Err(error) => {
            let remedy = error.hint.map_or(connect, Hint::from);
            Check::failed("jira", error.message, remedy)
        }
    }
}

/// A check that cannot ask anybody.
pub(super) fn no_https(name: &'static str, error: &ClientError) -> Check {
    Check::failed(
        name,
        with_causes(error),
        match error {
            ClientError::Proxy { .. } => "correct the variable",
            ClientError::Build(_) => "install the system's root certificates",
        },
    )
}

pub(super) async fn check_model(platform: &Platform, tenant: &Tenant) -> Check {
    let remedy = Hint::command(
        "secret set anthropic",
        "stores a key, or set ANTHROPIC_API_KEY",
    );
    let defaults = match AiDefaults::from_env(|name| std::env::var(name).ok()) {
        Ok(defaults) => defaults,
        Err(error) => return Check::failed("model", error.to_string(), "correct the variable"),
    };
    let models = SkillSet::built_in().and_then(|skills| Models::new(defaults, skills));
    let models = match models {
        Ok(models) => models,
        Err(error) => return no_https("model", &error),
    };
    match models.select(tenant, &*platform.secrets).await {
        Ok(selected) if selected.is_offline() => Check::warning(
            "model",
            "none is configured: answers come from built-in templates",
            remedy,
        ),
        Ok(selected) => Check::ok(
            "model",
            format!("{} by {}", selected.name, selected.provider),
        ),
        Err(error) => {
            let remedy = error.hint().map_or(remedy, Hint::from);
            Check::failed("model", error.to_string(), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Status;

    #[test]
    fn a_tenant_that_is_missing_or_cannot_be_read_is_a_failure() {
        let tenant: TenantId = "default".parse().unwrap();
        for stored in [Ok(None), Err("broken".to_owned())] {
            assert_eq!(check_tenant(&tenant, &stored).status, Status::Failed);
        }
    }
}
