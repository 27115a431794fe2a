//! Planning a commit's one transaction. Pure: what is stored was read before, or was not, where
//! every change creates something new and the conditions alone can tell. Whether a change can be
//! made at all is [`crate::changes`]' to say.
//!
//! A plan that the store refuses is made again from a fresh read, which says which change cannot be
//! made and why; that does not depend on what the store tells of its refusal.

mod channels;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use self::channels::identity_of;
use super::keys::ChannelNames;
use super::lookup::Located;
use super::removal::RESERVED_UNTIL;
use super::{keys, records};
use crate::aws::dynamodb::attributes::{Identity, Item, identity, number_value};
use crate::aws::dynamodb::{Condition, Items, MAX_TRANSACTION_ITEMS, Write};
use crate::changes::{self, Current, Stored};
use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelKind, KEY_ATTRIBUTES, MEMORY_ATTRIBUTES, Record,
    TENANT_ATTRIBUTES, Tenant, TenantId, USER_ATTRIBUTES, User, UserId,
};
use crate::ports::{Change, CommitLimit, StoreError};

/// What fits one transaction, beside the audit entry and the condition that the tenant exists. The
/// bytes are half of the 4 MB that a transaction takes in all
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>),
/// since items are larger than their records.
pub(super) const LIMIT: CommitLimit = CommitLimit {
    units: MAX_TRANSACTION_ITEMS - 2,
    units_of: items_of,
    bytes: 2_000_000,
};

/// How many items of a transaction a change takes: a user's memory goes with the user, a channel
/// has claims on each of its names and a key has one beside their mapping, and a new key and what
/// is remembered are tied to the existence of their user.
fn items_of(change: &Change) -> usize {
    match change {
        Change::CreateTenant(_) | Change::UpdateTenant { .. } | Change::UpdateKey { .. } => 1,
        Change::CreateUser(_) | Change::UpdateUser { .. } => 1,
        Change::RemoveUser(_) | Change::PutMemory { .. } => 2,
        Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => {
            let names = ChannelNames::of(mapping.kind, &mapping.channel_id);
            1 + names.all().count()
        }
        Change::RevokeKey(_) => 2,
        Change::CreateKey(_) => 3,
    }
}

/// What was read for a plan.
#[derive(Debug)]
pub(super) struct Read {
    /// The changes' own items.
    pub(super) items: Items,
    /// Who owns each channel that is to be mapped.
    pub(super) channels: HashMap<(ChannelKind, ChannelId), Located>,
}

/// Whether a plan can be made only of what is stored.
pub(super) fn needs_reading(changes: &[Change]) -> bool {
    changes.iter().enumerate().any(|(n, change)| match change {
        Change::CreateUser(_) | Change::CreateKey(_) => false,
        // What comes before it could be changes of a tenant that does not exist yet.
        Change::CreateTenant(_) => n > 0,
        _ => true,
    })
}

/// The keys of all that the changes' plan looks at, but for the channels that are to be mapped.
pub(super) fn keys_to_read(tenant: &TenantId, changes: &[Change]) -> Vec<Item> {
    let mut wanted = vec![keys::tenant(tenant)];
    for change in changes {
        if let Some(user) = changes::user_of(change) {
            wanted.push(keys::user(tenant, user));
        }
        match change {
            Change::CreateTenant(_) => wanted.push(keys::tombstone(tenant)),
            Change::PutMemory { user_id, .. } => wanted.push(keys::memory(tenant, user_id)),
            Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => {
                let names = ChannelNames::of(mapping.kind, &mapping.channel_id);
                if names.fit() {
                    wanted.extend(names.all().map(|name| keys::mapping(tenant, name)));
                    wanted.extend(names.claimed().map(keys::claim));
                }
            }
            Change::CreateKey(key)
            | Change::RevokeKey(key)
            | Change::UpdateKey { before: key, .. } => {
                let name = keys::api_key_name(&key.hash);
                wanted.push(keys::mapping(tenant, &name));
                wanted.push(keys::claim(&name));
            }
            Change::UpdateTenant { .. }
            | Change::CreateUser(_)
            | Change::UpdateUser { .. }
            | Change::RemoveUser(_) => {}
        }
    }
    wanted
}

/// Plans the transaction of a commit. Without `read`, everything is taken to be as the changes need
/// it.
///
/// # Errors
/// The first change that cannot be made decides.
pub(super) fn plan(
    tenant: &TenantId,
    changes: &[Change],
    audit: &AuditEntry,
    read: Option<&Read>,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let mut plan = Plan {
        tenant,
        read,
        writes: Vec::new(),
        written: HashSet::new(),
        users: HashMap::new(),
        tied: users_that_stay(changes),
    };
    for change in changes {
        plan.require_unwritten(change)?;
        changes::check(tenant, &plan.current(change)?, change, now)?;
        plan.add(change)?;
    }
    if !plan.tenant_exists() {
        return Err(StoreError::NotFound(tenant.into()));
    }
    plan.record(audit)?;
    plan.tie_tenant();
    Ok(plan.writes)
}

/// The users whom the changes themselves make sure of: no condition of its own is needed, and none
/// is allowed, since a transaction takes each item once.
fn users_that_stay(changes: &[Change]) -> HashSet<UserId> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::CreateUser(user) | Change::UpdateUser { after: user, .. } => {
                Some(user.id.clone())
            }
            _ => None,
        })
        .collect()
}

struct Plan<'a> {
    tenant: &'a TenantId,
    read: Option<&'a Read>,
    writes: Vec<Write>,
    /// What is written, or only checked.
    written: HashSet<Identity>,
    /// The users who exist, or do not, by the changes so far.
    users: HashMap<UserId, bool>,
    /// The users whose existence the commit is tied to.
    tied: HashSet<UserId>,
}

impl Plan<'_> {
    /// What is stored of all that decides a change, or what it needs to be stored if nothing was
    /// read.
    fn current(&self, change: &Change) -> Result<Current, StoreError> {
        let user = changes::user_of(change);
        let user_by_changes = user.and_then(|user| self.users.get(user).copied());
        let Some(read) = self.read else {
            return Ok(Current {
                tenant_exists: self.tenant_exists() && !matches!(change, Change::CreateTenant(_)),
                user_exists: user_by_changes.unwrap_or(matches!(change, Change::CreateKey(_))),
                ..Current::default()
            });
        };
        let (tenant, items) = (self.tenant, &read.items);
        let of_user = user.and_then(|user| items.get(&keys::user(tenant, user)));
        let mut current = Current {
            tenant_exists: self.tenant_exists(),
            user_exists: user_by_changes.unwrap_or(of_user.is_some()),
            ..Current::default()
        };
        match change {
            Change::CreateTenant(_) => {
                current.reserved_until = items
                    .get(&keys::tombstone(tenant))
                    .map(records::reserved_until)
                    .transpose()?;
            }
            Change::UpdateTenant { .. } => {
                let stored = items.get(&keys::tenant(tenant));
                current.stored = stored.map(records::tenant).transpose()?.map(Stored::Tenant);
            }
            Change::CreateUser(_) => {}
            Change::UpdateUser { .. } | Change::RemoveUser(_) => {
                current.stored = of_user.map(records::user).transpose()?.map(Stored::User);
            }
            Change::PutMemory { user_id, .. } => {
                let stored = items.get(&keys::memory(tenant, user_id));
                current.stored = stored.map(records::memory).transpose()?.map(Stored::Memory);
            }
            Change::MapChannel(mapping) => {
                let located = read.channels.get(&identity_of(mapping));
                current.owners = located.map(Located::owners).unwrap_or_default();
                if !self.own_mappings(mapping).is_empty() {
                    current.owners.push(tenant.clone());
                }
            }
            Change::UnmapChannel(mapping) => {
                let is_mine = !self.own_mappings(mapping).is_empty();
                current.owners.extend(is_mine.then(|| tenant.clone()));
            }
            Change::CreateKey(key)
            | Change::RevokeKey(key)
            | Change::UpdateKey { before: key, .. } => {
                let name = keys::api_key_name(&key.hash);
                let mapping = items.get(&keys::mapping(tenant, &name));
                let claim = items.get(&keys::claim(&name));
                current.owners.extend(mapping.map(|_| tenant.clone()));
                current
                    .owners
                    .extend(claim.map(records::claimant).transpose()?);
                if !matches!(change, Change::CreateKey(_)) {
                    current.stored = mapping.map(records::api_key).transpose()?.map(Stored::Key);
                }
            }
        }
        Ok(current)
    }

    fn add(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::CreateTenant(new) => self.create_tenant(new),
            Change::UpdateTenant { before, after } => self.update_tenant(before, after),
            Change::CreateUser(user) => self.create_user(user),
            Change::UpdateUser { before, after } => self.update_user(before, after),
            Change::RemoveUser(user) => self.remove_user(user),
            Change::PutMemory {
                user_id,
                before,
                after,
            } => {
                let before = before
                    .as_ref()
                    .map(records::memory_attributes)
                    .transpose()?;
                self.put_memory(user_id, before, records::memory_attributes(after)?)
            }
            Change::MapChannel(mapping) => self.map_channel(mapping),
            Change::UnmapChannel(mapping) => self.unmap_channel(mapping),
            Change::CreateKey(key) => self.create_key(key),
            Change::RevokeKey(key) => self.revoke_key(key),
            Change::UpdateKey { before, after } => self.update_key(before, after),
        }
    }

    fn stored(&self, key: &Item) -> Option<&Item> {
        self.read.and_then(|read| read.items.get(key))
    }

    /// That the stored item is as it was read. [`changes::check`] compared what it says.
    fn unchanged(&self, key: &Item, attributes: &[&str]) -> Condition {
        match self.stored(key) {
            Some(stored) => Condition::unchanged(stored, attributes),
            None => Condition::present(),
        }
    }

    /// Refuses a second change of a record, which would have to see the first: a transaction takes
    /// each item once.
    fn require_unwritten(&self, change: &Change) -> Result<(), StoreError> {
        let tenant = self.tenant;
        let key = match change {
            Change::UpdateTenant { .. } => keys::tenant(tenant),
            Change::UpdateUser { after: user, .. } | Change::RemoveUser(user) => {
                keys::user(tenant, &user.id)
            }
            // Of what is created twice it is told that it exists.
            _ => return Ok(()),
        };
        match self.written.contains(&identity(&key)) {
            true => Err(StoreError::Changed(changes::record(tenant, change))),
            false => Ok(()),
        }
    }

    /// Notes that an item is written; a second change of one record would have to see the first.
    fn touch(&mut self, key: &Item, record: impl Into<Record>) -> Result<(), StoreError> {
        match self.written.insert(identity(key)) {
            true => Ok(()),
            false => Err(StoreError::Changed(record.into())),
        }
    }

    /// Whether the tenant is stored or created by the changes so far.
    fn tenant_exists(&self) -> bool {
        let key = keys::tenant(self.tenant);
        self.read.is_none() || self.stored(&key).is_some() || self.written.contains(&identity(&key))
    }

    /// The commit holds only while the tenant exists, so that nothing is added to one that is being
    /// removed.
    fn tie_tenant(&mut self) {
        let key = keys::tenant(self.tenant);
        if !self.written.contains(&identity(&key)) {
            self.writes.push(Write::check(key, Condition::present()));
        }
    }

    /// The change holds only while the user exists.
    fn tie_user(&mut self, user: &UserId) -> Result<(), StoreError> {
        if self.tied.insert(user.clone()) {
            let key = keys::user(self.tenant, user);
            self.touch(&key, Record::user(self.tenant, user))?;
            self.writes.push(Write::check(key, Condition::present()));
        }
        Ok(())
    }

    fn record(&mut self, audit: &AuditEntry) -> Result<(), StoreError> {
        let item = records::audit_item(audit);
        if self.stored(&item).is_some() {
            return Err(StoreError::AlreadyExists(Record::AuditEntry(audit.id)));
        }
        self.writes.push(Write::put(item).when(Condition::absent()));
        Ok(())
    }

    fn create_tenant(&mut self, new: &Tenant) -> Result<(), StoreError> {
        let item = records::tenant_item(new)?;
        let tombstone = keys::tombstone(&new.id);
        let write = match self.stored(&tombstone) {
            None => Write::check(tombstone, Condition::absent()),
            Some(stored) => {
                let same = Condition::unchanged(stored, &[RESERVED_UNTIL]);
                Write::delete(tombstone).when(same)
            }
        };
        self.writes.push(write);
        self.touch(&item, new)?;
        self.writes.push(Write::put(item).when(Condition::absent()));
        Ok(())
    }

    fn update_tenant(&mut self, before: &Tenant, after: &Tenant) -> Result<(), StoreError> {
        let key = keys::tenant(&after.id);
        self.touch(&key, after)?;
        let condition = self.unchanged(&key, TENANT_ATTRIBUTES);
        let mut next = records::tenant_item(after)?;
        let version = number_value(before.version.saturating_add(1));
        next.insert("version".to_owned(), version);
        let before = records::tenant_item(before)?;
        self.writes
            .push(Write::change(key, &before, &next, condition));
        Ok(())
    }

    fn create_user(&mut self, user: &User) -> Result<(), StoreError> {
        let item = records::user_item(user)?;
        self.touch(&item, user)?;
        self.users.insert(user.id.clone(), true);
        self.writes.push(Write::put(item).when(Condition::absent()));
        Ok(())
    }

    fn update_user(&mut self, before: &User, after: &User) -> Result<(), StoreError> {
        let key = keys::user(&after.tenant_id, &after.id);
        self.touch(&key, after)?;
        let condition = self.unchanged(&key, USER_ATTRIBUTES);
        let (before, after) = (records::user_item(before)?, records::user_item(after)?);
        self.writes
            .push(Write::change(key, &before, &after, condition));
        Ok(())
    }

    fn remove_user(&mut self, user: &User) -> Result<(), StoreError> {
        let key = keys::user(&user.tenant_id, &user.id);
        self.touch(&key, user)?;
        self.users.insert(user.id.clone(), false);
        let condition = self.unchanged(&key, USER_ATTRIBUTES);
        self.writes.push(Write::delete(key).when(condition));
        let memory = keys::memory(&user.tenant_id, &user.id);
        self.touch(&memory, user)?;
        self.writes.push(Write::delete(memory));
        Ok(())
    }

    fn put_memory(
        &mut self,
        user: &UserId,
        before: Option<Item>,
        mut after: Item,
    ) -> Result<(), StoreError> {
        self.tie_user(user)?;
        let key = keys::memory(self.tenant, user);
        let memory = Record::Memory {
            tenant: self.tenant.clone(),
            user: user.clone(),
        };
        self.touch(&key, memory)?;
        let write = match before {
            None => {
                after.extend(key);
                Write::put(after).when(Condition::absent())
            }
            Some(before) => {
                let condition = self.unchanged(&key, MEMORY_ATTRIBUTES);
                Write::change(key, &before, &after, condition)
            }
        };
        self.writes.push(write);
        Ok(())
    }

    fn create_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let name = keys::api_key_name(&key.hash);
        let item = records::api_key_item(key);
        let claim = records::claim_item(&name, &key.tenant_id);
        self.tie_user(&key.user_id)?;
        self.touch(&item, key)?;
        self.writes
            .push(Write::put(claim).when(Condition::absent()));
        self.writes.push(Write::put(item).when(Condition::absent()));
        Ok(())
    }

    fn revoke_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let name = keys::api_key_name(&key.hash);
        let mapping = keys::mapping(&key.tenant_id, &name);
        self.touch(&mapping, key)?;
        let condition = self.unchanged(&mapping, KEY_ATTRIBUTES);
        self.writes.push(Write::delete(mapping).when(condition));
        self.delete_claim(&name)
    }

    fn update_key(&mut self, before: &ApiKey, after: &ApiKey) -> Result<(), StoreError> {
        let mapping = keys::mapping(&before.tenant_id, &keys::api_key_name(&before.hash));
        self.touch(&mapping, before)?;
        let condition = self.unchanged(&mapping, KEY_ATTRIBUTES);
        let (before, after) = (records::api_key_item(before), records::api_key_item(after));
        self.writes
            .push(Write::change(mapping, &before, &after, condition));
        Ok(())
    }

    /// Deletes the tenant's claim; what older programs mapped has none, and another's is not this
    /// tenant's to delete.
    fn delete_claim(&mut self, name: &str) -> Result<(), StoreError> {
        let claim = keys::claim(name);
        if let Some(stored) = self.stored(&claim)
            && records::claimant(stored)? == *self.tenant
        {
            let condition = records::claimed_by(self.tenant);
            self.writes.push(Write::delete(claim).when(condition));
        }
        Ok(())
    }
}
