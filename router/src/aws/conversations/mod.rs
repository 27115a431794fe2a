//! Conversations in DynamoDB.
//!
//! A conversation is a head item, which other programs know too, and pages with its older messages (`heads` and `pages`
//! say what they hold). An append (`appends`) writes the head on the condition that it is as it was read, and is repeated until it is.
//! Whether an append whose answer was lost was made is told by its id in the head. `sessions` has the list.

mod appends;
mod heads;
mod locks;
mod pages;
mod sessions;
mod window;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;
use ulid::Ulid;

use self::heads::{Append, GENERATION, Head, TTL};
use self::locks::KeyedLocks;
use self::window::{Newest, Place};
use crate::aws::dynamodb::attributes::{self as items, Item};
use crate::aws::error::store_error;

use crate::cursor;
use crate::model::{
    ChannelKind, ConversationKey, ConversationOwner, Message, SessionId, SessionSummary, TenantId,
    UserId,
};
use crate::ports::{ConversationStore, Page, PageRequest, StoreError, Window};

/// How long an append waits for others of this process and is tried. Whoever answers a request has a shorter deadline.
const APPEND_FOR: Duration = Duration::from_secs(45);
/// The most bytes of content in a page of history, so that no reply is huge. One message always fits.
const HISTORY_BYTES: usize = 1 << 20;
/// How often a read begins again because the conversation was cleared or begun anew meanwhile.
const READS: usize = 4;
/// How many partitions are emptied at once.
const PARTITIONS_AT_ONCE: usize = 4;

/// The conversations' store in DynamoDB.
pub struct DynamoConversations {
    client: Client,
    table: String,
    /// Appends of this process to one conversation follow each other, so that only another process can be in their way.
    appending: KeyedLocks<ConversationKey>,
}

impl DynamoConversations {
    /// Conversations in `table`. The caller of each method says what time it is.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            appending: KeyedLocks::new(),
        }
    }

    async fn head(&self, key: &ConversationKey) -> Result<Option<Head>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(heads::head_key(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        found.item.as_ref().map(Head::read).transpose()
    }

    /// What clearing must know of a head.
    async fn ending(&self, key: &ConversationKey) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(heads::head_key(key)))
            .consistent_read(true)
            .projection_expression("pk, #ttl, #generation")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_names("#generation", GENERATION)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        Ok(found.item)
    }

    /// The newest messages that fit the window, newest first; `None` if there is no such conversation.
    async fn newest(
        &self,
        key: &ConversationKey,
        before: Option<Place>,
        window: Window,
        now: Timestamp,
    ) -> Result<Option<Newest>, StoreError> {
        for _ in 0..READS {
            let Some(head) = self.head(key).await?.filter(|head| head.is_live(now)) else {
                return Ok(None);
            };
            let read = |from, to| pages::read(&self.client, &self.table, key, &head, from, to);
            if let Some(newest) = window::newest(&head, before, window, read).await? {
                return Ok(Some(newest));
            }
        }
        Err(StoreError::Corrupt {
            what: format!("conversation `{}`", key.session_id),
            detail: "a page of it is missing".to_owned(),
        })
    }
}

#[async_trait]
impl ConversationStore for DynamoConversations {
    async fn append(
        &self,
        key: &ConversationKey,
        messages: &[Message],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        let append = Append::new(Ulid::generate().to_string(), messages)?;
        let until = Instant::now() + APPEND_FOR;
        let _turn = tokio::time::timeout_at(until, self.appending.lock(key))
            .await
            .map_err(|_| appends::too_busy())?;
        appends::append(self, key, &append, now, until).await
    }

    async fn recent(
        &self,
        key: &ConversationKey,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        let newest = self.newest(key, None, window, now).await?;
        Ok(newest.map(oldest_first).unwrap_or_default())
    }

    async fn history(
        &self,
        key: &ConversationKey,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Option<Page<Message>>, StoreError> {
        const LIST: &str = "history";
        let before = match cursor::decode::<2>(LIST, &page)? {
            Some([message, page]) => Some(Place {
                message: message.parse().map_err(|_| StoreError::InvalidCursor)?,
                page: page.parse().map_err(|_| StoreError::InvalidCursor)?,
            }),
            None => None,
        };
        let window = Window {
            messages: cursor::page_size(&page),
            bytes: HISTORY_BYTES,
        };
        let Some(newest) = self.newest(key, before, window, now).await? else {
            return Ok(None);
        };
        let next = newest.next.map(|Place { message, page }| {
            cursor::encode(LIST, [&message.to_string(), &page.to_string()])
        });
        Ok(Some(Page {
            items: oldest_first(newest),
            next,
        }))
    }

    async fn sessions(
        &self,
        owner: &ConversationOwner,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<SessionSummary>, StoreError> {
        const LIST: &str = "sessions";
        let after: Option<SessionId> = match cursor::decode::<1>(LIST, &page)? {
            Some([session]) => Some(session.parse().map_err(|_| StoreError::InvalidCursor)?),
            None => None,
        };
        let size = cursor::page_size(&page);
        let found = sessions::list(
            &self.client,
            &self.table,
            owner,
            after.as_ref(),
            size + 1,
            now,
        )
        .await?;
        Ok(cursor::page(found, size, |summary| {
            cursor::encode(LIST, [summary.session_id.as_str()])
        }))
    }

    async fn clear(&self, key: &ConversationKey, now: Timestamp) -> Result<bool, StoreError> {
        // Read before, since the answer that says what was deleted can be lost.
        let read = self.ending(key).await?;
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(heads::head_key(key)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        // From here on nothing of it can be read, whatever happens to its pages.
        let cleared = deleted.attributes.as_ref().or(read.as_ref());
        let generation = cleared.map(heads::generation_of).transpose()?;
        pages::clear(&self.client, &self.table, key, generation).await?;
        match cleared {
            Some(head) => Ok(heads::is_live(heads::ttl_of(head)?, now)),
            None => Ok(false),
        }
    }

    async fn remove_all(&self, tenant: &TenantId, users: &[UserId]) -> Result<(), StoreError> {
        let owners = users.iter().flat_map(|user_id| {
            ChannelKind::ALL.map(|channel| ConversationOwner {
                tenant_id: tenant.clone(),
                channel,
                user_id: user_id.clone(),
            })
        });
        let partitions: Vec<String> = owners.map(|owner| heads::partition(&owner)).collect();
        stream::iter(partitions)
            .map(Ok)
            .try_for_each_concurrent(PARTITIONS_AT_ONCE, |partition| async move {
                pages::delete_partition(&self.client, &self.table, &partition).await
            })
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // No owner is called so.
        self.client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(items::key("PING", "PING")))
            .send()
            .await
            .map(drop)
            .map_err(|error| store_error(&error))
    }
}

fn oldest_first(newest: Newest) -> Vec<Message> {
    let mut messages = newest.messages;
    messages.reverse();
    messages
}
