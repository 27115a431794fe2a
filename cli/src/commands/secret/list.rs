//! `t3nets secret list`.

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::admin::secrets::OwnIntegration;
use t3nets_router::admin::views::SecretView;
use t3nets_router::model::{SecretDescription, UserId};

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::shown_time;

/// Arguments of `t3nets secret list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// List the tokens of this user's own
    #[arg(long, value_name = "USER")]
    user: Option<UserId>,
}

/// A secret's state in words.
pub(super) fn state(secret: &SecretView) -> String {
    match secret.deleted_for_good_at {
        Some(end) => format!("removed, can be restored until {}", shown_time(end)),
        None => "set".to_owned(),
    }
}

/// A secret, and of a user's own whether it still works.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    secret: SecretView,
    /// Since when the user has to sign in again.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

impl From<SecretDescription> for Listed {
    fn from(secret: SecretDescription) -> Self {
        Self {
            secret: secret.into(),
            ended_at: None,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Secrets {
    secrets: Vec<Listed>,
    /// What stores one, where there is none.
    #[serde(skip)]
    next: Option<Hint>,
}

impl Output for Secrets {
    fn text(&self) -> String {
        if self.secrets.is_empty() {
            return "no secrets".to_owned();
        }
        table(
            &["integration", "updated", "state"],
            self.secrets.iter().map(|Listed { secret, ended_at }| {
                let ended = ended_at.map(|at| {
                    let at = shown_time(at);
                    format!("ended {at}: the user has to connect again")
                });
                [
                    secret.integration.to_string(),
                    shown_time(secret.updated_at),
                    ended.unwrap_or_else(|| state(secret)),
                ]
            }),
        )
    }

    fn hints(&self) -> Vec<Hint> {
        let next = self.next.iter().filter(|_| self.secrets.is_empty());
        next.cloned().collect()
    }
}

/// Lists a tenant's secrets.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: ListArgs) -> Result<Secrets, CliError> {
    let admin = context.admin().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let (secrets, next) = match &args.user {
        None => (
            Vec::from_iter(admin.secrets(&tenant).await?.into_iter().map(Listed::from)),
            Some(Hint::command("secret set jira", "stores one")),
        ),
        Some(user) => {
            let own = admin.own_integrations(&tenant, user).await?;
            let next = own.first().map(|OwnIntegration { integration, .. }| {
                Hint::command(
                    format!("secret set {integration} --user {user}"),
                    "stores one",
                )
            });
            let stored = own.into_iter().filter_map(|own| {
                Some(Listed {
                    ended_at: own.ended_at,
                    ..Listed::from(own.stored?)
                })
            });
            (stored.collect(), next)
        }
    };
    Ok(Secrets { secrets, next })
}
