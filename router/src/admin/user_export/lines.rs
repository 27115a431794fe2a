//! The lines of an export.
//!
//! ```json
//! {"format":"t3nets-user","version":1,"tenant_id":"default","user_id":"ada@example.com","exported_at":"2026-01-01T00:00:00Z"}
//! {"type":"user","user_id":"ada@example.com","email":"ada@example.com","display_name":"Ada","role":"admin"}
//! {"type":"end","records":1,"is_complete":true}
//! ```

use futures::TryStreamExt;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::{UserCounts, UserExport, UserRecord};
use crate::model::{TenantId, UserId};
use crate::ports::StoreError;

const FORMAT: &str = "t3nets-user";
/// The version of the form.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct FirstLine<'a> {
    format: &'static str,
    version: u32,
    tenant_id: &'a TenantId,
    user_id: &'a UserId,
    exported_at: Timestamp,
}

#[derive(Serialize)]
struct LastLine {
    #[serde(rename = "type")]
    kind: &'static str,
    records: usize,
    is_complete: bool,
}

/// How far an export is.
pub(super) struct Progress {
    exported_at: Timestamp,
    has_begun: bool,
    has_ended: bool,
    bytes: usize,
    counts: UserCounts,
}

impl Progress {
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            exported_at: now,
            has_begun: false,
            has_ended: false,
            bytes: 0,
            counts: UserCounts::new(),
        }
    }
}

impl UserExport {
    /// The next line, with its line break; `None` behind the last.
    ///
    /// # Errors
    /// If the environment could not be read: there is no last line then.
    pub async fn next_line(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        if self.progress.has_ended {
            return Ok(None);
        }
        if !self.progress.has_begun {
            self.progress.has_begun = true;
            let line = line(&FirstLine {
                format: FORMAT,
                version: VERSION,
                tenant_id: &self.user.tenant_id,
                user_id: &self.user.id,
                exported_at: self.progress.exported_at,
            })?;
            self.progress.bytes += line.len();
            return Ok(Some(line));
        }
        let read = self.records.try_next();
        let read = match self.bounds {
            None => read.await,
            // A time-out alone lets through whatever is ready at once, so that an export of records
            // that are would never end.
            Some(bounds) if bounds.until <= Instant::now() => return self.end(false),
            Some(bounds) => match tokio::time::timeout_at(bounds.until, read).await {
                Ok(read) => read,
                Err(_) => return self.end(false),
            },
        };
        match read? {
            None => self.end(true),
            Some(record) => self.record(&record),
        }
    }

    /// How many records of each kind there were so far.
    pub fn counts(&self) -> &UserCounts {
        &self.progress.counts
    }

    fn record(&mut self, record: &UserRecord) -> Result<Option<Vec<u8>>, StoreError> {
        let line = line(record)?;
        let bytes = self.progress.bytes + line.len();
        if self.bounds.is_some_and(|bounds| bytes > bounds.bytes) {
            return self.end(false);
        }
        self.progress.bytes = bytes;
        *self.progress.counts.entry(record.kind()).or_default() += 1;
        Ok(Some(line))
    }

    fn end(&mut self, is_complete: bool) -> Result<Option<Vec<u8>>, StoreError> {
        self.progress.has_ended = true;
        let last = LastLine {
            kind: "end",
            records: self.progress.counts.values().sum(),
            is_complete,
        };
        line(&last).map(Some)
    }
}

fn line(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut text = serde_json::to_vec(value).map_err(|error| StoreError::Corrupt {
        what: "a record".to_owned(),
        detail: error.to_string(),
    })?;
    text.push(b'\n');
    Ok(text)
}
