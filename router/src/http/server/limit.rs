//! How many connections there may be, and which makes room for the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exchange::Exchange;

/// More than one process answers at once.
const MOST: usize = 4096;
/// What a process may open where nobody says: the least of the usual systems' (macOS).
const USUAL_FILES: usize = 256;
/// Connections beyond the limit that are answered, so that health checks get through.
const BEYOND: usize = 16;
/// How often it is logged that the limit is reached.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How many connections a process takes: half of what it may open. Each request under way may need
/// a connection of its own to a model, to Jira or to a store.
pub(super) fn of_process() -> usize {
    // `setrlimit`'s value, as Linux shows it (proc_pid_limits(5)).
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    (files(&limits).unwrap_or(USUAL_FILES) / 2).clamp(1, MOST)
}

/// `Max open files            1024                 1048576              files`
fn files(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

/// The connections that are open.
pub(super) struct Connections {
    limit: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// By age.
    all: BTreeMap<u64, (Arc<Exchange>, CancellationToken)>,
    logged_at: Option<Instant>,
    closed: u64,
    refused: u64,
}

/// A place among the connections, free again once it is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    /// Whether there should be no more.
    pub(super) is_beyond_limit: bool,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            open: Mutex::default(),
        })
    }

    /// A place for one more. At the limit, the connection that has waited longest for its request
    /// is closed; where all are answering, a few more are let in, which are told so; then `None`.
    pub(super) fn enter(
        self: &Arc<Self>,
        exchange: Arc<Exchange>,
        closed: CancellationToken,
    ) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_beyond_limit = false;
        if open.all.len() >= self.limit {
            let longest = open
                .all
                .iter()
                .filter_map(|(number, (exchange, _))| Some((exchange.dispensable()?, *number)))
                .min();
            match longest.and_then(|(_, number)| open.all.remove(&number)) {
                Some((_, closed)) => {
                    closed.cancel();
                    open.closed += 1;
                }
                None => {
                    is_beyond_limit = true;
                    open.refused += 1;
                }
            }
            open.log(self.limit);
        }
        if open.all.len() >= self.limit + BEYOND {
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.all.insert(number, (exchange, closed));
        Some(Place {
            connections: self.clone(),
            number,
            is_beyond_limit,
        })
    }
}

impl Open {
    fn log(&mut self, limit: usize) {
        let now = Instant::now();
        if self.logged_at.is_some_and(|at| now < at + LOG_INTERVAL) {
            return;
        }
        self.logged_at = Some(now);
        let (closed, refused) = (
            std::mem::take(&mut self.closed),
            std::mem::take(&mut self.refused),
        );
        tracing::warn!(
            limit,
            closed,
            refused,
            "as many connections as can be are open: those without a request are closed for new ones, or new ones are refused"
        );
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .connections
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Known;
    use super::*;

    fn enter(connections: &Arc<Connections>) -> (Arc<Exchange>, CancellationToken, Option<Place>) {
        let (exchange, closed) = (Arc::new(Exchange::new()), CancellationToken::new());
        let place = connections.enter(exchange.clone(), closed.clone());
        (exchange, closed, place)
    }

    fn answering(exchange: &Exchange) {
        let known = Known {
            id: "1".to_owned(),
            method: "POST".to_owned(),
            path: "/api/chat".to_owned(),
            began: Instant::now(),
            deadline: Duration::from_secs(25),
            knows_interim_answers: true,
        };
        exchange.begin(known, false);
    }

    #[tokio::test]
    async fn what_has_waited_longest_for_a_request_makes_room() {
        let connections = Connections::new(3);
        let (idle, idle_closed, _idle) = enter(&connections);
        let (half, half_closed, _half) = enter(&connections);
        let (busy, busy_closed, _busy) = enter(&connections);
        half.received();
        answering(&busy);
        let (_, _, next) = enter(&connections);
        assert!(next.is_some_and(|place| !place.is_beyond_limit));
        assert!(half_closed.is_cancelled() && !idle_closed.is_cancelled());
        let (_, _, _first) = enter(&connections);
        let (_, _, _second) = enter(&connections);
        assert!(idle_closed.is_cancelled() && !busy_closed.is_cancelled());
        drop(idle);
    }

    #[tokio::test]
    async fn where_all_are_answering_a_few_more_are_told_and_the_rest_is_not_taken() {
        let connections = Connections::new(2);
        let places: Vec<_> = (0..2 + BEYOND)
            .map(|_| {
                let (exchange, closed, place) = enter(&connections);
                answering(&exchange);
                assert!(!closed.is_cancelled());
                place.unwrap()
            })
            .collect();
        let beyond = places.iter().filter(|place| place.is_beyond_limit).count();
        assert_eq!(beyond, BEYOND);
        assert!(enter(&connections).2.is_none());
        drop(places);
        assert!(
            enter(&connections)
                .2
                .is_some_and(|place| !place.is_beyond_limit)
        );
    }

    #[test]
    fn the_limit_is_half_of_what_the_process_may_open() {
        let limits = "Limit   Soft Limit   Hard Limit   Units\nMax open files            1024                 1048576              files     \n";
        assert_eq!(files(limits), Some(1024));
        assert_eq!(
            files("Max open files unlimited unlimited files"),
            Some(usize::MAX)
        );
        assert_eq!(files(""), None);
        assert!((1..=MOST).contains(&of_process()));
    }
}
