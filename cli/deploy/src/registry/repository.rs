//! What ECR's API says of a repository. [`describe`] is the one call for it: what the doctor finds
//! is what a deploy finds.

use std::collections::HashSet;

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
    pub async fn of(
        config: &aws_config::SdkConfig,
        repository: &str,
    ) -> Result<Self, RegistryError> {
        let found = describe(&Client::new(config), &repository.parse()?).await?;
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
pub async fn count_images(
    config: &aws_config::SdkConfig,
    repository: &str,
) -> Result<usize, RegistryError> {
    let repository: Repository = repository.parse()?;
    let mut pages = Client::new(config)
        .list_images()
        .set_registry_id(repository.account().map(str::to_owned))
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

/// What ECR says of a repository. One whose URI names an account is looked for in that account's
/// registry; without `registryId` ECR would look in the caller's own.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html>
pub(super) async fn describe(
    ecr: &Client,
    repository: &Repository,
) -> Result<types::Repository, RegistryError> {
    let missing = || RegistryError::RepositoryNotFound(repository.name().to_owned());
    let answer = ecr
        .describe_repositories()
        .set_registry_id(repository.account().map(str::to_owned))
        .repository_names(repository.name())
        .send()
        .await
        .map_err(|error| match error.code() {
            Some("RepositoryNotFoundException") => missing(),
            // Of what is sent only the name can be wrong: ECR is stricter than other registries.
            Some("InvalidParameterException") => {
                RegistryError::InvalidRepository(InvalidRepository::new(repository))
            }
            _ => AwsError::from_sdk("ecr", "DescribeRepositories", &error).into(),
        })?;
    let found = answer.repositories.unwrap_or_default().into_iter().next();
    found.ok_or_else(missing)
}
