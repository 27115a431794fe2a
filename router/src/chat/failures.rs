//! The latest calls of models that failed, kept in memory for the tenant's admins.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::model::{Tenant, TenantId};
use crate::ports::ModelError;

/// The most failures of a tenant that are kept.
const KEPT: usize = 10;

/// A call of a model that failed, and with it its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFailure {
    /// When it failed.
    pub at: Timestamp,
    /// The model's name.
    pub model: String,
    /// What the provider answered, or that it did not.
    pub error: ModelError,
}

/// The latest failures of every tenant: by its id and when it was made, since the id may be
/// another's by now.
#[derive(Default)]
pub(super) struct ModelFailures(Mutex<HashMap<(TenantId, Timestamp), VecDeque<ModelFailure>>>);

impl ModelFailures {
    /// Keeps a failure, unless it is the conversation's: one that is too long says nothing of the
    /// model. Nor does a call that was not made after others failed.
    pub(super) fn note(&self, tenant: &Tenant, failure: ModelFailure) {
        if matches!(
            failure.error,
            ModelError::TooLong | ModelError::Paused { .. }
        ) {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all
            .entry((tenant.id.clone(), tenant.created_at))
            .or_default();
        kept.truncate(KEPT - 1);
        kept.push_front(failure);
    }

    /// A tenant's, newest first.
    pub(super) fn of(&self, tenant: &Tenant) -> Vec<ModelFailure> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(&(tenant.id.clone(), tenant.created_at));
        kept.into_iter().flatten().cloned().collect()
    }
}
