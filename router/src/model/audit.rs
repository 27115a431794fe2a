//! Who changed what, and when.

use jiff::Timestamp;
use ulid::Ulid;

use super::TenantId;

/// One change, stored in the same transaction as the change itself; for what no transaction covers
/// (secrets), once as intended before it and once as done or failed after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Sorts by time.
    pub id: Ulid,
    /// Whose data was changed.
    pub tenant_id: TenantId,
    /// Who did it: `operator:ada`, `user:ada@example.com`.
    pub actor: String,
    /// What was done: `user.add`.
    pub action: String,
    /// To what: a user id, a channel, an integration's name. Never a secret's value.
    pub target: String,
    /// When it was done.
    pub at: Timestamp,
}
