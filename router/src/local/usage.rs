//! What tenants use, counted so that limits hold whatever happens at once.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};

use crate::model::{
    BudgetProgress, DailyUsage, Hold, LedgerAccount, LedgerCounts, LedgerLine, NanoUsd, Record,
    Reserved, SettledTurn, TenantId, UsageDelta, UserId,
};
use crate::ports::{Clock, StoreError, UsageStore};

use super::database::Database;
use super::{holds, ledger, rows};

/// How many holds that expired one reservation gives back: more than it adds, so that they never
/// pile up.
const EXPIRED_AT_ONCE: i64 = 8;

/// The usage store in SQLite.
pub(super) struct SqliteUsage {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteUsage {
    /// The clock tells which holds have expired.
    pub(super) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

#[async_trait]
impl UsageStore for SqliteUsage {
    async fn reserve(&self, hold: &Hold) -> Result<Reserved, StoreError> {
        let (hold, now) = (hold.clone(), self.clock.now().as_second());
        // The turn is flushed when it is stored, and the hold with it.
        self.database
            .write_unflushed(move |connection| {
                give_back(connection, now)?;
                holds::reserve(connection, &hold, now)
            })
            .await
    }

    async fn settle(
        &self,
        hold: &Hold,
        turn: &SettledTurn,
    ) -> Result<Vec<BudgetProgress>, StoreError> {
        let (hold, turn) = (hold.clone(), turn.clone());
        let has_expired = self.clock.now() >= hold.expires_at;
        self.database
            .write(move |connection| {
                let (tenant, day) = (&hold.tenant, hold.day);
                if !holds::remove(connection, &hold)? {
                    let is_counted = connection
                        .prepare_cached("SELECT 1 FROM usage WHERE tenant_id = ? AND day = ?")?
                        .exists(params![tenant.as_str(), day.to_string()])?;
                    if !is_counted {
                        return Err(StoreError::NotFound(Record::Reservation(hold.id)));
                    }
                    if !has_expired {
                        // It was settled before.
                        return Ok(Vec::new());
                    }
                    // It went back to the budgets, and was used all the same.
                    count_message(connection, tenant, day)?;
                }
                if turn.used != UsageDelta::default() {
                    add(connection, tenant, day, turn.used)?;
                }
                ledger::add(connection, tenant, day, &turn.account, turn.counts())?;
                match hold.is_watched {
                    true => holds::progress(connection, &hold, &turn),
                    false => Ok(Vec::new()),
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

/// Counts a message.
pub(super) fn count_message(
    connection: &Connection,
    tenant: &TenantId,
    day: Date,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO usage (tenant_id, day, messages) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET messages = messages + 1",
        )?
        .execute(params![tenant.as_str(), day.to_string()])?;
    Ok(())
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

/// Gives back what turns held that were never settled: their router ended in the middle.
fn give_back(connection: &Connection, now: i64) -> Result<(), StoreError> {
    let expired: Vec<(String, String)> = connection
        .prepare_cached(
            "DELETE FROM holds WHERE (tenant_id, day, hold) IN (
                 SELECT tenant_id, day, hold FROM holds WHERE expires_at <= ?
                 ORDER BY expires_at LIMIT ?
             ) RETURNING tenant_id, day",
        )?
        .query_map(params![now, EXPIRED_AT_ONCE], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (tenant, day) in expired {
        connection
            .prepare_cached(
                "UPDATE usage SET messages = max(messages - 1, 0) WHERE tenant_id = ? AND day = ?",
            )?
            .execute(params![tenant, day])?;
    }
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
