//! The router's image, built through Docker's engine.
//!
//! [`context`] is what is sent to it ([`dockerignore`] what is not, by [`ignore_pattern`]s),
//! [`source_revision`] which commit that is, and [`inputs`] all that decides what is built.
//! [`docker`] finds the engine, [`image`] has it build; meanwhile BuildKit asks for [`secrets`] and
//! credentials over a [`session`] (on a [`connection`] of its own), and [`steps`] reads what either
//! of the two builders reports. [`predecessors`] are what earlier builds left. Not here: where the
//! image goes ([`crate::registry`]), and how Docker's client is configured
//! ([`crate::docker_config`]).

mod connection;
mod context;
mod docker;
mod dockerignore;
mod error;
mod ignore_pattern;
mod image;
mod inputs;
mod predecessors;
mod secrets;
mod session;
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
pub use inputs::BuildSource;
pub(crate) use inputs::INPUTS_LABEL;
pub(crate) use predecessors::TREE_LABEL;
pub use secrets::{BuildSecret, InvalidSecret, SecretError, SecretSource, SshAgent};
pub use source_revision::{GitFailure, SourceRevision, TreeState};

/// The two builders of Docker's engine.
/// <https://docs.docker.com/build/buildkit/>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerBuilder {
    /// Builds independent stages at once and has cache mounts.
    BuildKit,
    /// The older one, which `DOCKER_BUILDKIT=0` selects, and all that Podman has.
    Classic,
}

impl DockerBuilder {
    /// The builder that an engine with both is asked for.
    /// <https://docs.docker.com/build/buildkit/#getting-started>
    pub(crate) fn by_default() -> Self {
        match std::env::var_os("DOCKER_BUILDKIT").is_some_and(|value| value == "0") {
            true => Self::Classic,
            false => Self::BuildKit,
        }
    }
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
    /// Secrets that steps of the build may use.
    pub secrets: Vec<BuildSecret>,
    /// Agents for SSH that steps of the build may use.
    pub ssh: Vec<SshAgent>,
    /// What the image is for, such as the repository that it is pushed to: a later build of the
    /// same tree for the same takes its place.
    pub purpose: String,
}

/// An image in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The engine's name for it: `sha256:…` of its configuration, which is not its digest in a
    /// registry.
    pub id: String,
    /// What it runs on, as the engine says.
    pub architecture: Architecture,
    /// What it was built from.
    pub source: BuildSource,
}
