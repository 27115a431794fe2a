//! From a channel, or an API key, to the tenant that owns it.
//!
//! A claim can be read consistently. The index knows mappings that have none, since older programs made them, but lags
//! behind and is not unique: it only locates. Either way the mapping and its tenant are then read consistently.

use super::keys;
use super::records;
use crate::aws::dynamodb::attributes::{Item, text_value};
use crate::aws::dynamodb::table::Table;
use crate::aws::error::store_error;
use crate::model::TenantId;
use crate::ports::StoreError;

/// What was found of a channel.
pub(super) struct Located {
    /// Whom its claim names, whether they own it or not.
    pub(super) claimant: Option<TenantId>,
    /// What the claimant lacks for being its owner: the mapping, or the tenant.
    pub(super) missing: Option<Item>,
    /// The mappings that tenants have for it.
    pub(super) mappings: Vec<(TenantId, Item)>,
}

impl Located {
    pub(super) fn owners(&self) -> Vec<&TenantId> {
        self.mappings.iter().map(|(owner, _)| owner).collect()
    }

    /// The one mapping. Two are refused: either could be the wrong tenant.
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

impl Table {
    /// Whom a channel's claim names.
    pub(super) async fn claimant(&self, name: &str) -> Result<Option<TenantId>, StoreError> {
        let claim = self.get(keys::claim(name)).await?;
        claim.as_ref().map(records::claimant).transpose()
    }

    /// Asks the claim and the index.
    pub(super) async fn locate(&self, name: &str) -> Result<Located, StoreError> {
        let (claimant, indexed) =
            futures::future::try_join(self.claimant(name), self.indexed(name)).await?;
        self.read_mappings(name, claimant, indexed).await
    }

    /// Asks the claim, and the index only where that leads to no mapping.
    pub(super) async fn locate_claimed(&self, name: &str) -> Result<Located, StoreError> {
        let claimant = self.claimant(name).await?;
        if claimant.is_some() {
            let located = self
                .read_mappings(name, claimant.clone(), Vec::new())
                .await?;
            if !located.mappings.is_empty() {
                return Ok(located);
            }
        }
        let indexed = self.indexed(name).await?;
        self.read_mappings(name, claimant, indexed).await
    }

    /// The tenants that the index knows for a channel.
    async fn indexed(&self, name: &str) -> Result<Vec<TenantId>, StoreError> {
        let mut tenants = Vec::new();
        let mut after = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(keys::CHANNEL_INDEX)
                .key_condition_expression("#name = :name")
                .expression_attribute_names("#name", keys::CHANNEL_INDEX_KEY)
                .expression_attribute_values(":name", text_value(name))
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| store_error(&error))?;
            for item in output.items.unwrap_or_default() {
                tenants.push(records::tenant_of(&item)?);
            }
            after = output.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                return Ok(tenants);
            }
        }
    }

    async fn read_mappings(
        &self,
        name: &str,
        claimant: Option<TenantId>,
        mut tenants: Vec<TenantId>,
    ) -> Result<Located, StoreError> {
        tenants.extend(claimant.clone());
        tenants.sort();
        tenants.dedup();
        let wanted = tenants
            .iter()
            .flat_map(|tenant| [keys::tenant(tenant), keys::mapping(tenant, name)]);
        let items = self.get_all(wanted).await?;
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
}
