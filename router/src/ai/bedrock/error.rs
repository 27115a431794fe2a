//! What Bedrock's refusals mean, as the port's errors.
//!
//! The codes are described at
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>.
//! What a `ValidationException` or `ResourceNotFoundException` is about stands in its message
//! alone: there is no other field in the answer.

use std::error::Error;
use std::time::Duration;

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use reqwest::StatusCode;

use crate::ai::refusal::{by_status, excerpt, says_too_long};
use crate::ai::table;
use crate::aws::{AwsError, AwsErrorKind, GUARDRAIL_ACTION};
use crate::errors::chain;
use crate::outbound::waiting_time;
use crate::ports::ModelError;

/// The service and operation as AWS names them, whether streamed or not.
const SERVICE: &str = "bedrock-runtime";
const OPERATION: &str = "Converse";

/// The parts of a response or event that tell why it is a refusal.
struct Refusal<'a> {
    code: Option<&'a str>,
    message: &'a str,
    /// `None` within a stream, whose status was a success.
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
}

/// The error of a request that has no answer.
pub(super) fn refusal<E>(error: &SdkError<E, HttpResponse>, model: &str) -> ModelError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    // The port's error holds what callers may read; the SDK's whole error is for whoever debugs.
    tracing::debug!(error = %DisplayErrorContext(error), "Bedrock refused a request");
    match error {
        SdkError::ServiceError(service) => {
            let (raw, answer) = (service.raw(), service.err());
            let body = String::from_utf8_lossy(raw.body().bytes().unwrap_or_default());
            let refusal = Refusal {
                code: answer.code(),
                message: match (answer.code(), answer.message()) {
                    (_, Some(message)) => message,
                    (Some(_), None) => "",
                    // Not AWS's answer: that of a proxy in between.
                    (None, None) => &body,
                },
                status: StatusCode::from_u16(raw.status().as_u16()).ok(),
                retry_after: raw
                    .headers()
                    .get("retry-after")
                    .and_then(|text| waiting_time(text, Timestamp::now())),
            };
            meaning(&refusal, model)
        }
        SdkError::TimeoutError(_) => ModelError::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            // Not connecting may pass and costs nothing, so it is worth another attempt; waiting
            // for an answer in vain is not.
            if chain(error).any(is_connecting) {
                ModelError::Unavailable("no connection: it timed out".to_owned())
            } else {
                ModelError::TimedOut
            }
        }
        SdkError::ResponseError(_) => ModelError::Protocol("it cannot be read".to_owned()),
        _ => by_kind(&AwsError::from_sdk(SERVICE, OPERATION, error), None),
    }
}

/// Whether the HTTP client under the SDK failed while it connected.
fn is_connecting(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<hyper_util::client::legacy::Error>()
        .is_some_and(hyper_util::client::legacy::Error::is_connect)
}

/// The error that an event reports. Events of a stream name their type with a small letter:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>.
pub(super) fn within_stream(kind: &str, message: &str, model: &str) -> ModelError {
    const KNOWN: [&str; 5] = [
        "InternalServerException",
        "ModelStreamErrorException",
        "ServiceUnavailableException",
        "ThrottlingException",
        "ValidationException",
    ];
    let code = KNOWN.iter().find(|code| code.eq_ignore_ascii_case(kind));
    let refusal = Refusal {
        code: code.copied(),
        message,
        status: None,
        retry_after: None,
    };
    meaning(&refusal, model)
}

/// What is the same for every service of AWS: what failed before a request was sent, and the codes
/// that all services share.
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

fn meaning(refusal: &Refusal<'_>, model: &str) -> ModelError {
    let retry_after = refusal.retry_after;
    // Within a stream there is no status: the service failed.
    let status = refusal.status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let lower = refusal.message.to_lowercase();
    let message = without_arns(refusal.message);
    let shown = table::without_account(model);
    let Some(code) = refusal.code else {
        let message = match refusal.status {
            Some(status) => excerpt(&format!("{status}: {message}"), None),
            None => message,
        };
        return by_status(status, message, retry_after, shown);
    };
    match code {
        "ModelTimeoutException" => ModelError::TimedOut,
        "ServiceQuotaExceededException" => ModelError::Throttled { retry_after },
        "ValidationException" | "ModelErrorException" | "ModelStreamErrorException"
            if says_too_long(refusal.message) =>
        {
            ModelError::TooLong
        }
        "InternalServerException"
        | "ModelErrorException"
        | "ModelNotReadyException"
        | "ModelStreamErrorException"
        | "ServiceUnavailableException" => ModelError::Unavailable(message),
        // https://repost.aws/knowledge-center/bedrock-validation-exception-errors
        "ValidationException" if lower.contains("model identifier is invalid") => {
            ModelError::UnknownModel(shown.to_owned())
        }
        // Newer models answer through inference profiles alone:
        // https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
        "ValidationException" if lower.contains("on-demand throughput") => {
            ModelError::Rejected(format!(
                "{message} (use an inference profile such as `us.{shown}`, or the model's name without its provider)"
            ))
        }
        "ResourceNotFoundException" if lower.contains("guardrail") => ModelError::Rejected(message),
        "ValidationException" => ModelError::Rejected(message),
        // The account has not been granted the model yet: the form for Anthropic's models was not
        // filled in, which the documentation lists under the first code and the service sends as
        // the second.
        "FTUFormNotFilled" => ModelError::Denied(message),
        "ResourceNotFoundException"
            if lower.contains("use case") || lower.contains("access denied") =>
        {
            ModelError::Denied(message)
        }
        "ResourceNotFoundException" => ModelError::UnknownModel(shown.to_owned()),
        "AccessDeniedException" if lower.contains("applyguardrail") => ModelError::Denied(format!(
            "{message} (allow the role `{GUARDRAIL_ACTION}` on it: `bedrock_guardrails` in infra/aws)"
        )),
        "AccessDeniedException" => ModelError::Denied(format!(
            "{message} (enable access to `{shown}` in Bedrock's console, and allow the role `bedrock:InvokeModel` and \
             `bedrock:InvokeModelWithResponseStream` on it)"
        )),
        _ => {
            let status = status.as_u16();
            let error =
                AwsError::of_answer(SERVICE, OPERATION, status, Some(code), Some(&message), None);
            by_kind(&error, retry_after)
        }
    }
}

/// Bedrock's message without ARNs: they name the account and its roles, and every caller may read
/// an error.
fn without_arns(message: &str) -> String {
    let words: Vec<&str> = message
        .split_whitespace()
        .map(|word| {
            if word.contains("arn:aws") {
                "[arn]"
            } else {
                word
            }
        })
        .collect();
    excerpt(&words.join(" "), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(code: &str, message: &str, status: u16, model: &str) -> ModelError {
        let refusal = Refusal {
            code: Some(code),
            message,
            status: StatusCode::from_u16(status).ok(),
            retry_after: None,
        };
        meaning(&refusal, model)
    }

    #[test]
    fn accounts_and_roles_are_not_repeated() {
        let message = "User: arn:aws:sts::123456789012:assumed-role/task/x is not authorized to perform: \
                       bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/m";
        let error = meaning_of(
            "AccessDeniedException",
            message,
            403,
            "arn:aws:bedrock:us-east-1:123456789012:prompt-router/abc",
        );
        let ModelError::Denied(why) = error else {
            panic!("{error:?}");
        };
        assert!(why.starts_with("User: [arn] is not authorized to perform: bedrock:InvokeModel"));
        assert!(why.contains("`prompt-router/abc`"), "{why}");
        assert!(!why.contains("123456789012"), "{why}");
    }

    #[test]
    fn a_conversation_is_too_long_whichever_code_says_so() {
        for (code, message) in [
            (
                "ValidationException",
                "Input is too long for requested model.",
            ),
            (
                "ModelErrorException",
                "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
            ),
        ] {
            let error = meaning_of(code, message, 400, "m");
            assert_eq!(error, ModelError::TooLong, "{message}");
        }
    }

    #[test]
    fn codes_that_all_services_share_mean_the_same_here() {
        for (code, status, expected) in [
            (
                "ExpiredTokenException",
                403,
                ModelError::Denied("why (ExpiredTokenException)".to_owned()),
            ),
            (
                "ThrottlingException",
                429,
                ModelError::Throttled { retry_after: None },
            ),
            (
                "NewCode",
                400,
                ModelError::Rejected("why (NewCode)".to_owned()),
            ),
            (
                "NewCode",
                500,
                ModelError::Unavailable("why (NewCode)".to_owned()),
            ),
        ] {
            assert_eq!(meaning_of(code, "why", status, "m"), expected, "{code}");
        }
    }
}
