//! Finds an image that was pushed before, by its tag or digest.

use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::client::{Ask, refusal};
use super::package::digest;
use super::{Registry, ResolvedImage};
use crate::error::DeployError;
use crate::image::Architecture;

/// One image, or a list with one for each platform; Docker's and OCI's.
const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json";

impl Registry {
    /// Finds the image that `reference` names: `TAG`, `sha256:…`, either with the repository before it. Of an image for
    /// several platforms it is the one for `wanted`, if there is one.
    ///
    /// # Errors
    /// Usage if it names another repository, failed if there is no such image.
    pub async fn resolve(
        &self,
        reference: &str,
        wanted: Architecture,
    ) -> Result<ResolvedImage, DeployError> {
        let named = self.name_in(reference)?;
        let (mut digest, mut manifest) = self.manifest(named).await?;
        if let Some(listed) = manifest["manifests"].as_array() {
            let matching = listed
                .iter()
                .find(|entry| {
                    entry["platform"]["os"] == "linux"
                        && entry["platform"]["architecture"] == wanted.image_name()
                })
                .and_then(|entry| entry["digest"].as_str())
                .ok_or_else(|| {
                    DeployError::failed(format!(
                        "image `{named}` is for several platforms, but none is {wanted}"
                    ))
                })?;
            (digest, manifest) = self.manifest(matching).await?;
        }
        let config = self.config(&manifest).await?;
        let label = |name: &str| {
            let value =
                config["config"]["Labels"][format!("org.opencontainers.image.{name}")].as_str();
            value.filter(|value| *value != "unknown").map(str::to_owned)
        };
        Ok(ResolvedImage {
            repository: self.uri.clone(),
            tag: (!named.starts_with("sha256:")).then(|| named.to_owned()),
            digest,
            architecture: config["architecture"]
                .as_str()
                .filter(|_| config["os"] == "linux")
                .and_then(Architecture::from_image),
            revision: label("revision"),
            version: label("version"),
        })
    }

    /// The tag or digest in a reference.
    fn name_in<'r>(&self, reference: &'r str) -> Result<&'r str, DeployError> {
        let own = [self.uri.as_str(), self.name.as_str()]
            .into_iter()
            .find_map(|repository| {
                let rest = reference.strip_prefix(repository)?;
                rest.strip_prefix(['@', ':'])
            });
        // `repository:tag@digest`: the digest decides.
        let named = own.unwrap_or(reference);
        let named = named.rsplit_once('@').map_or(named, |(_, digest)| digest);
        let is_digest = named.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        let is_tag = !named.is_empty()
            && named.len() <= 128
            && !named.starts_with(['.', '-'])
            && named
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if is_digest || is_tag {
            return Ok(named);
        }
        Err(if reference.contains('/') {
            DeployError::usage(format!(
                "`{reference}` is in another repository than `{}`",
                self.uri
            ))
            .hint("push it there first, or name a tag or a digest alone")
        } else {
            DeployError::usage(format!("`{reference}` is neither a tag nor a digest"))
        })
    }

    /// A manifest with its digest.
    async fn manifest(&self, named: &str) -> Result<(String, Value), DeployError> {
        let body = self.get(&format!("manifests/{named}"), named).await?;
        let found = digest(&body);
        if named.starts_with("sha256:") && named != found {
            return Err(damaged(named));
        }
        let manifest = serde_json::from_slice(&body).map_err(|_| damaged(named))?;
        Ok((found, manifest))
    }

    async fn config(&self, manifest: &Value) -> Result<Value, DeployError> {
        let named = manifest["config"]["digest"].as_str().unwrap_or_default();
        if named.is_empty() {
            return Err(damaged("the image"));
        }
        let body = self.get(&format!("blobs/{named}"), named).await?;
        if digest(&body) != named {
            return Err(damaged(named));
        }
        serde_json::from_slice(&body).map_err(|_| damaged(named))
    }

    async fn get(&self, path: &str, named: &str) -> Result<Vec<u8>, DeployError> {
        let ask = Ask {
            method: Method::GET,
            url: self.client.url(path)?,
            header: Some((ACCEPT, MANIFESTS)),
            body: Vec::new(),
        };
        let answer = self.client.ask(&ask, &()).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(DeployError::failed(format!(
                    "there is no image `{named}` in `{}`",
                    self.uri
                ))
                .hint("ECR keeps the last ten; `t3nets history` shows what was deployed"));
            }
            _ => return Err(refusal("the registry does not show the image", answer).await),
        }
        let body = answer.bytes().await.map_err(|error| {
            DeployError::failed("the registry's answer ended early").caused_by(&error.without_url())
        })?;
        Ok(body.to_vec())
    }
}

fn damaged(named: &str) -> DeployError {
    DeployError::failed(format!(
        "the registry answers with something else than `{named}`"
    ))
}
