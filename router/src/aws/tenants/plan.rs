//! Planning a commit's one transaction. Pure: what is stored was read before, or was not, where every change makes
//! something new and the conditions alone can tell.
//!
//! A plan that the store refuses is made again from a fresh read, which says which change cannot be made and why; that does
//! not depend on what the store tells of its refusal.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;

use super::keys;
use super::lookup::Located;
use super::records;
use crate::aws::dynamodb::attributes::{Item, number_value};
use crate::aws::dynamodb::table::{Identity, Items, Table, identity};
use crate::aws::dynamodb::transaction::Condition;
use crate::changes::{channel_name, key_name, memory_name, tenant_name, user_name};
use crate::model::{
    ApiKey, AuditEntry, ChannelKind, ChannelMapping, Tenant, TenantId, User, UserId, UserMemory,
};
use crate::ports::{Change, StoreError};

/// What was read for a plan.
pub(super) struct Current {
    /// The changes' own items.
    pub(super) items: Items,
    /// Who owns each channel that is to be mapped, by its name in keys.
    pub(super) channels: HashMap<String, Located>,
}

/// Whether a plan can be made only of what is stored.
pub(super) fn needs_reading(changes: &[Change]) -> bool {
    changes.iter().enumerate().any(|(n, change)| match change {
        Change::CreateUser(_) | Change::CreateKey(_) => false,
        // What comes before it could be changes of a tenant that is not there yet.
        Change::CreateTenant(_) => n > 0,
        _ => true,
    })
}

/// The keys of all that the changes' plan looks at, but for the channels that are to be mapped.
pub(super) fn keys_to_read(tenant: &TenantId, changes: &[Change]) -> Vec<Item> {
    let mut wanted = vec![keys::tenant(tenant)];
    for change in changes {
        match change {
            Change::CreateTenant(_) => wanted.push(keys::tombstone(tenant)),
            Change::UpdateTenant { .. } => {}
            Change::CreateUser(user)
            | Change::UpdateUser { before: user, .. }
            | Change::RemoveUser(user) => wanted.push(keys::user(tenant, &user.id)),
            Change::PutMemory { user_id, .. } => {
                wanted.push(keys::user(tenant, user_id));
                wanted.push(keys::memory(tenant, user_id));
            }
            Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => {
                let name = keys::channel_name(mapping.kind, &mapping.channel_id);
                if name.len() <= keys::MAX_SORT_KEY {
                    wanted.push(keys::mapping(tenant, &name));
                    wanted.push(keys::claim(&name));
                }
            }
            Change::CreateKey(key) | Change::RevokeKey(key) => {
                let name = keys::api_key_name(&key.hash);
                wanted.push(keys::user(tenant, &key.user_id));
                wanted.push(keys::mapping(tenant, &name));
                wanted.push(keys::claim(&name));
            }
        }
    }
    wanted
}

/// Plans the transaction of a commit.
///
/// # Errors
/// The first change that cannot be made decides.
pub(super) fn plan(
    table: &Table,
    tenant: &TenantId,
    changes: &[Change],
    audit: &AuditEntry,
    current: Option<&Current>,
    now: Timestamp,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let mut plan = Plan {
        table,
        tenant,
        current,
        now,
        parts: Vec::new(),
        touched: HashSet::new(),
        tied: users_that_stay(changes),
    };
    for change in changes {
        if !matches!(change, Change::CreateTenant(_)) {
            plan.require_tenant()?;
        }
        plan.add(change)?;
    }
    plan.require_tenant()?;
    plan.record(audit)?;
    plan.tie_tenant();
    Ok(plan.parts)
}

/// The users whom the changes themselves make sure of: no condition of its own is needed, and none is allowed.
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
    table: &'a Table,
    tenant: &'a TenantId,
    current: Option<&'a Current>,
    now: Timestamp,
    parts: Vec<TransactWriteItem>,
    /// What is written: a transaction takes each item once.
    touched: HashSet<Identity>,
    /// The users who are made sure to be there.
    tied: HashSet<UserId>,
}

impl Plan<'_> {
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
            } => self.put_memory(user_id, before.as_ref(), after),
            Change::MapChannel(mapping) => self.map_channel(mapping),
            Change::UnmapChannel(mapping) => self.unmap_channel(mapping),
            Change::CreateKey(key) => self.create_key(key),
            Change::RevokeKey(key) => self.revoke_key(key),
        }
    }

    fn stored(&self, key: &Item) -> Option<&Item> {
        self.current.and_then(|current| current.items.get(key))
    }

    /// Notes that an item is written; a second change of one record would have to see the first.
    fn touch(&mut self, key: &Item, name: impl FnOnce() -> String) -> Result<(), StoreError> {
        if self.touched.insert(identity(key)) {
            Ok(())
        } else {
            Err(StoreError::Changed(name()))
        }
    }

    fn is_touched(&self, key: &Item) -> bool {
        self.touched.contains(&identity(key))
    }

    fn require_tenant(&self) -> Result<(), StoreError> {
        let key = keys::tenant(self.tenant);
        if self.current.is_none() || self.stored(&key).is_some() || self.is_touched(&key) {
            Ok(())
        } else {
            Err(StoreError::NotFound(tenant_name(self.tenant)))
        }
    }

    /// The commit holds only while the tenant is there, so that nothing is added to one that is being removed.
    fn tie_tenant(&mut self) {
        let key = keys::tenant(self.tenant);
        if !self.is_touched(&key) {
            self.parts.push(self.table.check(key, Condition::present()));
        }
    }

    /// The change holds only while the user is there.
    fn tie_user(&mut self, user: &UserId) -> Result<(), StoreError> {
        if self.tied.contains(user) {
            return Ok(());
        }
        let key = keys::user(self.tenant, user);
        let is_gone =
            self.is_touched(&key) || self.current.is_some() && self.stored(&key).is_none();
        if is_gone {
            return Err(StoreError::NotFound(user_name(user)));
        }
        self.tied.insert(user.clone());
        self.touch(&key, || user_name(user))?;
        self.parts.push(self.table.check(key, Condition::present()));
        Ok(())
    }

    fn record(&mut self, audit: &AuditEntry) -> Result<(), StoreError> {
        let item = records::audit_item(audit);
        if self.stored(&item).is_some() {
            return Err(StoreError::AlreadyExists(format!(
                "audit entry `{}`",
                audit.id
            )));
        }
        self.parts.push(self.table.put(item, Condition::absent()));
        Ok(())
    }

    fn create_tenant(&mut self, new: &Tenant) -> Result<(), StoreError> {
        let item = records::tenant_item(new)?;
        if self.is_touched(&item) || self.stored(&item).is_some() {
            return Err(StoreError::AlreadyExists(tenant_name(&new.id)));
        }
        let tombstone = keys::tombstone(&new.id);
        let part = match self.stored(&tombstone) {
            None => self.table.check(tombstone, Condition::absent()),
            Some(stored) => {
                let until = records::reserved_until(stored)?;
                if self.now < until {
                    return Err(StoreError::Reserved {
                        id: new.id.clone(),
                        until,
                    });
                }
                let same = Condition::unchanged(stored, &["reserved_until"]);
                self.table.delete(tombstone, Some(same))
            }
        };
        self.parts.push(part);
        self.touch(&item, || tenant_name(&new.id))?;
        self.parts.push(self.table.put(item, Condition::absent()));
        Ok(())
    }

    fn update_tenant(&mut self, before: &Tenant, after: &Tenant) -> Result<(), StoreError> {
        let key = keys::tenant(&after.id);
        let name = || tenant_name(&after.id);
        self.touch(&key, name)?;
        let stored = unchanged(self.stored(&key), records::tenant, before, name)?;
        let condition = Condition::unchanged(stored, records::TENANT_ATTRIBUTES);
        let mut next = records::tenant_item(after)?;
        let version = number_value(before.version.saturating_add(1));
        next.insert("version".to_owned(), version);
        let before = records::tenant_item(before)?;
        self.parts
            .push(self.table.change(key, &before, &next, condition));
        Ok(())
    }

    fn create_user(&mut self, user: &User) -> Result<(), StoreError> {
        let item = records::user_item(user)?;
        let is_taken = user.id.as_str() == UserId::ANONYMOUS
            || self.is_touched(&item)
            || self.stored(&item).is_some();
        if is_taken {
            return Err(StoreError::AlreadyExists(user_name(&user.id)));
        }
        self.touch(&item, || user_name(&user.id))?;
        self.parts.push(self.table.put(item, Condition::absent()));
        Ok(())
    }

    fn update_user(&mut self, before: &User, after: &User) -> Result<(), StoreError> {
        let key = keys::user(&after.tenant_id, &after.id);
        let name = || user_name(&after.id);
        self.touch(&key, name)?;
        let stored = unchanged(self.stored(&key), records::user, before, name)?;
        let condition = Condition::unchanged(stored, records::USER_ATTRIBUTES);
        let (before, after) = (records::user_item(before)?, records::user_item(after)?);
        self.parts
            .push(self.table.change(key, &before, &after, condition));
        Ok(())
    }

    fn remove_user(&mut self, user: &User) -> Result<(), StoreError> {
        let key = keys::user(&user.tenant_id, &user.id);
        let name = || user_name(&user.id);
        self.touch(&key, name)?;
        let stored = unchanged(self.stored(&key), records::user, user, name)?;
        let condition = Condition::unchanged(stored, records::USER_ATTRIBUTES);
        self.parts.push(self.table.delete(key, Some(condition)));
        let memory = keys::memory(&user.tenant_id, &user.id);
        self.touch(&memory, || memory_name(&user.id))?;
        self.parts.push(self.table.delete(memory, None));
        Ok(())
    }

    fn put_memory(
        &mut self,
        user: &UserId,
        before: Option<&UserMemory>,
        after: &UserMemory,
    ) -> Result<(), StoreError> {
        self.tie_user(user)?;
        let key = keys::memory(self.tenant, user);
        self.touch(&key, || memory_name(user))?;
        let mut item = records::memory_attributes(after)?;
        let part = match (self.stored(&key), before) {
            (None, None) => {
                item.extend(key);
                self.table.put(item, Condition::absent())
            }
            (Some(stored), Some(before)) if records::memory(stored)? == *before => {
                let condition = Condition::unchanged(stored, records::MEMORY_ATTRIBUTES);
                let before = records::memory_attributes(before)?;
                self.table.change(key, &before, &item, condition)
            }
            _ => return Err(StoreError::Changed(memory_name(user))),
        };
        self.parts.push(part);
        Ok(())
    }

    fn map_channel(&mut self, mapping: &ChannelMapping) -> Result<(), StoreError> {
        if mapping.kind == ChannelKind::Api {
            return Err(StoreError::Denied(
                "an `api` channel is an API key and is made as one".to_owned(),
            ));
        }
        let name = keys::channel_name(mapping.kind, &mapping.channel_id);
        if name.len() > keys::MAX_SORT_KEY {
            return Err(StoreError::TooLarge(channel_name(mapping)));
        }
        let item = records::mapping_item(mapping);
        if self.is_touched(&item) || self.stored(&item).is_some() {
            return Err(StoreError::AlreadyExists(channel_name(mapping)));
        }
        let located = self.current.and_then(|current| current.channels.get(&name));
        match located.map(Located::owners).as_deref() {
            None | Some([]) => {}
            Some(owners) if owners.contains(&&mapping.tenant_id) => {
                return Err(StoreError::AlreadyExists(channel_name(mapping)));
            }
            Some(_) => return Err(StoreError::Taken(channel_name(mapping))),
        }
        let claim = records::claim_item(&name, &mapping.tenant_id);
        let condition = match located.and_then(|located| located.claimant.as_ref()) {
            None => Condition::absent(),
            Some(claimant) => {
                // Left behind by a program that knows no claims, or by a tenant that is being removed.
                if let Some(gone) = located.and_then(|located| located.missing.clone())
                    && *claimant != mapping.tenant_id
                {
                    self.parts.push(self.table.check(gone, Condition::absent()));
                }
                Condition::claimed_by(claimant.as_str())
            }
        };
        self.touch(&item, || channel_name(mapping))?;
        self.parts.push(self.table.put(claim, condition));
        self.parts.push(self.table.put(item, Condition::absent()));
        Ok(())
    }

    fn unmap_channel(&mut self, mapping: &ChannelMapping) -> Result<(), StoreError> {
        let name = keys::channel_name(mapping.kind, &mapping.channel_id);
        let key = keys::mapping(&mapping.tenant_id, &name);
        if mapping.kind == ChannelKind::Api || self.stored(&key).is_none() {
            return Err(StoreError::NotFound(channel_name(mapping)));
        }
        self.touch(&key, || channel_name(mapping))?;
        self.parts
            .push(self.table.delete(key, Some(Condition::present())));
        self.give_claim_up(&name)
    }

    fn create_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let name = keys::api_key_name(&key.hash);
        let item = records::api_key_item(key);
        let claim = records::claim_item(&name, &key.tenant_id);
        if self.is_touched(&item) || self.stored(&item).is_some() {
            return Err(StoreError::AlreadyExists(key_name(key)));
        }
        if self.stored(&claim).is_some() {
            return Err(StoreError::Taken(key_name(key)));
        }
        self.tie_user(&key.user_id)?;
        self.touch(&item, || key_name(key))?;
        self.parts.push(self.table.put(claim, Condition::absent()));
        self.parts.push(self.table.put(item, Condition::absent()));
        Ok(())
    }

    fn revoke_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let name = keys::api_key_name(&key.hash);
        let mapping = keys::mapping(&key.tenant_id, &name);
        self.touch(&mapping, || key_name(key))?;
        let stored = self.stored(&mapping);
        let stored = unchanged(stored, records::api_key, key, || key_name(key))?;
        let condition = Condition::unchanged(stored, records::KEY_ATTRIBUTES);
        self.parts.push(self.table.delete(mapping, Some(condition)));
        self.give_claim_up(&name)
    }

    /// Deletes the tenant's claim; what older programs mapped has none, and another's is not this tenant's to delete.
    fn give_claim_up(&mut self, name: &str) -> Result<(), StoreError> {
        let claim = keys::claim(name);
        if let Some(stored) = self.stored(&claim)
            && records::claimant(stored)? == *self.tenant
        {
            let condition = Condition::claimed_by(self.tenant.as_str());
            self.parts.push(self.table.delete(claim, Some(condition)));
        }
        Ok(())
    }
}

/// The stored item, if it reads as what the caller read. The whole record is compared: other programs may change a value
/// and leave the version as it was.
fn unchanged<'a, T: PartialEq>(
    stored: Option<&'a Item>,
    read: fn(&Item) -> Result<T, StoreError>,
    before: &T,
    name: impl FnOnce() -> String,
) -> Result<&'a Item, StoreError> {
    match stored {
        None => Err(StoreError::NotFound(name())),
        Some(stored) if read(stored)? != *before => Err(StoreError::Changed(name())),
        Some(stored) => Ok(stored),
    }
}
