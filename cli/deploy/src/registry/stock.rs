//! Which images a repository still has. A lifecycle rule deletes old ones, and with them what a rollback would need.

use std::collections::HashMap;

use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};
use t3nets_router::aws::store_error;
use t3nets_router::ports::StoreError;

use super::repository::{Place, find};
use crate::ecs::said;
use crate::plan::is_digest;

/// How many images BatchGetImage takes at once.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html>
const AT_ONCE: usize = 100;

/// Of which kinds images may be. One of a kind that is not asked for would be answered as another, or as none.
const KINDS: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
];

/// What a repository has, as far as it was asked. That it cannot be asked is no error: an image of which nothing is known
/// is not one that is gone.
pub struct Stock {
    ecr: aws_sdk_ecr::Client,
    place: Place,
    has: HashMap<String, bool>,
    unknown: Option<String>,
}

impl Stock {
    /// Of a repository, by its name or its URI. Asks nothing yet.
    pub fn of(config: &aws_config::SdkConfig, repository: &str) -> Self {
        Self {
            ecr: aws_sdk_ecr::Client::new(config),
            place: Place::of(repository),
            has: HashMap::new(),
            unknown: None,
        }
    }

    /// Asks about images by their digests, a hundred at once.
    pub async fn ask(&mut self, digests: impl IntoIterator<Item = &str>) {
        let digests: Vec<&str> = digests.into_iter().collect();
        if self.unknown.is_none()
            && let Err(error) = self.learn(&digests).await
        {
            self.unknown = Some(said(&error));
        }
    }

    /// Whether an image is there, by its digest or as a task definition names it. `None` where that cannot be told, as of an
    /// image of another repository, or without a digest.
    pub fn has(&self, image: &str) -> Option<bool> {
        let digest = self.place.digest(image)?;
        self.has.get(digest).copied()
    }

    /// The same; asks where that was not done before.
    pub async fn look_for(&mut self, image: &str) -> Option<bool> {
        if self.unknown.is_none()
            && let Err(error) = self.learn_where(image).await
        {
            self.unknown = Some(said(&error));
        }
        self.has(image)
    }

    /// Why the repository cannot be asked, if it cannot.
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    async fn learn_where(&mut self, image: &str) -> Result<(), StoreError> {
        self.locate().await?;
        match self.place.digest(image).map(str::to_owned) {
            Some(digest) => self.learn(&[&digest]).await,
            None => Ok(()),
        }
    }

    /// A task definition names the repository by its URI.
    async fn locate(&mut self) -> Result<(), StoreError> {
        if self.place.uri.is_none() {
            self.place.uri = find(&self.ecr, &self.place).await?.repository_uri;
        }
        Ok(())
    }

    async fn learn(&mut self, digests: &[&str]) -> Result<(), StoreError> {
        let mut wanted: Vec<&str> = digests
            .iter()
            .copied()
            // One that is none would have all of them refused.
            .filter(|digest| is_digest(digest) && !self.has.contains_key(*digest))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if !wanted.is_empty() {
            self.locate().await?;
        }
        for some in wanted.chunks(AT_ONCE) {
            let ids = some
                .iter()
                .map(|digest| ImageIdentifier::builder().image_digest(*digest).build());
            let answer = self
                .ecr
                .batch_get_image()
                .set_registry_id(self.place.registry())
                .repository_name(&self.place.name)
                .set_image_ids(Some(ids.collect()))
                .set_accepted_media_types(Some(KINDS.map(str::to_owned).to_vec()))
                .send()
                .await
                .map_err(|error| store_error(&error))?;
            for image in answer.images() {
                self.note(image.image_id(), true);
            }
            for failure in answer.failures() {
                // Any other failure says nothing of whether it is there.
                if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) {
                    self.note(failure.image_id(), false);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, id: Option<&ImageIdentifier>, is_there: bool) {
        if let Some(digest) = id.and_then(ImageIdentifier::image_digest) {
            self.has.insert(digest.to_owned(), is_there);
        }
    }
}
