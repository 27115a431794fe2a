//! Manifests, indexes and configurations of images, as far as they matter here, and their media
//! types.
//!
//! These few types are written out: `oci-spec`, which has all of OCI's, brings sixteen crates more
//! to compile, and drops what Docker adds to a configuration (`Healthcheck`, `Shell`).
//! <https://github.com/opencontainers/image-spec/blob/main/manifest.md>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::build::INPUTS_LABEL;
use crate::image_ref::{Architecture, Digest};

/// Docker's image manifest: what is pushed, since everything that pulls understands it.
/// <https://distribution.github.io/distribution/spec/manifest-v2-2/>
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// All that an image may be in a registry. One of a type that is not accepted would be answered as
/// another, or as not found.
pub(super) const MANIFEST_TYPES: [&str; 4] =
    [DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_INDEX, OCI_INDEX];

/// What a digest names: an image for one platform, or a list of one for each.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Manifest {
    /// For several platforms.
    Index { manifests: Vec<PlatformManifest> },
    /// For one platform.
    Image(ImageManifest),
}

/// An image for one platform.
///
/// Its fields are in the order of their names: the same image keeps its digest from one release of
/// this program to the next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageManifest {
    pub(super) config: Descriptor,
    layers: Vec<Descriptor>,
    media_type: Option<String>,
    schema_version: u32,
}

/// A blob, by its digest. Its fields are in the order of their names, too.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) digest: Digest,
    media_type: String,
    /// In bytes.
    size: u64,
}

/// One entry of an index.
#[derive(Debug, Deserialize)]
pub(super) struct PlatformManifest {
    digest: Digest,
    /// BuildKit's attestations have `unknown` in both.
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// What an image runs on, and how it is labelled.
#[derive(Debug, Deserialize)]
pub(super) struct ImageConfig {
    // What is no image (a chart, a signature) has a configuration without either.
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    config: Option<RunConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RunConfig {
    labels: Option<BTreeMap<String, String>>,
}

impl ImageManifest {
    /// Docker's manifest of an image: digest and size of the configuration and of each layer, the
    /// lowest first.
    pub(super) fn docker(
        config: (Digest, u64),
        layers: impl IntoIterator<Item = (Digest, u64)>,
    ) -> Self {
        let descriptor = |media_type: &str, (digest, size)| Descriptor {
            digest,
            media_type: media_type.to_owned(),
            size,
        };
        Self {
            config: descriptor(DOCKER_CONFIG, config),
            layers: layers
                .into_iter()
                .map(|layer| descriptor(DOCKER_LAYER, layer))
                .collect(),
            media_type: Some(DOCKER_MANIFEST.to_owned()),
            schema_version: 2,
        }
    }
}

impl PlatformManifest {
    /// The image's digest, if it is for Linux on this architecture.
    pub(super) fn digest_for(&self, wanted: Architecture) -> Option<&Digest> {
        let platform = self.platform.as_ref()?;
        let is_wanted = platform.os == "linux" && platform.architecture == wanted.oci_name();
        is_wanted.then_some(&self.digest)
    }
}

impl ImageConfig {
    /// What it runs on; `None` if Fargate has no such architecture or it is not for Linux.
    pub(super) fn architecture(&self) -> Option<Architecture> {
        Architecture::from_oci(&self.architecture).filter(|_| self.os == "linux")
    }

    /// The digest of what the image was built from, where its labels say.
    pub(super) fn inputs(&self) -> Option<Digest> {
        self.config
            .as_ref()?
            .labels
            .as_ref()?
            .get(INPUTS_LABEL)?
            .parse()
            .ok()
    }

    /// One of OCI's own labels, by the last part of its name: `revision`. `None` where the build
    /// did not know it.
    /// <https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys>
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        let labels = self.config.as_ref()?.labels.as_ref()?;
        let value = labels.get(&format!("org.opencontainers.image.{name}"))?;
        Some(value.as_str()).filter(|value| *value != "unknown")
    }
}
