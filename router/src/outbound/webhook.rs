//! Webhooks of the operator's: an address that is told something as JSON.

use std::fmt;
use std::str::FromStr;

use reqwest::StatusCode;
use serde::Serialize;
use url::Url;

use super::client::{Client, TransportError};
use super::loopback::is_loopback;
use super::reach::Reach;

/// The operator's address. What follows its host, which may be a secret, is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// No address that anything is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be an https address, without a user's name or password")]
pub struct InvalidWebhookUrl;

impl FromStr for WebhookUrl {
    type Err = InvalidWebhookUrl;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookUrl> {
        let url: Url = text.trim().parse().map_err(|_| InvalidWebhookUrl)?;
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            _ => false,
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        match is_secure && url.has_host() && !has_user {
            true => Ok(Self(url)),
            false => Err(InvalidWebhookUrl),
        }
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}/…", self.0.scheme())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

impl WebhookUrl {
    /// Whether it is in reach, as far as the address alone tells.
    pub fn is_within(&self, reach: &Reach) -> bool {
        reach.allows_url(&self.0).is_ok()
    }

    /// Posts this as JSON, once; of the answer nothing but the status is read.
    ///
    /// # Errors
    /// If there is no answer, or it is no 2xx.
    pub async fn post(
        &self,
        client: &Client,
        body: &(impl Serialize + Sync),
    ) -> Result<(), NotTold> {
        let request = client.post(self.0.clone()).json(body);
        let answer = client.send(request).await.map_err(NotTold::Transport)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(NotTold::Refused(status)),
        }
    }
}

/// Why a webhook was not told.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// There is no answer.
    #[error("{0}")]
    Transport(TransportError),
    /// The answer is no 2xx.
    #[error("it answered {0}")]
    Refused(StatusCode),
}

impl NotTold {
    /// Whether another attempt may do better.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport(error) => !error.is_forbidden(),
            Self::Refused(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_https_and_its_path_is_shown_nowhere() {
        let url: WebhookUrl = "https://hooks.example.com/T1/secret?token=x"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "https://hooks.example.com/…");
        assert_eq!(
            format!("{url:?}"),
            "WebhookUrl(https://hooks.example.com/…)"
        );
        assert!("http://127.0.0.1:9/x".parse::<WebhookUrl>().is_ok());
        for bad in [
            "",
            "hooks.example.com",
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "https://ada:word@hooks.example.com/",
        ] {
            assert_eq!(bad.parse::<WebhookUrl>(), Err(InvalidWebhookUrl), "{bad}");
        }
    }
}
