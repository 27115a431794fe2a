//! How many questions of a tenant are with its models at once, in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::TurnError;
use crate::model::{Tenant, TenantId};

/// A tenant by its id and when it was made, since the id may be another's by now.
type Made = (TenantId, Timestamp);

/// The questions that are with a model, by tenant.
#[derive(Clone, Default)]
pub(super) struct Slots(Arc<Mutex<HashMap<Made, u64>>>);

/// A question that is with a model, until this is dropped.
pub(super) struct Slot {
    slots: Slots,
    of: Made,
}

impl Slots {
    /// Takes a slot.
    ///
    /// # Errors
    /// If the tenant's settings allow no more.
    pub(super) fn take(&self, tenant: &Tenant) -> Result<Slot, TurnError> {
        let of = (tenant.id.clone(), tenant.created_at);
        let mut all = self.all();
        let taken = all.get(&of).copied().unwrap_or_default();
        match tenant.max_concurrent_calls() {
            Some(most) if taken >= most => return Err(TurnError::TooManyCalls { most }),
            _ => all.insert(of.clone(), taken + 1),
        };
        Ok(Slot {
            slots: self.clone(),
            of,
        })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Made, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut all = self.slots.all();
        match all.get_mut(&self.of) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(all.remove(&self.of)),
        }
    }
}
