//! The ledger's table: one line a tenant, day, user, key, route and model.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};

use crate::model::{
    LedgerAccount, LedgerCounts, LedgerLine, NanoUsd, TenantId, UsageDelta, UserId,
};
use crate::ports::StoreError;

use super::rows;

/// Adds to a line, making it where it is missing. A sum ends at the largest integer: one that
/// exceeded it would silently become a floating-point number.
pub(super) fn add(
    connection: &Connection,
    tenant: &TenantId,
    day: Date,
    account: &LedgerAccount,
    counts: LedgerCounts,
) -> Result<(), StoreError> {
    let since = account.user_since.map(|since| since.to_string());
    connection
        .prepare_cached(
            "INSERT INTO ledger VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT DO UPDATE SET
                 turns = min(turns, 9223372036854775807 - ?8) + ?8,
                 failed = min(failed, 9223372036854775807 - ?9) + ?9,
                 refusals = min(refusals, 9223372036854775807 - ?10) + ?10,
                 input_tokens = min(input_tokens, 9223372036854775807 - ?11) + ?11,
                 output_tokens = min(output_tokens, 9223372036854775807 - ?12) + ?12,
                 cost_nano_usd = min(cost_nano_usd, 9223372036854775807 - ?13) + ?13,
                 unpriced_tokens = min(unpriced_tokens, 9223372036854775807 - ?14) + ?14,
                 estimated_tokens = min(estimated_tokens, 9223372036854775807 - ?15) + ?15",
        )?
        .execute(params![
            tenant.as_str(),
            day.to_string(),
            account.user_id.as_str(),
            since.unwrap_or_default(),
            account.credential.as_deref().unwrap_or_default(),
            account.route.map_or("", |route| route.as_str()),
            account.model.as_deref().unwrap_or_default(),
            rows::to_column(counts.turns),
            rows::to_column(counts.failed),
            rows::to_column(counts.refusals),
            rows::to_column(counts.used.input_tokens),
            rows::to_column(counts.used.output_tokens),
            rows::to_column(counts.used.cost.0),
            rows::to_column(counts.used.unpriced_tokens),
            rows::to_column(counts.used.estimated_tokens),
        ])?;
    Ok(())
}

/// The lines of some days, of one user or of all.
pub(super) fn read(
    connection: &Connection,
    tenant: &TenantId,
    first: Date,
    last: Date,
    user: Option<&UserId>,
) -> Result<Vec<LedgerLine>, StoreError> {
    connection
        .prepare_cached(
            "SELECT * FROM ledger WHERE tenant_id = ?1 AND day BETWEEN ?2 AND ?3
             AND (?4 IS NULL OR user_id = ?4) ORDER BY day",
        )?
        .query_and_then(
            params![
                tenant.as_str(),
                first.to_string(),
                last.to_string(),
                user.map(UserId::as_str)
            ],
            read_line,
        )?
        .collect()
}

fn read_line(row: &Row<'_>) -> Result<LedgerLine, StoreError> {
    let text = |column| -> Result<Option<String>, StoreError> {
        let text: String = row.get(column)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    };
    let user_since = match text("user_since")? {
        Some(_) => Some(rows::parsed::<Timestamp>(row, "user_since")?),
        None => None,
    };
    Ok(LedgerLine {
        day: rows::parsed(row, "day")?,
        account: LedgerAccount {
            user_id: rows::parsed(row, "user_id")?,
            user_since,
            credential: text("credential")?,
            route: text("route")?.and_then(|route| route.parse().ok()),
            model: text("model")?,
        },
        counts: LedgerCounts {
            turns: rows::counter(row, "turns")?,
            failed: rows::counter(row, "failed")?,
            refusals: rows::counter(row, "refusals")?,
            used: UsageDelta {
                input_tokens: rows::counter(row, "input_tokens")?,
                output_tokens: rows::counter(row, "output_tokens")?,
                cost: NanoUsd(rows::counter(row, "cost_nano_usd")?),
                unpriced_tokens: rows::counter(row, "unpriced_tokens")?,
                estimated_tokens: rows::counter(row, "estimated_tokens")?,
            },
        },
    })
}
