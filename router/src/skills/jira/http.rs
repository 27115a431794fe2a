//! One request to Jira: bounded in time and size, no redirects, repeated where that may help.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::Instant;

use super::Limits;
use super::failure::Failure;
use super::settings::Site;
use crate::lenient::read_json;
use crate::outbound::{
    self, BodyError, ByteBudget, Client, ClientError, Options, Reach, TransportError,
};

/// The most that one use of the skill reads, in bytes: some 10,000 issues.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The time that is left to report what was read.
const REPORTING: Duration = Duration::from_secs(1);

/// How often a request is repeated.
const RETRIES: usize = 2;

/// How much of Jira's error message is shown, in characters.
const DETAIL_CHARS: usize = 200;

/// Answers that were recorded or made up, by the address that is asked for.
pub type Recording = dyn Fn(&Url) -> Response + Send + Sync;

/// Where answers come from: the client that all uses share, or a recording.
pub(in crate::skills) struct Http {
    client: Client,
    recording: Option<Box<Recording>>,
}

impl Http {
    pub(in crate::skills) fn new(
        reach: Reach,
        recording: Option<Box<Recording>>,
    ) -> Result<Self, ClientError> {
        let client = outbound::client(Options {
            reach,
            connect_timeout: Duration::from_secs(3),
            ..Options::default()
        })?;
        Ok(Self { client, recording })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, TransportError> {
        match &self.recording {
            Some(recording) => Ok(recording(request.build()?.url())),
            None => self.client.send(request).await,
        }
    }
}

/// One use of the skill: requests to one site that share a budget of bytes.
pub(in crate::skills) struct Connection<'a> {
    http: &'a Http,
    limits: &'a Limits,
    site: &'a Site,
    bytes: ByteBudget,
    began: Instant,
}

impl<'a> Connection<'a> {
    pub(in crate::skills) fn new(http: &'a Http, limits: &'a Limits, site: &'a Site) -> Self {
        Self {
            http,
            limits,
            site,
            bytes: ByteBudget::new(MAX_BYTES),
            began: Instant::now(),
        }
    }

    /// When to stop reading what can be left out, so that the rest is reported in time.
    pub(in crate::skills) fn last_moment(&self) -> Instant {
        self.began + self.limits.whole.saturating_sub(REPORTING)
    }

    /// Gets the JSON at a path of the REST API.
    pub(in crate::skills) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let mut url = self.site.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(&url, None).await
    }

    /// Gets the JSON that a path of the REST API answers to a question too long for an address.
    pub(in crate::skills) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(&self.site.url(path), Some(body)).await
    }

    async fn ask(&self, url: &Url, body: Option<&Value>) -> Result<Value, Failure> {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(self.limits.retry_delay)
            .with_max_times(RETRIES)
            .with_jitter();
        (|| self.attempt(url, body))
            .retry(backoff)
            .when(Failure::is_transient)
            .adjust(|failure, delay| Some(delay?.max(failure.retry_after().unwrap_or_default())))
            .await
    }

    async fn attempt(&self, url: &Url, body: Option<&Value>) -> Result<Value, Failure> {
        let client = &self.http.client;
        let request = match body {
            Some(body) => client.post(url.clone()).json(body),
            None => client.get(url.clone()),
        };
        let request = request
            .basic_auth(&self.site.email, Some(self.site.api_token.expose_secret()))
            .header(ACCEPT, "application/json")
            .timeout(self.limits.request);
        let response = self.http.send(request).await.map_err(transport_failure)?;
        let status = response.status();
        if status.is_redirection() {
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok());
            let target = target.and_then(|to| url.join(to).ok());
            return Err(Failure::Redirected(
                target.and_then(|url| url.host_str().map(str::to_owned)),
            ));
        }
        if let Some(failure) = failed_sign_in(response.headers()) {
            return Err(failure);
        }
        let is_json = header(response.headers(), CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
        if !is_json && (status.is_success() || status == StatusCode::NOT_FOUND) {
            return Err(Failure::NotJson);
        }
        if !status.is_success() {
            return Err(self.error_status(status, is_json, response).await);
        }
        let body = self.body(response).await?;
        read_json(&body).map_err(|_| Failure::UnexpectedForm("valid JSON"))
    }

    async fn error_status(&self, status: StatusCode, is_json: bool, response: Response) -> Failure {
        let retry_after = header(response.headers(), RETRY_AFTER.as_str())
            .and_then(|text| outbound::waiting_time(text, Timestamp::now()));
        // The status is enough where the body cannot be read.
        let detail = match is_json {
            true => self.body(response).await.ok(),
            false => None,
        };
        Failure::Status {
            status,
            detail: detail
                .as_deref()
                .and_then(|body| read_json(body).ok())
                .map(|body| self.site.without_token(&error_message(&body))),
            retry_after,
        }
    }

    /// The whole body, as long as the budget lasts.
    async fn body(&self, response: Response) -> Result<Vec<u8>, Failure> {
        self.bytes
            .read(response)
            .await
            .map_err(|error| match error {
                BodyError::TooLong { .. } => Failure::TooLarge,
                BodyError::Transport(error) => transport_failure(error),
            })
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What Jira reports of the sign-in in headers alone. With a wrong or expired token it answers some
/// calls as if they were anonymous, with status 200; after several failed attempts it wants a
/// CAPTCHA solved, which only a browser shows:
/// <https://developer.atlassian.com/server/jira/platform/jira-rest-api-example-basic-authentication-6291732/>
fn failed_sign_in(headers: &HeaderMap) -> Option<Failure> {
    let says =
        |name: &str, what: &str| header(headers, name).is_some_and(|text| text.contains(what));
    if says("x-authentication-denied-reason", "CAPTCHA")
        || says("x-seraph-loginreason", "AUTHENTICATION_DENIED")
    {
        return Some(Failure::Captcha);
    }
    let is_out = header(headers, "x-seraph-loginreason")
        .is_some_and(|reason| reason.split(',').any(|reason| reason.trim() == "OUT"));
    (is_out || says("x-seraph-loginreason", "AUTHENTICATED_FAILED")).then_some(Failure::NotSignedIn)
}

fn transport_failure(error: TransportError) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    if error.is_forbidden() {
        return Failure::OutOfReach(error.to_string());
    }
    Failure::Unreachable(error.to_string())
}

/// Jira's message of an error: `{"errorMessages": [...], "errors": {field: ...}}`, or
/// `{"message": ...}` of its gateway.
fn error_message(body: &Value) -> String {
    let message = body
        .pointer("/errorMessages/0")
        .or_else(|| body.get("errors")?.as_object()?.values().next())
        .or_else(|| body.get("message"))
        .and_then(Value::as_str)
        .unwrap_or("no reason given");
    super::issue::plain(message, DETAIL_CHARS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn jiras_error_message_is_found_and_cut() {
        assert_eq!(
            error_message(&json!({"errorMessages": ["No board\n here."]})),
            "No board here."
        );
        assert_eq!(
            error_message(&json!({"errorMessages": [], "errors": {"jql": "bad"}})),
            "bad"
        );
        assert_eq!(
            error_message(&json!({"message": "scope does not match"})),
            "scope does not match"
        );
        assert_eq!(error_message(&json!([1])), "no reason given");
        assert_eq!(
            error_message(&json!({"message": "x".repeat(999)}))
                .chars()
                .count(),
            DETAIL_CHARS
        );
    }
}
