//! `t3nets key revoke`.

use serde::Serialize;
use t3nets_router::admin::views::KeyView;

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::strip_control_chars;

/// Arguments of `t3nets key revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The key's prefix as `t3nets key list` shows it, or the start of its hash
    #[arg(value_name = "KEY")]
    key: String,
}

/// The key that was revoked.
#[derive(Debug, Serialize)]
pub(crate) struct Revoked {
    #[serde(flatten)]
    key: KeyView,
}

impl Output for Revoked {
    fn text(&self) -> String {
        format!("key `{}`: revoked", self.key.prefix)
    }
}

/// Revokes a key, after showing whose it is and asking.
///
/// # Errors
/// If none or several keys begin like that, or it is not confirmed.
pub(crate) async fn run(context: &Context, args: RevokeArgs) -> Result<Revoked, CliError> {
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let key = admin.find_key(&tenant, &args.key).await?;
    context.printer.status(strip_control_chars(&format!(
        "key `{}` of user `{}` of tenant `{}`, role {}, name `{}`",
        key.prefix, key.user_id, key.tenant_id, key.role, key.name
    )));
    context.confirm(&format!("Revoke key `{}`?", key.prefix))?;
    admin.revoke_key(&key).await?;
    context.say_when_seen();
    Ok(Revoked {
        key: KeyView::new(key, "revoked"),
    })
}
