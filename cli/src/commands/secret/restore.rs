//! `t3nets secret restore`.

use super::{SecretArgs, SecretOutcome};
use crate::context::Context;
use crate::error::CliError;

/// Restores a removed secret.
///
/// # Errors
/// If there is none to bring back.
pub(crate) async fn run(context: &Context, args: SecretArgs) -> Result<SecretOutcome, CliError> {
    let admin = context.admin_to_change().await?;
    let name = args.into_name(context, &admin).await?;
    admin.restore_secret(&name).await?;
    context.say_when_seen();
    Ok(SecretOutcome::new(name, "restored"))
}
