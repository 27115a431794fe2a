//! The address by which people reach a router. It is configured and never taken from a request,
//! whose sender could choose it: a sign-in elsewhere sends its user back there.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::model::IntegrationName;
use crate::outbound::is_loopback;

/// The variable that holds it.
pub const PUBLIC_URL_VARIABLE: &str = "T3NETS_PUBLIC_URL";

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// No address of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be an https address without a path, such as https://t3nets.example.com")]
pub struct InvalidPublicUrl;

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url: Url = text.trim().parse().map_err(|_| InvalidPublicUrl)?;
        let is_secure = match url.scheme() {
            "https" => url.has_host(),
            "http" => is_loopback(&url),
            _ => false,
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        match is_secure && is_bare && !has_user {
            true => Ok(Self(url)),
            false => Err(InvalidPublicUrl),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl PublicUrl {
    /// Where the sign-in of this integration's server sends its users back to. Each has its own, so
    /// that what one of them answers is never taken for another's
    /// (<https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2.2>).
    pub(crate) fn redirect_uri(&self, integration: &IntegrationName) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("/oauth/callback/{integration}"));
        url
    }

    /// Where the page has a user's own connections, and this one among them.
    pub(crate) fn connections(&self, integration: &IntegrationName) -> Url {
        let mut url = self.0.clone();
        url.set_path("/dashboard");
        url.query_pairs_mut()
            .append_pair("view", "connections")
            .append_pair("card", integration.as_str());
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_https_address_without_a_path() {
        for good in [
            "https://t3nets.example.com",
            " https://t3nets.example.com:8443/ ",
            "http://127.0.0.1:8080/",
            "http://localhost:8080",
        ] {
            assert!(good.parse::<PublicUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "t3nets.example.com",
            "http://t3nets.example.com",
            "https://t3nets.example.com/chat",
            "https://t3nets.example.com/?a",
            "https://ada:word@t3nets.example.com",
            "javascript:alert(1)",
        ] {
            assert_eq!(bad.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{bad}");
        }
    }

    #[test]
    fn each_server_has_a_way_back_of_its_own() {
        let url: PublicUrl = "https://t3nets.example.com/".parse().unwrap();
        let name = "mcp-docs".parse().unwrap();
        assert_eq!(
            url.redirect_uri(&name).as_str(),
            "https://t3nets.example.com/oauth/callback/mcp-docs"
        );
        assert_eq!(
            url.connections(&name).as_str(),
            "https://t3nets.example.com/dashboard?view=connections&card=mcp-docs"
        );
    }
}
