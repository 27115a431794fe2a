//! `t3nets tenant add-user`.

use serde::Serialize;
use t3nets_router::admin::users::NewUser;
use t3nets_router::model::{UserId, UserRole};

use super::views::UserView;
use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::prompt;
use crate::terminal::text::strip_control_chars;

/// Whom to add. In a terminal, what is missing is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct AddUserArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The person's e-mail address: skills know the person by it
    #[arg(long)]
    email: Option<String>,
    /// The name people read; the address up to its @ without it
    #[arg(long)]
    name: Option<String>,
    /// What the person may do: `admin` or `member` (the default)
    #[arg(long)]
    role: Option<UserRole>,
    /// The person's id in the tenant; the lower-cased address without it
    #[arg(long)]
    id: Option<UserId>,
}

/// Who was added.
#[derive(Debug, Serialize)]
pub(crate) struct Added {
    #[serde(flatten)]
    user: UserView,
}

impl Output for Added {
    fn text(&self) -> String {
        let user = &self.user;
        let name = strip_control_chars(&user.display_name);
        format!("user `{}`: created ({name}, {})", user.user_id, user.role)
    }
}

/// Adds a person.
///
/// # Errors
/// Usage if the address is missing and nobody can be asked.
pub(crate) async fn run(context: &Context, args: AddUserArgs) -> Result<Added, CliError> {
    let asks = args.email.is_none() && prompt::can_ask();
    let email = match args.email {
        Some(email) => email,
        None => prompt::text("e-mail address", "--email", None)?,
    };
    let name = match args.name {
        None if asks => {
            let default = email.split('@').next();
            Some(prompt::text("name", "--name", default)?)
        }
        given => given,
    };
    let role = match args.role {
        Some(role) => role,
        None if asks => prompt::text("role (admin, member)", "--role", Some("member"))?
            .trim()
            .parse()
            .map_err(|error: t3nets_router::model::UnknownUserRole| {
                CliError::usage(error.to_string())
            })?,
        None => UserRole::Member,
    };
    let admin = context.admin_to_change().await?;
    let user = admin
        .add_user(
            &args.tenant.id,
            NewUser {
                email,
                id: args.id,
                display_name: name,
                role,
            },
        )
        .await?;
    Ok(Added { user: user.into() })
}
