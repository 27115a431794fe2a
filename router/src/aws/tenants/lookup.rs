//! From a channel, or an API key, to the tenant that owns it.
//!
//! A claim can be read consistently. The index knows mappings that have none, since older programs
//! made them, but lags behind and is not unique: it only locates. Either way the mapping and its
//! tenant are then read consistently.

use super::{keys, records};
use crate::aws::dynamodb::Table;
use crate::aws::dynamodb::attributes::Item;
use crate::aws::error::AwsError;
use crate::model::TenantId;
use crate::ports::StoreError;

/// What was found of a channel.
#[derive(Debug)]
pub(super) struct Located {
    /// Whom its claim names, whether they own it or not.
    pub(super) claimant: Option<TenantId>,
    /// The key of what the claimant lacks for being its owner: the mapping, or the tenant.
    pub(super) missing: Option<Item>,
    /// The mappings that tenants have for it.
    pub(super) mappings: Vec<(TenantId, Item)>,
}

impl Located {
    pub(super) fn owners(&self) -> Vec<TenantId> {
        let owners = self.mappings.iter();
        owners.map(|(owner, _)| owner.clone()).collect()
    }

    /// The one mapping. Two are refused: either could be the wrong tenant. `name` is what the error
    /// calls the channel.
    pub(super) fn only(mut self, name: &str) -> Result<Option<(TenantId, Item)>, StoreError> {
        match self.mappings.len() {
            0 | 1 => Ok(self.mappings.pop()),
            _ => Err(StoreError::Corrupt {
                what: format!("`{name}`"),
                detail: "several tenants own it".to_owned(),
            }),
        }
    }
}

/// Asks the claim and the index.
pub(super) async fn locate(table: &Table, name: &str) -> Result<Located, StoreError> {
    let (claimant, indexed) =
        futures::future::try_join(claimant(table, name), indexed(table, name)).await?;
    Ok(read_mappings(table, name, claimant, indexed).await?)
}

/// Asks the claim, and the index only where that leads to no mapping.
pub(super) async fn locate_claimed(table: &Table, name: &str) -> Result<Located, StoreError> {
    let claimant = claimant(table, name).await?;
    if claimant.is_some() {
        let located = read_mappings(table, name, claimant.clone(), Vec::new()).await?;
        if !located.mappings.is_empty() {
            return Ok(located);
        }
    }
    let indexed = indexed(table, name).await?;
    Ok(read_mappings(table, name, claimant, indexed).await?)
}

/// Whom a channel's claim names.
async fn claimant(table: &Table, name: &str) -> Result<Option<TenantId>, StoreError> {
    let claim = table.get(keys::claim(name)).await?;
    claim.as_ref().map(records::claimant).transpose()
}

/// The tenants that the index knows for a channel.
async fn indexed(table: &Table, name: &str) -> Result<Vec<TenantId>, StoreError> {
    let found = table
        .index(keys::CHANNEL_INDEX, keys::CHANNEL_INDEX_KEY, name)
        .await?;
    found.iter().map(records::tenant_of).collect()
}

async fn read_mappings(
    table: &Table,
    name: &str,
    claimant: Option<TenantId>,
    mut tenants: Vec<TenantId>,
) -> Result<Located, AwsError> {
    tenants.extend(claimant.clone());
    tenants.sort();
    tenants.dedup();
    let wanted = tenants
        .iter()
        .flat_map(|tenant| [keys::tenant(tenant), keys::mapping(tenant, name)]);
    let items = table.get_all(wanted).await?;
    let missing = claimant.as_ref().and_then(|claimant| {
        [keys::mapping(claimant, name), keys::tenant(claimant)]
            .into_iter()
            .find(|key| items.get(key).is_none())
    });
    let mappings = tenants
        .into_iter()
        .filter(|tenant| items.get(&keys::tenant(tenant)).is_some())
        .filter_map(|tenant| {
            let mapping = items.get(&keys::mapping(&tenant, name))?.clone();
            Some((tenant, mapping))
        })
        .collect();
    Ok(Located {
        claimant,
        missing,
        mappings,
    })
}
