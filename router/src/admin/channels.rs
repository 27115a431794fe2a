//! The channels on which a tenant answers.

use super::{Admin, AdminError};
use crate::model::{ChannelId, ChannelKind, ChannelMapping, Record, TenantId};
use crate::ports::{Change, StoreError};

impl Admin {
    /// Maps a channel to a tenant; `false` if it was mapped already.
    ///
    /// # Errors
    /// [`StoreError::Taken`] while another tenant has the channel; [`AdminError::Refused`] if the
    /// router does not answer on channels of this kind.
    pub async fn map_channel(
        &self,
        tenant: &TenantId,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<bool, AdminError> {
        let mapping = mapping(tenant, kind, id)?;
        self.tenant(tenant).await?;
        let record = Record::from(&mapping);
        match self.platform.tenants.channel_owner(kind, id).await? {
            Some(owner) if owner == *tenant => return Ok(false),
            Some(_) => return Err(StoreError::Taken(record).into()),
            None => require_served(kind)?,
        }
        let change = Change::MapChannel(mapping);
        self.commit(tenant, &[change], "channel.map", &record.to_string())
            .await?;
        Ok(true)
    }

    /// Unmaps a channel.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if the tenant does not have the channel.
    pub async fn unmap_channel(
        &self,
        tenant: &TenantId,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<(), AdminError> {
        let mapping = mapping(tenant, kind, id)?;
        self.tenant(tenant).await?;
        let record = Record::from(&mapping);
        if self
            .platform
            .tenants
            .channel_owner(kind, id)
            .await?
            .as_ref()
            != Some(tenant)
        {
            return Err(AdminError::NotFound(record));
        }
        let change = Change::UnmapChannel(mapping);
        self.commit(tenant, &[change], "channel.unmap", &record.to_string())
            .await
    }

    /// A tenant's channels, without its API keys.
    pub async fn channels(&self, tenant: &TenantId) -> Result<Vec<ChannelMapping>, AdminError> {
        self.tenant(tenant).await?;
        Ok(self
            .all(|page| self.platform.tenants.channels(tenant, page))
            .await?)
    }
}

/// Refuses a channel that nobody would answer on.
pub(super) fn require_served(kind: ChannelKind) -> Result<(), AdminError> {
    if ChannelKind::SERVED.contains(&kind) {
        return Ok(());
    }
    Err(AdminError::Refused {
        message: format!("the router does not answer on `{kind}` yet"),
        hint: "the web page and the API need no mapping".to_owned(),
    })
}

pub(super) fn mapping(
    tenant: &TenantId,
    kind: ChannelKind,
    id: &ChannelId,
) -> Result<ChannelMapping, AdminError> {
    if kind == ChannelKind::Api {
        return Err(AdminError::invalid(
            "channel",
            "must not be `api`: programs enter with an API key instead",
        ));
    }
    Ok(ChannelMapping {
        tenant_id: tenant.clone(),
        kind,
        channel_id: id.clone(),
        other: Default::default(),
    })
}
