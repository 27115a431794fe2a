//! The router's image, built through Docker's engine.
//!
//! [`context`] is what is sent to it ([`dockerignore`] what is not), [`source_revision`] which
//! commit that is, [`docker`] finds the engine, [`image`] has it build, and [`steps`] reads what
//! either of its two builders reports. Not here: where the image goes ([`crate::registry`]).

mod context;
mod docker;
mod dockerignore;
mod error;
mod image;
mod source_revision;
mod steps;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::image_ref::Architecture;

pub use docker::DockerEngine;
pub use error::{BuildError, DockerAnswer, DockerError, FailedStep, KnownCause};
pub use source_revision::SourceRevision;

/// The two builders of Docker's engine.
/// <https://docs.docker.com/build/buildkit/>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerBuilder {
    /// Builds independent stages at once and has cache mounts.
    BuildKit,
    /// The older one, which `DOCKER_BUILDKIT=0` selects, and all that Podman has.
    Classic,
}

impl fmt::Display for DockerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuildKit => "BuildKit",
            Self::Classic => "the classic builder",
        })
    }
}

/// The options of a build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The folder with the Dockerfile.
    pub root: PathBuf,
    /// What the image has to run on.
    pub architecture: Architecture,
    /// The Dockerfile's arguments, beside `T3NETS_GIT_SHA` and `T3NETS_VERSION`, which are taken
    /// from the source. Not for secrets: they stay in the image's history.
    pub build_args: BTreeMap<String, String>,
    /// The network that the build's commands use, if not the engine's default: `host`.
    pub network: Option<String>,
    /// The builder, if not the engine's default.
    pub builder: Option<DockerBuilder>,
}

/// An image in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The engine's name for it: `sha256:…` of its configuration, which is not its digest in a
    /// registry.
    pub id: String,
    /// What it runs on, as the engine says.
    pub architecture: Architecture,
    /// The commit that it was built from.
    pub revision: SourceRevision,
    /// The version in the source's Cargo.toml; `None` if that has none.
    pub version: Option<String>,
}
