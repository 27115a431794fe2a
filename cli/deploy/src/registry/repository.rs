//! A repository itself: where it is, and what ECR says of it.

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{ImageTagMutability, Repository};
use t3nets_router::aws::store_error;
use t3nets_router::ports::StoreError;

use crate::plan::is_digest;

/// Where a repository is, as far as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// `t3nets-dev-router`.
    pub(super) name: String,
    /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/t3nets-dev-router`, if that is known.
    pub(super) uri: Option<String>,
}

impl Place {
    /// Out of a name or a URI. A URI's first part has a dot or a port.
    pub(super) fn of(repository: &str) -> Self {
        let (name, uri) = match repository.split_once('/') {
            Some((host, name)) if host.contains(['.', ':']) => (name, Some(repository.to_owned())),
            _ => (repository, None),
        };
        Self {
            name: name.to_owned(),
            uri,
        }
    }

    /// The account that it is in, where the URI says.
    pub(super) fn registry(&self) -> Option<String> {
        let (account, rest) = self.uri.as_deref()?.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        (is_account && rest.starts_with("dkr.ecr.")).then(|| account.to_owned())
    }

    /// The digest by which an image of this repository is named, alone or as a task definition does.
    pub(super) fn digest<'i>(&self, image: &'i str) -> Option<&'i str> {
        let digest = match image.split_once('@') {
            None => image,
            Some((repository, digest)) => {
                let uri = self.uri.as_deref()?;
                // `repository:tag@digest`: the digest decides.
                let tag = repository.strip_prefix(uri)?;
                (tag.is_empty() || tag.starts_with(':')).then_some(digest)?
            }
        };
        is_digest(digest).then_some(digest)
    }
}

/// What ECR says of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// Whether a tag always means the same image.
    pub is_immutable: bool,
    /// Whether images are scanned when they arrive.
    pub is_scanned: bool,
}

impl RepositoryFacts {
    /// Of a repository, by its name or its URI.
    ///
    /// # Errors
    /// Misconfigured if there is none; as AWS says.
    pub async fn of(config: &aws_config::SdkConfig, repository: &str) -> Result<Self, StoreError> {
        let ecr = aws_sdk_ecr::Client::new(config);
        let found = find(&ecr, &Place::of(repository)).await?;
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

    /// How many images a repository has.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn images(
        config: &aws_config::SdkConfig,
        repository: &str,
    ) -> Result<usize, StoreError> {
        let place = Place::of(repository);
        let mut pages = aws_sdk_ecr::Client::new(config)
            .list_images()
            .set_registry_id(place.registry())
            .repository_name(&place.name)
            .into_paginator()
            .items()
            .send();
        // An image is listed once for each of its tags.
        let mut digests = std::collections::HashSet::new();
        while let Some(image) = pages.next().await {
            digests.extend(image.map_err(|error| store_error(&error))?.image_digest);
        }
        Ok(digests.len())
    }
}

/// What ECR says of a repository.
pub(super) async fn find(
    ecr: &aws_sdk_ecr::Client,
    place: &Place,
) -> Result<Repository, StoreError> {
    let missing = || {
        StoreError::Misconfigured(format!(
            "there is no image repository `{}` in ECR",
            place.name
        ))
    };
    let answer = ecr
        .describe_repositories()
        .set_registry_id(place.registry())
        .repository_names(&place.name)
        .send()
        .await
        .map_err(|error| match error.code() {
            Some("RepositoryNotFoundException") => missing(),
            _ => store_error(&error),
        })?;
    let found = answer.repositories.unwrap_or_default().into_iter().next();
    found.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/router";

    #[test]
    fn a_uri_says_in_which_account_a_repository_is() {
        let place = Place::of(URI);
        assert_eq!(place.name, "team/router");
        assert_eq!(place.registry().as_deref(), Some("123456789012"));
        for without in ["team/router", "localhost:4571/router", "example.com/router"] {
            assert_eq!(Place::of(without).registry(), None, "{without}");
        }
    }

    #[test]
    fn images_of_other_repositories_and_without_a_digest_are_none_of_its_own() {
        let place = Place::of(URI);
        for own in [
            DIGEST.to_owned(),
            format!("{URI}@{DIGEST}"),
            format!("{URI}:v1@{DIGEST}"),
        ] {
            assert_eq!(place.digest(&own), Some(DIGEST), "{own}");
        }
        for other in [
            format!("{URI}:v1"),
            format!("{URI}-two@{DIGEST}"),
            format!("example.com/team/router@{DIGEST}"),
            format!("{URI}@sha256:0123"),
            String::new(),
        ] {
            assert_eq!(place.digest(&other), None, "{other}");
        }
        assert_eq!(
            Place::of("team/router").digest(&format!("{URI}@{DIGEST}")),
            None
        );
    }
}
