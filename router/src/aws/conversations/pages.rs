//! Where a conversation's older messages are: items beside the head, `{session_id}#page#{n}`.
//!
//! A page belongs to one generation of a conversation. What a head that DynamoDB deleted by its `ttl` leaves behind is of
//! another generation than whatever begins under the same key later: it is never read, and a new page takes its place.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::value::RawValue;

use super::heads::{self, FIRST, GENERATION, Head, MESSAGES, NewPage, TTL};
use crate::aws::dynamodb::attributes::{self as items, Item, number_value, text_value};
use crate::aws::error::store_error;
use crate::model::ConversationKey;
use crate::ports::StoreError;

/// How many items are deleted or renewed at once.
pub(super) const AT_ONCE: usize = 16;

/// What separates a session's id from its pages: no id holds it, and it sorts before all that an id may hold.
const SEPARATOR: &str = "#page#";

/// What the sort keys of a session's pages begin with.
fn prefix(session: &str) -> String {
    format!("{session}{SEPARATOR}")
}

/// The session whose page an item is.
pub(super) fn session_of(sort_key: &str) -> Option<&str> {
    sort_key.split_once(SEPARATOR).map(|(session, _)| session)
}

/// A sort key behind all pages of a session and before the next session.
pub(super) fn behind(session: &str) -> String {
    format!("{session}#page$")
}

fn sort_key(session: &str, number: u64) -> String {
    format!("{session}{SEPARATOR}{number:010}")
}

/// A page as it was read.
pub(super) struct StoredPage {
    pub(super) number: u64,
    pub(super) first: u64,
    pub(super) messages: Vec<Box<RawValue>>,
}

impl StoredPage {
    /// The number of the message behind its last.
    pub(super) fn end(&self) -> u64 {
        self.first + self.messages.len() as u64
    }
}

/// The item of a new page.
pub(super) fn item(key: &ConversationKey, page: &NewPage, generation: &str) -> Item {
    let mut item = items::key(
        heads::partition(&key.owner),
        sort_key(key.session_id.as_str(), page.number),
    );
    item.extend([
        (MESSAGES.to_owned(), text_value(&page.messages)),
        (FIRST.to_owned(), number_value(page.first)),
        (GENERATION.to_owned(), text_value(generation)),
        (TTL.to_owned(), number_value(page.ttl)),
    ]);
    item
}

/// The pages from `from` to before `to`, newest first; `None` if one is missing.
pub(super) async fn read(
    client: &Client,
    table: &str,
    key: &ConversationKey,
    head: &Head,
    from: u64,
    to: u64,
) -> Result<Option<Vec<StoredPage>>, StoreError> {
    let session = key.session_id.as_str();
    let mut query = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .scan_index_forward(false)
        .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
        .expression_attribute_values(":pk", text_value(heads::partition(&key.owner)))
        .expression_attribute_values(":from", text_value(sort_key(session, from)))
        .expression_attribute_values(":to", text_value(sort_key(session, to.saturating_sub(1))))
        .into_paginator()
        .items()
        .send();
    let mut pages = Vec::new();
    let mut expected = (from..to).rev();
    while let Some(item) = query.next().await {
        let item = item.map_err(|error| store_error(&error))?;
        let number = expected.next();
        let is_next = number.is_some_and(|number| {
            items::text(&item, "sk").is_ok_and(|found| found == sort_key(session, number))
        });
        let (Some(number), true) = (number, is_next) else {
            return Ok(None);
        };
        if heads::generation_of(&item)? != head.generation {
            return Ok(None);
        }
        pages.push(StoredPage {
            number,
            first: items::counter(&item, FIRST)?,
            messages: heads::messages_of(&item)?,
        });
    }
    Ok(expected.next().is_none().then_some(pages))
}

/// Lets all pages of a head live until `ttl`.
pub(super) async fn renew(
    client: &Client,
    table: &str,
    key: &ConversationKey,
    head: &Head,
    ttl: i64,
) -> Result<(), StoreError> {
    stream::iter(0..head.page_count)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |number| async move {
            let page = items::key(
                heads::partition(&key.owner),
                sort_key(key.session_id.as_str(), number),
            );
            let renewed = client
                .update_item()
                .table_name(table)
                .set_key(Some(page))
                .update_expression("SET #ttl = :ttl")
                .condition_expression("#generation = :generation AND #ttl < :ttl")
                .expression_attribute_names("#ttl", TTL)
                .expression_attribute_names("#generation", GENERATION)
                .expression_attribute_values(":ttl", number_value(ttl))
                .expression_attribute_values(":generation", text_value(&head.generation))
                .send()
                .await;
            match renewed {
                // It lives as long already, or the conversation was cleared: then the head's write will notice.
                Err(error) if is_condition_failed(error.code()) => Ok(()),
                other => other.map(drop).map_err(|error| store_error(&error)),
            }
        })
        .await
}

/// Deletes the pages that a cleared conversation left behind, and those of earlier ones; not those of one that begins
/// meanwhile under the same key.
pub(super) async fn clear(
    client: &Client,
    table: &str,
    key: &ConversationKey,
    cleared_generation: Option<&str>,
) -> Result<(), StoreError> {
    let found: Vec<Item> = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :pk AND begins_with(sk, :pages)")
        .projection_expression("pk, sk, #generation")
        .expression_attribute_names("#generation", GENERATION)
        .expression_attribute_values(":pk", text_value(heads::partition(&key.owner)))
        .expression_attribute_values(":pages", text_value(prefix(key.session_id.as_str())))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| store_error(&error))?;
    let of_others = |item: &Item| heads::generation_of(item).ok() != cleared_generation;
    // A generation whose head is gone never comes back, so what is not the present head's now never will be.
    let present = match found.iter().any(of_others) {
        true => client
            .get_item()
            .table_name(table)
            .set_key(Some(heads::head_key(key)))
            .consistent_read(true)
            .projection_expression("#generation")
            .expression_attribute_names("#generation", GENERATION)
            .send()
            .await
            .map_err(|error| store_error(&error))?
            .item
            .and_then(|mut head| head.remove(GENERATION)),
        false => None,
    };
    stream::iter(found)
        .filter(|item| {
            let is_present = present.is_some() && item.get(GENERATION) == present.as_ref();
            std::future::ready(!is_present)
        })
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |item| delete_page(client, table, item))
        .await
}

/// Deletes a page unless another has taken its place.
async fn delete_page(client: &Client, table: &str, mut page: Item) -> Result<(), StoreError> {
    let generation = page.remove(GENERATION);
    let condition = match generation {
        Some(_) => "#generation = :generation",
        None => "attribute_not_exists(#generation)",
    };
    let deleted = client
        .delete_item()
        .table_name(table)
        .set_key(Some(page))
        .condition_expression(condition)
        .expression_attribute_names("#generation", GENERATION)
        .set_expression_attribute_values(
            generation.map(|generation| Item::from([(":generation".to_owned(), generation)])),
        )
        .send()
        .await;
    match deleted {
        Err(error) if is_condition_failed(error.code()) => Ok(()),
        other => other.map(drop).map_err(|error| store_error(&error)),
    }
}

/// Deletes everything in a partition.
pub(super) async fn delete_partition(
    client: &Client,
    table: &str,
    partition: &str,
) -> Result<(), StoreError> {
    let found: Vec<Item> = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .projection_expression("pk, sk")
        .expression_attribute_values(":pk", text_value(partition))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| store_error(&error))?;
    stream::iter(found)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |item| async move {
            client
                .delete_item()
                .table_name(table)
                .set_key(Some(item))
                .send()
                .await
                .map(drop)
                .map_err(|error| store_error(&error))
        })
        .await
}

fn is_condition_failed(code: Option<&str>) -> bool {
    code == Some("ConditionalCheckFailedException")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_sort_behind_their_session_and_before_the_next() {
        let keys = [
            "abc".to_owned(),
            sort_key("abc", 0),
            sort_key("abc", 9),
            sort_key("abc", 10),
            sort_key("abc", 4_000_000_000),
            behind("abc"),
            "abc+".to_owned(),
            "abc-".to_owned(),
            "abc.page".to_owned(),
            "abc0".to_owned(),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(session_of(&keys[1]), Some("abc"));
        assert_eq!(session_of("abc"), None);
    }
}
