//! What was used, as bars: one for each day, group or tenant.

use clap::ValueEnum;
use jiff::civil::Date;
use t3nets_router::admin::usage::{CountsView, GroupView, UsageView, UsedView};

use super::{name_cells, shown_cost};
use crate::terminal::bars::{Bar, bars};

/// What the bars are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Measure {
    /// Dollars
    Cost,
    /// Messages; of a group, its turns
    Messages,
    /// Tokens, in and out
    Tokens,
    /// Messages that were refused
    Refusals,
}

impl Measure {
    /// The one that was asked for; else the cost, or messages where nothing cost anything.
    pub(super) fn or_usual(asked: Option<Self>, total: &UsedView) -> Self {
        let usual = match total.counts.priced_cost_usd.0 {
            0 => Self::Messages,
            _ => Self::Cost,
        };
        asked.unwrap_or(usual)
    }

    fn title(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Messages => "messages",
            Self::Tokens => "tokens",
            Self::Refusals => "refused messages",
        }
    }

    fn bar(self, name: String, messages: u64, counts: &CountsView) -> Bar {
        let (value, shown) = match self {
            Self::Cost => {
                let cost = counts.priced_cost_usd;
                (cost.0, shown_cost(cost, counts.unpriced_tokens))
            }
            Self::Messages => (messages, messages.to_string()),
            Self::Tokens => {
                let tokens = counts.input_tokens.saturating_add(counts.output_tokens);
                (tokens, tokens.to_string())
            }
            Self::Refusals => (counts.refusals, counts.refusals.to_string()),
        };
        Bar { name, value, shown }
    }

    /// A bar for each of these, below what they are.
    fn drawn(self, by: &str, all: &[Bar], total: &UsedView) -> String {
        let total = self.bar(String::new(), total.messages, &total.counts).shown;
        format!("{} by {by}\n\n{}\n\ntotal {total}", self.title(), bars(all))
    }

    /// Of the days from the first to the last, those without anything too.
    pub(super) fn by_day(self, usage: &UsageView, first: Date, last: Date) -> String {
        let days = first.series(jiff::ToSpan::day(1));
        let days = days.take_while(|day| *day <= last);
        let bars = days.map(|day| {
            let found = usage.days.iter().find(|used| used.day == day);
            let used = found.map(|found| found.used).unwrap_or_default();
            self.bar(day.to_string(), used.messages, &used.counts)
        });
        self.drawn("day (UTC)", &bars.collect::<Vec<_>>(), &usage.total)
    }

    /// Of groups, in their order.
    pub(super) fn by_group(self, usage: &UsageView, groups: &[GroupView]) -> String {
        let Some(by) = usage.by else {
            return String::new();
        };
        let bars = groups.iter().map(|view| {
            let (name, _) = name_cells(by, &view.group, false);
            self.bar(name, view.counts.turns, &view.counts)
        });
        self.drawn(by.as_str(), &bars.collect::<Vec<_>>(), &usage.total)
    }

    /// Of tenants.
    pub(super) fn by_tenant<'a>(
        self,
        tenants: impl Iterator<Item = (String, &'a UsedView)>,
        total: &UsedView,
    ) -> String {
        let bars = tenants.map(|(id, used)| self.bar(id, used.messages, &used.counts));
        self.drawn("tenant", &bars.collect::<Vec<_>>(), total)
    }
}

#[cfg(test)]
mod tests {
    use t3nets_router::model::{DailyUsage, NanoUsd};

    use super::*;

    #[test]
    fn every_day_of_the_range_has_a_line() {
        let day = |day: &str, messages, cost| DailyUsage {
            messages,
            cost: NanoUsd(cost),
            ..DailyUsage::none(day.parse().unwrap())
        };
        let days = [
            day("2026-11-25", 1, 100_000_000),
            day("2026-11-27", 3, 50_000_000),
        ];
        let usage = UsageView::new(&days, &[], None);
        let (first, last) = ("2026-11-25".parse().unwrap(), "2026-11-28".parse().unwrap());
        let usual = Measure::or_usual(None, &usage.total);
        assert_eq!(usual, Measure::Cost);
        let text = usual.by_day(&usage, first, last);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[7]), ("cost by day (UTC)", "total $0.1500"));
        let marks = |line: &str| line.matches('#').count();
        assert_eq!(
            [2, 3, 4, 5].map(|n| marks(lines[n])),
            [59, 0, 30, 0],
            "{text}"
        );
        assert!(lines[4].starts_with("2026-11-27  #") && lines[4].ends_with("  $0.0500"));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");

        let messages = Measure::Messages.by_day(&usage, first, last);
        assert!(messages.contains("total 4"), "{messages}");
        let nothing = UsageView::new(&[], &[], None).total;
        assert_eq!(Measure::or_usual(None, &nothing), Measure::Messages);
    }
}
