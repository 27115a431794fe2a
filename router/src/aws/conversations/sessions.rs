//! The list of an owner's conversations.

use jiff::Timestamp;

use super::heads::{self, MESSAGES, OWNER_SINCE, PREVIEW, TITLE, TTL, UPDATED_AT};
use crate::aws::dynamodb::attributes::{Item, key_of, text, text_if_set};
use crate::aws::dynamodb::{Query, SortKeys, Table};
use crate::model::{ConversationOwner, SessionId, SessionSummary};
use crate::ports::StoreError;

/// How many items are read at once: few, since of a long conversation they are pages, which are
/// read for nothing.
const ITEMS_AT_ONCE: usize = 16;

/// Up to `most` live sessions behind `after`, in descending order of id, and perhaps some more.
pub(super) async fn list(
    table: &Table,
    owner: &ConversationOwner,
    after: Option<&SessionId>,
    most: usize,
    now: Timestamp,
) -> Result<Vec<SessionSummary>, StoreError> {
    let partition = heads::partition(owner);
    let mut summaries = Vec::new();
    let mut below = after.map(heads::sort_key);
    while summaries.len() < most {
        let (items, mut is_end) = read(table, &partition, below.as_deref()).await?;
        for item in items {
            let sort_key = text(&item, "sk")?;
            if let Some(rest) = below_parts(sort_key) {
                below = Some(rest);
                is_end = false;
                break;
            }
            below = Some(sort_key.to_owned());
            summaries.extend(summary(table, owner, &item, now).await?);
        }
        if is_end {
            break;
        }
    }
    Ok(summaries)
}

/// Where to read on below a conversation's pages, or the turns, so that the rest of them is
/// skipped; `None` for a head, whose sort key alone has no `#`.
fn below_parts(sort_key: &str) -> Option<String> {
    let (of, _) = sort_key.split_once('#')?;
    Some(format!("{of}#"))
}

/// The next items of a partition, without their messages, and whether they are the last.
async fn read(
    table: &Table,
    partition: &str,
    below: Option<&str>,
) -> Result<(Vec<Item>, bool), StoreError> {
    let sort_keys = below.map_or(SortKeys::All, SortKeys::Below);
    let query = Query {
        newest_first: true,
        attributes: &["pk", "sk", UPDATED_AT, TTL, PREVIEW, TITLE, OWNER_SINCE],
        ..Query::new(partition, sort_keys)
    };
    let (items, next) = table.page(&query, ITEMS_AT_ONCE).await?;
    Ok((items, next.is_none()))
}

/// A session as it is listed; `None` of what is over, or is not a session.
async fn summary(
    table: &Table,
    owner: &ConversationOwner,
    item: &Item,
    now: Timestamp,
) -> Result<Option<SessionSummary>, StoreError> {
    let Some(session_id) = heads::session_of(text(item, "sk")?) else {
        return Ok(None);
    };
    let ttl = heads::ttl_of(item)?;
    let updated_at = heads::updated_at(item, ttl)?;
    let is_live = heads::is_live(ttl, now) && owner.keeps(updated_at, now);
    if !is_live || !heads::is_of(heads::owner_since(item)?, owner) {
        return Ok(None);
    }
    let preview = match text_if_set(item, PREVIEW)? {
        Some(preview) => preview.to_owned(),
        None => preview_from_messages(table, item).await?,
    };
    Ok(Some(SessionSummary {
        session_id,
        updated_at,
        preview,
        title: text_if_set(item, TITLE)?.map(str::to_owned),
    }))
}

/// Items of older programs have no preview of their own.
async fn preview_from_messages(table: &Table, item: &Item) -> Result<String, StoreError> {
    let found = table.get_attributes(key_of(item), &[MESSAGES]).await?;
    // One that cannot be read is listed all the same, so that it can be cleared.
    let messages = found.map(|item| heads::messages_of(&item));
    Ok(heads::preview_of(
        &messages.and_then(Result::ok).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_turns_are_jumped_over_and_heads_are_not() {
        assert_eq!(below_parts("abc#page#0000000009").as_deref(), Some("abc#"));
        assert_eq!(below_parts("#turn#01k").as_deref(), Some("#"));
        assert_eq!(below_parts("abc"), None);
        assert_eq!(below_parts("a%23page%230000000000"), None);
    }
}
