//! What is remembered of users for minutes, each taken once.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::database::Database;
use super::rows;
use crate::model::{NoteName, SecretDocument};
use crate::ports::{NoteStore, StoreError};

/// How many that are over one that is left clears away: more than it adds, so that they never pile
/// up.
const PURGE_AT_ONCE: i64 = 4;

/// The notes' store in SQLite.
pub(super) struct SqliteNotes {
    database: Arc<Database>,
}

impl SqliteNotes {
    /// The caller of each method says what time it is.
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl NoteStore for SqliteNotes {
    async fn leave(
        &self,
        name: &NoteName,
        value: &SecretDocument,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = name.clone();
        let value = rows::to_json(value.fields())?;
        self.database
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "DELETE FROM notes WHERE (tenant_id, user_id, name) IN (
                             SELECT tenant_id, user_id, name FROM notes WHERE expires_at <= ?
                             ORDER BY expires_at LIMIT ?
                         )",
                    )?
                    .execute(params![now.as_second(), PURGE_AT_ONCE])?;
                let left = connection
                    .prepare_cached(
                        "INSERT INTO notes (tenant_id, user_id, name, value, expires_at)
                         VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT DO UPDATE SET value = ?4, expires_at = ?5
                             WHERE expires_at <= ?6",
                    )?
                    .execute(params![
                        name.tenant_id.as_str(),
                        name.user_id.as_str(),
                        name.name,
                        value,
                        expires_at.as_second(),
                        now.as_second(),
                    ])?;
                Ok(left == 1)
            })
            .await
    }

    async fn take(
        &self,
        name: &NoteName,
        now: Timestamp,
    ) -> Result<Option<SecretDocument>, StoreError> {
        let name = name.clone();
        self.database
            .write(move |connection| {
                let taken = connection
                    .prepare_cached(
                        "DELETE FROM notes WHERE tenant_id = ? AND user_id = ? AND name = ?
                         RETURNING value, expires_at",
                    )?
                    .query_row(
                        params![name.tenant_id.as_str(), name.user_id.as_str(), name.name],
                        |row| {
                            let expires_at: i64 = row.get("expires_at")?;
                            Ok((rows::json(row, "value"), expires_at))
                        },
                    )
                    .optional()?;
                match taken {
                    Some((value, expires_at)) if expires_at > now.as_second() => {
                        Ok(Some(SecretDocument::new(value?)))
                    }
                    _ => Ok(None),
                }
            })
            .await
    }
}
