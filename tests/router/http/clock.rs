//! A clock for tests of what time does.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use t3nets_router::ports::Clock;

/// A clock that stands still until it is set.
pub(super) struct ManualClock(pub(super) Mutex<Timestamp>);

impl ManualClock {
    pub(super) fn at(time: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(time.parse().unwrap())))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
