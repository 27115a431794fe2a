//! `t3nets tenant suspend` and `resume`.

use super::views::{Changed, TenantView};
use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::CliError;

/// Arguments of `t3nets tenant suspend` and `t3nets tenant resume`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    tenant: TenantName,
}

/// Stops a tenant from chatting: its callers get 403.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn suspend(
    context: &Context,
    args: StatusArgs,
) -> Result<Changed<TenantView>, CliError> {
    let admin = context.admin_to_change().await?;
    let id = args.tenant.resolve(context, &admin).await?;
    let edited = admin.suspend_tenant(&id).await?;
    if !edited.changed.is_empty() {
        context.say_when_seen();
    }
    Ok(Changed::new(format!("tenant `{id}` (suspended)"), edited))
}

/// Lets a tenant chat again.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn resume(
    context: &Context,
    args: StatusArgs,
) -> Result<Changed<TenantView>, CliError> {
    let admin = context.admin_to_change().await?;
    let id = args.tenant.resolve(context, &admin).await?;
    let edited = admin.resume_tenant(&id).await?;
    if !edited.changed.is_empty() {
        context.say_when_seen();
    }
    Ok(Changed::new(format!("tenant `{id}` (active)"), edited))
}
