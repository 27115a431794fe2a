//! Pushes an image into the repository: layers that it has are not sent, and the manifest goes
//! last.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};

use super::client::{Call, refused};
use super::error::{RegistryError, RegistryRequest};
use super::export::{Blob, ExportedImage, MAX_EXPORT};
use super::manifest::DOCKER_MANIFEST;
use super::{PushedImage, Registry};
use crate::build::{BuiltImage, DockerEngine, SourceRevision};
use crate::image_ref::Digest;
use crate::report::{Event, Reporter};

/// How many layers are uploaded at once.
const PARALLEL_UPLOADS: usize = 4;
/// How often their progress is reported.
const TICK: Duration = Duration::from_millis(100);

impl Registry {
    /// Pushes an image that Docker built, under a tag of its own.
    ///
    /// # Errors
    /// If Docker does not export it, or the registry refuses or cannot be reached after several
    /// attempts.
    pub async fn push(
        &self,
        docker: &DockerEngine,
        image: &BuiltImage,
        reporter: &dyn Reporter,
    ) -> Result<PushedImage, RegistryError> {
        let archive = export(docker, &image.id).await?;
        let exported = tokio::task::spawn_blocking(move || ExportedImage::read(archive))
            .await
            .map_err(|error| RegistryError::Export {
                action: "read",
                source: io::Error::other(error),
            })??;
        self.push_exported(&exported, &image.source.revision, reporter)
            .await
    }

    pub(super) async fn push_exported(
        &self,
        exported: &ExportedImage,
        revision: &SourceRevision,
        reporter: &dyn Reporter,
    ) -> Result<PushedImage, RegistryError> {
        let digest = &exported.manifest.digest;
        let mut pushed = PushedImage {
            image: self.repository.pinned(digest),
            tag: tag(revision, digest),
            digest: digest.clone(),
            size: exported.size(),
            layers: exported.layers.len(),
            layers_pushed: 0,
            bytes_pushed: 0,
        };
        if self.tagged(&pushed.tag, reporter).await?.as_ref() == Some(digest) {
            for layer in &exported.layers {
                reporter.report(Event::LayerPresent {
                    digest: layer.digest.as_str(),
                    size: layer.size(),
                });
            }
            return Ok(pushed);
        }
        // The same layer may be in an image twice.
        let mut blobs: Vec<&Blob> = exported.layers.iter().collect();
        blobs.sort_by_key(|blob| &blob.digest);
        blobs.dedup_by_key(|blob| &blob.digest);
        let sent: Vec<u64> = stream::iter(blobs)
            .map(|blob| self.push_blob(blob, reporter))
            .buffer_unordered(PARALLEL_UPLOADS)
            .try_filter_map(async |sent| Ok(sent))
            .try_collect()
            .await?;
        pushed.layers_pushed = sent.len();
        pushed.bytes_pushed = sent.iter().sum();
        self.push_blob(&exported.config, &()).await?;
        self.push_manifest(&exported.manifest, &pushed.tag, reporter)
            .await?;
        match self.tagged(&pushed.tag, reporter).await? {
            Some(found) if found == pushed.digest => Ok(pushed),
            found => Err(RegistryError::NotConfirmed {
                tag: pushed.tag,
                found,
            }),
        }
    }

    /// Uploads a blob that the registry does not have; gives the bytes that were sent, `None` if it
    /// has it.
    async fn push_blob(
        &self,
        blob: &Blob,
        reporter: &dyn Reporter,
    ) -> Result<Option<u64>, RegistryError> {
        let size = blob.size();
        let digest = blob.digest.as_str();
        let call = Call {
            request: RegistryRequest::CheckLayer,
            method: Method::HEAD,
            path: format!("blobs/{digest}"),
            header: None,
            body: Vec::new(),
        };
        let found = self.client.send(&call, reporter).await?;
        match found.status() {
            StatusCode::OK => {
                reporter.report(Event::LayerPresent { digest, size });
                return Ok(None);
            }
            StatusCode::NOT_FOUND => {}
            _ => return Err(refused(call.request, found).await),
        }
        let sent = Arc::new(AtomicU64::new(0));
        let upload = self
            .client
            .upload(&blob.digest, &blob.content, &sent, reporter);
        let mut upload = std::pin::pin!(upload);
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
        manifest: &Blob,
        tag: &str,
        reporter: &dyn Reporter,
    ) -> Result<(), RegistryError> {
        let call = Call {
            request: RegistryRequest::PutManifest,
            method: Method::PUT,
            path: format!("manifests/{tag}"),
            header: Some((CONTENT_TYPE, DOCKER_MANIFEST)),
            body: manifest.content.to_vec(),
        };
        let answer = self.client.send(&call, reporter).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let refused = refused(call.request, answer).await;
        // An immutable tag that exists is refused, also if somebody pushed the same image at the
        // same time or the answer to an earlier attempt was lost: what the tag names now decides.
        // https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
        match self.tagged(tag, reporter).await {
            Ok(Some(digest)) if digest == manifest.digest => Ok(()),
            _ => Err(refused),
        }
    }

    /// The digest of the image that a tag names, if it names one.
    async fn tagged(
        &self,
        tag: &str,
        reporter: &dyn Reporter,
    ) -> Result<Option<Digest>, RegistryError> {
        let call = Call {
            request: RegistryRequest::CheckManifest,
            method: Method::HEAD,
            path: format!("manifests/{tag}"),
            header: Some((ACCEPT, DOCKER_MANIFEST)),
            body: Vec::new(),
        };
        let answer = self.client.send(&call, reporter).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(answer
                .headers()
                .get("docker-content-digest")
                .and_then(|digest| digest.to_str().ok())
                .and_then(|digest| digest.parse().ok())),
            _ => Err(refused(call.request, answer).await),
        }
    }
}

/// `0123456789ab-fedcba987654`: the commit and the image. The repository's tags are immutable, and
/// a commit alone does not fix the image: base images change, and a tree may have uncommitted
/// files.
pub(super) fn tag(revision: &SourceRevision, digest: &Digest) -> String {
    format!("{}-{}", revision.label(), digest.short())
}

/// How long nothing may come of an export. Docker writes a large image to disk before.
const EXPORT_SILENCE: Duration = Duration::from_secs(600);

async fn next_part<P>(parts: &mut (impl Stream<Item = P> + Unpin)) -> io::Result<Option<P>> {
    let part = tokio::time::timeout(EXPORT_SILENCE, parts.next()).await;
    part.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "nothing came of it for 10 min"))
}

/// The image as an archive, in a file without a name.
async fn export(docker: &DockerEngine, id: &str) -> Result<std::fs::File, RegistryError> {
    let failed = |source: io::Error| RegistryError::Export {
        action: "store",
        source,
    };
    let mut file = tempfile::tempfile().map_err(failed)?;
    let mut parts = docker.export(id);
    let mut room = MAX_EXPORT;
    while let Some(part) = next_part(&mut parts).await.map_err(failed)? {
        let part = part?;
        room = room.checked_sub(part.len() as u64).ok_or_else(|| {
            failed(io::Error::other(format!(
                "it is larger than {} GiB",
                MAX_EXPORT >> 30
            )))
        })?;
        file.write_all(&part).map_err(failed)?;
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(file)
}
