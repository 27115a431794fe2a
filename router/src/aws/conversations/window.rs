//! Reading a window of a conversation, newest messages first: the head, then pages, no further than
//! asked.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::Stored;
use super::heads::{self, Head};
use super::pages::{self, StoredPage};
use crate::aws::dynamodb::Table;
use crate::model::{ConversationKey, Message, Record};
use crate::ports::{StoreError, Window};

/// How often a read starts over because the conversation was cleared or replaced by another
/// meanwhile.
const READS: usize = 4;

/// The most pages that are read at once: two megabytes at most, mostly far less.
const PAGES_AT_ONCE: u64 = 32;

/// A place in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of a message, counted from the beginning. Numbers stay as they are while messages
    /// are added and moved.
    pub(super) message: u64,
    /// The page in which the message before it is, or will be next to: where to look first.
    pub(super) page: u64,
}

/// What was read of a conversation.
#[derive(Debug)]
pub(super) struct Newest {
    /// The messages, newest first.
    pub(super) messages: Vec<Message>,
    /// Where the oldest of them is, if there are older ones.
    pub(super) next: Option<Place>,
}

/// A conversation's head; `None` if there is no such conversation.
pub(super) async fn head(
    table: &Table,
    key: &ConversationKey,
) -> Result<Option<Arc<Head>>, StoreError> {
    let found = table.get(heads::head_key(key)).await?;
    let head = found.as_ref().map(Head::read).transpose()?;
    Ok(head.map(Arc::new))
}

/// The newest messages before a place that fit the window; `None` if there is no such conversation.
pub(super) async fn read(
    of: Stored<'_>,
    before: Option<Place>,
    window: Window,
    now: Timestamp,
) -> Result<Option<Newest>, StoreError> {
    for _ in 0..READS {
        let head = head(of.table, of.key).await?;
        of.known.note_head(of.key, head.as_ref());
        let Some(head) = head.filter(|head| head.is_live(&of.key.owner, now)) else {
            return Ok(None);
        };
        let read = |from, to| pages::read(of, &head, from, to);
        if let Some(newest) = newest(&head, before, window, read).await? {
            return Ok(Some(newest));
        }
    }
    Err(StoreError::Corrupt {
        what: Record::Conversation(of.key.session_id.clone()).to_string(),
        detail: "a page of it is missing".to_owned(),
    })
}

/// The newest messages of a head and its pages before a place that fit the window. `read` gives the
/// pages from one number to before another, newest first, or `None` if one is missing; so does this
/// then.
async fn newest<F, Fut>(
    head: &Head,
    before: Option<Place>,
    window: Window,
    read: F,
) -> Result<Option<Newest>, StoreError>
where
    F: Fn(u64, u64) -> Fut,
    Fut: Future<Output = Result<Option<Vec<Arc<StoredPage>>>, StoreError>>,
{
    let mut taken = Taken::new(window, before.map_or(u64::MAX, |place| place.message));
    taken.take_of(&head.messages, head.first, head.page_count)?;
    let mut to = match before {
        Some(place) if place.message <= head.first => match page_of(head, place, &read).await? {
            Some(page) => page + 1,
            None => return Ok(None),
        },
        _ => head.page_count,
    };
    while to > 0 && !taken.is_full {
        // As many as hold what is missing, if the others are like them.
        let in_each = (head.first / head.page_count.max(1)).max(1);
        let wanted = taken.messages_left().div_ceil(in_each) + 1;
        let from = to.saturating_sub(wanted.min(PAGES_AT_ONCE));
        let Some(pages) = read(from, to).await? else {
            return Ok(None);
        };
        for page in pages {
            taken.take_of(&page.messages, page.first, page.number)?;
        }
        to = from;
    }
    Ok(Some(Newest {
        next: taken.oldest.filter(|place| place.message > 0),
        messages: taken.messages,
    }))
}

/// The page that holds the message before a place: the one that the place names, or one of the
/// next, if messages have moved since. `None` if a page is missing.
async fn page_of<F, Fut>(head: &Head, place: Place, read: &F) -> Result<Option<u64>, StoreError>
where
    F: Fn(u64, u64) -> Fut,
    Fut: Future<Output = Result<Option<Vec<Arc<StoredPage>>>, StoreError>>,
{
    let last = head.page_count.saturating_sub(1);
    let mut page = place.page.min(last);
    while page < last {
        let Some(found) = read(page, page + 1).await? else {
            return Ok(None);
        };
        if found.iter().any(|found| place.message <= found.end()) {
            break;
        }
        page += 1;
    }
    Ok(Some(page))
}

struct Taken {
    window: Window,
    before: u64,
    messages: Vec<Message>,
    bytes: usize,
    oldest: Option<Place>,
    is_full: bool,
}

impl Taken {
    fn new(window: Window, before: u64) -> Self {
        Self {
            window,
            before,
            messages: Vec::new(),
            bytes: 0,
            oldest: None,
            is_full: window.messages == 0,
        }
    }

    fn messages_left(&self) -> u64 {
        self.window.messages.saturating_sub(self.messages.len()) as u64
    }

    /// Takes what fits of the messages of one item, which is page `page` or the head behind the
    /// last page.
    fn take_of(
        &mut self,
        messages: &[Box<RawValue>],
        first: u64,
        page: u64,
    ) -> Result<(), StoreError> {
        for (number, raw) in (first..)
            .zip(messages)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            if self.is_full {
                break;
            }
            if number >= self.before {
                continue;
            }
            let message = heads::parse(raw)?;
            self.bytes = self.bytes.saturating_add(message.content.len());
            if self.bytes > self.window.bytes && !self.messages.is_empty() {
                self.is_full = true;
                break;
            }
            self.messages.push(message);
            self.oldest = Some(Place {
                message: number,
                page: page.saturating_sub(u64::from(number == first)),
            });
            self.is_full = self.messages.len() >= self.window.messages;
        }
        Ok(())
    }
}
