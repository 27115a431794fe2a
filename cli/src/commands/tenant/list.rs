//! `t3nets tenant list`.

use serde::Serialize;

use super::views::TenantView;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::shown_time;

#[derive(Debug, Serialize)]
pub(crate) struct Tenants {
    tenants: Vec<TenantView>,
}

impl Output for Tenants {
    fn text(&self) -> String {
        if self.tenants.is_empty() {
            return "no tenants".to_owned();
        }
        table(
            &["tenant", "name", "status", "created"],
            self.tenants.iter().map(|tenant| {
                [
                    tenant.tenant_id.to_string(),
                    tenant.name.clone(),
                    tenant.status.to_string(),
                    shown_time(tenant.created_at),
                ]
            }),
        )
    }

    fn hints(&self) -> Vec<Hint> {
        match self.tenants.is_empty() {
            true => vec![Hint::command("seed", "creates the first one")],
            false => Vec::new(),
        }
    }
}

/// Lists the tenants.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn run(context: &Context) -> Result<Tenants, CliError> {
    let tenants = context.admin().await?.tenants().await?;
    Ok(Tenants {
        tenants: tenants.into_iter().map(TenantView::from).collect(),
    })
}
