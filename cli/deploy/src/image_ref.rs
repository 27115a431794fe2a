//! What names an image: its [`Digest`], the [`Repository`] that it is in, an [`ImageRef`] with
//! both, and the processor [`Architecture`] that it is built for.
//!
//! References are read here and nowhere else, by the grammar that Docker and the registries share:
//! <https://github.com/distribution/reference/blob/main/reference.go>.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use t3nets_router::aws::is_region;
use t3nets_router::model::is_sha256_hex;

/// The algorithm in front of a digest. The OCI specification knows others; ECR and Docker use this
/// one alone.
const ALGORITHM: &str = "sha256:";

/// The SHA-256 of an image's manifest, configuration or layer: `sha256:` and 64 lower-case
/// hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

/// A text that is not a [`Digest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest, which is `sha256:` and 64 hexadecimal digits")]
pub struct InvalidDigest(String);

impl Digest {
    /// The digest of this content.
    pub fn of(content: &[u8]) -> Self {
        Self(format!(
            "{ALGORITHM}{}",
            HEXLOWER.encode(&Sha256::digest(content))
        ))
    }

    /// The digest that a text ends with: `repository@sha256:…` and a release's name,
    /// `family:7@sha256:…`. `None` if it ends with none.
    pub fn at_end_of(text: &str) -> Option<Self> {
        text.rsplit_once('@')?.1.parse().ok()
    }

    /// With the algorithm: `sha256:0123…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, as `docker images` shows them.
    pub fn short(&self) -> &str {
        let start = ALGORITHM.len();
        self.0.get(start..start + 12).unwrap_or(&self.0)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.strip_prefix(ALGORITHM).is_some_and(is_sha256_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDigest(text.to_owned()))
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A repository of images: `t3nets-dev-router`, or with its registry in front
/// `123456789012.dkr.ecr.us-east-1.amazonaws.com/t3nets-dev-router`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    registry: Option<String>,
    name: String,
}

/// The domains of ECR's registries, in AWS's partitions
/// (<https://github.com/aws/aws-sdk-go-v2/blob/main/internal/endpoints/awsrulesfn/partitions.json>):
/// others may have any host under their own.
const AWS_DOMAINS: [&str; 10] = [
    "amazonaws.com",
    "on.aws",
    "amazonaws.com.cn",
    "on.amazonwebservices.com.cn",
    "amazonaws.eu",
    "on.amazonwebservices.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// A registry in ECR: each account has one in each region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcrRegistry<'a> {
    /// The account's number, 12 digits.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
}

/// A text that does not name a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an image repository")]
pub struct InvalidRepository(String);

impl InvalidRepository {
    /// For a name that ECR refuses.
    pub(crate) fn new(repository: &Repository) -> Self {
        Self(repository.to_string())
    }
}

impl Repository {
    /// Host and port of its registry, where that is named.
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// The name in its registry: `t3nets-dev-router`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The registry in ECR that it is in, where the host says: `{account}.dkr.ecr.{region}.…` and,
    /// with IPv6 addresses, `{account}.dkr-ecr.{region}.…`; either has a `-fips` after `ecr` where
    /// its cryptography is validated.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>
    /// <https://docs.aws.amazon.com/general/latest/gr/ecr.html>
    pub fn ecr(&self) -> Option<EcrRegistry<'_>> {
        let (account, rest) = self.registry()?.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let rest = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."]
            .iter()
            .find_map(|service| rest.strip_prefix(service))?;
        let (region, domain) = rest.split_once('.')?;
        let domain = domain.split(':').next().unwrap_or(domain);
        let is_ecr = is_account && is_region(region) && AWS_DOMAINS.contains(&domain);
        is_ecr.then_some(EcrRegistry { account, region })
    }

    /// Whether it is the same repository, which ECR has under several hosts.
    fn is_same(&self, other: &Self) -> bool {
        match (self.ecr(), other.ecr()) {
            (Some(own), Some(others)) => own == others && self.name == other.name,
            _ => self == other,
        }
    }

    /// One of its images, by the digest: what a task definition names.
    pub fn pinned(&self, digest: &Digest) -> ImageRef {
        ImageRef {
            repository: self.clone(),
            tag: None,
            digest: Some(digest.clone()),
        }
    }

    /// The digest of an image of this repository, named by the digest alone or with the whole
    /// repository before it, as a task definition does. `None` for any other image.
    pub fn digest_of(&self, image: &str) -> Option<Digest> {
        if let Ok(digest) = image.parse() {
            return Some(digest);
        }
        let image: ImageRef = image.parse().ok()?;
        // Without the host it cannot be told whose repository of that name is meant.
        let is_own = self.registry.is_some() && image.repository.is_same(self);
        image.digest.filter(|_| is_own)
    }
}

impl FromStr for Repository {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        let (registry, name) = match text.split_once('/') {
            // What tells a host from the first part of a name, for Docker too.
            Some((host, name)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(host), name)
            }
            _ => (None, text),
        };
        if registry.is_none_or(is_host) && is_repository_name(name) {
            Ok(Self {
                registry: registry.map(str::to_owned),
                name: name.to_owned(),
            })
        } else {
            Err(InvalidRepository(text.to_owned()))
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.registry {
            Some(registry) => write!(f, "{registry}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One image of a repository, or with neither tag nor digest the repository's latest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageRef {
    repository: Repository,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A text that is not an [`ImageRef`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name an image")]
pub struct InvalidImageRef(String);

impl ImageRef {
    /// The repository that it is in.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if it is named by one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if it is named by one: that decides, whatever the tag says.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl FromStr for ImageRef {
    type Err = InvalidImageRef;

    fn from_str(text: &str) -> Result<Self, InvalidImageRef> {
        let read = || {
            let (named, digest) = match text.split_once('@') {
                Some((named, digest)) => (named, Some(digest.parse().ok()?)),
                None => (text, None),
            };
            // A colon before the last slash is that of a port.
            let (repository, tag) = match named.rsplit_once(':') {
                Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
                _ => (named, None),
            };
            if !tag.is_none_or(is_tag) {
                return None;
            }
            Some(Self {
                repository: repository.parse().ok()?,
                tag: tag.map(str::to_owned),
                digest,
            })
        };
        read().ok_or_else(|| InvalidImageRef(text.to_owned()))
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether a text can be a tag: at most 128 letters, digits, `_`, `.` and `-`, not beginning with
/// either of the last two.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
pub fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Parts between slashes of lower-case letters, digits and `.`, `_`, `-` between them; at most 255
/// characters.
fn is_repository_name(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 255
        && text.split('/').all(|part| {
            let bytes = part.as_bytes();
            bytes.first().is_some_and(is_word)
                && bytes.last().is_some_and(is_word)
                && bytes
                    .iter()
                    .all(|byte| is_word(byte) || matches!(byte, b'.' | b'_' | b'-'))
        })
}

/// Host names, addresses (IPv6 in brackets), with or without a port.
fn is_host(text: &str) -> bool {
    let is_valid =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    !text.is_empty() && text.bytes().all(is_valid)
}

/// A processor architecture that Fargate runs tasks on. Serialized and shown in ECS's words, which
/// t3nets.toml and infra/aws use too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// ECS's default.
    #[serde(rename = "X86_64")]
    X86_64,
    /// AWS Graviton.
    #[serde(rename = "ARM64")]
    Arm64,
}

impl Architecture {
    /// As a task definition's `runtimePlatform.cpuArchitecture` names it; `None` for any other.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html>
    pub fn from_ecs(name: &str) -> Option<Self> {
        match name {
            "X86_64" => Some(Self::X86_64),
            "ARM64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// As ECS names it: `X86_64`, `ARM64`.
    pub fn ecs_name(self) -> &'static str {
        match self {
            Self::X86_64 => "X86_64",
            Self::Arm64 => "ARM64",
        }
    }

    /// As an image's configuration and Docker name it, which is as Go does; `None` for any other.
    /// <https://github.com/opencontainers/image-spec/blob/main/config.md#properties>
    pub fn from_oci(name: &str) -> Option<Self> {
        match name {
            "amd64" => Some(Self::X86_64),
            "arm64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// As an image's configuration and Docker name it: `amd64`, `arm64`.
    pub fn oci_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// As `docker build --platform` takes it: `linux/amd64`.
    pub fn docker_platform(self) -> &'static str {
        match self {
            Self::X86_64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ecs_name())
    }
}

#[cfg(test)]
#[path = "image_ref_tests.rs"]
mod tests;
