//! What tenants use, counted so that limits hold whatever happens at once.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};
use ulid::Ulid;

use crate::model::{
    DailyUsage, LedgerAccount, LedgerCounts, LedgerLine, NanoUsd, Record, SettledTurn, TenantId,
    UsageDelta, UserId,
};
use crate::ports::{Clock, StoreError, UsageStore};

use super::database::Database;
use super::{ledger, rows};

/// How long a reservation is remembered, in seconds: far longer than any caller repeats a call.
const RESERVATION_LIFE: i64 = 3 * 24 * 60 * 60;
/// How many forgotten reservations one reservation clears away: more than it adds, so that they
/// never pile up.
const PURGE_AT_ONCE: i64 = 8;

/// The usage store in SQLite.
pub(super) struct SqliteUsage {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteUsage {
    /// The clock tells how old a reservation is.
    pub(super) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

#[async_trait]
impl UsageStore for SqliteUsage {
    async fn reserve_message(
        &self,
        tenant: &TenantId,
        day: Date,
        reservation: Ulid,
        limit: u64,
    ) -> Result<bool, StoreError> {
        let (tenant, now) = (tenant.clone(), self.clock.now().as_second());
        self.database
            .write(move |connection| {
                purge(connection, now)?;
                let is_new = connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO reservations (tenant_id, day, reservation, reserved_at)
                         VALUES (?, ?, ?, ?)",
                    )?
                    .execute(params![
                        tenant.as_str(),
                        day.to_string(),
                        reservation.to_string(),
                        now
                    ])?;
                if is_new == 0 {
                    return Ok(true);
                }
                let counted = count_message(connection, &tenant, day, limit)?;
                if !counted {
                    connection
                        .prepare_cached(
                            "DELETE FROM reservations WHERE tenant_id = ? AND day = ? AND reservation = ?",
                        )?
                        .execute(params![
                            tenant.as_str(),
                            day.to_string(),
                            reservation.to_string()
                        ])?;
                }
                Ok(counted)
            })
            .await
    }

    async fn settle(
        &self,
        tenant: &TenantId,
        day: Date,
        reservation: Ulid,
        turn: &SettledTurn,
    ) -> Result<(), StoreError> {
        let (tenant, turn) = (tenant.clone(), turn.clone());
        self.database
            .write(move |connection| {
                let key = params![tenant.as_str(), day.to_string(), reservation.to_string()];
                let is_first = connection
                    .prepare_cached(
                        "UPDATE reservations SET settled = 1
                         WHERE tenant_id = ? AND day = ? AND reservation = ? AND settled = 0",
                    )?
                    .execute(key)?;
                if is_first == 1 {
                    if turn.used != UsageDelta::default() {
                        add(connection, &tenant, day, turn.used)?;
                    }
                    return ledger::add(connection, &tenant, day, &turn.account, turn.counts());
                }
                let was_settled = connection
                    .prepare_cached(
                        "SELECT 1 FROM reservations WHERE tenant_id = ? AND day = ? AND reservation = ?",
                    )?
                    .exists(key)?;
                if was_settled {
                    Ok(())
                } else {
                    Err(StoreError::NotFound(Record::Reservation(reservation)))
                }
            })
            .await
    }

    async fn add_refusals(
        &self,
        tenant: &TenantId,
        day: Date,
        account: &LedgerAccount,
        count: u64,
    ) -> Result<(), StoreError> {
        let (tenant, account) = (tenant.clone(), account.clone());
        let counts = LedgerCounts {
            refusals: count,
            ..LedgerCounts::default()
        };
        self.database
            .write(move |connection| {
                let is_there = connection
                    .prepare_cached("SELECT 1 FROM tenants WHERE tenant_id = ?")?
                    .exists(params![tenant.as_str()])?;
                match is_there {
                    true => ledger::add(connection, &tenant, day, &account, counts),
                    false => Ok(()),
                }
            })
            .await
    }

    async fn ledger(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
        user: Option<&UserId>,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        let (tenant, user) = (tenant.clone(), user.cloned());
        self.database
            .read(move |connection| ledger::read(connection, &tenant, first, last, user.as_ref()))
            .await
    }

    async fn usage(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        let tenant = tenant.clone();
        self.database
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM usage WHERE tenant_id = ? AND day BETWEEN ? AND ? ORDER BY day",
                    )?
                    .query_and_then(
                        params![tenant.as_str(), first.to_string(), last.to_string()],
                        read_usage,
                    )?
                    .collect()
            })
            .await
    }
}

/// Counts a message unless the day is full.
fn count_message(
    connection: &Connection,
    tenant: &TenantId,
    day: Date,
    limit: u64,
) -> Result<bool, StoreError> {
    if limit == 0 {
        return Ok(false);
    }
    let counted = connection
        .prepare_cached(
            "INSERT INTO usage (tenant_id, day, messages) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET messages = messages + 1 WHERE messages < ?3",
        )?
        .execute(params![
            tenant.as_str(),
            day.to_string(),
            rows::to_column(limit)
        ])?;
    Ok(counted == 1)
}

fn add(
    connection: &Connection,
    tenant: &TenantId,
    day: Date,
    delta: UsageDelta,
) -> Result<(), StoreError> {
    let key = params![tenant.as_str(), day.to_string()];
    let stored = connection
        .prepare_cached("SELECT * FROM usage WHERE tenant_id = ? AND day = ?")?
        .query_and_then(key, read_usage)?
        .next()
        .transpose()?
        .unwrap_or_else(|| DailyUsage::none(day));
    // Added here and not in SQL, where a sum that is too large would silently become a
    // floating-point number.
    let mut cost = stored.cost;
    cost += delta.cost;
    let unpriced = stored.unpriced_tokens;
    connection
        .prepare_cached(
            "UPDATE usage SET input_tokens = ?3, output_tokens = ?4, cost_nano_usd = ?5,
                 unpriced_tokens = ?6, estimated_tokens = ?7
             WHERE tenant_id = ?1 AND day = ?2",
        )?
        .execute(params![
            tenant.as_str(),
            day.to_string(),
            rows::to_column(stored.input_tokens.saturating_add(delta.input_tokens)),
            rows::to_column(stored.output_tokens.saturating_add(delta.output_tokens)),
            rows::to_column(cost.0),
            rows::to_column(unpriced.saturating_add(delta.unpriced_tokens)),
            rows::to_column(
                stored
                    .estimated_tokens
                    .saturating_add(delta.estimated_tokens)
            ),
        ])?;
    Ok(())
}

fn purge(connection: &Connection, now: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM reservations WHERE (tenant_id, day, reservation) IN (
                 SELECT tenant_id, day, reservation FROM reservations WHERE reserved_at < ?
                 ORDER BY reserved_at LIMIT ?
             )",
        )?
        .execute(params![now.saturating_sub(RESERVATION_LIFE), PURGE_AT_ONCE])?;
    Ok(())
}

fn read_usage(row: &Row<'_>) -> Result<DailyUsage, StoreError> {
    Ok(DailyUsage {
        day: rows::parsed(row, "day")?,
        messages: rows::counter(row, "messages")?,
        input_tokens: rows::counter(row, "input_tokens")?,
        output_tokens: rows::counter(row, "output_tokens")?,
        cost: NanoUsd(rows::counter(row, "cost_nano_usd")?),
        unpriced_tokens: rows::counter(row, "unpriced_tokens")?,
        estimated_tokens: rows::counter(row, "estimated_tokens")?,
    }
    .with_unpriced_found())
}
