//! What a seed does to a person.

use super::{Current, SeedOutcome, SeedPlan, TenantSeed, UserSeed};
use crate::admin::{AdminError, addresses};
use crate::ports::Change;

impl SeedPlan {
    pub(super) fn user(
        &mut self,
        current: &Current,
        seed: &TenantSeed,
        wanted: &UserSeed,
    ) -> Result<(), AdminError> {
        let new = wanted.user(&seed.id)?;
        // Whoever is named by the address alone is the person who has it.
        let holder = current.addresses.other_holder(&new.email, &new.id);
        let id = match (holder, &wanted.id) {
            (Some(holder), None) if !current.users.contains_key(&new.id) => holder.clone(),
            _ => new.id.clone(),
        };
        let found_by = (id != new.id).then(|| new.email.clone());
        let taken = self.addresses.other_holder(&new.email, &id);
        if let Some(other) = taken.or(holder.filter(|holder| **holder != id)) {
            return Err(AdminError::Refused {
                message: addresses::taken(&new.email, other),
                hint: "name each address once, with the id of the user who has it".to_owned(),
            });
        }
        self.addresses.add(&new.email, &id);
        let Some(before) = current.users.get(&id) else {
            self.changes.push(Change::CreateUser(new));
            self.push("user", &id, SeedOutcome::Created);
            return Ok(());
        };
        let mut after = before.clone();
        let mut changed = Vec::new();
        if new.email != before.email && found_by.is_none() {
            after.email = new.email;
            changed.push("email".to_owned());
        }
        if wanted.display_name.is_some() && new.display_name != before.display_name {
            after.display_name = new.display_name;
            changed.push("display_name".to_owned());
        }
        if new.role > before.role {
            after.role = new.role;
            changed.push("role".to_owned());
        }
        self.changed("user", &id, changed, || Change::UpdateUser {
            before: before.clone(),
            after,
        });
        if let Some(item) = self.items.last_mut() {
            item.found_by = found_by;
        }
        Ok(())
    }
}
