//! `t3nets tenant remove-user`.

use serde::Serialize;
use t3nets_router::model::UserId;

use super::set_user::last_admin;
use crate::commands::arguments::{RequiredUser, TenantFlag};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::counted;

/// Whom to remove.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveUserArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    #[command(flatten)]
    user: RequiredUser,
    /// Leave the tenant without an administrator if need be
    #[arg(long)]
    force: bool,
}

/// Who is gone.
#[derive(Debug, Serialize)]
pub(crate) struct Removed {
    user_id: UserId,
    revoked_keys: usize,
}

impl Output for Removed {
    fn text(&self) -> String {
        let keys = counted(self.revoked_keys, "key");
        format!("user `{}`: removed; {keys} revoked", self.user_id)
    }
}

/// Removes a person, after saying what goes and asking.
///
/// # Errors
/// If there is no such person, the tenant would be left without an administrator, or it is not confirmed.
pub(crate) async fn run(context: &Context, args: RemoveUserArgs) -> Result<Removed, CliError> {
    let (tenant, id) = (args.tenant.id, args.user.into_id()?);
    let admin = context.admin_to_change().await?;
    admin.user(&tenant, &id).await?;
    let keys = admin.keys(&tenant).await?;
    let keys = keys.iter().filter(|key| key.user_id == id).count();
    context.printer.status(format!(
        "with user `{id}` of tenant `{tenant}` go {}, what is remembered of them, and their conversations",
        counted(keys, "key"),
    ));
    context.confirm(&format!("Remove user `{id}` for good?"))?;

    let removed = admin
        .remove_user(&tenant, &id, last_admin(args.force))
        .await?;
    Ok(Removed {
        user_id: id,
        revoked_keys: removed.keys,
    })
}
