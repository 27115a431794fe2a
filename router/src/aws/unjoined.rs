//! Holds the place of the stores until they are joined: every call says so.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::Timestamp;
use jiff::civil::Date;
use ulid::Ulid;

use super::Names;
use crate::model::*;
use crate::ports::*;

/// The platform on AWS.
pub fn open(_config: &SdkConfig, _names: &Names, clock: Arc<dyn Clock>) -> Platform {
    Platform {
        tenants: Arc::new(Unjoined),
        usage: Arc::new(Unjoined),
        conversations: Arc::new(Unjoined),
        secrets: Arc::new(Unjoined),
        clock,
    }
}

struct Unjoined;

fn unjoined<T>() -> Result<T, StoreError> {
    Err(StoreError::Misconfigured(
        "this build has no stores on AWS".to_owned(),
    ))
}

#[async_trait]
impl TenantStore for Unjoined {
    async fn commit(
        &self,
        _tenant: &TenantId,
        _changes: &[Change],
        _audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        unjoined()
    }
    async fn remove_tenant(
        &self,
        _tenant: &TenantId,
        _reserved_until: Timestamp,
        _audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        unjoined()
    }
    async fn tenant(&self, _id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        unjoined()
    }
    async fn tenants(&self, _page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        unjoined()
    }
    async fn user(&self, _tenant: &TenantId, _id: &UserId) -> Result<Option<User>, StoreError> {
        unjoined()
    }
    async fn users(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<User>, StoreError> {
        unjoined()
    }
    async fn memory(
        &self,
        _tenant: &TenantId,
        _user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError> {
        unjoined()
    }
    async fn channels(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError> {
        unjoined()
    }
    async fn channel_owner(
        &self,
        _kind: ChannelKind,
        _id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        unjoined()
    }
    async fn key(&self, _hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        unjoined()
    }
    async fn keys(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<ApiKey>, StoreError> {
        unjoined()
    }
    async fn audit_trail(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        unjoined()
    }
    async fn record_audit(&self, _entry: &AuditEntry) -> Result<(), StoreError> {
        unjoined()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        unjoined()
    }
}

#[async_trait]
impl UsageStore for Unjoined {
    async fn reserve_message(
        &self,
        _tenant: &TenantId,
        _day: Date,
        _reservation: Ulid,
        _limit: u64,
    ) -> Result<bool, StoreError> {
        unjoined()
    }
    async fn settle(
        &self,
        _tenant: &TenantId,
        _day: Date,
        _reservation: Ulid,
        _delta: UsageDelta,
    ) -> Result<(), StoreError> {
        unjoined()
    }
    async fn usage(
        &self,
        _tenant: &TenantId,
        _first: Date,
        _last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        unjoined()
    }
}

#[async_trait]
impl ConversationStore for Unjoined {
    async fn append(
        &self,
        _key: &ConversationKey,
        _messages: &[Message],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        unjoined()
    }
    async fn recent(
        &self,
        _key: &ConversationKey,
        _window: Window,
        _now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        unjoined()
    }
    async fn history(
        &self,
        _key: &ConversationKey,
        _page: PageRequest,
        _now: Timestamp,
    ) -> Result<Option<Page<Message>>, StoreError> {
        unjoined()
    }
    async fn sessions(
        &self,
        _owner: &ConversationOwner,
        _page: PageRequest,
        _now: Timestamp,
    ) -> Result<Page<SessionSummary>, StoreError> {
        unjoined()
    }
    async fn clear(&self, _key: &ConversationKey, _now: Timestamp) -> Result<bool, StoreError> {
        unjoined()
    }
    async fn remove_all(&self, _tenant: &TenantId, _users: &[UserId]) -> Result<(), StoreError> {
        unjoined()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        unjoined()
    }
}

#[async_trait]
impl SecretStore for Unjoined {
    async fn get(&self, _name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        unjoined()
    }
    async fn put(
        &self,
        _name: &SecretName,
        _document: &SecretDocument,
    ) -> Result<PutOutcome, StoreError> {
        unjoined()
    }
    async fn describe(&self, _name: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        unjoined()
    }
    async fn list(&self, _tenant: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        unjoined()
    }
    async fn remove(&self, _name: &SecretName) -> Result<Timestamp, StoreError> {
        unjoined()
    }
    async fn restore(&self, _name: &SecretName) -> Result<(), StoreError> {
        unjoined()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        unjoined()
    }
}
