//! Committing: one transaction for all changes and their audit entry, planned, tried, and planned again where others were
//! faster.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio::time::Instant;

use super::plan::{self, Current};
use super::{keys, records, removal};
use crate::aws::dynamodb::table::{PATIENCE, Table, pauses};
use crate::aws::dynamodb::transaction::Refusal;
use crate::changes::tenant_name;
use crate::model::{AuditEntry, TenantId};
use crate::ports::{Change, StoreError};

/// Channels whose owners are looked up at once.
const LOOKUPS_AT_ONCE: usize = 16;

/// Makes all changes and adds the audit entry, or does nothing.
pub(super) async fn commit(
    table: &Table,
    tenant: &TenantId,
    changes: &[Change],
    audit: &AuditEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    let started = Instant::now();
    let mut pauses = pauses();
    let mut was_tried = false;
    loop {
        let current = if was_tried || plan::needs_reading(changes) {
            let audit = was_tried.then_some(audit);
            Some(read(table, tenant, changes, audit, now).await?)
        } else {
            None
        };
        let planned = plan::plan(table, tenant, changes, audit, current.as_ref(), now);
        let parts = match planned {
            Ok(parts) => parts,
            // It cannot be made because it was: by an attempt whose answer was lost.
            Err(error) if was_tried => {
                return is_recorded(table, audit).await?.then_some(()).ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let refused = match table.transact(parts).await {
            Ok(()) => return Ok(()),
            Err(Refusal::Final(error)) => return Err(error),
            Err(Refusal::Unknown(error)) => return settle(table, audit, error).await,
            Err(Refusal::Condition) => StoreError::Changed(tenant_name(tenant)),
            Err(Refusal::Busy(error)) => error,
        };
        if matches!(refused, StoreError::Changed(_)) && is_recorded(table, audit).await? {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return settle(table, audit, refused).await;
        }
        was_tried = true;
        tokio::time::sleep(pauses.next().unwrap_or_default()).await;
    }
}

/// What a commit came to whose last attempt tells nothing: done, if its audit entry is there.
pub(super) async fn settle(
    table: &Table,
    audit: &AuditEntry,
    error: StoreError,
) -> Result<(), StoreError> {
    match is_recorded(table, audit).await {
        Ok(true) => Ok(()),
        _ => Err(error),
    }
}

/// Whether this very entry, which no other commit has, is in the audit trail. It is added in the same transaction as the
/// changes, and only if it is not there: so it is there once, exactly if they were made.
pub(super) async fn is_recorded(table: &Table, audit: &AuditEntry) -> Result<bool, StoreError> {
    let stored = table.get(keys::audit(&audit.tenant_id, audit.id)).await?;
    stored.map_or(Ok(false), |item| Ok(records::audit_entry(&item)? == *audit))
}

/// Reads all that a plan looks at; the audit entry only once the store has refused a plan.
async fn read(
    table: &Table,
    tenant: &TenantId,
    changes: &[Change],
    audit: Option<&AuditEntry>,
    now: Timestamp,
) -> Result<Current, StoreError> {
    let mut wanted = plan::keys_to_read(tenant, changes);
    wanted.extend(audit.map(|audit| keys::audit(tenant, audit.id)));
    let items = table.get_all(wanted).await?;
    let creates = matches!(changes, [Change::CreateTenant(_), ..]);
    if creates
        && items.get(&keys::tenant(tenant)).is_none()
        && let Some(tombstone) = items.get(&keys::tombstone(tenant))
        && records::reserved_until(tombstone)? <= now
    {
        // What a removal was kept from removing, and what was counted after it, must not become the new tenant's.
        removal::clear(table, tenant).await?;
    }
    let mut names = Vec::new();
    for change in changes {
        if let Change::MapChannel(mapping) = change {
            let name = keys::channel_name(mapping.kind, &mapping.channel_id);
            if name.len() <= keys::MAX_SORT_KEY {
                names.push(name);
            }
        }
    }
    let channels: HashMap<_, _> = futures::stream::iter(names)
        .map(|name| async move {
            let located = table.locate(&name).await?;
            Ok::<_, StoreError>((name, located))
        })
        .buffer_unordered(LOOKUPS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(Current { items, channels })
}
