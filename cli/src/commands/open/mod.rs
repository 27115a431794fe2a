//! `t3nets open`: the web page in a browser, signed in by a one-time link that the command makes
//! for itself, as `t3nets chat` makes its key.

pub(crate) mod browser;

use std::fmt;

use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde::Serialize;
use t3nets_router::model::{TenantId, UserId};
use url::Url;

use self::browser::Browser;
use super::page_link::{PageFlag, PageLink, usual_user};
use crate::commands::arguments::TenantFlag;
use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::{Output, Streamed};

/// How long the link works: a browser takes a moment to start, a person to copy it.
const LINK_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// Arguments of `t3nets open`.
#[derive(Debug, clap::Args)]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The user to sign in as [default: the tenant's first admin]
    #[arg(long, short = 'u')]
    user: Option<UserId>,
    #[command(flatten)]
    page: PageFlag,
    /// Only print the link
    #[arg(long)]
    print: bool,
}

/// The page, and how to come in.
#[derive(Serialize)]
pub(crate) struct Opened {
    url: Url,
    user_id: UserId,
    tenant_id: TenantId,
    /// Where no browser was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Output for Opened {
    fn text(&self) -> String {
        match &self.link {
            Some(link) => link.clone(),
            None => format!(
                "opened {} as user `{}` of tenant `{}`",
                self.url, self.user_id, self.tenant_id
            ),
        }
    }

    fn is_verbatim(&self) -> bool {
        self.link.is_some()
    }
}

/// Opens the page, or prints the link where that cannot be done.
///
/// # Errors
/// If no router is known or runs, or the tenant has no users. If the link can be neither opened nor
/// shown: then it is revoked.
pub(crate) async fn run(context: &Context, args: OpenArgs) -> Result<Streamed, CliError> {
    let page = args.page.resolve(context).await?;
    if context.settings.environment()?.platform == PlatformKind::Aws {
        context.show_environment().await?;
    }
    let admin = context.admin().await?;
    let tenant = args.tenant.quietly(&admin).await?;
    let user = match args.user {
        Some(user) => user,
        None => usual_user(&admin, &tenant).await?.id,
    };
    let link = PageLink::make(&admin, &tenant, &user, LINK_LIFE, &page).await?;
    let browser = Browser::find(|name| std::env::var(name).ok()).filter(|_| !args.print);
    let is_open = match &browser {
        Some(browser) => {
            let _waiting = context.printer.progress("opening the browser");
            browser.open(&link.address).await
        }
        None => false,
    };
    if !is_open {
        if !args.print {
            context.printer.status("no browser can be opened here");
        }
        context.printer.status(format!(
            "link for user `{user}` of tenant `{tenant}`, works once, within 5 minutes:"
        ));
    }
    let shown = context.printer.print(&Opened {
        url: page,
        user_id: user,
        tenant_id: tenant,
        link: (!is_open).then(|| link.address.expose_secret().to_owned()),
    });
    match shown {
        Err(error) if !is_open => Err(link.take_back(&admin, error).await),
        shown => shown.map(|_| Streamed::DONE),
    }
}
