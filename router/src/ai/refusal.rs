//! What a provider's refusal means where it carries no error type: by its HTTP status, or by its
//! message where the documentation gives nothing else.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::endpoint::ProviderKey;
use super::reading;
use crate::lenient::read_json;
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
    /// The proxy that may have answered in the provider's place.
    proxy: Option<String>,
}

impl Refusal {
    /// Reads the reason that the provider gives.
    pub(super) async fn read(response: Response) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers(), Timestamp::now());
        let proxy = outbound::proxy_in_clear(&response).map(str::to_owned);
        let body = outbound::read_start(response, MAX_ERROR).await;
        Self {
            status,
            retry_after,
            body: String::from_utf8_lossy(&body).into_owned(),
            proxy,
        }
    }

    /// The message for a body that is not in the provider's form: a proxy in between answered.
    pub(super) fn message(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("{} (through the proxy {proxy}): {}", self.status, self.body),
            None => format!("{}: {}", self.status, self.body),
        }
    }

    /// What the status means; `message` is an [`excerpt`] of the provider's message.
    pub(super) fn by_status(&self, message: String, model: &str) -> ModelError {
        by_status(self.status, message, self.retry_after, model)
    }
}

/// What an endpoint of chat completions says of an error: in the body of a refusal, or within a
/// stream. Every endpoint has its own form of it.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// Its code and its type, one of which may be an HTTP status.
    codes: Vec<String>,
    pub(super) message: String,
}

impl Refused {
    /// What the body of a refusal says; the body itself if it has no known form.
    pub(super) fn of_body(refusal: &Refusal) -> Self {
        let read = read_json(refusal.body.as_bytes())
            .ok()
            .map(|body| Self::read(body.get("error").unwrap_or(&body)))
            .filter(|refused| !refused.message.is_empty());
        read.unwrap_or_else(|| Self {
            codes: Vec::new(),
            message: refusal.message(),
        })
    }

    /// What an error says: an object, a text, or a list of them.
    pub(super) fn read(error: &Value) -> Self {
        if let Value::Array(several) = error {
            return several.first().map(Self::read).unwrap_or_default();
        }
        let error = error
            .get("error")
            .filter(|inner| inner.is_object())
            .unwrap_or(error);
        let message = ["message", "detail", "msg", "error"]
            .iter()
            .find_map(|field| match error.get(field)? {
                Value::String(text) => Some(text.clone()),
                // FastAPI's validation: a list of what is wrong and where.
                list @ Value::Array(_) => Some(list.to_string()),
                _ => None,
            });
        Self {
            codes: ["code", "type"]
                .iter()
                .filter_map(|field| reading::name(error, field))
                .collect(),
            message: error
                .as_str()
                .map(str::to_owned)
                .or(message)
                .unwrap_or_default(),
        }
    }

    /// What it means, where code or words tell. `message` is an [`excerpt`] of the message.
    pub(super) fn meaning(
        &self,
        message: &str,
        retry_after: Option<Duration>,
        model: &str,
    ) -> Option<ModelError> {
        let known = |code: &String| match code.as_str() {
            // A used-up quota is a 429 too, but waiting does not help.
            "insufficient_quota" => Some(ModelError::Denied(message.to_owned())),
            "model_not_found" => Some(ModelError::UnknownModel(model.to_owned())),
            code if says_too_long(code) => Some(ModelError::TooLong),
            _ => None,
        };
        let throttles = |code: &String| {
            [
                "429",
                "rate_limit_exceeded",
                "rate_limit_error",
                "rate_limited",
            ]
            .contains(&code.as_str())
        };
        match self.codes.iter().find_map(known) {
            Some(meaning) => Some(meaning),
            None if says_too_long(&self.message) => Some(ModelError::TooLong),
            None if self.codes.iter().any(throttles) => Some(ModelError::Throttled { retry_after }),
            None => None,
        }
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
    // Codes: OpenAI's, llama.cpp's, LiteLLM's.
    "context_length_exceeded",
    "exceed_context_size_error",
    "contextwindowexceedederror",
    // xAI, Groq, Mistral, Perplexity, Together, Gemini, and what stands in between.
    "maximum prompt length",
    "context window",
    "context size",
    "reduce the length of the messages",
    "too large for model",
    "exceeds the model's maximum",
    "exceeds the maximum number of tokens",
    "conversation is too long",
    "messages are too long",
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

/// How long a provider asks to wait: OpenAI and Azure give milliseconds, too, which are closer.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let exact = text("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok());
    let exact = exact.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok());
    match exact {
        Some(exact) => Some(exact.min(outbound::LONGEST_WAIT)),
        None => outbound::waiting_time(text(RETRY_AFTER.as_str())?, now),
    }
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
    fn waiting_times_are_read_in_every_form_and_bounded() {
        let now: Timestamp = "2026-10-21T07:28:00Z".parse().unwrap();
        let read = |name: &'static str, text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, text.parse().unwrap());
            retry_after(&headers, now)
        };
        for (text, expected) in [
            ("2", Some(Duration::from_secs(2))),
            ("0.5", Some(Duration::from_millis(500))),
            (
                "Wed, 21 Oct 2026 07:28:07 GMT",
                Some(Duration::from_secs(7)),
            ),
            ("Wed, 21 Oct 2026 07:27:00 GMT", Some(Duration::ZERO)),
            ("1e300", Some(outbound::LONGEST_WAIT)),
            (
                "Wed, 21 Oct 2099 07:28:07 GMT",
                Some(outbound::LONGEST_WAIT),
            ),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
        ] {
            assert_eq!(read("retry-after", text), expected, "{text}");
        }
        assert_eq!(
            read("retry-after-ms", "1500"),
            Some(Duration::from_millis(1500))
        );
    }
}
