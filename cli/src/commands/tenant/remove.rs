//! `t3nets tenant remove`.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::admin::removal::{RemovedTenant, TenantRemoval};
use t3nets_router::admin::tenants::Holdings;
use t3nets_router::admin::{Admin, AdminError};
use t3nets_router::model::TenantId;

use crate::commands::arguments::RequiredTenant;
use crate::config::keystore::Keystore;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::prompt;
use crate::terminal::text::{counted, shown_time, strip_control_chars};

/// Arguments of `t3nets tenant remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    tenant: RequiredTenant,
    /// Delete the secrets for good and free the id, also of a tenant that was removed before; takes
    /// about two minutes on AWS
    #[arg(long)]
    purge: bool,
}

/// What was removed.
#[derive(Debug, Serialize)]
pub(crate) struct Removed {
    tenant_id: TenantId,
    users: usize,
    keys: usize,
    channels: usize,
    secrets: usize,
    secrets_gone_at: Option<Timestamp>,
    /// From when on the id can be used again; at once if there is none.
    id_free_at: Option<Timestamp>,
}

impl Output for Removed {
    fn text(&self) -> String {
        let mut text = format!("tenant `{}`: removed", self.tenant_id);
        match self.id_free_at {
            Some(at) => text.push_str(&format!(
                "; its id can be used again from {}",
                shown_time(at)
            )),
            None => text.push_str("; its id can be used again"),
        }
        if let Some(gone_at) = self.secrets_gone_at {
            text.push_str(&format!(
                "; its secrets are kept until {}",
                shown_time(gone_at)
            ));
        }
        text
    }
}

/// Removes a tenant, after showing what is deleted and asking.
///
/// # Errors
/// If there is no such tenant, or it is not confirmed.
pub(crate) async fn run(context: &Context, args: RemoveArgs) -> Result<Removed, CliError> {
    let id = args.tenant.into_id()?;
    let admin = context.admin_to_change().await?;
    let removal = match admin.removal_of_tenant(&id).await {
        Ok(removal) => Some(removal),
        // It was removed before, and its id is what is left.
        Err(AdminError::NotFound(_)) if args.purge => {
            admin.purgeable_from(&id).await?;
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(removal) = &removal {
        context
            .printer
            .status(strip_control_chars(&listed(&id, removal, args.purge)));
        let export = Hint::command(
            format!("tenant export {id} -o {id}.jsonl"),
            "saves a copy that can be imported again",
        );
        context.printer.status(context.printer.render(&export));
    }
    confirm(context, &id, args.purge)?;

    let mut removed = match removal {
        Some(_) => admin.remove_tenant(&id).await?,
        None => RemovedTenant::default(),
    };
    forget_key(context, &id).await?;
    if args.purge {
        purge(context, &admin, &id).await?;
        removed.secrets_gone_at = None;
        removed.id_free_at = None;
    }
    let Holdings {
        users,
        keys,
        channels,
        secrets,
        sessions: _,
    } = removed.holdings;
    Ok(Removed {
        tenant_id: id,
        users,
        keys,
        channels,
        secrets,
        secrets_gone_at: removed.secrets_gone_at,
        id_free_at: removed.id_free_at,
    })
}

fn confirm(context: &Context, id: &TenantId, purge: bool) -> Result<(), CliError> {
    match purge {
        true if context.settings.assume_yes => Ok(()),
        true => prompt::confirm_by_name(
            &format!("This cannot be undone. Type `{id}` to remove it for good"),
            id.as_str(),
        ),
        false => context.confirm(&format!("Remove tenant `{id}`?")),
    }
}

/// A key that this machine keeps for the tenant is none of the next one's.
async fn forget_key(context: &Context, id: &TenantId) -> Result<(), CliError> {
    Keystore::open(context.settings.environment()?)?
        .forget(id)
        .await
}

/// Frees the id of a removed tenant, as soon as no router can write for it any more.
async fn purge(context: &Context, admin: &Admin, id: &TenantId) -> Result<(), CliError> {
    let from = match admin.purgeable_from(id).await {
        Ok(from) => from,
        // Where ids do not rest, it is free already.
        Err(AdminError::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if let Ok(left) = Duration::try_from(from.duration_since(Timestamp::now())) {
        let _waiting = context
            .printer
            .progress("waiting until no router can be answering for it");
        tokio::time::sleep(left).await;
    }
    Ok(admin.purge_tenant(id).await?)
}

/// What is deleted, to read before agreeing.
fn listed(id: &TenantId, removal: &TenantRemoval, purge: bool) -> String {
    let holdings = &removal.holdings;
    let mut text = format!(
        "removing tenant `{id}` deletes {}, {}, {}, {}, all conversations and usage",
        counted(holdings.users, "user"),
        counted(holdings.keys, "key"),
        counted(holdings.channels, "channel"),
        counted(holdings.secrets, "secret"),
    );
    let keys = removal.keys.iter().map(|key| {
        let name = if key.name.is_empty() { "" } else { " " };
        format!("{}…{name}{} of {}", key.prefix, key.name, key.user_id)
    });
    let channels = removal
        .channels
        .iter()
        .map(|mapping| format!("{} {}", mapping.kind, mapping.channel_id));
    for (what, names, count) in [
        ("users", shown(&removal.users), holdings.users),
        ("keys", keys.collect(), holdings.keys),
        ("channels", channels.collect(), holdings.channels),
        ("secrets", shown(&removal.secrets), holdings.secrets),
    ] {
        if names.is_empty() {
            continue;
        }
        let more = match count.saturating_sub(names.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text.push_str(&format!("\n  {what}: {}{more}", names.join(", ")));
    }
    let kept = |until: Option<Timestamp>| until.filter(|_| !purge);
    match kept(removal.id_free_at) {
        Some(at) => text.push_str(&format!(
            "\nits id can be used again from {}",
            shown_time(at)
        )),
        None => text.push_str("\nits id can be used again at once"),
    }
    match kept(removal.secrets_gone_at) {
        _ if holdings.secrets == 0 => {}
        Some(at) => text.push_str(&format!(
            "; its secrets can be restored until {}",
            shown_time(at)
        )),
        None => text.push_str("; its secrets are deleted for good"),
    }
    text
}

fn shown(names: &[impl ToString]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
