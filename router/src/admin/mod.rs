//! What an operator changes: tenants, users, channels, keys and secrets. The CLI and the HTTP
//! administration call the same operations.
//!
//! Each operation reads, plans purely, and commits on the condition that nothing changed meanwhile.
//! If something did, it plans again from a fresh read, a few times; where the very field that the
//! caller saw was changed, it says so instead of overwriting. Every change leaves an audit entry
//! under the caller's name.
//!
//! Not here: how a change is stored ([`crate::ports`]), and what an operator types and reads (the
//! CLI).
//!
//! Reading order: [`Admin`], [`AdminError`], [`settings`] (what may be set on a tenant),
//! [`tenants`], [`removal`], [`users`], [`channels`], [`keys`], [`own_budgets`] (of one user or
//! key), [`sessions`], [`secrets`]; then [`seed`], which sets up a tenant with all of these at
//! once, and [`transfer`], which takes one out as a file and brings it in, and [`user_export`],
//! which gives what is kept of one person; [`usage`], what was used, [`questions`], what went to
//! the model, [`triggers`], what did not, and [`views`], how all else is shown.

mod addresses;
pub mod channels;
mod error;
#[cfg(test)]
#[cfg(feature = "local")]
mod faults;
pub mod keys;
pub mod own_budgets;
pub mod questions;
pub mod removal;
pub mod secrets;
pub mod seed;
pub mod sessions;
pub mod settings;
pub mod tenants;
#[cfg(test)]
#[cfg(feature = "local")]
mod tests;
pub mod transfer;
pub mod triggers;
pub mod usage;
pub mod user_export;
pub mod users;
pub mod views;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use ulid::Generator;

use crate::model::{AuditEntry, TenantId};
use crate::ports::{Change, Page, PageRequest, Platform, StoreError, Unreadable, all_pages};

pub use error::{AdminError, FieldConflict};

/// Does the operations in someone's name.
pub struct Admin {
    platform: Platform,
    actor: String,
    audit_ids: Mutex<Generator>,
    unreadable: Arc<Unreadables>,
}

/// What was met that is stored in a form that cannot be read.
#[derive(Debug, Default)]
pub struct Unreadables(Mutex<BTreeSet<Unreadable>>);

impl Unreadables {
    /// What was met since this was asked last, by key.
    pub fn take(&self) -> BTreeSet<Unreadable> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, met: Vec<Unreadable>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(met);
    }
}

/// What an edit left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited<T> {
    /// What is stored now.
    pub value: T,
    /// The fields that changed; none if all had their new values already.
    pub changed: Vec<String>,
}

impl Admin {
    /// Operations on `platform` by `actor` (`operator:ada`, `user:ada@example.com`), as the audit
    /// trail will name them.
    pub fn new(platform: Platform, actor: impl Into<String>) -> Self {
        Self {
            platform,
            actor: actor.into(),
            audit_ids: Mutex::new(Generator::new()),
            unreadable: Arc::default(),
        }
    }

    /// The same, which notes what it cannot read there.
    #[must_use]
    pub fn noting(self, unreadable: Arc<Unreadables>) -> Self {
        Self { unreadable, ..self }
    }

    /// All items of a list. What cannot be read is noted, and hides none of the others.
    async fn all<T, F, Fut>(&self, mut read: F) -> Result<Vec<T>, StoreError>
    where
        F: FnMut(PageRequest) -> Fut,
        Fut: Future<Output = Result<Page<T>, StoreError>>,
    {
        all_pages(|request| {
            let page = read(request);
            async move { Ok(self.noted(page.await?)) }
        })
        .await
    }

    fn noted<T>(&self, mut page: Page<T>) -> Page<T> {
        self.unreadable.add(std::mem::take(&mut page.unreadable));
        page
    }

    /// The newest `limit` entries of a tenant's audit trail, newest first. A removed tenant's can
    /// be read too.
    pub async fn audit_trail(
        &self,
        tenant: &TenantId,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, AdminError> {
        let mut entries = Vec::new();
        let mut after = None;
        while entries.len() < limit {
            let request = PageRequest {
                limit: (limit - entries.len()).min(500),
                after,
            };
            let page = self.platform.tenants.audit_trail(tenant, request).await?;
            let page = self.noted(page);
            entries.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if entries.is_empty() {
            self.tenant(tenant).await?;
        }
        Ok(entries)
    }

    async fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        action: &str,
        target: &str,
    ) -> Result<(), AdminError> {
        let audit = self.audit(tenant, action, target);
        Ok(self.commit_all(tenant, changes, &audit).await?)
    }

    /// Every change an operator makes goes through here.
    async fn commit_all(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let changes: Vec<Change> = changes
            .iter()
            .map(|change| change.clone().made_at(audit.at))
            .collect();
        let store = &self.platform.tenants;
        store.commit(tenant, &changes, audit).await
    }

    fn audit(&self, tenant: &TenantId, action: &str, target: &str) -> AuditEntry {
        let at = self.platform.clock.now();
        let mut ids = self
            .audit_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        AuditEntry {
            id: ids
                .generate_from_datetime(SystemTime::from(at))
                .unwrap_or_else(ulid::Overflow::commit_overflow_increment),
            tenant_id: tenant.clone(),
            actor: self.actor.clone(),
            action: action.to_owned(),
            target: target.to_owned(),
            at,
        }
    }

    /// Records that something is about to be done that no transaction covers.
    ///
    /// # Errors
    /// If it cannot be recorded: then it is not to be done.
    pub(crate) async fn intend<'admin>(
        &'admin self,
        tenant: &'admin TenantId,
        action: &'admin str,
        target: &'admin str,
    ) -> Result<Intended<'admin>, StoreError> {
        let intended = Intended {
            admin: self,
            tenant,
            action,
            target,
        };
        intended.record("intended").await?;
        Ok(intended)
    }

    fn now(&self) -> Timestamp {
        self.platform.clock.now()
    }
}

/// What the audit trail has as intended, until it has its end.
#[must_use]
pub(crate) struct Intended<'admin> {
    admin: &'admin Admin,
    tenant: &'admin TenantId,
    action: &'admin str,
    target: &'admin str,
}

impl Intended<'_> {
    /// Records that it was done, or failed.
    pub(crate) async fn ended(self, is_done: bool) -> Result<(), StoreError> {
        self.record(if is_done { "done" } else { "failed" }).await
    }

    async fn record(&self, state: &str) -> Result<(), StoreError> {
        let action = format!("{}:{state}", self.action);
        let entry = self.admin.audit(self.tenant, &action, self.target);
        self.admin.platform.tenants.record_audit(&entry).await
    }
}

/// Repeats an attempt that read, planned and committed for as long as someone else was faster, a
/// few times.
async fn until_unchanged<T, F, Fut>(attempt: F) -> Result<T, AdminError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, AdminError>>,
{
    attempt
        .retry(
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(10))
                .with_max_times(6)
                .with_jitter(),
        )
        .when(|error| matches!(error, AdminError::Store(StoreError::Changed(_))))
        .await
}

/// A text that people read: trimmed, not empty, in one line, of at most `max` characters.
fn one_line(field: &str, text: &str, max: usize) -> Result<String, AdminError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AdminError::invalid(field, "must not be empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(AdminError::invalid(
            field,
            "must not hold control characters",
        ));
    }
    if text.chars().count() > max {
        return Err(AdminError::invalid(
            field,
            format!("must not be longer than {max} characters"),
        ));
    }
    Ok(text.to_owned())
}
