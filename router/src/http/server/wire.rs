//! The socket as the HTTP library sees it. It tells the [`Exchange`] what came and went, and
//! differs from the socket in two things:
//!
//! * A caller that closes its sending half waits for its answer: the end is hidden until that is
//!   sent. Nothing but writing tells it from one that went away altogether, so an interim answer
//!   (RFC 9110, section 15.2: every client skips them) is sent, and the connection ends if that
//!   comes back as a reset.
//! * What the library answers by itself to what it cannot read has no body: it is held back, and
//!   [`super::connection`] answers in its place.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::exchange::Exchange;

/// How often a connection is looked at whose caller closed its sending half.
const LOOK: Duration = Duration::from_millis(250);
const INTERIM_ANSWER: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A stream of bytes in both directions.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether the other side refused what was sent to it.
    fn is_gone(&self) -> bool;
}

impl Socket for TcpStream {
    fn is_gone(&self) -> bool {
        !matches!(self.take_error(), Ok(None))
    }
}

/// A socket, watched.
pub(super) struct Wire<S> {
    socket: S,
    exchange: Arc<Exchange>,
    /// Set once the caller closed its sending half while its request was answered.
    half_closed: Option<HalfClosed>,
}

struct HalfClosed {
    look: Interval,
    /// Whether the interim answer was sent. One is enough, and Go's client takes no more than five
    /// (<https://pkg.go.dev/net/http#Transport>).
    is_asked: bool,
}

impl<S: Socket> Wire<S> {
    pub(super) fn new(socket: S, exchange: Arc<Exchange>) -> Self {
        Self {
            socket,
            exchange,
            half_closed: None,
        }
    }

    pub(super) fn into_socket(self) -> S {
        self.socket
    }

    /// The caller sends no more. Pending while it may be waiting for its answer.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.exchange.is_whole() {
            return Poll::Ready(Ok(()));
        }
        let half_closed = self.half_closed.get_or_insert_with(|| {
            // Most answers are there before the first look.
            let mut look = interval_at(Instant::now() + LOOK, LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            HalfClosed {
                look,
                is_asked: false,
            }
        });
        loop {
            ready!(half_closed.look.poll_tick(cx));
            if self.socket.is_gone() {
                return Poll::Ready(Err(gone()));
            }
            if half_closed.is_asked || !self.exchange.takes_interim_answer() {
                continue;
            }
            half_closed.is_asked = true;
            match Pin::new(&mut self.socket).poll_write(cx, INTERIM_ANSWER) {
                // A part of it would spoil the answer.
                Poll::Ready(Ok(length)) if length < INTERIM_ANSWER.len() => {
                    return Poll::Ready(Err(gone()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                // A socket that takes none has its time.
                Poll::Ready(Ok(_)) | Poll::Pending => {}
            }
        }
    }

    /// Holds back what the library answers while no request is known.
    fn hold_back(&self, bytes: &[u8]) -> bool {
        if self.exchange.has_request() {
            return false;
        }
        // `HTTP/1.1 400 Bad Request`
        let status = bytes
            .get(9..12)
            .and_then(|code| StatusCode::from_bytes(code).ok());
        if let Some(status) = status {
            self.exchange.refuse(status);
        }
        true
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(_)) => self.exchange.wrote(),
            Poll::Pending => self.exchange.stalled(),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the caller went away")
}

impl<S: Socket> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.half_closed.is_some() {
            return self.poll_end(cx);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        if buffer.filled().len() == before && buffer.remaining() > 0 {
            return self.poll_end(cx);
        }
        self.exchange.received();
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.hold_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.first().is_some_and(|first| self.hold_back(first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.exchange.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
