//! Removing a tenant. One transaction makes it absent and its id unusable; all else is then deleted
//! in batches, and the tombstone says when that is done. An interrupted removal is finished by the
//! next, or at the latest before the id is used again.

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::recorded::{is_recorded, settle};
use super::{keys, records};
use crate::aws::attempts::Attempts;
use crate::aws::dynamodb::attributes::{Item, identity, key_of, text_value};
use crate::aws::dynamodb::{Condition, Query, Refusal, Scan, SortKeys, Table, Update, Write};
use crate::aws::error::AwsError;
use crate::model::{AuditEntry, TenantId};
use crate::ports::StoreError;

/// On a tombstone: from then on the id can be used again.
pub(super) const RESERVED_UNTIL: &str = "reserved_until";
/// On a tombstone: everything was deleted by then.
const CLEARED_AT: &str = "cleared_at";

/// Claims deleted at once.
const CLAIMS_AT_ONCE: usize = 8;
/// Items found before they are deleted.
const FOUND_AT_ONCE: usize = 1000;

/// Removes a tenant, or finishes removing it.
pub(super) async fn remove_tenant(
    table: &Table,
    tenant: &TenantId,
    reserved_until: Timestamp,
    audit: &AuditEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut attempts = Attempts::new();
    let mut was_tried = false;
    loop {
        let (meta, tombstone) = (keys::tenant(tenant), keys::tombstone(tenant));
        let stored = table.get_all([meta.clone(), tombstone.clone()]).await?;
        if stored.get(&meta).is_none() {
            return match stored.get(&tombstone) {
                None => Err(StoreError::NotFound(tenant.into())),
                Some(tombstone) if tombstone.contains_key(CLEARED_AT) => Ok(()),
                Some(_) => finish(table, tenant, now).await,
            };
        }
        if was_tried && is_recorded(table, audit).await? {
            // Removed by an attempt whose answer was lost, and created again since.
            return Ok(());
        }
        let mut buried = tombstone;
        buried.insert(
            RESERVED_UNTIL.to_owned(),
            text_value(reserved_until.to_string()),
        );
        let writes = vec![
            Write::delete(meta).when(Condition::present()),
            Write::put(buried),
            Write::put(records::audit_item(audit)).when(Condition::absent()),
        ];
        let refusal = match table.transact(writes).await {
            Ok(()) => return finish(table, tenant, now).await,
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::Final(_) | Refusal::TooLarge(_) => {
                return Err(refusal.into_store_error(tenant.into()));
            }
            Refusal::Unknown(error) => {
                settle(table, audit, error.into()).await?;
                return finish(table, tenant, now).await;
            }
            Refusal::Condition(_) | Refusal::Conflict(_) | Refusal::Throttled(_) => {
                was_tried = true;
                if !attempts.again().await {
                    return Err(refusal.into_store_error(tenant.into()));
                }
            }
        }
    }
}

/// Until when the id of a removed tenant cannot be used; `None` if it can.
pub(super) async fn reserved_until(
    table: &Table,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let (meta, tombstone) = (keys::tenant(tenant), keys::tombstone(tenant));
    let stored = table.get_all([meta.clone(), tombstone.clone()]).await?;
    match stored.get(&tombstone) {
        Some(tombstone) if stored.get(&meta).is_none() => {
            Ok(Some(records::reserved_until(tombstone)?).filter(|until| now < *until))
        }
        _ => Ok(None),
    }
}

/// Ends the reservation of a removed tenant's id. The tombstone stays: by it, whoever creates the
/// next tenant knows that there may be something left to delete.
pub(super) async fn free_id(
    table: &Table,
    tenant: &TenantId,
    audit: &AuditEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    if reserved_until(table, tenant, now).await?.is_none() {
        return Err(StoreError::NotFound(tenant.into()));
    }
    let freed = Update::default().set(RESERVED_UNTIL, text_value(now.to_string()));
    let writes = vec![
        Write::update(keys::tombstone(tenant), freed).when(Condition::present()),
        Write::put(records::audit_item(audit)).when(Condition::absent()),
    ];
    match table.transact(writes).await {
        Ok(()) => Ok(()),
        Err(refusal) => settle(table, audit, refusal.into_store_error(tenant.into())).await,
    }
}

/// Deletes what is left, and notes that on the tombstone.
async fn finish(table: &Table, tenant: &TenantId, now: Timestamp) -> Result<(), StoreError> {
    clear(table, tenant).await?;
    clear_invitations(table, tenant).await?;
    let note = Update::default().set(CLEARED_AT, text_value(now.to_string()));
    // If there is no tombstone, the id is used again already.
    let write = Write::update(keys::tombstone(tenant), note).when(Condition::present());
    Ok(table.write_if(write).await.map(drop)?)
}

/// Deletes everything of a tenant that does not exist any more but its tombstone and its audit
/// trail. Safe to repeat.
pub(super) async fn clear(table: &Table, tenant: &TenantId) -> Result<(), StoreError> {
    let partition = keys::tenant_partition(tenant);
    let memory = keys::memory_partition(tenant);
    // The audit trail can be long, so it is stepped over.
    let ranges = [
        (&partition, SortKeys::Below(keys::AUDIT)),
        (&partition, SortKeys::Above(keys::BEHIND_AUDIT)),
        (&memory, SortKeys::All),
    ];
    for (partition, sort_keys) in ranges {
        // What is deleted is not found again: each round begins at the first item.
        loop {
            let keep = |item: Item| {
                let (_, sort) = identity(&item);
                let is_kept = sort == keys::META || sort == keys::REMOVED;
                Ok::<_, AwsError>((!is_kept).then(|| Found::of(&item)))
            };
            let found = table
                .query(Query::new(partition, sort_keys), FOUND_AT_ONCE, keep)
                .await?;
            if found.is_empty() {
                break;
            }
            delete(table, tenant, found).await?;
        }
    }
    Ok(())
}

/// Deletes the Python program's invitations into a tenant. They lie in partitions of their own and
/// are in no index, so they are looked for in the whole table.
async fn clear_invitations(table: &Table, tenant: &TenantId) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let scan = Scan {
            partition: keys::INVITATION,
            attributes: &["pk", "sk", "tenant_id"],
            ..Scan::default()
        };
        let (found, next) = table.scan(scan, after).await?;
        let own = found.iter().filter(|item| {
            records::claimant(item).is_ok_and(|invited_into| invited_into == *tenant)
        });
        table.delete_all(own.map(key_of).collect()).await?;
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// An item that is to be deleted.
struct Found {
    key: Item,
    /// The names on which a channel's mapping may have claims.
    claimed: Vec<String>,
}

impl Found {
    fn of(item: &Item) -> Self {
        let claimed = match identity(item).1.starts_with(keys::CHANNEL) {
            true => records::claimed_names(item),
            false => Vec::new(),
        };
        Self {
            key: key_of(item),
            claimed,
        }
    }
}

/// Claims go first, and only the tenant's own: a mapping leads to its claims, so one that is left
/// is found again.
async fn delete(table: &Table, tenant: &TenantId, found: Vec<Found>) -> Result<(), StoreError> {
    let (keys, claimed): (Vec<Item>, Vec<Vec<String>>) = found
        .into_iter()
        .map(|found| (found.key, found.claimed))
        .unzip();
    futures::stream::iter(claimed.into_iter().flatten())
        .map(|name| async move { delete_claim(table, tenant, &name).await })
        .buffer_unordered(CLAIMS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(table.delete_all(keys).await?)
}

async fn delete_claim(table: &Table, tenant: &TenantId, name: &str) -> Result<(), StoreError> {
    // If not, another tenant has the channel by now, or nobody.
    let write = Write::delete(keys::claim(name)).when(records::claimed_by(tenant));
    Ok(table.write_if(write).await.map(drop)?)
}
