//! The checks of a tenant, wherever it is.

use jiff::Timestamp;
use serde_json::Value;
use t3nets_router::admin::Admin;
use t3nets_router::ai::table as models;
use t3nets_router::errors::with_causes;
use t3nets_router::model::{
    IntegrationName, SecretDocument, SecretName, Tenant, TenantId, TenantStatus,
};
use t3nets_router::outbound::{ClientError, Reach};
use t3nets_router::ports::Platform;
use t3nets_router::skills::sprint_status::SprintStatus;

use super::Check;
use crate::commands::arguments::TenantFlag;
use crate::commands::fallback::{self, Missing};
use crate::context::Context;
use crate::error::{CliError, free_id};
use crate::hint::Hint;
use crate::terminal::text::shown_time;

/// How long a conversation is kept where the tenant does not say.
const LONGEST_RETENTION_DAYS: i64 = 30;

/// The tenant that was named, or is meant without, and what is wrong with it.
pub(super) async fn check_tenant(
    context: &Context,
    named: TenantFlag,
    platform: &Platform,
) -> (Option<Tenant>, Check) {
    let admin = Admin::new(platform.clone(), context.actor());
    let found = async {
        let id = named.quietly(&admin).await?;
        let stored = platform.tenants.tenant(&id).await?;
        let reserved_until = match stored {
            Some(_) => None,
            None => admin.reserved_until(&id).await?,
        };
        Ok::<_, CliError>((id, stored, reserved_until))
    };
    match found.await {
        Ok((id, Some(stored), _)) => {
            let check = state_of(&id, stored.status);
            (Some(stored), check)
        }
        Ok((id, None, reserved_until)) => (None, absent(&id, reserved_until)),
        Err(error) => (
            None,
            Check::of_error("tenant", error, "see the checks above"),
        ),
    }
}

fn state_of(id: &TenantId, status: TenantStatus) -> Check {
    match status {
        TenantStatus::Suspended | TenantStatus::Deleted => Check::failed(
            "tenant",
            format!("`{id}` is {status}"),
            Hint::command(format!("tenant resume {id}"), "lets it chat again"),
        ),
        TenantStatus::Active | TenantStatus::Onboarding => {
            Check::ok("tenant", format!("`{id}` is {status}"))
        }
    }
}

fn absent(id: &TenantId, reserved_until: Option<Timestamp>) -> Check {
    match reserved_until {
        Some(until) => Check::failed(
            "tenant",
            format!(
                "tenant `{id}` was removed; its id can be used again from {}",
                shown_time(until)
            ),
            free_id(id),
        ),
        None => Check::failed(
            "tenant",
            format!("tenant `{id}` does not exist"),
            Hint::command(format!("seed --tenant {id}"), "creates it"),
        ),
    }
}

/// The models that the tenant's settings name and that this program does not know.
pub(super) fn check_unknown_models(tenant: &Tenant) -> Vec<Check> {
    let id = &tenant.id;
    let unknown = models::unknown_models(tenant).into_iter();
    let check = |(setting, model)| {
        let model = models::without_account(model);
        Check::warning(
            "model",
            format!(
                "`{id}` has `{setting}` {model}, which this program does not know: its price is not counted"
            ),
            Hint::command(
                format!("tenant set -t {id} {setting}=claude-sonnet-4-5"),
                "chooses one that it knows, by the region's inference profile",
            ),
        )
    };
    unknown.map(check).collect()
}

/// The fallback model of another provider than the tenant's.
pub(super) async fn check_fallback(
    context: &Context,
    platform: &Platform,
    tenant: &Tenant,
) -> Option<Check> {
    let named = tenant.fallback_model()?;
    match fallback::missing(context, platform, &tenant.id, named).await {
        Ok(missing) => {
            let Missing { what, hint } = missing?;
            Some(Check::warning(
                "fallback",
                format!(
                    "the fallback model of `{}`, {}, is asked only if the router has a key of its own: {what}",
                    tenant.id,
                    models::without_account(named),
                ),
                hint,
            ))
        }
        Err(error) => Some(Check::of_error("fallback", error, "see the checks above")),
    }
}

/// How long the tenant's conversations are kept. `are_deleted` says whether what is past that is
/// deleted; it is hidden in any case.
pub(super) fn check_retention(tenant: &Tenant, are_deleted: bool) -> Check {
    let name = "retention";
    let (days, set) = match tenant.retention() {
        Some(kept) => (kept.as_hours() / 24, ""),
        None => (LONGEST_RETENTION_DAYS, ", as `retention_days` is not set"),
    };
    let id = &tenant.id;
    let days = if days == 1 {
        "1 day".to_owned()
    } else {
        format!("{days} days")
    };
    let kept = format!("conversations of `{id}` are kept for {days}{set}");
    match are_deleted {
        true => Check::ok(name, kept),
        false => Check::warning(
            name,
            format!("{kept}; they are hidden after that, and may not be deleted"),
            "see the check `conversations_table`",
        ),
    }
}

/// What connects a tenant to its Jira.
pub(super) fn connect_jira(tenant: &TenantId) -> Hint {
    Hint::command(format!("secret set jira --tenant {tenant}"), "connects it")
}

pub(super) async fn check_jira(context: &Context, platform: &Platform, tenant: &Tenant) -> Check {
    let Ok(integration) = "jira".parse::<IntegrationName>() else {
        return Check::failed("jira", "its name is not valid", "report this");
    };
    let connect = connect_jira(&tenant.id);
    let name = SecretName {
        tenant_id: tenant.id.clone(),
        integration,
        user_id: None,
    };
    match platform.secrets.get(&name).await {
        Ok(None) => Check::warning("jira", "not connected", connect),
        Err(error) => Check::of_error("jira", error.into(), "see the checks above"),
        Ok(Some(document)) => match context.tenants_reach() {
            Ok(reach) => ask_jira(&document, reach, connect).await,
            Err(error) => Check::of_error("jira", error, "correct the variable"),
        },
    }
}

/// The MCP servers that somebody signed in to for the whole tenant: whether that still holds.
pub(super) async fn check_sign_ins(platform: &Platform, tenant: &Tenant) -> Vec<Check> {
    let admin = Admin::new(platform.clone(), "doctor");
    let mut checks = Vec::new();
    for integration in tenant.mcp_servers() {
        let name = SecretName {
            tenant_id: tenant.id.clone(),
            integration: integration.clone(),
            user_id: None,
        };
        match admin.standing_of_sign_in(&name).await {
            Ok((true, None)) => {
                checks.push(Check::ok("mcp", format!("`{integration}` is signed in")));
            }
            Ok((true, Some(ended))) => checks.push(Check::warning(
                "mcp",
                format!(
                    "the sign-in of `{integration}` ended {}: its tools are not offered",
                    shown_time(ended)
                ),
                Hint::command("open", "opens the page, where an admin signs in again"),
            )),
            Ok((false, _)) => {}
            Err(error) => checks.push(Check::of_error("mcp", error.into(), "see the checks above")),
        }
    }
    checks
}

/// Whether Jira takes the credentials. The skill bounds how long that may take.
async fn ask_jira(document: &SecretDocument, reach: Reach, connect: Hint) -> Check {
    let skill = match SprintStatus::new(reach) {
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

#[cfg(test)]
mod tests {
    use t3nets_router::model::{OtherAttributes, TenantSettings};

    use super::*;
    use crate::commands::doctor::Status;

    #[test]
    fn a_tenant_that_is_missing_or_may_not_chat_is_a_failure() {
        let id: TenantId = "default".parse().unwrap();
        assert_eq!(absent(&id, None).status, Status::Failed);
        assert_eq!(
            state_of(&id, TenantStatus::Suspended).status,
            Status::Failed
        );
        assert_eq!(state_of(&id, TenantStatus::Onboarding).status, Status::Ok);
    }

    #[test]
    fn how_long_conversations_are_kept_is_said_and_whether_they_are_deleted() {
        let mut tenant = Tenant {
            id: "acme".parse().unwrap(),
            name: "Acme".to_owned(),
            status: TenantStatus::Active,
            created_at: Timestamp::UNIX_EPOCH,
            settings: TenantSettings::default(),
            extensions: serde_json::Map::new(),
            version: 1,
            other: OtherAttributes::default(),
        };
        let unset = check_retention(&tenant, true);
        assert_eq!(unset.status, Status::Ok);
        let detail = "conversations of `acme` are kept for 30 days, as `retention_days` is not set";
        assert_eq!(unset.detail, detail);
        let settings = serde_json::json!({"settings": {"retention_days": 7}});
        tenant.extensions = settings.as_object().unwrap().clone();
        let check = check_retention(&tenant, false);
        assert_eq!(check.status, Status::Warning);
        assert!(
            check
                .detail
                .contains("are kept for 7 days; they are hidden"),
            "{check:?}"
        );
    }

    #[test]
    fn a_removed_tenants_remedy_frees_its_id() {
        let check = absent(&"acme".parse().unwrap(), Some(Timestamp::UNIX_EPOCH));
        assert!(check.detail.contains("1970-01-01 00:00"), "{check:?}");
        assert!(
            check
                .remedy
                .to_string()
                .contains("tenant remove acme --purge"),
            "{check:?}"
        );
    }
}
