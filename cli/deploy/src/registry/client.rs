//! The registry's requests: authorized, retried where that may help, and with their refusals told
//! apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use backon::{ExponentialBuilder, Retryable};
use data_encoding::BASE64;
use futures::stream;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use t3nets_router::aws::{AwsError, AwsErrorKind};
use t3nets_router::errors::innermost;
use t3nets_router::outbound::{self, Options, Redirects, TransportError};

use super::error::{Refusal, RegistryError, RegistryRequest};
use crate::docker_config::DockerConfig;
use crate::docker_config::credentials::Credentials;
use crate::image_ref::{Digest, Repository};
use crate::report::{Event, Reporter};

/// How often a request, or the upload of a layer, is repeated.
const RETRIES: usize = 4;
/// The pause before the first repetition; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may be without progress.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A token is renewed this long before it expires, so that none expires on its way.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// How much of a layer is handed to the connection at once.
const CHUNK: usize = 128 << 10;
/// How much of a refusal is read, in bytes.
const MAX_REFUSAL: usize = 64 << 10;

/// Makes requests to one repository of the registry.
pub(super) struct RegistryClient {
    http: outbound::Client,
    ecr: aws_sdk_ecr::Client,
    /// Ends with `/v2/{repository}/`.
    base: Url,
    token: tokio::sync::Mutex<Option<Token>>,
}

/// An authorization token. It stays in memory, and no log or error shows it.
#[derive(Clone)]
struct Token {
    header: HeaderValue,
    expires: Option<SystemTime>,
    /// Tells two tokens apart.
    obtained: Instant,
}

/// One request to the registry.
pub(super) struct Call<'a> {
    pub(super) request: RegistryRequest,
    pub(super) method: Method,
    /// In the repository: `manifests/{tag}`.
    pub(super) path: String,
    pub(super) header: Option<(HeaderName, &'a str)>,
    pub(super) body: Vec<u8>,
}

impl RegistryClient {
    pub(super) fn new(
        ecr: aws_sdk_ecr::Client,
        address: &Url,
        repository: &Repository,
    ) -> Result<Self, RegistryError> {
        let base = format!("/v2/{}/", repository.name());
        let base = address
            .join(&base)
            .map_err(|_| RegistryError::InvalidAddress(address.to_string()))?;
        let http = outbound::client(Options {
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: IDLE_TIMEOUT,
            // ECR stores layers in S3 and redirects there, to an address that is signed.
            // https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
            redirects: Redirects::Follow,
            ..Options::default()
        })?;
        Ok(Self {
            http,
            ecr,
            base,
            token: tokio::sync::Mutex::new(None),
        })
    }

    /// Makes a request, and repeats it where that may help. Every status that is neither a refused
    /// authorization nor a failure of the registry is the caller's to judge.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Response, RegistryError> {
        (|| self.send_once(call))
            .retry(backoff())
            .when(RegistryError::is_transient)
            .notify(|error, _| report_retry(error, reporter))
            .await
    }

    async fn send_once(&self, call: &Call<'_>) -> Result<Response, RegistryError> {
        let url = self.url(&call.path)?;
        let mut request = self.http.request(call.method.clone(), url);
        if let Some((name, value)) = &call.header {
            request = request.header(name, *value);
        }
        if call.method != Method::GET && call.method != Method::HEAD {
            request = request.body(call.body.clone());
        }
        self.authorized(request).await
    }

    /// Uploads a blob, from its start again where that may help. `sent` follows how many of its
    /// bytes are sent.
    pub(super) async fn upload(
        &self,
        digest: &Digest,
        blob: &Arc<Vec<u8>>,
        sent: &Arc<AtomicU64>,
        reporter: &dyn Reporter,
    ) -> Result<(), RegistryError> {
        (|| async {
            sent.store(0, Ordering::Relaxed);
            self.upload_once(digest, blob, sent).await
        })
        .retry(backoff())
        .when(RegistryError::is_transient)
        .notify(|error, _| report_retry(error, reporter))
        .await
    }

    /// POST starts the upload, PATCH sends the content, PUT ends it with the digest. The content is
    /// one PATCH whatever its size: that is what Docker sends, and ECR takes.
    /// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks>
    async fn upload_once(
        &self,
        digest: &Digest,
        blob: &Arc<Vec<u8>>,
        sent: &Arc<AtomicU64>,
    ) -> Result<(), RegistryError> {
        let start = Call {
            request: RegistryRequest::StartUpload,
            method: Method::POST,
            path: "blobs/uploads/".to_owned(),
            header: None,
            body: Vec::new(),
        };
        let started = self.send_once(&start).await?;
        let Some(location) = upload_location(&started) else {
            return Err(refused(RegistryRequest::StartUpload, started).await);
        };
        let content = {
            let (blob, sent) = (Arc::clone(blob), Arc::clone(sent));
            let chunks = (0..blob.len()).step_by(CHUNK).map(move |from| {
                let to = blob.len().min(from + CHUNK);
                sent.store(to as u64, Ordering::Relaxed);
                Ok::<_, std::io::Error>(blob.get(from..to).unwrap_or_default().to_vec())
            });
            reqwest::Body::wrap_stream(stream::iter(chunks))
        };
        let patch = self
            .http
            .request(Method::PATCH, location)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, blob.len())
            .body(content);
        let patched = self.authorized(patch).await?;
        let Some(mut location) = upload_location(&patched) else {
            return Err(interrupted(patched).await);
        };
        location
            .query_pairs_mut()
            .append_pair("digest", digest.as_str());
        let put = self.http.request(Method::PUT, location);
        let put = put.header(CONTENT_LENGTH, 0);
        let completed = self.authorized(put).await?;
        match completed.status() {
            StatusCode::CREATED => Ok(()),
            _ => Err(interrupted(completed).await),
        }
    }

    /// An address in the repository: `manifests/{tag}`.
    fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base
            .join(path)
            .map_err(|_| RegistryError::InvalidReference(path.to_owned()))
    }

    /// Makes a request once, and a second time with a new token if the registry refused the first
    /// one's as expired.
    async fn authorized(&self, request: RequestBuilder) -> Result<Response, RegistryError> {
        let second = request.try_clone();
        let token = self.token(None).await?;
        let refusal = match self.attempt(request, &token).await {
            Err(RegistryError::TokenExpired(refusal)) => refusal,
            answer => return answer,
        };
        let token = self.token(Some(&token)).await?;
        // A stream cannot be sent twice: its upload starts again, with the new token.
        let Some(second) = second else {
            return Err(RegistryError::TokenExpired(refusal));
        };
        match self.attempt(second, &token).await {
            Err(RegistryError::TokenExpired(refusal)) => Err(RegistryError::AccessDenied(refusal)),
            answer => answer,
        }
    }

    async fn attempt(
        &self,
        request: RequestBuilder,
        token: &Token,
    ) -> Result<Response, RegistryError> {
        let (http, request) = request.build_split();
        let answer = async {
            let mut request = request?;
            // An upload continues where the registry says; the token is for the registry.
            if request.url().origin() == self.base.origin() {
                let headers = request.headers_mut();
                headers.insert(AUTHORIZATION, token.header.clone());
            }
            let request = RequestBuilder::from_parts(http, request);
            self.http.send(request).await
        };
        let response = answer.await.map_err(|error| self.unreachable(error))?;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let refusal = Refusal::read(response).await;
                Err(match refusal.is_for_expired_token() {
                    true => RegistryError::TokenExpired(refusal),
                    false => RegistryError::AccessDenied(refusal),
                })
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(RegistryError::Failed(Refusal::read(response).await))
            }
            _ => Ok(response),
        }
    }

    /// The error of a request without an answer, or of an answer that ended early.
    pub(super) fn unreachable(&self, source: TransportError) -> RegistryError {
        RegistryError::Unreachable {
            host: self.base.host_str().unwrap_or_default().to_owned(),
            source,
        }
    }

    /// The token, renewed if it is about to expire or is the one that was `refused`.
    async fn token(&self, refused: Option<&Token>) -> Result<Token, RegistryError> {
        let mut current = self.token.lock().await;
        if let Some(token) = current.as_ref() {
            let is_valid = token
                .expires
                .is_none_or(|expires| expires > SystemTime::now() + RENEW_BEFORE);
            if is_valid && refused.is_none_or(|refused| refused.obtained != token.obtained) {
                return Ok(token.clone());
            }
        }
        let answer = self.ecr.get_authorization_token().send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let error = AwsError::from_sdk("ecr", "GetAuthorizationToken", &error);
                let token = self.docker_login(error).await?;
                *current = Some(token.clone());
                return Ok(token);
            }
        };
        let data = answer.authorization_data.unwrap_or_default();
        let data = data.into_iter().next().ok_or(RegistryError::NoToken)?;
        let expires = data.expires_at.map(SystemTime::try_from);
        // It is `AWS:password` in Base64 already, which is what basic authentication takes.
        // https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
        let token = data.authorization_token.unwrap_or_default();
        let token = Token::basic(&token, expires.and_then(Result::ok))?;
        *current = Some(token.clone());
        Ok(token)
    }

    /// What `docker login` left for the registry, where ECR refuses a token to these credentials:
    /// another program, with other permissions, may have logged in.
    async fn docker_login(&self, refused: AwsError) -> Result<Token, RegistryError> {
        if refused.kind != AwsErrorKind::Permission {
            return Err(refused.into());
        }
        let registry = match (self.base.host_str(), self.base.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let config = DockerConfig::load().unwrap_or_default();
        match config.credentials(&registry).await? {
            Some(Credentials::Password { username, password }) => {
                let both = BASE64.encode(format!("{username}:{password}").as_bytes());
                Token::basic(&both, None)
            }
            Some(Credentials::Token(_)) | None => Err(refused.into()),
        }
    }
}

impl Token {
    /// Of a name and a password with a colon between, in Base64.
    fn basic(both: &str, expires: Option<SystemTime>) -> Result<Self, RegistryError> {
        let mut header = HeaderValue::from_str(&format!("Basic {both}"))
            .ok()
            .filter(|_| !both.is_empty())
            .ok_or(RegistryError::NoToken)?;
        header.set_sensitive(true);
        Ok(Self {
            header,
            expires,
            obtained: Instant::now(),
        })
    }
}

fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_factor(2.0)
        .with_max_times(RETRIES)
}

fn report_retry(error: &RegistryError, reporter: &dyn Reporter) {
    reporter.report(Event::Retrying {
        reason: &innermost(error).to_string(),
    });
}

/// Where an upload continues; `None` if the answer does not say.
fn upload_location(response: &Response) -> Option<Url> {
    if response.status() != StatusCode::ACCEPTED {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(location).ok()
}

/// The error of an upload whose content was sent: 404 if the registry lost it, 400 or 416 if other
/// content arrived than was sent. Those can be tried again.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>
async fn interrupted(response: Response) -> RegistryError {
    match response.status() {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::RANGE_NOT_SATISFIABLE => {
            RegistryError::UploadInterrupted(Refusal::read(response).await)
        }
        _ => refused(RegistryRequest::UploadLayer, response).await,
    }
}

/// The error of an answer that a request did not expect.
pub(super) async fn refused(request: RegistryRequest, response: Response) -> RegistryError {
    RegistryError::Refused {
        request,
        refusal: Refusal::read(response).await,
    }
}

impl Refusal {
    /// Reads an answer that is no success. Of its body only the first error is taken: it may hold
    /// anything.
    async fn read(response: Response) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            errors: Vec<ErrorEntry>,
        }
        #[derive(Deserialize)]
        struct ErrorEntry {
            code: Option<String>,
            message: Option<String>,
        }
        let status = response.status();
        let body = outbound::read_start(response, MAX_REFUSAL).await;
        let body: Body = serde_json::from_slice(&body).unwrap_or_default();
        let first = body.errors.into_iter().next();
        Self {
            status,
            code: first.as_ref().and_then(|entry| entry.code.clone()),
            message: first.and_then(|entry| entry.message),
        }
    }

    /// Whether it was the token's age. ECR answers 403 with the code DENIED to an expired token as
    /// to a missing permission; only the message tells them apart.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html>
    fn is_for_expired_token(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
            || self
                .message
                .as_ref()
                .is_some_and(|message| message.to_lowercase().contains("expired"))
    }
}
