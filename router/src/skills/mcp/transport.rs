//! How messages of the protocol travel: the SDK's transport over the one place that builds clients,
//! so that what holds for every address of a tenant's holds for MCP servers too.
//!
//! One exchange is one request. The streams that a server may open beside it are not listened to:
//! what they would tell is asked for anew anyway, and a connection that lasts would be held for
//! every tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;
use url::Url;

use super::oauth::Challenge;
use crate::outbound::{
    BodyError, Client, EventError, EventLimits, TransportError, events, read_bounded, read_start,
};

const SESSION: &str = "mcp-session-id";
/// The longest answer to one request, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// The most messages in one answer: a server may tell how far it is.
const MOST_MESSAGES: usize = 500;
/// How much of a refusal is read, in bytes.
const REFUSAL_BYTES: usize = 16 * 1024;

/// Why an exchange failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Forbidden(String),
    #[error("it refused the request with status {0}")]
    Status(StatusCode),
    #[error("it asks for more access than was granted: `{0}`")]
    MoreAccess(String),
    #[error("its answer is too long")]
    TooLong,
    #[error("{0}")]
    Unreachable(String),
    #[error("it does not answer as an MCP server does")]
    Protocol,
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        match error.is_forbidden() {
            true => Self::Forbidden(error.to_string()),
            false => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLong { .. } => Self::TooLong,
            BodyError::Transport(error) => error.into(),
        }
    }
}

impl From<EventError> for Failure {
    fn from(error: EventError) -> Self {
        match error {
            EventError::TooLong => Self::TooLong,
            EventError::Transport(error) => error.into(),
        }
    }
}

/// The exchanges of one session.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) credentials: Option<(HeaderName, HeaderValue)>,
    /// What went wrong first: the SDK's own errors tell less of it.
    pub(super) failed: Arc<Mutex<Option<Failure>>>,
}

type Posted = Result<StreamableHttpPostResponse, StreamableHttpError<Failure>>;

impl Exchange {
    fn request(
        &self,
        method: Method,
        session: Option<&str>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> RequestBuilder {
        let mut all: HeaderMap = headers.into_iter().collect();
        if let Some(session) = session.and_then(|session| HeaderValue::from_str(session).ok()) {
            all.insert(HeaderName::from_static(SESSION), session);
        }
        if let Some((name, value)) = &self.credentials {
            all.insert(name.clone(), value.clone());
        }
        self.client.request(method, self.url.clone()).headers(all)
    }

    fn noted(&self, failure: Failure) -> StreamableHttpError<Failure> {
        note(&self.failed, &failure);
        StreamableHttpError::Client(failure)
    }

    async fn posted(
        &self,
        request: RequestBuilder,
        awaits_answer: bool,
    ) -> Result<Answered, Failure> {
        let answer = self.client.send(request).await?;
        let status = answer.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(Answered::Nothing);
        }
        if !status.is_success() {
            // https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#scope-challenge-handling
            let challenge = Challenge::of(answer.headers());
            if let (true, Some(scopes)) = (challenge.wants_more(), challenge.scopes) {
                read_start(answer, REFUSAL_BYTES).await;
                return Err(Failure::MoreAccess(scopes));
            }
            // A refusal of the protocol's own tells more than the status.
            let body = read_start(answer, REFUSAL_BYTES).await;
            let is_known = !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            return match serde_json::from_slice(&body) {
                Ok(message @ JsonRpcMessage::Error(_)) if is_known => {
                    Ok(Answered::Message(Box::new(message), None))
                }
                _ => Err(Failure::Status(status)),
            };
        }
        if !awaits_answer {
            return Ok(Answered::Nothing);
        }
        let header = |name: &str| answer.headers().get(name)?.to_str().ok();
        let session = header(SESSION).map(str::to_owned);
        let is_stream = header(CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"));
        if is_stream {
            return Ok(Answered::Stream(answer, session));
        }
        let body = read_bounded(answer, MOST_BYTES).await?;
        let message = serde_json::from_slice(&body).map_err(|_| Failure::Protocol)?;
        Ok(Answered::Message(Box::new(message), session))
    }

    /// The messages of an answer that comes as events, up to the bounds.
    fn messages(&self, answer: Response) -> BoxStream<'static, Result<Sse, SseError>> {
        let limits = EventLimits {
            total: MOST_BYTES,
            line: MOST_BYTES,
        };
        let failed = self.failed.clone();
        let read = events(answer, limits).enumerate().map(move |(at, event)| {
            let event = match event {
                Ok(_) if at >= MOST_MESSAGES => Err(Failure::TooLong),
                other => other.map_err(Failure::from),
            };
            match event {
                Ok(event) => Ok(Sse::default().data(event.data)),
                Err(failure) => {
                    note(&failed, &failure);
                    Err(SseError::Body(Box::new(failure)))
                }
            }
        });
        // An error is the end.
        let ended = read.scan(false, |is_over, event| {
            let goes_on = !*is_over;
            *is_over |= event.is_err();
            std::future::ready(goes_on.then_some(event))
        });
        ended.boxed()
    }
}

/// What an exchange came to.
enum Answered {
    Nothing,
    Message(Box<ServerJsonRpcMessage>, Option<String>),
    Stream(Response, Option<String>),
}

fn note(failed: &Mutex<Option<Failure>>, failure: &Failure) {
    let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert_with(|| failure.clone());
}

impl StreamableHttpClient for Exchange {
    type Error = Failure;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Posted {
        let request = self
            .request(Method::POST, session_id.as_deref(), headers)
            .header(ACCEPT, "application/json, text/event-stream")
            .json(&message);
        let awaits_answer = matches!(message, JsonRpcMessage::Request(_));
        match self.posted(request, awaits_answer).await {
            Ok(Answered::Nothing) => Ok(StreamableHttpPostResponse::Accepted),
            Ok(Answered::Message(message, session)) => {
                Ok(StreamableHttpPostResponse::Json(*message, session))
            }
            Ok(Answered::Stream(answer, session)) => Ok(StreamableHttpPostResponse::Sse(
                self.messages(answer),
                session,
            )),
            Err(failure) => Err(self.noted(failure)),
        }
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), StreamableHttpError<Failure>> {
        let request = self.request(Method::DELETE, Some(&session_id), headers);
        let sent = self.client.send(request).await;
        sent.map_err(|error| StreamableHttpError::Client(error.into()))?;
        Ok(())
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session_id: Option<Arc<str>>,
        _last_event_id: Option<String>,
        _auth_header: Option<String>,
        _headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, StreamableHttpError<Failure>> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}
