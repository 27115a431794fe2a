//! The address of a provider's API and the key for it, checked before they are used.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::outbound;

/// A provider's API key. Appears in no debug output and in no error.
#[derive(Debug, Clone)]
pub(super) struct ProviderKey(SecretString);

impl ProviderKey {
    /// `None` if the text cannot be a header's value.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// A text without the key: providers repeat a key that they refuse.
    pub(super) fn removed_from(&self, text: &str) -> String {
        text.replace(self.0.expose_secret(), "[key]")
    }

    /// The header's value, with `prefix` before the key.
    pub(super) fn header(&self, prefix: &str) -> HeaderValue {
        // `parse` accepts visible ASCII alone, so the fallback is never used.
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.0.expose_secret()))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// Where plain `http` is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainHttp {
    /// Anywhere: the operator set the address and knows the network (a model server beside the
    /// router).
    Anywhere,
    /// To this machine alone: a tenant's address, to which its key and conversations travel.
    Loopback,
}

/// The address of a provider's API: without a query, a fragment, or credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct BaseUrl(Url);

/// Why a text is not a [`BaseUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidBaseUrl {
    #[error("it must be an http(s) URL without credentials, query and fragment")]
    Form,
    #[error("it must begin with https://, except on this machine")]
    Plain,
}

impl BaseUrl {
    pub(super) fn parse(text: &str, plain: PlainHttp) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text).map_err(|_| InvalidBaseUrl::Form)?;
        let extras = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        match url.scheme() {
            _ if extras => Err(InvalidBaseUrl::Form),
            "https" => Ok(Self(url)),
            "http" if plain == PlainHttp::Anywhere || outbound::is_loopback(&url) => Ok(Self(url)),
            "http" => Err(InvalidBaseUrl::Plain),
            _ => Err(InvalidBaseUrl::Form),
        }
    }

    /// The address of a call: at `base`, or else at the provider's own address. `path` begins with
    /// a slash.
    pub(super) fn endpoint(base: Option<&Self>, default: &str, path: &str) -> String {
        match base {
            Some(base) => base.join(path),
            None => format!("{default}{path}"),
        }
    }

    fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// Whether the host is `domain` or inside it.
    pub(super) fn is_within(&self, domain: &str) -> bool {
        self.0.host_str().is_some_and(|host| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_addresses_are_https_or_on_this_machine() {
        let parse = |text| BaseUrl::parse(text, PlainHttp::Loopback).map(|url| url.join("/x"));
        assert_eq!(
            parse("https://a.example/v1/"),
            Ok("https://a.example/v1/x".to_owned())
        );
        for local in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(parse(local).is_ok(), "{local} was refused");
        }
        for plain in [
            "http://a.example",
            "http://10.0.0.1",
            "http://localhost.a.example",
        ] {
            assert_eq!(parse(plain), Err(InvalidBaseUrl::Plain), "{plain}");
        }
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://k@a.example",
            "https://a.example?x=1",
            "https://a.example/#x",
        ] {
            assert_eq!(parse(bad), Err(InvalidBaseUrl::Form), "{bad}");
        }
        assert!(BaseUrl::parse("http://ollama:11434/v1", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn a_host_is_within_its_domain_and_no_other() {
        let within = |text: &str| {
            BaseUrl::parse(text, PlainHttp::Loopback)
                .unwrap()
                .is_within("openai.com")
        };
        assert!(within("https://api.openai.com/v1"));
        assert!(within("https://openai.com"));
        assert!(!within("https://notopenai.com"));
        assert!(!within("https://openai.com.example"));
    }

    #[test]
    fn keys_are_in_no_debug_output() {
        let key = ProviderKey::parse("sk-secret").unwrap();
        let shown = format!("{key:?} {:?}", key.header("Bearer "));
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.ends_with("Sensitive"), "{shown}");
    }

    #[test]
    fn keys_that_no_header_can_hold_are_refused() {
        for bad in ["", "a b", "a\nb", "schlüssel"] {
            assert!(ProviderKey::parse(bad).is_none(), "{bad:?} was accepted");
        }
    }
}
