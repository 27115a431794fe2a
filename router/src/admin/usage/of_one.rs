//! What one user or one key used of what budgets count, and the limits that hold for them: their
//! own, and those that each has.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::budgets::{Counted, of_line};
use crate::admin::keys::require_api_key;
use crate::admin::{Admin, AdminError};
use crate::model::{
    ApiKey, Budget, BudgetKey, LedgerLine, OwnBudgets, OwnOf, Payer, Period, Standing, Tenant,
    Unit, User, UserId,
};

/// What one user or one key used of what a budget counts, and the limits there are.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BudgetOfOne {
    /// By which it is set: `usd_per_day`.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// For how long.
    pub period: Period,
    /// Theirs alone: a number, or `unlimited`; `null` where what each has holds.
    #[schema(value_type = Value)]
    pub own: Value,
    /// What each user or key has; `null` where there is no limit.
    #[schema(value_type = Option<f64>)]
    pub everyones: Option<Counted>,
    /// What holds for them; `null` where there is no limit.
    #[schema(value_type = Option<f64>)]
    pub limit: Option<Counted>,
    /// How much is used, whether there is a limit or not.
    #[schema(value_type = f64)]
    pub used: Counted,
    /// Whether 80 % of the limit is used, or more.
    pub is_warning: bool,
    /// When the day or month ends.
    #[schema(value_type = String, format = DateTime)]
    pub resets_at: Timestamp,
}

/// One of them, given the tenant's budgets and the lines of the ledger that are theirs.
fn of_one(
    key: BudgetKey,
    payer: Payer,
    own: &OwnBudgets,
    (general, lines): (&[Budget], &[LedgerLine]),
    today: Date,
) -> BudgetOfOne {
    let of_all = BudgetKey { payer, ..key };
    let everyones = general.iter().find(|budget| budget.key == of_all).copied();
    let theirs = match payer {
        Payer::Key => OwnOf {
            key: Some(own),
            user: None,
        },
        Payer::User | Payer::Tenant => OwnOf {
            user: Some(own),
            key: None,
        },
    };
    let limit = theirs.instead_of(of_all, everyones);
    let since = key.period.first(today);
    let counted = lines.iter().filter(|line| line.day >= since);
    let used = counted.fold(0_u64, |sum, line| {
        sum.saturating_add(of_line(key.unit, line))
    });
    let number = |budget: Budget| Counted::of(key.unit, budget.most);
    BudgetOfOne {
        name: key.as_str(),
        unit: key.unit,
        period: key.period,
        own: own.stored().get(key.as_str()).cloned().unwrap_or_default(),
        everyones: everyones.map(number),
        limit: limit.map(number),
        used: Counted::of(key.unit, used),
        is_warning: limit.is_some_and(|budget| Standing { budget, used }.is_warning()),
        resets_at: key.period.end(today),
    }
}

impl Admin {
    /// What a user used of what budgets count, and the limits that hold for them; nothing of
    /// another who had the id before. What turns under way hold is not among it.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn budgets_of_user(&self, user: &User) -> Result<Vec<BudgetOfOne>, AdminError> {
        let tenant = self.tenant(&user.tenant_id).await?;
        let is_theirs = |line: &LedgerLine| line.account.user_since == user.created_at;
        self.budgets_of_one(&tenant, (Payer::User, &user.budgets), &user.id, is_theirs)
            .await
    }

    /// What a key used of what budgets count, and the limits that hold for it.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] for a session or a link, which has none.
    pub async fn budgets_of_key(&self, key: &ApiKey) -> Result<Vec<BudgetOfOne>, AdminError> {
        require_api_key(key)?;
        let tenant = self.tenant(&key.tenant_id).await?;
        let name = key.name_in_ledger();
        let is_its = |line: &LedgerLine| line.account.credential.as_deref() == Some(name);
        self.budgets_of_one(&tenant, (Payer::Key, &key.budgets), &key.user_id, is_its)
            .await
    }

    async fn budgets_of_one(
        &self,
        tenant: &Tenant,
        (payer, own): (Payer, &OwnBudgets),
        user: &UserId,
        is_theirs: impl Fn(&LedgerLine) -> bool,
    ) -> Result<Vec<BudgetOfOne>, AdminError> {
        let today = self.now().to_zoned(TimeZone::UTC).date();
        let since = Period::Month.first(today);
        let usage = &self.platform.usage;
        let mut lines = usage.ledger(&tenant.id, since, today, Some(user)).await?;
        lines.retain(is_theirs);
        let known = (&*tenant.budgets(), &*lines);
        let all = OwnBudgets::keys().map(|key| of_one(key, payer, own, known, today));
        Ok(all.collect())
    }
}
