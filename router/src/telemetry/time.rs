//! Where a turn's time goes: it waits for the model, for skills and for the stores, and the rest is
//! the router's own.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{METRICS, Span, spans};
use crate::chat::TurnError;
use crate::model::{Route, TenantId};

tokio::task_local! {
    static TURN: Arc<Watch>;
}

/// What a turn can wait for. Of several at once the first of this order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Model,
    Skill,
    Store,
}

/// The values of the label, in the order of [`Spent::parts`].
pub(super) const PARTS: [&str; 4] = ["model", "skills", "stores", "own"];

/// How a turn's time was spent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spent([Duration; 4]);

impl Spent {
    pub(super) fn parts(&self) -> [Duration; 4] {
        self.0
    }

    pub(super) fn all(&self) -> Duration {
        self.0.iter().sum()
    }
}

struct Watch(Mutex<Running>);

struct Running {
    route: Option<Route>,
    /// How many calls of each part are under way.
    under_way: [u32; 3],
    /// Until when the time is counted.
    counted: Instant,
    spent: Spent,
}

impl Running {
    fn count(&mut self, now: Instant) {
        let own = self.under_way.len();
        let part = self.under_way.iter().position(|calls| *calls > 0);
        if let Some(spent) = self.spent.0.get_mut(part.unwrap_or(own)) {
            *spent += now.saturating_duration_since(self.counted);
        }
        self.counted = now;
    }

    fn calls(&mut self, part: Part) -> &mut u32 {
        let [model, skill, store] = &mut self.under_way;
        match part {
            Part::Model => model,
            Part::Skill => skill,
            Part::Store => store,
        }
    }
}

impl Watch {
    fn locked(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures a turn, however it ends, and makes it a part of its request's trace.
pub(crate) async fn of_turn<T>(
    tenant: &TenantId,
    work: impl Future<Output = Result<T, TurnError>>,
) -> Result<T, TurnError> {
    let span = Span::of_turn(tenant);
    let outcome = span.around(timed(work)).await;
    if let Err(error) = &outcome {
        span.failed(error.kind());
    }
    outcome
}

async fn timed<T>(work: impl Future<Output = T>) -> T {
    if METRICS.get().is_none() {
        return work.await;
    }
    let watch = Arc::new(Watch(Mutex::new(Running {
        route: None,
        under_way: [0; 3],
        counted: Instant::now(),
        spent: Spent::default(),
    })));
    let _told = Told(watch.clone());
    TURN.scope(watch, work).await
}

/// Notes how the turn under way is answered.
pub(crate) fn turn_routed(route: Route) {
    spans::turn_routed(route);
    let _ = TURN.try_with(|turn| turn.locked().route = Some(route));
}

/// Tells how the time was spent when the turn is over or was cancelled.
struct Told(Arc<Watch>);

impl Drop for Told {
    fn drop(&mut self) {
        let mut running = self.0.locked();
        running.count(Instant::now());
        if let Some(metrics) = METRICS.get() {
            let route = running.route.map_or("none", Route::as_str);
            metrics.turn_ended(route, &running.spent);
        }
    }
}

/// The turn under way waits for something, as long as this is held.
pub(crate) struct Waiting {
    turn: Option<Arc<Watch>>,
    part: Part,
}

impl Waiting {
    pub(crate) fn begin(part: Part) -> Self {
        let turn = TURN.try_with(Arc::clone).ok();
        if let Some(turn) = &turn {
            let mut running = turn.locked();
            running.count(Instant::now());
            *running.calls(part) += 1;
        }
        Self { turn, part }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(turn) = &self.turn {
            let mut running = turn.locked();
            running.count(Instant::now());
            let calls = running.calls(self.part);
            *calls = calls.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[tokio::test(start_paused = true)]
    async fn time_is_the_parts_that_is_waited_for_and_counted_once() {
        let watch = Arc::new(Watch(Mutex::new(Running {
            route: None,
            under_way: [0; 3],
            counted: Instant::now(),
            spent: Spent::default(),
        })));
        let store = |time| async move {
            let _waiting = Waiting::begin(Part::Store);
            tokio::time::sleep(time).await;
        };
        let work = async {
            tokio::time::sleep(MS(1)).await;
            // Two at once are one wait, as long as the longer one.
            tokio::join!(store(MS(10)), store(MS(30)));
            let model = async {
                let _waiting = Waiting::begin(Part::Model);
                tokio::time::sleep(MS(100)).await;
            };
            // While the model is waited for, the store costs nothing.
            tokio::join!(model, store(MS(120)));
            // One that is cancelled is over.
            let cancelled = tokio::time::timeout(MS(5), store(MS(500))).await;
            assert!(cancelled.is_err());
            tokio::time::sleep(MS(2)).await;
        };
        TURN.scope(watch.clone(), work).await;
        let mut running = watch.locked();
        running.count(Instant::now());
        let expected = [MS(100), MS(0), MS(30 + 20 + 5), MS(3)];
        assert_eq!(running.spent, Spent(expected));
        assert_eq!(running.spent.all(), MS(158));
    }
}
