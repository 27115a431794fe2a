//! What was used, by day and by who or what used it, as the CLI's `--json` and the HTTP API show
//! it. The names of fields are an interface: programs read them.
//!
//! The day's counters are what limits and bills go by; the ledger says whose it was. Where the
//! counters have more (turns under way, a router of an earlier release beside this one, one that
//! was killed), the difference is shown as not attributed.
//!
//! [`UsageView::new`] is pure; `names` says what people call those who are in the ledger.

mod budgets;
mod names;
mod of_one;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Admin, AdminError};
use crate::model::{
    DailyUsage, LedgerCounts, LedgerLine, NanoUsd, Owners, TenantId, UsageDelta, User,
};
use crate::ports::StoreError;

pub use budgets::{BudgetView, BudgetsOf, Counted};
pub use names::Names;
pub use of_one::BudgetOfOne;

/// The most days of usage that are read at once.
pub const MAX_USAGE_DAYS: u32 = 366;

/// What usage is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UsageBy {
    /// Who asked.
    User,
    /// The credential by which they came.
    Key,
    /// The model that was asked.
    Model,
    /// How turns were answered.
    Route,
}

impl UsageBy {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::User, Self::Key, Self::Model, Self::Route];

    /// Its name, for flags and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Key => "key",
            Self::Model => "model",
            Self::Route => "route",
        }
    }
}

impl fmt::Display for UsageBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Nothing that usage can be grouped by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of user, key, model, route")]
pub struct UnknownUsageBy(String);

impl FromStr for UsageBy {
    type Err = UnknownUsageBy;

    fn from_str(text: &str) -> Result<Self, UnknownUsageBy> {
        let found = Self::ALL.into_iter().find(|by| by.as_str() == text);
        found.ok_or_else(|| UnknownUsageBy(text.to_owned()))
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct CountsView {
    /// Turns that are over, failed ones included.
    pub turns: u64,
    /// Those among them that had no answer: an error, a deadline, a caller who went away.
    pub failed: u64,
    /// Messages that were refused, because the day's limit was reached.
    pub refusals: u64,
    /// Tokens sent to models.
    pub input_tokens: u64,
    /// Tokens that models answered.
    pub output_tokens: u64,
    /// What all of it cost in US dollars; `null` if the price of a part is not known.
    #[schema(value_type = Option<f64>)]
    pub cost_usd: Option<NanoUsd>,
    /// What the part cost whose price is known.
    #[schema(value_type = f64)]
    pub priced_cost_usd: NanoUsd,
    /// Tokens, in and out, whose price is not known.
    pub unpriced_tokens: u64,
    /// How many of the tokens are estimated.
    pub estimated_tokens: u64,
}

impl From<LedgerCounts> for CountsView {
    fn from(counts: LedgerCounts) -> Self {
        let used = counts.used;
        Self {
            turns: counts.turns,
            failed: counts.failed,
            refusals: counts.refusals,
            input_tokens: used.input_tokens,
            output_tokens: used.output_tokens,
            cost_usd: (used.unpriced_tokens == 0).then_some(used.cost),
            priced_cost_usd: used.cost,
            unpriced_tokens: used.unpriced_tokens,
            estimated_tokens: used.estimated_tokens,
        }
    }
}

/// What was used, of one day or of several together.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct UsedView {
    /// Messages that were accepted: what the day's limit counts. More than `turns` where some are
    /// not over yet, or not attributed.
    pub messages: u64,
    /// What became of them, and what that used.
    #[serde(flatten)]
    pub counts: CountsView,
}

impl UsedView {
    /// Adds another's: the cost is known if both are.
    pub fn add(&mut self, other: &Self) {
        let sum = u64::saturating_add;
        self.messages = sum(self.messages, other.messages);
        let (all, more) = (&mut self.counts, &other.counts);
        all.turns = sum(all.turns, more.turns);
        all.failed = sum(all.failed, more.failed);
        all.refusals = sum(all.refusals, more.refusals);
        all.input_tokens = sum(all.input_tokens, more.input_tokens);
        all.output_tokens = sum(all.output_tokens, more.output_tokens);
        all.unpriced_tokens = sum(all.unpriced_tokens, more.unpriced_tokens);
        all.estimated_tokens = sum(all.estimated_tokens, more.estimated_tokens);
        all.priced_cost_usd += more.priced_cost_usd;
        all.cost_usd = (all.unpriced_tokens == 0).then_some(all.priced_cost_usd);
    }
}

/// What was used on a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DayView {
    /// The day, in UTC.
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// What was used on it.
    #[serde(flatten)]
    pub used: UsedView,
}

/// What a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// It is there.
    Current,
    /// A user who was removed, a key that was revoked.
    Former,
    /// Turns without: no key, no model, no route.
    None,
    /// What the day's counters have and the ledger does not.
    NotAttributed,
}

/// Who or what used something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Group {
    /// A user's id, a key's prefix or `session`, a model's name, a route; `null` if there is none.
    pub id: Option<String>,
    /// What it is called, for people.
    pub label: String,
    /// Whether it is still there.
    pub state: GroupState,
}

/// What a group used in all the days.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupView {
    /// Who or what.
    #[serde(flatten)]
    pub group: Group,
    /// What it used.
    #[serde(flatten)]
    pub counts: CountsView,
}

/// What a group used on a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RowView {
    /// The day, in UTC.
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// Who or what.
    #[serde(flatten)]
    pub group: Group,
    /// What it used.
    #[serde(flatten)]
    pub counts: CountsView,
}

/// What a tenant used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UsageView {
    /// The days on which something was used or refused, oldest first.
    pub days: Vec<DayView>,
    /// All of them together.
    pub total: UsedView,
    /// How the tenant's budgets stand, and those of users and keys of which much is used.
    pub budgets: Vec<BudgetView>,
    /// What `groups` and `rows` are by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<UsageBy>,
    /// What each group used, most tokens first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<GroupView>>,
    /// The same by day, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowView>>,
}

/// What one user used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnUsageView {
    /// The days on which something was used or refused, oldest first.
    pub days: Vec<OwnDayView>,
    /// All of them together.
    pub total: CountsView,
}

/// What one user used on a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnDayView {
    /// The day, in UTC.
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// What was used on it.
    #[serde(flatten)]
    pub counts: CountsView,
}

impl OwnUsageView {
    /// Of these lines.
    pub fn new(lines: &[LedgerLine]) -> Self {
        let (mut days, mut total) = (BTreeMap::new(), LedgerCounts::default());
        for line in lines {
            days.entry(line.day)
                .or_insert_with(LedgerCounts::default)
                .add(&line.counts);
            total.add(&line.counts);
        }
        let day = |(day, counts): (Date, LedgerCounts)| OwnDayView {
            day,
            counts: counts.into(),
        };
        Self {
            days: days.into_iter().map(day).collect(),
            total: total.into(),
        }
    }
}

/// A day as it is counted, and what of it the ledger attributes.
struct Day {
    counted: DailyUsage,
    attributed: LedgerCounts,
}

impl Day {
    fn none(day: Date) -> Self {
        Self {
            counted: DailyUsage::none(day),
            attributed: LedgerCounts::default(),
        }
    }

    /// Everything: used as the day counts it, and the rest as the ledger does.
    fn whole(&self) -> LedgerCounts {
        let counted = &self.counted;
        LedgerCounts {
            used: UsageDelta {
                input_tokens: counted.input_tokens,
                output_tokens: counted.output_tokens,
                cost: counted.cost,
                unpriced_tokens: counted.unpriced_tokens,
                estimated_tokens: counted.estimated_tokens,
            },
            ..self.attributed
        }
    }

    fn used(&self) -> UsedView {
        UsedView {
            messages: self.counted.messages,
            counts: self.whole().into(),
        }
    }

    fn not_attributed(&self) -> LedgerCounts {
        let rest = u64::saturating_sub;
        let (whole, known) = (self.whole().used, self.attributed.used);
        LedgerCounts {
            turns: rest(self.counted.messages, self.attributed.turns),
            failed: 0,
            refusals: 0,
            used: UsageDelta {
                input_tokens: rest(whole.input_tokens, known.input_tokens),
                output_tokens: rest(whole.output_tokens, known.output_tokens),
                cost: NanoUsd(rest(whole.cost.0, known.cost.0)),
                unpriced_tokens: rest(whole.unpriced_tokens, known.unpriced_tokens),
                estimated_tokens: rest(whole.estimated_tokens, known.estimated_tokens),
            },
        }
    }
}

impl UsageView {
    /// Of what the days counted and what the ledger has of them; in groups if asked for.
    pub fn new(
        counted: &[DailyUsage],
        lines: &[LedgerLine],
        grouped: Option<(UsageBy, &Names)>,
    ) -> Self {
        let mut days = BTreeMap::new();
        for usage in counted {
            let day = days
                .entry(usage.day)
                .or_insert_with(|| Day::none(usage.day));
            day.counted.add(usage);
        }
        for line in lines {
            let day = days.entry(line.day).or_insert_with(|| Day::none(line.day));
            day.attributed.add(&line.counts);
        }
        let mut total = Day::none(Date::ZERO);
        for day in days.values() {
            total.counted.add(&day.counted);
            total.attributed.add(&day.attributed);
        }
        let (groups, rows) = grouped
            .map(|(by, names)| in_groups(&days, lines, by, names))
            .unzip();
        Self {
            total: total.used(),
            days: days
                .into_iter()
                .map(|(day, counted)| DayView {
                    day,
                    used: counted.used(),
                })
                .collect(),
            budgets: Vec::new(),
            by: grouped.map(|(by, _)| by),
            groups,
            rows,
        }
    }
}

fn in_groups(
    days: &BTreeMap<Date, Day>,
    lines: &[LedgerLine],
    by: UsageBy,
    names: &Names,
) -> (Vec<GroupView>, Vec<RowView>) {
    let mut rows = BTreeMap::<(Date, Group), LedgerCounts>::new();
    for line in lines {
        let row = rows.entry((line.day, names.group(by, &line.account)));
        row.or_default().add(&line.counts);
    }
    for (day, counts) in days.iter().map(|(day, of)| (*day, of.not_attributed())) {
        if counts != LedgerCounts::default() {
            let group = Group::unnamed("not attributed", GroupState::NotAttributed);
            rows.insert((day, group), counts);
        }
    }
    let mut sums = HashMap::<&Group, LedgerCounts>::new();
    for ((_, group), counts) in &rows {
        sums.entry(group).or_default().add(counts);
    }
    let mut order: Vec<(&Group, LedgerCounts)> = sums.into_iter().collect();
    order.sort_by_cached_key(|(group, counts)| {
        let used = counts.used;
        let tokens = used.input_tokens.saturating_add(used.output_tokens);
        let is_last = group.state == GroupState::NotAttributed;
        let most = Reverse((tokens, counts.turns, counts.refusals));
        (is_last, most, (*group).clone())
    });
    let place: HashMap<&Group, usize> = order
        .iter()
        .enumerate()
        .map(|(at, (group, _))| (*group, at))
        .collect();
    let groups = order.iter().map(|(group, counts)| GroupView {
        group: (*group).clone(),
        counts: (*counts).into(),
    });
    let mut by_day: Vec<_> = rows.iter().collect();
    by_day.sort_by_key(|((day, group), _)| (*day, place.get(group).copied()));
    let row = |((day, group), counts): (&(Date, Group), &LedgerCounts)| RowView {
        day: *day,
        group: group.clone(),
        counts: (*counts).into(),
    };
    (groups.collect(), by_day.into_iter().map(row).collect())
}

impl Admin {
    /// What a tenant used on each of the last `days` days, today (in UTC) included.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] unless `days` is 1 to [`MAX_USAGE_DAYS`].
    pub async fn usage(
        &self,
        tenant: &TenantId,
        days: u32,
        by: Option<UsageBy>,
    ) -> Result<UsageView, AdminError> {
        let (first, last) = self.days(days)?;
        let stored = self.tenant(tenant).await?;
        let usage = &self.platform.usage;
        let budgets = async {
            let owners = self.owners(tenant).await?;
            BudgetView::all(&self.platform, &stored, BudgetsOf::Noteworthy(&owners)).await
        };
        let (counted, lines, budgets) = futures::try_join!(
            usage.usage(tenant, first, last),
            usage.ledger(tenant, first, last, None),
            budgets,
        )?;
        let names = match by {
            Some(UsageBy::User) => self.names_of_users(tenant, &lines).await?,
            Some(UsageBy::Key) => self.names_of_keys(tenant).await?,
            Some(UsageBy::Model | UsageBy::Route) | None => Names::default(),
        };
        let grouped = by.map(|by| (by, &names));
        Ok(UsageView {
            budgets,
            ..UsageView::new(&counted, &lines, grouped)
        })
    }

    /// Who has budgets of their own.
    async fn owners(&self, tenant: &TenantId) -> Result<Owners, StoreError> {
        let store = &self.platform.tenants;
        let (users, keys) = futures::try_join!(
            self.all(|page| store.users(tenant, page)),
            self.all(|page| store.keys(tenant, page)),
        )?;
        Ok(Owners::new(users, keys))
    }

    /// What a user used on each of the last `days` days, today (in UTC) included; nothing of
    /// another who had the id before.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] unless `days` is 1 to [`MAX_USAGE_DAYS`].
    pub async fn usage_of(&self, user: &User, days: u32) -> Result<OwnUsageView, AdminError> {
        let (first, last) = self.days(days)?;
        let usage = &self.platform.usage;
        let lines = usage.ledger(&user.tenant_id, first, last, Some(&user.id));
        let mut lines = lines.await?;
        lines.retain(|line| line.account.user_since == user.created_at);
        Ok(OwnUsageView::new(&lines))
    }

    pub(super) fn days(&self, days: u32) -> Result<(Date, Date), AdminError> {
        if !(1..=MAX_USAGE_DAYS).contains(&days) {
            return Err(AdminError::invalid(
                "days",
                format!("must be 1 to {MAX_USAGE_DAYS}"),
            ));
        }
        let last = self.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Ok((last.saturating_sub((i64::from(days) - 1).days()), last))
    }
}
