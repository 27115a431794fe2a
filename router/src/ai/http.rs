//! What the providers with an HTTP API share: the client, sending, and reading a stream of events.

use std::time::Duration;

use eventsource_stream::Event;
use futures::{Stream, StreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Response};

use super::refusal::excerpt;
use crate::errors::innermost;
use crate::outbound::{self, ClientError, EventError, EventLimits, Options};
use crate::ports::ModelError;

/// What is read of a streamed answer: many times what the longest output of any model takes.
const ANSWER_LIMITS: EventLimits = EventLimits {
    total: 16 << 20,
    line: 256 << 10,
};

/// The client for all providers and tenants: it holds connections, no credentials.
///
/// How long a whole answer may take is up to the caller, who drops the call; here only silence ends
/// it.
pub(super) fn client() -> Result<Client, ClientError> {
    outbound::client(Options {
        read_timeout: Duration::from_secs(60),
        ..Options::default()
    })
}

/// Sends a request and returns the answer's head, whatever its status.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, ModelError> {
    request.send().await.map_err(transport)
}

/// The answer's events. An error ends them: the connection broke, the answer is too long, or it is
/// not an event stream.
pub(super) fn events(
    response: Response,
) -> Result<impl Stream<Item = Result<Event, ModelError>>, ModelError> {
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !content_type.starts_with("text/event-stream") {
        return Err(ModelError::Protocol(format!(
            "expected an event stream, got `{}`",
            excerpt(content_type, None)
        )));
    }
    Ok(outbound::events(response, ANSWER_LIMITS).map(|event| {
        event.map_err(|error| match error {
            EventError::Transport(error) => transport(error),
            error @ (EventError::TooLong | EventError::NotUtf8 | EventError::Malformed) => {
                ModelError::Protocol(error.to_string())
            }
        })
    }))
}

/// Reads an event's data.
pub(super) fn parse<T: serde::de::DeserializeOwned>(data: &str) -> Result<T, ModelError> {
    // The error names positions and types, never what stands there.
    serde_json::from_str(data)
        .map_err(|error| ModelError::Protocol(format!("an event cannot be read: {error}")))
}

fn transport(error: reqwest::Error) -> ModelError {
    // A tenant's address is not for everyone who chats.
    let error = error.without_url();
    let cause = excerpt(&innermost(&error).to_string(), None);
    if error.is_connect() {
        return ModelError::Unavailable(format!("no connection: {cause}"));
    }
    if error.is_timeout() {
        return ModelError::TimedOut;
    }
    ModelError::Unavailable(format!("the connection broke: {cause}"))
}
