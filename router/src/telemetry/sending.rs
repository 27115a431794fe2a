//! Sending traces to a collector, by OTLP over HTTP: <https://opentelemetry.io/docs/specs/otlp/>.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use url::Url;

use super::spans::TRACER;
use crate::aws::signed::XRaySigner;
use crate::config::TracesConfig;
use crate::outbound::{self, Client, ClientError, Options, read_bounded};

/// The most of a collector's answer that is read. It says which spans were refused.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How long the last spans may take when the router ends.
const LAST: Duration = Duration::from_secs(3);

/// The sending of traces, until it is ended.
#[must_use = "what was not sent yet is lost unless this is ended"]
pub struct Traces {
    provider: SdkTracerProvider,
    failing: Failing,
}

/// Why the last batch was not taken, unless it was.
type Failing = Arc<Mutex<Option<String>>>;

/// The program that sends them.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// Its name, unless OpenTelemetry's variables give it another.
    pub name: &'static str,
    /// The environment that it serves or works on.
    pub environment: &'a str,
}

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
    program: Program<'_>,
    config: &TracesConfig,
    sdk: Option<&SdkConfig>,
) -> Result<Traces, TracesError> {
    let client = outbound::client(Options {
        total_timeout: Some(config.timeout),
        ..Options::default()
    })?;
    let failing = Failing::default();
    let sender = Sender {
        way: Arc::new(Way {
            client,
            signer: sdk.and_then(XRaySigner::new),
        }),
        runtime: Handle::current(),
        tasks: TaskTracker::new(),
        failing: failing.clone(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(sender)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource(program, config))
        .build();
    // A second router of one process tells the first one's collector.
    let traces = Traces { provider, failing };
    let _ = TRACER.set(traces.tracer());
    Ok(traces)
}

impl Traces {
    /// What begins spans.
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("t3nets")
    }

    /// Sends what is left, within a few seconds.
    ///
    /// # Errors
    /// Why it was not sent, or not taken.
    pub async fn end(self) -> Result<(), String> {
        let Self { provider, failing } = self;
        let ending = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST));
        let ended = ending.await;
        let failure = failing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match (failure, ended) {
            (Some(failure), _) => Err(failure),
            (None, Ok(Err(error))) => Err(error.to_string()),
            (None, _) => Ok(()),
        }
    }
}

/// What the spans come from. `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` go before.
fn resource(program: Program<'_>, config: &TracesConfig) -> Resource {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", program.name),
            KeyValue::new("service.version", crate::VERSION),
            KeyValue::new(
                "deployment.environment.name",
                program.environment.to_owned(),
            ),
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
    failing: Failing,
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
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match (failing.is_some(), &failure) {
            (false, Some(failure)) => {
                tracing::warn!(failure, "the collector did not accept traces")
            }
            (true, None) => tracing::info!("the collector accepts traces again"),
            (false, None) | (true, Some(_)) => {}
        }
        *failing = failure;
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
