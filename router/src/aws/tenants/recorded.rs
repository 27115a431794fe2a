//! Whether a commit whose answer was lost happened: told by its audit entry.

use super::{keys, records};
use crate::aws::dynamodb::Table;
use crate::model::AuditEntry;
use crate::ports::StoreError;

/// What a commit came to whose last attempt tells nothing: done, if its audit entry is stored; else
/// this error.
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

/// Whether this very entry, which no other commit has, is in the audit trail. It is added in the
/// same transaction as the changes, and only if it is not there: so it is there once, exactly if
/// they were made.
pub(super) async fn is_recorded(table: &Table, audit: &AuditEntry) -> Result<bool, StoreError> {
    let stored = table.get(keys::audit(&audit.tenant_id, audit.id)).await?;
    stored.map_or(Ok(false), |item| Ok(records::audit_entry(&item)? == *audit))
}
