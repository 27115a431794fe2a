//! How many turns were answered by each route, kept in memory for the tenant's admins.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::Route;
use crate::model::{Tenant, TenantId};

/// How many turns were answered by each route since the router started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct RouteCounts {
    /// Small talk, answered by fixed texts.
    pub conversational: u64,
    /// Skills that a rule chose.
    pub rule: u64,
    /// Models, with the tools they chose.
    pub ai: u64,
}

/// The counts of every tenant: by its id and when it was made, since the id may be another's by
/// now.
#[derive(Default)]
pub(super) struct AnsweredTurns(Mutex<HashMap<(TenantId, Timestamp), RouteCounts>>);

impl AnsweredTurns {
    /// A tenant's.
    pub(super) fn of(&self, tenant: &Tenant) -> RouteCounts {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = all.get(&(tenant.id.clone(), tenant.created_at));
        counts.copied().unwrap_or_default()
    }

    /// Counts a turn that was answered.
    pub(super) fn count(&self, tenant: &Tenant, route: Route) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = all
            .entry((tenant.id.clone(), tenant.created_at))
            .or_default();
        match route {
            Route::Conversational => counts.conversational += 1,
            Route::Rule => counts.rule += 1,
            Route::Ai => counts.ai += 1,
        }
    }
}
