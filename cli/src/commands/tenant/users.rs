//! `t3nets tenant users`.

use serde::Serialize;
use t3nets_router::admin::views::UserView;

use crate::commands::arguments::TenantName;
use crate::commands::own_budgets::with_budgets;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::table::table;

/// Arguments of `t3nets tenant users`.
#[derive(Debug, clap::Args)]
pub(crate) struct UsersArgs {
    #[command(flatten)]
    tenant: TenantName,
}

#[derive(Debug, Serialize)]
pub(crate) struct Users {
    users: Vec<UserView>,
}

impl Output for Users {
    fn text(&self) -> String {
        if self.users.is_empty() {
            return "no users".to_owned();
        }
        let (head, rows) = with_budgets(
            &["user", "name", "e-mail", "role"],
            &self.users,
            |user| &user.budgets,
            |user| {
                vec![
                    user.user_id.to_string(),
                    user.display_name.clone(),
                    user.email.clone(),
                    user.role.to_string(),
                ]
            },
        );
        table(&head, rows)
    }

    fn hints(&self) -> Vec<Hint> {
        match self.users.is_empty() {
            true => vec![Hint::command("tenant add-user", "adds one")],
            false => Vec::new(),
        }
    }
}

/// Lists a tenant's users.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: UsersArgs) -> Result<Users, CliError> {
    let admin = context.admin().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let users = admin.users(&tenant).await?;
    Ok(Users {
        users: users.into_iter().map(UserView::from).collect(),
    })
}
