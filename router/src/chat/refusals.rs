//! Messages that were refused because a budget was used up: counted, and answered from what
//! is known, so that a flood of them is no flood of calls to the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{Budget, BudgetKey, LedgerAccount, Payer, Standing, Tenant, TenantId};
use crate::ports::{StoreError, TenantStore, UsageStore};
use crate::telemetry;

/// How long refusals are gathered before they are written.
const GATHERED_FOR: Duration = Duration::from_secs(5);
/// How long a budget is known to be used up. A higher one is asked for at once; this bounds what is
/// not seen where a turn under way gives something back, or somebody puts back an older table.
const KNOWN_FOR: SignedDuration = SignedDuration::from_secs(5);
/// Budgets that are known to be used up at once.
const MOST_REACHED: usize = 10_000;
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
    reached: HashMap<(Made, BudgetKey, String), Reached>,
    gathered: HashMap<(Made, Date, LedgerAccount), u64>,
    /// Whether a task is going to write what is gathered.
    is_scheduled: bool,
}

/// A budget that was used up.
#[derive(Clone, Copy)]
struct Reached {
    day: Date,
    standing: Standing,
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

    /// A budget that is known to be used up.
    pub(super) fn used_up(
        &self,
        tenant: &Tenant,
        account: &LedgerAccount,
        budgets: &[Budget],
        day: Date,
        now: Timestamp,
    ) -> Option<Standing> {
        let state = self.state();
        if state.reached.is_empty() {
            return None;
        }
        budgets.iter().find_map(|budget| {
            let reached = state.reached.get(&of(tenant, account, budget))?;
            let age = now.duration_since(reached.seen_at);
            let is_known = reached.day == day && age <= KNOWN_FOR;
            (is_known && budget.most <= reached.standing.budget.most).then_some(Standing {
                budget: *budget,
                used: reached.standing.used,
            })
        })
    }

    /// Notes that the store refused a message for this budget.
    pub(super) fn learn(
        &self,
        tenant: &Tenant,
        account: &LedgerAccount,
        standing: Standing,
        day: Date,
        now: Timestamp,
    ) {
        // What has something left may be enough for the next.
        if standing.used < standing.budget.most {
            return;
        }
        let reached = Reached {
            day,
            standing,
            seen_at: now,
        };
        let all = &mut self.state().reached;
        if all.len() >= MOST_REACHED {
            all.clear();
        }
        all.insert(of(tenant, account, &standing.budget), reached);
    }

    /// Counts a refused message. It is written with others, some seconds later.
    pub(super) fn count(&self, tenant: &Tenant, day: Date, account: LedgerAccount) {
        telemetry::message_refused(&tenant.id);
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

/// Whose budget it is: of the tenant, of one of its users, of one of its keys.
fn of(tenant: &Tenant, account: &LedgerAccount, budget: &Budget) -> (Made, BudgetKey, String) {
    let payer = match budget.key.payer {
        Payer::Tenant => String::new(),
        Payer::User => format!("{} {:?}", account.user_id, account.user_since),
        Payer::Key => account.credential.clone().unwrap_or_default(),
    };
    (made(tenant), budget.key, payer)
}

fn made(tenant: &Tenant) -> Made {
    (tenant.id.clone(), tenant.created_at)
}
