//! An image as the engine exports it, made ready for a registry: compressed layers, a configuration without what differs
//! from one build to the next, and the manifest that names them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::error::DeployError;

/// The manifest's type: Docker's own, which everything that pulls understands.
pub(super) const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Content with its digest.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    /// `sha256:…`
    pub(super) digest: String,
    pub(super) content: Arc<Vec<u8>>,
}

impl Blob {
    fn new(content: Vec<u8>) -> Self {
        Self {
            digest: digest(&content),
            content: Arc::new(content),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.content.len() as u64
    }
}

/// `sha256:…`
pub(super) fn digest(content: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(content)))
}

/// An image that can be pushed.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) manifest: Blob,
    pub(super) config: Blob,
    /// The lowest first.
    pub(super) layers: Vec<Blob>,
}

impl Package {
    /// In bytes, compressed.
    pub(super) fn size(&self) -> u64 {
        self.layers.iter().map(Blob::size).sum::<u64>() + self.config.size()
    }

    /// Reads what `docker save` writes.
    ///
    /// # Errors
    /// Failed if it is not such an archive, or holds another number of images than one.
    pub(super) fn read(export: impl Read) -> Result<Self, DeployError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Entry {
            config: String,
            layers: Vec<String>,
        }
        let unusable = |why: &str| {
            DeployError::failed(format!(
                "Docker exported an image that cannot be used: {why}"
            ))
        };
        let files = Files::read(export).map_err(|error| {
            DeployError::failed("cannot read the image that Docker exported").caused_by(&error)
        })?;
        let entries = files
            .get("manifest.json")
            .ok_or_else(|| unusable("no manifest"))?;
        let entries: Vec<Entry> =
            serde_json::from_slice(entries).map_err(|_| unusable("an odd manifest"))?;
        let [entry] = entries.as_slice() else {
            return Err(unusable("not one image"));
        };
        let config = files
            .get(&entry.config)
            .ok_or_else(|| unusable("no configuration"))?;
        let config: Value =
            serde_json::from_slice(config).map_err(|_| unusable("an odd configuration"))?;
        let diff_ids = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
        if diff_ids != entry.layers.len() {
            return Err(unusable("layers are missing"));
        }
        let layers = entry
            .layers
            .iter()
            .map(|name| {
                let layer = files
                    .get(name)
                    .ok_or_else(|| unusable("a layer is missing"))?;
                Ok(Blob::new(compressed(layer).map_err(|error| {
                    DeployError::failed("cannot compress a layer").caused_by(&error)
                })?))
            })
            .collect::<Result<Vec<Blob>, DeployError>>()?;
        let config = Blob::new(normalized(&config).to_string().into_bytes());
        let described = |blob: &Blob, kind: &str| json!({"mediaType": kind, "size": blob.size(), "digest": blob.digest});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(&config, CONFIG),
            "layers": layers.iter().map(|layer| described(layer, LAYER)).collect::<Vec<_>>(),
        });
        Ok(Self {
            manifest: Blob::new(manifest.to_string().into_bytes()),
            config,
            layers,
        })
    }
}

/// An archive's files by name.
struct Files {
    contents: HashMap<String, Vec<u8>>,
    /// Equal layers are stored once, and linked.
    links: HashMap<String, String>,
}

impl Files {
    fn read(export: impl Read) -> std::io::Result<Self> {
        let mut contents = HashMap::new();
        let mut links = HashMap::new();
        for entry in tar::Archive::new(export).entries()? {
            let mut entry = entry?;
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
                entry.read_to_end(&mut content)?;
                contents.insert(name, content);
            }
        }
        Ok(Self { contents, links })
    }

    /// A file's content; of a link, that of its target. Stays, since a layer may come twice in one image.
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

/// With gzip, unless it is already. No time is in it: the same content gives the same bytes.
fn compressed(layer: &[u8]) -> std::io::Result<Vec<u8>> {
    if layer.starts_with(&[0x1f, 0x8b]) {
        return Ok(layer.to_vec());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(layer)?;
    encoder.finish()
}

/// What the image is and how it runs, without when, where and by which builder it was made.
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
    kept.insert(
        "config".to_owned(),
        Value::Object(keep(&config["config"], &RUN)),
    );
    Value::Object(kept)
}
