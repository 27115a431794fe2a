//! Removing a tenant, and what becomes of its id.
//!
//! Where several routers share a store, one that knows the tenant from its cache may go on
//! answering for a moment, and write what it was answering: so the id rests, and by then what was
//! left is gone. [`Admin::purge_tenant`] deletes it, and frees the id.

use jiff::{SignedDuration, Timestamp};

use super::tenants::Holdings;
use super::{Admin, AdminError, until_unchanged};
use crate::model::{
    ApiKey, ChannelMapping, IntegrationName, Tenant, TenantId, TenantStatus, UserId,
};
use crate::ports::{Change, RECOVERY_WINDOW, StoreError};

/// How long after a removal a router may still write for the tenant: it knows it from its cache for
/// 5 s, and then has 120 s for a streamed answer.
const LATE_WRITES: SignedDuration = SignedDuration::from_secs(130);

/// What a tenant's removal would take away. Names are given as far as people would read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRemoval {
    /// How much belongs to the tenant.
    pub holdings: Holdings,
    /// The first of its people.
    pub users: Vec<UserId>,
    /// The first of its keys.
    pub keys: Vec<ApiKey>,
    /// The first of its channels.
    pub channels: Vec<ChannelMapping>,
    /// All of its secrets.
    pub secrets: Vec<IntegrationName>,
    /// From when on the id could be used again; `None` if at once.
    pub id_free_at: Option<Timestamp>,
    /// Until when its secrets could be restored; `None` if they are deleted for good.
    pub secrets_gone_at: Option<Timestamp>,
}

/// What a tenant's removal took away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemovedTenant {
    /// What belonged to the tenant.
    pub holdings: Holdings,
    /// Until when its secrets could be restored; `None` if there were none, or they were deleted
    /// for good.
    pub secrets_gone_at: Option<Timestamp>,
    /// From when on the id can be used again; `None` if at once.
    pub id_free_at: Option<Timestamp>,
}

impl Admin {
    /// What a tenant's removal would delete. Answers for a tenant whose removal was interrupted,
    /// too.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there is neither the tenant nor anything left of it.
    pub async fn removal_of_tenant(&self, id: &TenantId) -> Result<TenantRemoval, AdminError> {
        let store = &self.platform.tenants;
        let exists = self.stored_or_unreadable(id).await?;
        let users = self.counted(|page| store.users(id, page), |_| true).await?;
        let keys = self.counted_keys(id).await?;
        let channels = self
            .counted(|page| store.channels(id, page), |_| true)
            .await?;
        let secrets = self.present_secrets(id).await?;
        let holdings = Holdings {
            users: users.count,
            keys: keys.count,
            sessions: keys.others,
            channels: channels.count,
            secrets: secrets.len(),
        };
        if !exists && holdings == Holdings::default() {
            return Err(AdminError::NotFound(id.into()));
        }
        let now = self.now();
        Ok(TenantRemoval {
            holdings,
            users: users.first.into_iter().map(|user| user.id).collect(),
            keys: keys.first,
            channels: channels.first,
            secrets: secrets.into_iter().map(|name| name.integration).collect(),
            id_free_at: self.rests().then(|| now + store.id_reservation()),
            secrets_gone_at: self.rests().then(|| now + RECOVERY_WINDOW),
        })
    }

    /// Removes a tenant with everything that belongs to it but its audit trail. Where ids
    /// [rest](crate::ports::TenantStore::id_reservation), its secrets can be restored until their
    /// recovery window ends; where the id can be used at once, they are deleted for good, since the
    /// next tenant of the id could restore them.
    ///
    /// Safe to repeat: what an interrupted removal left is removed by the next.
    pub async fn remove_tenant(&self, id: &TenantId) -> Result<RemovedTenant, AdminError> {
        let holdings = self.removal_of_tenant(id).await?.holdings;
        self.close_tenant(id).await?;

        let users = self
            .all(|page| self.platform.tenants.users(id, page))
            .await?;
        let mut users: Vec<UserId> = users.into_iter().map(|user| user.id).collect();
        users.push(UserId::anonymous());
        let conversations = &self.platform.conversations;
        conversations.remove_all(id, &users).await?;
        conversations.remove_shared(id).await?;

        self.delete_all_own_secrets(id).await?;
        let mut secrets_gone_at = None;
        if self.rests() {
            for name in self.present_secrets(id).await? {
                match self.platform.secrets.remove(&name).await {
                    Ok(gone_at) => secrets_gone_at = secrets_gone_at.max(Some(gone_at)),
                    // Someone else was faster.
                    Err(StoreError::NotFound(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        } else {
            self.delete_secrets(id).await?;
        }

        let audit = self.audit(id, "tenant.remove", id.as_str());
        let reserved_until = self.now() + self.platform.tenants.id_reservation();
        self.platform
            .tenants
            .remove_tenant(id, reserved_until, &audit)
            .await?;
        Ok(RemovedTenant {
            holdings,
            secrets_gone_at,
            id_free_at: self.rests().then_some(reserved_until),
        })
    }

    /// Whether there is a tenant, in whatever form: one that cannot be read can be removed.
    async fn stored_or_unreadable(&self, id: &TenantId) -> Result<bool, AdminError> {
        match self.platform.tenants.tenant(id).await {
            Ok(stored) => Ok(stored.is_some()),
            Err(StoreError::Corrupt { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Suspends a tenant that is about to be removed, so that nothing new is stored meanwhile, and
    /// records in its audit trail that its removal began.
    async fn close_tenant(&self, id: &TenantId) -> Result<(), AdminError> {
        until_unchanged(|| async {
            let before = match self.platform.tenants.tenant(id).await {
                Ok(Some(before)) => before,
                // What cannot be read lets nobody in.
                Ok(None) | Err(StoreError::Corrupt { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let after = Tenant {
                status: TenantStatus::Suspended,
                ..before.clone()
            };
            let change = Change::UpdateTenant { before, after };
            self.commit(id, &[change], "tenant.remove:intended", id.as_str())
                .await
        })
        .await
    }

    /// From when on a removed tenant can be [purged](Self::purge_tenant).
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if no id like this is reserved.
    pub async fn purgeable_from(&self, id: &TenantId) -> Result<Timestamp, AdminError> {
        let reserved_until = self.reserved_until(id).await?;
        let reserved_until = reserved_until.ok_or_else(|| AdminError::NotFound(id.into()))?;
        if !self.rests() {
            return Ok(Timestamp::MIN);
        }
        let removed_at = reserved_until.saturating_sub(self.platform.tenants.id_reservation());
        let from = removed_at.and_then(|at| at.checked_add(LATE_WRITES));
        Ok(from.unwrap_or(reserved_until))
    }

    /// Deletes for good what a removed tenant left for its recovery window, and whatever was
    /// written since, and lets its id be used again. Safe to repeat after an interruption.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if no id like this is reserved; [`AdminError::Refused`] while a
    /// router may still write for it.
    pub async fn purge_tenant(&self, id: &TenantId) -> Result<(), AdminError> {
        let from = self.purgeable_from(id).await?;
        if self.now() < from {
            return Err(AdminError::Refused {
                message: format!("a router may still be answering for tenant `{id}`"),
                hint: format!("try again after {from}"),
            });
        }
        self.platform.conversations.remove_tenant(id).await?;
        self.delete_secrets(id).await?;
        let audit = self.audit(id, "tenant.purge", id.as_str());
        Ok(self.platform.tenants.free_id(id, &audit).await?)
    }

    /// Until when the id of a removed tenant cannot be used; `None` if it can.
    pub async fn reserved_until(&self, id: &TenantId) -> Result<Option<Timestamp>, AdminError> {
        Ok(self.platform.tenants.reserved_until(id).await?)
    }

    /// Whether a removed tenant's id rests before it can be used again.
    fn rests(&self) -> bool {
        !self.platform.tenants.id_reservation().is_zero()
    }

    async fn delete_secrets(&self, id: &TenantId) -> Result<(), AdminError> {
        for secret in self.all_secrets(id).await? {
            self.platform.secrets.delete(&secret.name).await?;
        }
        Ok(self.delete_all_own_secrets(id).await?)
    }
}
