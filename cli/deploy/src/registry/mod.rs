//! ECR: where images are kept, by the registry API that Docker speaks too.
//!
//! It is spoken here and not left to Docker's engine, so that the token stays in this process and is renewed in the middle
//! of a push, and the same tree always gives the same digest, whichever builder made it ([`package`] drops what only says
//! when and where that was). [`client`] makes the requests, [`push`] and [`resolve`] decide which. A push ends with the
//! manifest: until then nothing is to be seen in the repository, and what an interrupted one sent is found by the next.
//! [`repository`] and [`stock`] are what ECR's own API says: of the repository, and of which images it still has.

mod client;
mod package;
mod push;
mod repository;
mod resolve;
mod stock;
#[cfg(test)]
mod tests;

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::Repository;
use reqwest::Url;
use t3nets_router::aws::store_error;
use t3nets_router::outbound;

use crate::error::DeployError;
use crate::image::Architecture;

use client::Client;
use repository::Place;

pub use repository::RepositoryFacts;
pub use stock::Stock;

/// A repository in ECR.
pub struct Registry {
    /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/t3nets-dev-router`: what task definitions name, with a digest.
    pub uri: String,
    /// Its name: `t3nets-dev-router`.
    pub name: String,
    client: Client,
}

/// An image that a repository has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedImage {
    /// The repository: `123456789012.dkr.ecr.us-east-1.amazonaws.com/t3nets-dev-router`.
    pub repository: String,
    /// The tag, unique to the content.
    pub tag: String,
    /// `sha256:…`, as the registry confirmed it.
    pub digest: String,
    /// The image in bytes, compressed.
    pub size: u64,
    /// Its layers.
    pub layers: usize,
    /// How many of them had to be sent.
    pub layers_pushed: usize,
    /// What was sent of them, in bytes.
    pub bytes_pushed: u64,
}

/// An image that was pushed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The repository.
    pub repository: String,
    /// The tag, if it was named by one.
    pub tag: Option<String>,
    /// `sha256:…`, of the image for one platform.
    pub digest: String,
    /// What it runs on; `None` if nothing that ECS has.
    pub architecture: Option<Architecture>,
    /// The commit that its labels name.
    pub revision: Option<String>,
    /// The version that its labels name.
    pub version: Option<String>,
}

impl Registry {
    /// Finds a repository by its name or its URI. A URI is taken over as it is: it is where the tasks get their image from.
    ///
    /// The registry is where the repository's URI says. Where calls to AWS go to this machine itself, so do these, even if what
    /// stands in for ECR there names AWS's own address.
    ///
    /// # Errors
    /// Not ready if there is no such repository, denied without credentials or permission.
    pub async fn connect(
        config: &aws_config::SdkConfig,
        repository: &str,
    ) -> Result<Self, DeployError> {
        let ecr = aws_sdk_ecr::Client::new(config);
        let Place { name, uri } = Place::of(repository);
        let found = describe(&ecr, &name).await?;
        let uri = uri.unwrap_or_else(|| found.repository_uri.unwrap_or_default());
        let host = uri.split('/').next().unwrap_or_default();
        let base = match on_this_machine(config, host) {
            Some(here) => here,
            None => elsewhere(host)?,
        };
        Ok(Self {
            client: Client::new(ecr, &base, &name)?,
            name,
            uri,
        })
    }
}

async fn describe(ecr: &aws_sdk_ecr::Client, name: &str) -> Result<Repository, DeployError> {
    let missing = || {
        DeployError::not_ready(format!("there is no image repository `{name}` in ECR"))
            .hint("`t3nets infra apply` makes it; is it the right account and region?")
    };
    let answer = ecr
        .describe_repositories()
        .repository_names(name)
        .send()
        .await
        .map_err(|error| match error.code() {
            Some("RepositoryNotFoundException") => missing(),
            Some("InvalidParameterException") => {
                DeployError::usage(format!("`{name}` is no name of a repository"))
            }
            _ => DeployError::from(store_error(&error)),
        })?;
    answer
        .repositories
        .and_then(|all| all.into_iter().next())
        .ok_or_else(missing)
}

/// The registry at a host: by HTTPS alone.
fn elsewhere(host: &str) -> Result<Url, DeployError> {
    Url::parse(&format!("https://{host}"))
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| DeployError::not_ready(format!("`{host}` is no address of a registry")))
}

/// The registry, if it is on this machine: ECR's own endpoint, the repository's host, or the endpoint of every service.
fn on_this_machine(config: &aws_config::SdkConfig, host: &str) -> Option<Url> {
    let own = std::env::var("AWS_ENDPOINT_URL_ECR").ok();
    let candidates = [
        own,
        Some(format!("http://{host}")),
        config.endpoint_url().map(str::to_owned),
    ];
    let parsed = candidates.into_iter().flatten();
    parsed
        .filter_map(|address| Url::parse(&address).ok())
        .find(outbound::is_loopback)
}
