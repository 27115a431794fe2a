//! What every adapter of the tenants' store does alike with a commit: refusing what needs no reading to be refused, and
//! calling records by the same names in errors.

use crate::model::{ApiKey, AuditEntry, ChannelMapping, TenantId, UserId};
use crate::ports::{Change, MAX_WEIGHT, StoreError};

/// Refuses what can be refused without reading: too many changes, and changes of another tenant's records.
pub(crate) fn check(
    tenant: &TenantId,
    changes: &[Change],
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    if changes.iter().map(Change::weight).sum::<usize>() > MAX_WEIGHT {
        return Err(StoreError::TooLarge(format!(
            "a commit of {} changes",
            changes.len()
        )));
    }
    let owned = changes.iter().map(owner_and_name);
    let audited = (
        Some(&audit.tenant_id),
        format!("audit entry `{}`", audit.id),
    );
    for (owner, what) in owned.chain([audited]) {
        if owner.is_some_and(|owner| owner != tenant) {
            return Err(StoreError::Taken(what));
        }
    }
    Ok(())
}

/// Which tenant's record a change is about, where the record says so, and what to call it.
fn owner_and_name(change: &Change) -> (Option<&TenantId>, String) {
    match change {
        Change::CreateTenant(tenant) | Change::UpdateTenant { after: tenant, .. } => {
            (Some(&tenant.id), tenant_name(&tenant.id))
        }
        Change::CreateUser(user)
        | Change::UpdateUser { after: user, .. }
        | Change::RemoveUser(user) => (Some(&user.tenant_id), user_name(&user.id)),
        Change::PutMemory { user_id, .. } => (None, memory_name(user_id)),
        Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => {
            (Some(&mapping.tenant_id), channel_name(mapping))
        }
        Change::CreateKey(key) | Change::RevokeKey(key) => (Some(&key.tenant_id), key_name(key)),
    }
}

pub(crate) fn tenant_name(id: &TenantId) -> String {
    format!("tenant `{id}`")
}

pub(crate) fn user_name(id: &UserId) -> String {
    format!("user `{id}`")
}

pub(crate) fn memory_name(id: &UserId) -> String {
    format!("the memory of user `{id}`")
}

pub(crate) fn channel_name(mapping: &ChannelMapping) -> String {
    format!("channel `{} {}`", mapping.kind, mapping.channel_id)
}

/// By its prefix, which is all that people know of a key.
pub(crate) fn key_name(key: &ApiKey) -> String {
    format!("key `{}…`", key.prefix)
}
