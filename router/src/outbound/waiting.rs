//! How long another program asks to wait before it is asked again.

use std::time::Duration;

use jiff::Timestamp;

/// The longest wait that is believed and repeated to callers.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The value of `Retry-After`: seconds, or a date. No more than [`LONGEST_WAIT`].
pub fn waiting_time(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let seconds = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => seconds,
        Ok(_) => return None,
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?;
            date.timestamp().duration_since(now).as_secs_f64().max(0.0)
        }
    };
    let longest = LONGEST_WAIT.as_secs_f64();
    Duration::try_from_secs_f64(seconds.min(longest)).ok()
}
