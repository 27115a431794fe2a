//! What each [`Change`] means, whichever store makes it. Pure: an adapter reads what is stored,
//! asks here whether the change can be made of that, and then makes it.

use jiff::Timestamp;

use crate::model::{
    ApiKey, AuditEntry, ChannelKind, Record, Tenant, TenantId, User, UserId, UserMemory,
};
use crate::ports::{Change, CommitLimit, StoreError};

/// Refuses what can be refused of a commit without reading: too many changes, and changes of
/// another tenant's records.
pub(crate) fn check_commit(
    tenant: &TenantId,
    changes: &[Change],
    audit: &AuditEntry,
    limit: CommitLimit,
) -> Result<(), StoreError> {
    if !limit.allows(changes) {
        let what = format!("a commit of {} changes", changes.len());
        return Err(StoreError::TooLarge(what));
    }
    for change in changes {
        if let Some(owner) = owner(change)
            && owner != tenant
        {
            return Err(StoreError::Taken(record(tenant, change)));
        }
    }
    if audit.tenant_id != *tenant {
        return Err(StoreError::Taken(Record::AuditEntry(audit.id)));
    }
    Ok(())
}

/// Whose record a change is about, where the record itself says so.
fn owner(change: &Change) -> Option<&TenantId> {
    match change {
        Change::CreateTenant(tenant) | Change::UpdateTenant { after: tenant, .. } => {
            Some(&tenant.id)
        }
        Change::CreateUser(user)
        | Change::UpdateUser { after: user, .. }
        | Change::RemoveUser(user) => Some(&user.tenant_id),
        Change::PutMemory { .. } => None,
        Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => Some(&mapping.tenant_id),
        Change::CreateKey(key) | Change::RevokeKey(key) | Change::UpdateKey { before: key, .. } => {
            Some(&key.tenant_id)
        }
    }
}

/// The record that a change of `tenant` is about.
pub(crate) fn record(tenant: &TenantId, change: &Change) -> Record {
    match change {
        Change::CreateTenant(tenant) | Change::UpdateTenant { after: tenant, .. } => tenant.into(),
        Change::CreateUser(user)
        | Change::UpdateUser { after: user, .. }
        | Change::RemoveUser(user) => user.into(),
        Change::PutMemory { user_id, .. } => Record::Memory {
            tenant: tenant.clone(),
            user: user_id.clone(),
        },
        Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => mapping.into(),
        Change::CreateKey(key) | Change::RevokeKey(key) | Change::UpdateKey { before: key, .. } => {
            key.into()
        }
    }
}

/// The user on whose existence a change depends, or whom it is about.
pub(crate) fn user_of(change: &Change) -> Option<&UserId> {
    match change {
        Change::CreateUser(user)
        | Change::UpdateUser { after: user, .. }
        | Change::RemoveUser(user) => Some(&user.id),
        Change::PutMemory { user_id, .. } => Some(user_id),
        Change::CreateKey(key) => Some(&key.user_id),
        // A key can be revoked whether its user still exists or not, and opens nothing without one.
        Change::RevokeKey(_)
        | Change::UpdateKey { .. }
        | Change::CreateTenant(_)
        | Change::UpdateTenant { .. }
        | Change::MapChannel(_)
        | Change::UnmapChannel(_) => None,
    }
}

/// What is stored of all that decides whether one change can be made. What does not matter to the
/// change need not be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Current {
    /// Whether the tenant exists.
    pub(crate) tenant_exists: bool,
    /// Until when the tenant's id is reserved, if a tenant of this id was removed.
    pub(crate) reserved_until: Option<Timestamp>,
    /// Whether the [user](user_of) exists.
    pub(crate) user_exists: bool,
    /// The tenants who have the channel or the key.
    pub(crate) owners: Vec<TenantId>,
    /// What an update or a removal would replace.
    pub(crate) stored: Option<Stored>,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    Tenant(Tenant),
    User(User),
    Memory(UserMemory),
    Key(ApiKey),
}

/// Says whether a change of `tenant` can be made of what is stored.
///
/// # Errors
/// Why it cannot be made.
pub(crate) fn check(
    tenant: &TenantId,
    current: &Current,
    change: &Change,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = || record(tenant, change);
    let is_mine = current.owners.contains(tenant);
    if let Change::CreateTenant(new) = change {
        return match current.reserved_until {
            _ if current.tenant_exists => Err(StoreError::AlreadyExists(name())),
            Some(until) if now < until => Err(StoreError::Reserved {
                id: new.id.clone(),
                until,
            }),
            _ => Ok(()),
        };
    }
    if !current.tenant_exists {
        return Err(StoreError::NotFound(tenant.into()));
    }
    match change {
        Change::CreateTenant(_) => Ok(()),
        Change::UpdateTenant { before, .. } => {
            unchanged(current, &Stored::Tenant(before.clone()), name)
        }
        Change::CreateUser(user) => {
            // The anonymous user exists in every tenant, though nothing is stored of it.
            match current.user_exists || user.id.as_str() == UserId::ANONYMOUS {
                true => Err(StoreError::AlreadyExists(name())),
                false => Ok(()),
            }
        }
        Change::UpdateUser { before, .. } | Change::RemoveUser(before) => {
            unchanged(current, &Stored::User(before.clone()), name)
        }
        Change::PutMemory {
            user_id, before, ..
        } => {
            require_user(tenant, user_id, current)?;
            match current.stored == before.clone().map(Stored::Memory) {
                true => Ok(()),
                false => Err(StoreError::Changed(name())),
            }
        }
        Change::MapChannel(mapping) if mapping.kind == ChannelKind::Api => Err(StoreError::denied(
            "an `api` channel is an API key and is created as one",
        )),
        Change::MapChannel(_) => free(current, is_mine, name),
        // An API key, which some platforms store as a channel, is only revoked.
        Change::UnmapChannel(mapping) => match is_mine && mapping.kind != ChannelKind::Api {
            true => Ok(()),
            false => Err(StoreError::NotFound(name())),
        },
        Change::CreateKey(key) => {
            free(current, is_mine, name)?;
            require_user(tenant, &key.user_id, current)
        }
        // Another tenant's key is not to be seen, not even as a conflict.
        Change::RevokeKey(_) | Change::UpdateKey { .. } if !is_mine => {
            Err(StoreError::NotFound(name()))
        }
        Change::RevokeKey(before) | Change::UpdateKey { before, .. } => {
            unchanged(current, &Stored::Key(before.clone()), name)
        }
    }
}

/// The whole record is compared: other programs may change a value and leave the version as it was.
fn unchanged(
    current: &Current,
    before: &Stored,
    name: impl FnOnce() -> Record,
) -> Result<(), StoreError> {
    match &current.stored {
        None => Err(StoreError::NotFound(name())),
        Some(stored) if stored != before => Err(StoreError::Changed(name())),
        Some(_) => Ok(()),
    }
}

/// A channel or key that nobody has.
fn free(current: &Current, is_mine: bool, name: impl FnOnce() -> Record) -> Result<(), StoreError> {
    match is_mine {
        true => Err(StoreError::AlreadyExists(name())),
        false if !current.owners.is_empty() => Err(StoreError::Taken(name())),
        false => Ok(()),
    }
}

fn require_user(tenant: &TenantId, user: &UserId, current: &Current) -> Result<(), StoreError> {
    match current.user_exists {
        true => Ok(()),
        false => Err(StoreError::NotFound(Record::user(tenant, user))),
    }
}

#[cfg(test)]
mod tests;
