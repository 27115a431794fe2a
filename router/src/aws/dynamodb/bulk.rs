//! Reading whole tables: segment by segment, and many items by their keys at once. The router does
//! neither; it is for an operator's work on all of a table.

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::attributes::{Item, identity};
use super::error::SERVICE;
use super::query::projection;
use super::table::{Items, Table, incomplete, left_out};
use crate::aws::attempts::Attempts;
use crate::aws::error::AwsError;

/// The most items of one BatchGetItem
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>).
pub(crate) const MAX_BATCH_KEYS: usize = 100;

/// A part of a table: one of so many that have all of its items together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: i32,
    pub(crate) of: i32,
}

impl Table {
    /// One request of a scan of a segment, and the key to go on behind. Consistent reads cost
    /// twice.
    pub(crate) async fn scan_segment(
        &self,
        segment: Segment,
        is_consistent: bool,
        after: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), AwsError> {
        let output = self
            .client
            .scan()
            .table_name(&self.name)
            .segment(segment.number)
            .total_segments(segment.of)
            .consistent_read(is_consistent)
            .set_exclusive_start_key(after)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "Scan", &error))?;
        let next = output.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((output.items.unwrap_or_default(), next))
    }

    /// At most [`MAX_BATCH_KEYS`] items by different keys, consistently; missing ones are left out.
    /// Only these attributes of each; all if there are none.
    pub(crate) async fn get_batch(
        &self,
        keys: Vec<Item>,
        attributes: &[&str],
    ) -> Result<Items, AwsError> {
        const OPERATION: &str = "BatchGetItem";
        let (projection, names) = projection(attributes).unzip();
        let mut items = Items::default();
        let mut attempts = Attempts::new();
        let mut keys = keys;
        while !keys.is_empty() {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .set_projection_expression(projection.clone())
                .set_expression_attribute_names(names.clone())
                .build()
                .map_err(|error| incomplete(OPERATION, &error))?;
            let output = self
                .client
                .batch_get_item()
                .request_items(&self.name, request)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk(SERVICE, OPERATION, &error))?;
            let found = output.responses.unwrap_or_default().into_values().flatten();
            let before = items.0.len();
            items.0.extend(found.map(|item| (identity(&item), item)));
            // DynamoDB leaves out of a batch what is more than 16 MB, or than its throughput.
            let left = output.unprocessed_keys.unwrap_or_default();
            keys = left.into_values().flat_map(|left| left.keys).collect();
            if items.0.len() > before {
                attempts = Attempts::new();
            } else if !keys.is_empty() && !attempts.again().await {
                return Err(left_out(OPERATION));
            }
        }
        Ok(items)
    }
}
