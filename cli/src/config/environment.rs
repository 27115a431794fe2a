//! One environment: what it is called, what it runs on, and what chose it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The environment that needs nothing but this program.
pub(crate) const LOCAL: &str = "local";

/// An environment as flags, files and Terraform define it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Environment {
    pub(crate) name: String,
    pub(crate) platform: PlatformKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    /// Where its router answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<url::Url>,
    /// Whether changes ask for the environment's name.
    pub(crate) protected: bool,
    /// What `t3nets.toml` says of its names on AWS, by its keys.
    #[serde(skip)]
    pub(crate) names: BTreeMap<&'static str, String>,
    pub(crate) defined_by: DefinedBy,
    /// Where its state lives on this machine: the data of a local environment, the stored keys of
    /// any.
    pub(crate) home: PathBuf,
}

/// What defines an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DefinedBy {
    /// `local` always exists.
    Program,
    /// `t3nets.toml`.
    ProjectFile,
    /// Its `NAME.tfvars` in the Terraform folder.
    Terraform,
}

/// What an environment runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlatformKind {
    Local,
    Aws,
}

impl PlatformKind {
    /// Its name in `t3nets.toml`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Aws => "aws",
        }
    }
}

impl Environment {
    /// An environment of which no more than this is known. `home` is this machine's state.
    pub(crate) fn new(
        home: &Path,
        name: impl Into<String>,
        platform: PlatformKind,
        defined_by: DefinedBy,
    ) -> Self {
        let name = name.into();
        Self {
            home: if name == LOCAL {
                home.to_owned()
            } else {
                home.join("environments").join(&name)
            },
            name,
            platform,
            region: None,
            profile: None,
            url: None,
            protected: false,
            names: BTreeMap::new(),
            defined_by,
        }
    }
}

impl fmt::Display for PlatformKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Aws => "aws",
        })
    }
}

/// What chose the environment in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChosenBy {
    /// `--env`.
    Flag,
    /// `T3NETS_ENVIRONMENT`.
    Variable,
    /// `t3nets env use`.
    EnvUse,
    /// `default_env` in `t3nets.toml`.
    ProjectFile,
    /// Nothing did: it is `local`.
    Default,
}

impl fmt::Display for ChosenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "by --env",
            Self::Variable => "by T3NETS_ENVIRONMENT",
            Self::EnvUse => "by `t3nets env use`",
            Self::ProjectFile => "by default_env in t3nets.toml",
            Self::Default => "the default",
        })
    }
}

/// Whether an environment can have this name. It becomes the name of a folder.
pub(crate) fn is_environment_name(name: &str) -> bool {
    name.len() <= 31
        && !name.starts_with('-')
        && !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An environment on AWS of which nothing is known but its name.
    pub(crate) fn environment_on_aws(name: &str) -> Environment {
        Environment::new(
            Path::new("/home"),
            name,
            PlatformKind::Aws,
            DefinedBy::Terraform,
        )
    }
}
