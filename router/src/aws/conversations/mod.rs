//! Conversations in DynamoDB: one partition for each user on a channel.
//!
//! A conversation is a head item, which other programs know too, and pages with its older messages
//! (`heads` and `pages` say what they hold). An append (`appends`) writes the head on the condition
//! that it is as it was read, and is repeated until it is. Whether an append whose answer was lost
//! was made is told by its id in the head. `window` reads the newest messages, `sessions` has the
//! list, `owners` ties a new conversation to its owner's existence, `locks` lets this process's
//! appends to one conversation follow each other, `known` spares them and the windows reads.

mod appends;
mod heads;
mod known;
mod locks;
mod owners;
mod pages;
mod sessions;
mod window;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;
use ulid::Ulid;

pub(in crate::aws) use self::heads::partition;
use self::heads::{Append, GENERATION, OWNER_SINCE, TTL, UPDATED_AT};
use self::known::Known;
use self::locks::KeyedLocks;
use self::owners::Owner;
use self::window::{Newest, Place};
use crate::aws::dynamodb::{Table, Write};
use crate::cursor::{self, valid};
use crate::model::{
    ChannelKind, ConversationKey, ConversationOwner, Message, Record, SessionId, SessionSummary,
    TenantId, UserId,
};
use crate::ports::{ConversationStore, Page, PageRequest, StoreError, Window};

/// How long an append waits for others of this process and is tried. Whoever answers a request has
/// a shorter deadline.
const APPEND_FOR: Duration = Duration::from_secs(45);
/// The most bytes of content in a page of history, so that no reply is huge. One message always
/// fits.
const HISTORY_BYTES: usize = 1 << 20;
/// How many partitions are emptied at once.
const PARTITIONS_AT_ONCE: usize = 4;

/// The conversations' store in DynamoDB.
pub struct DynamoConversations {
    table: Table,
    /// Where the owners are.
    tenants: Table,
    /// Appends of this process to one conversation follow each other, so that only another process
    /// can be in their way.
    appending: KeyedLocks<ConversationKey>,
    known: Known,
}

/// One conversation: where it is stored, and what is known of it.
#[derive(Clone, Copy)]
struct Stored<'a> {
    table: &'a Table,
    key: &'a ConversationKey,
    known: &'a Known,
}

impl<'a> Stored<'a> {
    fn of(table: &'a Table, key: &'a ConversationKey, known: &'a Known) -> Self {
        Self { table, key, known }
    }
}

impl DynamoConversations {
    /// Conversations in `table` of the users in `tenants`. The caller of each method says what time
    /// it is.
    pub fn new(client: Client, table: impl Into<String>, tenants: impl Into<String>) -> Self {
        Self {
            table: Table::new(client.clone(), table),
            tenants: Table::new(client, tenants),
            appending: KeyedLocks::new(),
            known: Known::new(),
        }
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
        let owner = Owner {
            tenants: &self.tenants,
            id: &key.owner,
        };
        let of = Stored::of(&self.table, key, &self.known);
        appends::append(of, &append, &owner, now, until).await
    }

    async fn recent(
        &self,
        key: &ConversationKey,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        let of = Stored::of(&self.table, key, &self.known);
        let newest = window::read(of, None, window, now).await?;
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
                message: valid(&message)?,
                page: valid(&page)?,
            }),
            None => None,
        };
        let window = Window {
            messages: cursor::page_size(&page),
            bytes: HISTORY_BYTES,
        };
        let of = Stored::of(&self.table, key, &self.known);
        let Some(newest) = window::read(of, before, window, now).await? else {
            return Ok(None);
        };
        let next = newest.next.map(|Place { message, page }| {
            cursor::encode(LIST, [message.to_string(), page.to_string()])
        });
        Ok(Some(Page {
            items: oldest_first(newest),
            next,
            unreadable: Vec::new(),
        }))
    }

    async fn sessions(
        &self,
        owner: &ConversationOwner,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<SessionSummary>, StoreError> {
        let start = cursor::SESSIONS.start(&page)?;
        let after: Option<SessionId> = match start.after {
            Some([session]) => Some(valid(&session)?),
            None => None,
        };
        let found = sessions::list(&self.table, owner, after.as_ref(), start.count, now).await?;
        Ok(cursor::SESSIONS.page(&page, (found, Vec::new())))
    }

    async fn clear(&self, key: &ConversationKey, now: Timestamp) -> Result<bool, StoreError> {
        // Read before, since the answer that says what was deleted can be lost.
        let head = heads::head_key(key);
        let read = self
            .table
            .get_attributes(
                head.clone(),
                &["pk", TTL, UPDATED_AT, GENERATION, OWNER_SINCE],
            )
            .await?;
        let deleted = self
            .table
            .write(Write::delete(head).returning_item())
            .await
            .map_err(|refusal| {
                refusal.into_store_error(Record::Conversation(key.session_id.clone()))
            })?;
        // From here on nothing of it can be read, whatever happens to its pages.
        let cleared = deleted.as_ref().or(read.as_ref());
        let generation = cleared.map(heads::generation_of).transpose()?;
        pages::clear(&self.table, key, generation).await?;
        match cleared {
            Some(head) => {
                let ttl = heads::ttl_of(head)?;
                let is_kept = key.owner.keeps(heads::updated_at(head, ttl)?, now);
                let is_of = heads::is_of(heads::owner_since(head)?, &key.owner);
                Ok(heads::is_live(ttl, now) && is_kept && is_of)
            }
            None => Ok(false),
        }
    }

    async fn remove_all(&self, tenant: &TenantId, users: &[UserId]) -> Result<(), StoreError> {
        let owners = users.iter().flat_map(|user_id| {
            ChannelKind::ALL.map(|channel| ConversationOwner {
                tenant_id: tenant.clone(),
                channel,
                user_id: user_id.clone(),
                since: None,
                retention: None,
            })
        });
        let partitions: Vec<String> = owners.map(|owner| heads::partition(&owner)).collect();
        stream::iter(partitions)
            .map(Ok)
            .try_for_each_concurrent(PARTITIONS_AT_ONCE, |partition| async move {
                pages::delete_partition(&self.table, &partition).await
            })
            .await
    }

    /// The Python program has one partition for a tenant, named by its id.
    async fn remove_shared(&self, tenant: &TenantId) -> Result<(), StoreError> {
        pages::delete_partition(&self.table, tenant.as_str()).await
    }

    async fn remove_tenant(&self, tenant: &TenantId) -> Result<(), StoreError> {
        self.remove_shared(tenant).await?;
        pages::delete_partitions(&self.table, &heads::partitions_of(tenant)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.table.ping().await?)
    }
}

fn oldest_first(newest: Newest) -> Vec<Message> {
    let mut messages = newest.messages;
    messages.reverse();
    messages
}
