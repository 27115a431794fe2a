//! Changes to tenants' records, each on the condition that [`crate::changes`] allows it. They run
//! in the writer's transaction, so what is read here is what is changed.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{conversations, records, rows};
use crate::changes::{self, Current, Stored};
use crate::model::{
    ApiKey, AuditEntry, ChannelMapping, Record, Tenant, TenantId, User, UserId, UserMemory,
};
use crate::ports::{Change, StoreError};

/// Makes all changes and adds the audit entry. On an error the caller takes everything back.
pub(super) fn apply(
    connection: &Connection,
    tenant: &TenantId,
    changes: &[Change],
    audit: &AuditEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    for change in changes {
        let current = current(connection, tenant, change)?;
        changes::check(tenant, &current, change, now)?;
        make(connection, tenant, change)?;
    }
    if !tenant_exists(connection, tenant)? {
        return Err(StoreError::NotFound(tenant.into()));
    }
    add_audit(connection, audit)
}

/// What is stored of all that decides a change.
fn current(
    connection: &Connection,
    tenant: &TenantId,
    change: &Change,
) -> Result<Current, StoreError> {
    let user = match changes::user_of(change) {
        Some(user) => records::user(connection, tenant, user)?,
        None => None,
    };
    let mut current = Current {
        tenant_exists: tenant_exists(connection, tenant)?,
        user_exists: user.is_some(),
        ..Current::default()
    };
    match change {
        Change::CreateTenant(_) => current.reserved_until = reservation(connection, tenant)?,
        Change::UpdateTenant { .. } => {
            current.stored = records::tenant(connection, tenant)?.map(Stored::Tenant);
        }
        Change::CreateUser(_) => {}
        Change::UpdateUser { .. } | Change::RemoveUser(_) => {
            current.stored = user.map(Stored::User);
        }
        Change::PutMemory { user_id, .. } => {
            current.stored = records::memory(connection, tenant, user_id)?.map(Stored::Memory);
        }
        Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => {
            let owner = records::channel_owner(connection, mapping.kind, &mapping.channel_id)?;
            current.owners.extend(owner);
        }
        Change::CreateKey(key) | Change::RevokeKey(key) | Change::UpdateKey { before: key, .. } => {
            let stored = records::key(connection, &key.hash)?;
            let owner = stored.as_ref().map(|stored| stored.tenant_id.clone());
            current.owners.extend(owner);
            current.stored = stored.map(Stored::Key);
        }
    }
    Ok(current)
}

/// Makes a change that may be made.
fn make(connection: &Connection, tenant: &TenantId, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::CreateTenant(new) => create_tenant(connection, new),
        Change::UpdateTenant { before, after } => update_tenant(connection, before, after),
        Change::CreateUser(user) => create_user(connection, user),
        Change::UpdateUser { after, .. } => update_user(connection, after),
        Change::RemoveUser(user) => remove_user(connection, user),
        Change::PutMemory { user_id, after, .. } => put_memory(connection, tenant, user_id, after),
        Change::MapChannel(mapping) => map_channel(connection, mapping),
        Change::UnmapChannel(mapping) => unmap_channel(connection, mapping),
        Change::CreateKey(key) => create_key(connection, key),
        Change::RevokeKey(key) => revoke_key(connection, key),
        Change::UpdateKey { after, .. } => update_key(connection, after),
    }
}

/// Removes a tenant with all that belongs to it, and keeps its id unusable.
pub(super) fn remove_tenant(
    connection: &Connection,
    tenant: &TenantId,
    reserved_until: Timestamp,
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    if !tenant_exists(connection, tenant)? {
        // Removed before: there is nothing left to do, and the id stays reserved as it was.
        return match reservation(connection, tenant)? {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound(tenant.into())),
        };
    }
    // Users, memory, channels and keys go with their tenant by their foreign keys.
    execute(
        connection,
        "DELETE FROM tenants WHERE tenant_id = ?",
        params![tenant.as_str()],
    )?;
    clear(connection, tenant)?;
    execute(
        connection,
        "INSERT OR REPLACE INTO removed_tenants (tenant_id, reserved_until) VALUES (?, ?)",
        params![tenant.as_str(), reserved_until.to_string()],
    )?;
    add_audit(connection, audit)
}

/// Deletes what refers to a tenant that does not exist: what a turn that began before the removal
/// wrote after it must not become the next tenant's.
fn clear(connection: &Connection, tenant: &TenantId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM conversations WHERE tenant_id = ?",
        "DELETE FROM usage WHERE tenant_id = ?",
        "DELETE FROM ledger WHERE tenant_id = ?",
        "DELETE FROM reservations WHERE tenant_id = ?",
        "DELETE FROM holds WHERE tenant_id = ?",
        "DELETE FROM calls WHERE tenant_id = ?",
    ] {
        execute(connection, sql, params![tenant.as_str()])?;
    }
    Ok(())
}

/// Until when the id of a removed tenant cannot be used; `None` if it can.
pub(super) fn reserved_until(
    connection: &Connection,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let until = reservation(connection, tenant)?;
    Ok(until.filter(|until| now < *until))
}

/// Ends the reservation of a removed tenant's id.
pub(super) fn free_id(
    connection: &Connection,
    tenant: &TenantId,
    audit: &AuditEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    if reserved_until(connection, tenant, now)?.is_none() {
        return Err(StoreError::NotFound(tenant.into()));
    }
    execute(
        connection,
        "UPDATE removed_tenants SET reserved_until = ? WHERE tenant_id = ?",
        params![now.to_string(), tenant.as_str()],
    )?;
    add_audit(connection, audit)
}

/// Adds an entry to the audit trail.
pub(super) fn add_audit(connection: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let added = execute(
        connection,
        "INSERT OR IGNORE INTO audit (tenant_id, entry_id, actor, action, target, at)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            entry.tenant_id.as_str(),
            entry.id.to_string(),
            entry.actor,
            entry.action,
            entry.target,
            entry.at.to_string()
        ],
    )?;
    if added == 0 {
        return Err(StoreError::AlreadyExists(Record::AuditEntry(entry.id)));
    }
    Ok(())
}

fn create_tenant(connection: &Connection, tenant: &Tenant) -> Result<(), StoreError> {
    clear(connection, &tenant.id)?;
    execute(
        connection,
        "DELETE FROM removed_tenants WHERE tenant_id = ?",
        params![tenant.id.as_str()],
    )?;
    execute(
        connection,
        "INSERT INTO tenants (tenant_id, name, status, created_at, settings, extensions, version, other)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            tenant.id.as_str(),
            tenant.name,
            tenant.status.as_str(),
            tenant.created_at.to_string(),
            rows::to_json(&tenant.settings)?,
            rows::to_json(&tenant.extensions)?,
            rows::to_column(tenant.version),
            rows::to_json(&tenant.other)?,
        ],
    )?;
    Ok(())
}

fn update_tenant(
    connection: &Connection,
    before: &Tenant,
    after: &Tenant,
) -> Result<(), StoreError> {
    execute(
        connection,
        "UPDATE tenants
         SET name = ?, status = ?, created_at = ?, settings = ?, extensions = ?, version = ?, other = ?
         WHERE tenant_id = ?",
        params![
            after.name,
            after.status.as_str(),
            after.created_at.to_string(),
            rows::to_json(&after.settings)?,
            rows::to_json(&after.extensions)?,
            rows::to_column(before.version.saturating_add(1)),
            rows::to_json(&after.other)?,
            after.id.as_str(),
        ],
    )?;
    if before.retention() != after.retention() {
        conversations::keep_for(connection, &after.id, after.retention())?;
    }
    Ok(())
}

fn create_user(connection: &Connection, user: &User) -> Result<(), StoreError> {
    execute(
        connection,
        "INSERT INTO users
             (tenant_id, user_id, email, display_name, role, channel_identities, created_at,
              budgets, other)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            user.tenant_id.as_str(),
            user.id.as_str(),
            user.email,
            user.display_name,
            user.role.as_str(),
            rows::to_json(&user.channel_identities)?,
            user.created_at.map(|at| at.to_string()),
            rows::to_json(&user.budgets)?,
            rows::to_json(&user.other)?,
        ],
    )?;
    Ok(())
}

fn update_user(connection: &Connection, after: &User) -> Result<(), StoreError> {
    execute(
        connection,
        "UPDATE users
         SET email = ?, display_name = ?, role = ?, channel_identities = ?, budgets = ?, other = ?
         WHERE tenant_id = ? AND user_id = ?",
        params![
            after.email,
            after.display_name,
            after.role.as_str(),
            rows::to_json(&after.channel_identities)?,
            rows::to_json(&after.budgets)?,
            rows::to_json(&after.other)?,
            after.tenant_id.as_str(),
            after.id.as_str(),
        ],
    )?;
    Ok(())
}

fn remove_user(connection: &Connection, user: &User) -> Result<(), StoreError> {
    // The memory goes with its user by its foreign key.
    execute(
        connection,
        "DELETE FROM users WHERE tenant_id = ? AND user_id = ?",
        params![user.tenant_id.as_str(), user.id.as_str()],
    )?;
    Ok(())
}

fn put_memory(
    connection: &Connection,
    tenant: &TenantId,
    user: &UserId,
    after: &UserMemory,
) -> Result<(), StoreError> {
    execute(
        connection,
        "INSERT OR REPLACE INTO user_memory
             (tenant_id, user_id, preferences, custom_properties, memory_summary, memory_updated_at,
              other)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            tenant.as_str(),
            user.as_str(),
            rows::to_json(&after.preferences)?,
            rows::to_json(&after.custom_properties)?,
            after.memory_summary,
            after.memory_updated_at.map(|at| at.to_string()),
            rows::to_json(&after.other)?,
        ],
    )?;
    Ok(())
}

fn map_channel(connection: &Connection, mapping: &ChannelMapping) -> Result<(), StoreError> {
    execute(
        connection,
        "INSERT INTO channels (kind, channel_id, tenant_id, other) VALUES (?, ?, ?, ?)",
        params![
            mapping.kind.as_str(),
            mapping.channel_id.as_str(),
            mapping.tenant_id.as_str(),
            rows::to_json(&mapping.other)?,
        ],
    )?;
    Ok(())
}

fn unmap_channel(connection: &Connection, mapping: &ChannelMapping) -> Result<(), StoreError> {
    execute(
        connection,
        "DELETE FROM channels WHERE kind = ? AND channel_id = ? AND tenant_id = ?",
        params![
            mapping.kind.as_str(),
            mapping.channel_id.as_str(),
            mapping.tenant_id.as_str()
        ],
    )?;
    Ok(())
}

fn create_key(connection: &Connection, key: &ApiKey) -> Result<(), StoreError> {
    execute(
        connection,
        "INSERT INTO api_keys
             (hash, tenant_id, user_id, name, role, created_at, expires_at, prefix, budgets,
              other)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            key.hash.as_str(),
            key.tenant_id.as_str(),
            key.user_id.as_str(),
            key.name,
            key.role.as_str(),
            key.created_at.to_string(),
            key.expires_at.map(|at| at.to_string()),
            key.prefix,
            rows::to_json(&key.budgets)?,
            rows::to_json(&key.other)?,
        ],
    )?;
    Ok(())
}

fn revoke_key(connection: &Connection, key: &ApiKey) -> Result<(), StoreError> {
    execute(
        connection,
        "DELETE FROM api_keys WHERE hash = ?",
        params![key.hash.as_str()],
    )?;
    Ok(())
}

fn update_key(connection: &Connection, after: &ApiKey) -> Result<(), StoreError> {
    execute(
        connection,
        "UPDATE api_keys SET name = ?, role = ?, expires_at = ?, budgets = ?, other = ?
         WHERE hash = ?",
        params![
            after.name,
            after.role.as_str(),
            after.expires_at.map(|at| at.to_string()),
            rows::to_json(&after.budgets)?,
            rows::to_json(&after.other)?,
            after.hash.as_str(),
        ],
    )?;
    Ok(())
}

fn tenant_exists(connection: &Connection, tenant: &TenantId) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM tenants WHERE tenant_id = ?")?
        .exists(params![tenant.as_str()])?)
}

/// Until when the id of a removed tenant cannot be used, even if that is past.
fn reservation(
    connection: &Connection,
    tenant: &TenantId,
) -> Result<Option<Timestamp>, StoreError> {
    connection
        .prepare_cached("SELECT reserved_until FROM removed_tenants WHERE tenant_id = ?")?
        .query_row(params![tenant.as_str()], |row| {
            Ok(rows::parsed(row, "reserved_until"))
        })
        .optional()?
        .transpose()
}

fn execute(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(parameters)?)
}
