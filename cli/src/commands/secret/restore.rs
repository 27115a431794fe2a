//! `t3nets secret restore`.

use super::{SecretArgs, SecretOutcome};
use crate::context::Context;
use crate::error::CliError;

/// Restores a removed secret.
///
/// # Errors
/// If there is none to bring back.
pub(crate) async fn run(context: &Context, args: SecretArgs) -> Result<SecretOutcome, CliError> {
    let name = args.into_name();
    let admin = context.admin_to_change().await?;
    admin.restore_secret(&name).await?;
    Ok(SecretOutcome::new(name, "restored"))
}
