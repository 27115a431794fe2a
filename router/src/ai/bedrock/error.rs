//! What Bedrock refuses, as the port's errors.
//!
//! Facts: docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html. What a "validation" was about
//! stands in the message alone.

use std::error::Error;
use std::time::Duration;

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError as StreamError;
use aws_smithy_types::event_stream::RawMessage;
use reqwest::StatusCode;

use crate::ai::{broken_off, excerpt, table, waiting_time};
use crate::aws::{AwsError, AwsErrorKind};
use crate::ports::ModelError;

/// As AWS names the service and what is asked of it, streamed or not.
const SERVICE: &str = "bedrock-runtime";
const OPERATION: &str = "Converse";

/// Why no answer began.
pub(super) fn refusal<E>(error: &SdkError<E, HttpResponse>, model: &str) -> ModelError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    tracing::debug!(error = %DisplayErrorContext(error), "bedrock refused");
    match error {
        SdkError::ServiceError(service) => {
            let raw = service.raw();
            let said = service.err();
            let body;
            let message = match (said.code(), said.message()) {
                (_, Some(message)) => message,
                (Some(_), None) => "",
                // Nothing of AWS's: a proxy in between.
                (None, None) => {
                    let bytes = raw.body().bytes().unwrap_or_default();
                    body = String::from_utf8_lossy(bytes);
                    &body
                }
            };
            let wait = raw.headers().get("retry-after").and_then(waiting_time);
            meaning(
                said.code(),
                message,
                Some(raw.status().as_u16()),
                wait,
                model,
            )
        }
        SdkError::TimeoutError(_) => ModelError::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            let cause = DisplayErrorContext(error).to_string();
            if cause.contains("connect timeout") {
                ModelError::Unavailable("no connection: it timed out".to_owned())
            } else {
                ModelError::TimedOut
            }
        }
        SdkError::ResponseError(_) => ModelError::Protocol("it cannot be read".to_owned()),
        _ => by_kind(&AwsError::from_sdk(SERVICE, OPERATION, error), None),
    }
}

/// Why an answer broke off.
pub(super) fn broken(error: &SdkError<StreamError, RawMessage>, model: &str) -> ModelError {
    tracing::debug!(error = %DisplayErrorContext(error), "bedrock's answer broke off");
    match error {
        SdkError::ServiceError(service) => {
            let said = service.err();
            let code = match said {
                StreamError::InternalServerException(_) => Some("InternalServerException"),
                StreamError::ModelStreamErrorException(_) => Some("ModelStreamErrorException"),
                StreamError::ServiceUnavailableException(_) => Some("ServiceUnavailableException"),
                StreamError::ThrottlingException(_) => Some("ThrottlingException"),
                StreamError::ValidationException(_) => Some("ValidationException"),
                other => other.code(),
            };
            let message = said.message().unwrap_or_default();
            meaning(code, message, None, None, model)
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ModelError::TimedOut,
        SdkError::DispatchFailure(_) => broken_off(),
        SdkError::ResponseError(response) => match response.raw() {
            // The end of the stream, in the middle of an event.
            RawMessage::Invalid(Some(_)) => broken_off(),
            _ => ModelError::Protocol("an event cannot be read".to_owned()),
        },
        _ => broken_off(),
    }
}

/// What is the same for every service of AWS: what failed before a request was sent, and the codes that all services share.
fn by_kind(error: &AwsError, retry_after: Option<Duration>) -> ModelError {
    match error.kind {
        AwsErrorKind::Throttled => ModelError::Throttled { retry_after },
        AwsErrorKind::Credentials | AwsErrorKind::Permission => {
            ModelError::Denied(error.to_string())
        }
        AwsErrorKind::Configuration | AwsErrorKind::NotFound | AwsErrorKind::Rejected => {
            ModelError::Rejected(error.to_string())
        }
        AwsErrorKind::Unreachable | AwsErrorKind::Internal => {
            ModelError::Unavailable(error.to_string())
        }
    }
}

fn meaning(
    code: Option<&str>,
    message: &str,
    status: Option<u16>,
    retry_after: Option<Duration>,
    model: &str,
) -> ModelError {
    let lower = message.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let said = words(message);
    let unknown = || ModelError::UnknownModel(table::shown(model).to_owned());
    let Some(code) = code else {
        return by_status(status, &said, retry_after);
    };
    match code {
        "ModelTimeoutException" => ModelError::TimedOut,
        "ServiceQuotaExceededException" => ModelError::Throttled { retry_after },
        "InternalServerException"
        | "ModelErrorException"
        | "ModelNotReadyException"
        | "ModelStreamErrorException"
        | "ServiceUnavailableException" => {
            if has(TOO_LONG) {
                return ModelError::TooLong;
            }
            ModelError::Unavailable(said)
        }
        "ValidationException" if has(TOO_LONG) => ModelError::TooLong,
        "ValidationException" if has(&["model identifier is invalid"]) => unknown(),
        "ValidationException" if has(&["on-demand throughput"]) => ModelError::Rejected(format!(
            "{said} (name the model without its provider, or an inference profile such as `us.{}`)",
            table::shown(model)
        )),
        "ValidationException" => ModelError::Rejected(said),
        // So the account is told that it may not use the model yet.
        "ResourceNotFoundException" if has(&["use case", "access denied"]) => {
            ModelError::Denied(said)
        }
        "ResourceNotFoundException" => unknown(),
        "AccessDeniedException" => ModelError::Denied(format!(
            "{said} (enable access to `{}` in Bedrock's console, and allow the role `bedrock:InvokeModel` and \
             `bedrock:InvokeModelWithResponseStream` on it)",
            table::shown(model)
        )),
        _ => {
            // Within a stream there is no status: what breaks an answer off is the service's.
            let status = status.unwrap_or(500);
            let error =
                AwsError::of_answer(SERVICE, OPERATION, status, Some(code), Some(&said), None);
            by_kind(&error, retry_after)
        }
    }
}

/// How Bedrock's models say that a conversation is longer than they take.
const TOO_LONG: &[&str] = &[
    "input is too long",
    "prompt is too long",
    "exceed context limit",
    "maximum context length",
    "input tokens exceed",
    "too many input tokens",
];

fn by_status(status: Option<u16>, said: &str, retry_after: Option<Duration>) -> ModelError {
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let said = match status {
        Some(status) => excerpt(&format!("{status}: {said}")),
        None => said.to_owned(),
    };
    match status.map(|status| status.as_u16()) {
        Some(401 | 403) => ModelError::Denied(said),
        Some(408 | 504) => ModelError::TimedOut,
        Some(413) => ModelError::TooLong,
        Some(429) => ModelError::Throttled { retry_after },
        Some(300..=499) => ModelError::Rejected(said),
        _ => ModelError::Unavailable(said),
    }
}

/// Bedrock's words without ARNs: they name the account and its roles, and whoever chats may read an error.
fn words(message: &str) -> String {
    let without: Vec<&str> = message
        .split_whitespace()
        .map(|word| {
            if word.contains("arn:aws") {
                "[arn]"
            } else {
                word
            }
        })
        .collect();
    excerpt(&without.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_roles_are_not_repeated() {
        let message = "User: arn:aws:sts::123456789012:assumed-role/task/x is not authorized to perform: \
                       bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/m";
        let error = meaning(
            Some("AccessDeniedException"),
            message,
            Some(403),
            None,
            "arn:aws:bedrock:us-east-1:123456789012:prompt-router/abc",
        );
        let ModelError::Denied(said) = error else {
            panic!("{error:?}");
        };
        assert!(said.starts_with("User: [arn] is not authorized to perform: bedrock:InvokeModel"));
        assert!(said.contains("`prompt-router/abc`"), "{said}");
        assert!(!said.contains("123456789012"), "{said}");
    }

    #[test]
    fn models_say_in_their_own_ways_that_a_conversation_is_too_long() {
        for (code, message) in [
            (
                "ValidationException",
                "Input is too long for requested model.",
            ),
            (
                "ValidationException",
                "The model returned the following errors: prompt is too long: 208310 tokens > 200000 maximum",
            ),
            (
                "ValidationException",
                "input length and `max_tokens` exceed context limit: 9 + 9 > 10",
            ),
            (
                "ValidationException",
                "This model's maximum context length is 131072 tokens. Please reduce the length of the prompt",
            ),
            (
                "ModelErrorException",
                "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
            ),
        ] {
            let error = meaning(Some(code), message, Some(400), None, "m");
            assert_eq!(error, ModelError::TooLong, "{message}");
        }
    }
}
