//! Who provides a tenant's models, and by which credentials.

use std::sync::Arc;

use crate::ai::ProviderKind;
use crate::ai::breaker::Circuit;
use crate::ai::defaults::Credentials;
use crate::ai::offline::Offline;
use crate::ai::table::ModelInfo;
use crate::model::{Guardrail, TenantId};
use crate::outbound::Client;

/// Who provides a tenant's models.
pub(super) enum Source<'a> {
    /// Templates, with the tenant's rules.
    Offline(Arc<Offline>),
    Bedrock {
        /// The tenant's guardrail.
        guarded: Option<(&'a TenantId, Guardrail)>,
        /// The model behind the tenant's application inference profiles.
        behind: Option<&'static ModelInfo>,
    },
    /// By HTTP, with a key.
    Api {
        provider: ProviderKind,
        client: &'a Client,
        credentials: Credentials,
        /// The tenant, where the credentials are its own.
        owner: Option<&'a TenantId>,
    },
}

impl Source<'_> {
    pub(super) fn provider(&self) -> ProviderKind {
        match self {
            Self::Offline(_) => ProviderKind::Offline,
            Self::Bedrock { .. } => ProviderKind::Bedrock,
            Self::Api { provider, .. } => *provider,
        }
    }

    /// Whose calls of a model fail together.
    pub(super) fn circuit(&self, model: &str) -> Circuit {
        let (owner, address) = match self {
            Self::Offline(_) => (None, None),
            Self::Bedrock { guarded, .. } => (guarded.as_ref().map(|(tenant, _)| *tenant), None),
            Self::Api {
                credentials, owner, ..
            } => (*owner, credentials.base_url.clone()),
        };
        Circuit {
            provider: self.provider(),
            owner: owner.cloned(),
            address,
            model: model.to_owned(),
        }
    }
}
