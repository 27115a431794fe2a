//! Stands where the stores will: every call says that they are not there.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::Timestamp;
use jiff::civil::Date;
use ulid::Ulid;

use super::Names;
use crate::model::*;
use crate::ports::*;

struct NotThere;

/// Opens the platform.
pub fn open(_sdk: &SdkConfig, _names: &Names, clock: Arc<dyn Clock>) -> Platform {
    Platform {
        tenants: Arc::new(NotThere),
        usage: Arc::new(NotThere),
        conversations: Arc::new(NotThere),
        secrets: Arc::new(NotThere),
        clock,
    }
}

fn not_there<T>() -> Result<T, StoreError> {
    Err(StoreError::Misconfigured(
        "the stores on AWS are not built yet".to_owned(),
    ))
}

#[async_trait]
impl TenantStore for NotThere {
    async fn commit(
        &self,
        _tenant: &TenantId,
        _changes: &[Change],
        _audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        not_there()
    }
    async fn remove_tenant(
        &self,
        _tenant: &TenantId,
        _reserved_until: Timestamp,
        _audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        not_there()
    }
    async fn tenant(&self, _id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        not_there()
    }
    async fn tenants(&self, _page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        not_there()
    }
    async fn user(&self, _tenant: &TenantId, _id: &UserId) -> Result<Option<User>, StoreError> {
        not_there()
    }
    async fn users(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<User>, StoreError> {
        not_there()
    }
    async fn memory(
        &self,
        _tenant: &TenantId,
        _user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError> {
        not_there()
    }
    async fn channels(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError> {
        not_there()
    }
    async fn channel_owner(
        &self,
        _kind: ChannelKind,
        _id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        not_there()
    }
    async fn key(&self, _hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        not_there()
    }
    async fn keys(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<ApiKey>, StoreError> {
        not_there()
    }
    async fn audit_trail(
        &self,
        _tenant: &TenantId,
        _page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        not_there()
    }
    async fn record_audit(&self, _entry: &AuditEntry) -> Result<(), StoreError> {
        not_there()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        not_there()
    }
}

#[async_trait]
impl UsageStore for NotThere {
    async fn reserve_message(
        &self,
        _tenant: &TenantId,
        _day: Date,
        _reservation: Ulid,
        _limit: u64,
    ) -> Result<bool, StoreError> {
        not_there()
    }
    async fn settle(
        &self,
        _tenant: &TenantId,
        _day: Date,
        _reservation: Ulid,
        _delta: UsageDelta,
    ) -> Result<(), StoreError> {
        not_there()
    }
    async fn usage(
        &self,
        _tenant: &TenantId,
        _first: Date,
        _last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        not_there()
    }
}

#[async_trait]
impl ConversationStore for NotThere {
    async fn append(
        &self,
        _key: &ConversationKey,
        _messages: &[Message],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        not_there()
    }
    async fn recent(
        &self,
        _key: &ConversationKey,
        _window: Window,
        _now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        not_there()
    }
    async fn history(
        &self,
        _key: &ConversationKey,
        _page: PageRequest,
        _now: Timestamp,
    ) -> Result<Option<Page<Message>>, StoreError> {
        not_there()
    }
    async fn sessions(
        &self,
        _owner: &ConversationOwner,
        _page: PageRequest,
        _now: Timestamp,
    ) -> Result<Page<SessionSummary>, StoreError> {
        not_there()
    }
    async fn clear(&self, _key: &ConversationKey, _now: Timestamp) -> Result<bool, StoreError> {
        not_there()
    }
    async fn remove_all(&self, _tenant: &TenantId, _users: &[UserId]) -> Result<(), StoreError> {
        not_there()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        not_there()
    }
}

#[async_trait]
impl SecretStore for NotThere {
    async fn get(&self, _name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        not_there()
    }
    async fn put(
        &self,
        _name: &SecretName,
        _document: &SecretDocument,
    ) -> Result<PutOutcome, StoreError> {
        not_there()
    }
    async fn describe(&self, _name: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        not_there()
    }
    async fn list(&self, _tenant: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        not_there()
    }
    async fn remove(&self, _name: &SecretName) -> Result<Timestamp, StoreError> {
        not_there()
    }
    async fn restore(&self, _name: &SecretName) -> Result<(), StoreError> {
        not_there()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        not_there()
    }
}
