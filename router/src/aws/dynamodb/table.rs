//! One table: reading it consistently and to the end, and sending writes.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, DeleteRequest, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, WriteRequest,
};
use futures::{StreamExt, TryStreamExt};

use super::attributes::{Identity, Item, identity, key, key_of, text_value};
use super::condition::Expression;
use super::error::{Refusal, SERVICE, refusal, refusal_of_transaction, refusal_of_update};
use super::query::{Query, Scan, projection};
use super::write::{Action, Write};
use crate::aws::attempts::Attempts;
use crate::aws::error::{AwsError, AwsErrorKind};

/// The most items of one transaction
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
pub(crate) const MAX_TRANSACTION_ITEMS: usize = 100;

/// The most items of one BatchWriteItem
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
const MAX_BATCH_ITEMS: usize = 25;

/// Reads under way at once.
const READS_AT_ONCE: usize = 32;
/// Batches under way at once.
const BATCHES_AT_ONCE: usize = 8;

/// A table with a partition key `pk` and a sort key `sk`, and how it is reached.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

/// Items by their keys.
#[derive(Debug, Default)]
pub(crate) struct Items(pub(super) HashMap<Identity, Item>);

impl Items {
    /// The item with this key, if it was found.
    pub(crate) fn get(&self, key: &Item) -> Option<&Item> {
        self.0.get(&identity(key))
    }
}

impl Table {
    /// The table of this name.
    pub(crate) fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// One item, read consistently; `None` if there is none.
    pub(crate) async fn get(&self, key: Item) -> Result<Option<Item>, AwsError> {
        self.get_attributes(key, &[]).await
    }

    /// These attributes of one item, consistently; all if there are none.
    pub(crate) async fn get_attributes(
        &self,
        key: Item,
        attributes: &[&str],
    ) -> Result<Option<Item>, AwsError> {
        let (projection, names) = projection(attributes).unzip();
        let output = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key))
            .consistent_read(true)
            .set_projection_expression(projection)
            .set_expression_attribute_names(names)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "GetItem", &error))?;
        Ok(output.item)
    }

    /// Any number of items, each consistently; missing ones are left out. One request an item, many
    /// at once: that takes no longer than BatchGetItem, and no other permission than for one.
    pub(crate) async fn get_all(
        &self,
        keys: impl IntoIterator<Item = Item>,
    ) -> Result<Items, AwsError> {
        let wanted: HashMap<Identity, Item> = keys
            .into_iter()
            .map(|key| (identity(&key), key_of(&key)))
            .collect();
        let found: Vec<(Identity, Option<Item>)> = futures::stream::iter(wanted)
            .map(|(identity, key)| async move {
                let item = self.get(key).await?;
                Ok::<_, AwsError>((identity, item))
            })
            .buffer_unordered(READS_AT_ONCE)
            .try_collect()
            .await?;
        let found = found.into_iter();
        Ok(Items(
            found
                .filter_map(|(identity, item)| Some((identity, item?)))
                .collect(),
        ))
    }

    /// One request of a query: up to `limit` items, consistently, and the key to go on behind. An
    /// answer ends after 1 MB of items, so it may hold fewer and not be the last.
    pub(crate) async fn page(
        &self,
        query: &Query<'_>,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<Item>), AwsError> {
        let expression = query.expression();
        let (projection, names) = projection(query.attributes).unzip();
        let output = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .scan_index_forward(!query.newest_first)
            .key_condition_expression(expression.text)
            .set_expression_attribute_values(Some(expression.values))
            .set_projection_expression(projection)
            .set_expression_attribute_names(names)
            .set_exclusive_start_key(query.after.clone())
            .set_limit(i32::try_from(limit).ok())
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "Query", &error))?;
        let next = output.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((output.items.unwrap_or_default(), next))
    }

    /// The first `count` items of a query that `keep` lets through, or all there are.
    pub(crate) async fn query<T, E: From<AwsError>>(
        &self,
        mut query: Query<'_>,
        count: usize,
        mut keep: impl FnMut(Item) -> Result<Option<T>, E>,
    ) -> Result<Vec<T>, E> {
        let mut kept = Vec::new();
        loop {
            let (items, next) = self.page(&query, count - kept.len()).await?;
            for item in items {
                kept.extend(keep(item)?);
            }
            query.after = next;
            if query.after.is_none() || kept.len() >= count {
                return Ok(kept);
            }
        }
    }

    /// All items that an index has under a key. An index lags behind the table and cannot be read
    /// consistently (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html>).
    pub(crate) async fn index(
        &self,
        index: &str,
        attribute: &str,
        value: &str,
    ) -> Result<Vec<Item>, AwsError> {
        self.client
            .query()
            .table_name(&self.name)
            .index_name(index)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", attribute)
            .expression_attribute_values(":key", text_value(value))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "Query", &error))
    }

    /// One request of a scan of the whole table, and the key to go on behind. What is found in it
    /// is mostly little.
    pub(crate) async fn scan(
        &self,
        scan: Scan<'_>,
        after: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), AwsError> {
        let (projection, names) = projection(scan.attributes).unzip();
        let mut request = self
            .client
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .expression_attribute_values(":pk", text_value(scan.partition))
            .set_projection_expression(projection)
            .set_expression_attribute_names(names);
        request = match scan.sort_key {
            Some(sort_key) => request
                .filter_expression("sk = :sk AND begins_with(pk, :pk)")
                .expression_attribute_values(":sk", text_value(sort_key)),
            None => request.filter_expression("begins_with(pk, :pk)"),
        };
        let output = request
            .set_limit(scan.read.and_then(|read| i32::try_from(read).ok()))
            .set_exclusive_start_key(after)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "Scan", &error))?;
        let next = output.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((output.items.unwrap_or_default(), next))
    }

    /// Writes one item, and returns it if the write says so. Costs half of what a transaction does.
    pub(crate) async fn write(&self, write: Write) -> Result<Option<Item>, Refusal> {
        let (condition, mut names, mut values) = parts(write.condition.expression());
        let returned = |value| write.returns_item.then_some(value);
        match write.action {
            Action::Put(item) => self
                .client
                .put_item()
                .table_name(&self.name)
                .set_item(Some(item))
                .set_condition_expression(condition)
                .set_expression_attribute_names(filled(names))
                .set_expression_attribute_values(filled(values))
                .set_return_values(returned(ReturnValue::AllOld))
                .send()
                .await
                .map(|output| output.attributes)
                .map_err(|error| refusal("PutItem", &error)),
            Action::Update(key, update) => {
                let update = update.expression();
                names.extend(update.names);
                values.extend(update.values);
                self.client
                    .update_item()
                    .table_name(&self.name)
                    .set_key(Some(key))
                    .update_expression(update.text)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(filled(names))
                    .set_expression_attribute_values(filled(values))
                    .set_return_values(returned(ReturnValue::AllNew))
                    .set_return_values_on_condition_check_failure(
                        write
                            .returns_item
                            .then_some(ReturnValuesOnConditionCheckFailure::AllOld),
                    )
                    .send()
                    .await
                    .map(|output| output.attributes)
                    .map_err(|error| refusal_of_update(&error))
            }
            Action::Delete(key) => self
                .client
                .delete_item()
                .table_name(&self.name)
                .set_key(Some(key))
                .set_condition_expression(condition)
                .set_expression_attribute_names(filled(names))
                .set_expression_attribute_values(filled(values))
                .set_return_values(returned(ReturnValue::AllOld))
                .send()
                .await
                .map(|output| output.attributes)
                .map_err(|error| refusal("DeleteItem", &error)),
            Action::Check(_) => self.transact(vec![write]).await.map(|()| None),
        }
    }

    /// Writes one item; `false` if the condition does not hold.
    pub(crate) async fn write_if(&self, write: Write) -> Result<bool, AwsError> {
        match self.write(write).await.map_err(Refusal::error) {
            Ok(_) => Ok(true),
            Err(None) => Ok(false),
            Err(Some(error)) => Err(error),
        }
    }

    /// Makes all writes or none. The SDK repeats the request with one token where an answer is
    /// lost; what that could not settle is the caller's.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<(), Refusal> {
        let items = writes
            .into_iter()
            .map(|write| self.transaction_item(write))
            .collect::<Result<Vec<_>, BuildError>>()
            .map_err(|error| Refusal::Final(incomplete("TransactWriteItems", &error)))?;
        self.client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| refusal_of_transaction(&error))
    }

    fn transaction_item(&self, write: Write) -> Result<TransactWriteItem, BuildError> {
        let (condition, mut names, mut values) = parts(write.condition.expression());
        let table = write.table.unwrap_or_else(|| self.name.clone());
        let item = TransactWriteItem::builder();
        Ok(match write.action {
            Action::Put(put) => item.put(
                Put::builder()
                    .table_name(&table)
                    .set_item(Some(put))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(filled(names))
                    .set_expression_attribute_values(filled(values))
                    .build()?,
            ),
            Action::Update(key, update) => {
                let update = update.expression();
                names.extend(update.names);
                values.extend(update.values);
                item.update(
                    aws_sdk_dynamodb::types::Update::builder()
                        .table_name(&table)
                        .set_key(Some(key))
                        .update_expression(update.text)
                        .set_condition_expression(condition)
                        .set_expression_attribute_names(filled(names))
                        .set_expression_attribute_values(filled(values))
                        .build()?,
                )
            }
            Action::Delete(key) => item.delete(
                Delete::builder()
                    .table_name(&table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(filled(names))
                    .set_expression_attribute_values(filled(values))
                    .build()?,
            ),
            Action::Check(key) => item.condition_check(
                ConditionCheck::builder()
                    .table_name(&table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(filled(names))
                    .set_expression_attribute_values(filled(values))
                    .build()?,
            ),
        }
        .build())
    }

    /// Deletes any number of items by their keys, in batches; missing ones are no error.
    pub(crate) async fn delete_all(&self, keys: Vec<Item>) -> Result<(), AwsError> {
        let batches: Vec<Vec<Item>> = keys.chunks(MAX_BATCH_ITEMS).map(<[Item]>::to_vec).collect();
        futures::stream::iter(batches)
            .map(|batch| self.delete_batch(batch))
            .buffer_unordered(BATCHES_AT_ONCE)
            .try_collect()
            .await
    }

    async fn delete_batch(&self, keys: Vec<Item>) -> Result<(), AwsError> {
        const OPERATION: &str = "BatchWriteItem";
        let mut requests = Vec::new();
        for key in keys {
            let delete = DeleteRequest::builder()
                .set_key(Some(key))
                .build()
                .map_err(|error| incomplete(OPERATION, &error))?;
            requests.push(WriteRequest::builder().delete_request(delete).build());
        }
        let mut attempts = Attempts::new();
        loop {
            let output = self
                .client
                .batch_write_item()
                .request_items(&self.name, requests)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk(SERVICE, OPERATION, &error))?;
            // DynamoDB leaves out of a batch what would exceed the table's throughput.
            requests = output
                .unprocessed_items
                .unwrap_or_default()
                .into_values()
                .flatten()
                .collect();
            if requests.is_empty() {
                return Ok(());
            }
            if !attempts.again().await {
                return Err(left_out(OPERATION));
            }
        }
    }

    /// Whether the table answers.
    pub(crate) async fn ping(&self) -> Result<(), AwsError> {
        // No record has this key: that there is none is an answer.
        self.get(key("PING", "PING")).await.map(drop)
    }
}

type Names = HashMap<String, String>;

fn parts(expression: Option<Expression>) -> (Option<String>, Names, Item) {
    match expression {
        Some(expression) => (Some(expression.text), expression.names, expression.values),
        None => (None, Names::new(), Item::new()),
    }
}

/// DynamoDB refuses empty maps of placeholders.
fn filled<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    Some(map).filter(|map| !map.is_empty())
}

/// A request that lacks a part that the SDK requires.
pub(super) fn incomplete(operation: &'static str, error: &BuildError) -> AwsError {
    AwsError {
        service: SERVICE,
        operation,
        kind: AwsErrorKind::Internal,
        code: None,
        message: error.to_string(),
        request_id: None,
    }
}

/// A batch of which DynamoDB left the same items out every time.
pub(super) fn left_out(operation: &'static str) -> AwsError {
    AwsError {
        service: SERVICE,
        operation,
        kind: AwsErrorKind::Throttled,
        code: None,
        message: "some items were left out of every attempt".to_owned(),
        request_id: None,
    }
}
