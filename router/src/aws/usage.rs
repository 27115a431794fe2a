//! What tenants use, counted in DynamoDB so that limits hold whatever happens at once.
//!
//! A day has one counter, and a reservation item for each message, which is there once it was counted: what is repeated finds
//! it. Both change in one transaction. Its token is the SDK's, made anew for each call and kept through its retries: one
//! made from the reservation alone would be refused where the limit has changed since.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::civil::Date;
use tokio::time::Instant;
use ulid::Ulid;

use super::dynamodb::attributes::{Item, corrupt, number_value};
use super::dynamodb::table::{PATIENCE, Table, pauses};
use super::dynamodb::transaction::{Condition, Refusal};
use super::tenants::keys;
use crate::model::{DailyUsage, NanoUsd, TenantId, UsageDelta};
use crate::ports::{Clock, StoreError, UsageStore};

/// How long a reservation is kept, in seconds: far longer than any caller repeats a call.
const RESERVATION_LIFE: i64 = 3 * 24 * 60 * 60;

/// On a reservation: what it used was added.
const SETTLED: &str = "settled";

/// The usage store in DynamoDB.
pub struct DynamoUsage {
    table: Table,
    clock: Arc<dyn Clock>,
}

impl DynamoUsage {
    /// The clock tells when a reservation may be forgotten.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            table: Table {
                client,
                name: table.into(),
            },
            clock,
        }
    }

    fn count(&self, tenant: &TenantId, day: Date, limit: u64) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(keys::usage(tenant, day)))
            .update_expression("ADD messages :one")
            .condition_expression("attribute_not_exists(messages) OR messages < :limit")
            .expression_attribute_values(":one", number_value(1))
            .expression_attribute_values(":limit", number_value(limit));
        TransactWriteItem::builder()
            .set_update(update.build().ok())
            .build()
    }

    fn add(&self, tenant: &TenantId, day: Date, delta: UsageDelta) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(keys::usage(tenant, day)))
            .update_expression(
                "ADD input_tokens :input, output_tokens :output, cost_nano_usd :cost",
            )
            .expression_attribute_values(":input", number_value(delta.input_tokens))
            .expression_attribute_values(":output", number_value(delta.output_tokens))
            .expression_attribute_values(":cost", number_value(delta.cost.0));
        TransactWriteItem::builder()
            .set_update(update.build().ok())
            .build()
    }

    /// Tries until the transaction happens, or the reservation as stored (or its absence) shows that it did or cannot.
    async fn until_decided<T>(
        &self,
        reservation: &Item,
        done: T,
        parts: impl Fn() -> Vec<TransactWriteItem>,
        decide: impl Fn(Option<Item>) -> Option<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let mut pauses = pauses();
        loop {
            let refused = match self.table.transact(parts()).await {
                Ok(()) => return Ok(done),
                Err(Refusal::Final(error)) => return Err(error),
                Err(Refusal::Unknown(error)) => {
                    // Only that it is there says something: it may still come.
                    return match self.table.get(reservation.clone()).await {
                        Ok(Some(stored)) => decide(Some(stored)).unwrap_or(Err(error)),
                        _ => Err(error),
                    };
                }
                Err(Refusal::Condition) => {
                    let stored = self.table.get(reservation.clone()).await?;
                    if let Some(decided) = decide(stored) {
                        return decided;
                    }
                    StoreError::Unavailable("a reservation kept changing".to_owned())
                }
                Err(Refusal::Busy(error)) => error,
            };
            if started.elapsed() > PATIENCE {
                return Err(refused);
            }
            tokio::time::sleep(pauses.next().unwrap_or_default()).await;
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
        item.insert("ttl".to_owned(), number_value(ttl));
        let parts = || {
            vec![
                self.table.put(item.clone(), Condition::absent()),
                self.count(tenant, day, limit),
            ]
        };
        // If the reservation is not there, it was the counter that refused.
        let decide = |stored: Option<Item>| Some(Ok(stored.is_some()));
        self.until_decided(&key, true, parts, decide).await
    }

    async fn settle(
        &self,
        tenant: &TenantId,
        day: Date,
        reservation: Ulid,
        delta: UsageDelta,
    ) -> Result<(), StoreError> {
        let key = keys::reservation(tenant, day, reservation);
        let parts = || {
            let settled = Item::from([(SETTLED.to_owned(), AttributeValue::Bool(true))]);
            let first = Condition::first(SETTLED);
            vec![
                self.table
                    .change(key.clone(), &Item::new(), &settled, first),
                self.add(tenant, day, delta),
            ]
        };
        let decide = |stored: Option<Item>| match stored {
            None => Some(Err(StoreError::NotFound(format!(
                "reservation `{reservation}`"
            )))),
            Some(stored) => stored.contains_key(SETTLED).then_some(Ok(())),
        };
        self.until_decided(&key, (), parts, decide).await
    }

    async fn usage(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        let days: Vec<Date> = first
            .series(jiff::ToSpan::day(1))
            .take_while(|day| *day <= last)
            .collect();
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

fn read_usage(day: Date, item: &Item) -> Result<DailyUsage, StoreError> {
    Ok(DailyUsage {
        day,
        messages: sum(item, "messages")?,
        input_tokens: sum(item, "input_tokens")?,
        output_tokens: sum(item, "output_tokens")?,
        cost: NanoUsd(sum(item, "cost_nano_usd")?),
    })
}

/// A sum, which DynamoDB lets grow to 38 digits; the largest number where it is larger.
fn sum(item: &Item, attribute: &str) -> Result<u64, StoreError> {
    match item.get(attribute) {
        None => Ok(0),
        Some(AttributeValue::N(number)) => number
            .parse::<u128>()
            .map(|sum| u64::try_from(sum).unwrap_or(u64::MAX))
            .map_err(|error| corrupt(attribute, &error)),
        Some(_) => Err(corrupt(attribute, &"it is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_is_too_large_reads_as_the_largest() {
        let read = |number: &str| {
            let item = Item::from([("messages".to_owned(), number_value(number))]);
            sum(&item, "messages")
        };
        assert_eq!(read("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(read("99999999999999999999999999999999999999"), Ok(u64::MAX));
        assert_eq!(read("7"), Ok(7));
        assert!(matches!(read("-1"), Err(StoreError::Corrupt { .. })));
    }
}
