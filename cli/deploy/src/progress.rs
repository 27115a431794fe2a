//! What building and pushing tell while they go on. Whoever shows it decides how.

use std::time::Duration;

use serde::Serialize;

use super::report::seconds;

/// Told what goes on, in order. Called often: it should return at once.
pub trait Reporter: Send + Sync {
    /// Something happened.
    fn report(&self, event: Event<'_>);
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A step of the build began.
    StepStarted {
        /// As the Dockerfile has it.
        name: &'a str,
    },
    /// A step of the build ended well.
    StepDone {
        /// As the Dockerfile has it.
        name: &'a str,
        /// Its result was there already.
        cached: bool,
        /// How long it took.
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Duration,
    },
    /// A line that a step wrote.
    StepOutput {
        /// Without its line break; may hold control characters.
        line: &'a str,
    },
    /// A layer need not be sent.
    LayerPresent {
        /// Its digest in the registry.
        digest: &'a str,
        /// In bytes, compressed.
        size: u64,
    },
    /// A part of a layer was sent.
    LayerSent {
        /// Its digest in the registry.
        digest: &'a str,
        /// In bytes, compressed.
        size: u64,
        /// How many bytes of it are sent; fewer than before if it has to be sent anew.
        sent: u64,
    },
    /// A request failed in passing and is made again.
    Retrying {
        /// Why.
        reason: &'a str,
    },
}

/// For those who want to know nothing.
impl Reporter for () {
    fn report(&self, _: Event<'_>) {}
}
