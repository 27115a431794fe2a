//! `t3nets key set`.

use t3nets_router::admin::Edited;
use t3nets_router::admin::views::KeyView;

use crate::commands::arguments::TenantFlag;
use crate::commands::own_budgets::BudgetFlags;
use crate::commands::tenant::views::Changed;
use crate::context::Context;
use crate::error::CliError;

/// Arguments of `t3nets key set`.
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The key's prefix as `t3nets key list` shows it, or the start of its hash
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    budgets: BudgetFlags,
}

/// Changes a key's own budgets.
///
/// # Errors
/// If none or several keys begin like that, or someone else changes the same at the same moment.
pub(crate) async fn run(context: &Context, args: SetArgs) -> Result<Changed<KeyView>, CliError> {
    let edits = args.budgets.into_edits()?;
    if edits.is_empty() {
        return Err(CliError::usage("there is nothing to change")
            .hint("give `--budget BUDGET=VALUE` or `--unset-budget BUDGET`"));
    }
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let key = admin.find_key(&tenant, &args.key).await?;
    let edited = admin.set_key(&key, &edits).await?;
    if !edited.changed.is_empty() {
        context.say_when_seen();
    }
    let state = admin.key_state(&edited.value).as_str();
    Ok(Changed::new(
        format!("key `{}`", edited.value.prefix),
        Edited {
            value: KeyView::new(edited.value, state),
            changed: edited.changed,
        },
    ))
}
