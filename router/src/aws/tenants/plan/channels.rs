//! Mapping a channel and giving it up, by every name that it may have.

use super::Plan;
use crate::aws::dynamodb::attributes::{Item, identity};
use crate::aws::dynamodb::{Condition, Write};
use crate::aws::tenants::keys::{self, ChannelNames};
use crate::aws::tenants::records;
use crate::model::{ChannelId, ChannelKind, ChannelMapping, Record};
use crate::ports::StoreError;

/// What tells a channel from every other.
pub(super) fn identity_of(mapping: &ChannelMapping) -> (ChannelKind, ChannelId) {
    (mapping.kind, mapping.channel_id.clone())
}

impl Plan<'_> {
    pub(super) fn map_channel(&mut self, mapping: &ChannelMapping) -> Result<(), StoreError> {
        let names = ChannelNames::of(mapping.kind, &mapping.channel_id);
        if !names.fit() {
            let channel = Record::from(mapping);
            return Err(StoreError::TooLarge(channel.to_string()));
        }
        let item = records::mapping_item(mapping);
        let located = self
            .read
            .and_then(|read| read.channels.get(&identity_of(mapping)));
        self.touch(&item, mapping)?;
        for name in names.claimed() {
            let condition = match located.and_then(|located| located.claim(name)) {
                None => Condition::absent(),
                Some(claim) => {
                    // Left behind by a program that knows no claims, or by a tenant that is being
                    // removed.
                    if claim.claimant != mapping.tenant_id {
                        self.require_missing(&claim.missing);
                    }
                    records::claimed_by(&claim.claimant)
                }
            };
            let claim = records::claim_item(name, &mapping.tenant_id);
            self.writes.push(Write::put(claim).when(condition));
        }
        self.writes.push(Write::put(item).when(Condition::absent()));
        Ok(())
    }

    /// The commit holds only while these items are missing. A transaction takes each item once.
    fn require_missing(&mut self, missing: &[Item]) {
        for key in missing {
            if self.written.insert(identity(key)) {
                self.writes
                    .push(Write::check(key.clone(), Condition::absent()));
            }
        }
    }

    /// The keys under which the tenant has a channel.
    pub(super) fn own_mappings(&self, mapping: &ChannelMapping) -> Vec<Item> {
        ChannelNames::of(mapping.kind, &mapping.channel_id)
            .all()
            .map(|name| keys::mapping(self.tenant, name))
            .filter(|key| {
                self.stored(key)
                    .is_some_and(|stored| records::is_mapping_of(stored, &mapping.channel_id))
            })
            .collect()
    }

    pub(super) fn unmap_channel(&mut self, mapping: &ChannelMapping) -> Result<(), StoreError> {
        for key in self.own_mappings(mapping) {
            self.touch(&key, mapping)?;
            self.writes
                .push(Write::delete(key).when(Condition::present()));
        }
        let names = ChannelNames::of(mapping.kind, &mapping.channel_id);
        names.claimed().try_for_each(|name| self.delete_claim(name))
    }
}
