//! What a tenant used in a day.

use std::fmt;
use std::ops::AddAssign;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

/// Money in billionths of a US dollar: exact when summed, and fine enough for one token of the
/// cheapest model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// In US dollars, for people and JSON.
    pub fn as_usd(self) -> f64 {
        // Exact up to 9 million dollars (2^53 billionths), far beyond a tenant's day.
        self.0 as f64 / 1e9
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}", self.as_usd())
    }
}

impl Serialize for NanoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_usd())
    }
}

/// What a tenant used on one day, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DailyUsage {
    /// The day, in UTC.
    pub day: Date,
    /// Messages that were accepted.
    pub messages: u64,
    /// Tokens sent to models.
    pub input_tokens: u64,
    /// Tokens that models answered.
    pub output_tokens: u64,
    /// What that cost, but for [`unpriced_tokens`](Self::unpriced_tokens).
    #[serde(rename = "priced_cost_usd")]
    pub cost: NanoUsd,
    /// Tokens, in and out, of models whose price is not known.
    pub unpriced_tokens: u64,
    /// How many of the tokens are estimated, because a provider did not say or a call did not come
    /// to its end.
    pub estimated_tokens: u64,
}

impl DailyUsage {
    /// What all of it cost; `None` if the price of a part is not known.
    pub fn whole_cost(&self) -> Option<NanoUsd> {
        (self.unpriced_tokens == 0).then_some(self.cost)
    }

    /// Adds another day's.
    pub fn add(&mut self, other: &Self) {
        let sum = u64::saturating_add;
        self.messages = sum(self.messages, other.messages);
        self.input_tokens = sum(self.input_tokens, other.input_tokens);
        self.output_tokens = sum(self.output_tokens, other.output_tokens);
        self.cost += other.cost;
        self.unpriced_tokens = sum(self.unpriced_tokens, other.unpriced_tokens);
        self.estimated_tokens = sum(self.estimated_tokens, other.estimated_tokens);
    }

    /// Tokens that cost nothing are of a model without a price: every price there is comes to
    /// something. So it is with days that were counted before such tokens were.
    #[must_use]
    pub(crate) fn with_unpriced_found(mut self) -> Self {
        if self.cost == NanoUsd(0) {
            self.unpriced_tokens = self.input_tokens.saturating_add(self.output_tokens);
        }
        self
    }

    /// A day on which nothing was used.
    pub fn none(day: Date) -> Self {
        Self {
            day,
            messages: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost: NanoUsd(0),
            unpriced_tokens: 0,
            estimated_tokens: 0,
        }
    }
}

/// What one turn adds to a day once it is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageDelta {
    /// Tokens sent to models.
    pub input_tokens: u64,
    /// Tokens that models answered.
    pub output_tokens: u64,
    /// What that cost, as far as prices are known.
    pub cost: NanoUsd,
    /// The tokens among them whose price is not known.
    pub unpriced_tokens: u64,
    /// How many of the tokens are estimated.
    pub estimated_tokens: u64,
}

impl UsageDelta {
    /// Adds another turn's.
    pub fn add(&mut self, other: &Self) {
        let sum = u64::saturating_add;
        self.input_tokens = sum(self.input_tokens, other.input_tokens);
        self.output_tokens = sum(self.output_tokens, other.output_tokens);
        self.cost += other.cost;
        self.unpriced_tokens = sum(self.unpriced_tokens, other.unpriced_tokens);
        self.estimated_tokens = sum(self.estimated_tokens, other.estimated_tokens);
    }
}
