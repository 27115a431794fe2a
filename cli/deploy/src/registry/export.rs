//! An image as Docker exports it, made ready for a registry: compressed layers, a configuration
//! without what differs from one build to the next, and the manifest that names them.
//!
//! The manifest is for one platform and has no attestations beside it, so that the digest in a task
//! definition is the image's own: an attestation (BuildKit's provenance) holds times and would give
//! every build of the same tree another digest.
//! <https://docs.docker.com/build/metadata/attestations/>

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::RegistryError;
use super::manifest::ImageManifest;
use crate::build::TREE_LABEL;
use crate::image_ref::Digest;

/// The largest image that is exported, in bytes: it is compressed in memory.
pub(super) const MAX_EXPORT: u64 = 4 << 30;

/// Content with its digest.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    pub(super) content: Arc<Vec<u8>>,
}

impl Blob {
    fn new(content: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(&content),
            content: Arc::new(content),
        }
    }

    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        self.content.len() as u64
    }

    fn described(&self) -> (Digest, u64) {
        (self.digest.clone(), self.size())
    }
}

/// An image that can be pushed.
#[derive(Debug)]
pub(super) struct ExportedImage {
    pub(super) manifest: Blob,
    pub(super) config: Blob,
    /// The lowest first.
    pub(super) layers: Vec<Blob>,
}

impl ExportedImage {
    /// In bytes, compressed.
    pub(super) fn size(&self) -> u64 {
        self.layers.iter().map(Blob::size).sum::<u64>() + self.config.size()
    }

    /// Reads what `docker save` writes. Of its two layouts `manifest.json` is the one that every
    /// version of Docker has.
    /// <https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format>
    ///
    /// # Errors
    /// If it is not such an archive, or holds another number of images than one.
    pub(super) fn read(archive: impl Read) -> Result<Self, RegistryError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Entry {
            config: String,
            layers: Vec<String>,
        }
        let invalid = RegistryError::InvalidExport;
        let files = Files::read(archive).map_err(|source| RegistryError::Export {
            action: "read",
            source,
        })?;
        let entries = files
            .get("manifest.json")
            .ok_or(invalid("it has no manifest.json"))?;
        let entries: Vec<Entry> =
            serde_json::from_slice(entries).map_err(|_| invalid("its manifest.json is invalid"))?;
        let [entry] = entries.as_slice() else {
            return Err(invalid("it does not hold exactly one image"));
        };
        let config = files
            .get(&entry.config)
            .ok_or(invalid("its configuration is missing"))?;
        let config: Value =
            serde_json::from_slice(config).map_err(|_| invalid("its configuration is invalid"))?;
        let diff_ids = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
        if diff_ids != entry.layers.len() {
            return Err(invalid("layers are missing"));
        }
        let layers = entry
            .layers
            .iter()
            .map(|name| {
                let layer = files.get(name).ok_or(invalid("a layer is missing"))?;
                let layer = compressed(layer).map_err(|source| RegistryError::Export {
                    action: "compress",
                    source,
                })?;
                Ok(Blob::new(layer))
            })
            .collect::<Result<Vec<Blob>, RegistryError>>()?;
        let config = Blob::new(normalized(&config).to_string().into_bytes());
        let manifest =
            ImageManifest::docker(config.described(), layers.iter().map(Blob::described));
        let manifest =
            serde_json::to_vec(&manifest).map_err(|_| invalid("its manifest cannot be written"))?;
        Ok(Self {
            manifest: Blob::new(manifest),
            config,
            layers,
        })
    }
}

/// The files of an archive, by name.
struct Files {
    contents: HashMap<String, Vec<u8>>,
    /// Docker stores equal layers once, and links to them.
    links: HashMap<String, String>,
}

impl Files {
    fn read(archive: impl Read) -> std::io::Result<Self> {
        let mut contents = HashMap::new();
        let mut links = HashMap::new();
        // A sparse file is longer than it is in the archive.
        let mut room = MAX_EXPORT;
        for entry in tar::Archive::new(archive).entries()? {
            let entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            if let Some(target) = entry.link_name()? {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                let is_relative = entry.header().entry_type().is_symlink();
                let target = target.to_string_lossy();
                links.insert(
                    name.clone(),
                    if is_relative {
                        beside(folder, &target)
                    } else {
                        target.into_owned()
                    },
                );
            } else if entry.header().entry_type().is_file() {
                let mut content = Vec::new();
                entry.take(room + 1).read_to_end(&mut content)?;
                let length = content.len() as u64;
                room = room.checked_sub(length).ok_or_else(|| {
                    std::io::Error::other(format!("it is larger than {} GiB", MAX_EXPORT >> 30))
                })?;
                contents.insert(name, content);
            }
        }
        Ok(Self { contents, links })
    }

    /// A file's content; of a link, that of its target. It is not taken out: a layer may be in one
    /// image twice.
    fn get(&self, name: &str) -> Option<&[u8]> {
        let name = self.links.get(name).map_or(name, String::as_str);
        self.contents.get(name).map(Vec::as_slice)
    }
}

/// A symbolic link's target, from the folder it is in.
fn beside(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// With gzip, unless it is already. The header has no time: the same content gives the same bytes.
fn compressed(layer: &[u8]) -> std::io::Result<Vec<u8>> {
    if layer.starts_with(&[0x1f, 0x8b]) {
        return Ok(layer.to_vec());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(layer)?;
    encoder.finish()
}

/// What the image is and how it runs, without when, where and by which builder it was made: the two
/// builders write different histories, and the classic one the name of its container.
/// <https://github.com/moby/docker-image-spec/blob/main/spec.md#image-json-description>
pub(super) fn normalized(config: &Value) -> Value {
    const RUN: [&str; 12] = [
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Cmd",
        "Volumes",
        "WorkingDir",
        "Labels",
        "StopSignal",
        "Healthcheck",
        "Shell",
        "ArgsEscaped",
    ];
    let keep = |from: &Value, names: &[&str]| -> Map<String, Value> {
        names
            .iter()
            .filter_map(|name| {
                let value = from.get(*name)?;
                let is_empty = value.is_null() || value == "" || *value == json!(false);
                (!is_empty).then(|| ((*name).to_owned(), value.clone()))
            })
            .collect()
    };
    let mut kept = keep(
        config,
        &["architecture", "variant", "os", "os.version", "rootfs"],
    );
    let mut run = keep(&config["config"], &RUN);
    if let Some(labels) = run.get_mut("Labels").and_then(Value::as_object_mut) {
        labels.remove(TREE_LABEL);
    }
    kept.insert("config".to_owned(), Value::Object(run));
    Value::Object(kept)
}
