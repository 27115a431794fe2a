//! The list of an owner's conversations.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::heads::{self, MESSAGES, PREVIEW, TTL, UPDATED_AT};
use super::pages;
use crate::aws::dynamodb::attributes::{self as items, Item, text_value};
use crate::aws::error::store_error;
use crate::model::{ConversationOwner, SessionId, SessionSummary};
use crate::ports::StoreError;

/// How many items are read at once: few, since of a long conversation they are pages, which are read for nothing.
const ITEMS_AT_ONCE: i32 = 16;

/// Up to `most` live sessions behind `after`, by id, and perhaps some more.
pub(super) async fn list(
    client: &Client,
    table: &str,
    owner: &ConversationOwner,
    after: Option<&SessionId>,
    most: usize,
    now: Timestamp,
) -> Result<Vec<SessionSummary>, StoreError> {
    let partition = heads::partition(owner);
    let mut summaries = Vec::new();
    let mut behind = after.map(|session| pages::behind(session.as_str()));
    while summaries.len() < most {
        let (items, mut is_end) = read(client, table, &partition, behind.as_deref()).await?;
        for item in items {
            let sort_key = items::text(&item, "sk")?;
            if let Some(session) = pages::session_of(sort_key) {
                // The other pages are jumped over.
                behind = Some(pages::behind(session));
                is_end = false;
                break;
            }
            behind = Some(sort_key.to_owned());
            summaries.extend(summary(client, table, &item, now).await?);
        }
        if is_end {
            break;
        }
    }
    Ok(summaries)
}

/// The next items of a partition, without their messages, and whether they are the last.
async fn read(
    client: &Client,
    table: &str,
    partition: &str,
    behind: Option<&str>,
) -> Result<(Vec<Item>, bool), StoreError> {
    let query = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .limit(ITEMS_AT_ONCE)
        .projection_expression("pk, sk, #updated_at, #ttl, #preview")
        .expression_attribute_names("#updated_at", UPDATED_AT)
        .expression_attribute_names("#ttl", TTL)
        .expression_attribute_names("#preview", PREVIEW)
        .expression_attribute_values(":pk", text_value(partition));
    let query = match behind {
        None => query.key_condition_expression("pk = :pk"),
        Some(behind) => query
            .key_condition_expression("pk = :pk AND sk > :behind")
            .expression_attribute_values(":behind", text_value(behind)),
    };
    let found = query.send().await.map_err(|error| store_error(&error))?;
    let is_end = found.last_evaluated_key.is_none();
    Ok((found.items.unwrap_or_default(), is_end))
}

/// A session as it is listed; `None` of what is over, or is no session of ours.
async fn summary(
    client: &Client,
    table: &str,
    item: &Item,
    now: Timestamp,
) -> Result<Option<SessionSummary>, StoreError> {
    let Ok(session_id) = items::text(item, "sk")?.parse() else {
        return Ok(None);
    };
    let ttl = heads::ttl_of(item)?;
    if !heads::is_live(ttl, now) {
        return Ok(None);
    }
    let preview = match items::text_if_set(item, PREVIEW)? {
        Some(preview) => preview.to_owned(),
        None => preview_from_messages(client, table, item).await?,
    };
    Ok(Some(SessionSummary {
        session_id,
        updated_at: heads::updated_at(item, ttl)?,
        preview,
    }))
}

/// Items of older programs have no preview of their own.
async fn preview_from_messages(
    client: &Client,
    table: &str,
    item: &Item,
) -> Result<String, StoreError> {
    let key = items::key(items::text(item, "pk")?, items::text(item, "sk")?);
    let found = client
        .get_item()
        .table_name(table)
        .set_key(Some(key))
        .consistent_read(true)
        .projection_expression("#messages")
        .expression_attribute_names("#messages", MESSAGES)
        .send()
        .await
        .map_err(|error| store_error(&error))?;
    // One that cannot be read is listed all the same, so that it can be cleared.
    let messages = found.item.map(|item| heads::messages_of(&item));
    Ok(heads::preview_of(
        &messages.and_then(Result::ok).unwrap_or_default(),
    ))
}
