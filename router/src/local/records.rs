//! The records of the tenants' tables as rows: reading one, or a list.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::rows;
use crate::cursor::{List, readable};
use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelKind, ChannelMapping, KeyHash, Tenant, TenantId, User,
    UserId, UserMemory,
};
use crate::ports::{Page, PageRequest, StoreError};

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

pub(super) fn one<T>(
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

/// A page of a list. The statement's parameters are `:limit`, `:after` (and `:after2` where the
/// list's key has two parts; NULL for the first page) and `:tenant`, if one is given.
pub(super) fn page<T, const N: usize>(
    connection: &Connection,
    list: &List<T, N>,
    request: &PageRequest,
    tenant: Option<&TenantId>,
    sql: &str,
    read: fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let start = list.start(request)?;
    let after: [Option<String>; N] =
        std::array::from_fn(|n| start.after.as_ref().map(|parts| parts[n].clone()));
    // Rows are read one by one, and as many as are wanted: one that cannot be read counts for none.
    let limit = -1;
    let tenant = tenant.map(TenantId::as_str);
    let mut parameters: Vec<(&str, &dyn ToSql)> = [":after", ":after2"]
        .into_iter()
        .zip(after.iter().map(|part| part as &dyn ToSql))
        .collect();
    parameters.push((":limit", &limit));
    if tenant.is_some() {
        parameters.push((":tenant", &tenant));
    }
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(&*parameters)?;
    let (mut items, mut unreadable) = (Vec::new(), Vec::new());
    while items.len() < start.count
        && let Some(row) = found.next()?
    {
        items.extend(readable(read(row), || key_of(row), &mut unreadable)?);
    }
    Ok(list.page(request, (items, unreadable)))
}

/// The key of a row, to be shown: the columns that tell it from others. Of an API key's hash only
/// the beginning.
fn key_of(row: &Row<'_>) -> String {
    let column = |name: &str| row.get::<_, String>(name).ok();
    let hash = column("hash").map(|hash| hash.chars().take(8).collect::<String>() + "…");
    let parts = ["tenant_id", "user_id", "kind", "channel_id", "entry_id"];
    let parts: Vec<String> = parts.into_iter().filter_map(column).chain(hash).collect();
    parts.join(" ")
}

pub(super) fn read_tenant(row: &Row<'_>) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: rows::parsed(row, "tenant_id")?,
        name: row.get("name")?,
        status: rows::parsed(row, "status")?,
        created_at: rows::parsed(row, "created_at")?,
        settings: rows::json(row, "settings")?,
        extensions: rows::json(row, "extensions")?,
        version: rows::counter(row, "version")?,
        other: rows::json(row, "other")?,
    })
}

pub(super) fn read_user(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: rows::parsed(row, "user_id")?,
        tenant_id: rows::parsed(row, "tenant_id")?,
        email: row.get("email")?,
        display_name: row.get("display_name")?,
        role: rows::parsed(row, "role")?,
        channel_identities: rows::json(row, "channel_identities")?,
        budgets: rows::json(row, "budgets")?,
        created_at: rows::parsed_if_set(row, "created_at")?,
        other: rows::json(row, "other")?,
    })
}

pub(super) fn read_memory(row: &Row<'_>) -> Result<UserMemory, StoreError> {
    Ok(UserMemory {
        preferences: rows::json(row, "preferences")?,
        custom_properties: rows::json(row, "custom_properties")?,
        memory_summary: row.get("memory_summary")?,
        memory_updated_at: rows::parsed_if_set(row, "memory_updated_at")?,
        other: rows::json(row, "other")?,
    })
}

pub(super) fn read_channel(row: &Row<'_>) -> Result<ChannelMapping, StoreError> {
    Ok(ChannelMapping {
        tenant_id: rows::parsed(row, "tenant_id")?,
        kind: rows::parsed(row, "kind")?,
        channel_id: rows::parsed(row, "channel_id")?,
        other: rows::json(row, "other")?,
    })
}

pub(super) fn read_key(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        hash: rows::parsed(row, "hash")?,
        tenant_id: rows::parsed(row, "tenant_id")?,
        user_id: rows::parsed(row, "user_id")?,
        name: row.get("name")?,
        role: rows::parsed(row, "role")?,
        created_at: rows::parsed(row, "created_at")?,
        expires_at: rows::parsed_if_set(row, "expires_at")?,
        prefix: row.get("prefix")?,
        budgets: rows::json(row, "budgets")?,
        other: rows::json(row, "other")?,
    })
}

pub(super) fn read_audit(row: &Row<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: rows::parsed(row, "entry_id")?,
        tenant_id: rows::parsed(row, "tenant_id")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        target: row.get("target")?,
        at: rows::parsed(row, "at")?,
    })
}
