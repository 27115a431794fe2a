//! How a deploy is interrupted: by the person at the terminal, or by a signal. The terminal itself
//! is the caller's.

use futures::future::BoxFuture;

/// What the person wants who interrupts a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptChoice {
    /// To go back to the last verified release.
    RollBack,
    /// To leave the rollout running, and to stop watching.
    LeaveRunning,
    /// To go on watching.
    KeepWatching,
}

/// Where interrupts come from.
pub trait Interrupts: Send + Sync {
    /// Resolves at the next interrupt. Dropping the future loses none.
    fn next(&self) -> BoxFuture<'_, ()>;

    /// Asks what is wanted. Another interrupt meanwhile means to leave it running, without an
    /// answer.
    fn choose(&self) -> BoxFuture<'_, InterruptChoice>;
}

/// For those whom nobody interrupts.
impl Interrupts for () {
    fn next(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    fn choose(&self) -> BoxFuture<'_, InterruptChoice> {
        Box::pin(std::future::ready(InterruptChoice::KeepWatching))
    }
}
