//! Puts an image into the repository: what it has is not sent, and it ends with the manifest.

use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};

use super::client::{Ask, refusal};
use super::package::{Blob, MANIFEST, Package};
use super::{PushedImage, Registry};
use crate::error::DeployError;
use crate::image::{BuiltImage, Engine, Revision};
use crate::progress::{Event, Reporter};

/// How many layers travel at once.
const AT_ONCE: usize = 4;
/// How often their progress is told.
const TICK: Duration = Duration::from_millis(100);

impl Registry {
    /// Pushes an image that the engine built, under a tag of its own.
    ///
    /// # Errors
    /// Denied if the registry refuses, failed if it cannot be reached after several attempts.
    pub async fn push(
        &self,
        engine: &Engine,
        image: &BuiltImage,
        reporter: &dyn Reporter,
    ) -> Result<PushedImage, DeployError> {
        let export = export(engine, &image.id).await?;
        let package = tokio::task::spawn_blocking(move || Package::read(export))
            .await
            .map_err(|error| {
                DeployError::failed("cannot read the exported image").caused_by(&error)
            })??;
        self.push_package(&package, &image.revision, reporter).await
    }

    pub(super) async fn push_package(
        &self,
        package: &Package,
        revision: &Revision,
        reporter: &dyn Reporter,
    ) -> Result<PushedImage, DeployError> {
        let tag = tag(revision, &package.manifest.digest);
        let mut pushed = PushedImage {
            repository: self.uri.clone(),
            digest: package.manifest.digest.clone(),
            size: package.size(),
            layers: package.layers.len(),
            layers_pushed: 0,
            bytes_pushed: 0,
            tag,
        };
        if self.digest_of(&pushed.tag, reporter).await?.as_ref() == Some(&pushed.digest) {
            for layer in &package.layers {
                reporter.report(Event::LayerPresent {
                    digest: &layer.digest,
                    size: layer.size(),
                });
            }
            return Ok(pushed);
        }
        // The same layer may be in an image twice.
        let mut blobs: Vec<&Blob> = package.layers.iter().collect();
        blobs.sort_by(|a, b| a.digest.cmp(&b.digest));
        blobs.dedup_by(|a, b| a.digest == b.digest);
        let sent: Vec<u64> = stream::iter(blobs)
            .map(|blob| self.push_blob(blob, reporter))
            .buffer_unordered(AT_ONCE)
            .try_filter_map(async |sent| Ok(sent))
            .try_collect()
            .await?;
        pushed.layers_pushed = sent.len();
        pushed.bytes_pushed = sent.iter().sum();
        self.push_blob(&package.config, &()).await?;
        self.push_manifest(package, &pushed.tag, reporter).await?;
        match self.digest_of(&pushed.tag, reporter).await? {
            Some(digest) if digest == pushed.digest => Ok(pushed),
            Some(other) => Err(DeployError::failed(format!(
                "the registry has `{other}` under `{}`, not the image that was pushed",
                pushed.tag
            ))),
            None => Err(DeployError::failed(format!(
                "the registry does not show `{}`, which was just pushed",
                pushed.tag
            ))),
        }
    }

    /// Sends a blob if the registry lacks it; gives the bytes that were sent.
    async fn push_blob(
        &self,
        blob: &Blob,
        reporter: &dyn Reporter,
    ) -> Result<Option<u64>, DeployError> {
        let (digest, size) = (blob.digest.as_str(), blob.size());
        let ask = Ask {
            method: Method::HEAD,
            url: self.client.url(&format!("blobs/{digest}"))?,
            header: None,
            body: Vec::new(),
        };
        let found = self.client.ask(&ask, reporter).await?;
        match found.status() {
            StatusCode::OK => {
                reporter.report(Event::LayerPresent { digest, size });
                return Ok(None);
            }
            StatusCode::NOT_FOUND => {}
            _ => return Err(refusal("the registry does not say what it has", found).await),
        }
        let sent = Arc::new(AtomicU64::new(0));
        let mut upload = std::pin::pin!(self.client.upload(digest, &blob.content, &sent, reporter));
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                done = &mut upload => {
                    done?;
                    reporter.report(Event::LayerSent { digest, size, sent: size });
                    return Ok(Some(size));
                }
                _ = tick.tick() => {
                    let sent = sent.load(Ordering::Relaxed);
                    reporter.report(Event::LayerSent { digest, size, sent });
                }
            }
        }
    }

    async fn push_manifest(
        &self,
        package: &Package,
        tag: &str,
        reporter: &dyn Reporter,
    ) -> Result<(), DeployError> {
        let ask = Ask {
            method: Method::PUT,
            url: self.client.url(&format!("manifests/{tag}"))?,
            header: Some((CONTENT_TYPE, MANIFEST)),
            body: package.manifest.content.to_vec(),
        };
        let answer = self.client.ask(&ask, reporter).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let refused = refusal("the registry does not take the image", answer).await;
        // Somebody pushed the same at the same time, or an earlier attempt's answer was lost: what counts is what is there.
        match self.digest_of(tag, reporter).await {
            Ok(Some(digest)) if digest == package.manifest.digest => Ok(()),
            _ => Err(refused),
        }
    }

    /// The digest of the image that a tag names.
    async fn digest_of(
        &self,
        tag: &str,
        reporter: &dyn Reporter,
    ) -> Result<Option<String>, DeployError> {
        let ask = Ask {
            method: Method::HEAD,
            url: self.client.url(&format!("manifests/{tag}"))?,
            header: Some((ACCEPT, MANIFEST)),
            body: Vec::new(),
        };
        let answer = self.client.ask(&ask, reporter).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(answer
                .headers()
                .get("docker-content-digest")
                .and_then(|digest| digest.to_str().ok())
                .map(str::to_owned)),
            _ => Err(refusal("the registry does not say what it has", answer).await),
        }
    }
}

/// `0123456789ab-fedcba987654`: the commit and the image, so that no other image ever has it.
pub(super) fn tag(revision: &Revision, digest: &str) -> String {
    let image = digest.trim_start_matches("sha256:");
    format!("{}-{}", revision.label(), image.get(..12).unwrap_or(image))
}

/// The image as an archive, in a file without a name.
async fn export(engine: &Engine, id: &str) -> Result<std::fs::File, DeployError> {
    let failed = |error: std::io::Error| {
        DeployError::failed("cannot keep the image that Docker exports").caused_by(&error)
    };
    let mut file = tempfile::tempfile().map_err(failed)?;
    let mut parts = engine.export(id);
    while let Some(part) = parts.next().await {
        file.write_all(&part?).map_err(failed)?;
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(file)
}
