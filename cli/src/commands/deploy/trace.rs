//! A deploy as a trace, where OpenTelemetry's variables ask for one: a span for the whole, and one
//! for each step. A pipeline hands its own trace on in `TRACEPARENT`:
//! <https://opentelemetry.io/docs/specs/otel/context/env-carriers/>.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TraceContextExt, Tracer};
use opentelemetry::{Context as Parent, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;
use t3nets_deploy::report::{Event, Step};
use t3nets_router::config::TracesConfig;
use t3nets_router::errors::with_causes;
use t3nets_router::telemetry::{Program, Traces, send_traces};

use crate::context::Context;
use crate::error::CliError;

/// A deploy that is traced.
pub(super) struct DeployTrace {
    traces: Traces,
    whole: Parent,
}

/// The spans of its steps.
pub(super) struct StepSpans {
    tracer: SdkTracer,
    whole: Parent,
    open: Mutex<Vec<(Step, Parent)>>,
}

impl DeployTrace {
    /// Begins the trace, if one is wanted. What keeps it from being sent is a warning: the
    /// variables are often those of a whole pipeline.
    pub(super) fn begin(context: &Context) -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|set| !set.is_empty());
        let program = Program {
            name: "t3nets",
            environment: &context.settings.environment_name,
        };
        let begun = TracesConfig::from_env(variable)
            .map_err(|error| error.to_string())
            .and_then(|config| {
                let sending = config.map(|config| send_traces(program, &config, None));
                sending.transpose().map_err(|error| with_causes(&error))
            });
        let traces = match begun {
            Ok(traces) => traces?,
            Err(why) => {
                let warning = format!("this deploy is not traced: {why}");
                context.printer.warning(warning);
                return None;
            }
        };
        let carrier: HashMap<String, String> = ["TRACEPARENT", "TRACESTATE"]
            .into_iter()
            .filter_map(|name| Some((name.to_lowercase(), variable(name)?)))
            .collect();
        let parent = TraceContextPropagator::new().extract_with_context(&Parent::new(), &carrier);
        let tracer = traces.tracer();
        let span = tracer.build_with_context(tracer.span_builder("deploy"), &parent);
        Some(Self {
            traces,
            whole: parent.with_span(span),
        })
    }

    pub(super) fn steps(&self) -> StepSpans {
        StepSpans {
            tracer: self.traces.tracer(),
            whole: self.whole.clone(),
            open: Mutex::default(),
        }
    }

    /// What is a part of it, calls of AWS for one, goes on in this.
    pub(super) fn context(&self) -> Parent {
        self.whole.clone()
    }

    /// Ends it, and sends what was not sent yet.
    pub(super) async fn end(self, context: &Context, error: Option<&CliError>) {
        if let Some(error) = error {
            fail(&self.whole, error.kind.code());
        }
        self.whole.span().end();
        if let Err(why) = self.traces.end().await {
            let warning = format!("the trace of this deploy was not sent: {why}");
            context.printer.warning(warning);
        }
    }
}

impl StepSpans {
    pub(super) fn report(&self, event: &Event<'_>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { step, .. } => {
                let builder = self.tracer.span_builder(step.name());
                let span = self.tracer.build_with_context(builder, &self.whole);
                open.push((*step, self.whole.with_span(span)));
            }
            Event::Done { step, .. } => {
                if let Some(at) = open.iter().rposition(|(begun, _)| begun == step) {
                    open.remove(at).1.span().end();
                }
            }
            _ => {}
        }
    }

    /// Ends the steps that did not end well.
    pub(super) fn end(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, step) in open.drain(..) {
            fail(&step, "failed");
            step.span().end();
        }
    }
}

fn fail(context: &Parent, kind: &'static str) {
    let span = context.span();
    span.set_attribute(KeyValue::new("error.type", kind));
    span.set_status(Status::error(""));
}
