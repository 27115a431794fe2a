//! What a provider's refusal means where it carries no error type: by its HTTP status, or by its
//! message where the documentation gives nothing else.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::endpoint::ProviderKey;
use crate::outbound;
use crate::ports::ModelError;

/// How much of an error's body is read, in bytes.
const MAX_ERROR: usize = 64 << 10;
/// How much of a provider's error message is repeated, in characters.
const MAX_EXCERPT: usize = 300;

/// An answer that is not a success.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    /// The beginning of the body, as text.
    pub(super) body: String,
}

impl Refusal {
    /// Reads the reason that the provider gives.
    pub(super) async fn read(response: Response) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = outbound::read_start(response, MAX_ERROR).await;
        Self {
            status,
            retry_after,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// The message for a body that is not in the provider's form: a proxy in between answered.
    pub(super) fn message(&self) -> String {
        format!("{}: {}", self.status, self.body)
    }

    /// What the status means; `message` is an [`excerpt`] of the provider's message.
    pub(super) fn by_status(&self, message: String, model: &str) -> ModelError {
        by_status(self.status, message, self.retry_after, model)
    }
}

/// What a status means that comes without an error code or type.
pub(super) fn by_status(
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
    model: &str,
) -> ModelError {
    match status.as_u16() {
        401..=403 => ModelError::Denied(message),
        // A wrong base URL is answered with 404 too. OpenAI has a code for an unknown model;
        // Anthropic, Ollama and vLLM say which it is in their message alone.
        404 if message.contains("model") => ModelError::UnknownModel(model.to_owned()),
        408 | 504 => ModelError::TimedOut,
        413 => ModelError::TooLong,
        429 => ModelError::Throttled { retry_after },
        300..=499 if says_too_long(&message) => ModelError::TooLong,
        300..=499 => ModelError::Rejected(message),
        _ => ModelError::Unavailable(message),
    }
}

/// Parts of the messages by which providers refuse a conversation as longer than the model accepts,
/// in lower case.
///
/// Anthropic and Bedrock give such a request the same type as every other invalid one
/// (<https://platform.claude.com/docs/en/api/errors>,
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>),
/// and vLLM gives no code at all, so the words have to tell.
const TOO_LONG: &[&str] = &[
    // Claude, by either way.
    "prompt is too long",
    "exceed context limit",
    // Bedrock's own, Nova's, and those of models that vLLM or an older OpenAI serves.
    "input is too long",
    "input tokens exceed",
    "too many input tokens",
    "maximum context length",
];

/// Whether a message says that the conversation is longer than the model accepts.
pub(super) fn says_too_long(message: &str) -> bool {
    let message = message.to_lowercase();
    TOO_LONG.iter().any(|words| message.contains(words))
}

/// A provider's message as part of ours: without the key, on one line, and short.
pub(super) fn excerpt(text: &str, key: Option<&ProviderKey>) -> String {
    let scrubbed = match key {
        Some(key) => key.removed_from(text),
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

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    waiting_time(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// The value of `Retry-After`. All providers give seconds; a date is not read.
pub(super) fn waiting_time(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_without_a_code_has_a_meaning() {
        let meaning = |status: u16, message: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            by_status(status, message.to_owned(), None, "m")
        };
        assert_eq!(meaning(401, "no"), ModelError::Denied("no".to_owned()));
        assert_eq!(
            meaning(404, "no model `m`"),
            ModelError::UnknownModel("m".to_owned())
        );
        assert_eq!(
            meaning(404, "no page"),
            ModelError::Rejected("no page".to_owned())
        );
        assert_eq!(meaning(504, ""), ModelError::TimedOut);
        assert_eq!(meaning(400, "Input is too long."), ModelError::TooLong);
        assert_eq!(
            meaning(302, "moved"),
            ModelError::Rejected("moved".to_owned())
        );
        assert_eq!(
            meaning(502, "bad"),
            ModelError::Unavailable("bad".to_owned())
        );
    }

    #[test]
    fn models_say_in_their_own_ways_that_a_conversation_is_too_long() {
        for message in [
            "Input is too long for requested model.",
            "The model returned the following errors: prompt is too long: 208310 tokens > 200000 maximum",
            "input length and `max_tokens` exceed context limit: 9 + 9 > 10",
            "This model's maximum context length is 131072 tokens. Please reduce the length of the prompt",
            "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
        ] {
            assert!(says_too_long(message), "{message}");
        }
        assert!(!says_too_long("`max_tokens` must be greater than 0"));
    }

    #[test]
    fn providers_messages_are_quoted_without_the_key_and_short() {
        let key = ProviderKey::parse("sk-secret").unwrap();
        let repeated = excerpt("bad key\n sk-secret\t!", Some(&key));
        assert_eq!(repeated, "bad key [key] !");
        let long = excerpt(&"ä".repeat(1000), None);
        assert_eq!(long.chars().count(), MAX_EXCERPT + 1);
        assert_eq!(excerpt(" \n", None), "no message");
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
