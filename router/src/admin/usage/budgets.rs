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
    Budget, BudgetKey, DailyUsage, LedgerAccount, LedgerLine, NanoUsd, OwnOf, Owners, Payer,
    Period, Standing, Tenant, Unit,
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
    /// Whether it is that user's or key's alone, in place of what each has.
    pub is_own: bool,
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
    pub(super) fn of(unit: Unit, count: u64) -> Self {
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
            is_own: standing.budget.is_own,
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
    /// Of one user, and of the key they came by, with what is theirs alone.
    Caller(&'a LedgerAccount, OwnOf<'a>),
    /// Of every user and key that has used much of theirs, or something of what is theirs alone.
    Noteworthy(&'a Owners),
}

/// How a tenant's budgets stand: its own, then users' and keys'.
fn standings(
    tenant: &Tenant,
    of: BudgetsOf<'_>,
    (days, lines): (&[DailyUsage], &[LedgerLine]),
    today: Date,
) -> Vec<BudgetView> {
    let general = tenant.budgets();
    let is_tenants = |key: BudgetKey| key.payer == Payer::Tenant;
    let lines = |key: BudgetKey| {
        let since = key.period.first(today);
        lines.iter().filter(move |line| line.day >= since)
    };
    let mut views = Vec::new();
    for budget in general.iter().filter(|budget| is_tenants(budget.key)) {
        let since = budget.key.period.first(today);
        let days = days.iter().filter(|day| day.day >= since);
        let standing = Standing {
            budget: *budget,
            used: days.map(|day| counted(budget.key.unit, day)).sum(),
        };
        views.push(BudgetView::new(&standing, None, today));
    }
    match of {
        BudgetsOf::Caller(account, own) => {
            let budgets = tenant.budgets_of(account, own).into_iter();
            let theirs = budgets.filter(|budget| !is_tenants(budget.key));
            views.extend(theirs.filter_map(|one| of_caller(one, account, lines(one.key), today)));
        }
        BudgetsOf::Noteworthy(owners) => {
            for key in BudgetKey::ALL.into_iter().filter(|key| !is_tenants(*key)) {
                let everyones = general.iter().find(|budget| budget.key == key).copied();
                views.extend(noteworthy(key, everyones, owners, lines(key), today));
            }
        }
    }
    views
}

fn of_caller<'a>(
    budget: Budget,
    account: &LedgerAccount,
    lines: impl Iterator<Item = &'a LedgerLine>,
    today: Date,
) -> Option<BudgetView> {
    let name = account.payer_name(budget.key.payer)?;
    let own = lines.filter(|line| account.shares(budget.key.payer, &line.account));
    let used = own.map(|line| of_line(budget.key.unit, line)).sum();
    let standing = Standing { budget, used };
    Some(BudgetView::new(&standing, Some(name), today))
}

fn noteworthy<'a>(
    key: BudgetKey,
    everyones: Option<Budget>,
    owners: &Owners,
    lines: impl Iterator<Item = &'a LedgerLine>,
    today: Date,
) -> Vec<BudgetView> {
    let mut sums = BTreeMap::<_, (u64, Option<Budget>)>::new();
    for line in lines {
        let Some(name) = line.account.payer_name(key.payer) else {
            continue;
        };
        let since = line.account.user_since;
        let since = since.filter(|_| key.payer == Payer::User);
        let (sum, _) = sums.entry((name, since)).or_insert_with(|| {
            let own = owners.of(&line.account);
            (0, own.instead_of(key, everyones))
        });
        *sum = sum.saturating_add(of_line(key.unit, line));
    }
    let standings = sums.into_iter().filter_map(|((name, _), (used, budget))| {
        let budget = budget?;
        Some((name, Standing { budget, used }))
    });
    standings
        .filter(|(_, standing)| {
            standing.used > 0 && (standing.budget.is_own || standing.is_warning())
        })
        .map(|(name, standing)| BudgetView::new(&standing, Some(name), today))
        .collect()
}

fn counted(unit: Unit, day: &DailyUsage) -> u64 {
    match unit {
        Unit::Messages => day.messages,
        Unit::Tokens => day.input_tokens.saturating_add(day.output_tokens),
        Unit::Usd => day.cost.0,
    }
}

pub(super) fn of_line(unit: Unit, line: &LedgerLine) -> u64 {
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
        let (of_tenant, others): (Vec<_>, Vec<_>) = match of {
            BudgetsOf::Caller(account, own) => tenant.budgets_of(account, own),
            BudgetsOf::Noteworthy(_) => tenant.budgets(),
        }
        .into_iter()
        .partition(|one| one.key.payer == Payer::Tenant);
        let first = |period: Period| period.first(today);
        let since = of_tenant.iter().map(|one| first(one.key.period)).min();
        let usage = &platform.usage;
        let days = usage.usage(&tenant.id, since.unwrap_or(today), today);
        let user = match of {
            BudgetsOf::Caller(account, _)
                if others.iter().all(|one| one.key.payer != Payer::Key) =>
            {
                Some(&account.user_id)
            }
            _ => None,
        };
        let own = match of {
            BudgetsOf::Caller(..) => Vec::new(),
            BudgetsOf::Noteworthy(owners) => owners.periods().collect(),
        };
        let periods = others.iter().map(|one| one.key.period).chain(own);
        let since = periods.map(first).min();
        let lines = async {
            match since {
                Some(since) => usage.ledger(&tenant.id, since, today, user).await,
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
    use crate::model::{LedgerCounts, UsageDelta, UserId};
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
        let tenant = Tenant::with_budgets(budgets);
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
        let nobody = Owners::default();
        assert_eq!(seen(BudgetsOf::Noteworthy(&nobody)), all);
        assert_eq!(
            seen(BudgetsOf::Caller(&lines[0].account, OwnOf::default())),
            all
        );
        let bob = ("user_tokens_per_day", of("bob"), json!(3), false);
        let of_bob = [&own[..], &[bob]].concat();
        assert_eq!(
            seen(BudgetsOf::Caller(&lines[2].account, OwnOf::default())),
            of_bob
        );
    }
}
