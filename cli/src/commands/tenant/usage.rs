//! `t3nets tenant usage`.

use serde::Serialize;
use t3nets_router::model::{DailyUsage, TenantId};

use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;

/// Arguments of `t3nets tenant usage`.
#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    tenant: TenantName,
    /// The number of days to show, ending today (UTC)
    #[arg(long, default_value_t = 30)]
    days: u32,
}

/// What a tenant used.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    tenant_id: TenantId,
    /// The days on which something was used, oldest first.
    days: Vec<DailyUsage>,
}

impl Output for Usage {
    fn text(&self) -> String {
        if self.days.is_empty() {
            return "no usage".to_owned();
        }
        table(
            &["day", "messages", "tokens in", "tokens out", "cost"],
            self.days.iter().map(|day| {
                [
                    day.day.to_string(),
                    day.messages.to_string(),
                    day.input_tokens.to_string(),
                    day.output_tokens.to_string(),
                    day.cost.to_string(),
                ]
            }),
        )
    }
}

/// Shows what a tenant used.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: UsageArgs) -> Result<Usage, CliError> {
    let admin = context.admin().await?;
    let tenant_id = args.tenant.into_id();
    let days = admin.usage(&tenant_id, args.days).await?;
    Ok(Usage { tenant_id, days })
}
