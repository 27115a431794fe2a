//! How a request says whose it is: an API key in its head, or the cookie of a session.

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::auth::unauthorized;
use super::error::ApiError;
use crate::model::TokenKind;
use crate::oidc::is_jwt;

/// The header in which the page repeats its session's CSRF token.
pub(super) static CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// How long a browser keeps the cookie, in seconds: as long as one may
/// (<https://www.rfc-editor.org/rfc/rfc6265>, 400 days by its successor). When a session ends, the
/// store says.
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

/// A credential as it was sent.
#[derive(Clone, Copy)]
pub(super) enum Credential<'a> {
    /// One that T3nets made.
    Own(Presented<'a>),
    /// A token of the environment's issuer.
    Jwt(&'a str),
}

/// A credential that T3nets made, as it was sent.
#[derive(Clone, Copy)]
pub(super) struct Presented<'a> {
    /// What it is by where it was sent, and by how it begins.
    pub(super) kind: TokenKind,
    pub(super) token: &'a str,
}

/// The sessions' cookie, in the form that the platform wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookies {
    /// Whether the router is reached by HTTPS alone.
    is_secure: bool,
}

impl Cookies {
    /// Of a router on this platform. On AWS a front with TLS is before it; on one's own machine
    /// there is none.
    pub(super) fn on(platform: &str) -> Self {
        Self {
            is_secure: platform == "aws",
        }
    }

    fn name(self) -> &'static str {
        match self.is_secure {
            // No subdomain, and nothing without TLS, can set one of this name.
            true => "__Host-t3nets",
            false => "t3nets",
        }
    }

    /// The credential of a request. One in the head comes before a cookie, which browsers send by
    /// themselves.
    ///
    /// # Errors
    /// If the header holds something else than an API key or a token.
    pub(super) fn presented(self, headers: &HeaderMap) -> Result<Option<Credential<'_>>, ApiError> {
        if let Some(header) = headers.get(AUTHORIZATION) {
            let token = header.to_str().ok().and_then(bearer).ok_or_else(|| {
                unauthorized("the `Authorization` header must be `Bearer` followed by an API key")
            })?;
            let kind = TokenKind::Key;
            return match TokenKind::of(token) {
                // A session that is taken here would need no CSRF token.
                Some(TokenKind::Session | TokenKind::Link | TokenKind::Recovery) => {
                    Err(unauthorized("this is not an API key"))
                }
                None if is_jwt(token) => Ok(Some(Credential::Jwt(token))),
                Some(TokenKind::Key) | None => Ok(Some(Credential::Own(Presented { kind, token }))),
            };
        }
        let token = self.session(headers);
        Ok(token.map(|token| {
            let kind = TokenKind::Session;
            Credential::Own(Presented { kind, token })
        }))
    }

    /// The session in the cookie.
    pub(super) fn session(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(COOKIE).into_iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = named.find(|(name, _)| *name == self.name())?;
        Some(token).filter(|token| TokenKind::of(token) == Some(TokenKind::Session))
    }

    /// The header that gives a browser a session.
    pub(super) fn set(self, token: &str) -> Result<HeaderValue, ApiError> {
        self.header(token, MAX_AGE)
    }

    /// The header that takes it away.
    pub(super) fn clear(self) -> Result<HeaderValue, ApiError> {
        self.header("", 0)
    }

    fn header(self, token: &str, max_age: u32) -> Result<HeaderValue, ApiError> {
        let (name, secure) = (self.name(), if self.is_secure { "; Secure" } else { "" });
        let cookie =
            format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}");
        let mut value = HeaderValue::try_from(cookie)
            .map_err(|_| ApiError::internal(super::error::Cause::Unexplained))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The token that a session's page has to send with whatever changes something: other sites may
/// make a browser send the cookie, but cannot read this.
pub(super) fn csrf_token(session: &str) -> String {
    let digest = Sha256::new().chain_update("csrf ").chain_update(session);
    data_encoding::HEXLOWER.encode(&digest.finalize())
}

/// Whether a request has the CSRF token of its session.
pub(super) fn has_csrf_token(headers: &HeaderMap, session: &str) -> bool {
    let expected = csrf_token(session);
    let given = headers.get(&CSRF).map(HeaderValue::as_bytes);
    given.is_some_and(|given| given.ct_eq(expected.as_bytes()).into())
}

/// The credential in an `Authorization` header's value.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_key_is_a_credential() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for bad in ["", "abc", "Basic abc", "Bearer", "Bearer ", "Bearer  "] {
            assert_eq!(bearer(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_session_is_taken_from_the_cookie_of_its_platform_alone() {
        let headers = |cookies: &[&str]| -> HeaderMap {
            let values = cookies
                .iter()
                .map(|cookie| HeaderValue::from_str(cookie).unwrap());
            values.map(|value| (COOKIE, value)).collect()
        };
        let (local, aws) = (Cookies::on("local"), Cookies::on("aws"));
        let of =
            |cookies: Cookies, lines: &[&str]| cookies.session(&headers(lines)).map(str::to_owned);
        let token = Some("t3s_a".to_owned());
        assert_eq!(of(local, &["a=b; t3nets=t3s_a"]), token);
        assert_eq!(of(local, &["a=b", "t3nets=t3s_a"]), token);
        assert_eq!(of(aws, &["__Host-t3nets=t3s_a"]), token);
        assert_eq!(of(aws, &["t3nets=t3s_a"]), None);
        assert_eq!(of(local, &["t3nets=t3n_a", "x"]), None);
        let set = aws.set("t3s_a").unwrap();
        assert!(set.to_str().unwrap().ends_with("; Secure") && set.is_sensitive());
    }
}
