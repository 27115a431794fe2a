//! The comparison as a table, as CSV and as JSON.

use csv::Writer;
use jiff::civil::Date;
use serde::Serialize;
use t3nets_router::model::TenantId;

use super::compare::{By, Compared, Row, Side};
use super::cost_explorer::REQUEST_USD;
use crate::terminal::table::table;

/// Where the bill is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    CostExplorer,
    Export,
}

/// Whose share is compared, and how it was found on the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FoundBy {
    /// All of the account's.
    Account,
    /// By application inference profiles.
    Profile,
    /// By a cost allocation tag.
    Tag,
}

/// What was compared. The names of fields are an interface: programs read them.
#[derive(Debug, Serialize)]
pub(crate) struct Reconciliation {
    /// The tenant; `None` if all tenants are compared with all of the account.
    pub(super) tenant_id: Option<TenantId>,
    pub(super) source: Source,
    pub(super) found_by: FoundBy,
    pub(super) first_day: Date,
    pub(super) last_day: Date,
    /// The last day that the bill has whole, and that `total` has.
    pub(super) settled_day: Option<Date>,
    pub(super) rows: Vec<Row>,
    pub(super) total: Row,
    /// What Bedrock costs beside tokens, which the ledger does not count.
    pub(super) other_usd: f64,
    pub(super) notes: Vec<String>,
    /// How often Cost Explorer was asked, and what that costs.
    pub(super) requests: u32,
    pub(super) requests_usd: f64,
    #[serde(skip)]
    pub(super) by: By,
    /// The percentage above which the program ends with 1.
    #[serde(skip)]
    pub(super) fail_over: Option<f64>,
}

impl Reconciliation {
    /// Takes over what was compared, and notes what of it needs explaining.
    pub(super) fn take(&mut self, compared: Compared, requests: u32) {
        self.rows = compared.rows;
        self.total = compared.total;
        self.other_usd = compared.other.values().sum();
        self.requests = requests;
        self.requests_usd = (f64::from(requests) * REQUEST_USD * 100.0).round() / 100.0;
        let shown: Vec<String> = compared
            .other
            .iter()
            .filter(|(_, usd)| **usd > 0.0)
            .map(|(usage_type, usd)| format!("{usage_type} ${usd:.2}"))
            .collect();
        if !shown.is_empty() {
            self.notes.push(format!(
                "not compared: what Bedrock costs beside tokens, which the ledger does not count: {}",
                shown.join(", ")
            ));
        }
        if requests > 0 {
            let cost = self.requests_usd;
            let times = if requests == 1 {
                "once"
            } else {
                &format!("{requests} times")
            };
            self.notes.push(format!(
                "Cost Explorer was asked {times}, which costs ${cost:.2}"
            ));
        }
    }

    /// Whether the two are further apart than they may be.
    pub(crate) fn is_over(&self) -> bool {
        self.fail_over
            .is_some_and(|percent| self.total.apart() > percent)
    }

    pub(crate) fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| cells(row, &self.name(row)));
        let total = cells(&self.total, "total");
        let head = [
            match self.by {
                By::Day => "day",
                By::Model => "model",
            },
            "ledger",
            "bill",
            "difference",
            "percent",
            "tokens",
            "billed tokens",
            "only in",
            "likely reason",
        ];
        let mut text = table(&head, rows.chain([total]));
        let whole = match self.settled_day {
            Some(day) => format!("total: to {day}, the last day that the bill has whole"),
            None => "total: nothing, since the bill has none of these days whole".to_owned(),
        };
        for note in std::iter::once(&whole).chain(&self.notes) {
            text.push_str("\n\n");
            text.push_str(note);
        }
        text
    }

    fn name(&self, row: &Row) -> String {
        match (&row.model, row.day) {
            (Some(model), _) => model.clone(),
            (None, day) => day.map(|day| day.to_string()).unwrap_or_default(),
        }
    }

    /// A line for each row, without the total.
    pub(crate) fn csv(&self) -> String {
        let mut lines = Writer::from_writer(Vec::new());
        let first = match self.by {
            By::Day => "day",
            By::Model => "model",
        };
        // Writing to memory does not fail.
        let _ = lines.write_record([
            first,
            "ledger_usd",
            "bill_usd",
            "difference_usd",
            "difference_percent",
            "ledger_tokens",
            "unpriced_tokens",
            "bill_tokens",
            "only_in",
            "reason",
        ]);
        for row in &self.rows {
            let optional = |number: Option<String>| number.unwrap_or_default();
            let _ = lines.write_record([
                super::super::csv::text(&self.name(row)),
                row.ledger.usd.to_string(),
                row.bill.usd.to_string(),
                row.difference_usd.to_string(),
                optional(row.difference_percent.map(|percent| percent.to_string())),
                row.ledger.tokens().to_string(),
                row.ledger.unpriced_tokens.to_string(),
                optional(row.bill.tokens.map(|tokens| tokens.to_string())),
                row.only_in.map(side).unwrap_or_default().to_owned(),
                row.reason
                    .map(super::compare::Reason::text)
                    .unwrap_or_default()
                    .to_owned(),
            ]);
        }
        let bytes = lines.into_inner().unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim_end().to_owned()
    }
}

fn cells(row: &Row, name: &str) -> [String; 9] {
    let percent = row.difference_percent;
    let ours = match row.ledger.unpriced_tokens {
        0 => format!("${:.4}", row.ledger.usd),
        _ => format!("${:.4} + unknown", row.ledger.usd),
    };
    [
        name.to_owned(),
        ours,
        format!("${:.4}", row.bill.usd),
        match row.difference_usd {
            less if less < 0.0 => format!("-${:.4}", -less),
            more => format!("${more:.4}"),
        },
        percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1}%")),
        row.ledger.tokens().to_string(),
        row.bill
            .tokens
            .map_or_else(|| "-".to_owned(), |tokens| tokens.to_string()),
        row.only_in.map(side).unwrap_or_default().to_owned(),
        row.reason
            .map(super::compare::Reason::text)
            .unwrap_or_default()
            .to_owned(),
    ]
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Ledger => "ledger",
        Side::Bill => "bill",
    }
}

#[cfg(test)]
mod tests {
    use super::super::bill::{Bill, Line};
    use super::super::compare::{Ledger, Ours, Scope, compare};
    use super::*;

    #[test]
    fn a_row_is_a_line_of_csv_and_an_unknown_price_is_said() {
        let day: Date = "2026-11-20".parse().unwrap();
        let mut bill = Bill::default();
        bill.add(Line {
            day,
            product: "Amazon Bedrock",
            usage_type: "USE1-NovaLite-input-tokens",
            usd: 0.5,
            amount: 2.0,
            unit: "",
            profile: None,
        });
        let ours = Ours {
            usd: 0.25,
            input_tokens: 2_000,
            output_tokens: 0,
            unpriced_tokens: 1_000,
        };
        let ledger = Ledger::from([((day, "nova-lite".to_owned()), ours)]);
        let compared = compare(&ledger, &bill, By::Day, Scope::Account, |_| true);
        let mut shown = Reconciliation {
            tenant_id: None,
            source: Source::Export,
            found_by: FoundBy::Account,
            first_day: day,
            last_day: day,
            settled_day: Some(day),
            rows: Vec::new(),
            total: compared.total.clone(),
            other_usd: 0.0,
            notes: Vec::new(),
            requests: 0,
            requests_usd: 0.0,
            by: By::Day,
            fail_over: Some(49.0),
        };
        shown.take(compared, 0);
        let csv = shown.csv();
        let line = "2026-11-20,0.25,0.5,0.25,50,2000,1000,,,tokens of a model without a price here";
        assert_eq!(csv.lines().nth(1), Some(line), "{csv}");
        let text = shown.text();
        assert!(
            text.contains("$0.2500 + unknown  $0.5000  $0.2500     50.0%"),
            "{text}"
        );
        assert!(shown.is_over());
        shown.fail_over = Some(50.0);
        assert!(!shown.is_over());
    }
}
