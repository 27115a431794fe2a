//! `t3nets tenant trigger list`.

use serde::Serialize;
use t3nets_router::admin::triggers::{TriggerState, TriggerView, triggers_of};
use t3nets_router::model::TenantId;

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;

/// Arguments of `t3nets tenant trigger list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// Only list this skill's triggers
    #[arg(long)]
    skill: Option<String>,
    /// Only list those that are disabled
    #[arg(long)]
    disabled: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Triggers {
    tenant_id: TenantId,
    triggers: Vec<TriggerView>,
}

impl Output for Triggers {
    fn text(&self) -> String {
        if self.triggers.is_empty() {
            return "no triggers".to_owned();
        }
        table(&HEADER, self.triggers.iter().map(row))
    }
}

const HEADER: [&str; 5] = ["state", "origin", "skill", "phrase", "words"];

/// One in a table. Its words are left out where they are the phrase's.
fn row(trigger: &TriggerView) -> [String; 5] {
    let words: Vec<&str> = trigger.words.iter().map(String::as_str).collect();
    let words = words.join("; ");
    [
        trigger.state.as_str().to_owned(),
        trigger.origin.as_str().to_owned(),
        of_skill(trigger),
        trigger.phrase.clone(),
        match words == trigger.phrase {
            true => String::new(),
            false => words,
        },
    ]
}

/// The skill with what it is asked for.
pub(super) fn of_skill(trigger: &TriggerView) -> String {
    match (trigger.skill, &trigger.action) {
        (Some(skill), Some(action)) => format!("{skill}/{action}"),
        (Some(skill), None) => skill.to_owned(),
        (None, _) => "-".to_owned(),
    }
}

/// Lists a tenant's triggers.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: ListArgs) -> Result<Triggers, CliError> {
    let admin = context.admin().await?;
    let tenant_id = args.tenant.resolve(context, &admin).await?;
    let mut triggers = triggers_of(&admin.tenant(&tenant_id).await?);
    triggers.retain(|one| {
        let is_of_skill = args
            .skill
            .as_deref()
            .is_none_or(|skill| one.skill == Some(skill));
        is_of_skill && !(args.disabled && one.state == TriggerState::Enabled)
    });
    Ok(Triggers {
        tenant_id,
        triggers,
    })
}
