//! Bodies in both directions, watched: a request's, which must be there in time and whose rest is
//! read when nobody else does, and an answer's, whose end ends the exchange.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::exchange::Exchange;

/// How much of a body is read for a caller that was refused without it. More ends the connection.
const MAX_REST: u64 = 64 * 1024;
/// For how long.
const REST_TIME: Duration = Duration::from_secs(1);

/// A body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the body took longer than {} s", .0.as_secs())]
pub(in crate::http) struct BodyTooSlow(pub(in crate::http) Duration);

type Shared = Arc<Mutex<Option<Incoming>>>;

/// A request's body, which its handler reads.
pub(super) struct RequestBody {
    body: Shared,
    exchange: Arc<Exchange>,
    limit: Duration,
    until: Instant,
    clock: Option<Pin<Box<Sleep>>>,
}

/// What its handler leaves of a body.
pub(super) struct Rest {
    body: Shared,
    exchange: Arc<Exchange>,
}

impl RequestBody {
    /// A body that must be whole by `limit` after `began`.
    pub(super) fn new(
        body: Incoming,
        exchange: Arc<Exchange>,
        began: Instant,
        limit: Duration,
    ) -> (Self, Rest) {
        let body: Shared = Arc::new(Mutex::new(Some(body)));
        let rest = Rest {
            body: body.clone(),
            exchange: exchange.clone(),
        };
        let body = Self {
            body,
            exchange,
            limit,
            until: began + limit,
            clock: None,
        };
        (body, rest)
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let clock = self
            .clock
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        clock.as_mut().poll(cx)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = {
            let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(body) = body.as_mut() else {
                return Poll::Ready(None);
            };
            let polled = Pin::new(&mut *body).poll_frame(cx);
            if matches!(polled, Poll::Ready(None)) || body.is_end_stream() {
                self.exchange.body_is_whole();
            }
            polled
        };
        match polled {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => {
                ready!(self.poll_late(cx));
                Poll::Ready(Some(Err(BodyTooSlow(self.limit).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Rest {
    /// Reads what is left, so that the caller can send its next request; `false` if that is too
    /// much or takes too long.
    pub(super) async fn read(self) -> bool {
        let body = {
            let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
            body.take()
        };
        let Some(mut body) = body.filter(|body| body.size_hint().lower() <= MAX_REST) else {
            return false;
        };
        let read = async {
            let mut length = 0;
            while let Some(Ok(frame)) = body.frame().await {
                length += frame.data_ref().map_or(0, |data| data.len() as u64);
                if length > MAX_REST {
                    return false;
                }
            }
            body.is_end_stream()
        };
        let is_read = timeout(REST_TIME, read).await.unwrap_or(false);
        if is_read {
            self.exchange.body_is_whole();
        }
        is_read
    }
}

/// An answer's body. Once it is dropped, the answer was handed over.
pub(super) struct AnswerBody {
    body: Body,
    exchange: Arc<Exchange>,
}

impl AnswerBody {
    pub(super) fn new(body: Body, exchange: Arc<Exchange>) -> Self {
        Self { body, exchange }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.exchange.answered();
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
