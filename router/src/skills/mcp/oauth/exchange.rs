//! What the router sends to an authorization server: that it would be its client (RFC 7591), and a
//! code or a refresh token for tokens (RFC 6749, each with what the tokens are for: RFC 8707).

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{Authority, Grant, Problem, Registered, SignIns, answered};

/// The longest token and id of a client, in bytes: as much as servers take of a header.
const TOKEN_BYTES: usize = 8 * 1024;
/// The longest name of an error that is repeated.
const ERROR_BYTES: usize = 40;

/// What a sign-in gave.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    /// When it expires, where that is known.
    pub(crate) expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    token_type: Option<String>,
    refresh_token: Option<String>,
    /// A number by the standard; some send it as text.
    expires_in: Option<Value>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct RegistrationAnswer {
    client_id: Option<String>,
    client_secret: Option<String>,
    token_endpoint_auth_method: Option<String>,
}

impl SignIns {
    /// Registers the router with an authorization server.
    pub(super) async fn register(
        &self,
        authority: &Authority,
        redirect_uri: &Url,
    ) -> Result<Registered, Problem> {
        let endpoint = authority.registration_endpoint.clone();
        let endpoint = endpoint.ok_or(Problem::NotRegistered)?;
        let asked = json!({
            "client_name": "T3nets",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "web",
        });
        let request = self.client.post(endpoint).json(&asked);
        let (status, found) = answered::<RegistrationAnswer>(&self.client, request).await?;
        let found = found.filter(|_| status.is_success());
        let Some(found) = found else {
            return match status.is_server_error() {
                true => Err(Problem::Status(status)),
                false => Err(Problem::NotRegistered),
            };
        };
        let secret = found.client_secret.filter(|secret| !secret.is_empty());
        let id = found.client_id.filter(|id| is_sendable(id));
        let id = id.ok_or(Problem::Unusable("it gave no client id"))?;
        if secret.as_deref().is_some_and(|secret| !is_sendable(secret)) {
            return Err(Problem::Unusable("it gave no usable client secret"));
        }
        let method = found.token_endpoint_auth_method;
        Ok(Registered {
            id,
            by_form: match method.as_deref() {
                Some("client_secret_post") => true,
                Some("client_secret_basic") => false,
                _ => authority.takes_secret_in_form,
            },
            // It said that it wants none.
            secret: secret.filter(|_| method.as_deref() != Some("none")),
            is_known: false,
        })
    }

    /// Changes a code into tokens. `secret` is a known client's.
    pub(crate) async fn redeem(
        &self,
        grant: &Grant,
        secret: Option<&str>,
        code: (&str, &str),
        redirect_uri: &Url,
        now: Timestamp,
    ) -> Result<Tokens, Problem> {
        let (code, verifier) = code;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect_uri.as_str()),
        ];
        self.tokens(grant, secret, &pairs, now).await
    }

    /// Renews the tokens. `secret` is a known client's.
    pub(super) async fn refresh(
        &self,
        grant: &Grant,
        secret: Option<&str>,
        refresh_token: &str,
        now: Timestamp,
    ) -> Result<Tokens, Problem> {
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.tokens(grant, secret, &pairs, now).await
    }

    async fn tokens(
        &self,
        grant: &Grant,
        secret: Option<&str>,
        pairs: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Tokens, Problem> {
        let request = self.token_request(grant, secret, pairs)?;
        let (status, found) = answered::<TokenAnswer>(&self.client, request).await?;
        read(status, found, now)
    }

    fn token_request(
        &self,
        grant: &Grant,
        secret: Option<&str>,
        pairs: &[(&str, &str)],
    ) -> Result<RequestBuilder, Problem> {
        let client = &grant.client;
        let secret = match client.is_known {
            true => secret,
            false => client.secret.as_deref(),
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs)
            .append_pair("resource", &grant.resource);
        let mut request = self.client.post(grant.token_endpoint.clone());
        match secret {
            Some(secret) if !client.by_form => {
                request = request.header(AUTHORIZATION, basic(&client.id, secret)?);
            }
            secret => {
                form.append_pair("client_id", &client.id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret);
                }
            }
        }
        Ok(request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish()))
    }
}

fn read(status: StatusCode, found: Option<TokenAnswer>, now: Timestamp) -> Result<Tokens, Problem> {
    let refused = |error: &str| {
        let is_name = (1..=ERROR_BYTES).contains(&error.len())
            && error
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        Problem::Refused(if is_name { error } else { "error" }.to_owned())
    };
    let Some(found) = found else {
        return match status.is_success() {
            true => Err(Problem::Unusable("its answer cannot be read")),
            false => Err(Problem::Status(status)),
        };
    };
    match (&found.error, status) {
        // By these it says that it cannot at present.
        (_, status) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(Problem::Status(status));
        }
        (Some(error), _) => return Err(refused(error)),
        (None, status) if !status.is_success() => return Err(Problem::Status(status)),
        _ => {}
    }
    let kind = found.token_type.unwrap_or_default();
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(Problem::Unusable("it gives tokens of another kind"));
    }
    let access = found.access_token.filter(|token| is_sendable(token));
    let access = access.ok_or(Problem::Unusable("it gave no usable token"))?;
    let seconds = found.expires_in.as_ref().and_then(|value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    });
    let expires_at = seconds.map(|seconds: i64| {
        let life = SignedDuration::from_secs(seconds.clamp(0, 10 * 366 * 24 * 60 * 60));
        now.saturating_add(life).unwrap_or(Timestamp::MAX)
    });
    Ok(Tokens {
        access,
        refresh: found.refresh_token.filter(|token| is_sendable(token)),
        expires_at,
    })
}

fn is_sendable(token: &str) -> bool {
    (1..=TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1>: both are encoded as in a form.
fn basic(id: &str, secret: &str) -> Result<HeaderValue, Problem> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    let header = format!("Basic {}", BASE64.encode(pair.as_bytes()));
    let unusable = Problem::Unusable("the client's secret cannot be sent");
    let mut header = HeaderValue::try_from(header).map_err(|_| unusable)?;
    header.set_sensitive(true);
    Ok(header)
}
