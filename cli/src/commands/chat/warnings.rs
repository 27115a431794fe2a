//! Budgets that are nearly used up, as an answer warns of them.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;
use t3nets_router::model::budget::worded;
use t3nets_router::model::{Payer, Period, Unit};

use super::client::Answer;
use crate::terminal::printer::Printer;
use crate::terminal::text::shown_time;

/// What a conversation was warned of already.
#[derive(Debug, Default)]
pub(super) struct Warnings(HashSet<(String, Timestamp, bool)>);

/// As much of a budget as is told.
#[derive(Debug, Deserialize)]
struct Budget {
    name: String,
    payer: Payer,
    unit: Unit,
    period: Period,
    limit: f64,
    used: f64,
    resets_at: Timestamp,
}

impl Warnings {
    /// Tells what an answer warns of, each budget once until it is used up.
    pub(super) fn tell(&mut self, printer: &Printer, answer: &Answer) {
        for warning in self.new_ones(answer) {
            printer.warning(warning);
        }
    }

    fn new_ones(&mut self, answer: &Answer) -> Vec<String> {
        let budgets = answer.whole["budget_warnings"].as_array().into_iter();
        // What a newer router says otherwise is no reason to hide an answer.
        let budgets = budgets
            .flatten()
            .filter_map(|one| Budget::deserialize(one).ok());
        let new = budgets.filter(|one| {
            let is_used_up = one.percent() >= 100;
            self.0.insert((one.name.clone(), one.resets_at, is_used_up))
        });
        new.map(|one| one.worded()).collect()
    }
}

impl Budget {
    /// Rounded down, so that what is used up is, and nothing else.
    fn percent(&self) -> u64 {
        match self.limit > 0.0 {
            true => (self.used * 100.0 / self.limit) as u64,
            false => 100,
        }
    }

    /// `82% of your team's budget of $50.00 for this month is used; it resets at …`.
    fn worded(&self) -> String {
        let used = match self.percent() {
            100.. => "all".to_owned(),
            percent => format!("{percent}%"),
        };
        let whose = match self.payer {
            Payer::Tenant => "your team's",
            Payer::User => "your",
            Payer::Key => "this key's",
        };
        let limit = match self.unit {
            Unit::Usd => worded(Unit::Usd, (self.limit * 1e9).round() as u64),
            unit => worded(unit, self.limit as u64),
        };
        let when = match self.period {
            Period::Day => "today",
            Period::Month => "this month",
        };
        let resets = shown_time(self.resets_at);
        format!("{used} of {whose} budget of {limit} for {when} is used; it resets at {resets}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(warnings: Value) -> Answer {
        let whole = json!({
            "text": "", "session_id": "s1", "route": "ai", "budget_warnings": warnings,
        });
        let answer = Answer::deserialize(&whole).unwrap();
        Answer { whole, ..answer }
    }

    #[test]
    fn a_budget_is_told_in_words_once_and_again_when_it_is_used_up() {
        let month = |used: f64| {
            json!({
                "name": "usd_per_month", "payer": "tenant", "unit": "usd", "period": "month",
                "limit": 50, "used": used, "is_warning": true, "resets_at": "2026-12-01T00:00:00Z",
            })
        };
        let day = json!({
            "name": "key_tokens_per_day", "payer": "key", "of": "t3n_1", "unit": "tokens",
            "period": "day", "limit": 2000, "used": 1999, "resets_at": "2026-11-28T00:00:00Z",
        });
        let mut warnings = Warnings::default();
        let of_month = "82% of your team's budget of $50.00 for this month is used; it resets at 2026-12-01 00:00 UTC";
        let of_key = "99% of this key's budget of 2000 tokens for today is used; it resets at 2026-11-28 00:00 UTC";
        let first = answer(json!([month(41.23), day]));
        assert_eq!(warnings.new_ones(&first), [of_month, of_key]);
        assert!(warnings.new_ones(&first).is_empty());
        let all = of_month.replace("82%", "all");
        assert_eq!(warnings.new_ones(&answer(json!([month(50.0)]))), [all]);
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        for odd in [json!(null), json!("x"), json!([{"name": "x"}, 7])] {
            assert!(Warnings::default().new_ones(&answer(odd)).is_empty());
        }
    }
}
