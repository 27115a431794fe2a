//! What AWS answers, as the ports' errors.

use std::error::Error;
use std::fmt;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::ports::StoreError;

/// An error of any service's call as a store's error. Adapters handle what their call means by an error (a failed
/// condition, a secret that is not there) before they come here; what remains is the same for every call.
pub fn store_error<E, R>(error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug + 'static,
{
    match error {
        SdkError::TimeoutError(_) => {
            StoreError::Unavailable("AWS did not answer in time".to_owned())
        }
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error().map(|cause| innermost(cause));
            match cause {
                Some(cause) if failure.is_other() => from_chain(error, &cause),
                Some(cause) => StoreError::Unavailable(format!("AWS cannot be reached: {cause}")),
                None => StoreError::Unavailable("AWS cannot be reached".to_owned()),
            }
        }
        SdkError::ServiceError(service) => {
            let said = service.err();
            from_service(said.code().unwrap_or("unknown"), said.message())
        }
        SdkError::ResponseError(_) => {
            StoreError::Unavailable("AWS's answer ended early or cannot be read".to_owned())
        }
        _ => from_chain(error, &innermost(error)),
    }
}

/// What the SDK says, in lower case, where no source has credentials; a line about each source follows.
const NO_CREDENTIALS: &str = "no credentials found in chain";

/// What fails before a request is sent: mostly credentials, or no region.
fn from_chain(error: &(dyn Error + 'static), cause: &str) -> StoreError {
    let mut texts = String::new();
    let mut link: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(at) = link {
        texts.push_str(&at.to_string().to_lowercase());
        texts.push('\n');
        link = at.source();
    }
    if texts.contains(NO_CREDENTIALS) {
        StoreError::Denied(
            "no usable AWS credentials: there are none in variables, profile, container or instance"
                .to_owned(),
        )
    } else if texts.contains("credential") || texts.contains("identity") || texts.contains("token")
    {
        StoreError::Denied(format!("no usable AWS credentials: {cause}"))
    } else if texts.contains("region") {
        StoreError::Misconfigured("no AWS region is set".to_owned())
    } else {
        StoreError::Unavailable(cause.to_owned())
    }
}

/// What a service refused, by its error code.
pub(super) fn from_service(code: &str, message: Option<&str>) -> StoreError {
    let said = match message {
        Some(message) if !message.is_empty() => format!("{message} ({code})"),
        _ => code.to_owned(),
    };
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "TooManyRequestsException"
        | "LimitExceededException"
        | "SlowDown" => StoreError::Throttled,
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "OptInRequired"
        | "KMSAccessDeniedException"
        | "NotAuthorized" => StoreError::Denied(said),
        "ResourceNotFoundException" => StoreError::Misconfigured(said),
        _ => StoreError::Unavailable(said),
    }
}

/// The innermost cause, which says what happened; the outer ones say "dispatch failure".
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_before_a_request_is_told_apart_in_one_line() {
        let chain =
            std::io::Error::other("no credentials found in chain. Attempted:\n  Profile: no");
        let StoreError::Denied(why) = from_chain(&chain, &chain.to_string()) else {
            panic!("not denied");
        };
        assert!(!why.contains('\n'), "{why}");
        let expired = std::io::Error::other("the SSO token has expired");
        assert_eq!(
            from_chain(&expired, &expired.to_string()),
            StoreError::Denied("no usable AWS credentials: the SSO token has expired".to_owned())
        );
        let region = std::io::Error::other("A region is missing");
        assert!(matches!(
            from_chain(&region, &region.to_string()),
            StoreError::Misconfigured(_)
        ));
    }

    #[test]
    fn what_a_service_refuses_is_told_apart_by_its_code() {
        assert_eq!(
            from_service("ThrottlingException", Some("slow down")),
            StoreError::Throttled
        );
        assert_eq!(
            from_service("AccessDeniedException", Some("not you")),
            StoreError::Denied("not you (AccessDeniedException)".to_owned())
        );
        assert!(matches!(
            from_service("ResourceNotFoundException", None),
            StoreError::Misconfigured(_)
        ));
        assert!(matches!(
            from_service("InternalServerError", None),
            StoreError::Unavailable(_)
        ));
    }
}
