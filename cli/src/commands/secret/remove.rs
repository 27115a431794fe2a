//! `t3nets secret remove`.

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::model::{IntegrationName, TenantId};

use super::SecretArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::text::shown_time;

/// The secret that was removed.
#[derive(Debug, Serialize)]
pub(crate) struct Removed {
    tenant_id: TenantId,
    integration: IntegrationName,
    deleted_for_good_at: Timestamp,
}

impl Output for Removed {
    fn text(&self) -> String {
        format!(
            "secret `{}`: removed; it can be restored until {}",
            self.integration,
            shown_time(self.deleted_for_good_at)
        )
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::command(
            format!("secret restore {}", self.integration),
            "restores it",
        )]
    }
}

/// Removes a secret, after asking.
///
/// # Errors
/// If there is no such secret, or it is not confirmed.
pub(crate) async fn run(context: &Context, args: SecretArgs) -> Result<Removed, CliError> {
    let admin = context.admin_to_change().await?;
    let name = args.into_name(context, &admin).await?;
    let secret = admin.secret(&name).await?;
    let fields: Vec<String> = secret.fields.into_iter().map(|field| field.name).collect();
    context.printer.status(format!(
        "secret `{}` of tenant `{}` has the fields {}; whatever uses it stops working",
        name.integration,
        name.tenant_id,
        fields.join(", ")
    ));
    context.confirm(&format!("Remove secret `{}`?", name.integration))?;
    let deleted_for_good_at = admin.remove_secret(&name).await?;
    context.say_when_seen();
    Ok(Removed {
        tenant_id: name.tenant_id,
        integration: name.integration,
        deleted_for_good_at,
    })
}
