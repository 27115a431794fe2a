//! What reports count and how they show it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The most entries of a list; its total stands beside it.
pub(in crate::skills) const LIST_LENGTH: usize = 50;

/// How many there are of each [`Stage`](super::issue::Stage).
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::skills) struct Tally<T> {
    pub(in crate::skills) total: T,
    pub(in crate::skills) done: T,
    pub(in crate::skills) in_progress: T,
    pub(in crate::skills) to_do: T,
}

/// The day in UTC, in which dates are shown.
pub(in crate::skills) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Days as a calendar counts them, so that the number is what a reader counts from today to the
/// date beside it.
pub(in crate::skills) fn days_between(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

/// Of a hundred, rounded down, so that 100 means all.
pub(in crate::skills) fn percent(part: u64, whole: u64) -> u8 {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    u8::try_from(percent).unwrap_or(100)
}

/// The list as a report holds it.
pub(in crate::skills) fn capped<T>(mut list: Vec<T>) -> Vec<T> {
    list.truncate(LIST_LENGTH);
    list
}
