//! Tenants and all that belongs to one, in DynamoDB. What changes them is planned in `plan` and done in
//! `commit`.
//!
//! Every read is consistent. A tenant's records are read together with the tenant: of one that is being removed there is
//! nothing to see, however much is still stored.

mod commit;
pub(super) mod keys;
mod lookup;
mod plan;
mod records;
mod removal;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use ulid::Ulid;

use crate::aws::dynamodb::attributes::{self as items, Item, text_value};
use crate::aws::dynamodb::table::{Range, Table};
use crate::aws::error::store_error;

use crate::changes::check;
use crate::cursor;
use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelKind, ChannelMapping, KeyHash, Tenant, TenantId, User,
    UserId, UserMemory,
};
use crate::ports::{Change, Clock, Page, PageRequest, StoreError, TenantStore};

/// The tenants' store in DynamoDB.
pub struct DynamoTenants {
    table: Table,
    clock: Arc<dyn Clock>,
}

impl DynamoTenants {
    /// The clock tells when a removed tenant's id is free again.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            table: Table {
                client,
                name: table.into(),
            },
            clock,
        }
    }

    /// One record of a tenant that is there.
    async fn record(&self, tenant: &TenantId, key: Item) -> Result<Option<Item>, StoreError> {
        let meta = keys::tenant(tenant);
        let found = self.table.get_all([meta.clone(), key.clone()]).await?;
        Ok(found.get(&meta).and_then(|_| found.get(&key)).cloned())
    }

    async fn exists(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        Ok(self.table.get(keys::tenant(tenant)).await?.is_some())
    }
}

#[async_trait]
impl TenantStore for DynamoTenants {
    async fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        check(tenant, changes, audit)?;
        commit::commit(&self.table, tenant, changes, audit, self.clock.now()).await
    }

    async fn remove_tenant(
        &self,
        tenant: &TenantId,
        reserved_until: Timestamp,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        check(tenant, &[], audit)?;
        let now = self.clock.now();
        removal::remove_tenant(&self.table, tenant, reserved_until, audit, now).await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let item = self.table.get(keys::tenant(id)).await?;
        item.as_ref().map(records::tenant).transpose()
    }

    async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        const LIST: &str = "tenants";
        let mut after = match cursor::decode::<1>(LIST, &page)? {
            Some([id]) => Some(keys::tenant(&valid(&id)?)),
            None => None,
        };
        let size = cursor::page_size(&page);
        let mut tenants = Vec::new();
        loop {
            let output = self
                .table
                .client
                .scan()
                .table_name(&self.table.name)
                .consistent_read(true)
                .filter_expression("sk = :meta AND begins_with(pk, :tenant)")
                .expression_attribute_values(":meta", text_value(keys::META))
                .expression_attribute_values(":tenant", text_value(keys::TENANT))
                // Of what is read, little is kept: far more than a page is read at once.
                .set_limit(i32::try_from(size.saturating_mul(20).max(200)).ok())
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| store_error(&error))?;
            for item in output.items.unwrap_or_default() {
                tenants.push(records::tenant(&item)?);
            }
            after = output.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() || tenants.len() > size {
                break;
            }
        }
        Ok(cursor::page(tenants, size, |tenant| {
            cursor::encode(LIST, [tenant.id.as_str()])
        }))
    }

    async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError> {
        let item = self.record(tenant, keys::user(tenant, id)).await?;
        item.as_ref().map(records::user).transpose()
    }

    async fn users(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<User>, StoreError> {
        const LIST: &str = "users";
        let after = match cursor::decode::<1>(LIST, &page)? {
            Some([id]) => Some(keys::user(tenant, &valid(&id)?)),
            None => None,
        };
        let size = cursor::page_size(&page);
        let partition = keys::tenant_partition(tenant);
        let range = Range {
            after,
            ..Range::beginning_with(&partition, &[(":prefix", keys::USER)])
        };
        let keep = |item: Item| records::user(&item).map(Some);
        let users = self.list(tenant, range, size, keep).await?;
        Ok(cursor::page(users, size, |user| {
            cursor::encode(LIST, [user.id.as_str()])
        }))
    }

    async fn memory(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError> {
        let item = self.record(tenant, keys::memory(tenant, user)).await?;
        item.as_ref().map(records::memory).transpose()
    }

    async fn channels(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError> {
        const LIST: &str = "channels";
        let after = match cursor::decode::<2>(LIST, &page)? {
            Some([kind, id]) => {
                let kind: ChannelKind = valid(&kind)?;
                let name = keys::channel_name(kind, &valid(&id)?);
                if kind == ChannelKind::Api || name.len() > keys::MAX_SORT_KEY {
                    return Err(StoreError::InvalidCursor);
                }
                Some(keys::mapping(tenant, &name))
            }
            None => None,
        };
        let size = cursor::page_size(&page);
        let partition = keys::tenant_partition(tenant);
        let range = Range {
            partition: &partition,
            // The kinds after `api`, which comes first: `$` follows `#`.
            condition: "sk BETWEEN :first AND :last",
            values: &[(":first", "CHANNEL#api$"), (":last", "CHANNEL$")],
            newest_first: false,
            after,
        };
        let keep = |item: Item| records::mapping(&item).map(Some);
        let channels = self.list(tenant, range, size, keep).await?;
        Ok(cursor::page(channels, size, |mapping| {
            cursor::encode(LIST, [mapping.kind.as_str(), mapping.channel_id.as_str()])
        }))
    }

    async fn channel_owner(
        &self,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        let name = keys::channel_name(kind, id);
        if kind == ChannelKind::Api || name.len() > keys::MAX_SORT_KEY {
            return Ok(None);
        }
        let found = self.table.locate(&name).await?.only(&name)?;
        Ok(found.map(|(owner, _)| owner))
    }

    async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let name = keys::api_key_name(hash);
        let located = self.table.locate_claimed(&name).await?;
        // A name with a hash in it is nothing for an error.
        let found = located.only("an API key")?;
        found.map(|(_, item)| records::api_key(&item)).transpose()
    }

    async fn keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        const LIST: &str = "keys";
        let after = match cursor::decode::<1>(LIST, &page)? {
            Some([hash]) => {
                let hash: KeyHash = valid(&hash)?;
                Some(keys::mapping(tenant, &keys::api_key_name(&hash)))
            }
            None => None,
        };
        let size = cursor::page_size(&page);
        let partition = keys::tenant_partition(tenant);
        let range = Range {
            after,
            ..Range::beginning_with(&partition, &[(":prefix", keys::API_KEY)])
        };
        // A channel of type `api` that is no key's hash is another program's.
        let keep = |item: Item| match records::key_hash(&item)? {
            Some(_) => records::api_key(&item).map(Some),
            None => Ok(None),
        };
        let found = self.list(tenant, range, size, keep).await?;
        Ok(cursor::page(found, size, |key| {
            cursor::encode(LIST, [key.hash.as_str()])
        }))
    }

    async fn audit_trail(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        const LIST: &str = "audit";
        let after = match cursor::decode::<1>(LIST, &page)? {
            Some([id]) => Some(keys::audit(tenant, valid::<Ulid>(&id)?)),
            None => None,
        };
        let size = cursor::page_size(&page);
        let partition = keys::tenant_partition(tenant);
        let range = Range {
            newest_first: true,
            after,
            ..Range::beginning_with(&partition, &[(":prefix", keys::AUDIT)])
        };
        let keep = |item: Item| records::audit_entry(&item).map(Some);
        let entries = self.table.query(range, size + 1, keep).await?;
        Ok(cursor::page(entries, size, |entry| {
            cursor::encode(LIST, [&entry.id.to_string()])
        }))
    }

    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let added = self
            .table
            .client
            .put_item()
            .table_name(&self.table.name)
            .set_item(Some(records::audit_item(entry)))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        let Err(error) = added else { return Ok(()) };
        let is_there = error
            .as_service_error()
            .is_some_and(|error| error.is_conditional_check_failed_exception());
        let error = if is_there {
            StoreError::AlreadyExists(format!("audit entry `{}`", entry.id))
        } else {
            store_error(&error)
        };
        // By an attempt whose answer was lost, perhaps.
        commit::settle(&self.table, entry, error).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.table.get(items::key("PING", "PING")).await.map(|_| ())
    }
}

impl DynamoTenants {
    /// One more record of a tenant than a page holds, if there are so many; none if there is no such tenant.
    async fn list<T>(
        &self,
        tenant: &TenantId,
        range: Range<'_>,
        size: usize,
        keep: impl FnMut(Item) -> Result<Option<T>, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        if !self.exists(tenant).await? {
            return Ok(Vec::new());
        }
        self.table.query(range, size + 1, keep).await
    }
}

/// A part of a cursor, which may be anyone's.
fn valid<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::InvalidCursor)
}
