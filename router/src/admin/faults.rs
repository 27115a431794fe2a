//! A platform whose stores fail from a call of a test's choice on: what an operation leaves behind
//! that is killed there.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::model::*;
use crate::ports::*;

/// What happens to the call at which the stores crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    /// It does nothing.
    Before,
    /// It is done, and its answer is lost.
    After,
}

/// Counts the calls to a platform's stores. From the chosen one on, all fail.
pub(super) struct CrashingStore {
    platform: Platform,
    calls: AtomicUsize,
    changes: Mutex<BTreeSet<usize>>,
    crashes_at: usize,
    crash: Crash,
}

impl CrashingStore {
    /// A platform over this one, whose stores crash at a call: the first is 1.
    pub(super) fn over(
        platform: &Platform,
        crashes_at: usize,
        crash: Crash,
    ) -> (Platform, Arc<Self>) {
        let crashing = Arc::new(Self {
            platform: platform.clone(),
            calls: AtomicUsize::new(0),
            changes: Mutex::default(),
            crashes_at,
            crash,
        });
        let over = Platform {
            tenants: crashing.clone(),
            secrets: crashing.clone(),
            ..platform.clone()
        };
        (over, crashing)
    }

    /// How many calls were made.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Whether this call was one that changes something.
    pub(super) fn is_change(&self, call: usize) -> bool {
        self.changes.lock().unwrap().contains(&call)
    }

    async fn change<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let next = self.calls() + 1;
        self.changes.lock().unwrap().insert(next);
        self.call(call).await
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if number < self.crashes_at {
            return call.await;
        }
        if number == self.crashes_at && self.crash == Crash::After {
            call.await?;
        }
        Err(StoreError::unavailable("crashed"))
    }
}

#[async_trait]
impl TenantStore for CrashingStore {
    fn commit_limit(&self) -> CommitLimit {
        self.platform.tenants.commit_limit()
    }
    fn id_reservation(&self) -> SignedDuration {
        self.platform.tenants.id_reservation()
    }
    async fn reserved_until(&self, id: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        self.call(self.platform.tenants.reserved_until(id)).await
    }
    async fn free_id(&self, id: &TenantId, audit: &AuditEntry) -> Result<(), StoreError> {
        self.change(self.platform.tenants.free_id(id, audit)).await
    }
    async fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        self.change(self.platform.tenants.commit(tenant, changes, audit))
            .await
    }
    async fn remove_tenant(
        &self,
        tenant: &TenantId,
        reserved_until: Timestamp,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        self.change(
            self.platform
                .tenants
                .remove_tenant(tenant, reserved_until, audit),
        )
        .await
    }
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.call(self.platform.tenants.tenant(id)).await
    }
    async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        self.call(self.platform.tenants.tenants(page)).await
    }
    async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError> {
        self.call(self.platform.tenants.user(tenant, id)).await
    }
    async fn users(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<User>, StoreError> {
        self.call(self.platform.tenants.users(tenant, page)).await
    }
    async fn memory(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError> {
        self.call(self.platform.tenants.memory(tenant, user)).await
    }
    async fn channels(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError> {
        self.call(self.platform.tenants.channels(tenant, page))
            .await
    }
    async fn channel_owner(
        &self,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        self.call(self.platform.tenants.channel_owner(kind, id))
            .await
    }
    async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.call(self.platform.tenants.key(hash)).await
    }
    async fn keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        self.call(self.platform.tenants.keys(tenant, page)).await
    }
    async fn audit_trail(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        self.call(self.platform.tenants.audit_trail(tenant, page))
            .await
    }
    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.change(self.platform.tenants.record_audit(entry)).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.call(self.platform.tenants.ping()).await
    }
}

#[async_trait]
impl SecretStore for CrashingStore {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        self.call(self.platform.secrets.get(name)).await
    }
    async fn put(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, StoreError> {
        self.change(self.platform.secrets.put(name, document)).await
    }
    async fn describe(&self, name: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        self.call(self.platform.secrets.describe(name)).await
    }
    async fn list(&self, tenant: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        self.call(self.platform.secrets.list(tenant)).await
    }
    async fn remove(&self, name: &SecretName) -> Result<Timestamp, StoreError> {
        self.change(self.platform.secrets.remove(name)).await
    }
    async fn delete(&self, name: &SecretName) -> Result<(), StoreError> {
        self.change(self.platform.secrets.delete(name)).await
    }
    async fn restore(&self, name: &SecretName) -> Result<(), StoreError> {
        self.change(self.platform.secrets.restore(name)).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.call(self.platform.secrets.ping()).await
    }
}
