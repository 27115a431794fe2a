//! That a conversation's owner is there: a user of an open tenant, and not another of the same id.
//!
//! A conversation begins in one transaction with a check of its user. One that goes on is written
//! on the condition that its head is as it was read, which costs half: where the user was removed,
//! so was the head, or it is about to be. So a removal's order matters: the user first, then the
//! conversations.
//!
//! The tenant is only read: each conversation that begins in it would be in the other's way if they
//! checked it in their transactions. What comes in between is gone before its id is used again,
//! since that rests for longer than a conversation lives.

use crate::aws::dynamodb::{Table, Write};
use crate::aws::tenants::{keys, records};
use crate::model::{ConversationOwner, Record, TenantStatus, UserId};
use crate::ports::StoreError;

/// The owner of conversations, and the table where it is.
pub(super) struct Owner<'a> {
    pub(super) tenants: &'a Table,
    pub(super) id: &'a ConversationOwner,
}

impl Owner<'_> {
    /// # Errors
    /// [`StoreError::NotFound`] if the owner is not there, or another of the same id is;
    /// [`StoreError::Suspended`].
    pub(super) async fn require(&self) -> Result<(), StoreError> {
        let (tenant_id, user_id) = (&self.id.tenant_id, &self.id.user_id);
        let (tenant, user) = (keys::tenant(tenant_id), keys::user(tenant_id, user_id));
        let mut wanted = vec![tenant.clone()];
        if self.has_record() {
            wanted.push(user.clone());
        }
        let found = self.tenants.get_all(wanted).await?;
        let Some(tenant) = found.get(&tenant).map(records::tenant).transpose()? else {
            return Err(StoreError::NotFound(tenant_id.into()));
        };
        if tenant.status == TenantStatus::Suspended {
            return Err(StoreError::Suspended(tenant_id.clone()));
        }
        let user = found.get(&user).map(records::user).transpose()?;
        let is_same = user.is_some_and(|user| user.created_at == self.id.since);
        match self.has_record() && !is_same {
            true => Err(StoreError::NotFound(Record::user(tenant_id, user_id))),
            false => Ok(()),
        }
    }

    /// The part of a transaction that holds only while the owner is there.
    pub(super) fn check(&self) -> Option<Write> {
        let user = keys::user(&self.id.tenant_id, &self.id.user_id);
        let check = Write::check(user, records::is_same_user(self.id.since));
        self.has_record().then(|| check.in_table(self.tenants))
    }

    /// Callers without a credential have none.
    fn has_record(&self) -> bool {
        self.id.user_id.as_str() != UserId::ANONYMOUS
    }
}
