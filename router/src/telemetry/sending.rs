//! Sending traces to a collector, by OTLP over HTTP: <https://opentelemetry.io/docs/specs/otlp/>.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use url::Url;

use super::spans::TRACER;
use crate::aws::signed::XRaySigner;
use crate::config::{Identity, TracesConfig};
use crate::outbound::{self, Client, ClientError, Options, read_bounded};

/// The most of a collector's answer that is read. It says which spans were refused.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How long the last spans may take when the router ends.
const LAST: Duration = Duration::from_secs(3);

/// The sending of traces, until it is ended.
#[must_use = "what was not sent yet is lost unless this is ended"]
pub struct Traces(SdkTracerProvider);

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// There is no client for it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A variable of OpenTelemetry cannot be used.
    #[error("traces cannot be set up: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Sends traces from now on, to where OpenTelemetry's variables say. Called within the runtime that
/// sends them. What goes to X-Ray is signed with the credentials of `sdk`.
///
/// # Errors
/// If a variable cannot be used, or no HTTPS client can be made.
pub fn send_traces(
    identity: &Identity,
    config: &TracesConfig,
    sdk: Option<&SdkConfig>,
) -> Result<Traces, TracesError> {
    let client = outbound::client(Options {
        total_timeout: Some(config.timeout),
        ..Options::default()
    })?;
    let sender = Sender {
        way: Arc::new(Way {
            client,
            signer: sdk.and_then(XRaySigner::new),
        }),
        runtime: Handle::current(),
        tasks: TaskTracker::new(),
        is_failing: AtomicBool::new(false),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(sender)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource(identity, config))
        .build();
    // A second router of one process tells the first one's collector.
    let _ = TRACER.set(provider.tracer("t3nets"));
    Ok(Traces(provider))
}

impl Traces {
    /// Sends what is left, within a few seconds.
    pub async fn end(self) {
        let ending = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST));
        if let Ok(Err(error)) = ending.await {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// What the spans come from. `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` go before.
fn resource(identity: &Identity, config: &TracesConfig) -> Resource {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "t3nets-router"),
            KeyValue::new("service.version", crate::VERSION),
            KeyValue::new("deployment.environment.name", identity.environment.clone()),
        ])
        .with_detectors(&[
            Box::new(TelemetryResourceDetector),
            Box::new(EnvResourceDetector::new()),
        ]);
    match &config.service_name {
        Some(name) => resource.with_service_name(name.clone()).build(),
        None => resource.build(),
    }
}

/// Sends batches. The SDK asks for it on a thread of its own, where no runtime is.
struct Sender {
    way: Arc<Way>,
    runtime: Handle,
    tasks: TaskTracker,
    is_failing: AtomicBool,
}

struct Way {
    client: Client,
    signer: Option<XRaySigner>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let way = self.way.clone();
        let sending = async move { way.exchange(request).await };
        let outcome = self.tasks.spawn_on(sending, &self.runtime).await?;
        let failure = match &outcome {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        // Once for all that fail in a row: there is a batch every few seconds.
        match (
            self.is_failing.swap(failure.is_some(), Ordering::Relaxed),
            failure,
        ) {
            (false, Some(failure)) => tracing::warn!(failure, "the collector did not take traces"),
            (true, None) => tracing::info!("the collector takes traces again"),
            (false, None) | (true, Some(_)) => {}
        }
        outcome
    }
}

impl Way {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let url: Url = head.uri.to_string().parse()?;
        let mut headers = head.headers;
        if let Some(signer) = &self.signer {
            headers.extend(signer.headers(&url, &headers, &body).await?);
        }
        let request = self.client.request(head.method, url);
        let request = request.headers(headers).body(body);
        let answer = self.client.send(request).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = read_bounded(answer, MAX_ANSWER_BYTES).await?;
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
