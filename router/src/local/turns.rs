//! Turns that are answered apart from the request that asked for them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::Database;
use super::rows;
use crate::model::{ConversationOwner, Record, StoredTurn, TurnId, TurnProgress};
use crate::ports::{StoreError, TurnStore};

/// How many that are over one that begins clears away: more than it adds, so that they never pile
/// up.
const PURGE_AT_ONCE: i64 = 4;

/// The turns' store in SQLite.
pub(super) struct SqliteTurns {
    database: Arc<Database>,
}

impl SqliteTurns {
    /// The caller of each method says what time it is.
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl TurnStore for SqliteTurns {
    async fn begin(&self, turn: &StoredTurn) -> Result<Option<StoredTurn>, StoreError> {
        let turn = turn.clone();
        self.database
            .write(move |connection| {
                let now = turn.progress.saved_at;
                purge(connection, now)?;
                if let Some(there) = find(connection, &turn.owner, &turn.id, now)? {
                    return Ok(Some(there));
                }
                let owner = &turn.owner;
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO turns
                             (tenant_id, channel, user_id, turn_id, owner_since, session_id, message,
                              started_at, progress, expires_at)
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    )?
                    .execute(params![
                        owner.tenant_id.as_str(),
                        owner.channel.as_str(),
                        owner.user_id.as_str(),
                        turn.id.as_str(),
                        owner.since.map(|since| since.to_string()),
                        turn.session_id.as_str(),
                        turn.message,
                        turn.started_at.to_string(),
                        rows::to_json(&turn.progress)?,
                        StoredTurn::expires_at(&turn.progress),
                    ])?;
                Ok(None)
            })
            .await
    }

    async fn save(
        &self,
        owner: &ConversationOwner,
        id: &TurnId,
        progress: &TurnProgress,
    ) -> Result<bool, StoreError> {
        let (owner, id) = (owner.clone(), id.clone());
        let expires_at = StoredTurn::expires_at(progress);
        let progress = rows::to_json(&progress.cut())?;
        self.database
            .write(move |connection| {
                let stop: Option<bool> = connection
                    .prepare_cached(
                        "UPDATE turns SET progress = ?6, expires_at = ?7
                         WHERE tenant_id = ?1 AND channel = ?2 AND user_id = ?3 AND turn_id = ?4
                             AND owner_since IS ?5
                         RETURNING stop",
                    )?
                    .query_row(
                        params![
                            owner.tenant_id.as_str(),
                            owner.channel.as_str(),
                            owner.user_id.as_str(),
                            id.as_str(),
                            owner.since.map(|since| since.to_string()),
                            progress,
                            expires_at
                        ],
                        |row| row.get(0),
                    )
                    .optional()?;
                stop.ok_or_else(|| StoreError::NotFound(Record::Turn(id)))
            })
            .await
    }

    async fn turn(
        &self,
        owner: &ConversationOwner,
        id: &TurnId,
        now: Timestamp,
    ) -> Result<Option<StoredTurn>, StoreError> {
        let (owner, id) = (owner.clone(), id.clone());
        self.database
            .look(move |connection| find(connection, &owner, &id, now))
            .await
    }

    async fn turns(
        &self,
        owner: &ConversationOwner,
        now: Timestamp,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let owner = owner.clone();
        self.database
            .look(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM turns
                         WHERE tenant_id = ? AND channel = ? AND user_id = ? AND owner_since IS ?
                             AND expires_at > ?",
                    )?
                    .query_and_then(
                        params![
                            owner.tenant_id.as_str(),
                            owner.channel.as_str(),
                            owner.user_id.as_str(),
                            owner.since.map(|since| since.to_string()),
                            now.as_second()
                        ],
                        |row| read(row, &owner),
                    )?
                    .collect()
            })
            .await
    }

    async fn ask_to_stop(&self, owner: &ConversationOwner, id: &TurnId) -> Result<(), StoreError> {
        let (owner, id) = (owner.clone(), id.clone());
        self.database
            .write(move |connection| {
                let asked = connection
                    .prepare_cached(
                        "UPDATE turns SET stop = 1
                         WHERE tenant_id = ? AND channel = ? AND user_id = ? AND turn_id = ?
                             AND owner_since IS ?",
                    )?
                    .execute(params![
                        owner.tenant_id.as_str(),
                        owner.channel.as_str(),
                        owner.user_id.as_str(),
                        id.as_str(),
                        owner.since.map(|since| since.to_string()),
                    ])?;
                match asked {
                    0 => Err(StoreError::NotFound(Record::Turn(id))),
                    _ => Ok(()),
                }
            })
            .await
    }
}

fn find(
    connection: &Connection,
    owner: &ConversationOwner,
    id: &TurnId,
    now: Timestamp,
) -> Result<Option<StoredTurn>, StoreError> {
    connection
        .prepare_cached(
            "SELECT * FROM turns
             WHERE tenant_id = ? AND channel = ? AND user_id = ? AND turn_id = ?
                 AND owner_since IS ? AND expires_at > ?",
        )?
        .query_row(
            params![
                owner.tenant_id.as_str(),
                owner.channel.as_str(),
                owner.user_id.as_str(),
                id.as_str(),
                owner.since.map(|since| since.to_string()),
                now.as_second()
            ],
            |row| Ok(read(row, owner)),
        )
        .optional()?
        .transpose()
}

fn purge(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM turns WHERE (tenant_id, channel, user_id, turn_id) IN (
                 SELECT tenant_id, channel, user_id, turn_id FROM turns WHERE expires_at <= ?
                 ORDER BY expires_at LIMIT ?
             )",
        )?
        .execute(params![now.as_second(), PURGE_AT_ONCE])?;
    Ok(())
}

fn read(row: &Row<'_>, owner: &ConversationOwner) -> Result<StoredTurn, StoreError> {
    Ok(StoredTurn {
        id: rows::parsed(row, "turn_id")?,
        owner: owner.clone(),
        session_id: rows::parsed(row, "session_id")?,
        message: row.get("message")?,
        started_at: rows::parsed(row, "started_at")?,
        progress: rows::json(row, "progress")?,
        is_stopping: row.get("stop")?,
    })
}
