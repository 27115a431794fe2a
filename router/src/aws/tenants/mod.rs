//! Tenants and all that belongs to one, in DynamoDB. `keys` and `records` say what is stored;
//! `lookup` leads from a channel or a key to its tenant; `plan` plans a commit, `commit` makes it,
//! `recorded` tells whether one whose answer was lost was made; `removal` removes a tenant.
//!
//! Every read is consistent. A tenant's records are read together with the tenant: of one that is
//! being removed there is nothing to see, however much is still stored.

mod commit;
pub(super) mod keys;
mod lookup;
mod plan;
mod recorded;
pub(super) mod records;
mod removal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use ulid::Ulid;

use self::keys::ChannelNames;
use crate::aws::dynamodb::attributes::Item;
use crate::aws::dynamodb::{Condition, Items, Query, Refusal, Scan, SortKeys, Table, Write};
use crate::changes::check_commit;
use crate::cursor::{self, List, readable, valid};
use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelKind, ChannelMapping, KeyHash, Record, Tenant, TenantId,
    User, UserId, UserMemory,
};
use crate::ports::{
    Bearer, Change, Clock, CommitLimit, Member, Page, PageRequest, StoreError, TenantStore,
    Unreadable,
};

/// How long a removed tenant's id cannot be used again. Not shorter than a conversation lives, so
/// that one left behind by a turn under way during the removal is gone before the id has a new
/// owner.
const ID_RESERVATION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long it is known where a key is. It only locates: what is there is read each time.
const LOCATED_FOR: Duration = Duration::from_secs(10 * 60);
const MOST_LOCATED: u64 = 10_000;

/// The tenants' store in DynamoDB.
pub struct DynamoTenants {
    table: Table,
    clock: Arc<dyn Clock>,
    /// Whose keys are, as they were last read.
    located: Cache<KeyHash, (TenantId, UserId)>,
}

impl DynamoTenants {
    /// The clock tells when a removed tenant's id is free again.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            table: Table::new(client, table),
            clock,
            located: Cache::builder()
                .max_capacity(MOST_LOCATED)
                .time_to_live(LOCATED_FOR)
                .build(),
        }
    }

    /// Whom a key lets in, if it is this user's: all of it read at once.
    async fn bearer_of(
        &self,
        hash: &KeyHash,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<Bearer>, StoreError> {
        let mapping = keys::mapping(tenant, &keys::api_key_name(hash));
        let wanted = member_keys(tenant, user);
        let found = self
            .table
            .get_all([mapping.clone()].into_iter().chain(wanted.clone()))
            .await?;
        let (Some(mapping), Some(member)) = (found.get(&mapping), member_of(&found, &wanted)?)
        else {
            return Ok(None);
        };
        let key = records::api_key(mapping)?;
        Ok((key.user_id == member.user.id).then_some(Bearer { key, member }))
    }

    /// One record of an existing tenant.
    async fn record(&self, tenant: &TenantId, key: Item) -> Result<Option<Item>, StoreError> {
        let meta = keys::tenant(tenant);
        let found = self.table.get_all([meta.clone(), key.clone()]).await?;
        Ok(found.get(&meta).and_then(|_| found.get(&key)).cloned())
    }

    /// A page of a tenant's records; empty if there is no such tenant.
    async fn list<T, const N: usize>(
        &self,
        tenant: &TenantId,
        list: &List<T, N>,
        request: &PageRequest,
        sort_keys: SortKeys<'_>,
        key_of: impl FnOnce([String; N]) -> Result<Item, StoreError> + Send,
        read: impl Fn(&Item) -> Result<Option<T>, StoreError> + Send,
    ) -> Result<Page<T>, StoreError> {
        let start = list.start(request)?;
        let after = start.after.map(key_of).transpose()?;
        if self.table.get(keys::tenant(tenant)).await?.is_none() {
            return Ok(list.page(request, (Vec::new(), Vec::new())));
        }
        let partition = keys::tenant_partition(tenant);
        let query = Query {
            after,
            ..Query::new(&partition, sort_keys)
        };
        Ok(list.page(request, self.read(query, start.count, read).await?))
    }

    /// What a query finds, and what of it cannot be read.
    async fn read<T>(
        &self,
        query: Query<'_>,
        count: usize,
        read: impl Fn(&Item) -> Result<Option<T>, StoreError> + Send,
    ) -> Result<(Vec<T>, Vec<Unreadable>), StoreError> {
        let mut unreadable = Vec::new();
        let keep = |item: Item| {
            let key = || records::key_of(&item);
            Ok::<_, StoreError>(readable(read(&item), key, &mut unreadable)?.flatten())
        };
        let items = self.table.query(query, count, keep).await?;
        Ok((items, unreadable))
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
        check_commit(tenant, changes, audit, plan::LIMIT)?;
        commit::commit(&self.table, tenant, changes, audit, self.clock.now()).await
    }

    fn commit_limit(&self) -> CommitLimit {
        plan::LIMIT
    }

    async fn remove_tenant(
        &self,
        tenant: &TenantId,
        reserved_until: Timestamp,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        check_commit(tenant, &[], audit, plan::LIMIT)?;
        let now = self.clock.now();
        removal::remove_tenant(&self.table, tenant, reserved_until, audit, now).await
    }

    fn id_reservation(&self) -> SignedDuration {
        ID_RESERVATION
    }

    async fn reserved_until(&self, id: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        removal::reserved_until(&self.table, id, self.clock.now()).await
    }

    async fn free_id(&self, id: &TenantId, audit: &AuditEntry) -> Result<(), StoreError> {
        check_commit(id, &[], audit, plan::LIMIT)?;
        removal::free_id(&self.table, id, audit, self.clock.now()).await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let item = self.table.get(keys::tenant(id)).await?;
        let named = |item: &Item| records::named(item, records::tenant(item));
        item.as_ref().map(named).transpose()
    }

    async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        let start = cursor::TENANTS.start(&page)?;
        let mut after = match start.after {
            Some([id]) => Some(keys::tenant(&valid(&id)?)),
            None => None,
        };
        // Of what is read, little is kept: far more than a page is read at once.
        let read = start.count.saturating_mul(20).max(200);
        let (mut tenants, mut unreadable) = (Vec::new(), Vec::new());
        loop {
            let scan = Scan {
                partition: keys::TENANT,
                sort_key: Some(keys::META),
                read: Some(read),
                ..Scan::default()
            };
            let (items, next) = self.table.scan(scan, after).await?;
            for item in items {
                let key = || records::key_of(&item);
                tenants.extend(readable(records::tenant(&item), key, &mut unreadable)?);
            }
            after = next;
            if after.is_none() || tenants.len() >= start.count {
                return Ok(cursor::TENANTS.page(&page, (tenants, unreadable)));
            }
        }
    }

    async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError> {
        let item = self.record(tenant, keys::user(tenant, id)).await?;
        let named = |item: &Item| records::named(item, records::user(item));
        item.as_ref().map(named).transpose()
    }

    async fn users(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<User>, StoreError> {
        let sort_keys = SortKeys::BeginningWith(keys::USER);
        let key_of = |[id]: [String; 1]| Ok(keys::user(tenant, &valid(&id)?));
        let keep = |item: &Item| records::user(item).map(Some);
        self.list(tenant, &cursor::USERS, &page, sort_keys, key_of, keep)
            .await
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
        let (first, last) = keys::MAPPED_CHANNELS;
        let sort_keys = SortKeys::Between(first, last);
        let key_of = |[kind, id]: [String; 2]| {
            let kind: ChannelKind = valid(&kind)?;
            let name = keys::channel_name(kind, &valid(&id)?);
            if kind == ChannelKind::Api || name.len() > keys::MAX_SORT_KEY {
                return Err(StoreError::InvalidCursor);
            }
            Ok(keys::mapping(tenant, &name))
        };
        let keep = |item: &Item| records::mapping(item).map(Some);
        self.list(tenant, &cursor::CHANNELS, &page, sort_keys, key_of, keep)
            .await
    }

    async fn channel_owner(
        &self,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        let names = ChannelNames::of(kind, id);
        if kind == ChannelKind::Api || !names.fit() {
            return Ok(None);
        }
        let located = lookup::locate(&self.table, kind, id).await?;
        let found = located.only(&names.current)?;
        Ok(found.map(|(owner, _)| owner))
    }

    async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let located = lookup::locate_key(&self.table, hash).await?;
        // A name with a hash in it is nothing for an error.
        let found = located.only("an API key")?;
        found.map(|(_, item)| records::api_key(&item)).transpose()
    }

    async fn bearer(&self, hash: &KeyHash) -> Result<Option<Bearer>, StoreError> {
        if let Some((tenant, user)) = self.located.get(hash) {
            if let Some(bearer) = self.bearer_of(hash, &tenant, &user).await? {
                return Ok(Some(bearer));
            }
            self.located.invalidate(hash);
        }
        let Some(key) = self.key(hash).await? else {
            return Ok(None);
        };
        let found = self.bearer_of(hash, &key.tenant_id, &key.user_id).await?;
        if found.is_some() {
            self.located
                .insert(hash.clone(), (key.tenant_id, key.user_id));
        }
        Ok(found)
    }

    async fn member(&self, tenant: &TenantId, id: &UserId) -> Result<Option<Member>, StoreError> {
        let wanted = member_keys(tenant, id);
        let found = self.table.get_all(wanted.clone()).await?;
        member_of(&found, &wanted)
    }

    async fn keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        let sort_keys = SortKeys::BeginningWith(keys::API_KEY);
        let key_of = |[hash]: [String; 1]| {
            let hash: KeyHash = valid(&hash)?;
            Ok(keys::mapping(tenant, &keys::api_key_name(&hash)))
        };
        // A channel of type `api` that is not a key's hash is another program's.
        let keep = |item: &Item| match records::key_hash(item)? {
            Some(_) => records::api_key(item).map(Some),
            None => Ok(None),
        };
        self.list(tenant, &cursor::KEYS, &page, sort_keys, key_of, keep)
            .await
    }

    async fn audit_trail(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let start = cursor::AUDIT.start(&page)?;
        let after = match start.after {
            Some([id]) => Some(keys::audit(tenant, valid::<Ulid>(&id)?)),
            None => None,
        };
        let partition = keys::tenant_partition(tenant);
        let query = Query {
            newest_first: true,
            after,
            ..Query::new(&partition, SortKeys::BeginningWith(keys::AUDIT))
        };
        let keep = |item: &Item| records::audit_entry(item).map(Some);
        let entries = self.read(query, start.count, keep).await?;
        Ok(cursor::AUDIT.page(&page, entries))
    }

    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let write = Write::put(records::audit_item(entry)).when(Condition::absent());
        let record = Record::AuditEntry(entry.id);
        let error = match self.table.write(write).await {
            Ok(_) => return Ok(()),
            Err(Refusal::Condition(_)) => StoreError::AlreadyExists(record),
            Err(refusal) => refusal.into_store_error(record),
        };
        // By an attempt whose answer was lost, perhaps.
        recorded::settle(&self.table, entry, error).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.table.ping().await?)
    }
}

/// Where the records of a member are: of the tenant, the user, and what is remembered of them.
fn member_keys(tenant: &TenantId, user: &UserId) -> [Item; 3] {
    [
        keys::tenant(tenant),
        keys::user(tenant, user),
        keys::memory(tenant, user),
    ]
}

/// The member whose records were read there; `None` unless tenant and user exist.
fn member_of(found: &Items, keys: &[Item; 3]) -> Result<Option<Member>, StoreError> {
    let [tenant, user, memory] = keys.each_ref().map(|key| found.get(key));
    let (Some(tenant), Some(user)) = (tenant, user) else {
        return Ok(None);
    };
    Ok(Some(Member {
        tenant: records::named(tenant, records::tenant(tenant))?,
        user: records::named(user, records::user(user))?,
        memory: memory.map(records::memory).transpose()?,
    }))
}
