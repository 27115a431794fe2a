//! What ECR's API says of a repository. [`Ecr`] is the one client for it, and asks the registry
//! that the repository's URI names: what the doctor finds is what a deploy finds.

use std::collections::HashSet;

use aws_config::{Region, SdkConfig};
use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{self, ImageTagMutability};
use t3nets_router::aws::AwsError;

use super::error::RegistryError;
use crate::image_ref::{InvalidRepository, Repository};

/// How a repository is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// Whether a tag cannot be moved to another image.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html>
    pub is_immutable: bool,
    /// Whether images are scanned when they are pushed.
    pub is_scanned: bool,
}

impl RepositoryFacts {
    /// Asks ECR about a repository, named by its name or its URI.
    ///
    /// # Errors
    /// If there is no such repository or ECR cannot be asked.
    pub async fn of(config: &SdkConfig, repository: &str) -> Result<Self, RegistryError> {
        let repository: Repository = repository.parse()?;
        let found = Ecr::of(config, &repository).describe(&repository).await?;
        Ok(Self {
            is_immutable: matches!(
                found.image_tag_mutability(),
                Some(ImageTagMutability::Immutable | ImageTagMutability::ImmutableWithExclusion)
            ),
            is_scanned: found
                .image_scanning_configuration()
                .is_some_and(|scanning| scanning.scan_on_push()),
        })
    }
}

/// How many images a repository has, with a tag or without.
///
/// # Errors
/// If there is no such repository or ECR cannot be asked.
pub async fn count_images(config: &SdkConfig, repository: &str) -> Result<usize, RegistryError> {
    let repository: Repository = repository.parse()?;
    let ecr = Ecr::of(config, &repository);
    let mut pages = ecr
        .client
        .list_images()
        .set_registry_id(ecr.registry_id.clone())
        .repository_name(repository.name())
        .into_paginator()
        .items()
        .send();
    // An image is listed once for each of its tags.
    let mut digests = HashSet::new();
    while let Some(image) = pages.next().await {
        let image = image.map_err(|error| AwsError::from_sdk("ecr", "ListImages", &error))?;
        digests.extend(image.image_digest);
    }
    Ok(digests.len())
}

/// ECR's API for one repository.
#[derive(Debug, Clone)]
pub(super) struct Ecr {
    /// For the region that the repository's URI names, or else the environment's.
    pub(super) client: Client,
    /// The account that the URI names; without it ECR looks in the caller's own registry.
    pub(super) registry_id: Option<String>,
}

impl Ecr {
    /// Of a repository, with the configuration's credentials. Asks nothing yet.
    pub(super) fn of(config: &SdkConfig, repository: &Repository) -> Self {
        let registry = repository.ecr();
        let mut builder = config.to_builder();
        if let Some(registry) = registry {
            builder = builder.region(Region::new(registry.region.to_owned()));
        }
        Self {
            client: Client::new(&builder.build()),
            registry_id: registry.map(|registry| registry.account.to_owned()),
        }
    }

    /// What ECR says of the repository.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html>
    pub(super) async fn describe(
        &self,
        repository: &Repository,
    ) -> Result<types::Repository, RegistryError> {
        let missing = || {
            let registry = repository.ecr();
            RegistryError::RepositoryNotFound {
                repository: repository.name().to_owned(),
                place: registry.map_or_else(String::new, |registry| {
                    format!(" of account {} in {}", registry.account, registry.region)
                }),
            }
        };
        let answer = self
            .client
            .describe_repositories()
            .set_registry_id(self.registry_id.clone())
            .repository_names(repository.name())
            .send()
            .await
            .map_err(|error| match error.code() {
                Some("RepositoryNotFoundException") => missing(),
                // Of what is sent only the name can be wrong: ECR is stricter than other
                // registries.
                Some("InvalidParameterException") => {
                    RegistryError::InvalidRepository(InvalidRepository::new(repository))
                }
                _ => AwsError::from_sdk("ecr", "DescribeRepositories", &error).into(),
            })?;
        let found = answer.repositories.unwrap_or_default().into_iter().next();
        found.ok_or_else(missing)
    }
}
