//! `t3nets tenant invite`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;
use t3nets_router::model::{TenantId, UserId};

use crate::commands::arguments::{self, RequiredUser, TenantFlag};
use crate::commands::page_link::{PageFlag, PageLink};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::{Output, Streamed};
use crate::terminal::text::shown_time;

/// Who is invited, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct InviteArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    #[command(flatten)]
    user: RequiredUser,
    /// How long the link works: `1h`, `7d` at most
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = arguments::parse_duration)]
    expires: SignedDuration,
    #[command(flatten)]
    page: PageFlag,
}

/// The link that was made.
#[derive(Serialize)]
pub(crate) struct Invited {
    link: String,
    prefix: String,
    user_id: UserId,
    tenant_id: TenantId,
    expires_at: Option<Timestamp>,
}

impl fmt::Debug for Invited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invited")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Output for Invited {
    /// The link and nothing else, so that a script can take it.
    fn text(&self) -> String {
        self.link.clone()
    }

    fn is_verbatim(&self) -> bool {
        true
    }
}

/// Makes a one-time link for a user.
///
/// # Errors
/// If there is no such user, no address of the page, or the link would work for too long. If it
/// cannot be shown: then it is revoked, since nobody has it.
pub(crate) async fn run(context: &Context, args: InviteArgs) -> Result<Streamed, CliError> {
    let user = args.user.into_id()?;
    let page = args.page.resolve(context).await?;
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let link = PageLink::make(&admin, &tenant, &user, args.expires, &page).await?;
    let stored = &link.stored;
    context.printer.status(format!(
        "link `{}` for user `{user}` of tenant `{tenant}`, works once, until {}; it is not shown again",
        stored.prefix,
        stored.expires_at.map_or_else(String::new, shown_time),
    ));
    let shown = context.printer.print(&Invited {
        link: link.address.expose_secret().to_owned(),
        prefix: stored.prefix.clone(),
        user_id: stored.user_id.clone(),
        tenant_id: stored.tenant_id.clone(),
        expires_at: stored.expires_at,
    });
    match shown {
        Ok(_) => Ok(Streamed::DONE),
        Err(error) => Err(link.take_back(&admin, error).await),
    }
}
