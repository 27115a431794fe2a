//! Where a conversation's older messages are: items beside the head, `{session_id}#page#{n}`. A
//! session is named here as in its head's sort key.
//!
//! A page belongs to one generation of a conversation. What a head that DynamoDB deleted by its
//! `ttl` leaves behind is of another generation than whatever begins under the same key later: it
//! is never read, and a new page takes its place.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::value::RawValue;

use super::Stored;
use super::heads::{self, FIRST, GENERATION, Head, MESSAGES, NewPage, TTL};
use crate::aws::dynamodb::attributes::{
    Item, counter, key as item_key, number_value, text, text_value,
};
use crate::aws::dynamodb::{Condition, Query, Scan, SortKeys, Table, Update, Write};
use crate::aws::error::AwsError;
use crate::model::ConversationKey;
use crate::ports::StoreError;

/// How many items are deleted or renewed at once.
pub(super) const AT_ONCE: usize = 16;

/// What separates a session's id from its pages: no id holds it. `!` and `"`, which an id may hold,
/// sort before it, so sessions may come between a head and its pages, but none among its pages.
const SEPARATOR: &str = "#page#";

/// What the sort keys of a session's pages begin with.
fn prefix(session: &str) -> String {
    format!("{session}{SEPARATOR}")
}

fn sort_key(session: &str, number: u64) -> String {
    format!("{session}{SEPARATOR}{number:010}")
}

/// A page as it is stored.
#[derive(Debug)]
pub(super) struct StoredPage {
    pub(super) number: u64,
    pub(super) first: u64,
    pub(super) messages: Vec<Box<RawValue>>,
}

impl From<&NewPage> for StoredPage {
    fn from(page: &NewPage) -> Self {
        Self {
            number: page.number,
            first: page.first,
            messages: page.messages.clone(),
        }
    }
}

impl StoredPage {
    /// The number of the message behind its last.
    pub(super) fn end(&self) -> u64 {
        self.first + self.messages.len() as u64
    }
}

/// The item of a new page.
pub(super) fn item(key: &ConversationKey, page: &NewPage, generation: &str) -> Item {
    let mut item = item_key(
        heads::partition(&key.owner),
        sort_key(&heads::sort_key(&key.session_id), page.number),
    );
    item.extend([
        (MESSAGES.to_owned(), text_value(page.json())),
        (FIRST.to_owned(), number_value(page.first)),
        (GENERATION.to_owned(), text_value(generation)),
        (TTL.to_owned(), number_value(page.ttl)),
    ]);
    item
}

/// The pages from `from` to before `to`, newest first; `None` if one is missing.
pub(super) async fn read(
    Stored { table, key, known }: Stored<'_>,
    head: &Head,
    from: u64,
    to: u64,
) -> Result<Option<Vec<Arc<StoredPage>>>, StoreError> {
    if let Some(pages) = known.pages(key, &head.generation, (from, to)) {
        return Ok(Some(pages));
    }
    let session = heads::sort_key(&key.session_id);
    let partition = heads::partition(&key.owner);
    let (first, last) = (
        sort_key(&session, from),
        sort_key(&session, to.saturating_sub(1)),
    );
    let query = Query {
        newest_first: true,
        ..Query::new(&partition, SortKeys::Between(&first, &last))
    };
    let found = table
        .query(query, usize::MAX, |item| Ok::<_, AwsError>(Some(item)))
        .await?;
    let numbers: Vec<u64> = (from..to).rev().collect();
    if found.len() != numbers.len() {
        return Ok(None);
    }
    let mut pages = Vec::new();
    for (number, item) in numbers.into_iter().zip(found) {
        let is_expected = text(&item, "sk").is_ok_and(|found| found == sort_key(&session, number));
        if !is_expected || heads::generation_of(&item)? != head.generation {
            return Ok(None);
        }
        let page = Arc::new(StoredPage {
            number,
            first: counter(&item, FIRST)?,
            messages: heads::messages_of(&item)?,
        });
        known.note_page(key, &head.generation, Arc::clone(&page));
        pages.push(page);
    }
    Ok(Some(pages))
}

/// Lets all pages of a head live until `ttl`.
pub(super) async fn renew(
    table: &Table,
    key: &ConversationKey,
    head: &Head,
    ttl: i64,
) -> Result<(), StoreError> {
    stream::iter(0..head.page_count)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |number| async move {
            let page = item_key(
                heads::partition(&key.owner),
                sort_key(&heads::sort_key(&key.session_id), number),
            );
            let renewal = Update::default().set(TTL, number_value(ttl));
            let is_older = Condition::equals(GENERATION, text_value(&head.generation))
                .and(Condition::less(TTL, number_value(ttl)));
            // If not, it lives as long already, or the conversation was cleared: then the head's
            // write will notice.
            let renewal = Write::update(page, renewal).when(is_older);
            Ok(table.write_if(renewal).await.map(drop)?)
        })
        .await
}

/// Deletes the pages that a cleared conversation left behind, and those of earlier ones; not those
/// of one that begins meanwhile under the same key.
pub(super) async fn clear(
    table: &Table,
    key: &ConversationKey,
    cleared_generation: Option<&str>,
) -> Result<(), StoreError> {
    let partition = heads::partition(&key.owner);
    let pages = prefix(&heads::sort_key(&key.session_id));
    let query = Query {
        attributes: &["pk", "sk", GENERATION],
        ..Query::new(&partition, SortKeys::BeginningWith(&pages))
    };
    let found = table
        .query(query, usize::MAX, |item| Ok::<_, AwsError>(Some(item)))
        .await?;
    let is_of_another = |item: &Item| heads::generation_of(item).ok() != cleared_generation;
    // A generation whose head was deleted never comes back, so what is not the present head's now
    // never will be.
    let present = match found.iter().any(is_of_another) {
        true => table
            .get_attributes(heads::head_key(key), &[GENERATION])
            .await?
            .and_then(|mut head| head.remove(GENERATION)),
        false => None,
    };
    stream::iter(found)
        .filter(|item| {
            let is_present = present.is_some() && item.get(GENERATION) == present.as_ref();
            std::future::ready(!is_present)
        })
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |item| delete_page(table, item))
        .await
}

/// Deletes a page unless another has taken its place.
async fn delete_page(table: &Table, mut page: Item) -> Result<(), StoreError> {
    let same = Condition::same(GENERATION, page.remove(GENERATION));
    Ok(table
        .write_if(Write::delete(page).when(same))
        .await
        .map(drop)?)
}

/// Deletes everything in a partition, and what an append under way adds meanwhile. One item a
/// request: that takes no other permission than clearing a conversation.
pub(super) async fn delete_partition(table: &Table, partition: &str) -> Result<(), StoreError> {
    loop {
        let query = Query {
            attributes: &["pk", "sk"],
            ..Query::new(partition, SortKeys::All)
        };
        let found = table
            .query(query, usize::MAX, |item| Ok::<_, AwsError>(Some(item)))
            .await?;
        if found.is_empty() {
            return Ok(());
        }
        delete_one_by_one(table, found).await?;
    }
}

/// Deletes everything in the partitions whose keys begin like this, which takes a scan of the whole
/// table.
pub(super) async fn delete_partitions(table: &Table, beginning: &str) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let scan = Scan {
            partition: beginning,
            attributes: &["pk", "sk"],
            ..Scan::default()
        };
        let (found, next) = table.scan(scan, after).await?;
        delete_one_by_one(table, found).await?;
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn delete_one_by_one(table: &Table, keys: Vec<Item>) -> Result<(), StoreError> {
    stream::iter(keys)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |key| async move {
            Ok(table.write_if(Write::delete(key)).await.map(drop)?)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_sort_behind_their_session_and_no_other_comes_among_them() {
        let keys = [
            "abc".to_owned(),
            "abc!".to_owned(),
            "abc\"".to_owned(),
            sort_key("abc", 0),
            sort_key("abc", 9),
            sort_key("abc", 10),
            sort_key("abc", 4_000_000_000),
            "abc%23".to_owned(),
            "abc+".to_owned(),
            "abc-".to_owned(),
            "abc.page".to_owned(),
            "abc0".to_owned(),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
