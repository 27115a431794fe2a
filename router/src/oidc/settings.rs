//! Which issuer's tokens are accepted, and for what audience.

use url::Url;

use crate::outbound::is_loopback;

/// The variable that names the issuer.
pub const ISSUER_VARIABLE: &str = "T3NETS_OIDC_ISSUER";

/// The variable that names the audience.
pub const AUDIENCE_VARIABLE: &str = "T3NETS_OIDC_AUDIENCE";

/// Where an issuer publishes what it is
/// (<https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig>).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Whose tokens a router accepts, and for whom they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// The issuer, letter by letter as tokens have it.
    pub(super) issuer: String,
    /// What a token must be for.
    pub(super) audience: String,
    /// Where the issuer says where its keys are.
    pub(super) discovery: Url,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidOidc {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, as a fragment.
    pub reason: String,
}

impl OidcSettings {
    /// Reads both variables through `lookup`; `None` if neither is set. On this machine
    /// (`is_local`) the issuer may be without TLS.
    ///
    /// # Errors
    /// If one is set without the other, or the issuer is no address that can be asked.
    pub fn from_env(
        lookup: impl Fn(&str) -> Option<String>,
        is_local: bool,
    ) -> Result<Option<Self>, InvalidOidc> {
        let get = |name| {
            let value = lookup(name).map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty())
        };
        match (get(ISSUER_VARIABLE), get(AUDIENCE_VARIABLE)) {
            (None, None) => Ok(None),
            (Some(issuer), Some(audience)) => Self::new(issuer, audience, is_local).map(Some),
            (Some(_), None) => Err(without(ISSUER_VARIABLE, AUDIENCE_VARIABLE)),
            (None, Some(_)) => Err(without(AUDIENCE_VARIABLE, ISSUER_VARIABLE)),
        }
    }

    fn new(issuer: String, audience: String, is_local: bool) -> Result<Self, InvalidOidc> {
        let discovery = discovery_of(&issuer, is_local).ok_or_else(|| InvalidOidc {
            variable: ISSUER_VARIABLE,
            reason: "it must be an https address, without a user's name, query and fragment"
                .to_owned(),
        })?;
        Ok(Self {
            issuer,
            audience,
            discovery,
        })
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether keys may be fetched from there: by TLS, or on this machine like the issuer itself.
    pub(super) fn may_ask(&self, url: &Url) -> bool {
        is_safe(url, self.discovery.scheme() == "http")
    }
}

fn without(set: &'static str, missing: &'static str) -> InvalidOidc {
    InvalidOidc {
        variable: set,
        reason: format!(
            "`{missing}` is not set: tokens are accepted of one issuer for one audience"
        ),
    }
}

fn discovery_of(issuer: &str, is_local: bool) -> Option<Url> {
    let mut url = Url::parse(issuer).ok()?;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    if !is_plain || !is_safe(&url, is_local) {
        return None;
    }
    let path = format!("{}{DISCOVERY}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

fn is_safe(url: &Url, may_be_in_clear: bool) -> bool {
    let is_secure = match url.scheme() {
        "https" => true,
        "http" => may_be_in_clear && is_loopback(url),
        _ => false,
    };
    is_secure && url.has_host() && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(issuer: &str, audience: &str, is_local: bool) -> Result<Option<String>, InvalidOidc> {
        let lookup = |name: &str| match name {
            ISSUER_VARIABLE => Some(issuer.to_owned()),
            _ => Some(audience.to_owned()),
        };
        let settings = OidcSettings::from_env(lookup, is_local)?;
        Ok(settings.map(|settings| settings.discovery.to_string()))
    }

    #[test]
    fn an_issuer_is_asked_below_its_own_path() {
        for (issuer, asked) in [
            ("https://login.example.com", "https://login.example.com"),
            ("https://login.example.com/", "https://login.example.com"),
            (
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
            ),
        ] {
            let asked = format!("{asked}/.well-known/openid-configuration");
            assert_eq!(read(issuer, "t3nets", false), Ok(Some(asked)));
        }
        assert_eq!(read("", " ", false), Ok(None));
    }

    #[test]
    fn one_setting_without_the_other_is_refused() {
        let error = read("https://login.example.com", "", false).unwrap_err();
        assert_eq!(error.variable, ISSUER_VARIABLE);
        assert!(error.reason.contains(AUDIENCE_VARIABLE), "{error}");
        let error = read("", "t3nets", false).unwrap_err();
        assert_eq!(error.variable, AUDIENCE_VARIABLE);
        assert!(error.reason.contains(ISSUER_VARIABLE), "{error}");
    }

    #[test]
    fn an_issuer_is_https_or_on_this_machine_where_that_is_the_platform() {
        let on_this_machine = "http://127.0.0.1:8081/realms/team";
        assert!(read(on_this_machine, "t3nets", true).is_ok());
        for wrong in [
            on_this_machine,
            "login.example.com",
            "http://login.example.com",
            "ftp://login.example.com",
            "https://ada:word@login.example.com",
            "https://login.example.com/?a=b",
            "https://login.example.com/#a",
        ] {
            let error = read(wrong, "t3nets", false).unwrap_err();
            assert_eq!(error.variable, ISSUER_VARIABLE, "{wrong}");
        }
        assert!(read("http://10.0.0.1", "t3nets", true).is_err());
    }
}
