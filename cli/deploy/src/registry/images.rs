//! Which images a repository still has, and which it is to keep. A lifecycle policy deletes old
//! ones, and what runs, or is gone back to, needs its image.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{Image, ImageFailureCode, ImageIdentifier};
use t3nets_router::aws::AwsError;

use super::error::RegistryError;
use super::manifest::MANIFEST_TYPES;
use super::repository::Ecr;
use crate::image_ref::{Digest, Repository};

/// How many images BatchGetImage takes at once.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html>
const MAX_PER_CALL: usize = 100;

/// What the tag begins with of an image that ran well. `infra/aws/modules/ecr` deletes others
/// before those: an image that matches a rule's tags is not touched by rules of a lower priority.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>
const KEPT: &str = "kept-";

/// The tag of an image to keep. Tags are immutable, so each image has its own.
fn kept_tag(digest: &Digest) -> String {
    format!("{KEPT}{}", digest.short())
}

/// Which of the images that were asked about a repository has. That it cannot be asked is not an
/// error: an image of which nothing is known is not one that was deleted.
pub struct RepositoryImages {
    ecr: Option<Ecr>,
    repository: Option<Repository>,
    exists: HashMap<Digest, bool>,
    error: Option<RegistryError>,
}

impl RepositoryImages {
    /// Of a repository, named by its name or its URI. Asks nothing yet.
    pub fn of(config: &aws_config::SdkConfig, repository: &str) -> Self {
        let (repository, error) = match repository.parse() {
            Ok(repository) => (Some(repository), None),
            Err(error) => (None, Some(RegistryError::InvalidRepository(error))),
        };
        Self {
            ecr: repository.as_ref().map(|one| Ecr::of(config, one)),
            repository,
            exists: HashMap::new(),
            error,
        }
    }

    /// Asks about images by their digests, a hundred at once. What is not a digest is passed over.
    pub async fn look_up(&mut self, digests: impl IntoIterator<Item = &str>) {
        let digests = digests.into_iter().filter_map(|text| text.parse().ok());
        let digests: Vec<Digest> = digests.collect();
        if self.error.is_none()
            && let Err(error) = self.fetch(digests).await
        {
            self.error = Some(error);
        }
    }

    /// Whether the repository has an image, named by its digest or as a task definition names it.
    /// `None` where that is not known: it was not asked about, could not be, is an image of another
    /// repository, or is named without a digest.
    pub fn contains(&self, image: &str) -> Option<bool> {
        let digest = self.repository.as_ref()?.digest_of(image)?;
        self.exists.get(&digest).copied()
    }

    /// As [`Self::contains`], and asks where that was not done before.
    pub async fn check(&mut self, image: &str) -> Option<bool> {
        if self.error.is_none()
            && let Err(error) = self.fetch_one(image).await
        {
            self.error = Some(error);
        }
        self.contains(image)
    }

    /// Why the repository cannot be asked, if it cannot.
    pub fn error(&self) -> Option<&RegistryError> {
        self.error.as_ref()
    }

    /// Marks an image, named as a task definition names it, as one that ran well: the repository's
    /// lifecycle policy keeps ten of those, whatever is pushed after them. An image of another
    /// repository is passed over.
    ///
    /// # Errors
    /// If ECR refuses or cannot be asked.
    pub async fn keep(&mut self, image: &str) -> Result<(), RegistryError> {
        let Some((ecr, repository, digest)) = self.own(image).await? else {
            return Ok(());
        };
        let tag = kept_tag(&digest);
        let tagged = ImageIdentifier::builder().image_tag(&tag).build();
        if get(&ecr, &repository, tagged).await?.is_some() {
            return Ok(());
        }
        let whole = ImageIdentifier::builder().image_digest(digest.as_str());
        let Some(found) = get(&ecr, &repository, whole.build()).await? else {
            return Err(RegistryError::ImageNotFound {
                image: digest.to_string(),
                repository: repository.to_string(),
            });
        };
        let put = ecr
            .client
            .put_image()
            .set_registry_id(ecr.registry_id.clone())
            .repository_name(repository.name())
            .set_image_manifest(found.image_manifest)
            .set_image_manifest_media_type(found.image_manifest_media_type)
            .image_digest(digest.as_str())
            .image_tag(tag)
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            // Somebody else was faster.
            Err(error) if error.code() == Some("ImageAlreadyExistsException") => Ok(()),
            Err(error) => Err(AwsError::from_sdk("ecr", "PutImage", &error).into()),
        }
    }

    /// Whether an image is marked by [`Self::keep`]; `None` of one of another repository.
    ///
    /// # Errors
    /// If ECR refuses or cannot be asked.
    pub async fn is_kept(&mut self, image: &str) -> Result<Option<bool>, RegistryError> {
        let Some((ecr, repository, digest)) = self.own(image).await? else {
            return Ok(None);
        };
        let tag = kept_tag(&digest);
        let tagged = ImageIdentifier::builder().image_tag(tag).build();
        Ok(Some(get(&ecr, &repository, tagged).await?.is_some()))
    }

    /// What is needed to ask about an image of this repository.
    async fn own(
        &mut self,
        image: &str,
    ) -> Result<Option<(Ecr, Repository, Digest)>, RegistryError> {
        // No call for what names no digest: it is of no image that was deployed.
        if Digest::at_end_of(image).is_none() {
            return Ok(None);
        }
        let repository = self.locate().await?.cloned();
        Ok(match (&self.ecr, repository) {
            (Some(ecr), Some(repository)) => repository
                .digest_of(image)
                .map(|digest| (ecr.clone(), repository, digest)),
            _ => None,
        })
    }

    async fn fetch_one(&mut self, image: &str) -> Result<(), RegistryError> {
        let repository = self.locate().await?;
        match repository.and_then(|repository| repository.digest_of(image)) {
            Some(digest) => self.fetch(vec![digest]).await,
            None => Ok(()),
        }
    }

    /// The repository with its registry: a task definition names images by the whole URI.
    async fn locate(&mut self) -> Result<Option<&Repository>, RegistryError> {
        if let Some(repository) = &self.repository
            && repository.registry().is_none()
            && let Some(ecr) = &self.ecr
        {
            let found = ecr.describe(repository).await?;
            let uri = found.repository_uri.unwrap_or_default();
            self.repository = Some(uri.parse()?);
        }
        Ok(self.repository.as_ref())
    }

    async fn fetch(&mut self, digests: Vec<Digest>) -> Result<(), RegistryError> {
        let wanted: BTreeSet<Digest> = digests
            .into_iter()
            .filter(|digest| !self.exists.contains_key(digest))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let (Some(repository), Some(ecr)) = (self.locate().await?.cloned(), &self.ecr) else {
            return Ok(());
        };
        let ecr = ecr.clone();
        let wanted: Vec<Digest> = wanted.into_iter().collect();
        for chunk in wanted.chunks(MAX_PER_CALL) {
            let ids = chunk.iter().map(|digest| {
                ImageIdentifier::builder()
                    .image_digest(digest.as_str())
                    .build()
            });
            let answer = ecr
                .client
                .batch_get_image()
                .set_registry_id(ecr.registry_id.clone())
                .repository_name(repository.name())
                .set_image_ids(Some(ids.collect()))
                .set_accepted_media_types(Some(MANIFEST_TYPES.map(str::to_owned).to_vec()))
                .send()
                .await
                .map_err(|error| AwsError::from_sdk("ecr", "BatchGetImage", &error))?;
            for image in answer.images() {
                self.remember(image.image_id(), true);
            }
            for failure in answer.failures() {
                // Any other failure does not tell whether the image exists.
                if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) {
                    self.remember(failure.image_id(), false);
                }
            }
        }
        Ok(())
    }

    fn remember(&mut self, id: Option<&ImageIdentifier>, exists: bool) {
        let digest = id.and_then(ImageIdentifier::image_digest);
        if let Some(digest) = digest.and_then(|digest| digest.parse().ok()) {
            self.exists.insert(digest, exists);
        }
    }
}

/// An image with its manifest, if there is one by this digest or tag.
async fn get(
    ecr: &Ecr,
    repository: &Repository,
    id: ImageIdentifier,
) -> Result<Option<Image>, RegistryError> {
    let answer = ecr
        .client
        .batch_get_image()
        .set_registry_id(ecr.registry_id.clone())
        .repository_name(repository.name())
        .image_ids(id)
        .set_accepted_media_types(Some(MANIFEST_TYPES.map(str::to_owned).to_vec()))
        .send()
        .await
        .map_err(|error| AwsError::from_sdk("ecr", "BatchGetImage", &error))?;
    Ok(answer.images.unwrap_or_default().into_iter().next())
}
