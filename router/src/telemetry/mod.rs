//! What a router tells of itself: metrics for Prometheus, and traces by OTLP.
//!
//! [`install`] begins the counting for the whole process, and returns what writes it down; before
//! it nothing is counted: requests, turns, what they cost, and where their time goes. Calls of
//! models are named as OpenTelemetry names them
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>). Labels have few values:
//! tenants, models, routes, codes; never people, keys or conversations. [`send_traces`] begins the
//! sending of traces.
//!
//! Read `metrics` and `spans` for what there is; `time` measures where a turn's time goes; `calls`
//! measures calls of models and stores; `sending` brings traces to a collector.

pub(crate) mod calls;
mod metrics;
mod sending;
mod spans;
mod time;

use std::sync::OnceLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

pub(crate) use calls::{ModelCall, StoreInterceptor};
pub(crate) use metrics::Capacity;
use metrics::Metrics;
pub use sending::{Program, Traces, TracesError, send_traces};
pub(crate) use spans::{Span, in_request};
pub(crate) use time::{Part, Waiting, of_turn, turn_routed};

use crate::config::Identity;
use crate::model::{SettledTurn, TenantId};

static METRICS: OnceLock<Metrics> = OnceLock::new();

/// <https://prometheus.io/docs/specs/om/open_metrics_spec/>
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counts from now on, and gives the routes by which Prometheus reads it: `GET /metrics`.
pub fn install(identity: &Identity) -> Router {
    let metrics = METRICS.get_or_init(|| Metrics::new(identity));
    let written = move || async move { ([(CONTENT_TYPE, OPEN_METRICS)], metrics.written()) };
    Router::new().route("/metrics", get(written))
}

/// A request was answered, its stream perhaps still to come. `route` is the pattern of its path.
pub(crate) fn request_answered(
    method: &axum::http::Method,
    route: &str,
    status: u16,
    took: std::time::Duration,
) {
    if let Some(metrics) = METRICS.get() {
        metrics.request_answered(method, route, status, took);
    }
}

/// A caller got an error.
pub(crate) fn error_answered(code: &'static str, status: u16) {
    if let Some(metrics) = METRICS.get() {
        metrics.error_answered(code, status);
    }
}

/// A turn is over, however it ended.
pub(crate) fn turn_settled(tenant: &TenantId, turn: &SettledTurn) {
    if let Some(metrics) = METRICS.get() {
        metrics.turn_settled(tenant, turn);
    }
}

/// A call of DynamoDB consumed so many units.
pub(crate) fn capacity_consumed(operation: &str, capacity: Capacity, units: f64) {
    if let Some(metrics) = METRICS.get() {
        metrics.capacity_consumed(operation, capacity, units);
    }
}

/// A message was refused because a budget is used up.
pub(crate) fn message_refused(tenant: &TenantId) {
    if let Some(metrics) = METRICS.get() {
        metrics.message_refused(tenant);
    }
}
