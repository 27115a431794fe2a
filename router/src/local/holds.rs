//! What turns under way hold of their budgets.

use rusqlite::{Connection, ToSql, params};

use crate::model::{
    Amounts, Budget, BudgetProgress, Hold, NanoUsd, Payer, Reserved, SettledTurn, Standing, Unit,
};
use crate::ports::StoreError;

use super::{rows, usage};

/// Holds what a turn may use, or more of it than before, unless a budget has not that much left or
/// there are too many calls. `now` is in seconds.
pub(super) fn reserve(
    connection: &Connection,
    hold: &Hold,
    now: i64,
) -> Result<Reserved, StoreError> {
    let before = held(connection, hold)?;
    let mut standings = Vec::new();
    for budget in &hold.budgets {
        let used = used(connection, hold, budget)?;
        let unit = budget.key.unit;
        // What it holds already is among what is used.
        let others = used.saturating_sub(before.of(unit));
        let wanted = others.saturating_add(hold.amounts.of(unit));
        if wanted > budget.most && hold.amounts.of(unit) > before.of(unit) {
            return Ok(Reserved::Refused(Standing {
                budget: *budget,
                used,
            }));
        }
        standings.push(Standing {
            budget: *budget,
            used: wanted,
        });
    }
    if before.messages == 0 {
        if let Some(most) = hold.most_calls
            && !begin_call(connection, hold, most, now)?
        {
            return Ok(Reserved::TooManyCalls(most));
        }
        usage::count_message(connection, &hold.tenant, hold.day)?;
    }
    let account = &hold.account;
    let since = account.user_since.map(|since| since.to_string());
    connection
        .prepare_cached("INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![
            hold.tenant.as_str(),
            hold.day.to_string(),
            hold.id.to_string(),
            account.user_id.as_str(),
            since.unwrap_or_default(),
            account.credential.as_deref().unwrap_or_default(),
            rows::to_column(hold.amounts.tokens),
            rows::to_column(hold.amounts.cost.0),
            hold.expires_at.as_second(),
        ])?;
    Ok(Reserved::Held(standings))
}

/// Counts a call among those under way; `false` if there are as many as there may be.
fn begin_call(
    connection: &Connection,
    hold: &Hold,
    most: u64,
    now: i64,
) -> Result<bool, StoreError> {
    let (tenant, day, id) = (
        hold.tenant.as_str(),
        hold.day.to_string(),
        hold.id.to_string(),
    );
    // Those of a router that ended in the middle.
    connection
        .prepare_cached("DELETE FROM calls WHERE tenant_id = ? AND expires_at <= ?")?
        .execute(params![tenant, now])?;
    let begun = connection
        .prepare_cached(
            "INSERT INTO calls SELECT ?1, ?2, ?3, ?4
             WHERE (SELECT count(*) FROM calls WHERE tenant_id = ?1 AND day = ?2) < ?5",
        )?
        .execute(params![
            tenant,
            day,
            id,
            hold.expires_at.as_second(),
            rows::to_column(most)
        ])?;
    Ok(begun == 1)
}

/// Ends a hold; `false` if there is none.
pub(super) fn remove(connection: &Connection, hold: &Hold) -> Result<bool, StoreError> {
    if hold.most_calls.is_some() {
        delete(connection, "calls", hold)?;
    }
    delete(connection, "holds", hold)
}

fn delete(connection: &Connection, table: &str, hold: &Hold) -> Result<bool, StoreError> {
    let sql = format!("DELETE FROM {table} WHERE tenant_id = ? AND day = ? AND hold = ?");
    let deleted = connection.prepare_cached(&sql)?.execute(params![
        hold.tenant.as_str(),
        hold.day.to_string(),
        hold.id.to_string()
    ])?;
    Ok(deleted == 1)
}

/// What this hold has already.
fn held(connection: &Connection, hold: &Hold) -> Result<Amounts, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT tokens, nano_usd FROM holds WHERE tenant_id = ? AND day = ? AND hold = ?",
        )?
        .query_and_then(
            params![
                hold.tenant.as_str(),
                hold.day.to_string(),
                hold.id.to_string()
            ],
            |row| {
                Ok::<_, StoreError>(Amounts {
                    messages: 1,
                    tokens: rows::counter(row, "tokens")?,
                    cost: NanoUsd(rows::counter(row, "nano_usd")?),
                })
            },
        )?
        .next()
        .transpose()?;
    Ok(found.unwrap_or_default())
}

/// How far a turn that was just settled brought each budget.
pub(super) fn progress(
    connection: &Connection,
    hold: &Hold,
    turn: &SettledTurn,
) -> Result<Vec<BudgetProgress>, StoreError> {
    let used = Amounts::of_turn(&turn.used);
    let budgets = hold.budgets.iter().map(|budget| {
        let (counted, _) = counted_and_held(connection, hold, budget)?;
        let is_held_in_count =
            budget.key.payer == Payer::Tenant && budget.key.unit == Unit::Messages;
        let under_way = match is_held_in_count {
            true => messages_under_way(connection, hold, budget)?,
            false => 0,
        };
        let after = counted.saturating_sub(under_way);
        Ok(BudgetProgress::of(*budget, after, &used))
    });
    budgets.collect()
}

fn messages_under_way(
    connection: &Connection,
    hold: &Hold,
    budget: &Budget,
) -> Result<u64, StoreError> {
    let (first, last) = (budget.key.period.first(hold.day), hold.day);
    let (tenant, first, last) = (hold.tenant.as_str(), first.to_string(), last.to_string());
    total(connection, "1", "holds", "", &[&tenant, &first, &last])
}

/// How much of a budget is used, with what turns under way hold.
fn used(connection: &Connection, hold: &Hold, budget: &Budget) -> Result<u64, StoreError> {
    let (counted, held) = counted_and_held(connection, hold, budget)?;
    Ok(counted.saturating_add(held))
}

/// What is counted of a budget, and what turns under way hold of it. A tenant's is what its days
/// count, messages from when they are held; a user's and a key's is what the ledger has of them.
fn counted_and_held(
    connection: &Connection,
    hold: &Hold,
    budget: &Budget,
) -> Result<(u64, u64), StoreError> {
    let (first, last) = (budget.key.period.first(hold.day), hold.day);
    let (tenant, first, last) = (hold.tenant.as_str(), first.to_string(), last.to_string());
    let days: [&dyn ToSql; 3] = [&tenant, &first, &last];
    if budget.key.payer == Payer::Tenant {
        let sum = match budget.key.unit {
            Unit::Messages => "messages",
            Unit::Tokens => "input_tokens + output_tokens",
            Unit::Usd => "cost_nano_usd",
        };
        let counted = total(connection, sum, "usage", "", &days)?;
        let held = match budget.key.unit {
            Unit::Messages => 0,
            unit => total(connection, held_column(unit), "holds", "", &days)?,
        };
        return Ok((counted, held));
    }
    let account = &hold.account;
    let since = account.user_since.map(|since| since.to_string());
    let (since, credential) = (
        since.unwrap_or_default(),
        account.credential.as_deref().unwrap_or_default(),
    );
    let user_id = account.user_id.as_str();
    let mut values = days.to_vec();
    let of_payer = match budget.key.payer {
        Payer::Key => {
            values.push(&credential);
            "AND credential = ?4"
        }
        _ => {
            values.extend([&user_id as &dyn ToSql, &since]);
            "AND user_id = ?4 AND user_since = ?5"
        }
    };
    let sum = match budget.key.unit {
        Unit::Messages => "turns",
        Unit::Tokens => "input_tokens + output_tokens",
        Unit::Usd => "cost_nano_usd",
    };
    let counted = total(connection, sum, "ledger", of_payer, &values)?;
    let held = held_column(budget.key.unit);
    let held = total(connection, held, "holds", of_payer, &values)?;
    Ok((counted, held))
}

fn held_column(unit: Unit) -> &'static str {
    match unit {
        Unit::Messages => "1",
        Unit::Tokens => "tokens",
        Unit::Usd => "nano_usd",
    }
}

/// A sum over some days. `total` gives a float, since `sum` fails where it exceeds SQLite's
/// integers: exact up to 2^53, which is nine million dollars.
fn total(
    connection: &Connection,
    sum: &str,
    table: &str,
    of_payer: &str,
    values: &[&dyn ToSql],
) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT total({sum}) FROM {table} WHERE tenant_id = ?1 AND day BETWEEN ?2 AND ?3 {of_payer}"
    );
    let total: f64 = connection
        .prepare_cached(&sql)?
        .query_row(values, |row| row.get(0))?;
    Ok(total as u64)
}
