//! Messages that were refused because the day's limit was reached: counted, and answered from what
//! is known, so that a flood of them is no flood of calls to the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{LedgerAccount, Tenant, TenantId};
use crate::ports::{StoreError, TenantStore, UsageStore};

/// How long refusals are gathered before they are written.
const GATHERED_FOR: Duration = Duration::from_secs(5);
/// How long a limit that was reached is known. It stays reached, and a higher one is asked for at
/// once; this bounds what is not seen if somebody puts back an older table.
const KNOWN_FOR: SignedDuration = SignedDuration::from_secs(5);
/// Lines written at once.
const WRITES_AT_ONCE: usize = 8;

/// A tenant: by its id and when it was made, since the id may be another's by now.
type Made = (TenantId, Timestamp);

/// The refused messages of all tenants.
#[derive(Clone)]
pub(super) struct Refusals {
    store: Arc<dyn UsageStore>,
    tenants: Arc<dyn TenantStore>,
    tracker: TaskTracker,
    /// Ends the gathering.
    closing: CancellationToken,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    reached: HashMap<Made, Reached>,
    gathered: HashMap<(Made, Date, LedgerAccount), u64>,
    /// Whether a task is going to write what is gathered.
    is_scheduled: bool,
}

/// A limit that was reached.
#[derive(Clone, Copy)]
struct Reached {
    day: Date,
    limit: u64,
    used: u64,
    seen_at: Timestamp,
}

impl Refusals {
    pub(super) fn new(
        store: Arc<dyn UsageStore>,
        tenants: Arc<dyn TenantStore>,
        tracker: TaskTracker,
    ) -> Self {
        Self {
            store,
            tenants,
            tracker,
            closing: CancellationToken::new(),
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many messages were used, if the limit is known to be reached.
    pub(super) fn used_up(
        &self,
        tenant: &Tenant,
        day: Date,
        limit: u64,
        now: Timestamp,
    ) -> Option<u64> {
        let state = self.state();
        let reached = state.reached.get(&made(tenant))?;
        let age = now.duration_since(reached.seen_at);
        let is_known = reached.day == day && limit <= reached.limit && age <= KNOWN_FOR;
        is_known.then_some(reached.used)
    }

    /// Notes that the store refused a message at this limit.
    pub(super) fn learn(
        &self,
        tenant: &Tenant,
        day: Date,
        (limit, used): (u64, u64),
        now: Timestamp,
    ) {
        let reached = Reached {
            day,
            limit,
            used,
            seen_at: now,
        };
        self.state().reached.insert(made(tenant), reached);
    }

    /// Counts a refused message. It is written with others, some seconds later.
    pub(super) fn count(&self, tenant: &Tenant, day: Date, account: LedgerAccount) {
        let is_scheduled = {
            let mut state = self.state();
            let line = (made(tenant), day, account);
            let count = state.gathered.entry(line).or_default();
            *count = count.saturating_add(1);
            std::mem::replace(&mut state.is_scheduled, true)
        };
        if is_scheduled {
            return;
        }
        let refusals = self.clone();
        self.tracker.spawn(async move {
            let _ = tokio::time::timeout(GATHERED_FOR, refusals.closing.cancelled()).await;
            refusals.state().is_scheduled = false;
            refusals.write().await;
        });
    }

    /// From now on nothing is gathered any longer than it takes to write it.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Writes what is gathered. What cannot be written is kept for the next time: counted twice
    /// where the store wrote it and its answer was lost, which of refusals nobody pays for.
    pub(super) async fn write(&self) {
        let gathered = std::mem::take(&mut self.state().gathered);
        let writes = futures::stream::iter(gathered).map(|(line, count)| async move {
            let written = self.add(&line, count).await;
            written.err().map(|error| (line, count, error))
        });
        let failed: Vec<_> = writes
            .buffer_unordered(WRITES_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        if let Some((((tenant, _), ..), _, error)) = failed.first() {
            tracing::warn!(%tenant, %error, lines = failed.len(), "refused messages could not be counted");
        }
        let mut state = self.state();
        for (line, count, _) in failed {
            let kept = state.gathered.entry(line).or_default();
            *kept = kept.saturating_add(count);
        }
    }

    async fn add(
        &self,
        ((tenant, made_at), day, account): &(Made, Date, LedgerAccount),
        count: u64,
    ) -> Result<(), StoreError> {
        let now = self.tenants.tenant(tenant).await?;
        if now.is_none_or(|now| now.created_at != *made_at) {
            return Ok(());
        }
        self.store.add_refusals(tenant, *day, account, count).await
    }
}

fn made(tenant: &Tenant) -> Made {
    (tenant.id.clone(), tenant.created_at)
}
