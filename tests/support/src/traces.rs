//! A collector of traces: it takes OTLP over HTTP and keeps what comes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::TestServer;

pub use opentelemetry_proto::tonic::trace::v1 as otlp;

type Got = (HeaderMap, ExportTraceServiceRequest);

/// A collector, until it is dropped.
pub struct Collector {
    /// What came.
    pub got: Arc<Mutex<Vec<Got>>>,
    server: TestServer,
}

#[derive(Clone)]
struct Kept {
    got: Arc<Mutex<Vec<Got>>>,
    answers: StatusCode,
}

impl Collector {
    /// One that answers with this.
    pub async fn start(answers: StatusCode) -> Self {
        let kept = Kept {
            got: Arc::default(),
            answers,
        };
        let got = kept.got.clone();
        let take = async |State(kept): State<Kept>, headers: HeaderMap, body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).expect("it is OTLP");
            let mut got = kept.got.lock().expect("nobody panics");
            got.push((headers, request));
            kept.answers
        };
        let routes = Router::new().route("/v1/traces", post(take));
        let server = TestServer::start(routes.with_state(kept)).await;
        Self { got, server }
    }

    /// Its address, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// All spans that came.
    pub fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().expect("nobody panics");
        let resources = got.iter().flat_map(|(_, request)| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The attributes of what sent the spans.
    pub fn resource(&self) -> Vec<KeyValue> {
        let got = self.got.lock().expect("nobody panics");
        let resource = &got[0].1.resource_spans[0].resource;
        resource.clone().expect("there is one").attributes
    }
}

/// An attribute as text.
pub fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// The id of a trace or a span as a `traceparent` has it.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
