//! How much of each budget is used.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::budget::dollars;
use crate::model::{
    Budget, DailyUsage, LedgerAccount, LedgerLine, NanoUsd, Payer, Period, Standing, Tenant, Unit,
};
use crate::ports::{Platform, StoreError};

/// How much of a budget is used.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BudgetView {
    /// Its name among the settings.
    pub name: &'static str,
    /// Whom it is for.
    pub payer: Payer,
    /// Which user, by id, or which key, by prefix; absent for the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What it counts.
    pub unit: Unit,
    /// For how long.
    pub period: Period,
    /// The most that may be used: messages, tokens, or US dollars.
    #[schema(value_type = f64)]
    pub limit: Counted,
    /// How much is used, in the same.
    #[schema(value_type = f64)]
    pub used: Counted,
    /// Whether 80 % of it is used, or more.
    pub is_warning: bool,
    /// When the day or month ends.
    #[schema(value_type = String, format = DateTime)]
    pub resets_at: Timestamp,
}

/// A number of messages or tokens, or an amount of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Counted {
    /// Messages or tokens.
    Whole(u64),
    /// US dollars.
    Usd(NanoUsd),
}

impl Counted {
    fn of(unit: Unit, count: u64) -> Self {
        match unit {
            Unit::Messages | Unit::Tokens => Self::Whole(count),
            Unit::Usd => Self::Usd(NanoUsd(count)),
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(count) => write!(f, "{count}"),
            Self::Usd(amount) => f.write_str(&dollars(*amount)),
        }
    }
}

impl BudgetView {
    /// How much of it is used, in percent, rounded down; 100 of a budget of nothing.
    pub fn percent(&self) -> u64 {
        let count = |counted: Counted| match counted {
            Counted::Whole(count) | Counted::Usd(NanoUsd(count)) => u128::from(count),
        };
        let percent = (count(self.used) * 100).checked_div(count(self.limit));
        percent.map_or(100, |percent| u64::try_from(percent).unwrap_or(u64::MAX))
    }

    /// Of how a budget stands on a day.
    pub fn new(standing: &Standing, of: Option<String>, day: Date) -> Self {
        let key = standing.budget.key;
        Self {
            name: key.as_str(),
            payer: key.payer,
            of,
            unit: key.unit,
            period: key.period,
            limit: Counted::of(key.unit, standing.budget.most),
            used: Counted::of(key.unit, standing.used),
            is_warning: standing.is_warning(),
            resets_at: key.period.end(day),
        }
    }
}

/// Whose budgets are looked at, beside the tenant's.
#[derive(Debug, Clone, Copy)]
pub enum BudgetsOf<'a> {
    /// Of one user, and of the key they came by.
    Caller(&'a LedgerAccount),
    /// Of every user and key that has used much of theirs.
    Warned,
}

/// How a tenant's budgets stand: its own, then users' and keys'.
fn standings(
    tenant: &Tenant,
    of: BudgetsOf<'_>,
    (days, lines): (&[DailyUsage], &[LedgerLine]),
    today: Date,
) -> Vec<BudgetView> {
    let mut views = Vec::new();
    for budget in tenant.budgets() {
        let since = budget.key.period.first(today);
        if budget.key.payer == Payer::Tenant {
            let days = days.iter().filter(|day| day.day >= since);
            let used = days.map(|day| counted(budget.key.unit, day)).sum();
            views.push(BudgetView::new(&Standing { budget, used }, None, today));
            continue;
        }
        let lines = lines.iter().filter(|line| line.day >= since);
        views.extend(match of {
            BudgetsOf::Caller(account) => of_caller(budget, account, lines, today),
            BudgetsOf::Warned => warned(budget, lines, today),
        });
    }
    views
}

fn of_caller<'a>(
    budget: Budget,
    account: &LedgerAccount,
    lines: impl Iterator<Item = &'a LedgerLine>,
    today: Date,
) -> Vec<BudgetView> {
    let Some(name) = name(budget.key.payer, account) else {
        return Vec::new();
    };
    let own = lines.filter(|line| account.shares(budget.key.payer, &line.account));
    let used = own.map(|line| of_line(budget.key.unit, line)).sum();
    vec![BudgetView::new(
        &Standing { budget, used },
        Some(name),
        today,
    )]
}

fn warned<'a>(
    budget: Budget,
    lines: impl Iterator<Item = &'a LedgerLine>,
    today: Date,
) -> Vec<BudgetView> {
    let mut sums = BTreeMap::<_, u64>::new();
    for line in lines {
        let Some(name) = name(budget.key.payer, &line.account) else {
            continue;
        };
        let since = line.account.user_since;
        let since = since.filter(|_| budget.key.payer == Payer::User);
        let sum = sums.entry((name, since)).or_default();
        *sum = sum.saturating_add(of_line(budget.key.unit, line));
    }
    let standings = sums
        .into_iter()
        .map(|((name, _), used)| (name, Standing { budget, used }));
    standings
        .filter(|(_, standing)| standing.is_warning() && standing.used > 0)
        .map(|(name, standing)| BudgetView::new(&standing, Some(name), today))
        .collect()
}

/// Who has a budget: a user's id, a key's prefix.
fn name(payer: Payer, account: &LedgerAccount) -> Option<String> {
    match payer {
        Payer::Tenant => None,
        Payer::User => Some(account.user_id.to_string()),
        Payer::Key => account.credential.clone().filter(|_| account.has_key()),
    }
}

fn counted(unit: Unit, day: &DailyUsage) -> u64 {
    match unit {
        Unit::Messages => day.messages,
        Unit::Tokens => day.input_tokens.saturating_add(day.output_tokens),
        Unit::Usd => day.cost.0,
    }
}

fn of_line(unit: Unit, line: &LedgerLine) -> u64 {
    let (counts, used) = (&line.counts, &line.counts.used);
    match unit {
        Unit::Messages => counts.turns,
        Unit::Tokens => used.input_tokens.saturating_add(used.output_tokens),
        Unit::Usd => used.cost.0,
    }
}

impl BudgetView {
    /// How a tenant's budgets stand now: its own, and those of a caller or of whoever is near the
    /// end of theirs. What turns under way hold is not among what is used.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn all(
        platform: &Platform,
        tenant: &Tenant,
        of: BudgetsOf<'_>,
    ) -> Result<Vec<Self>, StoreError> {
        let today = platform.clock.now().to_zoned(TimeZone::UTC).date();
        let budgets = tenant.budgets();
        let first = |is_own: bool| {
            let those = budgets
                .iter()
                .filter(|one| (one.key.payer == Payer::Tenant) == is_own);
            those.map(|one| one.key.period.first(today)).min()
        };
        let usage = &platform.usage;
        let days = usage.usage(&tenant.id, first(true).unwrap_or(today), today);
        let user = match of {
            BudgetsOf::Caller(account) if budgets.iter().all(|one| one.key.payer != Payer::Key) => {
                Some(&account.user_id)
            }
            _ => None,
        };
        let lines = async {
            match first(false) {
                Some(first) => usage.ledger(&tenant.id, first, today, user).await,
                None => Ok(Vec::new()),
            }
        };
        let (days, lines) = futures::try_join!(days, lines)?;
        Ok(standings(tenant, of, (&days, &lines), today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BudgetKey, JsonObject, LedgerCounts, TenantStatus, UsageDelta, UserId};
    use serde_json::json;

    fn line(day: &str, user: &str, key: &str, tokens: u64) -> LedgerLine {
        let user: UserId = user.parse().unwrap();
        LedgerLine {
            day: day.parse().unwrap(),
            account: LedgerAccount::of(user, None, Some(key)),
            counts: LedgerCounts {
                turns: 1,
                used: UsageDelta {
                    input_tokens: tokens,
                    cost: NanoUsd(tokens * 1_000_000_000),
                    ..UsageDelta::default()
                },
                ..LedgerCounts::default()
            },
        }
    }

    #[test]
    fn each_budget_counts_its_own_period_and_payer() {
        let budgets =
            json!({"usd_per_month": 50, "user_tokens_per_day": 10, "key_usd_per_month": 20});
        let mut extensions = JsonObject::new();
        extensions.insert("budgets".to_owned(), budgets);
        let tenant = Tenant {
            id: "acme".parse().unwrap(),
            name: String::new(),
            status: TenantStatus::Active,
            created_at: Timestamp::UNIX_EPOCH,
            settings: Default::default(),
            extensions,
            version: 1,
            other: Default::default(),
        };
        let lines = [
            line("2026-02-01", "ada", "t3n_1", 9),
            line("2026-02-03", "ada", "t3n_1", 8),
            line("2026-02-03", "bob", "session", 3),
        ];
        let days = ["2026-02-01", "2026-02-03"].map(|day| DailyUsage {
            messages: 2,
            cost: NanoUsd(20_000_000_000),
            ..DailyUsage::none(day.parse().unwrap())
        });
        let today = "2026-02-03".parse().unwrap();
        let seen = |of| {
            let views = standings(&tenant, of, (&days, &lines), today);
            let views = views.into_iter().map(|view| {
                let used = serde_json::to_value(view.used).unwrap();
                (view.name, view.of, used, view.is_warning)
            });
            views.collect::<Vec<_>>()
        };
        let own = [
            (BudgetKey::MESSAGES_PER_DAY.as_str(), None, json!(2), false),
            ("usd_per_month", None, json!(40.0), true),
        ];
        let of = |name: &str| Some(name.to_owned());
        let ada = ("user_tokens_per_day", of("ada"), json!(8), true);
        let her_key = ("key_usd_per_month", of("t3n_1"), json!(17.0), true);
        let all = [&own[..], &[ada, her_key]].concat();
        assert_eq!(seen(BudgetsOf::Warned), all);
        assert_eq!(seen(BudgetsOf::Caller(&lines[0].account)), all);
        let bob = ("user_tokens_per_day", of("bob"), json!(3), false);
        let of_bob = [&own[..], &[bob]].concat();
        assert_eq!(seen(BudgetsOf::Caller(&lines[2].account)), of_bob);
    }
}
