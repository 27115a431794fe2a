//! Tenants and all that belongs to one. What changes them is in [`super::changes`].

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params, params};

use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelKind, ChannelMapping, KeyHash, Tenant, TenantId, User,
    UserId, UserMemory,
};
use crate::ports::{Change, Clock, Page, PageRequest, StoreError, TenantStore};

use super::database::Database;
use super::{changes, rows};
use crate::{changes::check, cursor};

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
}

#[async_trait]
impl TenantStore for SqliteTenants {
    async fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        check(tenant, changes, audit)?;
        let (tenant, changes, audit) = (tenant.clone(), changes.to_vec(), audit.clone());
        let now = self.clock.now();
        self.database
            .write(move |connection| changes::apply(connection, &tenant, &changes, &audit, now))
            .await
    }

    async fn remove_tenant(
        &self,
        tenant: &TenantId,
        reserved_until: Timestamp,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        check(tenant, &[], audit)?;
        let (tenant, audit) = (tenant.clone(), audit.clone());
        self.database
            .write(move |connection| {
                changes::remove_tenant(connection, &tenant, reserved_until, &audit)
            })
            .await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let id = id.clone();
        self.database
            .read(move |connection| tenant(connection, &id))
            .await
    }

    async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        const LIST: &str = "tenants";
        let after = cursor::decode::<1>(LIST, &page)?.map(|[id]| id);
        let size = cursor::page_size(&page);
        self.database
            .read(move |connection| {
                let items = list(
                    connection,
                    "SELECT * FROM tenants WHERE :after IS NULL OR tenant_id > :after
                     ORDER BY tenant_id LIMIT :limit",
                    named_params! {":after": after, ":limit": rows::to_limit(size + 1)},
                    read_tenant,
                )?;
                Ok(cursor::page(items, size, |tenant| {
                    cursor::encode(LIST, [tenant.id.as_str()])
                }))
            })
            .await
    }

    async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.database
            .read(move |connection| user(connection, &tenant, &id))
            .await
    }

    async fn users(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<User>, StoreError> {
        const LIST: &str = "users";
        let after = cursor::decode::<1>(LIST, &page)?.map(|[id]| id);
        let size = cursor::page_size(&page);
        let tenant = tenant.clone();
        self.database
            .read(move |connection| {
                let items = list(
                    connection,
                    "SELECT * FROM users WHERE tenant_id = :tenant AND user_id > :after
                     ORDER BY user_id LIMIT :limit",
                    named_params! {
                        ":tenant": tenant.as_str(),
                        ":after": after.unwrap_or_default(),
                        ":limit": rows::to_limit(size + 1),
                    },
                    read_user,
                )?;
                Ok(cursor::page(items, size, |user| {
                    cursor::encode(LIST, [user.id.as_str()])
                }))
            })
            .await
    }

    async fn memory(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError> {
        let (tenant, user) = (tenant.clone(), user.clone());
        self.database
            .read(move |connection| memory(connection, &tenant, &user))
            .await
    }

    async fn channels(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError> {
        const LIST: &str = "channels";
        let [kind, id] = cursor::decode::<2>(LIST, &page)?.unwrap_or_default();
        let size = cursor::page_size(&page);
        let tenant = tenant.clone();
        self.database
            .read(move |connection| {
                let items = list(
                    connection,
                    "SELECT * FROM channels
                     WHERE tenant_id = :tenant AND (kind, channel_id) > (:kind, :id)
                     ORDER BY kind, channel_id LIMIT :limit",
                    named_params! {
                        ":tenant": tenant.as_str(),
                        ":kind": kind,
                        ":id": id,
                        ":limit": rows::to_limit(size + 1),
                    },
                    read_channel,
                )?;
                Ok(cursor::page(items, size, |mapping| {
                    cursor::encode(LIST, [mapping.kind.as_str(), mapping.channel_id.as_str()])
                }))
            })
            .await
    }

    async fn channel_owner(
        &self,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        let id = id.clone();
        self.database
            .read(move |connection| channel_owner(connection, kind, &id))
            .await
    }

    async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let hash = hash.clone();
        self.database
            .read(move |connection| key(connection, &hash))
            .await
    }

    async fn keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        const LIST: &str = "keys";
        let after = cursor::decode::<1>(LIST, &page)?.map(|[hash]| hash);
        let size = cursor::page_size(&page);
        let tenant = tenant.clone();
        self.database
            .read(move |connection| {
                let items = list(
                    connection,
                    "SELECT * FROM api_keys WHERE tenant_id = :tenant AND hash > :after
                     ORDER BY hash LIMIT :limit",
                    named_params! {
                        ":tenant": tenant.as_str(),
                        ":after": after.unwrap_or_default(),
                        ":limit": rows::to_limit(size + 1),
                    },
                    read_key,
                )?;
                Ok(cursor::page(items, size, |key| {
                    cursor::encode(LIST, [key.hash.as_str()])
                }))
            })
            .await
    }

    async fn audit_trail(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        const LIST: &str = "audit";
        let before = cursor::decode::<1>(LIST, &page)?.map(|[id]| id);
        let size = cursor::page_size(&page);
        let tenant = tenant.clone();
        self.database
            .read(move |connection| {
                let items = list(
                    connection,
                    "SELECT * FROM audit
                     WHERE tenant_id = :tenant AND (:before IS NULL OR entry_id < :before)
                     ORDER BY entry_id DESC LIMIT :limit",
                    named_params! {
                        ":tenant": tenant.as_str(),
                        ":before": before,
                        ":limit": rows::to_limit(size + 1),
                    },
                    read_audit,
                )?;
                Ok(cursor::page(items, size, |entry| {
                    cursor::encode(LIST, [&entry.id.to_string()])
                }))
            })
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

/// One tenant, as it is in this connection's transaction.
pub(super) fn tenant(connection: &Connection, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
    one(
        connection,
        "SELECT * FROM tenants WHERE tenant_id = ?",
        params![id.as_str()],
        read_tenant,
    )
}

/// One user, as it is in this connection's transaction.
pub(super) fn user(
    connection: &Connection,
    tenant: &TenantId,
    id: &UserId,
) -> Result<Option<User>, StoreError> {
    one(
        connection,
        "SELECT * FROM users WHERE tenant_id = ? AND user_id = ?",
        params![tenant.as_str(), id.as_str()],
        read_user,
    )
}

/// What is remembered of a user, as it is in this connection's transaction.
pub(super) fn memory(
    connection: &Connection,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Option<UserMemory>, StoreError> {
    one(
        connection,
        "SELECT * FROM user_memory WHERE tenant_id = ? AND user_id = ?",
        params![tenant.as_str(), user.as_str()],
        read_memory,
    )
}

/// Who a channel belongs to, as it is in this connection's transaction.
pub(super) fn channel_owner(
    connection: &Connection,
    kind: ChannelKind,
    id: &ChannelId,
) -> Result<Option<TenantId>, StoreError> {
    one(
        connection,
        "SELECT tenant_id FROM channels WHERE kind = ? AND channel_id = ?",
        params![kind.as_str(), id.as_str()],
        |row| rows::parsed(row, "tenant_id"),
    )
}

/// The key with this hash, as it is in this connection's transaction.
pub(super) fn key(connection: &Connection, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
    one(
        connection,
        "SELECT * FROM api_keys WHERE hash = ?",
        params![hash.as_str()],
        read_key,
    )
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    connection
        .prepare_cached(sql)?
        .query_row(parameters, |row| Ok(read(row)))
        .optional()?
        .transpose()
}

fn list<T>(
    connection: &Connection,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    read: fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    connection
        .prepare_cached(sql)?
        .query_and_then(parameters, read)?
        .collect()
}

fn read_tenant(row: &Row<'_>) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: rows::parsed(row, "tenant_id")?,
        name: row.get("name")?,
        status: rows::parsed(row, "status")?,
        created_at: rows::parsed(row, "created_at")?,
        settings: rows::json(row, "settings")?,
        extensions: rows::json(row, "extensions")?,
        version: rows::counter(row, "version")?,
    })
}

fn read_user(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: rows::parsed(row, "user_id")?,
        tenant_id: rows::parsed(row, "tenant_id")?,
        email: row.get("email")?,
        display_name: row.get("display_name")?,
        role: rows::parsed(row, "role")?,
        channel_identities: rows::json(row, "channel_identities")?,
    })
}

fn read_memory(row: &Row<'_>) -> Result<UserMemory, StoreError> {
    Ok(UserMemory {
        preferences: rows::json(row, "preferences")?,
        custom_properties: rows::json(row, "custom_properties")?,
        memory_summary: row.get("memory_summary")?,
        memory_updated_at: rows::parsed_if_set(row, "memory_updated_at")?,
    })
}

fn read_channel(row: &Row<'_>) -> Result<ChannelMapping, StoreError> {
    Ok(ChannelMapping {
        tenant_id: rows::parsed(row, "tenant_id")?,
        kind: rows::parsed(row, "kind")?,
        channel_id: rows::parsed(row, "channel_id")?,
    })
}

fn read_key(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        hash: rows::parsed(row, "hash")?,
        tenant_id: rows::parsed(row, "tenant_id")?,
        user_id: rows::parsed(row, "user_id")?,
        name: row.get("name")?,
        role: rows::parsed(row, "role")?,
        created_at: rows::parsed(row, "created_at")?,
        expires_at: rows::parsed_if_set(row, "expires_at")?,
        prefix: row.get("prefix")?,
    })
}

fn read_audit(row: &Row<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: rows::parsed(row, "entry_id")?,
        tenant_id: rows::parsed(row, "tenant_id")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        target: row.get("target")?,
        at: rows::parsed(row, "at")?,
    })
}
