//! `t3nets tenant trigger disable` and `enable`.

use serde::Serialize;
use t3nets_router::admin::triggers::{TriggerState, TriggerView, triggers_of};
use t3nets_router::model::TenantId;

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::{counted, strip_control_chars};

/// Arguments of `t3nets tenant trigger disable` and `enable`.
#[derive(Debug, clap::Args)]
pub(crate) struct SwitchArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// Phrases of built-in triggers, as `tenant trigger list` shows them; with their skill
    /// (`sprint_status: sprint board`) where two skills have the same
    #[arg(required = true, value_name = "PHRASE")]
    phrases: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Switched {
    tenant_id: TenantId,
    changed: Vec<String>,
    /// All that are switched off now.
    disabled: Vec<TriggerView>,
}

impl Output for Switched {
    fn text(&self) -> String {
        let what = format!("tenant `{}`", self.tenant_id);
        if self.changed.is_empty() {
            return format!("{what}: unchanged");
        }
        if self.disabled.is_empty() {
            return format!("{what}: all built-in triggers are enabled");
        }
        let phrases = self.disabled.iter().map(|one| format!("`{}`", one.phrase));
        let phrases: Vec<String> = phrases.collect();
        let told = format!(
            "{what}: {} disabled: {}",
            counted(phrases.len(), "built-in trigger"),
            phrases.join(", ")
        );
        strip_control_chars(&told).into_owned()
    }
}

/// Switches built-in triggers off.
///
/// # Errors
/// If there is no such tenant or trigger.
pub(crate) async fn disable(context: &Context, args: SwitchArgs) -> Result<Switched, CliError> {
    switch(context, args.tenant, &args.phrases, &[]).await
}

/// Switches built-in triggers on again.
///
/// # Errors
/// If there is no such tenant or trigger.
pub(crate) async fn enable(context: &Context, args: SwitchArgs) -> Result<Switched, CliError> {
    switch(context, args.tenant, &[], &args.phrases).await
}

async fn switch(
    context: &Context,
    tenant: TenantFlag,
    off: &[String],
    on: &[String],
) -> Result<Switched, CliError> {
    let admin = context.admin_to_change().await?;
    let tenant_id = tenant.resolve(context, &admin).await?;
    let edited = admin.switch_triggers(&tenant_id, off, on).await?;
    if !edited.changed.is_empty() {
        context.say_when_seen();
    }
    let mut disabled = triggers_of(&edited.value);
    disabled.retain(|one| one.state != TriggerState::Enabled);
    Ok(Switched {
        tenant_id,
        changed: edited.changed,
        disabled,
    })
}
