//! What is remembered of a user for minutes or days, to be taken once.

use super::{TenantId, UserId};

/// Names a note among those of its user: a sign-in elsewhere that is under way, that somebody
/// renews a token, or what a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteName {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The user; [`UserId::anonymous`] of what is the whole tenant's.
    pub user_id: UserId,
    /// Its name among the user's.
    pub name: String,
}
