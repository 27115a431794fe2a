//! `t3nets tenant set`.

use serde_json::Value;
use t3nets_router::admin::settings::{SettingEdit, SettingKey};
use t3nets_router::admin::tenants::TenantEdits;
use t3nets_router::admin::{Admin, AdminError};
use t3nets_router::model::TenantId;

use super::views::{Changed, TenantView};
use crate::commands::arguments::{self, TenantFlag};
use crate::commands::fallback::{self, Missing};
use crate::context::Context;
use crate::error::CliError;

/// Arguments of `t3nets tenant set`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub(crate) struct SetArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The tenant's display name
    #[arg(long)]
    name: Option<String>,
    /// Reset a setting to its default; may be repeated
    #[arg(long, value_name = "SETTING", value_parser = parse_key)]
    unset: Vec<SettingKey>,
    /// Settings, such as `messages_per_day=200`; lists are separated by commas
    #[arg(value_name = "SETTING=VALUE", value_parser = parse_setting)]
    settings: Vec<SettingEdit>,
}

/// Changes a tenant.
///
/// # Errors
/// If there is no such tenant, or someone else changes the same field at the same moment.
pub(crate) async fn run(context: &Context, args: SetArgs) -> Result<Changed<TenantView>, CliError> {
    let mut edits = TenantEdits {
        name: args.name,
        settings: args.settings,
    };
    edits
        .settings
        .extend(args.unset.into_iter().map(SettingEdit::unset));
    if edits == TenantEdits::default() {
        return Err(CliError::usage("there is nothing to change")
            .hint("give `--name`, `--unset SETTING` or `SETTING=VALUE`"));
    }
    let mut keys: Vec<SettingKey> = edits.settings.iter().map(SettingEdit::key).collect();
    keys.sort();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CliError::usage(format!("`{}` is given twice", twice[0])));
    }
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    check_fallback(context, &admin, &tenant, &edits.settings).await?;
    let edited = admin.set_tenant(&tenant, &edits).await?;
    if !edited.changed.is_empty() {
        context.say_when_seen();
    }
    Ok(Changed::new(format!("tenant `{tenant}`"), edited))
}

/// Refuses a fallback model of a provider for which there is no key.
async fn check_fallback(
    context: &Context,
    admin: &Admin,
    tenant: &TenantId,
    edits: &[SettingEdit],
) -> Result<(), CliError> {
    let is_fallback = |edit: &&SettingEdit| edit.key() == SettingKey::FallbackModel;
    let named = edits.iter().find(is_fallback).and_then(SettingEdit::value);
    let Some(named) = named.and_then(Value::as_str) else {
        return Ok(());
    };
    admin.tenant(tenant).await?;
    let platform = context.platform_to_change().await?;
    match fallback::missing(context, &platform, tenant, named).await? {
        None => Ok(()),
        Some(Missing { what, hint }) => Err(CliError::not_ready(format!(
            "`{}` cannot be asked: {what}",
            SettingKey::FallbackModel
        ))
        .hint(hint)),
    }
}

/// The budgets: many, and all of one form.
const BUDGETS: &str = "\
Budgets [default: no limit], by the day or the month in UTC:
  messages_per_month, tokens_per_day, tokens_per_month, usd_per_day, usd_per_month
      of the tenant, with all of its users
  user_messages_per_day, user_tokens_per_month, user_usd_per_month, and so on
      of each user
  key_messages_per_day, key_tokens_per_month, key_usd_per_month, and so on
      of each API key
  A question is refused when a budget does not have enough left for it, until the budget resets.
  Dollars are typed as 25 or 2.5.";

fn parse_key(text: &str) -> Result<SettingKey, AdminError> {
    text.parse()
}

fn parse_setting(text: &str) -> Result<SettingEdit, String> {
    let (key, value) = arguments::parse_pair(text)?;
    parse_key(&key)
        .and_then(|key| SettingEdit::set_text(key, &value))
        .map_err(|error| error.to_string())
}

fn after_help() -> String {
    let plain = SettingKey::ALL
        .into_iter()
        .filter(|key| !matches!(key, SettingKey::Budget(_)));
    let settings: Vec<String> = plain
        .map(|key| {
            let rule = key.rule();
            let rule = rule.strip_prefix("must be ").unwrap_or(rule);
            format!("  {key}\n      {}; {rule}", key.meaning())
        })
        .collect();
    format!("Settings:\n{}\n\n{BUDGETS}", settings.join("\n"))
}
