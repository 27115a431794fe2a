//! `t3nets tenant add-user`.

use serde::Serialize;
use t3nets_router::admin::users::{NewUser, valid_email, valid_name};
use t3nets_router::admin::views::UserView;
use t3nets_router::model::{UnknownUserRole, UserId, UserRole};

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::prompt::{self, Question};
use crate::terminal::text::strip_control_chars;

/// The user to add. In a terminal, missing values are asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct AddUserArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The user's email address, by which integrations know them
    #[arg(long)]
    email: Option<String>,
    /// The user's display name (default: the part of the address before the @)
    #[arg(long)]
    name: Option<String>,
    /// The user's role, `admin` or `member` [default: member]
    #[arg(long)]
    role: Option<UserRole>,
    /// The user's id in the tenant [default: the lower-cased address]
    #[arg(long)]
    id: Option<UserId>,
}

/// The user that was added.
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

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::command(
            format!("key create {}", self.user.user_id),
            "creates an API key for them",
        )]
    }
}

/// Adds a user.
///
/// # Errors
/// Usage if the address is missing and nobody can be asked.
pub(crate) async fn run(context: &Context, args: AddUserArgs) -> Result<Added, CliError> {
    let asks = args.email.is_none() && prompt::can_ask();
    let email = match args.email {
        Some(email) => email,
        None => Question::new("email address", "--email")
            .checked_by(|answer| valid_email(answer).map(|_| ()))
            .text()?,
    };
    let name = match args.name {
        None if asks => Some(
            Question::new("name", "--name")
                .default(email.split('@').next())
                .checked_by(|answer| valid_name(answer).map(|_| ()))
                .text()?,
        ),
        given => given,
    };
    let role = match args.role {
        Some(role) => role,
        None if asks => Question::new("role (admin, member)", "--role")
            .default(Some("member"))
            .checked_by(|answer| answer.parse::<UserRole>().map(|_| ()))
            .text()?
            .trim()
            .parse()
            .map_err(|error: UnknownUserRole| CliError::usage(error.to_string()))?,
        None => UserRole::Member,
    };
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let user = admin
        .add_user(
            &tenant,
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
