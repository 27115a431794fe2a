//! Trying again what others keep from happening.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// How long a refused write is tried again: with the time of one more call still below the 10 s in
/// which a command must have an answer.
const PATIENCE: Duration = Duration::from_secs(7);

/// Attempts at one thing, with growing pauses between them, until their time is over.
///
/// The SDK repeats a request whose answer was lost or throttled. This is for what only a fresh read
/// can settle: a condition that did not hold, a conflict with another writer.
pub(crate) struct Attempts {
    end: Instant,
    pauses: ExponentialBackoff,
}

impl Attempts {
    /// For as long as a caller may be kept waiting.
    pub(crate) fn new() -> Self {
        Self::until(Instant::now() + PATIENCE)
    }

    /// Until a moment of the caller's choice.
    pub(crate) fn until(end: Instant) -> Self {
        Self {
            end,
            pauses: ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(10))
                .with_max_delay(Duration::from_millis(400))
                .with_factor(1.6)
                .with_jitter()
                .without_max_times()
                .build(),
        }
    }

    /// Waits for the next attempt; `false`, without waiting, if there is no time left for one.
    pub(crate) async fn again(&mut self) -> bool {
        let pause = self.pauses.next().unwrap_or_default();
        if Instant::now() + pause >= self.end {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_their_time() {
        let started = Instant::now();
        let mut attempts = Attempts::new();
        let mut made = 1;
        while attempts.again().await {
            made += 1;
        }
        let took = started.elapsed();
        assert!(took <= PATIENCE && took > PATIENCE / 2, "{took:?}");
        assert!((10..100).contains(&made), "{made}");
    }
}
