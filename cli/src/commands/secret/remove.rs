//! `t3nets secret remove`.

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::model::{IntegrationName, TenantId, UserId};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    /// Of a user's own there is none: it is gone at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_for_good_at: Option<Timestamp>,
}

impl Output for Removed {
    fn text(&self) -> String {
        match (&self.user_id, self.deleted_for_good_at) {
            (Some(user), _) => {
                format!("secret `{}` of user `{user}`: removed", self.integration)
            }
            (None, end) => format!(
                "secret `{}`: removed; it can be restored until {}",
                self.integration,
                end.map(shown_time).unwrap_or_default()
            ),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        if self.user_id.is_some() {
            return Vec::new();
        }
        vec![Hint::command(
            format!("secret restore {}", self.integration),
            "restores it",
        )]
    }
}

/// Which secret is removed.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    secret: SecretArgs,
    /// Remove what this user has of their own, for good
    #[arg(long, value_name = "USER")]
    user: Option<UserId>,
}

/// Removes a secret, after asking.
///
/// # Errors
/// If there is no such secret, or it is not confirmed.
pub(crate) async fn run(context: &Context, args: RemoveArgs) -> Result<Removed, CliError> {
    let admin = context.admin_to_change().await?;
    let name = args.secret.into_name(context, &admin).await?;
    if let Some(user) = args.user {
        let (tenant_id, integration) = (name.tenant_id, name.integration);
        let question = format!("Remove secret `{integration}` of user `{user}` for good?");
        context.confirm(&question)?;
        admin
            .remove_own_token(&tenant_id, &user, &integration)
            .await?;
        context.say_when_seen();
        return Ok(Removed {
            tenant_id,
            integration,
            user_id: Some(user),
            deleted_for_good_at: None,
        });
    }
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
        user_id: None,
        deleted_for_good_at: Some(deleted_for_good_at),
    })
}
