//! Traces: each request is one, with spans for its turn, for calls of models, tools and stores.
//!
//! They are named as OpenTelemetry names them:
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>. What people say, and what
//! they are told, is in no span.
//!
//! A span's parent is the one that is current where it begins. What goes on in another task is
//! given its request's by [`in_request`].

use std::future::Future;
use std::sync::OnceLock;

use axum::http::{HeaderMap, Method};
use futures::future::Either;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{FutureExt, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, StringValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::Instrument;

use crate::model::{ModelReply, Route, StopReason, TenantId};

pub(super) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// A span, which ends with this. Nothing where there are no traces.
#[derive(Default)]
pub(crate) struct Span(Option<Context>);

impl Span {
    fn begin(
        kind: SpanKind,
        parent: impl FnOnce() -> Context,
        described: impl FnOnce() -> (String, Vec<KeyValue>),
    ) -> Self {
        Self(TRACER.get().map(|tracer| {
            let (name, attributes) = described();
            let parent = parent();
            let span = tracer.span_builder(name).with_kind(kind);
            let span = span.with_attributes(attributes);
            parent.with_span(tracer.build_with_context(span, &parent))
        }))
    }

    /// A request to this router; the caller may have begun the trace.
    /// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>
    pub(crate) fn of_request(headers: &HeaderMap, id: &str, method: &Method, route: &str) -> Self {
        let parent = || {
            let propagator = TraceContextPropagator::new();
            propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers))
        };
        Self::begin(SpanKind::Server, parent, || {
            let attributes = vec![
                KeyValue::new("http.request.method", method.to_string()),
                KeyValue::new("http.route", route.to_owned()),
                KeyValue::new("t3nets.request_id", id.to_owned()),
            ];
            (format!("{method} {route}"), attributes)
        })
    }

    /// Notes how the request was answered.
    pub(crate) fn answered(&self, status: u16) {
        self.set(|| KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            self.failed(status.to_string());
        }
    }

    /// A turn of a conversation.
    pub(super) fn of_turn(tenant: &TenantId) -> Self {
        Self::begin(SpanKind::Internal, Context::current, || {
            let attributes = vec![
                KeyValue::new("gen_ai.operation.name", "invoke_agent"),
                KeyValue::new("t3nets.tenant", tenant.to_string()),
            ];
            ("invoke_agent".to_owned(), attributes)
        })
    }

    /// A tool that a model or a rule chose.
    pub(crate) fn of_tool(name: &str) -> Self {
        Self::begin(SpanKind::Internal, Context::current, || {
            let attributes = vec![
                KeyValue::new("gen_ai.operation.name", "execute_tool"),
                KeyValue::new("gen_ai.tool.name", name.to_owned()),
            ];
            (format!("execute_tool {name}"), attributes)
        })
    }

    /// A call of a model.
    pub(super) fn of_model(provider: &'static str, model: &str) -> Self {
        Self::begin(SpanKind::Client, Context::current, || {
            let attributes = vec![
                KeyValue::new("gen_ai.operation.name", "chat"),
                KeyValue::new("gen_ai.provider.name", provider),
                KeyValue::new("gen_ai.request.model", model.to_owned()),
            ];
            (format!("chat {model}"), attributes)
        })
    }

    /// Notes what the model used, and why it stopped.
    pub(super) fn replied(&self, reply: &ModelReply) {
        let Some(context) = &self.0 else { return };
        let span = context.span();
        let usage = &reply.usage;
        for (name, tokens) in [
            ("gen_ai.usage.input_tokens", usage.all_input()),
            ("gen_ai.usage.output_tokens", usage.output),
            ("gen_ai.usage.cache_read.input_tokens", usage.cache_read),
            (
                "gen_ai.usage.cache_creation.input_tokens",
                usage.cache_write,
            ),
        ] {
            span.set_attribute(KeyValue::new(
                name,
                i64::try_from(tokens).unwrap_or(i64::MAX),
            ));
        }
        let reasons = vec![StringValue::from(finish_reason(reply.stop))];
        span.set_attribute(KeyValue::new(
            "gen_ai.response.finish_reasons",
            opentelemetry::Value::Array(reasons.into()),
        ));
        if let Some(model) = &reply.answered_by {
            span.set_attribute(KeyValue::new("gen_ai.response.model", model.clone()));
        }
    }

    /// A call of a store, as a part of what it is for. One that is for no request or deploy is in
    /// no trace: readiness asks the stores all day, and each would be a trace of its own.
    /// <https://opentelemetry.io/docs/specs/semconv/db/database-spans/>
    pub(super) fn of_store(store: &'static str, operation: &str) -> Self {
        if !Context::map_current(Context::has_active_span) {
            return Self::default();
        }
        Self::begin(SpanKind::Client, Context::current, || {
            let system = match store {
                "dynamodb" => "aws.dynamodb",
                other => other,
            };
            let attributes = vec![
                KeyValue::new("db.system.name", system),
                KeyValue::new("db.operation.name", operation.to_owned()),
            ];
            (format!("{store} {operation}"), attributes)
        })
    }

    /// Notes that it ended with an error: a short name of its kind.
    pub(crate) fn failed(&self, kind: impl Into<StringValue>) {
        if let Some(context) = &self.0 {
            let span = context.span();
            span.set_attribute(KeyValue::new("error.type", kind.into()));
            span.set_status(Status::error(""));
        }
    }

    fn set(&self, attribute: impl FnOnce() -> KeyValue) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(attribute());
        }
    }

    /// The id of its trace, if that is kept.
    pub(crate) fn trace_id(&self) -> Option<String> {
        let context = self.0.as_ref()?.span().span_context().clone();
        context.is_sampled().then(|| context.trace_id().to_string())
    }

    /// What begins in `work` is a part of it.
    pub(crate) fn around<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        match &self.0 {
            Some(context) => Either::Left(work.with_context(context.clone())),
            // A context costs a little each time that the work is polled.
            None => Either::Right(work),
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

/// Notes how the turn under way is answered.
pub(super) fn turn_routed(route: Route) {
    if TRACER.get().is_some() {
        let turn = Context::current();
        turn.span()
            .set_attribute(KeyValue::new("t3nets.route", route.as_str()));
    }
}

/// For a task of its own: its spans and its lines in the log are the request's under way.
pub(crate) fn in_request<T>(task: impl Future<Output = T>) -> impl Future<Output = T> {
    let task = match TRACER.get() {
        Some(_) => Either::Left(task.with_current_context()),
        None => Either::Right(task),
    };
    task.instrument(tracing::Span::current())
}

fn finish_reason(stop: StopReason) -> &'static str {
    match stop {
        StopReason::EndTurn => "stop",
        StopReason::ToolUse => "tool_call",
        StopReason::MaxTokens => "length",
        StopReason::Filtered | StopReason::Guardrail => "content_filter",
    }
}
