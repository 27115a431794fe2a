//! A person's e-mail address is one person's in a tenant. Stores do not know that rule: other
//! programs write people as they like, so what is stored already is read, and two changes at once
//! exclude each other by touching the tenant.

use std::collections::HashMap;

use super::AdminError;
use crate::model::{Tenant, User, UserId};
use crate::ports::Change;

/// Who has which address in a tenant. Addresses are compared as mail programs do, whatever the
/// case of their letters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Addresses {
    holders: HashMap<String, UserId>,
}

impl Addresses {
    /// Of people who are stored, by id. Of several with one address the first has it; a person
    /// without an address, as older programs write one, has none.
    pub(super) fn of<'a>(users: impl IntoIterator<Item = &'a User>) -> Self {
        let mut addresses = Self::default();
        for user in users {
            addresses.add(&user.email, &user.id);
        }
        addresses
    }

    /// Notes whose an address is, if it is nobody's yet.
    pub(super) fn add(&mut self, email: &str, id: &UserId) {
        if !email.trim().is_empty() {
            self.holders
                .entry(email.to_lowercase())
                .or_insert_with(|| id.clone());
        }
    }

    /// Whose an address is.
    pub(super) fn holder(&self, email: &str) -> Option<&UserId> {
        self.holders.get(&email.to_lowercase())
    }

    /// Refuses an address that is another person's.
    ///
    /// # Errors
    /// [`AdminError::Refused`], naming who has it.
    pub(super) fn require_free(&self, email: &str, for_whom: &UserId) -> Result<(), AdminError> {
        match self.other_holder(email, for_whom) {
            None => Ok(()),
            Some(holder) => Err(AdminError::Refused {
                message: taken(email, holder),
                hint: "change that user, or give another address".to_owned(),
            }),
        }
    }

    /// Who has an address, if that is somebody else.
    pub(super) fn other_holder(&self, email: &str, than: &UserId) -> Option<&UserId> {
        self.holder(email).filter(|holder| *holder != than)
    }
}

/// That an address is somebody's already.
pub(super) fn taken(email: &str, holder: &UserId) -> String {
    format!("`{email}` is already the address of user `{holder}`")
}

/// A change that leaves the tenant as it is. In the commit of a new address it lets no two of them
/// pass at once: the second is planned again, and finds the first.
pub(super) fn touching(tenant: Tenant) -> Change {
    Change::UpdateTenant {
        after: tenant.clone(),
        before: tenant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_in_capitals_and_none_is_nobodys() {
        let mut addresses = Addresses::default();
        let (ada, bob): (UserId, UserId) = ("admin".parse().unwrap(), "bob".parse().unwrap());
        addresses.add("Ada@Example.com", &ada);
        addresses.add("ada@example.com", &bob);
        addresses.add("", &bob);
        assert_eq!(addresses.holder("ADA@example.COM"), Some(&ada));
        assert_eq!(addresses.holder(""), None);
        assert!(addresses.require_free("ada@example.com", &ada).is_ok());
        let refused = addresses.require_free("ada@example.com", &bob);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "`ada@example.com` is already the address of user `admin`"
        );
    }
}
