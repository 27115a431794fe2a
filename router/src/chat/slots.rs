//! How many questions of a tenant are with its models at once, in this process: who comes beyond
//! the limit costs the store nothing. All processes together are held to it by the store
//! ([`Hold::most_calls`](crate::model::Hold::most_calls)).

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
    /// If there are as many as there may be.
    pub(super) fn take(&self, tenant: &Tenant, most: u64) -> Result<Slot, TurnError> {
        let of = (tenant.id.clone(), tenant.created_at);
        let mut all = self.all();
        let taken = all.get(&of).copied().unwrap_or_default();
        if taken >= most {
            return Err(TurnError::TooManyCalls { most });
        }
        all.insert(of.clone(), taken + 1);
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
