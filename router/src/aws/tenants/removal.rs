//! Removing a tenant. One transaction makes it absent and its id unusable; all else is then deleted in batches, and the
//! tombstone says when that is done. An interrupted removal is finished by the next, or at the latest before the id is used
//! again.

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio::time::Instant;

use super::commit::{is_recorded, settle};
use super::{keys, records};
use crate::aws::dynamodb::attributes::{Item, text_value};
use crate::aws::dynamodb::table::{PATIENCE, Range, Table, identity, key_of, pauses};
use crate::aws::dynamodb::transaction::{Condition, Refusal};
use crate::aws::error::store_error;
use crate::changes::tenant_name;
use crate::model::{AuditEntry, TenantId};
use crate::ports::StoreError;

/// On a tombstone: everything was deleted by then.
const CLEARED_AT: &str = "cleared_at";

/// The most items of one BatchWriteItem.
const DELETES_AT_ONCE: usize = 25;
/// Calls under way at once.
const CALLS_AT_ONCE: usize = 8;

/// Removes a tenant, or finishes removing it.
pub(super) async fn remove_tenant(
    table: &Table,
    tenant: &TenantId,
    reserved_until: Timestamp,
    audit: &AuditEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    let started = Instant::now();
    let mut pauses = pauses();
    let mut was_tried = false;
    loop {
        let (meta, tombstone) = (keys::tenant(tenant), keys::tombstone(tenant));
        let stored = table.get_all([meta.clone(), tombstone.clone()]).await?;
        if stored.get(&meta).is_none() {
            return match stored.get(&tombstone) {
                None => Err(StoreError::NotFound(tenant_name(tenant))),
                Some(tombstone) if tombstone.contains_key(CLEARED_AT) => Ok(()),
                Some(_) => finish(table, tenant, now).await,
            };
        }
        if was_tried && is_recorded(table, audit).await? {
            // Removed by an attempt whose answer was lost, and made again since.
            return Ok(());
        }
        let mut buried = tombstone;
        buried.insert(
            "reserved_until".to_owned(),
            text_value(reserved_until.to_string()),
        );
        let parts = vec![
            table.delete(meta, Some(Condition::present())),
            table.put(buried, Condition::default()),
            table.put(records::audit_item(audit), Condition::absent()),
        ];
        let refused = match table.transact(parts).await {
            Ok(()) => return finish(table, tenant, now).await,
            Err(Refusal::Final(error)) => return Err(error),
            Err(Refusal::Unknown(error)) => {
                settle(table, audit, error).await?;
                return finish(table, tenant, now).await;
            }
            Err(Refusal::Condition) => StoreError::Changed(tenant_name(tenant)),
            Err(Refusal::Busy(error)) => error,
        };
        was_tried = true;
        if started.elapsed() > PATIENCE {
            return Err(refused);
        }
        tokio::time::sleep(pauses.next().unwrap_or_default()).await;
    }
}

/// Clears away what is left, and notes that on the tombstone.
async fn finish(table: &Table, tenant: &TenantId, now: Timestamp) -> Result<(), StoreError> {
    clear(table, tenant).await?;
    let noted = table
        .client
        .update_item()
        .table_name(&table.name)
        .set_key(Some(keys::tombstone(tenant)))
        .update_expression("SET #cleared = :now")
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_names("#cleared", CLEARED_AT)
        .expression_attribute_values(":now", text_value(now.to_string()))
        .send()
        .await;
    match noted {
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
        {
            Ok(())
        }
        other => other.map(|_| ()).map_err(|error| store_error(&error)),
    }
}

/// Deletes everything of a tenant that is not there any more but its tombstone and its audit trail. Safe to repeat.
pub(super) async fn clear(table: &Table, tenant: &TenantId) -> Result<(), StoreError> {
    let partition = keys::tenant_partition(tenant);
    let memory = keys::memory_partition(tenant);
    // The audit trail can be long, so it is stepped over: `$` follows `#`.
    let ranges = [
        (&partition, "sk < :from", keys::AUDIT),
        (&partition, "sk > :from", "AUDIT$"),
        (&memory, "sk > :from", " "),
    ];
    for (partition, condition, from) in ranges {
        // What is deleted is not read again: each round begins anew.
        loop {
            let range = Range {
                partition,
                condition,
                values: &[(":from", from)],
                newest_first: false,
                after: None,
            };
            let keep = |item: Item| {
                let (_, sort) = identity(&item);
                Ok((sort != keys::META && sort != keys::REMOVED).then(|| key_of(&item)))
            };
            let found = table.query(range, 1000, keep).await?;
            if found.is_empty() {
                break;
            }
            delete(table, tenant, found).await?;
        }
    }
    Ok(())
}

/// Claims go first, and only the tenant's own: a mapping leads to its claim, so one that is left is found again.
async fn delete(table: &Table, tenant: &TenantId, items: Vec<Item>) -> Result<(), StoreError> {
    let channels: Vec<String> = items
        .iter()
        .map(|item| identity(item).1)
        .filter(|sort| sort.starts_with(keys::CHANNEL))
        .collect();
    futures::stream::iter(channels)
        .map(|name| async move { delete_claim(table, tenant, &name).await })
        .buffer_unordered(CALLS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    let batches: Vec<Vec<Item>> = items
        .chunks(DELETES_AT_ONCE)
        .map(<[Item]>::to_vec)
        .collect();
    futures::stream::iter(batches)
        .map(|batch| delete_batch(table, batch))
        .buffer_unordered(CALLS_AT_ONCE)
        .try_collect::<()>()
        .await
}

async fn delete_claim(table: &Table, tenant: &TenantId, name: &str) -> Result<(), StoreError> {
    let deleted = table
        .client
        .delete_item()
        .table_name(&table.name)
        .set_key(Some(keys::claim(name)))
        .condition_expression("tenant_id = :tenant")
        .expression_attribute_values(":tenant", text_value(tenant.as_str()))
        .send()
        .await;
    match deleted {
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
        {
            Ok(())
        }
        other => other.map(|_| ()).map_err(|error| store_error(&error)),
    }
}

async fn delete_batch(table: &Table, items: Vec<Item>) -> Result<(), StoreError> {
    let mut requests = Vec::new();
    for item in items {
        let delete = DeleteRequest::builder()
            .set_key(Some(item))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        requests.push(WriteRequest::builder().delete_request(delete).build());
    }
    let started = Instant::now();
    let mut pauses = pauses();
    loop {
        let output = table
            .client
            .batch_write_item()
            .request_items(&table.name, requests)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        requests = output
            .unprocessed_items
            .unwrap_or_default()
            .into_values()
            .flatten()
            .collect();
        if requests.is_empty() {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(StoreError::Throttled);
        }
        tokio::time::sleep(pauses.next().unwrap_or_default()).await;
    }
}
