//! Models that failed several times in a row are left alone for a while: in this process, by who
//! provides them with whose credentials, so that what one tenant's key meets stops no other's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ProviderKind;
use super::endpoint::BaseUrl;
use crate::model::TenantId;
use crate::ports::ModelError;

/// So many failures in a row stop the calls of a model.
const FAILURES: u32 = 5;
/// For how long, unless the provider asks for more.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest that a provider is believed to need.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long those wait who come while one call tries whether the model answers again.
const TRYING: Duration = Duration::from_secs(1);
/// A call that a provider did not begin to answer for so long failed, however it ended.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Models that fail at once, beyond which those are forgotten whose failures are old.
const MOST_KEPT: usize = 1_000;
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);

/// Whose calls fail together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Circuit {
    pub(super) provider: ProviderKind,
    /// The tenant, where the credentials or the guardrail are its own.
    pub(super) owner: Option<TenantId>,
    /// The endpoint, where it is not the provider's own.
    pub(super) address: Option<BaseUrl>,
    /// The provider's id of the model.
    pub(super) model: String,
}

/// The failures of every model that failed last.
#[derive(Debug, Clone, Default)]
pub(super) struct Breakers(Arc<Mutex<HashMap<Circuit, Failing>>>);

#[derive(Debug, Clone, Copy)]
struct Failing {
    /// In a row.
    failures: u32,
    last: Instant,
    paused_until: Option<Instant>,
    /// Whether one call is trying whether the model answers again.
    is_tried: bool,
}

impl Breakers {
    pub(super) fn breaker(&self, circuit: Circuit) -> Breaker {
        Breaker {
            failing: self.clone(),
            circuit,
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Circuit, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of one model's failures.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    failing: Breakers,
    circuit: Circuit,
}

impl Breaker {
    /// Begins an attempt, unless the model is left alone.
    ///
    /// # Errors
    /// If it is: until when.
    pub(crate) fn admit(&self) -> Result<Attempt, ModelError> {
        let now = Instant::now();
        if let Some(failing) = self.failing.all().get_mut(&self.circuit)
            && let Some(until) = failing.paused_until
        {
            if until > now || failing.is_tried {
                let retry_after = until.saturating_duration_since(now).max(TRYING);
                return Err(ModelError::Paused { retry_after });
            }
            failing.is_tried = true;
        }
        Ok(Attempt {
            breaker: self.clone(),
            began: now,
            has_begun: AtomicBool::new(false),
            is_over: false,
        })
    }

    /// For how long the model is left alone; `None` if it is not.
    pub(crate) fn paused_for(&self) -> Option<Duration> {
        let until = self.failing.all().get(&self.circuit)?.paused_until?;
        until.checked_duration_since(Instant::now())
    }

    fn answered(&self) {
        self.failing.all().remove(&self.circuit);
    }

    fn failed(&self, asked: Option<Duration>) {
        let now = Instant::now();
        let mut all = self.failing.all();
        if all.len() >= MOST_KEPT {
            all.retain(|_, failing| now.duration_since(failing.last) < KEPT_FOR);
        }
        let failing = all.entry(self.circuit.clone()).or_insert(Failing {
            failures: 0,
            last: now,
            paused_until: None,
            is_tried: false,
        });
        failing.failures = failing.failures.saturating_add(1);
        failing.last = now;
        failing.is_tried = false;
        if failing.failures >= FAILURES {
            let pause = asked.unwrap_or_default().clamp(PAUSE, LONGEST_PAUSE);
            failing.paused_until = failing.paused_until.max(Some(now + pause));
        }
    }

    /// An attempt ended without telling anything.
    fn given_up(&self) {
        if let Some(failing) = self.failing.all().get_mut(&self.circuit) {
            failing.is_tried = false;
        }
    }
}

/// A call under way.
pub(crate) struct Attempt {
    breaker: Breaker,
    began: Instant,
    has_begun: AtomicBool,
    is_over: bool,
}

impl Attempt {
    /// The provider took the request.
    pub(crate) fn begins(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    /// Whether it did.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// What became of it. A refusal of the request itself is an answer.
    pub(crate) fn ended<T>(mut self, result: &Result<T, ModelError>) {
        self.is_over = true;
        match result {
            Err(ModelError::Throttled { retry_after }) => self.breaker.failed(*retry_after),
            Err(ModelError::Unavailable(_) | ModelError::TimedOut) => self.breaker.failed(None),
            _ => self.breaker.answered(),
        }
    }
}

impl Drop for Attempt {
    /// A turn's deadline, or a caller who goes away, drops the call.
    fn drop(&mut self) {
        match self.is_over {
            true => {}
            false if !self.has_begun() && self.began.elapsed() >= PATIENCE => {
                self.breaker.failed(None);
            }
            false => self.breaker.given_up(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(all: &Breakers, owner: Option<&str>) -> Breaker {
        all.breaker(Circuit {
            provider: ProviderKind::OpenAi,
            owner: owner.map(|id| id.parse().unwrap()),
            address: None,
            model: "m".to_owned(),
        })
    }

    fn fail(breaker: &Breaker, retry_after: Option<u64>) {
        let retry_after = retry_after.map(Duration::from_secs);
        let error = ModelError::Throttled { retry_after };
        breaker.admit().unwrap().ended::<()>(&Err(error));
    }

    fn waits(breaker: &Breaker) -> Option<u64> {
        match breaker.admit().map(drop) {
            Ok(()) => None,
            Err(ModelError::Paused { retry_after }) => Some(retry_after.as_secs()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_fails_in_a_row_is_left_alone_and_then_tried_by_one_call() {
        let all = Breakers::default();
        let one = breaker(&all, None);
        for _ in 0..4 {
            fail(&one, None);
        }
        // An answer in between, even a refusal, and it begins anew.
        let refused = ModelError::Rejected("no".to_owned());
        one.admit().unwrap().ended::<()>(&Err(refused));
        for _ in 0..5 {
            assert_eq!(waits(&one), None);
            fail(&one, None);
        }
        assert_eq!(
            (waits(&one), waits(&breaker(&all, None))),
            (Some(10), Some(10))
        );
        // Another's credentials have their own.
        assert_eq!(waits(&breaker(&all, Some("acme"))), None);
        after(11).await;
        let trying = one.admit().unwrap();
        assert_eq!(waits(&one), Some(1));
        // Who goes away leaves it to the next.
        drop(trying);
        fail(&one, None);
        assert_eq!(waits(&one), Some(10));
        after(11).await;
        one.admit().unwrap().ended(&Ok(()));
        for _ in 0..4 {
            fail(&one, None);
        }
        assert_eq!(waits(&one), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_provider_says_for_how_long_within_bounds() {
        for (asked, expected) in [(1, 10), (30, 30), (3_600, 60)] {
            let one = breaker(&Breakers::default(), None);
            for _ in 0..5 {
                fail(&one, Some(asked));
            }
            assert_eq!(waits(&one), Some(expected), "{asked}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_nobody_began_to_answer_failed_and_one_that_was_left_early_did_not() {
        let one = breaker(&Breakers::default(), None);
        for _ in 0..5 {
            let begun = one.admit().unwrap();
            begun.begins();
            let silent = one.admit().unwrap();
            after(10).await;
            drop((silent, begun));
        }
        assert_eq!(waits(&one), Some(10));
        let one = breaker(&Breakers::default(), None);
        for _ in 0..5 {
            let silent = one.admit().unwrap();
            after(9).await;
            drop(silent);
        }
        assert_eq!(waits(&one), None);
    }
}
