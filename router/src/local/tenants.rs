//! Tenants and all that belongs to one. What changes them is in [`super::changes`], how they are
//! read in [`super::records`].

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row};

use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelKind, ChannelMapping, KeyHash, Tenant, TenantId, User,
    UserId, UserMemory,
};
use crate::ports::{
    Bearer, Change, Clock, CommitLimit, Member, Page, PageRequest, StoreError, TenantStore,
};

use super::database::Database;
use super::{changes, records};
use crate::changes::check_commit;
use crate::cursor::{self, List};

/// SQLite itself takes far more. But while one commit is made every other write waits, and what is
/// tried out here should be cut into commits as it will be on AWS.
const LIMIT: CommitLimit = CommitLimit {
    units: 98,
    units_of: |_| 1,
    bytes: 2_000_000,
};

/// The tenants' store in SQLite.
pub(super) struct SqliteTenants {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteTenants {
    /// The clock tells when a removed tenant's id is free again.
    pub(super) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    async fn list<T: Send + 'static, const N: usize>(
        &self,
        list: &'static List<T, N>,
        request: PageRequest,
        tenant: Option<&TenantId>,
        sql: &'static str,
        read: fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let tenant = tenant.cloned();
        self.database
            .read(move |connection| {
                records::page(connection, list, &request, tenant.as_ref(), sql, read)
            })
            .await
    }
}

#[async_trait]
impl TenantStore for SqliteTenants {
    async fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        check_commit(tenant, changes, audit, LIMIT)?;
        let (tenant, changes, audit) = (tenant.clone(), changes.to_vec(), audit.clone());
        let now = self.clock.now();
        self.database
            .write(move |connection| changes::apply(connection, &tenant, &changes, &audit, now))
            .await
    }

    fn commit_limit(&self) -> CommitLimit {
        LIMIT
    }

    async fn remove_tenant(
        &self,
        tenant: &TenantId,
        reserved_until: Timestamp,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        check_commit(tenant, &[], audit, LIMIT)?;
        let (tenant, audit) = (tenant.clone(), audit.clone());
        self.database
            .write(move |connection| {
                changes::remove_tenant(connection, &tenant, reserved_until, &audit)
            })
            .await
    }

    /// None: whoever writes asks for the tenant in the same transaction.
    fn id_reservation(&self) -> SignedDuration {
        SignedDuration::ZERO
    }

    async fn reserved_until(&self, id: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        let (id, now) = (id.clone(), self.clock.now());
        self.database
            .read(move |connection| changes::reserved_until(connection, &id, now))
            .await
    }

    async fn free_id(&self, id: &TenantId, audit: &AuditEntry) -> Result<(), StoreError> {
        check_commit(id, &[], audit, LIMIT)?;
        let (id, audit, now) = (id.clone(), audit.clone(), self.clock.now());
        self.database
            .write(move |connection| changes::free_id(connection, &id, &audit, now))
            .await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let id = id.clone();
        self.database
            .look(move |connection| records::tenant(connection, &id))
            .await
    }

    async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        self.list(
            &cursor::TENANTS,
            page,
            None,
            "SELECT * FROM tenants WHERE tenant_id > coalesce(:after, '')
             ORDER BY tenant_id LIMIT :limit",
            records::read_tenant,
        )
        .await
    }

    async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.database
            .look(move |connection| records::user(connection, &tenant, &id))
            .await
    }

    async fn users(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<User>, StoreError> {
        self.list(
            &cursor::USERS,
            page,
            Some(tenant),
            "SELECT * FROM users WHERE tenant_id = :tenant AND user_id > coalesce(:after, '')
             ORDER BY user_id LIMIT :limit",
            records::read_user,
        )
        .await
    }

    async fn memory(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError> {
        let (tenant, user) = (tenant.clone(), user.clone());
        self.database
            .look(move |connection| records::memory(connection, &tenant, &user))
            .await
    }

    async fn channels(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError> {
        self.list(
            &cursor::CHANNELS,
            page,
            Some(tenant),
            "SELECT * FROM channels
             WHERE tenant_id = :tenant
                 AND (kind, channel_id) > (coalesce(:after, ''), coalesce(:after2, ''))
             ORDER BY kind, channel_id LIMIT :limit",
            records::read_channel,
        )
        .await
    }

    async fn channel_owner(
        &self,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        let id = id.clone();
        self.database
            .look(move |connection| records::channel_owner(connection, kind, &id))
            .await
    }

    async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let hash = hash.clone();
        self.database
            .look(move |connection| records::key(connection, &hash))
            .await
    }

    async fn bearer(&self, hash: &KeyHash) -> Result<Option<Bearer>, StoreError> {
        let hash = hash.clone();
        self.database
            .look(move |connection| {
                let Some(key) = records::key(connection, &hash)? else {
                    return Ok(None);
                };
                let member = member(connection, &key.tenant_id, &key.user_id)?;
                Ok(member.map(|member| Bearer { key, member }))
            })
            .await
    }

    async fn member(&self, tenant: &TenantId, id: &UserId) -> Result<Option<Member>, StoreError> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.database
            .look(move |connection| member(connection, &tenant, &id))
            .await
    }

    async fn keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        self.list(
            &cursor::KEYS,
            page,
            Some(tenant),
            "SELECT * FROM api_keys WHERE tenant_id = :tenant AND hash > coalesce(:after, '')
             ORDER BY hash LIMIT :limit",
            records::read_key,
        )
        .await
    }

    async fn audit_trail(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        self.list(
            &cursor::AUDIT,
            page,
            Some(tenant),
            // Ids are ULIDs: digits and capital letters, all before `~`.
            "SELECT * FROM audit WHERE tenant_id = :tenant AND entry_id < coalesce(:after, '~')
             ORDER BY entry_id DESC LIMIT :limit",
            records::read_audit,
        )
        .await
    }

    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        self.database
            .write(move |connection| changes::add_audit(connection, &entry))
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}

fn member(
    connection: &Connection,
    tenant: &TenantId,
    id: &UserId,
) -> Result<Option<Member>, StoreError> {
    let memory = records::memory(connection, tenant, id)?;
    let user = records::user(connection, tenant, id)?;
    let tenant = records::tenant(connection, tenant)?;
    Ok(tenant.zip(user).map(|(tenant, user)| Member {
        tenant,
        user,
        memory,
    }))
}
