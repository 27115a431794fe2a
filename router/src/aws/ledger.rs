//! The ledger's items in DynamoDB: one a tenant, day, user, key, route and model, beside the day's
//! counters. The sort key says of whom an item is, so that one user's are read alone, and its
//! attributes say it again, as it is.

use futures::{StreamExt, TryStreamExt};
use jiff::civil::Date;
use ulid::Ulid;

use super::dynamodb::attributes::{
    Item, counter, identity, number_value, parsed, text_if_set, text_value, time_if_set,
};
use super::dynamodb::{Condition, Query, SortKeys, Table, Update, Write};
use super::error::AwsError;
use super::tenants::keys;
use crate::model::{
    LedgerAccount, LedgerCounts, LedgerLine, NanoUsd, TenantId, UsageDelta, UserId,
};
use crate::ports::StoreError;

/// Days read at once.
const DAYS_AT_ONCE: usize = 16;

/// Adds to a line, making it where it is missing.
pub(super) fn add(
    tenant: &TenantId,
    day: Date,
    account: &LedgerAccount,
    counts: LedgerCounts,
) -> Write {
    let names = [
        ("user_id", Some(account.user_id.to_string())),
        (
            "user_since",
            account.user_since.map(|since| since.to_string()),
        ),
        ("credential", account.credential.clone()),
        ("route", account.route.map(|route| route.to_string())),
        ("model", account.model.clone()),
    ];
    let sums = [
        ("turns", counts.turns),
        ("failed", counts.failed),
        ("refusals", counts.refusals),
        ("input_tokens", counts.used.input_tokens),
        ("output_tokens", counts.used.output_tokens),
        ("cost_nano_usd", counts.used.cost.0),
        ("unpriced_tokens", counts.used.unpriced_tokens),
        ("estimated_tokens", counts.used.estimated_tokens),
    ];
    let mut update = Update::default();
    for (name, value) in names {
        if let Some(value) = value {
            update = update.set(name, text_value(value));
        }
    }
    for (name, value) in sums {
        if value > 0 {
            update = update.add(name, number_value(value));
        }
    }
    Write::update(keys::ledger(tenant, day, account), update)
}

/// The same, but not twice in a row for one turn: an answer may be lost, and the addition repeated.
pub(super) fn once(write: Write, turn: Ulid) -> Write {
    const LAST: &str = "last_turn";
    let turn = text_value(turn.to_string());
    write
        .setting(LAST, turn.clone())
        .when(Condition::missing(LAST).or(Condition::differs(LAST, turn)))
}

/// The lines of some days, of one user or of all. Each day is asked for by itself: between two
/// days' lines lie the reservations.
pub(super) async fn read(
    table: &Table,
    tenant: &TenantId,
    days: Vec<Date>,
    user: Option<&UserId>,
) -> Result<Vec<LedgerLine>, StoreError> {
    let lines: Vec<Vec<LedgerLine>> = futures::stream::iter(days)
        .map(|day| read_day(table, tenant, day, user))
        .buffered(DAYS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(lines.into_iter().flatten().collect())
}

async fn read_day(
    table: &Table,
    tenant: &TenantId,
    day: Date,
    user: Option<&UserId>,
) -> Result<Vec<LedgerLine>, AwsError> {
    let partition = keys::tenant_partition(tenant);
    let prefix = keys::ledger_of(day, user);
    let query = Query::new(&partition, SortKeys::BeginningWith(&prefix));
    let keep = |item: Item| match read_line(day, &item) {
        Ok(line) => Ok(Some(line)),
        Err(error) => {
            // It hides none of the others.
            let (_, key) = identity(&item);
            tracing::warn!(%tenant, key, %error, "a line of the ledger cannot be read");
            Ok(None)
        }
    };
    table.query(query, usize::MAX, keep).await
}

fn read_line(day: Date, item: &Item) -> Result<LedgerLine, StoreError> {
    let text = |attribute| -> Result<_, StoreError> {
        Ok(text_if_set(item, attribute)?.map(str::to_owned))
    };
    Ok(LedgerLine {
        day,
        account: LedgerAccount {
            user_id: parsed(item, "user_id")?,
            user_since: time_if_set(item, "user_since")?,
            credential: text("credential")?,
            // A later release may know more of them.
            route: text("route")?.and_then(|route| route.parse().ok()),
            model: text("model")?,
        },
        counts: LedgerCounts {
            turns: counter(item, "turns")?,
            failed: counter(item, "failed")?,
            refusals: counter(item, "refusals")?,
            used: UsageDelta {
                input_tokens: counter(item, "input_tokens")?,
                output_tokens: counter(item, "output_tokens")?,
                cost: NanoUsd(counter(item, "cost_nano_usd")?),
                unpriced_tokens: counter(item, "unpriced_tokens")?,
                estimated_tokens: counter(item, "estimated_tokens")?,
            },
        },
    })
}
