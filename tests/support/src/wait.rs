//! Waiting for what happens in another process.

use std::time::{Duration, Instant};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(200);

/// Looks until there is something.
///
/// # Panics
/// If there is nothing within `at_most`: `what` says what was waited for.
pub fn until<T>(what: &str, at_most: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < at_most, "{what}: not within {at_most:?}");
        std::thread::sleep(EVERY);
    }
}
