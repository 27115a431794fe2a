//! What an issuer publishes: where its keys are, and the keys.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::keys::KeySet;
use super::settings::OidcSettings;
use crate::outbound::{
    BodyError, Client, ClientError, Options, TransportError, client, read_bounded,
};

/// The longest answer that is read, in bytes. Issuers publish a few KB.
const MOST_BYTES: usize = 256 * 1024;

/// How long an issuer may take for both answers.
const TIME: Duration = Duration::from_secs(5);

/// An issuer's keys.
pub struct Found {
    pub(super) keys: KeySet,
}

impl Found {
    /// How many keys there are that can sign tokens.
    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

/// Why an issuer's keys are not there.
#[derive(Debug, thiserror::Error)]
pub enum NotFetched {
    /// No client can be made to ask with.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no answer.
    #[error("{0}")]
    Transport(#[from] TransportError),
    /// The answer broke off, or is too long.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The answer is no success.
    #[error("{at} answered with {status}")]
    Status {
        /// What was asked.
        at: Url,
        /// Its answer.
        status: StatusCode,
    },
    /// Nothing came in time.
    #[error("there was no answer within {} s", TIME.as_secs())]
    TooSlow,
    /// The answer is not what an issuer publishes.
    #[error("{at} answered with something else than {expected}")]
    Unreadable {
        /// What was asked.
        at: Url,
        /// What was expected there.
        expected: &'static str,
    },
    /// It is another issuer than the one that was set.
    #[error("it calls itself `{0}`, and tokens name it so: that must be set, letter by letter")]
    OtherIssuer(String),
    /// The keys are at an address that is not asked.
    #[error("its keys are at an address without TLS")]
    Unsafe,
    /// There is no key that could sign a token.
    #[error("it publishes no key that signs tokens by an accepted algorithm")]
    NoKeys,
}

/// The part of the issuer's document that is used.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: Url,
}

/// A client for an issuer. The operator chose the address: it may be in a private network.
pub(super) fn issuers_client() -> Result<Client, ClientError> {
    client(Options {
        connect_timeout: TIME,
        read_timeout: TIME,
        total_timeout: Some(TIME),
        ..Options::default()
    })
}

/// Asks an issuer for its keys, once.
///
/// # Errors
/// Why there are no keys.
pub async fn ask(settings: &OidcSettings) -> Result<Found, NotFetched> {
    fetch(&issuers_client()?, settings).await
}

pub(super) async fn fetch(client: &Client, settings: &OidcSettings) -> Result<Found, NotFetched> {
    tokio::time::timeout(TIME, fetch_both(client, settings))
        .await
        .map_err(|_| NotFetched::TooSlow)?
}

async fn fetch_both(client: &Client, settings: &OidcSettings) -> Result<Found, NotFetched> {
    let at = &settings.discovery;
    let document: Document = serde_json::from_slice(&answer(client, at).await?)
        .map_err(|_| unreadable(at, "an OpenID Connect configuration"))?;
    if document.issuer != settings.issuer {
        let own: String = document.issuer.chars().take(200).collect();
        return Err(NotFetched::OtherIssuer(own));
    }
    let at = &document.jwks_uri;
    if !settings.may_ask(at) {
        return Err(NotFetched::Unsafe);
    }
    let keys = KeySet::read(&answer(client, at).await?);
    let keys = keys.ok_or_else(|| unreadable(at, "a set of keys"))?;
    match keys.len() {
        0 => Err(NotFetched::NoKeys),
        _ => Ok(Found { keys }),
    }
}

async fn answer(client: &Client, at: &Url) -> Result<Vec<u8>, NotFetched> {
    let answer = client.send(client.get(at.clone())).await?;
    let status = answer.status();
    if !status.is_success() {
        return Err(NotFetched::Status {
            at: at.clone(),
            status,
        });
    }
    Ok(read_bounded(answer, MOST_BYTES).await?)
}

fn unreadable(at: &Url, expected: &'static str) -> NotFetched {
    NotFetched::Unreadable {
        at: at.clone(),
        expected,
    }
}
