//! The ledger beside the bill: pure.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Serialize, Serializer};
use t3nets_router::ai::table;
use t3nets_router::model::TokenUsage;

use super::bill::{Bill, Charge};

/// Where two figures differ by no more of the bill's, nothing is to be explained.
const SAME_PERCENT: f64 = 1.0;
/// A difference of fewer dollars is not seen in the table.
const SAME_USD: f64 = 0.000_05;

/// What the ledger has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Ours {
    pub(super) usd: f64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    /// Those among the tokens whose price is not known here.
    pub(super) unpriced_tokens: u64,
}

impl Ours {
    pub(super) fn add(&mut self, other: Self) {
        self.usd += other.usd;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.unpriced_tokens += other.unpriced_tokens;
    }

    pub(super) fn tokens(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// What AWS charges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Theirs {
    pub(super) usd: f64,
    /// `None` where the bill does not say what its amounts count.
    pub(super) tokens: Option<u64>,
}

impl Default for Theirs {
    fn default() -> Self {
        Self {
            usd: 0.0,
            tokens: Some(0),
        }
    }
}

impl Theirs {
    fn add(&mut self, usd: f64, tokens: Option<u64>) {
        self.usd += usd;
        self.tokens = self.tokens.zip(tokens).map(|(a, b)| a.saturating_add(b));
    }
}

/// By what rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Day,
    Model,
}

/// Whose calls the bill's figures may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everybody's in the account.
    Account,
    /// Those of one tenant.
    Tenant,
}

/// Why two figures differ, most likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    NotSettled,
    OnlyBilled(Scope),
    OnlyCounted(Scope),
    Unpriced,
    OtherPrice,
    MoreBilled(Scope),
    MoreCounted,
}

impl Reason {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NotSettled => "the bill lags behind by up to 48 hours",
            Self::OnlyBilled(Scope::Account) => {
                "other programs in the account, or another environment"
            }
            Self::OnlyBilled(Scope::Tenant) => "other callers of the tenant's profile or tag",
            Self::OnlyCounted(Scope::Account) => {
                "another account pays, or AWS names the model otherwise"
            }
            Self::OnlyCounted(Scope::Tenant) => "calls without the tenant's profile or tag",
            Self::Unpriced => "tokens of a model without a price here",
            Self::OtherPrice => {
                "the same tokens at another price: those here are us-east-1's, without discounts"
            }
            Self::MoreBilled(Scope::Account) => {
                "other programs in the account, or another environment"
            }
            Self::MoreBilled(Scope::Tenant) => "calls that broke off, which the ledger estimates",
            Self::MoreCounted => "calls that broke off, which the ledger estimates",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// Which side alone has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Ledger,
    Bill,
}

/// Two figures beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// The day or the model; `None` for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) day: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    pub(super) ledger: Ours,
    pub(super) bill: Theirs,
    /// The bill less the ledger.
    pub(super) difference_usd: f64,
    /// The same in percent of the bill; `None` where that is nothing.
    pub(super) difference_percent: Option<f64>,
    pub(super) only_in: Option<Side>,
    pub(super) reason: Option<Reason>,
}

impl Row {
    fn new(ledger: Ours, bill: Theirs, is_settled: bool, scope: Scope) -> Self {
        let difference = bill.usd - ledger.usd;
        let is_counted = ledger.tokens() > 0 || ledger.usd > 0.0;
        let only_in = match (is_counted, bill.usd > 0.0 || bill.tokens != Some(0)) {
            (true, false) => Some(Side::Ledger),
            (false, true) => Some(Side::Bill),
            _ => None,
        };
        let percent = (bill.usd > 0.0).then(|| difference / bill.usd * 100.0);
        let mut row = Self {
            day: None,
            model: None,
            ledger,
            bill,
            difference_usd: rounded(difference, 1e9),
            difference_percent: percent.map(|percent| rounded(percent, 100.0)),
            only_in,
            reason: None,
        };
        row.reason = match is_settled {
            true => row.why(scope),
            false => Some(Reason::NotSettled),
        };
        row
    }

    fn why(&self, scope: Scope) -> Option<Reason> {
        match self.only_in {
            Some(Side::Bill) => return Some(Reason::OnlyBilled(scope)),
            Some(Side::Ledger) => return Some(Reason::OnlyCounted(scope)),
            None => {}
        }
        if self.ledger.unpriced_tokens > 0 {
            return Some(Reason::Unpriced);
        }
        let percent = self.difference_percent?;
        if percent.abs() <= SAME_PERCENT || self.difference_usd.abs() < SAME_USD {
            return None;
        }
        let (ours, theirs) = (self.ledger.tokens() as f64, self.bill.tokens);
        let tokens_differ = theirs.map(|theirs| (theirs as f64 - ours) / ours.max(1.0) * 100.0);
        match tokens_differ {
            Some(by) if by.abs() <= SAME_PERCENT => Some(Reason::OtherPrice),
            _ if percent > 0.0 => Some(Reason::MoreBilled(scope)),
            _ => Some(Reason::MoreCounted),
        }
    }

    /// How far the two are apart, in percent of the bill.
    pub(super) fn apart(&self) -> f64 {
        match self.difference_percent {
            Some(percent) => percent.abs(),
            None if self.ledger.usd > 0.0 => f64::INFINITY,
            None => 0.0,
        }
    }
}

fn rounded(number: f64, to: f64) -> f64 {
    (number * to).round() / to
}

/// What was compared.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) rows: Vec<Row>,
    /// Of the settled days.
    pub(super) total: Row,
    /// What Bedrock costs beside tokens, in US dollars by usage type.
    pub(super) other: BTreeMap<String, f64>,
}

/// What the ledger has of each day and model.
pub(super) type Ledger = BTreeMap<(Date, String), Ours>;

/// Prices what was called by application inference profiles, of which the ledger knows no model:
/// the bill does. Calls of its one model where it does not tell profiles apart.
pub(super) fn price_profiles(ledger: Ledger, bill: &Bill, scope: Scope) -> Ledger {
    let mut priced = Ledger::new();
    for ((day, model), mut ours) in ledger {
        let behind = table::application_profile(&model).and_then(|profile| {
            let only = || bill.only_model().filter(|_| scope == Scope::Tenant);
            bill.model_behind(profile).or_else(only)
        });
        if let (Some(info), 0.0) = (behind.and_then(table::find), ours.usd) {
            let usage = TokenUsage {
                input: ours.input_tokens,
                output: ours.output_tokens,
                ..TokenUsage::default()
            };
            ours.usd = info.cost(usage, &model).as_usd();
            ours.unpriced_tokens = 0;
        }
        let name = behind.map_or_else(|| model.clone(), str::to_owned);
        priced.entry((day, name)).or_default().add(ours);
    }
    priced
}

/// Puts the two beside each other: each day, or each model on the settled days. The last settled
/// day is that after which the bill may still be short of something.
pub(super) fn compare(
    ledger: &Ledger,
    bill: &Bill,
    by: By,
    scope: Scope,
    settled: impl Fn(Date) -> bool,
) -> Compared {
    let mut sides = BTreeMap::<(Option<Date>, Option<&str>), (Ours, Theirs)>::new();
    let mut total = (Ours::default(), Theirs::default());
    let mut other = BTreeMap::new();
    let key = |day, model| match by {
        By::Day => Some((Some(day), None)),
        By::Model => settled(day).then_some((None, Some(model))),
    };
    for ((day, model), ours) in ledger {
        if let Some(key) = key(*day, model.as_str()) {
            sides.entry(key).or_default().0.add(*ours);
        }
        if settled(*day) {
            total.0.add(*ours);
        }
    }
    for ((day, charge), charged) in &bill.charges {
        let model = match charge {
            Charge::Tokens(model) => model.as_str(),
            Charge::Other(usage_type) => {
                *other.entry(usage_type.clone()).or_insert(0.0) += charged.usd;
                continue;
            }
        };
        if let Some(key) = key(*day, model) {
            let side = &mut sides.entry(key).or_default().1;
            side.add(charged.usd, charged.tokens);
        }
        if settled(*day) {
            total.1.add(charged.usd, charged.tokens);
        }
    }
    let rows = sides.into_iter().map(|((day, model), (ours, theirs))| Row {
        day,
        model: model.map(str::to_owned),
        ..Row::new(ours, theirs, day.is_none_or(&settled), scope)
    });
    Compared {
        rows: rows.collect(),
        total: Row::new(total.0, total.1, true, scope),
        other,
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
