//! What is stored of a sign-in beside its token. Pure.
//!
//! The token itself is where a token that was entered is, so that a server is called with either in
//! the same way.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::Tokens;
use crate::model::{JsonObject, SecretDocument};

/// The field in which it is stored.
pub(crate) const FIELD: &str = "oauth";
/// The field of the token.
const TOKEN: &str = "token";
/// A token is renewed when it has so long to go, or less.
const RENEWED_FROM: SignedDuration = SignedDuration::from_secs(60);

/// What a sign-in gave beside the token, and what renewing it needs.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// Scheme, host and port of the server that it is for.
    pub(crate) server: String,
    pub(crate) resource: String,
    pub(crate) issuer: String,
    pub(crate) token_endpoint: Url,
    pub(crate) client: Registered,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// What the server asked for later, beside what it usually asks for: scopes with spaces
    /// between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) more_scopes: Option<String>,
    /// When it was found that the user has to sign in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
}

/// The router as a client of an authorization server.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Registered {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// Whether an administrator stored it: its secret is in the server's settings.
    #[serde(default)]
    pub(crate) is_known: bool,
    /// Whether the secret is sent in the form, and not in the head.
    #[serde(default)]
    pub(crate) by_form: bool,
}

/// Whether a stored token can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As far as is known.
    Works,
    /// It can be, but should be renewed.
    IsDue,
    /// It expired, and can be renewed.
    Expired,
    /// Not before the user signs in again; since when.
    Ended(Timestamp),
}

impl Grant {
    /// What is stored of a sign-in; `None` of a token that was entered.
    pub(crate) fn of(document: &SecretDocument) -> Option<Self> {
        serde_json::from_value(document.fields().get(FIELD)?.clone()).ok()
    }

    /// Whether its token can be used. `was_refused` is what the server said of it.
    pub(crate) fn standing(&self, now: Timestamp, was_refused: bool) -> Standing {
        if let Some(ended) = self.ended_at {
            return Standing::Ended(ended);
        }
        let left = self.expires_at.map(|end| end.duration_since(now));
        let is_over = was_refused || left.is_some_and(|left| !left.is_positive());
        let is_due = left.is_some_and(|left| left <= RENEWED_FROM);
        match (is_over, is_due, &self.refresh_token) {
            (true, _, None) => Standing::Ended(self.expires_at.unwrap_or(now).min(now)),
            (true, _, Some(_)) => Standing::Expired,
            (false, true, Some(_)) => Standing::IsDue,
            (false, ..) => Standing::Works,
        }
    }

    /// The grant with what a sign-in or a renewal gave. Who gives no new refresh token leaves the
    /// one before.
    pub(crate) fn with(mut self, tokens: &Tokens) -> Self {
        if tokens.refresh.is_some() {
            self.refresh_token.clone_from(&tokens.refresh);
        }
        self.expires_at = tokens.expires_at;
        self.ended_at = None;
        self
    }

    /// The document with the grant and its token in place of any other.
    pub(crate) fn stored_in(&self, document: &SecretDocument, token: &str) -> SecretDocument {
        let mut fields = document.fields().clone();
        fields.insert(TOKEN.to_owned(), json!(token));
        self.put_into(&mut fields);
        SecretDocument::new(fields)
    }

    /// The document without a token, where the user has to sign in again.
    pub(crate) fn ended_in(mut self, document: &SecretDocument, now: Timestamp) -> SecretDocument {
        let mut fields = document.fields().clone();
        fields.remove(TOKEN);
        self.refresh_token = None;
        self.ended_at = Some(now);
        self.put_into(&mut fields);
        SecretDocument::new(fields)
    }

    fn put_into(&self, fields: &mut JsonObject) {
        let value = serde_json::to_value(self).unwrap_or(Value::Null);
        fields.insert(FIELD.to_owned(), value);
    }
}

/// Since when a document's user has to sign in again; `None` if they need not.
pub(crate) fn ended(document: &SecretDocument, now: Timestamp) -> Option<Timestamp> {
    match Grant::of(document)?.standing(now, false) {
        Standing::Ended(since) => Some(since),
        Standing::Works | Standing::IsDue | Standing::Expired => None,
    }
}

/// Whether a document's token can be renewed where a server does not take it any more.
pub(crate) fn is_renewable(document: &SecretDocument) -> bool {
    Grant::of(document).is_some_and(|grant| grant.refresh_token.is_some())
}

/// Takes a sign-in's away: another token was entered, or the server is another.
pub(crate) fn take_away(fields: &mut JsonObject) -> bool {
    fields.remove(FIELD).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(expires_in: Option<i64>, refresh_token: Option<&str>) -> Grant {
        let now = Timestamp::UNIX_EPOCH;
        Grant {
            server: "https://mcp.example".to_owned(),
            resource: "https://mcp.example/mcp".to_owned(),
            issuer: "https://a.example".to_owned(),
            token_endpoint: Url::parse("https://a.example/token").unwrap(),
            client: Registered {
                id: "c".to_owned(),
                secret: None,
                is_known: false,
                by_form: false,
            },
            refresh_token: refresh_token.map(str::to_owned),
            expires_at: expires_in.map(|seconds| now + SignedDuration::from_secs(seconds)),
            more_scopes: None,
            ended_at: None,
        }
    }

    #[test]
    fn a_token_is_renewed_before_it_expires_and_asked_for_again_where_it_cannot_be() {
        let now = Timestamp::UNIX_EPOCH;
        for (expires_in, refresh, was_refused, expected) in [
            (None, None, false, Standing::Works),
            (None, None, true, Standing::Ended(now)),
            (None, Some("r"), true, Standing::Expired),
            (Some(61), Some("r"), false, Standing::Works),
            (Some(60), Some("r"), false, Standing::IsDue),
            (Some(60), None, false, Standing::Works),
            (Some(0), Some("r"), false, Standing::Expired),
            (Some(0), None, false, Standing::Ended(now)),
        ] {
            let standing = grant(expires_in, refresh).standing(now, was_refused);
            assert_eq!(
                standing, expected,
                "{expires_in:?} {refresh:?} {was_refused}"
            );
        }
    }

    #[test]
    fn who_gives_no_new_refresh_token_leaves_the_one_before() {
        let tokens = |refresh: Option<&str>| Tokens {
            access: "a".to_owned(),
            refresh: refresh.map(str::to_owned),
            expires_at: None,
        };
        let before = grant(Some(0), Some("first"));
        let kept = before.clone().with(&tokens(None));
        assert_eq!(kept.refresh_token.as_deref(), Some("first"));
        let rotated = before.with(&tokens(Some("second")));
        assert_eq!(rotated.refresh_token.as_deref(), Some("second"));
    }

    #[test]
    fn an_ended_one_holds_no_token() {
        let document = SecretDocument::default();
        let stored = grant(Some(0), Some("refresh-s3cret")).stored_in(&document, "access-s3cret");
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(ended(&stored, now), None);
        let over = Grant::of(&stored).unwrap().ended_in(&stored, now);
        assert!(
            !serde_json::to_string(over.fields())
                .unwrap()
                .contains("s3cret")
        );
        assert_eq!(ended(&over, now), Some(now));
    }
}
