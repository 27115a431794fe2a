//! Signing in to an MCP server by OAuth 2.1, as the protocol says
//! (<https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization>).
//!
//! A server names who signs people in for it (`discovery`); there the router is a client, known or
//! registered, that asks for a code and changes it into tokens (`exchange`); what they are for, and
//! whether they still work, stands beside them in the secret (`grant`); `renewal` renews them, once
//! for all processes of the service; `scopes` has what a server asks for later. The server and its
//! authorization server are others' programs, which the tenant chose: every request goes through
//! the one client of tenants' addresses, and what they answer is bounded and checked before it is
//! used.
//!
//! Not here: who may sign in, and what is remembered meanwhile ([`crate::admin::secrets`]).

mod challenge;
mod discovery;
mod exchange;
pub(crate) mod grant;
mod renewal;
pub(crate) mod scopes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use reqwest::header::ACCEPT;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use url::Url;

pub(super) use self::challenge::Challenge;
pub(crate) use self::discovery::Authority;
pub(crate) use self::exchange::Tokens;
pub(crate) use self::grant::{Grant, Registered};
pub(crate) use self::renewal::Held;
use crate::model::IntegrationName;
use crate::outbound::{self, BodyError, Client, ClientError, Options, Reach, TransportError};
use crate::skills::{SkillError, SkillErrorKind};

/// The longest answer to one request, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// How long authorization servers are waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The longest time of one exchange.
    pub(crate) one: Duration,
    /// The longest time for all that is asked before a user is sent to sign in.
    pub(crate) beginning: Duration,
}

impl Patience {
    /// That of a router.
    pub(crate) const USUAL: Self = Self {
        one: Duration::from_secs(8),
        beginning: Duration::from_secs(20),
    };
}

/// Why there is no sign-in, or no token. Holds nothing that was secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("it offers no sign-in")]
    NotOffered,
    #[error("its sign-in cannot be used: {0}")]
    Unusable(&'static str),
    #[error("its sign-in takes no client that it does not know")]
    NotRegistered,
    #[error("its sign-in refused the request (`{0}`)")]
    Refused(String),
    #[error("its sign-in cannot be reached: {0}")]
    Unreachable(String),
    #[error("its sign-in is at an address that tenants' servers may not lead to")]
    Forbidden,
    #[error("its sign-in answered with status {0}")]
    Status(StatusCode),
    #[error("its sign-in did not answer in time")]
    TooSlow,
    #[error("the account is not connected any more")]
    Ended,
}

impl From<TransportError> for Problem {
    fn from(error: TransportError) -> Self {
        match error.is_forbidden() {
            true => Self::Forbidden,
            false => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLong { .. } => Self::Unusable("its answer is too long"),
            BodyError::Transport(error) => error.into(),
        }
    }
}

impl Problem {
    /// The problem as users are told of it.
    pub(crate) fn of(self, integration: &IntegrationName) -> SkillError {
        let kind = match &self {
            Self::NotOffered | Self::Unusable(_) | Self::NotRegistered | Self::Forbidden => {
                SkillErrorKind::Configuration
            }
            Self::Refused(_) | Self::Ended => SkillErrorKind::Denied,
            Self::TooSlow => SkillErrorKind::TimedOut,
            Self::Unreachable(_) | Self::Status(_) => SkillErrorKind::Unavailable,
        };
        let hint = match &self {
            Self::NotOffered => Some("enter a token instead".to_owned()),
            Self::NotRegistered => Some(format!(
                "an administrator registers T3nets there, and stores `client_id` with `t3nets secret set {integration}`"
            )),
            Self::Refused(_) | Self::Ended => Some("connect the account again".to_owned()),
            _ => None,
        };
        SkillError {
            kind,
            message: format!("the MCP server of `{integration}` cannot be connected: {self}"),
            hint,
        }
    }
}

/// The way to servers' sign-ins.
pub(crate) struct SignIns {
    client: Client,
    patience: Patience,
    tasks: TaskTracker,
}

/// A client that the tenant's administrator registered with a server's sign-in.
#[derive(Clone, Default)]
pub(crate) struct KnownClient {
    pub(crate) id: Option<String>,
    /// What to ask for, in place of what the server says.
    pub(crate) scopes: Option<String>,
    /// What to ask for beside it.
    pub(crate) more_scopes: Option<String>,
}

/// What a user is sent to a sign-in with, and what has to be remembered until they are back.
pub(crate) struct Begun {
    pub(crate) address: Url,
    pub(crate) verifier: String,
    pub(crate) authority: Authority,
    pub(crate) client: Registered,
}

impl SignIns {
    /// `reach` is where tenants' addresses may lead.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub(crate) fn new(reach: Reach, patience: Patience) -> Result<Self, ClientError> {
        let client = outbound::client(Options {
            read_timeout: patience.one,
            total_timeout: Some(patience.one),
            reach,
            ..Options::default()
        })?;
        Ok(Self {
            client,
            patience,
            tasks: TaskTracker::new(),
        })
    }

    /// Finds a server's sign-in, and makes the address to which a user is sent. `state` comes back
    /// from there with them.
    pub(crate) async fn begin(
        &self,
        server: &Url,
        known: &KnownClient,
        redirect_uri: &Url,
        state: &str,
    ) -> Result<Begun, Problem> {
        let beginning = async {
            let authority = discovery::find(&self.client, server).await?;
            let usual = known.scopes.as_ref().or(authority.scopes.as_ref());
            let scopes = scopes::merged(usual, known.more_scopes.as_ref());
            let client = match &known.id {
                Some(id) => Registered {
                    id: id.clone(),
                    secret: None,
                    is_known: true,
                    by_form: authority.takes_secret_in_form,
                },
                None => self.register(&authority, redirect_uri).await?,
            };
            let verifier = random()?;
            let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(&verifier));
            let mut address = authority.authorization_endpoint.clone();
            address
                .query_pairs_mut()
                .append_pair("response_type", "code")
                .append_pair("client_id", &client.id)
                .append_pair("redirect_uri", redirect_uri.as_str())
                .append_pair("state", state)
                .append_pair("code_challenge", &challenge)
                .append_pair("code_challenge_method", "S256")
                .append_pair("resource", &authority.resource);
            if let Some(scopes) = &scopes {
                address.query_pairs_mut().append_pair("scope", scopes);
            }
            Ok(Begun {
                address,
                verifier,
                authority,
                client,
            })
        };
        timeout(self.patience.beginning, beginning)
            .await
            .unwrap_or(Err(Problem::TooSlow))
    }

    /// Waits for the renewals that are under way.
    pub(crate) async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// 256 random bits, as they may stand in an address.
fn random() -> Result<String, Problem> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| Problem::Unusable("no random number could be made"))?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// An answer's JSON, with its status.
async fn answered<T: DeserializeOwned>(
    client: &Client,
    request: RequestBuilder,
) -> Result<(StatusCode, Option<T>), Problem> {
    let answer = client
        .send(request.header(ACCEPT, "application/json"))
        .await?;
    let status = answer.status();
    let body = outbound::read_bounded(answer, MOST_BYTES).await?;
    Ok((status, serde_json::from_slice(&body).ok()))
}

/// Whether a code, a token or a client may go there, or a user: to nobody in clear, but to this
/// machine.
fn is_safe(url: &Url) -> bool {
    let is_secure =
        url.scheme() == "https" || (url.scheme() == "http" && outbound::is_loopback(url));
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_secure && is_plain && url.has_host() && url.fragment().is_none()
}
