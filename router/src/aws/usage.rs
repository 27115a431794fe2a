//! What tenants use, counted in DynamoDB so that limits hold whatever happens at once.
//!
//! A day has one counter, and a reservation item for each message, which exists once it was
//! counted: what is repeated finds it. Both change in one transaction, and when the turn is over
//! its line of the [ledger] with them. Its token is the SDK's, a
//! new one for each call, kept through the call's retries: one made from the reservation alone
//! would be refused with IdempotentParameterMismatch where the limit has changed since
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use ulid::Ulid;

use super::attempts::Attempts;
use super::dynamodb::attributes::{Item, counter, number_value};
use super::dynamodb::{Condition, Refusal, Table, Update, Write};
use super::tenants::keys;
use super::{ledger, schema};
use crate::model::{
    DailyUsage, LedgerAccount, LedgerCounts, LedgerLine, NanoUsd, Record, SettledTurn, TenantId,
    UsageDelta, UserId,
};
use crate::ports::{Clock, StoreError, UsageStore};

/// How long a reservation is kept, in seconds: far longer than any caller repeats a call.
const RESERVATION_LIFE: i64 = 3 * 24 * 60 * 60;

/// On a counter: tokens of models whose price is not known.
const UNPRICED: &str = "unpriced_tokens";
/// On a reservation: what it used was added.
const SETTLED: &str = "settled";

/// The usage store in DynamoDB.
pub struct DynamoUsage {
    table: Table,
    clock: Arc<dyn Clock>,
}

/// The counter of a tenant's messages on a day, raised by one unless it has reached a limit.
fn count(tenant: &TenantId, day: Date, limit: u64) -> Write {
    const MESSAGES: &str = "messages";
    let below = Condition::missing(MESSAGES).or(Condition::less(MESSAGES, number_value(limit)));
    let add = Update::default().add(MESSAGES, number_value(1));
    Write::update(keys::usage(tenant, day), add).when(below)
}

/// The counters of what a tenant used on a day, raised by what one turn used.
fn add(tenant: &TenantId, day: Date, delta: UsageDelta) -> Write {
    let mut add = Update::default()
        .add("input_tokens", number_value(delta.input_tokens))
        .add("output_tokens", number_value(delta.output_tokens))
        .add("cost_nano_usd", number_value(delta.cost.0));
    if delta.unpriced_tokens > 0 {
        add = add.add(UNPRICED, number_value(delta.unpriced_tokens));
    }
    if delta.estimated_tokens > 0 {
        add = add.add("estimated_tokens", number_value(delta.estimated_tokens));
    }
    Write::update(keys::usage(tenant, day), add)
}

impl DynamoUsage {
    /// The clock tells when a reservation may be forgotten.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            table: Table::new(client, table),
            clock,
        }
    }

    /// Tries until the transaction happens, or the reservation as stored (or its absence) shows
    /// that it did or cannot.
    async fn until_decided<T>(
        &self,
        reservation: &Item,
        id: Ulid,
        done: T,
        writes: impl Fn() -> Vec<Write>,
        decide: impl Fn(Option<Item>) -> Option<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut attempts = Attempts::new();
        loop {
            let refusal = match self.table.transact(writes()).await {
                Ok(()) => return Ok(done),
                Err(refusal) => refusal,
            };
            match &refusal {
                Refusal::Unknown(_) => {
                    // Only that it exists says something: it may still come.
                    let stored = self.table.get(reservation.clone()).await;
                    let error = refusal.into_store_error(Record::Reservation(id));
                    return match stored {
                        Ok(Some(stored)) => decide(Some(stored)).unwrap_or(Err(error)),
                        _ => Err(error),
                    };
                }
                Refusal::Condition(_) => {
                    let stored = self.table.get(reservation.clone()).await?;
                    if let Some(decided) = decide(stored) {
                        return decided;
                    }
                }
                Refusal::Conflict(_) | Refusal::Throttled(_) => {}
                Refusal::TooLarge(_) | Refusal::Final(_) => {
                    return Err(refusal.into_store_error(Record::Reservation(id)));
                }
            }
            if !attempts.again().await {
                return Err(match refusal {
                    Refusal::Condition(_) => StoreError::unavailable("a reservation kept changing"),
                    other => other.into_store_error(Record::Reservation(id)),
                });
            }
        }
    }
}

#[async_trait]
impl UsageStore for DynamoUsage {
    async fn reserve_message(
        &self,
        tenant: &TenantId,
        day: Date,
        reservation: Ulid,
        limit: u64,
    ) -> Result<bool, StoreError> {
        let key = keys::reservation(tenant, day, reservation);
        if limit == 0 {
            return Ok(self.table.get(key).await?.is_some());
        }
        let mut item = key.clone();
        let ttl = self
            .clock
            .now()
            .as_second()
            .saturating_add(RESERVATION_LIFE);
        item.insert(schema::EXPIRY.to_owned(), number_value(ttl));
        let writes = || {
            vec![
                Write::put(item.clone()).when(Condition::absent()),
                count(tenant, day, limit),
            ]
        };
        // If there is no reservation, it was the counter that refused.
        let decide = |stored: Option<Item>| Some(Ok(stored.is_some()));
        self.until_decided(&key, reservation, true, writes, decide)
            .await
    }

    async fn settle(
        &self,
        tenant: &TenantId,
        day: Date,
        reservation: Ulid,
        turn: &SettledTurn,
    ) -> Result<(), StoreError> {
        let key = keys::reservation(tenant, day, reservation);
        let writes = || {
            let settled = Update::default().set(SETTLED, AttributeValue::Bool(true));
            let first = Condition::present().and(Condition::missing(SETTLED));
            let mut writes = vec![
                Write::update(key.clone(), settled).when(first),
                ledger::add(tenant, day, &turn.account, turn.counts()),
            ];
            if turn.used != UsageDelta::default() {
                writes.push(add(tenant, day, turn.used));
            }
            writes
        };
        let decide = |stored: Option<Item>| match stored {
            None => Some(Err(StoreError::NotFound(Record::Reservation(reservation)))),
            Some(stored) => stored.contains_key(SETTLED).then_some(Ok(())),
        };
        self.until_decided(&key, reservation, (), writes, decide)
            .await
    }

    /// In a transaction for its token, with which the SDK's own retries add once, and so that
    /// nothing is added to a tenant that was removed.
    async fn add_refusals(
        &self,
        tenant: &TenantId,
        day: Date,
        account: &LedgerAccount,
        count: u64,
    ) -> Result<(), StoreError> {
        let counts = LedgerCounts {
            refusals: count,
            ..LedgerCounts::default()
        };
        let writes = vec![
            Write::check(keys::tenant(tenant), Condition::present()),
            ledger::add(tenant, day, account, counts),
        ];
        match self.table.transact(writes).await {
            Ok(()) | Err(Refusal::Condition(_)) => Ok(()),
            Err(refusal) => Err(refusal.into_store_error(tenant.into())),
        }
    }

    async fn ledger(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
        user: Option<&UserId>,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        // What is left of a tenant that is being removed is not read.
        if self.table.get(keys::tenant(tenant)).await?.is_none() {
            return Ok(Vec::new());
        }
        ledger::read(&self.table, tenant, days(first, last), user).await
    }

    async fn usage(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        let days = days(first, last);
        let meta = keys::tenant(tenant);
        let wanted = days.iter().map(|day| keys::usage(tenant, *day));
        let found = self.table.get_all(wanted.chain([meta.clone()])).await?;
        // What is left of a tenant that is being removed is not read.
        if found.get(&meta).is_none() {
            return Ok(Vec::new());
        }
        days.into_iter()
            .filter_map(|day| Some((day, found.get(&keys::usage(tenant, day))?)))
            .map(|(day, item)| read_usage(day, item))
            .collect()
    }
}

fn days(first: Date, last: Date) -> Vec<Date> {
    let days = first.series(jiff::ToSpan::day(1));
    days.take_while(|day| *day <= last).collect()
}

fn read_usage(day: Date, item: &Item) -> Result<DailyUsage, StoreError> {
    Ok(DailyUsage {
        day,
        messages: counter(item, "messages")?,
        input_tokens: counter(item, "input_tokens")?,
        output_tokens: counter(item, "output_tokens")?,
        cost: NanoUsd(counter(item, "cost_nano_usd")?),
        unpriced_tokens: counter(item, UNPRICED)?,
        estimated_tokens: counter(item, "estimated_tokens")?,
    }
    .with_unpriced_found())
}
