//! How far a connection is: waiting for a request, reading one, answering it. What may be closed,
//! and when, follows from it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

/// How long a request's head may take, from the connection's first moment, or, of a later
/// request, from its first byte on.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may wait for its next request. Longer than the load balancer's own idle
/// time (130 s at most, infra/aws): a load balancer that reuses a connection at the moment at which
/// the target closes it answers 502
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-502-issues>).
pub(super) const IDLE_TIME: Duration = Duration::from_secs(150);
/// How long a caller may take nothing of its answer.
pub(super) const STALL_TIME: Duration = Duration::from_secs(30);
/// Once the router ends: how long a body may still take. What was sent whole may not have been read
/// yet.
const BODY_TIME_AT_END: Duration = Duration::from_secs(1);
/// Once the router ends: how long a request's own deadline is waited for. Below the 120 s after
/// which Fargate kills a task at the latest, usage still to be recorded.
pub(super) const LONGEST_AT_END: Duration = Duration::from_secs(110);
/// Lets a request's own answer to its deadline come first.
const MARGIN: Duration = Duration::from_secs(1);

/// A request that the router knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) method: String,
    /// Without the query, in which people put what should not be logged.
    pub(super) path: String,
    pub(super) began: Instant,
    /// How long its answer may take.
    pub(super) deadline: Duration,
    pub(super) knows_interim_answers: bool,
}

/// How far a connection is.
#[derive(Debug)]
enum Phase {
    /// It waits for a request's first byte.
    Idle { since: Instant, for_long: bool },
    /// A head has begun.
    Head { since: Instant },
    /// A head is there, its body is not yet.
    Body(Known),
    /// The request is whole.
    Whole(Known),
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Whether bytes of the next request came before the answer was sent.
    is_next_begun: bool,
    /// Whether the answer was handed over whole.
    is_answered: bool,
    /// Whether the answer's first byte was written.
    is_answer_begun: bool,
    /// Since when the caller has taken nothing of its answer.
    stalled_since: Option<Instant>,
    /// Since when the router has been ending.
    ending_since: Option<Instant>,
    /// What the HTTP library refused by itself.
    refused: Option<StatusCode>,
    /// Whether the caller may be sending what nobody reads.
    has_unread: bool,
}

/// The state of one connection, which its socket, its requests and whoever drives it share.
#[derive(Debug)]
pub(super) struct Exchange(Mutex<State>);

/// How soon a connection may be closed to make room for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dispensable {
    /// Half a request: first, the longest first.
    HalfRequest(Instant),
    /// None: only then, the longest first. Load balancers keep such ones for the next request.
    Idle(Instant),
}

impl Exchange {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            phase: Phase::Idle {
                since: Instant::now(),
                for_long: false,
            },
            is_next_begun: false,
            is_answered: false,
            is_answer_begun: false,
            stalled_since: None,
            ending_since: None,
            refused: None,
            has_unread: false,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came.
    pub(super) fn received(&self) {
        let mut state = self.state();
        match state.phase {
            Phase::Idle { since, for_long } => {
                let since = if for_long { Instant::now() } else { since };
                state.phase = Phase::Head { since };
            }
            Phase::Whole(_) => state.is_next_begun = true,
            Phase::Head { .. } | Phase::Body(_) => {}
        }
    }

    /// A head is there.
    pub(super) fn begin(&self, known: Known, has_body: bool) {
        let mut state = self.state();
        state.phase = match has_body {
            true => Phase::Body(known),
            false => Phase::Whole(known),
        };
        state.is_next_begun = false;
        state.is_answered = false;
        state.is_answer_begun = false;
    }

    /// The body is there to its end.
    pub(super) fn body_is_whole(&self) {
        let mut state = self.state();
        if let Phase::Body(known) = &state.phase {
            state.phase = Phase::Whole(known.clone());
        }
    }

    /// The answer was handed over whole.
    pub(super) fn answered(&self) {
        self.state().is_answered = true;
    }

    /// Everything that was handed over is written.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        state.stalled_since = None;
        if !std::mem::take(&mut state.is_answered) {
            return;
        }
        let since = Instant::now();
        state.phase = match std::mem::take(&mut state.is_next_begun) {
            true => Phase::Head { since },
            false => Phase::Idle {
                since,
                for_long: true,
            },
        };
    }

    /// Bytes of an answer were written.
    pub(super) fn wrote(&self) {
        let mut state = self.state();
        state.is_answer_begun = true;
        state.stalled_since = None;
    }

    /// The caller takes nothing at the moment.
    pub(super) fn stalled(&self) {
        self.state().stalled_since.get_or_insert_with(Instant::now);
    }

    /// The HTTP library refuses by itself what it cannot read.
    pub(super) fn refuse(&self, status: StatusCode) {
        self.state().refused = Some(status);
    }

    /// What the HTTP library refused.
    pub(super) fn refused(&self) -> Option<StatusCode> {
        self.state().refused
    }

    /// The answer closes the connection, and the caller may still be sending.
    pub(super) fn leave_unread(&self) {
        self.state().has_unread = true;
    }

    pub(super) fn has_unread(&self) -> bool {
        self.state().has_unread
    }

    /// Whether a request's head is known and its answer is not sent.
    pub(super) fn has_request(&self) -> bool {
        matches!(self.state().phase, Phase::Body(_) | Phase::Whole(_))
    }

    /// Whether a whole request waits for its answer.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.state().phase, Phase::Whole(_))
    }

    /// Whether a head has begun and is not whole.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.state().phase, Phase::Head { .. })
    }

    /// Whether an interim answer may be sent, which tells whether the caller is still there.
    pub(super) fn takes_interim_answer(&self) -> bool {
        let state = self.state();
        match &state.phase {
            Phase::Whole(known) => known.knows_interim_answers && !state.is_answer_begun,
            _ => false,
        }
    }

    /// The router ends: no further request is taken.
    pub(super) fn end(&self) {
        self.state().ending_since.get_or_insert_with(Instant::now);
    }

    /// When the connection is to be closed as it is now.
    pub(super) fn deadline(&self) -> Instant {
        let state = self.state();
        let usual = match &state.phase {
            Phase::Idle {
                since,
                for_long: true,
            } => *since + IDLE_TIME,
            Phase::Idle { since, .. } | Phase::Head { since } => *since + HEAD_TIME,
            // What answers them has its own deadline, the body's included; this bounds the rest.
            Phase::Body(known) | Phase::Whole(known) => {
                known.began + known.deadline + known.deadline + MARGIN
            }
        };
        let at_end = state.ending_since.map(|end| match &state.phase {
            Phase::Idle { .. } | Phase::Head { .. } => end,
            Phase::Body(_) => end + BODY_TIME_AT_END,
            Phase::Whole(known) => {
                (known.began + known.deadline + MARGIN).min(end + LONGEST_AT_END)
            }
        });
        let stalled = state.stalled_since.map(|since| since + STALL_TIME);
        [at_end, stalled]
            .into_iter()
            .flatten()
            .fold(usual, Instant::min)
    }

    /// The request under way, if the router ends and its answer did not come in time.
    pub(super) fn cut(&self) -> Option<Known> {
        let state = self.state();
        match &state.phase {
            Phase::Whole(known) if state.ending_since.is_some() => Some(known.clone()),
            _ => None,
        }
    }

    /// Whether the connection can be closed to make room; `None` while it answers.
    pub(super) fn dispensable(&self) -> Option<Dispensable> {
        match &self.state().phase {
            Phase::Idle { since, .. } => Some(Dispensable::Idle(*since)),
            Phase::Head { since } => Some(Dispensable::HalfRequest(*since)),
            Phase::Body(known) => Some(Dispensable::HalfRequest(known.began)),
            Phase::Whole(_) => None,
        }
    }
}
