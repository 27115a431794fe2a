//! Committing: one transaction for all changes and their audit entry, planned, tried, and planned
//! again where others were faster.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::plan::{self, Read};
use super::recorded::{is_recorded, settle};
use super::{keys, lookup, records, removal};
use crate::aws::attempts::Attempts;
use crate::aws::dynamodb::{Refusal, Table};
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
    let mut attempts = Attempts::new();
    let mut was_tried = false;
    loop {
        let read = if was_tried || plan::needs_reading(changes) {
            let audit = was_tried.then_some(audit);
            Some(read(table, tenant, changes, audit, now).await?)
        } else {
            None
        };
        let writes = match plan::plan(tenant, changes, audit, read.as_ref(), now) {
            Ok(writes) => writes,
            // It cannot be made because it was: by an attempt whose answer was lost.
            Err(error) if was_tried => {
                return is_recorded(table, audit).await?.then_some(()).ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let refusal = match table.transact(writes).await {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        let is_condition = matches!(refusal, Refusal::Condition(_));
        let is_final = matches!(refusal, Refusal::Final(_) | Refusal::TooLarge(_));
        let is_unknown = matches!(refusal, Refusal::Unknown(_));
        let error = refusal.into_store_error(tenant.into());
        if is_final {
            return Err(error);
        }
        if is_condition && is_recorded(table, audit).await? {
            return Ok(());
        }
        if is_unknown || !attempts.again().await {
            return settle(table, audit, error).await;
        }
        was_tried = true;
    }
}

/// Reads all that a plan looks at; the audit entry only once the store has refused a plan.
async fn read(
    table: &Table,
    tenant: &TenantId,
    changes: &[Change],
    audit: Option<&AuditEntry>,
    now: Timestamp,
) -> Result<Read, StoreError> {
    let mut wanted = plan::keys_to_read(tenant, changes);
    wanted.extend(audit.map(|audit| keys::audit(tenant, audit.id)));
    let items = table.get_all(wanted).await?;
    let creates = matches!(changes, [Change::CreateTenant(_), ..]);
    if creates
        && items.get(&keys::tenant(tenant)).is_none()
        && let Some(tombstone) = items.get(&keys::tombstone(tenant))
        && records::reserved_until(tombstone)? <= now
    {
        // What a removal was kept from removing, and what was counted after it, must not become the
        // new tenant's.
        removal::clear(table, tenant).await?;
    }
    let mapped = changes.iter().filter_map(|change| match change {
        Change::MapChannel(mapping) => Some((mapping.kind, mapping.channel_id.clone())),
        _ => None,
    });
    let channels: HashMap<_, _> = futures::stream::iter(mapped.collect::<Vec<_>>())
        .map(|(kind, id)| async move {
            let located = lookup::locate(table, kind, &id).await?;
            Ok::<_, StoreError>(((kind, id), located))
        })
        .buffer_unordered(LOOKUPS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(Read { items, channels })
}
