//! Tells the operator's webhook when 80 % of a budget is used, and when all of it is: in the
//! background, once, by the router whose settlement crossed the mark. A webhook that does not
//! answer costs a line in the log.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::admin::usage::BudgetView;
use crate::model::{BudgetProgress, Hold, Standing};
use crate::outbound::{self, Client, ClientError, Options, Reach, TransportError};

/// How often one is sent at most, how long each may take, and how long is waited in between.
const ATTEMPTS: u32 = 3;
const ATTEMPT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(2);
/// How many are sent at once.
const AT_ONCE: usize = 8;

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
            "http" => outbound::is_loopback(&url),
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

/// Sends what is to be told.
#[derive(Clone)]
pub struct BudgetAlerts(Arc<Inner>);

struct Inner {
    url: WebhookUrl,
    environment: String,
    client: Client,
    slots: Semaphore,
    /// Ends the pauses.
    closing: CancellationToken,
}

/// What is sent.
#[derive(Debug, Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same however often it is sent.
    id: String,
    environment: &'a str,
    tenant_id: &'a str,
    threshold_percent: u8,
    budget: BudgetView,
    at: Timestamp,
}

impl BudgetAlerts {
    /// To this address, in the name of an environment.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub fn new(url: WebhookUrl, environment: String, reach: Reach) -> Result<Self, ClientError> {
        let client = outbound::client(Options {
            total_timeout: Some(ATTEMPT),
            reach,
            ..Options::default()
        })?;
        Ok(Self(Arc::new(Inner {
            url,
            environment,
            client,
            slots: Semaphore::new(AT_ONCE),
            closing: CancellationToken::new(),
        })))
    }

    /// Tells what a turn's settlement crossed.
    pub(super) async fn tell(&self, hold: &Hold, progress: &[BudgetProgress]) {
        for one in progress {
            for percent in one.crossed() {
                self.send(&self.event(hold, one, percent)).await;
            }
        }
    }

    /// From now on nothing is waited for but answers.
    pub(super) fn close(&self) {
        self.0.closing.cancel();
    }

    fn event<'a>(
        &'a self,
        hold: &'a Hold,
        progress: &BudgetProgress,
        threshold_percent: u8,
    ) -> Event<'a> {
        let key = progress.budget.key;
        let of = hold.account.payer_name(key.payer);
        let standing = Standing {
            budget: progress.budget,
            used: progress.after,
        };
        let whose = of.as_deref().unwrap_or("-");
        let since = key.period.first(hold.day);
        Event {
            kind: "budget.threshold_crossed",
            id: format!(
                "{}/{key}/{whose}/{since}/{threshold_percent}",
                hold.tenant.as_str()
            ),
            environment: &self.0.environment,
            tenant_id: hold.tenant.as_str(),
            threshold_percent,
            budget: BudgetView::new(&standing, of, hold.day),
            at: Timestamp::now(),
        }
    }

    async fn send(&self, event: &Event<'_>) {
        // It is never closed.
        let Ok(_slot) = self.0.slots.acquire().await else {
            return;
        };
        let mut attempt = 1;
        loop {
            let failure = match self.post(event).await {
                Ok(()) => return,
                Err(failure) => failure,
            };
            if attempt == ATTEMPTS || !failure.is_passing() {
                let (id, url) = (&event.id, &self.0.url);
                tracing::warn!(%failure, attempt, id, %url, "the budget's webhook was not told");
                return;
            }
            let pause = PAUSE * attempt;
            let _ = tokio::time::timeout(pause, self.0.closing.cancelled()).await;
            attempt += 1;
        }
    }

    async fn post(&self, event: &Event<'_>) -> Result<(), Failure> {
        let client = &self.0.client;
        let request = client.post(self.0.url.0.clone()).json(event);
        let answer = client.send(request).await.map_err(Failure::Transport)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Failure::Refused(status)),
        }
    }
}

/// Why it was not told.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Transport(TransportError),
    #[error("it answered {0}")]
    Refused(StatusCode),
}

impl Failure {
    /// Whether another attempt may do better.
    fn is_passing(&self) -> bool {
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
