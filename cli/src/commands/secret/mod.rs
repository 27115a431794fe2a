//! `t3nets secret`: a tenant's credentials for outside systems. One file per verb. Values come from
//! a hidden prompt, stdin, a file or a variable, never from an argument, and are never shown.

pub(super) mod list;
pub(super) mod remove;
pub(super) mod restore;
pub(super) mod set;
pub(super) mod show;
pub(super) mod test;

use serde::Serialize;
use t3nets_router::admin::Admin;
use t3nets_router::model::{IntegrationName, SecretName, TenantId, UserId};

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;

/// The verbs of `t3nets secret`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SecretCommand {
    /// Store the credentials of an integration; missing values are asked for
    #[command(aliases = ["add", "create", "put"])]
    Set(set::SetArgs),
    /// List the secrets of a tenant
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Show the fields of a secret; secret values stay hidden
    #[command(aliases = ["get", "describe"])]
    Show(SecretArgs),
    /// Test the stored credentials against the integration
    Test(test::TestArgs),
    /// Remove a secret; it can be restored for some days
    #[command(aliases = ["rm", "delete"])]
    Remove(remove::RemoveArgs),
    /// Restore a removed secret
    Restore(SecretArgs),
}

/// Which secret.
#[derive(Debug, clap::Args)]
pub(crate) struct SecretArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The integration: `jira`, `anthropic`, `openai`, `mcp-NAME` of an MCP server, …
    #[arg(value_name = "INTEGRATION")]
    integration: IntegrationName,
}

impl SecretArgs {
    async fn into_name(self, context: &Context, admin: &Admin) -> Result<SecretName, CliError> {
        Ok(SecretName {
            tenant_id: self.tenant.resolve(context, admin).await?,
            integration: self.integration,
            user_id: None,
        })
    }
}

/// What became of a secret.
#[derive(Debug, Serialize)]
pub(crate) struct SecretOutcome {
    tenant_id: TenantId,
    integration: IntegrationName,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    outcome: &'static str,
}

impl SecretOutcome {
    fn new(name: SecretName, outcome: &'static str) -> Self {
        Self {
            tenant_id: name.tenant_id,
            integration: name.integration,
            user_id: name.user_id,
            outcome,
        }
    }
}

impl Output for SecretOutcome {
    fn text(&self) -> String {
        match &self.user_id {
            None => format!("secret `{}`: {}", self.integration, self.outcome),
            Some(user) => format!(
                "secret `{}` of user `{user}`: {}",
                self.integration, self.outcome
            ),
        }
    }
}
