//! What this process knows of conversations without asking: pages, which never change, and heads as
//! a turn has read them, for the append at its end.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde_json::value::RawValue;

use super::heads::Head;
use super::pages::StoredPage;
use crate::model::ConversationKey;

/// The most bytes of messages of all known pages, and of all known heads.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// How long a turn may take between its reading and its append, and people between their turns.
const HEADS_KEPT: Duration = Duration::from_secs(3 * 60);
const PAGES_KEPT: Duration = Duration::from_secs(10 * 60);
/// What an entry takes beside its messages, in bytes.
const OVERHEAD: usize = 512;

/// A page of a conversation of one generation.
type PageKey = (ConversationKey, String, u64);

/// What is known.
pub(super) struct Known {
    heads: Cache<ConversationKey, Option<Arc<Head>>>,
    pages: Cache<PageKey, Arc<StoredPage>>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self {
            heads: Cache::builder()
                .max_capacity(MOST_BYTES)
                .weigher(|_, head: &Option<Arc<Head>>| {
                    weight(head.as_ref().map_or(&[], |head| &head.messages))
                })
                .time_to_live(HEADS_KEPT)
                .build(),
            pages: Cache::builder()
                .max_capacity(MOST_BYTES)
                .weigher(|_, page: &Arc<StoredPage>| weight(&page.messages))
                .time_to_idle(PAGES_KEPT)
                .build(),
        }
    }

    /// Notes a head as it was read; `None` if there was none.
    pub(super) fn note_head(&self, key: &ConversationKey, head: Option<&Arc<Head>>) {
        self.heads.insert(key.clone(), head.cloned());
    }

    /// The head as it was last read, once: it is about to be another.
    pub(super) fn take_head(&self, key: &ConversationKey) -> Option<Option<Arc<Head>>> {
        self.heads.remove(key)
    }

    /// Notes a page.
    pub(super) fn note_page(&self, key: &ConversationKey, generation: &str, page: Arc<StoredPage>) {
        let key = (key.clone(), generation.to_owned(), page.number);
        self.pages.insert(key, page);
    }

    /// The pages from `from` to before `to`, newest first, if all of them are known.
    pub(super) fn pages(
        &self,
        key: &ConversationKey,
        generation: &str,
        (from, to): (u64, u64),
    ) -> Option<Vec<Arc<StoredPage>>> {
        let known = |number| {
            let key = (key.clone(), generation.to_owned(), number);
            self.pages.get(&key)
        };
        (from..to).rev().map(known).collect()
    }
}

fn weight(messages: &[Box<RawValue>]) -> u32 {
    let bytes: usize = messages.iter().map(|message| message.get().len()).sum();
    u32::try_from(bytes.saturating_add(OVERHEAD)).unwrap_or(u32::MAX)
}
