//! What a turn uses, counted even when the turn is cancelled in the middle.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use crate::model::{NanoUsd, TenantId, TokenUsage, UsageDelta};
use crate::ports::UsageStore;

/// A message that was counted. Its tokens and cost are added to the day when this is dropped.
pub(super) struct Reservation {
    store: Arc<dyn UsageStore>,
    tracker: TaskTracker,
    tenant: TenantId,
    day: Date,
    id: Ulid,
    used: Mutex<UsageDelta>,
}

impl Reservation {
    /// The reservation that [`UsageStore::reserve_message`] counted under `id`.
    pub(super) fn new(
        store: Arc<dyn UsageStore>,
        tracker: TaskTracker,
        tenant: TenantId,
        day: Date,
        id: Ulid,
    ) -> Self {
        Self {
            store,
            tracker,
            tenant,
            day,
            id,
            used: Mutex::default(),
        }
    }

    /// Notes what one call of a model used. `cost` is `None` where the price is unknown: then its
    /// tokens are counted apart.
    pub(super) fn note(&self, usage: TokenUsage, cost: Option<NanoUsd>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let input = usage.input + usage.cache_read + usage.cache_write;
        used.input_tokens += input;
        used.output_tokens += usage.output;
        match cost {
            Some(cost) => used.cost += cost,
            None => used.unpriced_tokens += input + usage.output,
        }
    }
}

impl Drop for Reservation {
    /// Settles in the background, so that neither an answer nor a caller who went away waits for
    /// it; a router that shuts down waits for the tracker.
    fn drop(&mut self) {
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used == UsageDelta::default() {
            return;
        }
        let (store, tenant, day, id) = (self.store.clone(), self.tenant.clone(), self.day, self.id);
        self.tracker.spawn(async move {
            if let Err(error) = store.settle(&tenant, day, id, used).await {
                tracing::error!(%tenant, %error, reservation = %id, "the usage of a turn could not be recorded");
            }
        });
    }
}
