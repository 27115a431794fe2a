//! Conversations: one row each, and one a message, so that an append costs the same however long
//! the conversation is.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::{
    ConversationKey, ConversationOwner, Message, Record, Role, SessionSummary, TenantId,
    TenantStatus, UserId,
};
use crate::ports::{CONVERSATION_LIFE, ConversationStore, Page, PageRequest, StoreError, Window};

use super::database::Database;
use super::{records, rows};
use crate::cursor;

/// How many expired conversations one append clears away: more than it adds, so that they never
/// pile up, and few enough not to be felt.
const PURGE_AT_ONCE: i64 = 4;
/// The most bytes of content in a page of history, so that no reply is huge. One message always
/// fits.
const PAGE_BYTES: usize = 1 << 20;

/// The conversations' store in SQLite.
pub(super) struct SqliteConversations {
    database: Arc<Database>,
}

impl SqliteConversations {
    /// The caller of each method says what time it is.
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl ConversationStore for SqliteConversations {
    async fn append(
        &self,
        key: &ConversationKey,
        messages: &[Message],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        let (key, messages) = (key.clone(), messages.to_vec());
        self.database
            .write(move |connection| append(connection, &key, &messages, now))
            .await
    }

    async fn recent(
        &self,
        key: &ConversationKey,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        let key = key.clone();
        self.database
            .look(move |connection| {
                let Some(conversation) = find_live(connection, &key, now)? else {
                    return Ok(Vec::new());
                };
                let newest = newest(connection, conversation, None, window)?;
                Ok(oldest_first(newest))
            })
            .await
    }

    async fn history(
        &self,
        key: &ConversationKey,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Option<Page<Message>>, StoreError> {
        const LIST: &str = "history";
        let before = match cursor::decode::<1>(LIST, &page)? {
            Some([id]) => Some(cursor::valid(&id)?),
            None => None,
        };
        let size = cursor::page_size(&page);
        let key = key.clone();
        self.database
            .read(move |connection| {
                let Some(conversation) = find_live(connection, &key, now)? else {
                    return Ok(None);
                };
                let window = Window {
                    messages: size,
                    bytes: PAGE_BYTES,
                };
                let newest = newest(connection, conversation, before, window)?;
                let next = match newest.last() {
                    Some(&(oldest, _)) if has_older(connection, conversation, oldest)? => {
                        Some(cursor::encode(LIST, [oldest.to_string()]))
                    }
                    _ => None,
                };
                Ok(Some(Page {
                    items: oldest_first(newest),
                    next,
                    unreadable: Vec::new(),
                }))
            })
            .await
    }

    async fn sessions(
        &self,
        owner: &ConversationOwner,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<SessionSummary>, StoreError> {
        let start = cursor::SESSIONS.start(&page)?;
        let after = start.after.map(|[id]| id);
        let owner = owner.clone();
        self.database
            .read(move |connection| {
                let items = connection
                    .prepare_cached(
                        "SELECT session_id, updated_at, preview, title FROM conversations
                         WHERE tenant_id = ? AND channel = ? AND user_id = ?
                             AND (?4 IS NULL OR session_id < ?4)
                             AND expires_at > ?5 AND (owner_since IS NULL OR owner_since = ?6)
                             AND (?8 IS NULL OR unixepoch(updated_at) > ?5 - ?8)
                         ORDER BY session_id DESC LIMIT ?7",
                    )?
                    .query_and_then(
                        params![
                            owner.tenant_id.as_str(),
                            owner.channel.as_str(),
                            owner.user_id.as_str(),
                            after,
                            now.as_second(),
                            owner.since.map(|since| since.to_string()),
                            rows::to_limit(start.count),
                            owner.retention.map(|kept_for| kept_for.as_secs()),
                        ],
                        read_summary,
                    )?
                    .collect::<Result<_, StoreError>>()?;
                Ok(cursor::SESSIONS.page(&page, (items, Vec::new())))
            })
            .await
    }

    async fn clear(&self, key: &ConversationKey, now: Timestamp) -> Result<bool, StoreError> {
        let key = key.clone();
        self.database
            .write(move |connection| match find(connection, &key)? {
                Some(stored) => {
                    delete(connection, stored.id)?;
                    Ok(stored.is_live(&key.owner, now))
                }
                None => Ok(false),
            })
            .await
    }

    async fn remove_all(&self, tenant: &TenantId, users: &[UserId]) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        let users = users.to_vec();
        self.database
            .write(move |connection| {
                for table in ["conversations", "turns", "notes"] {
                    let mut delete = connection.prepare_cached(&format!(
                        "DELETE FROM {table} WHERE tenant_id = ? AND user_id = ?"
                    ))?;
                    for user in &users {
                        delete.execute(params![tenant.as_str(), user.as_str()])?;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn remove_tenant(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.database
            .write(move |connection| {
                for table in ["conversations", "turns", "notes"] {
                    connection
                        .prepare_cached(&format!("DELETE FROM {table} WHERE tenant_id = ?"))?
                        .execute(params![tenant.as_str()])?;
                }
                Ok(())
            })
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}

/// A conversation as stored, expired or not.
struct Stored {
    id: i64,
    updated_at: Timestamp,
    expires_at: i64,
    /// As [`ConversationOwner::since`] says; earlier releases did not write it.
    owner_since: Option<Timestamp>,
}

impl Stored {
    /// Whether it is the conversation of this very owner, and not over.
    fn is_live(&self, owner: &ConversationOwner, now: Timestamp) -> bool {
        let is_own = self.owner_since.is_none() || self.owner_since == owner.since;
        is_own && self.expires_at > now.as_second() && owner.keeps(self.updated_at, now)
    }
}

fn find(connection: &Connection, key: &ConversationKey) -> Result<Option<Stored>, StoreError> {
    connection
        .prepare_cached(
            "SELECT id, updated_at, expires_at, owner_since FROM conversations
             WHERE tenant_id = ? AND channel = ? AND user_id = ? AND session_id = ?",
        )?
        .query_row(
            params![
                key.owner.tenant_id.as_str(),
                key.owner.channel.as_str(),
                key.owner.user_id.as_str(),
                key.session_id.as_str()
            ],
            |row| Ok(read_stored(row)),
        )
        .optional()?
        .transpose()
}

fn find_live(
    connection: &Connection,
    key: &ConversationKey,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    Ok(find(connection, key)?
        .filter(|stored| stored.is_live(&key.owner, now))
        .map(|stored| stored.id))
}

fn append(
    connection: &Connection,
    key: &ConversationKey,
    messages: &[Message],
    now: Timestamp,
) -> Result<(), StoreError> {
    purge(connection, now)?;
    require_owner(connection, &key.owner)?;
    let live = match find(connection, key)? {
        Some(stored) if !stored.is_live(&key.owner, now) => {
            delete(connection, stored.id)?;
            None
        }
        other => other,
    };
    // Turns that end at once are stored in any order: the later time holds.
    let updated_at = live.as_ref().map_or(now, |live| live.updated_at.max(now));
    let expires_at = updated_at
        .as_second()
        .saturating_add(key.owner.retention.unwrap_or(CONVERSATION_LIFE).as_secs());
    let preview = SessionSummary::preview_of(messages);
    let since = key.owner.since.map(|since| since.to_string());
    let conversation = match live {
        Some(live) => {
            // A turn in which the person said nothing leaves the preview as it is.
            connection
                .prepare_cached(
                    "UPDATE conversations
                     SET updated_at = ?2, expires_at = ?3, preview = coalesce(nullif(?4, ''), preview),
                         owner_since = coalesce(?5, owner_since)
                     WHERE id = ?1",
                )?
                .execute(params![
                    live.id,
                    updated_at.to_string(),
                    expires_at,
                    preview,
                    since
                ])?;
            live.id
        }
        None => connection
            .prepare_cached(
                "INSERT INTO conversations
                     (tenant_id, channel, user_id, session_id, updated_at, expires_at, preview,
                      owner_since, title)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .insert(params![
                key.owner.tenant_id.as_str(),
                key.owner.channel.as_str(),
                key.owner.user_id.as_str(),
                key.session_id.as_str(),
                updated_at.to_string(),
                expires_at,
                preview,
                since,
                SessionSummary::title_of(messages),
            ])?,
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO messages (conversation_id, role, content, at, other) VALUES (?, ?, ?, ?, ?)",
    )?;
    for message in messages {
        insert.execute(params![
            conversation,
            message.role.as_str(),
            message.content,
            message.at.map(|at| at.to_string()),
            rows::to_json(&message.other)?,
        ])?;
    }
    Ok(())
}

/// Refuses what is said by someone who is not there any more, whether or not another of the same id
/// is, and in a suspended tenant.
fn require_owner(connection: &Connection, owner: &ConversationOwner) -> Result<(), StoreError> {
    let (tenant, user) = (&owner.tenant_id, &owner.user_id);
    let of_tenant: Option<(TenantStatus, Timestamp)> = records::one(
        connection,
        "SELECT status, created_at FROM tenants WHERE tenant_id = ?",
        params![tenant.as_str()],
        |row| {
            Ok((
                rows::parsed(row, "status")?,
                rows::parsed(row, "created_at")?,
            ))
        },
    )?;
    let (status, tenant_since) = of_tenant.ok_or_else(|| StoreError::NotFound(tenant.into()))?;
    if status == TenantStatus::Suspended {
        return Err(StoreError::Suspended(tenant.clone()));
    }
    // Callers without a credential have no record of their own.
    if user.as_str() == UserId::ANONYMOUS {
        return match owner.since == Some(tenant_since) {
            true => Ok(()),
            false => Err(StoreError::NotFound(tenant.into())),
        };
    }
    let user_since: Option<Option<Timestamp>> = records::one(
        connection,
        "SELECT created_at FROM users WHERE tenant_id = ? AND user_id = ?",
        params![tenant.as_str(), user.as_str()],
        |row| rows::parsed_if_set(row, "created_at"),
    )?;
    match user_since == Some(owner.since) {
        true => Ok(()),
        false => Err(StoreError::NotFound(Record::user(tenant, user))),
    }
}

/// The newest messages that fit the window, newest first, each with its row. Reads no further than
/// the window.
fn newest(
    connection: &Connection,
    conversation: i64,
    before: Option<i64>,
    window: Window,
) -> Result<Vec<(i64, Message)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, role, content, at, other FROM messages
         WHERE conversation_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
    )?;
    let mut found = statement.query(params![
        conversation,
        before.unwrap_or(i64::MAX),
        rows::to_limit(window.messages)
    ])?;
    let mut messages = Vec::new();
    let mut bytes = 0usize;
    while let Some(row) = found.next()? {
        let (id, message) = (row.get("id")?, read_message(row)?);
        bytes = bytes.saturating_add(message.content.len());
        if bytes > window.bytes && !messages.is_empty() {
            break;
        }
        messages.push((id, message));
    }
    Ok(messages)
}

fn oldest_first(newest: Vec<(i64, Message)>) -> Vec<Message> {
    newest
        .into_iter()
        .rev()
        .map(|(_, message)| message)
        .collect()
}

fn has_older(connection: &Connection, conversation: i64, id: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM messages WHERE conversation_id = ? AND id < ?")?
        .exists(params![conversation, id])?)
}

/// Deletes a conversation with its messages, by their foreign key.
fn delete(connection: &Connection, conversation: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM conversations WHERE id = ?")?
        .execute(params![conversation])?;
    Ok(())
}

fn purge(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM conversations WHERE id IN (
                 SELECT id FROM conversations WHERE expires_at <= ? ORDER BY expires_at LIMIT ?
             )",
        )?
        .execute(params![now.as_second(), PURGE_AT_ONCE])?;
    Ok(())
}

/// Lets a tenant's conversations end as long after their last turn as it now keeps them.
pub(super) fn keep_for(
    connection: &Connection,
    tenant: &TenantId,
    retention: Option<SignedDuration>,
) -> Result<(), StoreError> {
    let life = retention.unwrap_or(CONVERSATION_LIFE).as_secs();
    connection
        .prepare_cached(
            "UPDATE conversations SET expires_at = coalesce(unixepoch(updated_at) + ?, expires_at)
             WHERE tenant_id = ?",
        )?
        .execute(params![life, tenant.as_str()])?;
    Ok(())
}

fn read_stored(row: &Row<'_>) -> Result<Stored, StoreError> {
    Ok(Stored {
        id: row.get("id")?,
        updated_at: rows::parsed(row, "updated_at")?,
        expires_at: row.get("expires_at")?,
        owner_since: rows::parsed_if_set(row, "owner_since")?,
    })
}

fn read_summary(row: &Row<'_>) -> Result<SessionSummary, StoreError> {
    Ok(SessionSummary {
        session_id: rows::parsed(row, "session_id")?,
        updated_at: rows::parsed(row, "updated_at")?,
        preview: row.get("preview")?,
        title: row.get("title")?,
    })
}

fn read_message(row: &Row<'_>) -> Result<Message, StoreError> {
    let role: String = row.get("role")?;
    Ok(Message {
        role: match role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => {
                return Err(StoreError::Corrupt {
                    what: "a message".to_owned(),
                    detail: "its role is neither `user` nor `assistant`".to_owned(),
                });
            }
        },
        content: row.get("content")?,
        at: rows::parsed_if_set(row, "at")?,
        other: rows::json(row, "other")?,
    })
}
