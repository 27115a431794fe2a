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
    /// What that cost.
    #[serde(rename = "cost_usd")]
    pub cost: NanoUsd,
}

impl DailyUsage {
    /// A day on which nothing was used.
    pub fn none(day: Date) -> Self {
        Self {
            day,
            messages: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost: NanoUsd(0),
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
    /// What that cost.
    pub cost: NanoUsd,
}
