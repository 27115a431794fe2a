//! `t3nets tenant set-user`.

use t3nets_router::admin::users::{LastAdmin, UserEdits};
use t3nets_router::admin::views::UserView;
use t3nets_router::model::UserRole;

use super::views::Changed;
use crate::commands::arguments::{self, RequiredUser, TenantFlag};
use crate::commands::own_budgets::BudgetFlags;
use crate::context::Context;
use crate::error::CliError;

/// Arguments of `t3nets tenant set-user`.
#[derive(Debug, clap::Args)]
pub(crate) struct SetUserArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    #[command(flatten)]
    user: RequiredUser,
    /// The user's email address
    #[arg(long)]
    email: Option<String>,
    /// The user's display name
    #[arg(long)]
    name: Option<String>,
    /// The user's role, `admin` or `member`
    #[arg(long)]
    role: Option<UserRole>,
    /// Set a preference that the assistant knows, such as `language=German`
    #[arg(long = "preference", value_name = "NAME=VALUE", value_parser = arguments::parse_pair)]
    preferences: Vec<(String, String)>,
    /// Remove a preference
    #[arg(long = "unset-preference", value_name = "NAME")]
    unset_preferences: Vec<String>,
    #[command(flatten)]
    budgets: BudgetFlags,
    /// Allow leaving the tenant without an administrator
    #[arg(long)]
    force: bool,
}

/// Changes a user.
///
/// # Errors
/// If there is no such user, or the tenant would be left without an administrator.
pub(crate) async fn run(
    context: &Context,
    args: SetUserArgs,
) -> Result<Changed<UserView>, CliError> {
    let id = args.user.into_id()?;
    let set = args
        .preferences
        .into_iter()
        .map(|(name, value)| (name, Some(value)));
    let unset = args.unset_preferences.into_iter().map(|name| (name, None));
    let edits = UserEdits {
        email: args.email,
        display_name: args.name,
        role: args.role,
        preferences: set.chain(unset).collect(),
        budgets: args.budgets.into_edits()?,
        budgets_seen: None,
    };
    if edits == UserEdits::default() {
        return Err(CliError::usage("there is nothing to change").hint(
            "give `--name`, `--email`, `--role`, `--preference NAME=VALUE`, `--unset-preference NAME`, `--budget BUDGET=VALUE` or `--unset-budget BUDGET`",
        ));
    }
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let edited = admin
        .set_user(&tenant, &id, &edits, last_admin(args.force))
        .await?;
    if !edited.changed.is_empty() {
        context.say_when_seen();
    }
    Ok(Changed::new(format!("user `{id}`"), edited))
}

/// Whether `--force` allows a tenant without an administrator.
pub(crate) fn last_admin(force: bool) -> LastAdmin {
    if force {
        LastAdmin::MayGo
    } else {
        LastAdmin::Keep
    }
}
