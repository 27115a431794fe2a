//! The router's image, built through Docker's engine.
//!
//! [`context`] is what is sent ([`ignore`] what is left out of it), [`revision`] which commit it is from, [`engine`] finds
//! Docker and says what is wrong with it, [`build`] has it build, and [`steps`] reads what either of its two builders tells.
//! Not here: where the image goes ([`super::registry`]).

mod build;
mod context;
mod engine;
mod ignore;
mod revision;
mod steps;
#[cfg(test)]
pub mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use engine::Engine;
pub use revision::Revision;

/// What a task definition runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// `X86_64`.
    X86_64,
    /// `ARM64`.
    Arm64,
}

impl Architecture {
    /// As a task definition's `runtimePlatform.cpuArchitecture` has it; one without runs on `X86_64`.
    pub fn from_ecs(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("X86_64") => Some(Self::X86_64),
            Some("ARM64") => Some(Self::Arm64),
            Some(_) => None,
        }
    }

    /// As an image's configuration has it.
    pub fn from_image(name: &str) -> Option<Self> {
        match name {
            "amd64" => Some(Self::X86_64),
            "arm64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// As an image's configuration has it.
    pub fn image_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// As Docker has it.
    fn platform(self) -> &'static str {
        match self {
            Self::X86_64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "X86_64",
            Self::Arm64 => "ARM64",
        })
    }
}

/// Docker's two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// Builds independent stages at once and keeps more.
    BuildKit,
    /// The one before it.
    Classic,
}

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The folder with the Dockerfile.
    pub root: PathBuf,
    /// What it has to run on.
    pub architecture: Architecture,
    /// The Dockerfile's arguments, beside `T3NETS_GIT_SHA` and `T3NETS_VERSION`, which are found out. Not for secrets: they
    /// stay in the image's history.
    pub build_args: BTreeMap<String, String>,
    /// The network that its commands use, if not the engine's usual one: `host`.
    pub network: Option<String>,
    /// The builder, if not the engine's best.
    pub builder: Option<Builder>,
}

/// An image in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The engine's name for it: `sha256:…`.
    pub id: String,
    /// In bytes, not compressed.
    pub size: u64,
    /// What it runs on, as the engine says.
    pub architecture: Architecture,
    /// The source.
    pub revision: Revision,
    /// The source's version.
    pub version: String,
    /// The SHA-256 of what was sent.
    pub context: String,
    /// Who built it.
    pub builder: Builder,
    /// How long it took.
    pub took: Duration,
}
