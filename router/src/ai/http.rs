//! What the providers on the network share: addresses, keys, time-outs, errors, and reading a stream of events.

use std::fmt;
use std::time::Duration;

use eventsource_stream::Event;
use futures::{Stream, StreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response};
use url::Url;

use crate::errors::innermost;
use crate::outbound::{self, ClientError, EventError, EventLimits, Options};
use crate::ports::ModelError;

/// What is read of a streamed answer: many times what the longest output of any model takes.
const ANSWER_LIMITS: EventLimits = EventLimits {
    total: 16 << 20,
    line: 256 << 10,
};
/// How much of an error's body is read, in bytes.
const MAX_ERROR: usize = 64 << 10;
/// How much of a provider's error message is repeated, in characters.
const MAX_EXCERPT: usize = 300;

/// One client for every provider and tenant: it holds the connections, no credentials.
///
/// How long a whole answer may take is up to the caller, who drops the call; here only silence ends it.
pub(super) fn client() -> Result<Client, ClientError> {
    outbound::client(Options {
        read_timeout: Duration::from_secs(60),
        ..Options::default()
    })
}

/// A provider's API key. Appears in no debug output and in no error.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ProviderKey(String);

impl ProviderKey {
    /// `None` if the text cannot be a header's value.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The header's value, with `prefix` before the key.
    pub(super) fn header(&self, prefix: &str) -> HeaderValue {
        // `parse` let visible ASCII through alone, so this is never the fallback.
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.0))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(..)")
    }
}

/// Where plain `http` is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainHttp {
    /// Anywhere: the operator set the address and knows the network (a model server beside the router).
    Anywhere,
    /// To this machine alone: a tenant's address, over which its key and conversations travel.
    Loopback,
}

/// Where a provider's API is: an address without a query, a fragment, or credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseUrl(Url);

/// Why a text is no [`BaseUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidBaseUrl {
    #[error("it is no http(s) URL without credentials, query and fragment")]
    Form,
    #[error("it must begin with https://, except on this machine")]
    Plain,
}

impl BaseUrl {
    pub(super) fn parse(text: &str, plain: PlainHttp) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text).map_err(|_| InvalidBaseUrl::Form)?;
        let extras = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        match url.scheme() {
            _ if extras => Err(InvalidBaseUrl::Form),
            "https" => Ok(Self(url)),
            "http" if plain == PlainHttp::Anywhere || outbound::is_loopback(&url) => Ok(Self(url)),
            "http" => Err(InvalidBaseUrl::Plain),
            _ => Err(InvalidBaseUrl::Form),
        }
    }

    /// The address of a call; `path` begins with a slash.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// Whether the host is `domain` or inside it.
    pub(super) fn is_within(&self, domain: &str) -> bool {
        self.0.host_str().is_some_and(|host| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

/// Sends a request and returns the answer's head, whatever its status.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, ModelError> {
    request.send().await.map_err(transport)
}

/// The answer's events. Ends with an error if the connection breaks, the answer is too long, or is no event stream.
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

/// An event's JSON.
pub(super) fn parse<T: serde::de::DeserializeOwned>(data: &str) -> Result<T, ModelError> {
    // The error names positions and types, never what stands there.
    serde_json::from_str(data)
        .map_err(|error| ModelError::Protocol(format!("an event cannot be read: {error}")))
}

/// A stream that ended before the answer did.
pub(super) fn broken_off() -> ModelError {
    ModelError::Unavailable("the answer broke off".to_owned())
}

/// The beginning of an error's body.
pub(super) async fn error_body(response: Response) -> String {
    let body = outbound::read_start(response, MAX_ERROR).await;
    String::from_utf8_lossy(&body).into_owned()
}

/// A provider's words for a message of ours: without the key, on one line, and short.
pub(super) fn excerpt(text: &str, key: Option<&ProviderKey>) -> String {
    let scrubbed = match key {
        Some(ProviderKey(key)) => text.replace(key.as_str(), "[key]"),
        None => text.to_owned(),
    };
    let one_line = scrubbed
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if one_line.is_empty() {
        return "no message".to_owned();
    }
    match one_line.char_indices().nth(MAX_EXCERPT) {
        Some((end, _)) => format!("{}…", &one_line[..end]),
        None => one_line,
    }
}

/// How long the provider asks to wait.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    waiting_time(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// The value of `Retry-After`. All providers give seconds; a date is not read.
pub(super) fn waiting_time(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_addresses_are_https_or_on_this_machine() {
        let parse = |text| BaseUrl::parse(text, PlainHttp::Loopback).map(|url| url.join("/x"));
        assert_eq!(
            parse("https://a.example/v1/"),
            Ok("https://a.example/v1/x".to_owned())
        );
        for local in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(parse(local).is_ok(), "{local} was refused");
        }
        for plain in [
            "http://a.example",
            "http://10.0.0.1",
            "http://localhost.a.example",
        ] {
            assert_eq!(parse(plain), Err(InvalidBaseUrl::Plain), "{plain}");
        }
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://k@a.example",
            "https://a.example?x=1",
            "https://a.example/#x",
        ] {
            assert_eq!(parse(bad), Err(InvalidBaseUrl::Form), "{bad}");
        }
        assert!(BaseUrl::parse("http://ollama:11434/v1", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn a_host_is_within_its_domain_and_no_other() {
        let within = |text: &str| {
            BaseUrl::parse(text, PlainHttp::Loopback)
                .unwrap()
                .is_within("openai.com")
        };
        assert!(within("https://api.openai.com/v1"));
        assert!(within("https://openai.com"));
        assert!(!within("https://notopenai.com"));
        assert!(!within("https://openai.com.example"));
    }

    #[test]
    fn providers_words_are_repeated_without_the_key_and_short() {
        let key = ProviderKey::parse("sk-secret").unwrap();
        let said = excerpt("bad key\n sk-secret\t!", Some(&key));
        assert_eq!(said, "bad key [key] !");
        let long = excerpt(&"ä".repeat(1000), None);
        assert_eq!(long.chars().count(), MAX_EXCERPT + 1);
        assert_eq!(excerpt(" \n", None), "no message");
        assert_eq!(
            format!("{key:?} {:?}", key.header("Bearer ")),
            "ProviderKey(..) Sensitive"
        );
    }

    #[test]
    fn keys_that_no_header_can_hold_are_refused() {
        for bad in ["", "a b", "a\nb", "schlüssel"] {
            assert!(ProviderKey::parse(bad).is_none(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn waiting_times_are_read_in_seconds() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("2"), Some(Duration::from_secs(2)));
        assert_eq!(read("0.5"), Some(Duration::from_millis(500)));
        for unread in ["-1", "NaN", "1e300", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(read(unread), None, "{unread}");
        }
    }
}
