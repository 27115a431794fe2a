//! ECR: the registry of the service's images, by the registry API that Docker speaks too.
//!
//! It is spoken here and not left to Docker's engine, so that the token stays in this process and
//! is renewed in the middle of a push, and the same tree always gives the same digest, whichever
//! builder made it ([`export`] drops what only says when and where that was). [`client`] makes the
//! requests, [`push`] and [`resolve`] decide which; [`manifest`] is what they transfer. A push ends
//! with the manifest: until then no image can be seen in the repository, and the layers of an
//! interrupted push are found by the next one. [`repository`] and [`images`] are what ECR's own API
//! says: of the repository, and of which images it still has.

mod client;
mod error;
mod export;
mod images;
mod manifest;
mod push;
mod repository;
mod resolve;
#[cfg(test)]
mod tests;

use reqwest::Url;
use t3nets_router::outbound;

use crate::image_ref::{Architecture, Digest, ImageRef, InvalidRepository, Repository};

use client::RegistryClient;
use repository::Ecr;

pub use error::{Refusal, RegistryError, RegistryRequest};
pub use images::RepositoryImages;
pub use repository::{RepositoryFacts, count_images};

/// The registry of one repository in ECR.
pub struct Registry {
    /// With its host: what task definitions name, with a digest.
    repository: Repository,
    client: RegistryClient,
}

/// An image after its push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedImage {
    /// The image by its digest, as the registry confirmed it.
    pub image: ImageRef,
    /// The tag, unique to the content.
    pub tag: String,
    /// The manifest's digest, as the registry confirmed it.
    pub digest: Digest,
    /// Of the whole image in bytes, compressed.
    pub size: u64,
    /// How many layers the image has.
    pub layers: usize,
    /// How many of them the registry did not have.
    pub layers_pushed: usize,
    /// The size of those in bytes, compressed.
    pub bytes_pushed: u64,
}

/// An image that was pushed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The image for one platform, by its digest.
    pub image: ImageRef,
    /// What it is built for; `None` if Fargate does not have that.
    pub architecture: Option<Architecture>,
    /// The commit that its labels name.
    pub revision: Option<String>,
    /// The version that its labels name.
    pub version: Option<String>,
    /// The digest of what it was built from, if its labels say.
    pub inputs: Option<Digest>,
}

impl Registry {
    /// Finds a repository by its name or its URI. A URI is used as it is: it is where the tasks get
    /// their image from.
    ///
    /// The registry is where the repository's URI says. Where calls to AWS go to this machine
    /// itself, so do these, even if the emulator of ECR there names AWS's own host.
    ///
    /// # Errors
    /// If there is no such repository or ECR cannot be asked.
    pub async fn connect(
        config: &aws_config::SdkConfig,
        repository: &str,
    ) -> Result<Self, RegistryError> {
        let named: Repository = repository.parse()?;
        let ecr = Ecr::of(config, &named);
        let found = ecr.describe(&named).await?;
        let repository = match named.registry() {
            Some(_) => named,
            None => found.repository_uri.unwrap_or_default().parse()?,
        };
        let base = registry_address(config, &repository)?;
        Ok(Self {
            client: RegistryClient::new(ecr.client, &base, &repository)?,
            repository,
        })
    }

    /// The repository with its host:
    /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/t3nets-dev-router`.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }
}

/// Where a repository's registry is: on this machine, or ECR.
fn registry_address(
    config: &aws_config::SdkConfig,
    repository: &Repository,
) -> Result<Url, RegistryError> {
    let host = repository
        .registry()
        .ok_or_else(|| InvalidRepository::new(repository))?;
    match local_address(config, host) {
        Some(local) => Ok(local),
        // ECR's token lets whoever has it read and write every repository that the caller may.
        None if repository.ecr().is_none() => Err(RegistryError::NotEcr(host.to_owned())),
        None => https_address(host),
    }
}

/// The registry at a host that is not this machine: over HTTPS alone.
fn https_address(host: &str) -> Result<Url, RegistryError> {
    Url::parse(&format!("https://{host}"))
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| RegistryError::InvalidAddress(host.to_owned()))
}

/// The registry, if it is on this machine: ECR's own endpoint, the repository's host, or the
/// endpoint of every service.
fn local_address(config: &aws_config::SdkConfig, host: &str) -> Option<Url> {
    let ecr_endpoint = std::env::var("AWS_ENDPOINT_URL_ECR").ok();
    let candidates = [
        ecr_endpoint,
        Some(format!("http://{host}")),
        config.endpoint_url().map(str::to_owned),
    ];
    let parsed = candidates.into_iter().flatten();
    parsed
        .filter_map(|address| Url::parse(&address).ok())
        .find(outbound::is_loopback)
}
