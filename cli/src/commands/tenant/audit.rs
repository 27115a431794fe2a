//! `t3nets tenant audit`.

use serde::Serialize;
use t3nets_router::admin::views::AuditView;

use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::shown_time;

/// Arguments of `t3nets tenant audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    tenant: TenantName,
    /// The number of entries to show
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Audit {
    entries: Vec<AuditView>,
}

impl Output for Audit {
    fn text(&self) -> String {
        table(
            &["at", "actor", "action", "target"],
            self.entries.iter().map(|entry| {
                [
                    shown_time(entry.at),
                    entry.actor.clone(),
                    entry.action.clone(),
                    entry.target.clone(),
                ]
            }),
        )
    }
}

/// Shows who changed what, newest first.
///
/// # Errors
/// If there is and was no such tenant.
pub(crate) async fn run(context: &Context, args: AuditArgs) -> Result<Audit, CliError> {
    let admin = context.admin().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let entries = admin.audit_trail(&tenant, args.limit).await?;
    Ok(Audit {
        entries: entries.into_iter().map(AuditView::from).collect(),
    })
}
