//! `t3nets tenant remove`.

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::admin::tenants::{Holdings, TenantRemoval};
use t3nets_router::model::TenantId;

use crate::commands::arguments::RequiredTenant;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::text::{counted, shown_time, strip_control_chars};

/// Arguments of `t3nets tenant remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    tenant: RequiredTenant,
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
    id_free_at: Timestamp,
}

impl Output for Removed {
    fn text(&self) -> String {
        let mut text = format!(
            "tenant `{}`: removed; its id can be used again from {}",
            self.tenant_id,
            shown_time(self.id_free_at)
        );
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
    let id = args.tenant.into_id();
    let admin = context.admin_to_change().await?;
    let removal = admin.removal_of_tenant(&id).await?;
    context
        .printer
        .status(strip_control_chars(&listed(&id, &removal)));
    let export = Hint::command(
        format!("tenant export {id} -o {id}.jsonl"),
        "saves a copy that can be imported again",
    );
    context.printer.status(context.printer.render(&export));
    context.confirm(&format!("Remove tenant `{id}`?"))?;

    let removed = admin.remove_tenant(&id).await?;
    let Holdings {
        users,
        keys,
        channels,
        secrets,
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

/// What is deleted, to read before agreeing.
fn listed(id: &TenantId, removal: &TenantRemoval) -> String {
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
    text.push_str(&format!(
        "\nits id can be used again from {}",
        shown_time(removal.id_free_at)
    ));
    if holdings.secrets > 0 {
        text.push_str(&format!(
            "; its secrets can be restored until {}",
            shown_time(removal.secrets_gone_at)
        ));
    }
    text
}

fn shown(names: &[impl ToString]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
