//! The router's HTTP API, as far as `chat` speaks it.
//!
//! Nothing is repeated here: a turn that was lost on the way may have been answered, paid for and
//! stored, and asking again is the person's decision. The router itself repeats what it asks of
//! others.

use std::cmp::Reverse;
use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use t3nets_router::model::{Message, SessionId};
use t3nets_router::outbound::{self, BodyError, EventLimits, Options, TransportError};
use url::Url;

use crate::error::{CliError, ErrorKind, RouterRefusal};
use crate::hint::Hint;

/// Longer than the router's own deadline for an answer, so that its explanation arrives.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Far longer than the router's own deadline for a streamed answer, which is two minutes.
const STREAM_TIMEOUT: Duration = Duration::from_secs(600);
/// Longer than the router's silence within a stream: it sends a sign of life every 15 s.
const STREAM_SILENCE: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What is read of a streamed answer. Its last event repeats the whole text twice; the longest
/// answer of any model is far shorter, and so is a page of history.
const ANSWER_LIMITS: EventLimits = EventLimits {
    total: 16 << 20,
    line: MAX_ANSWER,
};
/// The most conversations that are listed, so that no router can make a list without an end.
const MOST_SESSIONS: usize = 20_000;
/// As many as a router gives at once.
const SESSIONS_AT_ONCE: &str = "200";
/// What is read of an answer that comes at once, in bytes.
const MAX_ANSWER: usize = 8 << 20;
/// What is read of a refusal, in bytes.
const MAX_REFUSAL: usize = 64 << 10;

/// A router that can be asked.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: outbound::Client,
    base: Url,
    key: KeySource,
}

/// Where the key that is sent comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeySource {
    /// `T3NETS_API_KEY`.
    Variable,
    /// It was saved or created on this machine.
    Saved,
    /// None is sent.
    None,
}

/// A message to ask, and how.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// In the person's words.
    pub(super) message: String,
    /// Whether the skill's JSON is wanted.
    pub(super) raw: bool,
    /// The conversation it belongs to.
    pub(super) session: Option<SessionId>,
}

impl Question {
    fn body(&self) -> Value {
        let mut body = json!({"message": self.message});
        if self.raw {
            body["message"] = format!("{} --raw", self.message).into();
        }
        if let Some(session) = &self.session {
            body["session_id"] = session.as_str().into();
        }
        body
    }
}

/// The router's answer to a message.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Answer {
    /// The answer in words, as Markdown.
    pub(super) text: String,
    pub(super) session_id: SessionId,
    /// How it was answered.
    pub(super) route: String,
    /// The skill that ran.
    pub(super) skill: Option<String>,
    /// The model that was asked.
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) usage: AnswerUsage,
    /// How long it took.
    #[serde(default)]
    pub(super) timing_ms: u64,
    /// The whole answer, for programs.
    #[serde(skip)]
    pub(super) whole: Value,
}

/// What an answer used.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct AnswerUsage {
    #[serde(default)]
    pub(super) input_tokens: u64,
    #[serde(default)]
    pub(super) output_tokens: u64,
    pub(super) cost_usd: Option<f64>,
}

/// What comes before the end of a streamed answer.
#[derive(Debug)]
pub(super) enum AnswerEvent<'a> {
    /// More of the answer.
    Words(&'a str),
    /// A skill starts running.
    Tool(&'a str),
}

/// A conversation in a list.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) session_id: SessionId,
    pub(super) updated_at: Timestamp,
    #[serde(default)]
    pub(super) preview: String,
}

#[derive(Deserialize)]
struct Sessions {
    sessions: Vec<Session>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct History {
    messages: Vec<Message>,
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
    request_id: Option<String>,
}

#[derive(Default, Deserialize)]
struct ErrorDetail {
    code: String,
    message: String,
    hint: Option<String>,
}

impl Client {
    /// A client for the router at `base`.
    ///
    /// # Errors
    /// If no HTTPS client can be made, or the key can be in no header.
    pub(super) fn new(
        base: Url,
        key: Option<&SecretString>,
        source: KeySource,
    ) -> Result<Self, CliError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
                .map_err(|_| {
                    CliError::denied("the API key holds characters that no key has")
                        .hint("check T3NETS_API_KEY")
                })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = outbound::client(Options {
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: STREAM_SILENCE,
            headers,
            ..Options::default()
        })
        .map_err(|error| CliError::not_ready("cannot make a request").caused_by(error))?;
        Ok(Self {
            http,
            base,
            key: source,
        })
    }

    /// Asks, and waits for the whole answer.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, CliError> {
        let request = self
            .http
            .post(self.address("api/chat")?)
            .json(&question.body())
            .timeout(ANSWER_TIMEOUT);
        let answer: Value = self.json(request).await?;
        whole_answer(answer)
    }

    /// Asks, and tells what comes as it comes. Dropping the future stops the router's work.
    pub(super) async fn stream(
        &self,
        question: &Question,
        on_event: &mut (dyn FnMut(AnswerEvent<'_>) -> Result<(), CliError> + Send),
    ) -> Result<Answer, CliError> {
        let request = self
            .http
            .post(self.address("api/chat")?)
            .header(ACCEPT, "text/event-stream")
            .json(&question.body())
            .timeout(STREAM_TIMEOUT);
        let response = self.send(request).await?;
        let mut events = std::pin::pin!(outbound::events(response, ANSWER_LIMITS));
        while let Some(event) = events.next().await {
            let event = event.map_err(broken_off)?;
            let data: Value = serde_json::from_str(&event.data).map_err(unexpected)?;
            match event.event.as_str() {
                "delta" => on_event(AnswerEvent::Words(data["text"].as_str().unwrap_or("")))?,
                "tool" => on_event(AnswerEvent::Tool(data["name"].as_str().unwrap_or("")))?,
                "done" => return whole_answer(data),
                "error" => {
                    let body: ErrorBody = serde_json::from_value(data).map_err(unexpected)?;
                    return Err(refused(None, body));
                }
                // Events of a newer router that this program does not know.
                _ => {}
            }
        }
        Err(CliError::failed("the answer broke off").hint("ask again"))
    }

    /// The caller's conversations, newest first.
    pub(super) async fn sessions(&self) -> Result<Vec<Session>, CliError> {
        let mut sessions = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut address = self.address("api/sessions")?;
            let mut query = address.query_pairs_mut();
            query.append_pair("limit", SESSIONS_AT_ONCE);
            query.extend_pairs(after.as_ref().map(|after| ("after", after)));
            drop(query);
            let request = self.http.get(address).timeout(ANSWER_TIMEOUT);
            let page: Sessions = self.json(request).await?;
            sessions.extend(page.sessions);
            after = page.next;
            if after.is_none() || sessions.len() > MOST_SESSIONS {
                break;
            }
        }
        sessions.sort_by_key(|session| Reverse(session.updated_at));
        Ok(sessions)
    }

    /// The newest messages of a conversation, oldest first.
    pub(super) async fn history(&self, session: &SessionId) -> Result<Vec<Message>, CliError> {
        let mut address = self.address("api/history")?;
        address
            .query_pairs_mut()
            .append_pair("session_id", session.as_str());
        let request = self.http.get(address).timeout(ANSWER_TIMEOUT);
        let history: History = self.json(request).await?;
        Ok(history.messages)
    }

    fn address(&self, path: &str) -> Result<Url, CliError> {
        let mut base = self.base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.join(path).map_err(|error| {
            CliError::usage(format!("`{}` is not the address of a router", self.base))
                .caused_by(error)
        })
    }

    async fn json<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, CliError> {
        let response = self.send(request).await?;
        let body =
            outbound::read_bounded(response, MAX_ANSWER)
                .await
                .map_err(|error| match error {
                    BodyError::Transport(error) => self.unreachable(error),
                    BodyError::TooLong { .. } => unexpected(error),
                })?;
        serde_json::from_slice(&body).map_err(unexpected)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        let response = self
            .http
            .send(request)
            .await
            .map_err(|error| self.unreachable(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = outbound::read_start(response, MAX_REFUSAL).await;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let error = refused(Some(status), body);
        Err(match (status, self.key) {
            (StatusCode::UNAUTHORIZED, KeySource::Variable) => {
                error.hint("the key in T3NETS_API_KEY is not valid there")
            }
            (StatusCode::UNAUTHORIZED, KeySource::Saved | KeySource::None) => {
                error.hint("set T3NETS_API_KEY to a key of that router")
            }
            _ => error,
        })
    }

    fn unreachable(&self, error: TransportError) -> CliError {
        // The address is in the message already, and in the error again.
        let place = &self.base;
        if error.is_timeout() {
            CliError::new(
                ErrorKind::TimedOut,
                format!("the router at {place} did not answer in time"),
            )
        } else if error.is_connect() {
            CliError::not_ready(format!("no router answers at {place}"))
                .caused_by(error)
                .hint(match outbound::is_loopback(place) {
                    true => Hint::command("dev", "starts one on this machine"),
                    false => Hint::command("doctor", "checks what the environment needs"),
                })
        } else {
            CliError::failed(format!("the exchange with the router at {place} failed"))
                .caused_by(error)
        }
    }
}

fn whole_answer(whole: Value) -> Result<Answer, CliError> {
    let answer = Answer::deserialize(&whole).map_err(unexpected)?;
    Ok(Answer { whole, ..answer })
}

fn unexpected(error: impl Error + Send + Sync + 'static) -> CliError {
    CliError::failed("the answer is not from a T3nets router")
        .caused_by(error)
        .hint("check the address")
}

fn broken_off(error: impl Error + Send + Sync + 'static) -> CliError {
    CliError::failed("the answer broke off")
        .caused_by(error)
        .hint("ask again")
}

/// What the router said when it did not answer. Within a stream there is no status, and the code
/// decides.
fn refused(status: Option<StatusCode>, body: ErrorBody) -> CliError {
    let kind = match (status, body.error.code.as_str()) {
        (Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), _)
        | (None, "unauthorized" | "forbidden" | "tenant_suspended" | "channel_off") => {
            ErrorKind::Denied
        }
        (Some(StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT), _)
        | (None, "deadline_exceeded" | "model_timed_out" | "integration_timed_out") => {
            ErrorKind::TimedOut
        }
        (_, "integration_not_connected" | "integration_misconfigured") => ErrorKind::NotReady,
        _ => ErrorKind::Failed,
    };
    let message = match (body.error.message, status) {
        (message, _) if !message.is_empty() => message,
        (_, Some(status)) => format!("the server answered with status {status}, not as a router"),
        (_, None) => "the router gave no reason".to_owned(),
    };
    let refusal = RouterRefusal {
        code: body.error.code,
        message,
        request_id: body.request_id,
    };
    CliError::of(kind, refusal).hints(body.error.hint.map(Hint::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: &str) -> ErrorBody {
        serde_json::from_value(json!({
            "error": {"code": code, "message": "no", "hint": "try"}, "request_id": "r1",
        }))
        .unwrap()
    }

    #[test]
    fn refusals_end_with_the_code_that_fits() {
        for (status, code, exit) in [
            (Some(401), "unauthorized", 4),
            (Some(403), "tenant_suspended", 4),
            (Some(409), "integration_not_connected", 3),
            (Some(429), "daily_limit_reached", 1),
            (Some(500), "internal", 1),
            (Some(504), "deadline_exceeded", 7),
            (None, "deadline_exceeded", 7),
            (None, "internal", 1),
        ] {
            let status = status.map(|status| StatusCode::from_u16(status).unwrap());
            let error = refused(status, body(code));
            assert_eq!(error.kind.exit_code(), exit, "{status:?} {code}");
            assert_eq!(error.message, "no");
            assert_eq!(error.hints[0], Hint::from("try"));
            assert_eq!(error.request_id(), Some("r1"));
            assert_eq!(error.stable_code(), code);
        }
    }

    #[test]
    fn addresses_keep_the_path_that_a_router_is_behind() {
        let client = Client::new(
            "https://example.com/t3nets".parse().unwrap(),
            None,
            KeySource::None,
        )
        .unwrap();
        assert_eq!(
            client.address("api/chat").unwrap().as_str(),
            "https://example.com/t3nets/api/chat"
        );
    }

    #[test]
    fn a_key_is_in_no_debug_output() {
        let key = SecretString::from("t3n_secret");
        let client = Client::new(
            "http://127.0.0.1:1".parse().unwrap(),
            Some(&key),
            KeySource::Saved,
        )
        .unwrap();
        assert!(!format!("{client:?}").contains("t3n_secret"));
    }
}
