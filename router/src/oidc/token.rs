//! A token: told from an API key, verified, and read.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;

use super::keys::{Key, KeySet};
use super::settings::OidcSettings;
use crate::model::TenantId;

/// The longest token, in bytes. API Gateway takes 10,240 of a request's line and headers together
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MOST_BYTES: usize = 8 * 1024;

/// How far the issuer's clock and this one may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// What a verified token says of its bearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) tenant: TenantId,
    /// An address that the issuer verified to be theirs.
    pub(crate) email: String,
    pub(crate) expires_at: Timestamp,
}

impl Claimed {
    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        has_ended(self.expires_at, now)
    }
}

/// Why a token is not accepted. The messages stand in a header, too, and repeat nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the token is longer than 8 KiB")]
    TooLong,
    #[error("the token cannot be read")]
    Malformed,
    #[error("the token is of another type than an ID or access token")]
    Type,
    #[error("the token is not signed by an accepted algorithm of its key")]
    Algorithm,
    #[error("the token does not say which of the issuer's keys signed it")]
    NoKeyId,
    #[error("the token's key is none of the issuer's")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token has no end")]
    NoExpiry,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token names no tenant")]
    NoTenant,
    #[error("the token has no e-mail address")]
    NoEmail,
    #[error("the token's e-mail address is not verified")]
    Unverified,
}

/// Whether a credential has the form of a signed token: three parts in base64. API keys of T3nets
/// have no dot in them.
pub(crate) fn is_jwt(credential: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut parts = credential.split('.');
    let (head, claims) = (parts.next(), parts.next());
    let rest = (parts.next(), parts.next());
    matches!((head, claims, rest), (Some(head), Some(claims), (Some(_), None))
        if !head.is_empty() && !claims.is_empty())
        && credential
            .bytes()
            .all(|byte| byte == b'.' || is_base64(byte))
}

/// What a token says of how it is signed. Nothing of it is proven.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) key_id: Option<String>,
    pub(super) algorithm: Algorithm,
}

impl Head {
    /// # Errors
    /// If the token is longer than any should be, has no such head, or is signed in a way that is
    /// never accepted.
    pub(super) fn read(token: &str) -> Result<Self, Refused> {
        /// <https://www.rfc-editor.org/rfc/rfc7515#section-4.1>
        #[derive(Deserialize)]
        struct Json {
            alg: String,
            kid: Option<String>,
            typ: Option<String>,
            crit: Option<serde::de::IgnoredAny>,
        }
        if token.len() > MOST_BYTES {
            return Err(Refused::TooLong);
        }
        let head = token.split('.').next().unwrap_or_default();
        let head = BASE64URL_NOPAD.decode(head.as_bytes());
        let head = head.map_err(|_| Refused::Malformed)?;
        let head: Json = serde_json::from_slice(&head).map_err(|_| Refused::Malformed)?;
        // What must be understood to be accepted is not.
        if head.crit.is_some() {
            return Err(Refused::Malformed);
        }
        // Others that issuers sign, such as `logout+jwt`, let nobody in
        // (https://www.rfc-editor.org/rfc/rfc8725#section-3.11).
        if let Some(kind) = &head.typ {
            let kind = kind.to_ascii_lowercase();
            let kind = kind.strip_prefix("application/").unwrap_or(&kind);
            if !matches!(kind, "jwt" | "at+jwt") {
                return Err(Refused::Type);
            }
        }
        Ok(Self {
            algorithm: accepted(&head.alg).ok_or(Refused::Algorithm)?,
            key_id: head.kid,
        })
    }
}

/// Signatures by a private key alone: whoever knows the public one could make the others.
fn accepted(algorithm: &str) -> Option<Algorithm> {
    match algorithm {
        "RS256" => Some(Algorithm::RS256),
        "RS384" => Some(Algorithm::RS384),
        "RS512" => Some(Algorithm::RS512),
        "PS256" => Some(Algorithm::PS256),
        "ES256" => Some(Algorithm::ES256),
        "ES384" => Some(Algorithm::ES384),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// Verifies a token with the issuer's keys.
pub(super) fn verify(
    token: &str,
    head: &Head,
    keys: &KeySet,
    settings: &OidcSettings,
    now: Timestamp,
) -> Result<Claimed, Refused> {
    let key = keys.key(head.key_id.as_deref(), head.algorithm)?;
    claims(token, head.algorithm, key)?.check(settings, now)
}

/// What a token says, once its signature is verified.
fn claims(token: &str, algorithm: Algorithm, key: &Key) -> Result<Claims, Refused> {
    // Times and names are checked by the router's own clock and rules, in `Claims::check`.
    let mut signature_alone = Validation::new(algorithm);
    signature_alone.required_spec_claims.clear();
    signature_alone.validate_exp = false;
    signature_alone.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &signature_alone);
    let data = decoded.map_err(|error| match error.kind() {
        ErrorKind::Json(_) | ErrorKind::Utf8(_) | ErrorKind::Base64(_) => Refused::Malformed,
        _ => Refused::Signature,
    })?;
    Ok(data.claims)
}

/// What is read of a token's claims.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<OneOrMore>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    tenant_id: Option<String>,
    /// Cognito's name for an attribute `tenant_id` of the pool's own
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html>).
    #[serde(rename = "custom:tenant_id")]
    custom_tenant_id: Option<String>,
    email: Option<String>,
    email_verified: Option<Flag>,
    /// What Microsoft Entra says instead: the address's domain is the directory's own
    /// (<https://learn.microsoft.com/entra/identity-platform/optional-claims-reference>).
    xms_edov: Option<Flag>,
    /// Cognito's access tokens name their client here, and have no `aud`
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>).
    client_id: Option<String>,
    token_use: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// A truth, which some issuers write as a text or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Truth(bool),
    Text(String),
    Number(f64),
}

impl Flag {
    fn is_true(&self) -> bool {
        match self {
            Self::Truth(truth) => *truth,
            Self::Text(text) => matches!(&**text, "true" | "1"),
            Self::Number(number) => *number == 1.0,
        }
    }
}

impl Claims {
    fn check(self, settings: &OidcSettings, now: Timestamp) -> Result<Claimed, Refused> {
        if self.iss.as_deref() != Some(&*settings.issuer) {
            return Err(Refused::Issuer);
        }
        if !self.is_for(&settings.audience) {
            return Err(Refused::Audience);
        }
        let expires_at = timestamp(self.exp.ok_or(Refused::NoExpiry)?);
        let begins = [self.nbf, self.iat].into_iter().flatten().map(timestamp);
        if begins.into_iter().any(|begin| begin > later(now)) {
            return Err(Refused::NotYet);
        }
        if has_ended(expires_at, now) {
            return Err(Refused::Expired);
        }
        let tenant = match (self.tenant_id, self.custom_tenant_id) {
            (Some(one), Some(other)) if one != other => None,
            (one, other) => one.or(other),
        };
        let tenant = tenant.and_then(|tenant| tenant.parse().ok());
        let tenant = tenant.ok_or(Refused::NoTenant)?;
        let email = self.email.filter(|email| !email.is_empty());
        let email = email.ok_or(Refused::NoEmail)?;
        let is_verified = self.email_verified.or(self.xms_edov);
        if !is_verified.is_some_and(|flag| flag.is_true()) {
            return Err(Refused::Unverified);
        }
        Ok(Claimed {
            tenant,
            email,
            expires_at,
        })
    }

    fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Some(OneOrMore::One(own)) => own == audience,
            Some(OneOrMore::More(own)) => own.iter().any(|own| own == audience),
            None => {
                self.token_use.as_deref() == Some("access")
                    && self.client_id.as_deref() == Some(audience)
            }
        }
    }
}

/// Seconds since 1970, perhaps with a fraction
/// (<https://www.rfc-editor.org/rfc/rfc7519#section-2>).
fn timestamp(seconds: f64) -> Timestamp {
    // What is beyond any time is the last or the first that there is.
    #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
    let whole = seconds as i64;
    Timestamp::from_second(whole).unwrap_or(match whole < 0 {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    })
}

fn has_ended(expires_at: Timestamp, now: Timestamp) -> bool {
    now >= later(expires_at)
}

fn later(time: Timestamp) -> Timestamp {
    time.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
