//! One table: reading consistently, and to the end.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{StreamExt, TryStreamExt};

use super::attributes::{Item, text_value};
use crate::aws::error::store_error;
use crate::ports::StoreError;

/// Reads under way at once.
const READS_AT_ONCE: usize = 32;

/// A table and how it is reached.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

/// Items by their keys.
#[derive(Default)]
pub(crate) struct Items(HashMap<Identity, Item>);

/// A partition key and a sort key.
pub(crate) type Identity = (String, String);

/// What tells an item from every other.
pub(crate) fn identity(item: &Item) -> Identity {
    let part = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    };
    (part("pk"), part("sk"))
}

/// An item's key alone.
pub(crate) fn key_of(item: &Item) -> Item {
    let (pk, sk) = identity(item);
    super::attributes::key(pk, sk)
}

impl Items {
    pub(crate) fn get(&self, key: &Item) -> Option<&Item> {
        self.0.get(&identity(key))
    }
}

/// Which items of a partition a query reads.
pub(crate) struct Range<'a> {
    pub(crate) partition: &'a str,
    /// On `sk`, with the values that follow.
    pub(crate) condition: &'a str,
    pub(crate) values: &'a [(&'a str, &'a str)],
    pub(crate) newest_first: bool,
    /// Where to begin, exclusively.
    pub(crate) after: Option<Item>,
}

impl<'a> Range<'a> {
    /// The items whose sort key begins so.
    pub(crate) fn beginning_with(partition: &'a str, values: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            partition,
            condition: "begins_with(sk, :prefix)",
            values,
            newest_first: false,
            after: None,
        }
    }
}

/// Pauses between attempts at what others keep from happening. There is no last one: the caller looks at its watch.
pub(crate) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_millis(400))
        .with_factor(1.6)
        .with_jitter()
        .without_max_times()
        .build()
}

/// How long what is refused for a moment is tried again: with a call's own time, below the 10 s in which a caller must know.
pub(crate) const PATIENCE: Duration = Duration::from_secs(7);

impl Table {
    /// One item, consistently.
    pub(crate) async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        Ok(output.item)
    }

    /// Any number of items, each consistently. Those that are not there are left out. One by one but at once: that takes no
    /// longer than BatchGetItem, and no other permission than for one.
    pub(crate) async fn get_all(
        &self,
        keys: impl IntoIterator<Item = Item>,
    ) -> Result<Items, StoreError> {
        let wanted: HashMap<Identity, Item> = keys
            .into_iter()
            .map(|key| (identity(&key), key_of(&key)))
            .collect();
        let found: Vec<(Identity, Option<Item>)> = futures::stream::iter(wanted)
            .map(|(identity, key)| async move {
                let item = self.get(key).await?;
                Ok::<_, StoreError>((identity, item))
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

    /// The first `count` items of a range that `keep` lets through, or all there are; consistently.
    pub(crate) async fn query<T>(
        &self,
        range: Range<'_>,
        count: usize,
        mut keep: impl FnMut(Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut kept = Vec::new();
        let mut after = range.after;
        loop {
            let mut request = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .scan_index_forward(!range.newest_first)
                .key_condition_expression(format!("pk = :pk AND {}", range.condition))
                .expression_attribute_values(":pk", text_value(range.partition))
                .set_exclusive_start_key(after)
                .set_limit(i32::try_from(count.saturating_sub(kept.len())).ok());
            for (name, value) in range.values {
                request = request.expression_attribute_values(*name, text_value(*value));
            }
            let output = request.send().await.map_err(|error| store_error(&error))?;
            for item in output.items.unwrap_or_default() {
                kept.extend(keep(item)?);
            }
            after = output.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() || kept.len() >= count {
                return Ok(kept);
            }
        }
    }
}
