//! `t3nets tenant trigger test`.

use serde::Serialize;
use t3nets_router::admin::triggers::{TriggerOrigin, TriggerView, taking};
use t3nets_router::model::TenantId;

use super::list::of_skill;
use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::text::strip_control_chars;

/// Arguments of `t3nets tenant trigger test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The message, as a person would send it
    message: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    tenant_id: TenantId,
    /// What the message fires; `null` if nothing.
    trigger: Option<TriggerView>,
}

impl Output for Tested {
    fn text(&self) -> String {
        let Some(trigger) = &self.trigger else {
            return "fires no trigger".to_owned();
        };
        let told = format!(
            "fires the {} trigger `{}` of {}",
            trigger.origin.as_str(),
            trigger.phrase,
            of_skill(trigger)
        );
        strip_control_chars(&told).into_owned()
    }

    fn hints(&self) -> Vec<Hint> {
        let built_in = self.trigger.as_ref();
        let built_in = built_in.filter(|trigger| trigger.origin == TriggerOrigin::BuiltIn);
        let hint = built_in.map(|trigger| {
            let (tenant, skill) = (&self.tenant_id, trigger.skill.unwrap_or_default());
            let phrase = &trigger.phrase;
            Hint::command(
                format!("tenant trigger disable -t {tenant} \"{skill}: {phrase}\""),
                "switches it off",
            )
        });
        hint.into_iter().collect()
    }
}

/// Shows which of a tenant's triggers a message fires.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: TestArgs) -> Result<Tested, CliError> {
    let admin = context.admin().await?;
    let tenant_id = args.tenant.resolve(context, &admin).await?;
    let tenant = admin.tenant(&tenant_id).await?;
    Ok(Tested {
        trigger: taking(&tenant, &args.message),
        tenant_id,
    })
}
