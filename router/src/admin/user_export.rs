//! Exporting one person: everything that is kept of them, as lines of JSON.
//!
//! The first line says what the file is, the last one whether it is whole, so that a file that was
//! cut off is never taken for all there is. Between them: the user with who they are on channels,
//! what is remembered of them, their keys, sessions and links (never a secret, nor its hash), what
//! they used, who changed what of theirs, turns under way, and every conversation with its
//! messages.
//!
//! [Removing](Admin::remove_user) the person deletes all of it but what was used and the audit
//! trail, which are the tenant's accounts. The file is to be read by people and programs; it cannot
//! be imported.
//!
//! Nothing is held but what is being read: of a list a page, of a conversation two pages.

mod conversations;
mod lines;
mod reading;
mod records;
#[cfg(test)]
#[cfg(feature = "local")]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::BoxStream;
use jiff::SignedDuration;
use tokio::time::Instant;

use self::lines::Progress;
pub use self::records::{RecordKind, UserRecord};
use super::{Admin, AdminError, Unreadables};
use crate::model::{TenantId, User, UserId};
use crate::ports::{Platform, StoreError};

/// How much one export may hold. Past it, it ends, and its last line says so.
#[derive(Debug, Clone, Copy)]
pub struct ExportBounds {
    /// The most bytes of lines before the last.
    pub bytes: usize,
    /// When the last line is due.
    pub until: Instant,
}

/// How many records of each kind.
pub type UserCounts = BTreeMap<RecordKind, usize>;

/// A person's export, line by line.
pub struct UserExport {
    records: BoxStream<'static, Result<UserRecord, StoreError>>,
    user: User,
    bounds: Option<ExportBounds>,
    progress: Progress,
}

/// Where an export reads, and of whom.
struct Source {
    platform: Platform,
    user: User,
    /// As [`ConversationOwner::retention`](crate::model::ConversationOwner::retention) says.
    retention: Option<SignedDuration>,
    unreadable: Arc<Unreadables>,
}

impl Admin {
    /// Begins to export a person, which the audit trail says. What others change meanwhile is in it
    /// or not; each record is as it was at one moment.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there is no such person.
    pub async fn export_user(
        &self,
        tenant: &TenantId,
        id: &UserId,
        bounds: Option<ExportBounds>,
    ) -> Result<UserExport, AdminError> {
        let retention = self.tenant(tenant).await?.retention();
        let user = self.user(tenant, id).await?;
        let entry = self.audit(tenant, "user.export", id.as_str());
        self.platform.tenants.record_audit(&entry).await?;
        let source = Source {
            platform: self.platform.clone(),
            user: user.clone(),
            retention,
            unreadable: Arc::clone(&self.unreadable),
        };
        let now = self.now();
        Ok(UserExport {
            records: reading::all(Arc::new(source), now),
            user,
            bounds,
            progress: Progress::at(now),
        })
    }
}
