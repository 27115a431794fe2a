//! `t3nets tenant usage`.

mod chart;
mod csv;
mod reconcile;

use chart::Measure;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use t3nets_router::admin::usage::{
    BudgetView, CountsView, Group, GroupState, UsageBy, UsageView, UsedView,
};
use t3nets_router::model::{BudgetKey, NanoUsd, TenantId};

use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::{CliError, exit_code};
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use reconcile::{ReconcileArgs, Reconciliation};

/// Arguments of `t3nets tenant usage`.
#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    tenant: TenantName,
    /// The number of days to show, ending today (UTC)
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Show who or what used it, instead of the days
    #[arg(long, value_name = "GROUP", value_parser = by_parser())]
    by: Option<UsageBy>,
    /// Show all tenants, each with its total
    #[arg(long, conflicts_with_all = ["named_tenant", "tenant"])]
    all: bool,
    /// Draw bars instead of a table [default: of the cost, or of messages where nothing cost
    /// anything]
    #[arg(
        long,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with_all = ["csv", "json"]
    )]
    chart: Option<Option<Measure>>,
    /// Print a line of CSV for each day, or with `--by` for each group of a day
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    reconcile: ReconcileArgs,
}

fn by_parser() -> impl TypedValueParser<Value = UsageBy> {
    PossibleValuesParser::new(UsageBy::ALL.map(UsageBy::as_str))
        .try_map(|text| text.parse::<UsageBy>())
}

/// What was used, as it was asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Shown {
    /// By one tenant.
    One(Usage),
    /// By every tenant.
    All(AllUsage),
    /// Beside AWS's bill.
    Reconciled(Box<Reconciliation>),
    /// The same as CSV.
    #[serde(skip)]
    ReconciledCsv(Box<Reconciliation>),
    /// As bars.
    #[serde(skip)]
    Chart(String),
    /// As CSV.
    #[serde(skip)]
    Csv(String),
}

impl Output for Shown {
    fn text(&self) -> String {
        match self {
            Self::One(usage) => usage.text(),
            Self::All(all) => all.text(),
            Self::Reconciled(reconciliation) => reconciliation.text(),
            Self::ReconciledCsv(reconciliation) => reconciliation.csv(),
            Self::Chart(text) | Self::Csv(text) => text.clone(),
        }
    }

    fn is_verbatim(&self) -> bool {
        matches!(self, Self::Csv(_) | Self::ReconciledCsv(_))
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Reconciled(reconciliation) | Self::ReconciledCsv(reconciliation)
                if reconciliation.is_over() =>
            {
                exit_code::FAILED
            }
            _ => exit_code::DONE,
        }
    }
}

/// What all tenants used.
#[derive(Debug, Serialize)]
pub(crate) struct AllUsage {
    tenants: Vec<Usage>,
    total: UsedView,
}

impl AllUsage {
    fn text(&self) -> String {
        let columns = Columns::of(&self.total.counts);
        let rows = self.tenants.iter().map(|one| {
            let used = &one.usage.total;
            let id = (one.tenant_id.to_string(), None);
            columns.cells(id, used.messages, &used.counts)
        });
        let total = ("total".to_owned(), None);
        let total = columns.cells(total, self.total.messages, &self.total.counts);
        let head = columns.head(vec!["tenant"], "messages");
        table(&head, rows.chain([total]))
    }
}

/// What a tenant used.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    tenant_id: TenantId,
    #[serde(flatten)]
    usage: UsageView,
}

/// What the column of estimates counts, where there is one.
const ESTIMATED: &str = "estimated: tokens that no provider counted, because its endpoint does not, or the answer broke off;\n\
                         their cost is estimated, too";
/// What the last row is, where there is one.
const NOT_ATTRIBUTED: &str =
    "not attributed: turns under way, and those of a router of an earlier release";

impl Usage {
    fn text(&self) -> String {
        if self.usage.days.is_empty() {
            return match self.budgets() {
                Some(budgets) => format!("no usage\n\n{budgets}"),
                None => "no usage".to_owned(),
            };
        }
        let total = &self.usage.total;
        let columns = Columns::of(&total.counts);
        let (table, is_whole) = match (self.usage.by, &self.usage.groups) {
            (Some(by), Some(groups)) => {
                let named = groups.iter().map(|view| (&view.group, &view.counts));
                let named: Vec<_> = named.collect();
                let is_whole = !named
                    .iter()
                    .any(|(group, _)| group.state == GroupState::NotAttributed);
                let with_names = matches!(by, UsageBy::User | UsageBy::Key)
                    && named.iter().any(|(group, _)| has_name(group));
                let name = |group: &Group| name_cells(by, group, with_names);
                let total = ("total".to_owned(), with_names.then(String::new));
                let messages = self.usage.total.messages;
                let rows = named
                    .iter()
                    .map(|(group, counts)| columns.cells(name(group), counts.turns, counts))
                    .chain([columns.cells(total, messages, &self.usage.total.counts)]);
                let mut head = vec![by.as_str()];
                head.extend(with_names.then_some("name"));
                (table(&columns.head(head, "turns"), rows), is_whole)
            }
            _ => {
                let days = self.usage.days.iter().map(|day| {
                    let first = (day.day.to_string(), None);
                    columns.cells(first, day.used.messages, &day.used.counts)
                });
                let first = ("total".to_owned(), None);
                let total = columns.cells(first, total.messages, &total.counts);
                let head = columns.head(vec!["day"], "messages");
                (table(&head, days.chain([total])), true)
            }
        };
        let table = self.with_budgets(table);
        let notes = [(columns.estimated, ESTIMATED), (!is_whole, NOT_ATTRIBUTED)];
        let notes = notes.into_iter().filter(|(is_needed, _)| *is_needed);
        notes.fold(table, |text, (_, note)| format!("{text}\n\n{note}"))
    }

    /// The same as bars, of as many days as were asked for, ending today.
    fn chart(&self, asked: Option<Measure>, days: u32, today: Date) -> String {
        let usage = &self.usage;
        let measure = Measure::or_usual(asked, &usage.total);
        let bars = match &usage.groups {
            Some(groups) => measure.by_group(usage, groups),
            None => {
                let first = today.saturating_sub((i64::from(days) - 1).days());
                measure.by_day(usage, first, today)
            }
        };
        self.with_budgets(bars)
    }

    fn with_budgets(&self, text: String) -> String {
        match self.budgets() {
            Some(budgets) => format!("{text}\n\n{budgets}"),
            None => text,
        }
    }
}

impl Usage {
    /// How the budgets stand; `None` if there is none but the messages a day, and that is far off.
    fn budgets(&self) -> Option<String> {
        let is_usual = |budget: &BudgetView| {
            budget.name == BudgetKey::MESSAGES_PER_DAY.as_str() && !budget.is_warning
        };
        let shown: Vec<&BudgetView> = self.usage.budgets.iter().collect();
        if shown.iter().all(|budget| is_usual(budget)) {
            return None;
        }
        let rows = shown.iter().map(|budget| {
            let state = match budget.percent() {
                100.. => "used up",
                _ if budget.is_warning => "nearly used up",
                _ => "",
            };
            [
                budget.name.to_owned(),
                whose(budget),
                budget.used.to_string(),
                budget.limit.to_string(),
                format!("{}%", budget.percent()),
                budget.resets_at.strftime("%F").to_string(),
                state.to_owned(),
            ]
        });
        let head = [
            "budget", "for", "used", "limit", "percent", "resets", "state",
        ];
        Some(table(&head, rows))
    }
}

/// Whom a budget is for.
fn whose(budget: &BudgetView) -> String {
    match &budget.of {
        None => "tenant".to_owned(),
        Some(of) if budget.is_own => format!("{of} (own)"),
        Some(of) => of.clone(),
    }
}

/// Whether a group has a name beside what it is known by.
fn has_name(group: &Group) -> bool {
    group.id.as_ref().is_some_and(|id| *id != group.label)
}

/// What a group is known by, and its name.
fn name_cells(by: UsageBy, group: &Group, with_names: bool) -> (String, Option<String>) {
    // A route is known by its own word; no other has a label that says less.
    let id = match &group.id {
        Some(id) => id.clone(),
        None => format!("({})", group.label),
    };
    let gone = match (group.state, by) {
        (GroupState::Former, UsageBy::Key) => "(revoked)",
        (GroupState::Former, _) => "(removed)",
        _ => "",
    };
    let name = match has_name(group) {
        true => group.label.clone(),
        false => gone.to_owned(),
    };
    match with_names {
        true => (id, Some(name)),
        false if gone.is_empty() => (id, None),
        false => (format!("{id} {gone}"), None),
    }
}

/// The columns that there are only where one of them counts something.
#[derive(Debug, Clone, Copy)]
struct Columns {
    failed: bool,
    refused: bool,
    estimated: bool,
}

impl Columns {
    fn of(total: &CountsView) -> Self {
        Self {
            failed: total.failed > 0,
            refused: total.refusals > 0,
            estimated: total.estimated_tokens > 0,
        }
    }

    fn head<'a>(self, mut first: Vec<&'a str>, counted: &'a str) -> Vec<&'a str> {
        first.push(counted);
        first.extend(self.failed.then_some("failed"));
        first.extend(self.refused.then_some("refused"));
        first.extend(["tokens in", "tokens out"]);
        first.extend(self.estimated.then_some("estimated"));
        first.push("cost");
        first
    }

    fn cells(
        self,
        (first, name): (String, Option<String>),
        counted: u64,
        counts: &CountsView,
    ) -> Vec<String> {
        let optional = |is_there: bool, number: u64| is_there.then(|| number.to_string());
        let mut cells = vec![first];
        cells.extend(name);
        cells.push(counted.to_string());
        cells.extend(optional(self.failed, counts.failed));
        cells.extend(optional(self.refused, counts.refusals));
        cells.extend([counts.input_tokens, counts.output_tokens].map(|number| number.to_string()));
        cells.extend(optional(self.estimated, counts.estimated_tokens));
        cells.push(shown_cost(counts.priced_cost_usd, counts.unpriced_tokens));
        cells
    }
}

/// A cost, of which a part may not be known.
fn shown_cost(priced: NanoUsd, unpriced_tokens: u64) -> String {
    match (priced, unpriced_tokens) {
        (priced, 0) => priced.to_string(),
        (NanoUsd(0), _) => "unknown".to_owned(),
        (priced, _) => format!("{priced} + unknown"),
    }
}

/// Shows what a tenant used, or all of them.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: UsageArgs) -> Result<Shown, CliError> {
    if args.reconcile.reconcile {
        let is_csv = args.csv;
        let reconciliation = Box::new(reconcile::run(context, args).await?);
        return Ok(match is_csv {
            true => Shown::ReconciledCsv(reconciliation),
            false => Shown::Reconciled(reconciliation),
        });
    }
    let admin = context.admin().await?;
    let ids = match args.all {
        true => {
            let tenants = admin.tenants().await?;
            tenants.into_iter().map(|tenant| tenant.id).collect()
        }
        false => vec![args.tenant.resolve(context, &admin).await?],
    };
    let mut tenants = Vec::new();
    for tenant_id in ids {
        let usage = admin.usage(&tenant_id, args.days, args.by).await?;
        tenants.push(Usage { tenant_id, usage });
    }
    if args.csv {
        let each = tenants.iter().map(|one| (&one.tenant_id, &one.usage));
        return Ok(Shown::Csv(csv::csv(each)));
    }
    if !args.all && tenants.len() == 1 {
        let one = tenants.remove(0);
        return Ok(match args.chart {
            Some(asked) => Shown::Chart(one.chart(asked, args.days, today())),
            None => Shown::One(one),
        });
    }
    let mut total = UsedView::default();
    for one in &tenants {
        total.add(&one.usage.total);
    }
    Ok(match args.chart {
        Some(asked) => {
            let each = tenants.iter();
            let each = each.map(|one| (one.tenant_id.to_string(), &one.usage.total));
            Shown::Chart(Measure::or_usual(asked, &total).by_tenant(each, &total))
        }
        None => Shown::All(AllUsage { tenants, total }),
    })
}

fn today() -> Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use t3nets_router::model::DailyUsage;

    use super::*;

    #[test]
    fn a_cost_that_is_not_known_is_not_shown_as_nothing() {
        for (priced, unpriced, shown) in [
            (0, 0, "$0.0000"),
            (2_100_000, 0, "$0.0021"),
            (0, 7, "unknown"),
            (2_100_000, 7, "$0.0021 + unknown"),
        ] {
            assert_eq!(shown_cost(NanoUsd(priced), unpriced), shown);
        }
    }

    #[test]
    fn estimated_tokens_are_shown_apart_where_there_are_any() {
        let usage = |estimated: [u64; 2]| {
            let days = ["2026-01-15", "2026-01-16"].into_iter().zip(estimated);
            let days: Vec<_> = days
                .map(|(day, estimated_tokens)| DailyUsage {
                    messages: 1,
                    input_tokens: 120,
                    output_tokens: 30,
                    cost: NanoUsd(2_100_000),
                    estimated_tokens,
                    ..DailyUsage::none(day.parse().unwrap())
                })
                .collect();
            Usage {
                tenant_id: "default".parse().unwrap(),
                usage: UsageView::new(&days, &[], None),
            }
        };
        let text = usage([7, 5]).text();
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let lines: Vec<_> = text.lines().map(words).collect();
        assert_eq!(
            lines[0],
            [
                "DAY",
                "MESSAGES",
                "TOKENS",
                "IN",
                "TOKENS",
                "OUT",
                "ESTIMATED",
                "COST"
            ]
        );
        assert_eq!(lines[1], ["2026-01-15", "1", "120", "30", "7", "$0.0021"]);
        assert_eq!(lines[3], ["total", "2", "240", "60", "12", "$0.0042"]);
        assert!(text.ends_with(ESTIMATED), "{text}");
        assert!(!usage([0, 0]).text().to_lowercase().contains("estimated"));
    }

    #[test]
    fn the_total_of_days_is_unknown_if_one_of_them_is() {
        let day = |cost, unpriced_tokens| DailyUsage {
            messages: 1,
            cost: NanoUsd(cost),
            unpriced_tokens,
            ..DailyUsage::none("2026-01-15".parse().unwrap())
        };
        let sum = UsageView::new(&[day(5, 0), day(0, 9)], &[], None).total;
        assert_eq!((sum.messages, sum.counts.cost_usd), (2, None));
        let counts = sum.counts;
        assert_eq!(
            (counts.priced_cost_usd, counts.unpriced_tokens),
            (NanoUsd(5), 9)
        );
        assert_eq!(
            UsageView::new(&[day(5, 0)], &[], None)
                .total
                .counts
                .cost_usd,
            Some(NanoUsd(5))
        );
    }
}
