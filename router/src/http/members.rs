//! Which member of a tenant has an e-mail address.
//!
//! Stores have no list of addresses, so a tenant's users are read for it. That only locates: the
//! member is read each time, and has the address or is looked for again.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::auth::CACHE_TTL;
use crate::model::{TenantId, UserId};
use crate::ports::{Member, PageRequest, StoreError, TenantStore};

/// How long it is known whose an address is.
const LOCATED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const MOST_LOCATED: u64 = 10_000;

/// The most users that are read at once.
const AT_ONCE: usize = 1000;

type Address = (TenantId, String);

/// Finds members by their addresses.
pub(super) struct Members {
    store: Arc<dyn TenantStore>,
    located: Cache<Address, UserId>,
    /// What was just looked for, whether anybody has it or not.
    searched: Cache<Address, Arc<[UserId]>>,
}

impl Members {
    pub(super) fn new(store: Arc<dyn TenantStore>) -> Self {
        Self {
            store,
            located: Cache::builder()
                .max_capacity(MOST_LOCATED)
                .time_to_live(LOCATED_FOR)
                .build(),
            searched: Cache::builder()
                .max_capacity(MOST_LOCATED)
                .time_to_live(CACHE_TTL)
                .build(),
        }
    }

    /// The member with this address; `None` if nobody has it, or several have, as other programs
    /// may write them.
    pub(super) async fn with_address(
        &self,
        tenant: &TenantId,
        email: &str,
    ) -> Result<Option<Member>, StoreError> {
        let address = (tenant.clone(), email.to_ascii_lowercase());
        if let Some(id) = self.located.get(&address).await {
            let member = self.store.member(tenant, &id).await?;
            if let Some(member) = member.filter(|member| has(&member.user.email, email)) {
                return Ok(Some(member));
            }
            self.located.invalidate(&address).await;
        }
        let search = self.search(tenant, email);
        let holders = self.searched.try_get_with(address.clone(), search).await;
        let holders = holders.map_err(|error| StoreError::clone(&error))?;
        let [id] = &*holders else {
            return Ok(None);
        };
        let member = self.store.member(tenant, id).await?;
        let member = member.filter(|member| has(&member.user.email, email));
        if member.is_some() {
            self.located.insert(address, id.clone()).await;
        }
        Ok(member)
    }

    async fn search(&self, tenant: &TenantId, email: &str) -> Result<Arc<[UserId]>, StoreError> {
        let mut holders = Vec::new();
        let mut request = PageRequest::first(AT_ONCE);
        loop {
            let page = self.store.users(tenant, request).await?;
            let found = page.items.into_iter();
            holders.extend(
                found
                    .filter(|user| has(&user.email, email))
                    .map(|user| user.id),
            );
            let Some(next) = page.next else {
                return Ok(holders.into());
            };
            request = PageRequest {
                after: Some(next),
                ..PageRequest::first(AT_ONCE)
            };
        }
    }
}

/// Letters beyond ASCII must be the same: some of them become a letter of ASCII where case is
/// folded, and their owner somebody else.
fn has(own: &str, email: &str) -> bool {
    own.trim().eq_ignore_ascii_case(email)
}
