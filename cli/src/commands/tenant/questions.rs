//! `t3nets tenant questions`.

use serde::Serialize;
use t3nets_router::admin::questions::{Looked, QuestionsView};
use t3nets_router::model::TenantId;

use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::counted;

/// Arguments of `t3nets tenant questions`.
#[derive(Debug, clap::Args)]
pub(crate) struct QuestionsArgs {
    #[command(flatten)]
    tenant: TenantName,
    /// The number of days to look back: 1 to 30
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// The most turns to look at
    #[arg(long, default_value_t = 5000)]
    turns: usize,
    /// The number of questions to show
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// What went to a tenant's model.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    tenant_id: TenantId,
    #[serde(flatten)]
    questions: QuestionsView,
}

impl Output for Shown {
    fn text(&self) -> String {
        let QuestionsView {
            days,
            turns,
            by_model,
            is_whole,
            questions,
        } = &self.questions;
        let more = if *is_whole {
            ""
        } else {
            "; there are more turns: `--turns` looks at more of them"
        };
        let looked = format!(
            "looked at {} of the last {}: {by_model} went to the model{more}",
            counted(*turns, "turn"),
            counted(*days as usize, "day"),
        );
        if questions.is_empty() {
            return looked;
        }
        let rows = questions.iter().map(|question| {
            let skills: Vec<&str> = question.skills.iter().map(String::as_str).collect();
            [
                question.count.to_string(),
                question.people.to_string(),
                skills.join(", "),
                question.example.clone(),
            ]
        });
        let table = table(&["count", "people", "called", "question"], rows);
        format!("{table}\n\n{looked}")
    }
}

/// Shows what went to a tenant's model.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: QuestionsArgs) -> Result<Shown, CliError> {
    // It leaves an audit entry.
    let admin = context.admin_to_change().await?;
    let tenant_id = args.tenant.resolve(context, &admin).await?;
    let tenant = admin.tenant(&tenant_id).await?;
    let looked = Looked {
        days: args.days,
        turns: args.turns,
    };
    let questions = admin.questions(&tenant, looked, args.limit).await?;
    Ok(Shown {
        tenant_id,
        questions,
    })
}
