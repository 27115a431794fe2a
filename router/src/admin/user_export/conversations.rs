//! The conversations of an export: each with its messages, oldest first. The store gives pages from
//! the newest on, so a conversation of several pages is read twice: once to find where its pages
//! are, once from the oldest on.

use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::Source;
use super::reading::pages;
use super::records::UserRecord;
use crate::model::{ChannelKind, ConversationKey, ConversationOwner, Message, SessionSummary};
use crate::ports::{Page, PageRequest, StoreError, Unreadable};

/// How many messages are read at once. A page also has a bound of bytes.
const MESSAGES: usize = 200;

/// Whose conversations these are, on one channel.
pub(super) fn owner(source: &Source, channel: ChannelKind) -> ConversationOwner {
    ConversationOwner {
        tenant_id: source.user.tenant_id.clone(),
        channel,
        user_id: source.user.id.clone(),
        since: source.user.created_at,
        retention: source.retention,
    }
}

/// Every conversation on a channel, each before its messages.
pub(super) fn on_channel(
    source: Arc<Source>,
    channel: ChannelKind,
    now: Timestamp,
) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    let owner = owner(&source, channel);
    let listed = {
        let (source, owner) = (Arc::clone(&source), owner.clone());
        pages(Arc::clone(&source), move |page| {
            let (source, owner) = (Arc::clone(&source), owner.clone());
            async move {
                let store = &source.platform.conversations;
                store.sessions(&owner, page, now).await
            }
        })
    };
    listed
        .map_ok(move |summary| one(Arc::clone(&source), owner.clone(), summary, now))
        .try_flatten()
}

/// A conversation and its messages.
fn one(
    source: Arc<Source>,
    owner: ConversationOwner,
    summary: SessionSummary,
    now: Timestamp,
) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    let (channel, session) = (owner.channel, summary.session_id.clone());
    let head = UserRecord::conversation(channel, &summary);
    let reading = Reading {
        source,
        key: ConversationKey {
            owner,
            session_id: summary.session_id,
        },
        now,
        pages: Pages::Unknown,
    };
    let messages = stream::try_unfold(reading, |mut reading| async move {
        let page = reading.next().await?;
        Ok::<_, StoreError>(
            page.map(|messages| (stream::iter(messages.into_iter().map(Ok)), reading)),
        )
    });
    let messages = messages
        .try_flatten()
        .map_ok(move |message| UserRecord::message(channel, &session, message));
    stream::once(async move { Ok(head) }).chain(messages)
}

/// A conversation that is being read.
struct Reading {
    source: Arc<Source>,
    key: ConversationKey,
    now: Timestamp,
    pages: Pages,
}

/// What is left of its pages.
enum Pages {
    Unknown,
    /// Where the older ones begin, the oldest last, and the newest.
    Known(Vec<String>, Vec<Message>),
    None,
}

impl Reading {
    /// The oldest page that was not read yet.
    async fn next(&mut self) -> Result<Option<Vec<Message>>, StoreError> {
        if let Pages::Unknown = self.pages {
            self.pages = self.find().await?;
        }
        match std::mem::replace(&mut self.pages, Pages::None) {
            Pages::Known(mut older, newest) => match older.pop() {
                Some(after) => {
                    let page = self.read(Some(after)).await?;
                    self.pages = Pages::Known(older, newest);
                    Ok(Some(page.map(|page| page.items).unwrap_or_default()))
                }
                None => Ok(Some(newest)),
            },
            Pages::Unknown | Pages::None => Ok(None),
        }
    }

    async fn find(&self) -> Result<Pages, StoreError> {
        let Some(newest) = self.read(None).await? else {
            return Ok(Pages::None);
        };
        let mut older = Vec::new();
        let mut next = newest.next;
        while let Some(after) = next {
            older.push(after.clone());
            let page = self.read(Some(after)).await?;
            next = page.and_then(|page| page.next);
        }
        Ok(Pages::Known(older, newest.items))
    }

    /// A page; `None` if the conversation was cleared meanwhile, or cannot be read, which is noted.
    async fn read(&self, after: Option<String>) -> Result<Option<Page<Message>>, StoreError> {
        let page = PageRequest {
            limit: MESSAGES,
            after,
        };
        let store = &self.source.platform.conversations;
        match store.history(&self.key, page, self.now).await {
            Err(StoreError::Corrupt { what, detail }) => {
                self.source.unreadable.add(vec![Unreadable {
                    key: self.key.session_id.to_string(),
                    reason: format!("{what}: {detail}"),
                }]);
                Ok(None)
            }
            read => read,
        }
    }
}
