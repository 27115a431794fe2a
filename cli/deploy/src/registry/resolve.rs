//! Finds an image that was pushed before, by its tag or digest.

use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use t3nets_router::outbound::{self, BodyError};

use super::client::{Call, refused};
use super::error::{RegistryError, RegistryRequest};
use super::manifest::{ImageConfig, ImageManifest, MANIFEST_TYPES, Manifest};
use super::{Registry, ResolvedImage};
use crate::image_ref::{Architecture, Digest, ImageRef, is_tag};

/// The longest manifest or image configuration that is read, in bytes. Registries must accept
/// manifests of 4 MiB and may refuse longer ones
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests>).
const MAX_MANIFEST: usize = 4 << 20;

/// What names one image within a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ImageName {
    Tag(String),
    Digest(Digest),
}

impl ImageName {
    fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag,
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

impl Registry {
    /// Finds the image that `reference` names: `TAG`, `sha256:…`, either with the repository before
    /// it. Of an image for several platforms it is the one for `wanted`, if there is one.
    ///
    /// # Errors
    /// If it names another repository, there is no such image, or the registry refuses or cannot be
    /// reached.
    pub async fn resolve(
        &self,
        reference: &str,
        wanted: Architecture,
    ) -> Result<ResolvedImage, RegistryError> {
        let name = self.name_in(reference)?;
        let (digest, manifest) = match self.manifest(&name).await? {
            (digest, Manifest::Image(manifest)) => (digest, manifest),
            (_, Manifest::Index { manifests }) => {
                let matching = manifests.iter().find_map(|entry| entry.digest_for(wanted));
                let matching = matching.ok_or_else(|| RegistryError::NoSuchPlatform {
                    image: name.as_str().to_owned(),
                    wanted,
                })?;
                match self.manifest(&ImageName::Digest(matching.clone())).await? {
                    (digest, Manifest::Image(manifest)) => (digest, manifest),
                    (digest, Manifest::Index { .. }) => {
                        return Err(RegistryError::Corrupt(digest.to_string()));
                    }
                }
            }
        };
        let config = self.config(&manifest).await?;
        Ok(ResolvedImage {
            image: self.repository.pinned(&digest),
            architecture: config.architecture(),
            revision: config.label("revision").map(str::to_owned),
            version: config.label("version").map(str::to_owned),
            inputs: config.inputs(),
        })
    }

    /// The tag or digest in a reference.
    fn name_in(&self, reference: &str) -> Result<ImageName, RegistryError> {
        if let Ok(digest) = reference.parse() {
            return Ok(ImageName::Digest(digest));
        }
        if is_tag(reference) {
            return Ok(ImageName::Tag(reference.to_owned()));
        }
        let other = || match reference.contains('/') {
            true => RegistryError::OtherRepository {
                reference: reference.to_owned(),
                repository: self.repository.to_string(),
            },
            false => RegistryError::InvalidReference(reference.to_owned()),
        };
        let image: ImageRef = reference.parse().map_err(|_| other())?;
        let named = image.repository();
        let is_own = *named == self.repository
            || (named.registry().is_none() && named.name() == self.repository.name());
        match (is_own, image.digest(), image.tag()) {
            (true, Some(digest), _) => Ok(ImageName::Digest(digest.clone())),
            (true, None, Some(tag)) => Ok(ImageName::Tag(tag.to_owned())),
            _ => Err(other()),
        }
    }

    /// A manifest with its digest.
    async fn manifest(&self, name: &ImageName) -> Result<(Digest, Manifest), RegistryError> {
        let path = format!("manifests/{}", name.as_str());
        let body = self.get(path, name.as_str()).await?;
        let digest = Digest::of(&body);
        match name {
            ImageName::Digest(named) if *named != digest => {
                Err(RegistryError::Corrupt(named.to_string()))
            }
            _ => Ok((digest, read(&body, name.as_str())?)),
        }
    }

    async fn config(&self, manifest: &ImageManifest) -> Result<ImageConfig, RegistryError> {
        let named = &manifest.config.digest;
        let body = self.get(format!("blobs/{named}"), named.as_str()).await?;
        if Digest::of(&body) != *named {
            return Err(RegistryError::Corrupt(named.to_string()));
        }
        read(&body, named.as_str())
    }

    async fn get(&self, path: String, image: &str) -> Result<Vec<u8>, RegistryError> {
        let accepted = MANIFEST_TYPES.join(", ");
        let call = Call {
            request: RegistryRequest::GetImage,
            method: Method::GET,
            path,
            header: Some((ACCEPT, &accepted)),
            body: Vec::new(),
        };
        let answer = self.client.send(&call, &()).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(RegistryError::ImageNotFound {
                    image: image.to_owned(),
                    repository: self.repository.to_string(),
                });
            }
            _ => return Err(refused(call.request, answer).await),
        }
        outbound::read_bounded(answer, MAX_MANIFEST)
            .await
            .map_err(|error| match error {
                BodyError::Transport(error) => self.client.unreachable(error),
                BodyError::TooLong { .. } => RegistryError::Corrupt(image.to_owned()),
            })
    }
}

fn read<T: DeserializeOwned>(body: &[u8], named: &str) -> Result<T, RegistryError> {
    serde_json::from_slice(body).map_err(|_| RegistryError::Corrupt(named.to_owned()))
}
