//! What ECS refuses.

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use t3nets_router::aws::{AwsError, AwsErrorKind};

/// A revision that was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// AWS refused it, or did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// Whatever number is predicted, somebody else has registered a revision with it by then.
    #[error("somebody else registers revisions of `{family}` all the time")]
    Contended {
        /// The family.
        family: String,
    },
}

/// An update that was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// AWS refused it: the service runs on as it did.
    #[error("the service cannot be told to run `{revision}`")]
    Refused {
        /// The revision that it was to run.
        revision: String,
        /// AWS's answer.
        source: AwsError,
    },
    /// It was not answered: it may have arrived.
    #[error("whether the service was told to run `{revision}` is not known")]
    Unanswered {
        /// The revision that it was to run.
        revision: String,
        /// What happened to the answer.
        source: AwsError,
    },
}

/// An error of ECS's. ECS answers with status 400 to what other services call not found, and to
/// requests that no other try would make acceptable.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html>
pub(super) fn ecs_error<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut error = AwsError::from_sdk("ecs", operation, error);
    match error.code.as_deref() {
        Some("ServiceNotActiveException") => error.kind = AwsErrorKind::NotFound,
        Some("ClientException" | "InvalidParameterException") => {
            error.kind = AwsErrorKind::Configuration;
        }
        _ => {}
    }
    error
}
