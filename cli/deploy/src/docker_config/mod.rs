//! What Docker's own client is configured with, in `~/.docker` and in variables: where the engine
//! is ([`context`]), who one is to registries ([`credentials`]), and which proxies builds use.
//! A build here finds what `docker build` would.
//! <https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties>
//!
//! The crates for this (`docker_credential`, `docker-config`) know parts of it: no context's TLS
//! files, no proxies, and a credential helper that hangs would hang the deploy.

pub mod context;
pub mod credentials;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use t3nets_router::files;

use serde::Deserialize;

use credentials::AuthEntry;

/// What Docker's client is configured with.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// `~/.docker`, or what `DOCKER_CONFIG` names; `None` where there is no home.
    folder: Option<PathBuf>,
    file: ConfigFile,
    /// The entries in `DOCKER_AUTH_CONFIG`, which come first.
    variable_auths: BTreeMap<String, AuthEntry>,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DockerConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read Docker's `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file or the variable is no JSON, or something else than Docker writes.
    #[error("Docker's `{place}` cannot be understood")]
    Invalid {
        /// The file's path, or the variable's name.
        place: String,
        /// What is wrong. It repeats no value.
        source: serde_json::Error,
    },
}

/// `config.json`, as far as it is used.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigFile {
    auths: BTreeMap<String, AuthEntry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
    current_context: Option<String>,
    proxies: BTreeMap<String, Proxies>,
}

/// The proxies for the builds and containers of an engine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Proxies {
    http_proxy: String,
    https_proxy: String,
    no_proxy: String,
    ftp_proxy: String,
    all_proxy: String,
}

impl DockerConfig {
    /// As the variables say.
    ///
    /// # Errors
    /// If something is there that cannot be read or understood.
    pub fn load() -> Result<Self, DockerConfigError> {
        let folder = match variable("DOCKER_CONFIG") {
            Some(folder) => Some(PathBuf::from(folder)),
            None => variable("HOME").map(|home| Path::new(&home).join(".docker")),
        };
        Self::read(folder, variable("DOCKER_AUTH_CONFIG").as_deref())
    }

    fn read(folder: Option<PathBuf>, auths: Option<&str>) -> Result<Self, DockerConfigError> {
        #[derive(Deserialize)]
        struct Variable {
            auths: BTreeMap<String, AuthEntry>,
        }
        let path = folder.as_ref().map(|folder| folder.join("config.json"));
        let file = match &path {
            Some(path) => read_file(path)?,
            None => ConfigFile::default(),
        };
        let variable_auths = match auths {
            Some(text) => {
                let read: Result<Variable, _> = serde_json::from_str(text);
                let read = read.map_err(|source| DockerConfigError::Invalid {
                    place: "DOCKER_AUTH_CONFIG".to_owned(),
                    source,
                });
                read?.auths
            }
            None => BTreeMap::new(),
        };
        Ok(Self {
            folder,
            file,
            variable_auths,
        })
    }

    /// The variables for proxies that a build on the engine at this address is given, in capitals
    /// and not, as Docker's client gives them.
    /// <https://docs.docker.com/engine/cli/proxy/>
    pub fn proxies(&self, engine: &str) -> BTreeMap<String, String> {
        let proxies = &self.file.proxies;
        let Some(proxies) = proxies.get(engine).or_else(|| proxies.get("default")) else {
            return BTreeMap::new();
        };
        let all = [
            ("HTTP_PROXY", &proxies.http_proxy),
            ("HTTPS_PROXY", &proxies.https_proxy),
            ("NO_PROXY", &proxies.no_proxy),
            ("FTP_PROXY", &proxies.ftp_proxy),
            ("ALL_PROXY", &proxies.all_proxy),
        ];
        let set = all.into_iter().filter(|(_, value)| !value.is_empty());
        set.flat_map(|(name, value)| {
            [name.to_owned(), name.to_lowercase()].map(|name| (name, value.clone()))
        })
        .collect()
    }
}

fn read_file(path: &Path) -> Result<ConfigFile, DockerConfigError> {
    let text = match files::read(path, files::USUAL_LIMIT) {
        Ok(text) if text.trim_ascii().is_empty() => return Ok(ConfigFile::default()),
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ConfigFile::default()),
        Err(source) => {
            return Err(DockerConfigError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&text).map_err(|source| DockerConfigError::Invalid {
        place: path.display().to_string(),
        source,
    })
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A configuration with this `config.json`, in a folder.
    pub(crate) fn config(json: &str) -> (tempfile::TempDir, DockerConfig) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), json).unwrap();
        let config = DockerConfig::read(Some(folder.path().to_owned()), None).unwrap();
        (folder, config)
    }

    #[test]
    fn a_build_is_given_the_proxies_of_its_engine_or_else_the_default_ones() {
        let (_folder, config) = config(
            r#"{"proxies": {
                "default": {"httpProxy": "http://p:1", "httpsProxy": "http://p:2", "noProxy": "a,b"},
                "tcp://engine:2376": {"allProxy": "socks5://q:3", "ftpProxy": "http://q:4"}
            }}"#,
        );
        let named = |engine: &str| {
            let proxies = config.proxies(engine).into_iter();
            let shown = proxies.map(|(name, value)| format!("{name}={value}"));
            shown.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            named("unix:///var/run/docker.sock"),
            "HTTPS_PROXY=http://p:2 HTTP_PROXY=http://p:1 NO_PROXY=a,b http_proxy=http://p:1 https_proxy=http://p:2 no_proxy=a,b"
        );
        assert_eq!(
            named("tcp://engine:2376"),
            "ALL_PROXY=socks5://q:3 FTP_PROXY=http://q:4 all_proxy=socks5://q:3 ftp_proxy=http://q:4"
        );
        assert!(DockerConfig::default().proxies("").is_empty());
    }

    #[test]
    fn a_file_that_is_no_configuration_is_named_and_none_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let read = || DockerConfig::read(Some(folder.path().to_owned()), None);
        assert!(read().is_ok());
        std::fs::write(folder.path().join("config.json"), "").unwrap();
        assert!(read().is_ok());
        std::fs::write(folder.path().join("config.json"), r#"{"auths": 7}"#).unwrap();
        let error = read().unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
    }
}
