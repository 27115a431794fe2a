//! Tells the operator's webhook when 80 % of a budget is used, and when all of it is: in the
//! background, once, by the router whose settlement crossed the mark. A webhook that does not
//! answer costs a line in the log.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admin::usage::BudgetView;
use crate::model::{BudgetProgress, Hold, Standing};
use crate::outbound::{self, Client, ClientError, Options, Reach, WebhookUrl};

/// How often one is sent at most, how long each may take, and how long is waited in between.
const ATTEMPTS: u32 = 3;
const ATTEMPT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(2);
/// How many are sent at once.
const AT_ONCE: usize = 8;

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
            let failure = match self.0.url.post(&self.0.client, event).await {
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
}
