//! Changes to tenants' records, each conditional on what was read. They run in the writer's transaction, so what is read
//! here is what is changed.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::changes::{channel_name, key_name, memory_name, tenant_name, user_name};
use crate::model::{
    ApiKey, AuditEntry, ChannelKind, ChannelMapping, Tenant, TenantId, User, UserId, UserMemory,
};
use crate::ports::{Change, StoreError};

use super::{rows, tenants};

/// Makes all changes and adds the audit entry. On an error the caller takes everything back.
pub(super) fn apply(
    connection: &Connection,
    tenant: &TenantId,
    changes: &[Change],
    audit: &AuditEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::CreateTenant(new) => create_tenant(connection, new, now)?,
            other => {
                require_tenant(connection, tenant)?;
                apply_to_existing(connection, tenant, other)?;
            }
        }
    }
    require_tenant(connection, tenant)?;
    add_audit(connection, audit)
}

fn apply_to_existing(
    connection: &Connection,
    tenant: &TenantId,
    change: &Change,
) -> Result<(), StoreError> {
    match change {
        // Handled by the caller: it is the one change that needs no tenant.
        Change::CreateTenant(new) => Err(StoreError::AlreadyExists(tenant_name(&new.id))),
        Change::UpdateTenant { before, after } => update_tenant(connection, before, after),
        Change::CreateUser(user) => create_user(connection, user),
        Change::UpdateUser { before, after } => update_user(connection, before, after),
        Change::RemoveUser(user) => remove_user(connection, user),
        Change::PutMemory {
            user_id,
            before,
            after,
        } => put_memory(connection, tenant, user_id, before.as_ref(), after),
        Change::MapChannel(mapping) => map_channel(connection, mapping),
        Change::UnmapChannel(mapping) => unmap_channel(connection, mapping),
        Change::CreateKey(key) => create_key(connection, key),
        Change::RevokeKey(key) => revoke_key(connection, key),
    }
}

/// Removes a tenant with all that belongs to it, and keeps its id unusable.
pub(super) fn remove_tenant(
    connection: &Connection,
    tenant: &TenantId,
    reserved_until: Timestamp,
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    if tenants::tenant(connection, tenant)?.is_none() {
        // Removed before: there is nothing left to do, and the id stays reserved as it was.
        return match reservation(connection, tenant)? {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound(tenant_name(tenant))),
        };
    }
    // Users, memory, channels and keys go with their tenant by their foreign keys.
    for sql in [
        "DELETE FROM tenants WHERE tenant_id = ?",
        "DELETE FROM usage WHERE tenant_id = ?",
        "DELETE FROM reservations WHERE tenant_id = ?",
    ] {
        execute(connection, sql, params![tenant.as_str()])?;
    }
    execute(
        connection,
        "INSERT OR REPLACE INTO removed_tenants (tenant_id, reserved_until) VALUES (?, ?)",
        params![tenant.as_str(), reserved_until.to_string()],
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
        return Err(StoreError::AlreadyExists(format!(
            "audit entry `{}`",
            entry.id
        )));
    }
    Ok(())
}

fn create_tenant(
    connection: &Connection,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<(), StoreError> {
    if tenants::tenant(connection, &tenant.id)?.is_some() {
        return Err(StoreError::AlreadyExists(tenant_name(&tenant.id)));
    }
    if let Some(until) = reservation(connection, &tenant.id)? {
        if now < until {
            return Err(StoreError::Reserved {
                id: tenant.id.clone(),
                until,
            });
        }
        execute(
            connection,
            "DELETE FROM removed_tenants WHERE tenant_id = ?",
            params![tenant.id.as_str()],
        )?;
    }
    execute(
        connection,
        "INSERT INTO tenants (tenant_id, name, status, created_at, settings, extensions, version)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            tenant.id.as_str(),
            tenant.name,
            tenant.status.as_str(),
            tenant.created_at.to_string(),
            rows::to_json(&tenant.settings)?,
            rows::to_json(&tenant.extensions)?,
            rows::to_column(tenant.version),
        ],
    )?;
    Ok(())
}

fn update_tenant(
    connection: &Connection,
    before: &Tenant,
    after: &Tenant,
) -> Result<(), StoreError> {
    let stored = tenants::tenant(connection, &after.id)?;
    require_unchanged(stored.as_ref(), before, || tenant_name(&after.id))?;
    execute(
        connection,
        "UPDATE tenants SET name = ?, status = ?, created_at = ?, settings = ?, extensions = ?, version = ?
         WHERE tenant_id = ?",
        params![
            after.name,
            after.status.as_str(),
            after.created_at.to_string(),
            rows::to_json(&after.settings)?,
            rows::to_json(&after.extensions)?,
            rows::to_column(before.version.saturating_add(1)),
            after.id.as_str(),
        ],
    )?;
    Ok(())
}

fn create_user(connection: &Connection, user: &User) -> Result<(), StoreError> {
    let is_taken = user.id.as_str() == UserId::ANONYMOUS
        || tenants::user(connection, &user.tenant_id, &user.id)?.is_some();
    if is_taken {
        return Err(StoreError::AlreadyExists(user_name(&user.id)));
    }
    execute(
        connection,
        "INSERT INTO users (tenant_id, user_id, email, display_name, role, channel_identities)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            user.tenant_id.as_str(),
            user.id.as_str(),
            user.email,
            user.display_name,
            user.role.as_str(),
            rows::to_json(&user.channel_identities)?,
        ],
    )?;
    Ok(())
}

fn update_user(connection: &Connection, before: &User, after: &User) -> Result<(), StoreError> {
    let stored = tenants::user(connection, &after.tenant_id, &after.id)?;
    require_unchanged(stored.as_ref(), before, || user_name(&after.id))?;
    execute(
        connection,
        "UPDATE users SET email = ?, display_name = ?, role = ?, channel_identities = ?
         WHERE tenant_id = ? AND user_id = ?",
        params![
            after.email,
            after.display_name,
            after.role.as_str(),
            rows::to_json(&after.channel_identities)?,
            after.tenant_id.as_str(),
            after.id.as_str(),
        ],
    )?;
    Ok(())
}

fn remove_user(connection: &Connection, user: &User) -> Result<(), StoreError> {
    let stored = tenants::user(connection, &user.tenant_id, &user.id)?;
    require_unchanged(stored.as_ref(), user, || user_name(&user.id))?;
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
    before: Option<&UserMemory>,
    after: &UserMemory,
) -> Result<(), StoreError> {
    if tenants::user(connection, tenant, user)?.is_none() {
        return Err(StoreError::NotFound(user_name(user)));
    }
    if tenants::memory(connection, tenant, user)?.as_ref() != before {
        return Err(StoreError::Changed(memory_name(user)));
    }
    execute(
        connection,
        "INSERT OR REPLACE INTO user_memory
             (tenant_id, user_id, preferences, custom_properties, memory_summary, memory_updated_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            tenant.as_str(),
            user.as_str(),
            rows::to_json(&after.preferences)?,
            rows::to_json(&after.custom_properties)?,
            after.memory_summary,
            after.memory_updated_at.map(|at| at.to_string()),
        ],
    )?;
    Ok(())
}

fn map_channel(connection: &Connection, mapping: &ChannelMapping) -> Result<(), StoreError> {
    if mapping.kind == ChannelKind::Api {
        return Err(StoreError::Denied(
            "an `api` channel is an API key and is made as one".to_owned(),
        ));
    }
    match tenants::channel_owner(connection, mapping.kind, &mapping.channel_id)? {
        Some(owner) if owner == mapping.tenant_id => {
            Err(StoreError::AlreadyExists(channel_name(mapping)))
        }
        Some(_) => Err(StoreError::Taken(channel_name(mapping))),
        None => {
            execute(
                connection,
                "INSERT INTO channels (kind, channel_id, tenant_id) VALUES (?, ?, ?)",
                params![
                    mapping.kind.as_str(),
                    mapping.channel_id.as_str(),
                    mapping.tenant_id.as_str()
                ],
            )?;
            Ok(())
        }
    }
}

fn unmap_channel(connection: &Connection, mapping: &ChannelMapping) -> Result<(), StoreError> {
    let removed = execute(
        connection,
        "DELETE FROM channels WHERE kind = ? AND channel_id = ? AND tenant_id = ?",
        params![
            mapping.kind.as_str(),
            mapping.channel_id.as_str(),
            mapping.tenant_id.as_str()
        ],
    )?;
    if removed == 0 {
        return Err(StoreError::NotFound(channel_name(mapping)));
    }
    Ok(())
}

fn create_key(connection: &Connection, key: &ApiKey) -> Result<(), StoreError> {
    match tenants::key(connection, &key.hash)? {
        Some(stored) if stored.tenant_id == key.tenant_id => {
            return Err(StoreError::AlreadyExists(key_name(key)));
        }
        Some(_) => return Err(StoreError::Taken(key_name(key))),
        None => {}
    }
    if tenants::user(connection, &key.tenant_id, &key.user_id)?.is_none() {
        return Err(StoreError::NotFound(user_name(&key.user_id)));
    }
    execute(
        connection,
        "INSERT INTO api_keys (hash, tenant_id, user_id, name, role, created_at, expires_at, prefix)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            key.hash.as_str(),
            key.tenant_id.as_str(),
            key.user_id.as_str(),
            key.name,
            key.role.as_str(),
            key.created_at.to_string(),
            key.expires_at.map(|at| at.to_string()),
            key.prefix,
        ],
    )?;
    Ok(())
}

fn revoke_key(connection: &Connection, key: &ApiKey) -> Result<(), StoreError> {
    let stored = tenants::key(connection, &key.hash)?;
    // Another tenant's key is not to be seen, not even as a conflict.
    let stored = stored.filter(|stored| stored.tenant_id == key.tenant_id);
    require_unchanged(stored.as_ref(), key, || key_name(key))?;
    execute(
        connection,
        "DELETE FROM api_keys WHERE hash = ?",
        params![key.hash.as_str()],
    )?;
    Ok(())
}

fn require_tenant(connection: &Connection, tenant: &TenantId) -> Result<(), StoreError> {
    let exists = connection
        .prepare_cached("SELECT 1 FROM tenants WHERE tenant_id = ?")?
        .exists(params![tenant.as_str()])?;
    if exists {
        Ok(())
    } else {
        Err(StoreError::NotFound(tenant_name(tenant)))
    }
}

/// Compares the whole record: other programs may change a value and leave the version as it was.
fn require_unchanged<T: PartialEq>(
    stored: Option<&T>,
    before: &T,
    name: impl FnOnce() -> String,
) -> Result<(), StoreError> {
    match stored {
        None => Err(StoreError::NotFound(name())),
        Some(stored) if stored != before => Err(StoreError::Changed(name())),
        Some(_) => Ok(()),
    }
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
