//! What went wrong in a call to AWS: one type for every service, made in one place.
//!
//! Adapters turn it into the ports' errors, the CLI into its own. What a call means by one of its
//! errors (a failed condition, a secret that does not exist) is handled where the call is made,
//! before it comes here; what remains is the same for every call.

use std::error::Error;
use std::fmt;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

use crate::errors::{chain, innermost};
use crate::ports::{Failure, StoreError};

/// A call to AWS that failed. Shown, it is the reason alone: `you may not (AccessDeniedException)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The service as its API names it: `dynamodb`, `ecs`.
    pub service: &'static str,
    /// The operation as the API reference names it: `UpdateService`.
    pub operation: &'static str,
    /// What kind of failure it is.
    pub kind: AwsErrorKind,
    /// The error code in the answer; `None` if there was no answer, or none with a code.
    pub code: Option<String>,
    /// Why, in a lower-case fragment or in AWS's own words.
    pub message: String,
    /// The id by which AWS's support and CloudTrail find the request; `None` if it was not
    /// answered.
    pub request_id: Option<String>,
}

/// What kind of failure an [`AwsError`] is, which decides what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AwsErrorKind {
    /// The rate of requests is limited, and the SDK's own retries did not help.
    Throttled,
    /// No answer, or one that cannot be read: the request may have arrived all the same.
    Unreachable,
    /// There are no credentials, or AWS does not accept them: missing, expired, wrong.
    Credentials,
    /// The credentials are valid and lack the permission.
    Permission,
    /// Something that a call needs before it can be sent is not set, such as the region.
    Configuration,
    /// What the call names does not exist: a table, a cluster, a bucket.
    NotFound,
    /// The request is refused for another reason (4xx).
    Rejected,
    /// The service failed (5xx).
    Internal,
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) if self.message.is_empty() => f.write_str(code),
            Some(code) => write!(f, "{} ({code})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Error for AwsError {}

impl AwsError {
    /// What the SDK says of a call: `service` and `operation` as the API reference names them.
    pub fn from_sdk<E>(
        service: &'static str,
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let unanswered = |kind, message: String| Self {
            service,
            operation,
            kind,
            code: None,
            message,
            request_id: error.request_id().map(str::to_owned),
        };
        let unreachable = |message: &str| unanswered(AwsErrorKind::Unreachable, message.to_owned());
        match error {
            SdkError::TimeoutError(_) => unreachable("AWS did not answer in time"),
            SdkError::ResponseError(_) => unreachable("AWS's answer ended early or cannot be read"),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                None => unreachable("AWS cannot be reached"),
                Some(cause) if failure.is_other() => {
                    let (kind, message) = before_sending(error, &innermost(cause).to_string());
                    unanswered(kind, message)
                }
                Some(cause) => unreachable(&format!("AWS cannot be reached: {}", innermost(cause))),
            },
            SdkError::ServiceError(refused) => {
                let answer = refused.err();
                Self::of_answer(
                    service,
                    operation,
                    refused.raw().status().as_u16(),
                    answer.code(),
                    answer.message(),
                    error.request_id(),
                )
            }
            _ => {
                let (kind, message) = before_sending(error, &innermost(error).to_string());
                unanswered(kind, message)
            }
        }
    }

    /// What an answer says that is no success: its HTTP status and what its body holds.
    pub fn of_answer(
        service: &'static str,
        operation: &'static str,
        status: u16,
        code: Option<&str>,
        message: Option<&str>,
        request_id: Option<&str>,
    ) -> Self {
        let code = code.filter(|code| !code.is_empty());
        let message = message.unwrap_or_default();
        Self {
            service,
            operation,
            kind: AwsErrorKind::of_code(code.unwrap_or_default(), status),
            code: code.map(str::to_owned),
            message: match code {
                None if message.is_empty() => format!("AWS answered with status {status}"),
                _ => message.to_owned(),
            },
            request_id: request_id.map(str::to_owned),
        }
    }
}

impl AwsErrorKind {
    /// The kind of an error code. Codes that many services share are listed under "Common Errors"
    /// in each service's API reference
    /// (docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html).
    fn of_code(code: &str, status: u16) -> Self {
        match code {
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "ProvisionedThroughputExceededException"
            | "TooManyRequestsException"
            | "LimitExceededException"
            | "SlowDown" => Self::Throttled,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "ExpiredTokenException"
            | "ExpiredToken" => Self::Credentials,
            "AccessDeniedException"
            | "AccessDenied"
            | "OptInRequired"
            | "KMSAccessDeniedException"
            | "NotAuthorized" => Self::Permission,
            "ResourceNotFoundException"
            | "TableNotFoundException"
            | "ClusterNotFoundException"
            | "ServiceNotFoundException"
            | "RepositoryNotFoundException"
            | "LoadBalancerNotFound"
            | "TargetGroupNotFound"
            | "NoSuchEntity"
            | "NoSuchBucket"
            | "NoSuchKey" => Self::NotFound,
            _ if status == 429 => Self::Throttled,
            _ if status >= 500 => Self::Internal,
            _ => Self::Rejected,
        }
    }
}

impl From<AwsError> for StoreError {
    fn from(error: AwsError) -> Self {
        let kind = error.kind;
        let reason = Failure::caused_by(error.to_string(), error);
        match kind {
            AwsErrorKind::Throttled => Self::Throttled,
            AwsErrorKind::Credentials => Self::Unauthenticated(reason),
            AwsErrorKind::Permission => Self::Denied(reason),
            AwsErrorKind::Configuration | AwsErrorKind::NotFound => Self::Misconfigured(reason),
            AwsErrorKind::Unreachable | AwsErrorKind::Rejected | AwsErrorKind::Internal => {
                Self::Unavailable(reason)
            }
        }
    }
}

/// What the SDK says, in lower case, where no source has credentials; a line about each source
/// follows.
const NO_CREDENTIALS: &str = "no credentials found in chain";

/// What fails before a request is sent: mostly credentials, or no region. The SDK gives no types
/// for either, so its texts have to tell them apart.
pub(super) fn before_sending(error: &(dyn Error + 'static), cause: &str) -> (AwsErrorKind, String) {
    let mut texts = String::new();
    for cause in chain(error) {
        texts.push_str(&cause.to_string().to_lowercase());
        texts.push('\n');
    }
    if texts.contains("cargo feature") {
        // The SDK names what this program was built without, which is of no use to who runs it.
        (
            AwsErrorKind::Credentials,
            "no usable AWS credentials: the profile has them from a source that is not supported here"
                .to_owned(),
        )
    } else if texts.contains(NO_CREDENTIALS) {
        (
            AwsErrorKind::Credentials,
            "no usable AWS credentials: there are none in variables, profile, container or instance"
                .to_owned(),
        )
    } else if texts.contains("credential") || texts.contains("identity") || texts.contains("token")
    {
        (
            AwsErrorKind::Credentials,
            format!("no usable AWS credentials: {cause}"),
        )
    } else if texts.contains("region") {
        (
            AwsErrorKind::Configuration,
            "no AWS region is set".to_owned(),
        )
    } else {
        (AwsErrorKind::Unreachable, cause.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_before_a_request_is_told_apart_in_one_line() {
        let of = |text: &str| before_sending(&std::io::Error::other(text.to_owned()), text);
        let (kind, why) = of("no credentials found in chain. Attempted:\n  Profile: no");
        assert_eq!(kind, AwsErrorKind::Credentials);
        assert!(!why.contains('\n'), "{why}");
        assert_eq!(
            of("the SSO token has expired"),
            (
                AwsErrorKind::Credentials,
                "no usable AWS credentials: the SSO token has expired".to_owned()
            )
        );
        let (kind, why) = of("requires following cargo feature(s) enabled: credentials-login");
        assert_eq!(kind, AwsErrorKind::Credentials);
        assert!(!why.contains("feature") && !why.contains("cargo"), "{why}");
        assert_eq!(of("A region is missing").0, AwsErrorKind::Configuration);
        assert_eq!(of("broken").0, AwsErrorKind::Unreachable);
    }

    #[test]
    fn what_a_service_refuses_is_told_apart_by_its_code_then_by_its_status() {
        for (code, status, kind) in [
            ("ThrottlingException", 400, AwsErrorKind::Throttled),
            ("ExpiredTokenException", 400, AwsErrorKind::Credentials),
            ("AccessDeniedException", 400, AwsErrorKind::Permission),
            ("ResourceNotFoundException", 400, AwsErrorKind::NotFound),
            ("ValidationException", 400, AwsErrorKind::Rejected),
            ("InternalServerError", 500, AwsErrorKind::Internal),
        ] {
            let error = AwsError::of_answer("ecs", "Call", status, Some(code), None, None);
            assert_eq!(error.kind, kind, "{code}");
            assert_eq!(error.to_string(), code);
        }
    }

    #[test]
    fn an_error_is_shown_as_its_reason_with_the_code() {
        let refused = |code, message| {
            AwsError::of_answer("ecs", "UpdateService", 403, code, message, None).to_string()
        };
        assert_eq!(
            refused(Some("AccessDeniedException"), Some("you may not")),
            "you may not (AccessDeniedException)"
        );
        assert_eq!(
            refused(None, Some("blocked by a proxy")),
            "blocked by a proxy"
        );
        assert_eq!(refused(None, None), "AWS answered with status 403");
    }

    #[test]
    fn stores_keep_apart_what_can_be_tried_again_from_what_has_to_be_set_up() {
        let of = |code| {
            StoreError::from(AwsError::of_answer(
                "dynamodb",
                "GetItem",
                400,
                Some(code),
                None,
                None,
            ))
        };
        assert_eq!(of("ThrottlingException"), StoreError::Throttled);
        assert!(matches!(of("AccessDenied"), StoreError::Denied(_)));
        assert!(matches!(of("ExpiredToken"), StoreError::Unauthenticated(_)));
        assert!(matches!(
            of("ResourceNotFoundException"),
            StoreError::Misconfigured(_)
        ));
        assert!(matches!(
            of("ValidationException"),
            StoreError::Unavailable(_)
        ));
    }
}
