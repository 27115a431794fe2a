//! A small client for calls that are too rare to build an SDK crate for.
//!
//! An SDK crate has every operation of its service and takes a minute to compile. This client has none: a caller gives the
//! operation's name and its input, and says into what the answer is read.
//!
//! ```no_run
//! # use serde::Deserialize;
//! # use t3nets_router::aws::AwsError;
//! use t3nets_router::aws::signed::{IAM, SignedClient};
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct GetRole {
//!     role: Role,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct Role {
//!     arn: String,
//! }
//!
//! # async fn example(sdk: &aws_config::SdkConfig) -> Result<String, AwsError> {
//! let iam = SignedClient::new(sdk, &IAM)?;
//! let input = serde_json::json!({ "RoleName": "router" });
//! let answer: GetRole = iam.call("GetRole", &input).await?;
//! # Ok(answer.role.arn)
//! # }
//! ```
//!
//! Another service is another [`Service`]; what each one needs stands in its API reference under "Common Parameters".
//!
//! As with the SDK's crates, region, credentials, endpoints, retries and time limits are the [`SdkConfig`]'s. Unlike with
//! them, an answer is read to a bound. Here is how a call is made and repeated; `endpoint` knows where services are, `wire`
//! how requests and answers are written, `signature` how they are signed, `objects` what S3 has beyond that.

mod endpoint;
mod objects;
mod signature;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use backon::{ExponentialBuilder, Retryable};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use self::endpoint::Endpoint;
use super::error::{AwsError, AwsErrorKind, before_sending};
use crate::errors::{innermost, with_causes};
use crate::outbound::{self, BodyError, Options, read_bounded, read_start};

/// A service: how it is reached and what it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its id in the SDKs, by which errors name it and configuration gives it an endpoint (for `CloudWatch Logs` that is
    /// `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`).
    pub sdk_id: &'static str,
    /// How its hosts' names begin, which is also the name that signatures have for it.
    pub prefix: &'static str,
    /// Which hosts it has.
    pub hosts: Hosts,
    /// How requests and answers are written.
    pub protocol: Protocol,
}

/// Which hosts a service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// One in every region.
    Regional,
    /// One in every partition.
    Global,
    /// One in every region, and one for each bucket.
    OfBuckets,
}

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON both ways; what this names comes before the operation in `X-Amz-Target`.
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
    Json(&'static str),
    /// A form there and XML back, in this version of the API.
    /// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>
    Query(&'static str),
    /// Paths, with XML for errors. <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html>
    RestXml,
}

/// CloudWatch Logs.
pub const LOGS: Service = Service {
    sdk_id: "CloudWatch Logs",
    prefix: "logs",
    hosts: Hosts::Regional,
    protocol: Protocol::Json("Logs_20140328"),
};

/// Elastic Load Balancing, for load balancers of applications and networks.
pub const LOAD_BALANCING: Service = Service {
    sdk_id: "Elastic Load Balancing v2",
    prefix: "elasticloadbalancing",
    hosts: Hosts::Regional,
    protocol: Protocol::Query("2015-12-01"),
};

/// Identity and Access Management.
pub const IAM: Service = Service {
    sdk_id: "IAM",
    prefix: "iam",
    hosts: Hosts::Global,
    protocol: Protocol::Query("2010-05-08"),
};

/// Simple Storage Service.
pub const S3: Service = Service {
    sdk_id: "S3",
    prefix: "s3",
    hosts: Hosts::OfBuckets,
    protocol: Protocol::RestXml,
};

/// The longest answer of a call in bytes. A page of log events has a megabyte at most, and escapes make more of it.
const MAX_ANSWER: usize = 16 << 20;

/// How much of a refusal is read, in bytes.
const MAX_REFUSAL: usize = 64 << 10;

/// How long it may take to connect, for an attempt and for a call with all of them, where the configuration does not say.
const CONNECT: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);

/// How far the clocks must be apart for that to be why a signature is refused: the SDK's bound. AWS allows five minutes.
const SKEW: Duration = Duration::from_secs(4 * 60);

/// A client of one service.
pub struct SignedClient {
    service: &'static Service,
    endpoint: Endpoint,
    sdk: SdkConfig,
    credentials: SharedCredentialsProvider,
    http: reqwest::Client,
    /// How many seconds AWS's clock is ahead, once it refused a signature for that.
    skew: AtomicI64,
}

impl fmt::Debug for SignedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedClient")
            .field("service", &self.service.sdk_id)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A request, not signed yet.
#[derive(Debug)]
struct Request {
    operation: &'static str,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: String,
    limits: Limits,
}

/// What bounds a call.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The longest answer in bytes.
    answer: usize,
    /// How long each attempt may take.
    attempt: Duration,
    /// How long all of them may take.
    call: Duration,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What an attempt failed with.
#[derive(Debug)]
struct Failure {
    error: AwsError,
    /// Whether another attempt can succeed.
    is_passing: bool,
    /// The region of the bucket, where the answer gives another one than was asked.
    bucket_region: Option<String>,
}

impl SignedClient {
    /// A client with the configuration's region, credentials, endpoint, retries and time limits. Asks nothing of AWS.
    ///
    /// # Errors
    /// `Configuration` if there is no region or the endpoint cannot be one, `Credentials` if there is no provider of any.
    pub fn new(sdk: &SdkConfig, service: &'static Service) -> Result<Self, AwsError> {
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
        // Redirects are refused: one would carry the signature elsewhere.
        let http = outbound::client(Options {
            connect_timeout: connect.unwrap_or(CONNECT),
            ..Options::default()
        })
        .map_err(|cause| error(AwsErrorKind::Configuration, with_causes(&cause)))?;
        Ok(Self {
            service,
            endpoint,
            sdk: sdk.clone(),
            credentials,
            http,
            skew: AtomicI64::new(0),
        })
    }

    /// Calls an operation of a service that speaks [`Protocol::Json`] or [`Protocol::Query`].
    ///
    /// `input` is an object with the parameters as the API reference names them; a list becomes `Name.member.1` and so on
    /// in a form. What is asked of XML is read from `<OperationResult>`, a list as the field `member` of its element.
    ///
    /// # Errors
    /// As AWS says; `Unreachable` if it does not answer, or not with what can be read as `T`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        input: &(impl Serialize + Sync),
    ) -> Result<T, AwsError> {
        let (headers, body) = wire::input(self.service.protocol, operation, input)
            .map_err(|cause| self.error(operation, AwsErrorKind::Configuration, cause))?;
        let limits = self.sdk.timeout_config();
        let request = Request {
            operation,
            method: Method::POST,
            url: self.endpoint.url.clone(),
            headers,
            body,
            limits: Limits {
                answer: MAX_ANSWER,
                attempt: limits
                    .and_then(|limits| limits.operation_attempt_timeout())
                    .unwrap_or(ATTEMPT),
                call: limits
                    .and_then(|limits| limits.operation_timeout())
                    .unwrap_or(CALL),
            },
        };
        let answer = self.send(&request).await.map_err(|failure| failure.error)?;
        wire::output(self.service.protocol, operation, &answer.body).map_err(|cause| {
            tracing::debug!(operation, cause, "an answer of AWS cannot be read");
            let mut error = self.unreadable(operation);
            error.request_id = wire::request_id(&answer.headers).map(str::to_owned);
            error
        })
    }

    /// Sends a request until it is answered well, fails for good, or its time is up.
    async fn send(&self, request: &Request) -> Result<Answer, Failure> {
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
        let sent = (|| self.attempt(request))
            .retry(pauses)
            .when(|failure: &Failure| failure.is_passing);
        match tokio::time::timeout(request.limits.call, sent).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::passing(self.late(request.operation))),
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, Failure> {
        match tokio::time::timeout(request.limits.attempt, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::passing(self.late(request.operation))),
        }
    }

    /// One request, one answer.
    async fn exchange(&self, request: &Request) -> Result<Answer, Failure> {
        let operation = request.operation;
        let sent_at = SystemTime::now();
        let mut headers = request.headers.clone();
        headers.extend(
            self.sign(request, sent_at)
                .await
                .map_err(Failure::lasting)?,
        );
        let response = self
            .http
            .request(request.method.clone(), request.url.clone())
            .headers(headers)
            .body(request.body.clone())
            .send()
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
        signature::headers(&credentials, at, request)
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

    /// Takes AWS's clock for the next signature where this machine's is so far off that a signature is refused for it.
    /// Says whether it did.
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

    fn error(
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

    fn unreadable(&self, operation: &'static str) -> AwsError {
        let message = "AWS's answer ended early or cannot be read";
        self.error(operation, AwsErrorKind::Unreachable, message)
    }

    fn unsent(&self, operation: &'static str, cause: &reqwest::Error) -> AwsError {
        if cause.is_timeout() {
            return self.late(operation);
        }
        let message = format!("AWS cannot be reached: {}", innermost(cause));
        self.error(operation, AwsErrorKind::Unreachable, message)
    }
}

impl Failure {
    fn passing(error: AwsError) -> Self {
        Self {
            error,
            is_passing: true,
            bucket_region: None,
        }
    }

    fn lasting(error: AwsError) -> Self {
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
