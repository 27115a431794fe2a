//! What the providers with an HTTP API share: the client, sending, and reading a stream of events.

use std::time::Duration;

use futures::{Stream, StreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::reading::GRACE;
use super::refusal::excerpt;
use crate::lenient::read_json;
use crate::outbound::{
    self, Client, ClientError, Event, EventError, EventLimits, Options, Reach, TransportError,
};
use crate::ports::ModelError;

/// What is read of a streamed answer: many times what the longest output of any model takes.
const ANSWER_LIMITS: EventLimits = EventLimits {
    total: 16 << 20,
    line: 256 << 10,
};

/// A client for all providers and, with a [`Reach`] for them, all tenants: it holds connections, no
/// credentials.
///
/// How long a whole answer may take is up to the caller, who drops the call; here only silence ends
/// it.
pub(super) fn client(reach: Reach) -> Result<Client, ClientError> {
    outbound::client(Options {
        reach,
        read_timeout: Duration::from_secs(60),
        ..Options::default()
    })
}

/// Sends a request and returns the answer's head, whatever its status.
pub(super) async fn send(client: &Client, request: RequestBuilder) -> Result<Response, ModelError> {
    client.send(request).await.map_err(transport)
}

/// The answer's events. An error ends them: the connection broke, the answer is too long, or it is
/// a page for people. Whatever else it calls itself, it may be an event stream.
pub(super) fn events(
    response: Response,
) -> Result<impl Stream<Item = Result<Event, ModelError>>, ModelError> {
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if content_type.to_ascii_lowercase().starts_with("text/html") {
        return Err(ModelError::Protocol(format!(
            "expected an event stream, got `{}`",
            excerpt(content_type, None)
        )));
    }
    Ok(outbound::events(response, ANSWER_LIMITS).map(|event| {
        event.map_err(|error| match error {
            EventError::Transport(error) => transport(error),
            error @ EventError::TooLong => ModelError::Protocol(error.to_string()),
        })
    }))
}

/// Reads an event's data.
pub(super) fn parse(data: &str) -> Result<Value, ModelError> {
    // The error names positions and types, never what stands there.
    read_json(data.as_bytes())
        .map_err(|error| ModelError::Protocol(format!("an event cannot be read: {error}")))
}

/// The next of an answer's events. One that has given its reason to stop is waited for no longer
/// than [`GRACE`], and whatever goes wrong behind it is its end.
pub(super) async fn next_event(
    events: &mut (impl Stream<Item = Result<Event, ModelError>> + Unpin),
    has_stopped: bool,
) -> Result<Option<Event>, ModelError> {
    if !has_stopped {
        return events.next().await.transpose();
    }
    match tokio::time::timeout(GRACE, events.next()).await {
        Ok(Some(Ok(event))) => Ok(Some(event)),
        Ok(Some(Err(_)) | None) | Err(_) => Ok(None),
    }
}

fn transport(error: TransportError) -> ModelError {
    let cause = excerpt(&error.to_string(), None);
    if error.is_forbidden() {
        return ModelError::Unavailable(cause);
    }
    if error.is_connect() {
        return ModelError::Unavailable(format!("no connection: {cause}"));
    }
    if error.is_timeout() {
        return ModelError::TimedOut;
    }
    ModelError::Unavailable(format!("the connection broke: {cause}"))
}
