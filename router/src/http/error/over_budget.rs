//! The refusal of a turn that a budget has not enough left for.

use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;

use super::ApiError;
use crate::model::budget::worded;
use crate::model::{Period, Standing, Unit};

impl ApiError {
    /// A budget has not enough left for a turn.
    pub(super) fn over_budget(message: String, standing: &Standing, resets_at: Timestamp) -> Self {
        let key = standing.budget.key;
        let code = match (key.unit, key.period) {
            (Unit::Messages, Period::Day) => "daily_limit_reached",
            _ => "budget_reached",
        };
        let used = worded(key.unit, standing.used);
        let were = match (key.unit, standing.used) {
            (Unit::Usd, _) | (_, 1) => "was",
            _ => "were",
        };
        let when = match key.period {
            Period::Day => "today",
            Period::Month => "this month",
        };
        let wait = Timestamp::now().duration_until(resets_at);
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
            .hint(format!(
                "{used} {were} used {when}; the limit resets at {resets_at}"
            ))
            .retry_after(Duration::try_from(wait).ok())
    }
}
