//! From a channel, or an API key, to the tenant that owns it.
//!
//! A claim can be read consistently. The index knows mappings that have none, since older programs
//! made them, but lags behind and is not unique: it only locates. Either way the mapping and its
//! tenant are then read consistently.

use super::keys::ChannelNames;
use super::{keys, records};
use crate::aws::dynamodb::Table;
use crate::aws::dynamodb::attributes::Item;
use crate::aws::error::AwsError;
use crate::model::{ChannelId, ChannelKind, KeyHash, TenantId};
use crate::ports::StoreError;

/// What was found of a channel.
#[derive(Debug)]
pub(super) struct Located {
    /// The claims on it, by the name that each is on.
    pub(super) claims: Vec<Claim>,
    /// The mappings that tenants have for it, one a tenant.
    pub(super) mappings: Vec<(TenantId, Item)>,
}

/// Who claims a channel.
#[derive(Debug)]
pub(super) struct Claim {
    /// The name of the channel that the claim is on.
    pub(super) name: String,
    /// Whom it names, whether they own it or not.
    pub(super) claimant: TenantId,
    /// The keys of what the claimant lacks for being its owner: the mapping, by each name, or the
    /// tenant. Nothing, if they own it.
    pub(super) missing: Vec<Item>,
}

impl Located {
    pub(super) fn owners(&self) -> Vec<TenantId> {
        let owners = self.mappings.iter();
        owners.map(|(owner, _)| owner.clone()).collect()
    }

    /// The claim on a name.
    pub(super) fn claim(&self, name: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.name == name)
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

/// Asks claims and index for a channel, by every name that it may have.
pub(super) async fn locate(
    table: &Table,
    kind: ChannelKind,
    id: &ChannelId,
) -> Result<Located, StoreError> {
    let names = ChannelNames::of(kind, id);
    let (claims, indexed) = futures::future::try_join(
        futures::future::try_join_all(names.claimed().map(|name| claim(table, name))),
        futures::future::try_join_all(names.all().map(|name| indexed(table, name))),
    )
    .await?;
    let wanted = Wanted {
        names: names.all().collect(),
        id: Some(id),
    };
    let claims = claims.into_iter().flatten().collect();
    let indexed = indexed.into_iter().flatten().collect();
    Ok(wanted.read(table, claims, indexed).await?)
}

/// Asks the claim of an API key, and the index only where that leads to no mapping.
pub(super) async fn locate_key(table: &Table, hash: &KeyHash) -> Result<Located, StoreError> {
    let name = &*keys::api_key_name(hash);
    let wanted = Wanted {
        names: vec![name],
        id: None,
    };
    let claim = claim(table, name).await?;
    if claim.is_some() {
        let claims = claim.clone().into_iter().collect();
        let located = wanted.read(table, claims, Vec::new()).await?;
        if !located.mappings.is_empty() {
            return Ok(located);
        }
    }
    let indexed = indexed(table, name).await?;
    let claims = claim.into_iter().collect();
    Ok(wanted.read(table, claims, indexed).await?)
}

/// A name, and whom its claim names.
type Claimed = (String, TenantId);

async fn claim(table: &Table, name: &str) -> Result<Option<Claimed>, StoreError> {
    let claim = table.get(keys::claim(name)).await?;
    let claimant = claim.as_ref().map(records::claimant).transpose()?;
    Ok(claimant.map(|claimant| (name.to_owned(), claimant)))
}

/// The tenants that the index knows for a channel.
async fn indexed(table: &Table, name: &str) -> Result<Vec<TenantId>, StoreError> {
    let found = table
        .index(keys::CHANNEL_INDEX, keys::CHANNEL_INDEX_KEY, name)
        .await?;
    found.iter().map(records::tenant_of).collect()
}

/// What is looked for.
struct Wanted<'a> {
    names: Vec<&'a str>,
    /// The channel's id, where a name can be another channel's as well.
    id: Option<&'a ChannelId>,
}

impl Wanted<'_> {
    async fn read(
        &self,
        table: &Table,
        claims: Vec<Claimed>,
        mut tenants: Vec<TenantId>,
    ) -> Result<Located, AwsError> {
        tenants.extend(claims.iter().map(|(_, claimant)| claimant.clone()));
        tenants.sort();
        tenants.dedup();
        let mapping_keys = |tenant: &TenantId| -> Vec<Item> {
            let names = self.names.iter();
            names.map(|name| keys::mapping(tenant, name)).collect()
        };
        let read = tenants.iter().flat_map(|tenant| {
            let tenant_key = std::iter::once(keys::tenant(tenant));
            tenant_key.chain(mapping_keys(tenant))
        });
        let items = table.get_all(read).await?;
        let mapping = |tenant: &TenantId| {
            items.get(&keys::tenant(tenant))?;
            let found = mapping_keys(tenant);
            let mut found = found.iter().filter_map(|key| items.get(key));
            let is_wanted =
                |item: &&Item| self.id.is_none_or(|id| records::is_mapping_of(item, id));
            found.find(is_wanted).cloned()
        };
        let claims = claims.into_iter().map(|(name, claimant)| {
            let tenant_key = keys::tenant(&claimant);
            let missing = match (items.get(&tenant_key), mapping(&claimant)) {
                (None, _) => vec![tenant_key],
                (Some(_), None) => {
                    let mut keys = mapping_keys(&claimant);
                    keys.retain(|key| items.get(key).is_none());
                    keys
                }
                (Some(_), Some(_)) => Vec::new(),
            };
            Claim {
                name,
                claimant,
                missing,
            }
        });
        let claims = claims.collect();
        let mappings = tenants
            .into_iter()
            .filter_map(|tenant| mapping(&tenant).map(|found| (tenant, found)))
            .collect();
        Ok(Located { claims, mappings })
    }
}
