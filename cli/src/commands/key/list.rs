//! `t3nets key list`.

use serde::Serialize;
use t3nets_router::admin::views::KeyView;
use t3nets_router::model::UserId;

use crate::commands::arguments::TenantFlag;
use crate::commands::own_budgets::with_budgets;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::shown_time;

/// Arguments of `t3nets key list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// Only list this user's keys
    #[arg(long, short = 'u')]
    user: Option<UserId>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Keys {
    keys: Vec<KeyView>,
}

impl Output for Keys {
    fn text(&self) -> String {
        if self.keys.is_empty() {
            return "no keys".to_owned();
        }
        let (head, rows) = with_budgets(
            &["key", "user", "name", "role", "state", "created", "expires"],
            &self.keys,
            |key| &key.budgets,
            |key| {
                vec![
                    key.prefix.clone(),
                    key.user_id.to_string(),
                    key.name.clone(),
                    key.role.to_string(),
                    key.state.to_owned(),
                    shown_time(key.created_at),
                    key.expires_at.map_or("never".to_owned(), shown_time),
                ]
            },
        );
        table(&head, rows)
    }

    fn hints(&self) -> Vec<Hint> {
        match self.keys.is_empty() {
            true => vec![Hint::command(
                "key create --help",
                "shows how to create one",
            )],
            false => Vec::new(),
        }
    }
}

/// Lists a tenant's keys.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: ListArgs) -> Result<Keys, CliError> {
    let admin = context.admin().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let keys = admin.keys(&tenant).await?;
    Ok(Keys {
        keys: keys
            .into_iter()
            .filter(|key| args.user.as_ref().is_none_or(|user| key.user_id == *user))
            .map(|key| {
                let state = admin.key_state(&key).as_str();
                KeyView::new(key, state)
            })
            .collect(),
    })
}
