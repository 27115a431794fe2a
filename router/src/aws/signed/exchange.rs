//! One call: signed, sent, repeated where that can help, and read to a bound.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use backon::{ExponentialBuilder, Retryable};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::endpoint::{self, Endpoint};
use super::request::{Answer, Request};
use super::{Service, signature, wire};
use crate::aws::error::{AwsError, AwsErrorKind, before_sending};
use crate::aws::settings::CaBundle;
use crate::errors::{innermost, with_causes};
use crate::outbound::{self, BodyError, Options, TransportError, read_bounded, read_start};

/// How much of a refusal is read, in bytes.
const MAX_REFUSAL: usize = 64 << 10;

/// How long it may take to connect where the configuration does not say.
const CONNECT: Duration = Duration::from_secs(3);

/// How far the clocks must be apart for that to be why a signature is refused: the SDK's bound. AWS
/// allows five minutes.
const SKEW: Duration = Duration::from_secs(4 * 60);

/// What calls of one service have in common.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) service: &'static Service,
    pub(super) endpoint: Endpoint,
    pub(super) sdk: SdkConfig,
    credentials: SharedCredentialsProvider,
    http: outbound::Client,
    /// How many seconds AWS's clock is ahead, once it refused a signature for that.
    skew: Arc<AtomicI64>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("service", &self.service.sdk_id)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// What an attempt failed with.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: AwsError,
    /// Whether another attempt can succeed.
    is_passing: bool,
    /// The region of the bucket, where the answer gives another one than was asked.
    pub(super) bucket_region: Option<String>,
}

impl Exchange {
    /// With the configuration's region, credentials, endpoint, retries and time limits. Asks
    /// nothing of AWS.
    ///
    /// # Errors
    /// `Configuration` if there is no region or the endpoint cannot be one, `Credentials` if there
    /// is no provider of any.
    pub(super) fn new(sdk: &SdkConfig, service: &'static Service) -> Result<Self, AwsError> {
        let error = |kind, message| unsent(service, "", kind, message);
        let endpoint = endpoint::resolve(service, sdk)
            .map_err(|message| error(AwsErrorKind::Configuration, message))?;
        let credentials = sdk.credentials_provider().ok_or_else(|| {
            let message = "no usable AWS credentials: none are configured".to_owned();
            error(AwsErrorKind::Credentials, message)
        })?;
        let connect = sdk
            .timeout_config()
            .and_then(|limits| limits.connect_timeout());
        let bundle = CaBundle::of(sdk)?;
        let authorities = bundle.map(|bundle| bundle.certificates()).transpose()?;
        // Redirects are refused: one would carry the signature elsewhere.
        let http = outbound::client(Options {
            connect_timeout: connect.unwrap_or(CONNECT),
            authorities,
            ..Options::default()
        })
        .map_err(|cause| error(AwsErrorKind::Configuration, with_causes(&cause)))?;
        Ok(Self {
            service,
            endpoint,
            sdk: sdk.clone(),
            credentials,
            http,
            skew: Arc::default(),
        })
    }

    /// Sends a request until it is answered well, fails for good, or its time is up.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let default = RetryConfig::standard();
        let retries = self.sdk.retry_config().unwrap_or(&default);
        let attempts = if retries.has_retry() {
            retries.max_attempts()
        } else {
            1
        };
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(retries.initial_backoff())
            .with_max_delay(retries.max_backoff())
            .with_max_times(attempts.saturating_sub(1) as usize);
        let mut last = None;
        let sent = (|| self.attempt(request))
            .retry(pauses)
            .when(|failure: &Failure| failure.is_passing)
            .notify(|failure: &Failure, _| last = Some(failure.error.clone()));
        match tokio::time::timeout(request.limits.call, sent).await {
            Ok(answer) => answer,
            // What the attempts met says more than that there was no time for another.
            Err(_) => Err(Failure::passing(
                last.unwrap_or_else(|| self.late(request.operation)),
            )),
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, Failure> {
        match tokio::time::timeout(request.limits.attempt, self.once(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::passing(self.late(request.operation))),
        }
    }

    /// One request, one answer.
    async fn once(&self, request: &Request) -> Result<Answer, Failure> {
        let operation = request.operation;
        let sent_at = SystemTime::now();
        let mut headers = request.headers.clone();
        headers.extend(
            self.sign(request, sent_at)
                .await
                .map_err(Failure::lasting)?,
        );
        let sent = self
            .http
            .request(request.method.clone(), request.url.clone())
            .headers(headers)
            .body(request.body.clone());
        let response = self
            .http
            .send(sent)
            .await
            .map_err(|cause| Failure::passing(self.unsent(operation, &cause)))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = self.read(response, request).await?;
        let answer = Answer {
            status,
            headers,
            body,
        };
        if status.is_success() {
            return Ok(answer);
        }
        Err(self.refused(operation, &answer, sent_at))
    }

    /// The headers that say who asks.
    async fn sign(&self, request: &Request, now: SystemTime) -> Result<HeaderMap, AwsError> {
        let operation = request.operation;
        let credentials = self.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|cause| {
            let (kind, message) = before_sending(&cause, &innermost(&cause).to_string());
            self.error(operation, kind, message)
        })?;
        let skew = self.skew.load(Ordering::Relaxed);
        let at = signature::At {
            service: self.service,
            region: &self.endpoint.region,
            time: signature::moved(now, skew),
        };
        signature::headers(&credentials, at, request.signable())
            .map_err(|message| self.error(operation, AwsErrorKind::Configuration, message))
    }

    /// The body of an answer. One that is too long is no answer; of a refusal, the beginning does.
    async fn read(
        &self,
        response: reqwest::Response,
        request: &Request,
    ) -> Result<Vec<u8>, Failure> {
        if !response.status().is_success() {
            return Ok(read_start(response, MAX_REFUSAL).await);
        }
        let operation = request.operation;
        let body = read_bounded(response, request.limits.answer).await;
        body.map_err(|cause| match cause {
            BodyError::Transport(_) => Failure::passing(self.unreadable(operation)),
            BodyError::TooLong { limit } => {
                let message = format!("AWS's answer is longer than {limit} bytes");
                Failure::lasting(self.error(operation, AwsErrorKind::Unreachable, message))
            }
        })
    }

    /// What an answer that is no success means.
    fn refused(&self, operation: &'static str, answer: &Answer, sent_at: SystemTime) -> Failure {
        let refusal = wire::refusal(self.service.protocol, answer);
        let error = AwsError::of_answer(
            self.service.prefix,
            operation,
            answer.status.as_u16(),
            refusal.code.as_deref(),
            refusal.message.as_deref(),
            refusal.request_id.as_deref(),
        );
        let code = refusal.code.as_deref().unwrap_or_default();
        let is_passing = matches!(error.kind, AwsErrorKind::Throttled | AwsErrorKind::Internal)
            || answer.status == StatusCode::TOO_MANY_REQUESTS
            || matches!(code, "RequestTimeout" | "RequestTimeoutException")
            || answer.status.is_client_error() && self.corrects_clock(&answer.headers, sent_at);
        let region = answer.headers.get("x-amz-bucket-region");
        Failure {
            error,
            is_passing,
            bucket_region: region
                .and_then(|region| region.to_str().ok())
                .filter(|region| *region != self.endpoint.region)
                .map(str::to_owned),
        }
    }

    /// Takes AWS's clock for the next signature where this machine's is so far off that a signature
    /// is refused for it. Says whether it did.
    fn corrects_clock(&self, headers: &HeaderMap, sent_at: SystemTime) -> bool {
        let Some(ahead) = wire::date(headers).map(|date| signature::seconds(sent_at, date)) else {
            return false;
        };
        let is_off = ahead.abs_diff(self.skew.load(Ordering::Relaxed)) >= SKEW.as_secs();
        if is_off {
            self.skew.store(ahead, Ordering::Relaxed);
        }
        is_off
    }

    pub(super) fn error(
        &self,
        operation: &'static str,
        kind: AwsErrorKind,
        message: impl Into<String>,
    ) -> AwsError {
        unsent(self.service, operation, kind, message.into())
    }

    fn late(&self, operation: &'static str) -> AwsError {
        let message = "AWS did not answer in time";
        self.error(operation, AwsErrorKind::Unreachable, message)
    }

    pub(super) fn unreadable(&self, operation: &'static str) -> AwsError {
        let message = "AWS's answer ended early or cannot be read";
        self.error(operation, AwsErrorKind::Unreachable, message)
    }

    fn unsent(&self, operation: &'static str, cause: &TransportError) -> AwsError {
        if cause.is_timeout() {
            return self.late(operation);
        }
        let message = format!("AWS cannot be reached: {cause}");
        self.error(operation, AwsErrorKind::Unreachable, message)
    }
}

impl Failure {
    pub(super) fn passing(error: AwsError) -> Self {
        Self {
            error,
            is_passing: true,
            bucket_region: None,
        }
    }

    pub(super) fn lasting(error: AwsError) -> Self {
        Self {
            is_passing: false,
            ..Self::passing(error)
        }
    }
}

/// An error without an answer of the service.
fn unsent(
    service: &Service,
    operation: &'static str,
    kind: AwsErrorKind,
    message: String,
) -> AwsError {
    AwsError {
        service: service.prefix,
        operation,
        kind,
        code: None,
        message,
        request_id: None,
    }
}
