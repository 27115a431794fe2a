//! Budgets of one user or one key by name, which take the place of those that every user or key
//! of the tenant has.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ApiKey, Budget, BudgetKey, JsonObject, LedgerAccount, Payer, Period, Tenant, Unit, User, UserId,
};

/// What is stored where there is no limit, whatever the others have.
pub const UNLIMITED: &str = "unlimited";

/// The budgets that one user or one key has by itself, as they are stored: by unit and period
/// (`usd_per_day`), each a number or [`UNLIMITED`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnBudgets(JsonObject);

/// What one of them says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnLimit {
    /// The most that may be used.
    Most(u64),
    /// As much as there is.
    Unlimited,
}

impl OwnBudgets {
    /// The names there are, without whom they are for: those of the tenant's own budgets.
    pub fn keys() -> impl Iterator<Item = BudgetKey> {
        let others = BudgetKey::ALL.into_iter();
        let others = others.filter(|key| key.payer == Payer::Tenant);
        std::iter::once(BudgetKey::MESSAGES_PER_DAY).chain(others)
    }

    /// What the value of one of them means; `None` if nothing.
    pub fn read(key: BudgetKey, value: &Value) -> Option<OwnLimit> {
        match value.as_str() {
            Some(UNLIMITED) => Some(OwnLimit::Unlimited),
            _ => key.read(value).map(OwnLimit::Most),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they are stored.
    pub fn stored(&self) -> &JsonObject {
        &self.0
    }

    /// Sets one; `None` takes it away, so that what all have holds.
    pub(crate) fn set(&mut self, key: BudgetKey, value: Option<Value>) {
        match value {
            Some(value) => self.0.insert(key.as_str().to_owned(), value),
            None => self.0.remove(key.as_str()),
        };
    }

    /// What is said of a unit and period; `None` if nothing is, or it cannot be read: then what
    /// all have holds.
    pub fn limit(&self, unit: Unit, period: Period) -> Option<OwnLimit> {
        let key = BudgetKey {
            payer: Payer::Tenant,
            unit,
            period,
        };
        Self::read(key, self.0.get(key.as_str())?)
    }

    /// The periods for which there is a limit.
    pub fn periods(&self) -> impl Iterator<Item = Period> {
        let limited = Self::keys().filter(|key| {
            let limit = self.limit(key.unit, key.period);
            matches!(limit, Some(OwnLimit::Most(_)))
        });
        limited.map(|key| key.period)
    }
}

impl From<JsonObject> for OwnBudgets {
    fn from(stored: JsonObject) -> Self {
        Self(stored)
    }
}

/// Whose budgets are theirs alone: one caller's user and key.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnOf<'a> {
    /// The user's.
    pub user: Option<&'a OwnBudgets>,
    /// The key's.
    pub key: Option<&'a OwnBudgets>,
}

impl OwnOf<'_> {
    fn of(&self, payer: Payer) -> Option<&OwnBudgets> {
        match payer {
            Payer::Tenant => None,
            Payer::User => self.user,
            Payer::Key => self.key,
        }
    }

    /// The budget that holds for them, given what everyone has of it; `None` if there is no limit.
    pub fn instead_of(&self, key: BudgetKey, everyones: Option<Budget>) -> Option<Budget> {
        let own = self.of(key.payer);
        match own.and_then(|own| own.limit(key.unit, key.period)) {
            Some(OwnLimit::Most(most)) => Some(Budget {
                key,
                most,
                is_own: true,
            }),
            Some(OwnLimit::Unlimited) => None,
            None => everyones,
        }
    }
}

impl Tenant {
    /// The budgets that a turn on this line of the ledger is held to: the tenant's, and those of
    /// its user and key, whose own take the place of everyone's.
    pub fn budgets_of(&self, account: &LedgerAccount, own: OwnOf<'_>) -> Vec<Budget> {
        let mut budgets = self.budgets();
        let has_own = |payer| own.of(payer).is_some_and(|own| !own.is_empty());
        for payer in [Payer::User, Payer::Key]
            .into_iter()
            .filter(|it| has_own(*it))
        {
            let keys = BudgetKey::ALL.into_iter().filter(|key| key.payer == payer);
            let theirs = keys.filter_map(|key| {
                let everyones = budgets.iter().find(|budget| budget.key == key);
                own.instead_of(key, everyones.copied())
            });
            let theirs: Vec<Budget> = theirs.collect();
            budgets.retain(|budget| budget.key.payer != payer);
            budgets.extend(theirs);
        }
        budgets.sort_unstable_by_key(|budget| budget.key);
        budgets.retain(|budget| budget.key.payer != Payer::Key || account.has_key());
        budgets
    }
}

/// The people and keys of a tenant that have budgets of their own.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    users: HashMap<(UserId, Option<Timestamp>), OwnBudgets>,
    keys: HashMap<String, OwnBudgets>,
}

impl Owners {
    /// Those among a tenant's.
    pub fn new(
        users: impl IntoIterator<Item = User>,
        keys: impl IntoIterator<Item = ApiKey>,
    ) -> Self {
        let users = users.into_iter().filter(|user| !user.budgets.is_empty());
        let keys = keys.into_iter().filter(|key| !key.budgets.is_empty());
        Self {
            users: users
                .map(|user| ((user.id, user.created_at), user.budgets))
                .collect(),
            keys: keys
                .map(|key| (key.name_in_ledger().to_owned(), key.budgets))
                .collect(),
        }
    }

    /// Those of one line of the ledger.
    pub fn of(&self, account: &LedgerAccount) -> OwnOf<'_> {
        let user = (account.user_id.clone(), account.user_since);
        let key = account.credential.as_ref();
        OwnOf {
            user: self.users.get(&user),
            key: key.and_then(|name| self.keys.get(name)),
        }
    }

    /// The periods for which somebody has a limit.
    pub fn periods(&self) -> impl Iterator<Item = Period> {
        let all = self.users.values().chain(self.keys.values());
        all.flat_map(OwnBudgets::periods)
    }
}

#[cfg(test)]
impl Tenant {
    /// One with these budgets.
    pub(crate) fn with_budgets(budgets: serde_json::Value) -> Self {
        let mut extensions = super::JsonObject::new();
        extensions.insert("budgets".to_owned(), budgets);
        Self {
            id: "acme".parse().unwrap(),
            name: String::new(),
            status: super::TenantStatus::Active,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            settings: Default::default(),
            extensions,
            version: 1,
            other: Default::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own(stored: Value) -> OwnBudgets {
        serde_json::from_value(stored).unwrap()
    }

    /// The budgets of users and keys, by name.
    fn of(tenant: &Tenant, key: &str, own: OwnOf<'_>) -> Vec<(&'static str, u64, bool)> {
        let account = LedgerAccount::of(UserId::anonymous(), None, Some(key));
        let all = tenant.budgets_of(&account, own).into_iter();
        let others = all.filter(|one| one.key.payer != Payer::Tenant);
        others
            .map(|one| (one.key.as_str(), one.most, one.is_own))
            .collect()
    }

    #[test]
    fn what_is_ones_own_takes_the_place_of_everyones() {
        let tenant = Tenant::with_budgets(json!({
            "user_messages_per_day": 10, "user_tokens_per_day": 100, "key_tokens_per_day": 70,
        }));
        let everyones = [
            ("user_messages_per_day", 10, false),
            ("user_tokens_per_day", 100, false),
            ("key_tokens_per_day", 70, false),
        ];
        assert_eq!(of(&tenant, "t3n_1", OwnOf::default()), everyones);
        let (user, key) = (
            own(json!({"messages_per_day": 3, "tokens_per_day": UNLIMITED, "usd_per_month": 2})),
            own(json!({"tokens_per_day": 500})),
        );
        let both = OwnOf {
            user: Some(&user),
            key: Some(&key),
        };
        let theirs = [
            ("user_messages_per_day", 3, true),
            ("user_usd_per_month", 2_000_000_000, true),
            ("key_tokens_per_day", 500, true),
        ];
        assert_eq!(of(&tenant, "t3n_1", both), theirs);
        // A session is no key.
        assert_eq!(of(&tenant, "session", both), theirs[..2]);
    }

    #[test]
    fn what_cannot_be_read_leaves_what_everyone_has() {
        let tenant = Tenant::with_budgets(json!({"user_messages_per_day": 10}));
        let odd = own(json!({"messages_per_day": -3, "tokens_per_day": "many", "cheese": 1}));
        let odd = OwnOf {
            user: Some(&odd),
            key: None,
        };
        assert_eq!(
            of(&tenant, "t3n_1", odd),
            [("user_messages_per_day", 10, false)]
        );
    }
}
