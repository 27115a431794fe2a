//! Adding messages to a conversation: read the head, plan, write on the condition that the head is as it was read; again and
//! again until that holds.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, TransactWriteItem, Update};
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use tokio::time::Instant;

use super::DynamoConversations;
use super::heads::{self, Append, Head, MESSAGES, Plan, Seen, VERSION};
use super::pages;
use crate::aws::dynamodb::attributes::{Item, corrupt};
use crate::aws::error::store_error;
use crate::model::ConversationKey;
use crate::ports::StoreError;

/// Why an attempt was not made, or perhaps not.
enum Failed {
    /// It was not tried, since what is there cannot be read, and the SDK has tried long enough.
    Unread(StoreError),
    /// Another attempt may help.
    ForNow(StoreError),
    /// No other would.
    ForGood(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Throttled | StoreError::Unavailable(_) => Self::ForNow(error),
            _ => Self::ForGood(error),
        }
    }
}

/// Appends, trying until `until`.
pub(super) async fn append(
    store: &DynamoConversations,
    key: &ConversationKey,
    append: &Append,
    now: Timestamp,
    until: Instant,
) -> Result<(), StoreError> {
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_millis(500))
        .without_max_times()
        .with_jitter()
        .build();
    // Whether an attempt may have been made though no answer said so.
    let mut is_in_doubt = false;
    loop {
        let failed = match attempt(store, key, append, now).await {
            Ok(true) => return Ok(()),
            Ok(false) => too_busy(),
            Err(Failed::Unread(error)) if is_in_doubt => error,
            Err(Failed::ForNow(error)) => {
                is_in_doubt = true;
                error
            }
            Err(Failed::Unread(error) | Failed::ForGood(error)) => return Err(error),
        };
        let pause = pauses.next().unwrap_or_default();
        if Instant::now() + pause >= until {
            return Err(failed);
        }
        tokio::time::sleep(pause).await;
    }
}

/// Others always were faster.
pub(super) fn too_busy() -> StoreError {
    StoreError::Unavailable("too much is added to the conversation at once".to_owned())
}

/// Appends to what is stored now. `false` if something else was stored meanwhile.
async fn attempt(
    store: &DynamoConversations,
    key: &ConversationKey,
    append: &Append,
    now: Timestamp,
) -> Result<bool, Failed> {
    let read = store.head(key).await.map_err(Failed::Unread)?;
    if read
        .as_ref()
        .is_some_and(|head| head.has_append(&append.id))
    {
        // An attempt whose answer was lost.
        return Ok(true);
    }
    let plan = heads::plan(read.as_ref(), append, now)?;
    if let (Some(head), Some(ttl)) = (&read, plan.renew_pages_until) {
        pages::renew(&store.client, &store.table, key, head, ttl)
            .await
            .map_err(Failed::Unread)?;
    }
    let seen = read.map(|head: Head| head.seen);
    let pages = plan
        .pages
        .iter()
        .map(|page| {
            let put = Put::builder()
                .table_name(&store.table)
                .set_item(Some(pages::item(key, page, &plan.generation)))
                .build()
                .map_err(incomplete)?;
            Ok(TransactWriteItem::builder().put(put).build())
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let head = match plan.goes_on {
        true => HeadWrite::Update(update(&store.table, key, seen, plan)?),
        false => HeadWrite::Put(put(&store.table, key, seen, plan)?),
    };
    match pages.is_empty() {
        true => head.write(&store.client).await,
        false => head.write_with(&store.client, pages).await,
    }
}

fn incomplete(error: impl std::fmt::Display) -> StoreError {
    corrupt("request", &error)
}

/// How a head is written.
enum HeadWrite {
    /// A conversation begins.
    Put(Put),
    /// A conversation goes on: what other programs keep in the item stays.
    Update(Update),
}

fn put(
    table: &str,
    key: &ConversationKey,
    seen: Option<Seen>,
    plan: Plan,
) -> Result<Put, StoreError> {
    let mut item = heads::head_key(key);
    for (name, value) in plan.head {
        item.insert(name.to_owned(), value);
    }
    let put = Put::builder().table_name(table).set_item(Some(item));
    let put = match seen {
        None => put.condition_expression("attribute_not_exists(pk)"),
        Some(seen) => {
            let condition = Condition::unchanged(seen);
            put.condition_expression(condition.expression)
                .set_expression_attribute_names(Some(condition.names))
                .set_expression_attribute_values(some(condition.values))
        }
    };
    put.build().map_err(incomplete)
}

fn update(
    table: &str,
    key: &ConversationKey,
    seen: Option<Seen>,
    plan: Plan,
) -> Result<Update, StoreError> {
    let mut condition = Condition::unchanged(seen.unwrap_or_default());
    let mut sets = Vec::new();
    for (name, value) in plan.head {
        sets.push(format!("#{name} = :{name}"));
        condition.names.insert(format!("#{name}"), name.to_owned());
        condition.values.insert(format!(":{name}"), value);
    }
    Update::builder()
        .table_name(table)
        .set_key(Some(heads::head_key(key)))
        .update_expression(format!("SET {}", sets.join(", ")))
        .condition_expression(&condition.expression)
        .set_expression_attribute_names(Some(condition.names))
        .set_expression_attribute_values(Some(condition.values))
        .build()
        .map_err(incomplete)
}

/// That an item is as it was read.
struct Condition {
    expression: String,
    names: std::collections::HashMap<String, String>,
    values: Item,
}

impl Condition {
    fn unchanged(seen: Seen) -> Self {
        let mut condition = Self {
            expression: "attribute_exists(pk)".to_owned(),
            names: Default::default(),
            values: Item::new(),
        };
        condition.and(VERSION, seen.version);
        condition.and(MESSAGES, seen.messages);
        condition
    }

    fn and(&mut self, name: &str, seen: Option<AttributeValue>) {
        self.names.insert(format!("#{name}"), name.to_owned());
        match seen {
            Some(value) => {
                self.expression += &format!(" AND #{name} = :seen_{name}");
                self.values.insert(format!(":seen_{name}"), value);
            }
            None => self.expression += &format!(" AND attribute_not_exists(#{name})"),
        }
    }
}

/// An empty map must not be sent.
fn some(values: Item) -> Option<Item> {
    Some(values).filter(|values| !values.is_empty())
}

impl HeadWrite {
    /// Writes the head alone, which costs half of a transaction.
    async fn write(self, client: &Client) -> Result<bool, Failed> {
        match self {
            Self::Put(put) => {
                let sent = client
                    .put_item()
                    .table_name(put.table_name)
                    .set_item(Some(put.item))
                    .set_condition_expression(put.condition_expression)
                    .set_expression_attribute_names(put.expression_attribute_names)
                    .set_expression_attribute_values(put.expression_attribute_values)
                    .send()
                    .await;
                sent.map(|_| true).or_else(|error| refused(&error))
            }
            Self::Update(update) => {
                let sent = client
                    .update_item()
                    .table_name(update.table_name)
                    .set_key(Some(update.key))
                    .update_expression(update.update_expression)
                    .set_condition_expression(update.condition_expression)
                    .set_expression_attribute_names(update.expression_attribute_names)
                    .set_expression_attribute_values(update.expression_attribute_values)
                    .send()
                    .await;
                sent.map(|_| true).or_else(|error| refused(&error))
            }
        }
    }

    /// Writes the head and the pages, all or none.
    async fn write_with(
        self,
        client: &Client,
        pages: Vec<TransactWriteItem>,
    ) -> Result<bool, Failed> {
        let head = match self {
            Self::Put(put) => TransactWriteItem::builder().put(put),
            Self::Update(update) => TransactWriteItem::builder().update(update),
        };
        let items = std::iter::once(head.build()).chain(pages).collect();
        let sent = client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await;
        sent.map(|_| true)
            .or_else(|error| match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled_by(cancelled.cancellation_reasons())
                }
                _ => refused(&error),
            })
    }
}

/// What a failed write means: that something else was stored meanwhile, or more.
fn refused<E>(error: &SdkError<E>) -> Result<bool, Failed>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some(
            "ConditionalCheckFailedException"
            | "TransactionConflictException"
            | "TransactionInProgressException",
        ) => Ok(false),
        Some("ValidationException") => Err(Failed::ForGood(invalid(error.message()))),
        _ => Err(store_error(error).into()),
    }
}

fn cancelled_by(reasons: &[CancellationReason]) -> Result<bool, Failed> {
    let of = |code: &str| reasons.iter().find(|reason| reason.code() == Some(code));
    if let Some(reason) = of("ValidationError") {
        Err(Failed::ForGood(invalid(reason.message())))
    } else if of("ConditionalCheckFailed").is_some() || of("TransactionConflict").is_some() {
        Ok(false)
    } else {
        // Throttling, or what there may be yet.
        Err(Failed::ForNow(StoreError::Throttled))
    }
}

/// The sizes are checked before, so a refusal for them is rare: other programs' attributes count too.
fn invalid(message: Option<&str>) -> StoreError {
    let message = message.unwrap_or("the request is not valid");
    if message.to_lowercase().contains("size") {
        StoreError::TooLarge("the conversation's item".to_owned())
    } else {
        StoreError::Unavailable(format!("DynamoDB refused the request: {message}"))
    }
}
