//! `t3nets tenant add`.

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use serde::Serialize;
use t3nets_router::admin::tenants::NewTenant;
use t3nets_router::model::TenantStatus;

use super::views::TenantView;
use crate::commands::arguments::RequiredTenant;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;

/// Arguments of `t3nets tenant add`.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    tenant: RequiredTenant,
    /// The tenant's display name [default: its id]
    #[arg(long)]
    name: Option<String>,
    /// Whether it is ready or still being set up; either can chat
    #[arg(long, default_value = "active", value_parser = status_parser())]
    status: TenantStatus,
}

/// The tenant that was made.
#[derive(Debug, Serialize)]
pub(crate) struct Added {
    #[serde(flatten)]
    tenant: TenantView,
}

impl Output for Added {
    fn text(&self) -> String {
        format!("tenant `{}`: created", self.tenant.tenant_id)
    }
}

/// Creates a tenant.
///
/// # Errors
/// If there is one of that id.
pub(crate) async fn run(context: &Context, args: AddArgs) -> Result<Added, CliError> {
    let id = args.tenant.into_id()?;
    let admin = context.admin_to_change().await?;
    let tenant = admin
        .add_tenant(NewTenant {
            id,
            name: args.name,
            status: args.status,
            settings: Vec::new(),
        })
        .await?;
    Ok(Added {
        tenant: tenant.into(),
    })
}

fn status_parser() -> impl clap::builder::TypedValueParser<Value = TenantStatus> {
    PossibleValuesParser::new(["active", "onboarding"]).try_map(|text| text.parse::<TenantStatus>())
}
