//! The listener: HTTP/1.1 over TCP, for `t3nets-router` and `t3nets dev` alike.
//!
//! Whoever connects decides nothing here for longer than a bound: a head has 10 s, a body its
//! turn's deadline, an answer that nobody takes 30 s; connections are capped below what the process
//! may open, and the one that has waited longest for a request makes room for the next. At the end,
//! requests under way get their deadline and nothing else is waited for.
//!
//! Read `exchange` first, how far a connection is; `connection` drives one, `wire` and `body` tell
//! the exchange what comes and goes, `limit` counts them.

mod body;
mod connection;
mod exchange;
mod limit;
#[cfg(test)]
mod tests;
mod wire;

use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(super) use self::body::BodyTooSlow;
use self::connection::{Own, Shared};
use self::exchange::{Exchange, Known, LONGEST_AT_END};
use self::limit::Connections;
use super::App;
use crate::config::Deadlines;

/// How long to wait once no more connections can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long the usage of requests that were cut off is waited for.
const SETTLE_TIME: Duration = Duration::from_secs(5);

/// A request that the router's end cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutRequest {
    /// As in `x-request-id`.
    pub request_id: String,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// How long it had been under way.
    pub after: Duration,
}

impl From<Known> for CutRequest {
    fn from(known: Known) -> Self {
        Self {
            request_id: known.id,
            method: known.method,
            path: known.path,
            after: known.began.elapsed(),
        }
    }
}

/// Serves `routes` (those of the app, perhaps with others) until `shutdown` completes. Then accepts
/// no new connections, closes those without a whole request, gives requests under way, and turns
/// that nobody follows, their deadline, and waits until their usage is recorded. What was cut off
/// all the same is logged, and of requests returned.
pub async fn serve(
    listener: TcpListener,
    app: App,
    routes: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Vec<CutRequest> {
    let shared = Shared {
        routes,
        deadlines: app.deadlines,
        ending: CancellationToken::new(),
    };
    let ending = shared.ending.clone();
    let serving = serve_until(listener, shared, limit::of_process(), shutdown);
    let turns = async {
        ending.cancelled().await;
        timeout(LONGEST_AT_END, app.running.ended()).await
    };
    let (cut, turns) = tokio::join!(serving, turns);
    for request in &cut {
        tracing::warn!(
            request_id = request.request_id,
            method = request.method,
            path = request.path,
            elapsed_ms = u64::try_from(request.after.as_millis()).unwrap_or(u64::MAX),
            "cut off: the router is ending"
        );
    }
    if turns.is_err() {
        let turn_ids = app.running.ids();
        tracing::warn!(?turn_ids, "turns are broken off: the router is ending");
    }
    if timeout(SETTLE_TIME, app.drained()).await.is_err() {
        tracing::warn!("the usage of some turns is not recorded: the store did not answer in time");
    }
    cut
}

/// The most connections at once of those that read the metrics.
const METRICS_CONNECTIONS: usize = 16;

/// Serves what programs of the operator's read beside the API, on a port of its own, until
/// `shutdown` completes.
pub async fn serve_metrics(
    listener: TcpListener,
    routes: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let shared = Shared {
        routes,
        deadlines: Deadlines::default(),
        ending: CancellationToken::new(),
    };
    serve_until(listener, shared, METRICS_CONNECTIONS, shutdown).await;
}

async fn serve_until(
    listener: TcpListener,
    shared: Shared,
    limit: usize,
    shutdown: impl Future<Output = ()>,
) -> Vec<CutRequest> {
    let connections = Connections::new(limit);
    let mut tasks: JoinSet<Option<Known>> = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let mut complained_at: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            // The other side's own matter: it went away before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionReset
                        | ErrorKind::ConnectionRefused
                ) =>
            {
                continue;
            }
            // Mostly too many open files: others have them, since connections are capped.
            Err(error) => {
                if complained_at.is_none_or(|at| at.elapsed() > Duration::from_secs(10)) {
                    complained_at = Some(Instant::now());
                    tracing::error!(%error, "no connection can be accepted");
                }
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (exchange, closed) = (Arc::new(Exchange::new()), CancellationToken::new());
        let Some(place) = connections.enter(exchange.clone(), closed.clone()) else {
            continue;
        };
        // Answers are written in few pieces; waiting for more would hold up each of a stream.
        let _ = socket.set_nodelay(true);
        let own = Own {
            exchange,
            closed,
            is_beyond_limit: place.is_beyond_limit,
        };
        let shared = shared.clone();
        tasks.spawn(async move {
            let _place = place;
            connection::serve(socket, shared, own).await
        });
    }
    drop(listener);
    shared.ending.cancel();
    let mut cut = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        // A panic is the request's, and was answered where it was caught.
        cut.extend(ended.ok().flatten().map(CutRequest::from));
    }
    cut
}
