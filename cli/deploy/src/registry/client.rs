//! The registry's requests: signed in, retried within bounds, and their refusals told apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use futures::stream;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use t3nets_router::aws::store_error;
use t3nets_router::outbound::{self, Options, Redirects};

use crate::error::DeployError;
use crate::progress::{Event, Reporter};

/// How often a request, or a layer's upload, is made in all.
const ATTEMPTS: u32 = 5;
/// The pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(300);
/// How long nothing may move before a request counts as failed.
const IDLE: Duration = Duration::from_secs(30);
/// A token is renewed this long before it ends, so that no request meets its end.
const MARGIN: Duration = Duration::from_secs(300);
/// What is sent in one piece.
const CHUNK: usize = 128 << 10;

/// One repository of the registry.
pub(super) struct Client {
    http: reqwest::Client,
    ecr: aws_sdk_ecr::Client,
    /// Ends with `/v2/{repository}/`.
    base: Url,
    token: tokio::sync::Mutex<Option<Token>>,
}

/// A sign-in. Lives in memory alone, and shows itself nowhere.
#[derive(Clone)]
struct Token {
    header: HeaderValue,
    ends: Option<SystemTime>,
    /// Tells two tokens apart.
    obtained: Instant,
}

/// What a request asks for.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Header and value.
    pub(super) header: Option<(reqwest::header::HeaderName, &'a str)>,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn new(
        ecr: aws_sdk_ecr::Client,
        address: &Url,
        repository: &str,
    ) -> Result<Self, DeployError> {
        let base = address
            .join(&format!("/v2/{repository}/"))
            .map_err(|error| {
                DeployError::usage(format!("`{repository}` is no repository")).caused_by(&error)
            })?;
        let http = outbound::client(Options {
            connect_timeout: Duration::from_secs(10),
            read_timeout: IDLE,
            // Registries keep their layers elsewhere and send there with a signed address.
            redirects: Redirects::Follow,
            ..Options::default()
        })
        .map_err(|error| DeployError::failed("cannot make a request").caused_by(&error))?;
        Ok(Self {
            http,
            ecr,
            base,
            token: tokio::sync::Mutex::new(None),
        })
    }

    /// An address in the repository: `manifests/{tag}`.
    pub(super) fn url(&self, path: &str) -> Result<Url, DeployError> {
        self.base.join(path).map_err(|error| {
            DeployError::usage(format!("`{path}` names no image")).caused_by(&error)
        })
    }

    /// Makes a request, again where that may help. Any answer that is not a refusal of the sign-in or a failure in passing
    /// is the caller's to judge.
    pub(super) async fn ask(
        &self,
        ask: &Ask<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Response, DeployError> {
        let mut attempt = 1;
        loop {
            let mut request = self.http.request(ask.method.clone(), ask.url.clone());
            if let Some((name, value)) = &ask.header {
                request = request.header(name, *value);
            }
            if ask.method != Method::GET && ask.method != Method::HEAD {
                request = request.body(ask.body.clone());
            }
            match self.signed(request).await? {
                Sent::Answered(response) => return Ok(response),
                Sent::Failed(why) => pause(&mut attempt, why, reporter).await?,
            }
        }
    }

    /// Sends a blob, from the start again where that may help. `sent` follows what of it is on its way.
    pub(super) async fn upload(
        &self,
        digest: &str,
        blob: &Arc<Vec<u8>>,
        sent: &Arc<AtomicU64>,
        reporter: &dyn Reporter,
    ) -> Result<(), DeployError> {
        let mut attempt = 1;
        loop {
            sent.store(0, Ordering::Relaxed);
            match self.upload_once(digest, blob, sent, reporter).await? {
                Sent::Answered(_) => return Ok(()),
                Sent::Failed(why) => pause(&mut attempt, why, reporter).await?,
            }
        }
    }

    async fn upload_once(
        &self,
        digest: &str,
        blob: &Arc<Vec<u8>>,
        sent: &Arc<AtomicU64>,
        reporter: &dyn Reporter,
    ) -> Result<Sent, DeployError> {
        let begin = Ask {
            method: Method::POST,
            url: self.url("blobs/uploads/")?,
            header: None,
            body: Vec::new(),
        };
        let begun = self.ask(&begin, reporter).await?;
        let Some(place) = next(&begun, StatusCode::ACCEPTED) else {
            return Err(refusal("the registry takes no layer", begun).await);
        };
        let body = {
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
            .patch(place)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, blob.len())
            .body(body);
        let patched = match self.signed(patch).await? {
            Sent::Answered(response) => response,
            failed @ Sent::Failed(_) => return Ok(failed),
        };
        let Some(mut place) = next(&patched, StatusCode::ACCEPTED) else {
            return self
                .unfinished("the registry took no part of a layer", patched)
                .await;
        };
        place.query_pairs_mut().append_pair("digest", digest);
        // Not repeated by itself: once it is done, the upload is gone.
        let put = self.http.put(place).header(CONTENT_LENGTH, 0);
        match self.signed(put).await? {
            Sent::Answered(response) if response.status() == StatusCode::CREATED => {
                Ok(Sent::Answered(response))
            }
            Sent::Answered(response) => {
                self.unfinished("the registry did not keep a layer", response)
                    .await
            }
            failed @ Sent::Failed(_) => Ok(failed),
        }
    }

    /// An upload that the registry lost, or whose content was damaged on its way, begins anew; anything else is final.
    async fn unfinished(&self, what: &str, response: Response) -> Result<Sent, DeployError> {
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::RANGE_NOT_SATISFIABLE => {
                Ok(Sent::Failed(refusal(what, response).await))
            }
            _ => Err(refusal(what, response).await),
        }
    }

    /// Makes a request once, and once more with a new token if it is for the old one that it is refused.
    async fn signed(&self, request: RequestBuilder) -> Result<Sent, DeployError> {
        let again = request.try_clone();
        let token = self.token(None).await?;
        let answer = request
            .header(AUTHORIZATION, token.header.clone())
            .send()
            .await;
        let answer = match answer {
            Ok(response) if matches!(response.status().as_u16(), 401 | 403) => {
                let refused = judge(response).await;
                if !refused.is_expired {
                    return Err(refused.error);
                }
                // A stream cannot be sent twice: its caller begins anew, and finds the new token.
                let token = self.token(Some(&token)).await?;
                let Some(again) = again else {
                    return Ok(Sent::Failed(refused.error));
                };
                match again.header(AUTHORIZATION, token.header).send().await {
                    Ok(response) if matches!(response.status().as_u16(), 401 | 403) => {
                        return Err(judge(response).await.error);
                    }
                    answer => answer,
                }
            }
            answer => answer,
        };
        match answer {
            Ok(response)
                if response.status().is_server_error()
                    || response.status() == StatusCode::TOO_MANY_REQUESTS =>
            {
                Ok(Sent::Failed(refusal("the registry fails", response).await))
            }
            Ok(response) => Ok(Sent::Answered(response)),
            Err(error) => {
                let place = self.base.host_str().unwrap_or_default();
                Ok(Sent::Failed(
                    DeployError::failed(format!("the registry `{place}` cannot be reached"))
                        .caused_by(&error.without_url()),
                ))
            }
        }
    }

    /// The token, renewed if it is about to end or is the one that was `refused`.
    async fn token(&self, refused: Option<&Token>) -> Result<Token, DeployError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref() {
            let fresh = token
                .ends
                .is_none_or(|ends| ends > SystemTime::now() + MARGIN);
            if fresh && refused.is_none_or(|refused| refused.obtained != token.obtained) {
                return Ok(token.clone());
            }
        }
        let answer = self
            .ecr
            .get_authorization_token()
            .send()
            .await
            .map_err(|error| DeployError::from(store_error(&error)))?;
        let data = answer.authorization_data.unwrap_or_default();
        let found = data.into_iter().next();
        let ends = found.as_ref().and_then(|data| data.expires_at);
        let ends = ends.and_then(|ends| SystemTime::try_from(ends).ok());
        // It is `AWS:password` in Base64 already.
        let header = found
            .and_then(|data| data.authorization_token)
            .and_then(|token| HeaderValue::from_str(&format!("Basic {token}")).ok());
        let Some(mut header) = header else {
            return Err(DeployError::denied("ECR gives no usable token"));
        };
        header.set_sensitive(true);
        let token = Token {
            header,
            ends,
            obtained: Instant::now(),
        };
        *kept = Some(token.clone());
        Ok(token)
    }
}

/// What became of a request.
enum Sent {
    Answered(Response),
    /// In passing: it may go well the next time.
    Failed(DeployError),
}

async fn pause(
    attempt: &mut u32,
    why: DeployError,
    reporter: &dyn Reporter,
) -> Result<(), DeployError> {
    if *attempt >= ATTEMPTS {
        return Err(why.hint("run it again: layers that arrived are not sent again"));
    }
    let reason = why.causes.last().unwrap_or(&why.message);
    reporter.report(Event::Retrying { reason });
    tokio::time::sleep(PAUSE * 2_u32.pow(*attempt - 1)).await;
    *attempt += 1;
    Ok(())
}

/// Where an upload goes on, if the answer is the expected one.
fn next(response: &Response, expected: StatusCode) -> Option<Url> {
    if response.status() != expected {
        return None;
    }
    let place = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(place).ok()
}

struct Refused {
    error: DeployError,
    is_expired: bool,
}

/// What a 401 or 403 means. ECR answers 403 to a token that has ended.
async fn judge(response: Response) -> Refused {
    let status = response.status();
    let mut error = refusal("the registry refuses access", response).await;
    error.kind = crate::error::ErrorKind::Denied;
    let is_expired = status == StatusCode::UNAUTHORIZED
        || error
            .causes
            .iter()
            .any(|cause| cause.to_lowercase().contains("expired"));
    Refused {
        error: error.hint("pushing takes ecr:BatchCheckLayerAvailability, InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, PutImage and BatchGetImage on the repository"),
        is_expired,
    }
}

/// What the registry says of why: its answer may hold anything, so that only its message is shown, and not at any length.
pub(super) async fn refusal(what: &str, response: Response) -> DeployError {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let first = &body["errors"][0];
    let said = match (first["code"].as_str(), first["message"].as_str()) {
        (Some(code), Some(message)) => format!("{status}: {message} ({code})"),
        (Some(code), None) => format!("{status}: {code}"),
        _ => status.to_string(),
    };
    let mut error = DeployError::failed(what);
    error.causes.push(said.chars().take(500).collect());
    error
}
