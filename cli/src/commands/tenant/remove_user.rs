//! `t3nets tenant remove-user`.

use serde::Serialize;
use t3nets_router::model::{TokenKind, UserId};

use super::set_user::last_admin;
use crate::commands::arguments::{RequiredUser, TenantFlag};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::counted;

/// Arguments of `t3nets tenant remove-user`.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveUserArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    #[command(flatten)]
    user: RequiredUser,
    /// Allow leaving the tenant without an administrator
    #[arg(long)]
    force: bool,
}

/// The user that was removed.
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

/// Removes a user, after showing what is deleted and asking.
///
/// # Errors
/// If there is no such user, the tenant would be left without an administrator, or it is
/// not confirmed.
pub(crate) async fn run(context: &Context, args: RemoveUserArgs) -> Result<Removed, CliError> {
    let id = args.user.into_id()?;
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    admin.user(&tenant, &id).await?;
    let keys = admin.keys(&tenant).await?;
    let keys = keys
        .iter()
        .filter(|key| key.user_id == id && key.kind() == TokenKind::Key)
        .count();
    context.printer.status(format!(
        "this deletes user `{id}` of tenant `{tenant}`, {}, their memory and their conversations",
        counted(keys, "key"),
    ));
    context.confirm(&format!("Remove user `{id}`?"))?;

    let removed = admin
        .remove_user(&tenant, &id, last_admin(args.force))
        .await?;
    context.say_when_seen();
    Ok(Removed {
        user_id: id,
        revoked_keys: removed.keys,
    })
}
