//! What can go wrong with the registry.

use std::fmt;
use std::io;

use reqwest::StatusCode;
use t3nets_router::aws::AwsError;
use t3nets_router::outbound::{ClientError, TransportError};

use crate::build::DockerError;
use crate::docker_config::credentials::CredentialsError;
use crate::image_ref::{Architecture, Digest, InvalidRepository};

/// Why an image was not pushed or found, or why a repository cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The configured repository cannot be one.
    #[error(transparent)]
    InvalidRepository(#[from] InvalidRepository),
    /// ECR has no repository of that name in this account and region.
    #[error("image repository `{repository}` does not exist in ECR{place}")]
    RepositoryNotFound {
        /// The repository's name.
        repository: String,
        /// The registry, in words, where the repository's URI names one.
        place: String,
    },
    /// ECR hands out no token, and Docker's own login cannot be looked up either.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// ECR's API refuses or cannot be asked.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// ECR answered without a token that could be used.
    #[error("ECR returned no usable authorization token")]
    NoToken,
    /// What the repository's URI names as its registry is not a host.
    #[error("`{0}` is not the address of a registry")]
    InvalidAddress(String),
    /// The repository's URI names another registry than ECR, which gets no token of ECR's.
    #[error("the registry `{0}` is not ECR: images are pushed to ECR alone")]
    NotEcr(String),
    /// The client for the registry's requests cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No answer came, or it ended early.
    #[error("registry `{host}` cannot be reached")]
    Unreachable {
        /// Host of the registry.
        host: String,
        /// What happened to the request.
        source: TransportError,
    },
    /// The registry failed (5xx) or limits the rate of requests (429).
    #[error("the registry failed")]
    Failed(#[source] Refusal),
    /// The registry lost an upload, or received other content than was sent; it has to be started
    /// again.
    #[error("the upload of a layer was interrupted")]
    UploadInterrupted(#[source] Refusal),
    /// The token ended while a layer was being sent, which cannot be sent twice as it is.
    #[error("the authorization token expired during an upload")]
    TokenExpired(#[source] Refusal),
    /// The credentials lack a permission, or the repository's policy denies it.
    #[error("the registry denied access")]
    AccessDenied(#[source] Refusal),
    /// The registry answered with a status that the request did not expect.
    #[error("the registry refused {request}")]
    Refused {
        /// What was asked of it.
        request: RegistryRequest,
        /// How the registry answered.
        #[source]
        refusal: Refusal,
    },
    /// What `--image` names can be no image of the repository.
    #[error("`{0}` is neither a tag nor a digest")]
    InvalidReference(String),
    /// What `--image` names is in another repository.
    #[error("`{reference}` is in another repository than `{repository}`")]
    OtherRepository {
        /// The reference as it was given.
        reference: String,
        /// The repository that the service is deployed from.
        repository: String,
    },
    /// The repository has no such image.
    #[error("image `{image}` does not exist in `{repository}`")]
    ImageNotFound {
        /// Its tag or digest.
        image: String,
        /// The repository that was searched.
        repository: String,
    },
    /// An image for several platforms has none for the wanted one.
    #[error("image `{image}` is for several platforms, but none is {wanted}")]
    NoSuchPlatform {
        /// Its tag or digest.
        image: String,
        /// What the task definition runs on.
        wanted: Architecture,
    },
    /// What the registry answered is not what the digest names, or cannot be read.
    #[error("the registry returned something other than `{0}`")]
    Corrupt(String),
    /// Docker does not hand out the image.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// What Docker exported is not an image as `docker save` writes it.
    #[error("Docker exported an image that cannot be used: {0}")]
    InvalidExport(&'static str),
    /// The exported image cannot be stored, read or compressed on this machine.
    #[error("cannot {action} the image that Docker exported")]
    Export {
        /// What was being done.
        action: &'static str,
        /// The file system's error.
        source: io::Error,
    },
    /// After the push the tag does not name what was pushed.
    #[error(
        "the registry has {} under `{tag}`, not the image that was pushed",
        found.as_ref().map_or_else(|| "nothing".to_owned(), |digest| format!("`{digest}`"))
    )]
    NotConfirmed {
        /// The tag that was pushed.
        tag: String,
        /// What it names instead, if anything.
        found: Option<Digest>,
    },
}

impl RegistryError {
    /// Whether the same may succeed when it is tried again.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Failed(_)
                | Self::UploadInterrupted(_)
                | Self::TokenExpired(_)
        )
    }
}

/// What was asked of the registry, as far as an error names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryRequest {
    /// Whether it has a layer.
    CheckLayer,
    /// To begin the upload of a layer.
    StartUpload,
    /// To take a layer's content.
    UploadLayer,
    /// To take a manifest, which makes the image visible.
    PutManifest,
    /// Which image a tag names.
    CheckManifest,
    /// A manifest or a configuration.
    GetImage,
}

impl fmt::Display for RegistryRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CheckLayer => "to say whether it has a layer",
            Self::StartUpload => "to start the upload of a layer",
            Self::UploadLayer => "a layer",
            Self::PutManifest => "the image",
            Self::CheckManifest => "to say which image a tag names",
            Self::GetImage => "to return the image",
        })
    }
}

/// An answer that is no success: `403 Forbidden: not authorized (DENIED)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: StatusCode,
    /// The first error's code, as the registry API lists them.
    pub(super) code: Option<String>,
    /// The first error's message.
    pub(super) message: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match (&self.code, &self.message) {
            (Some(code), Some(message)) => format!("{}: {message} ({code})", self.status),
            (Some(code), None) => format!("{}: {code}", self.status),
            _ => self.status.to_string(),
        };
        // The answer is anybody's text: not at any length.
        f.write_str(&shown.chars().take(500).collect::<String>())
    }
}

impl std::error::Error for Refusal {}
