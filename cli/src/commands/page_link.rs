//! One-time links to the web page: whoever has one first is signed in as its user.

use std::fmt;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use t3nets_router::admin::Admin;
use t3nets_router::model::{ApiKey, TenantId, User, UserId, UserRole};
use url::Url;

use super::router_url::{self, is_readable_on_the_way, own_url};
use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::error::CliError;

/// Where the page is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PageFlag {
    /// The page's address [default: that of the environment's router]
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
}

impl PageFlag {
    /// The one that was given, or the router's own.
    ///
    /// # Errors
    /// If none is known; if the link could be read on its way there.
    pub(crate) async fn resolve(self, context: &Context) -> Result<Url, CliError> {
        let url = match self.url {
            Some(url) => router_url::checked(url)?,
            None => own_url(context).await?,
        };
        if is_readable_on_the_way(&url) {
            let not_encrypted = format!("{url} is not encrypted");
            match context.settings.environment()?.platform {
                PlatformKind::Aws => {
                    return Err(CliError::not_ready(format!(
                        "{not_encrypted}, so no link is made for it"
                    ))
                    .hint("give an `https` address with `--url`"));
                }
                PlatformKind::Local => context.printer.warning(format!(
                    "{not_encrypted}: others on the network can read the link and what follows"
                )),
            }
        }
        Ok(url)
    }
}

/// A link that was made.
pub(crate) struct PageLink {
    /// The address with the link in it.
    pub(crate) address: SecretString,
    /// What is stored of it.
    pub(crate) stored: ApiKey,
}

impl fmt::Debug for PageLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stored.fmt(f)
    }
}

impl PageLink {
    /// Makes one.
    ///
    /// # Errors
    /// If there is no such user, or it would work for too long.
    pub(crate) async fn make(
        admin: &Admin,
        tenant: &TenantId,
        user: &UserId,
        life: SignedDuration,
        page: &Url,
    ) -> Result<Self, CliError> {
        let link = admin.invite(tenant, user, life).await?;
        Ok(Self {
            address: address_of(page, link.key.expose_secret()),
            stored: link.stored,
        })
    }

    /// Takes back one that nobody has.
    pub(crate) async fn take_back(&self, admin: &Admin, error: CliError) -> CliError {
        match admin.revoke_key(&self.stored).await {
            Ok(()) => error.hint(format!("the new link `{}` was revoked", self.stored.prefix)),
            Err(_) => error.hint_command(
                format!(
                    "key revoke -t {} {}",
                    self.stored.tenant_id, self.stored.prefix
                ),
                "revokes the new link, which nobody has",
            ),
        }
    }
}

/// The token is in the fragment, which a browser sends to nobody: it is in no log of a server.
fn address_of(page: &Url, token: &str) -> SecretString {
    let mut address = page.clone();
    address.set_query(None);
    address.set_fragment(Some(&format!("link={token}")));
    SecretString::from(String::from(address))
}

/// Who an operator is in a tenant, where they do not say: its first admin by id, else the first
/// user there is.
///
/// # Errors
/// Not ready if it has none.
pub(crate) async fn usual_user(admin: &Admin, tenant: &TenantId) -> Result<User, CliError> {
    let mut users = admin.users(tenant).await?;
    let first = users.iter().position(|user| user.role == UserRole::Admin);
    match users.is_empty() {
        false => Ok(users.swap_remove(first.unwrap_or(0))),
        true => Err(
            CliError::not_ready(format!("tenant `{tenant}` has no users"))
                .hint_command("tenant add-user", "adds one"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_in_the_fragment_of_the_pages_address() {
        for (page, link) in [
            (
                "http://127.0.0.1:8080/",
                "http://127.0.0.1:8080/#link=t3i_x",
            ),
            ("https://a.example", "https://a.example/#link=t3i_x"),
            (
                "https://a.example/app?q=1#old",
                "https://a.example/app#link=t3i_x",
            ),
        ] {
            let address = address_of(&page.parse().unwrap(), "t3i_x");
            assert_eq!(address.expose_secret(), link);
        }
    }
}
