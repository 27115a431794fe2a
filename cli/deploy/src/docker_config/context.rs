//! Where Docker's engine is, and with which certificates it is reached: what the variables say, or
//! the context that was chosen.
//! <https://docs.docker.com/engine/manage-resources/contexts/>

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{DockerConfig, variable};
use t3nets_router::files;

/// Where the engine is where nothing says.
const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineAddress {
    /// As Docker writes it: `unix:///var/run/docker.sock`, `tcp://host:2376`.
    pub host: String,
    /// With what it is reached over TLS; `None` if it is not.
    pub tls: Option<TlsFiles>,
    /// The context that says so, if one does.
    pub context: Option<String>,
}

/// The files for a connection over TLS. Docker needs all three: the engine proves who it is, and
/// the client who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Who signed the engine's certificate.
    pub ca: PathBuf,
    /// The client's certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why it cannot be said where the engine is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The context that is chosen does not exist.
    #[error("Docker's context `{0}` does not exist")]
    Missing(String),
    /// It has no endpoint for Docker that can be understood.
    #[error("Docker's context `{0}` does not say where the engine is")]
    Invalid(String),
    /// It turns the verification of the engine's certificate off.
    #[error("{0} turns the verification of the engine's certificate off")]
    Unverified(String),
}

/// The variables that decide.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    pub(super) host: Option<String>,
    pub(super) context: Option<String>,
    pub(super) tls: bool,
    pub(super) tls_verify: bool,
    pub(super) cert_path: Option<String>,
}

impl Variables {
    fn of_process() -> Self {
        Self {
            host: variable("DOCKER_HOST"),
            context: variable("DOCKER_CONTEXT"),
            tls: variable("DOCKER_TLS").is_some(),
            tls_verify: variable("DOCKER_TLS_VERIFY").is_some(),
            cert_path: variable("DOCKER_CERT_PATH"),
        }
    }
}

impl DockerConfig {
    /// Where `docker` would look for the engine: `DOCKER_HOST`, `DOCKER_CONTEXT`, the context that
    /// `docker context use` chose, the default socket.
    ///
    /// # Errors
    /// If the context does not exist or cannot be used.
    pub fn engine(&self) -> Result<EngineAddress, ContextError> {
        self.engine_by(&Variables::of_process())
    }

    fn engine_by(&self, variables: &Variables) -> Result<EngineAddress, ContextError> {
        if variables.host.is_none() {
            let current = || self.file.current_context.clone();
            let name = variables.context.clone().or_else(current);
            if let Some(name) = name.filter(|name| !name.is_empty() && name != "default") {
                return self.context(&name);
            }
        }
        let host = variables.host.clone();
        let mut address = EngineAddress {
            host: host.unwrap_or_else(|| DEFAULT_SOCKET.to_owned()),
            tls: None,
            context: None,
        };
        if variables.tls && !variables.tls_verify && address.is_tcp() {
            return Err(ContextError::Unverified("DOCKER_TLS".to_owned()));
        }
        if variables.tls_verify && address.is_tcp() || address.host.starts_with("https://") {
            let folder = variables.cert_path.as_ref().map(PathBuf::from);
            let folder = folder.or_else(|| self.folder.clone()).unwrap_or_default();
            address.tls = Some(TlsFiles::in_folder(&folder));
        }
        Ok(address)
    }

    /// The endpoint of a context. Docker's client names its folders by the SHA-256 of its name:
    /// <https://github.com/docker/cli/blob/master/cli/context/store/metadatastore.go>
    fn context(&self, name: &str) -> Result<EngineAddress, ContextError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Meta {
            endpoints: Endpoints,
        }
        #[derive(Deserialize)]
        struct Endpoints {
            docker: Endpoint,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Endpoint {
            #[serde(default)]
            host: String,
            #[serde(default, rename = "SkipTLSVerify")]
            skip_tls_verify: bool,
        }
        let missing = || ContextError::Missing(name.to_owned());
        let contexts = self.folder.as_ref().ok_or_else(missing)?.join("contexts");
        let folder = HEXLOWER.encode(&Sha256::digest(name.as_bytes()));
        let meta = contexts.join("meta").join(&folder).join("meta.json");
        let meta = files::read(&meta, files::USUAL_LIMIT).map_err(|_| missing())?;
        let invalid = || ContextError::Invalid(name.to_owned());
        let meta: Meta = serde_json::from_slice(&meta).map_err(|_| invalid())?;
        let Endpoint {
            host,
            skip_tls_verify,
        } = meta.endpoints.docker;
        let mut address = EngineAddress {
            host: match host.is_empty() {
                true => DEFAULT_SOCKET.to_owned(),
                false => host,
            },
            tls: None,
            context: Some(name.to_owned()),
        };
        let files = contexts.join("tls").join(&folder).join("docker");
        if address.is_tcp() && (skip_tls_verify || files.is_dir()) {
            if skip_tls_verify {
                let place = format!("Docker's context `{name}`");
                return Err(ContextError::Unverified(place));
            }
            address.tls = Some(TlsFiles::in_folder(&files));
        }
        Ok(address)
    }
}

impl EngineAddress {
    fn is_tcp(&self) -> bool {
        ["tcp://", "http://", "https://"]
            .iter()
            .any(|scheme| self.host.starts_with(scheme))
    }

    /// Host and port of one that is reached over TCP. Docker has a port for each way.
    pub fn authority(&self) -> Option<String> {
        let rest = self.is_tcp().then(|| self.host.split_once("://"))??.1;
        let authority = rest.split('/').next().unwrap_or_default();
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        Some(match (has_port, self.tls.is_some()) {
            (true, _) => authority.to_owned(),
            (false, true) => format!("{authority}:2376"),
            (false, false) => format!("{authority}:2375"),
        })
    }

    /// Whether it is not where Docker's engine is by default.
    pub fn is_elsewhere(&self) -> bool {
        self.host != DEFAULT_SOCKET
    }

    /// The socket's path of one on this machine.
    pub fn socket(&self) -> Option<&Path> {
        self.host.strip_prefix("unix://").map(Path::new)
    }
}

impl TlsFiles {
    fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    /// Adds a context, with a folder for its certificates if it has some.
    fn add(folder: &Path, name: &str, endpoint: &str, has_tls: bool) {
        let id = HEXLOWER.encode(&Sha256::digest(name.as_bytes()));
        let meta = folder.join("contexts/meta").join(&id);
        std::fs::create_dir_all(&meta).unwrap();
        let text = format!(r#"{{"Name": "{name}", "Endpoints": {{"docker": {endpoint}}}}}"#);
        std::fs::write(meta.join("meta.json"), text).unwrap();
        if has_tls {
            let files = folder.join("contexts/tls").join(&id).join("docker");
            std::fs::create_dir_all(files).unwrap();
        }
    }

    fn host(address: Result<EngineAddress, ContextError>) -> String {
        address.unwrap().host
    }

    #[test]
    fn the_engine_is_where_docker_would_look() {
        let (folder, config) = config(r#"{"auths": {}, "currentContext": "colima"}"#);
        add(
            folder.path(),
            "colima",
            r#"{"Host": "unix:///c.sock", "SkipTLSVerify": false}"#,
            false,
        );
        add(folder.path(), "far", r#"{"Host": "ssh://ada@far"}"#, false);
        let none = Variables::default();
        assert_eq!(host(config.engine_by(&none)), "unix:///c.sock");
        let mut variables = Variables {
            context: Some("far".to_owned()),
            ..none.clone()
        };
        assert_eq!(host(config.engine_by(&variables)), "ssh://ada@far");
        variables.host = Some("tcp://h:1".to_owned());
        assert_eq!(host(config.engine_by(&variables)), "tcp://h:1");
        variables.host = None;
        variables.context = Some("default".to_owned());
        assert_eq!(host(config.engine_by(&variables)), DEFAULT_SOCKET);
        variables.context = Some("gone".to_owned());
        let error = config.engine_by(&variables).unwrap_err();
        assert_eq!(error, ContextError::Missing("gone".to_owned()));
    }

    #[test]
    fn an_engine_behind_tls_is_reached_with_the_files_of_its_context_or_the_variables() {
        let (folder, config) = config(r#"{"currentContext": "tls"}"#);
        add(folder.path(), "tls", r#"{"Host": "tcp://far"}"#, true);
        add(
            folder.path(),
            "open",
            r#"{"Host": "tcp://far:9", "SkipTLSVerify": true}"#,
            true,
        );
        let address = config.engine_by(&Variables::default()).unwrap();
        assert_eq!(address.authority().as_deref(), Some("far:2376"));
        let ca = address.tls.unwrap().ca;
        assert!(ca.starts_with(folder.path().join("contexts/tls")), "{ca:?}");
        let variables = Variables {
            context: Some("open".to_owned()),
            ..Variables::default()
        };
        let error = config.engine_by(&variables).unwrap_err();
        assert!(matches!(error, ContextError::Unverified(_)), "{error:?}");

        let mut variables = Variables {
            host: Some("tcp://h".to_owned()),
            ..Variables::default()
        };
        let address = config.engine_by(&variables).unwrap();
        assert_eq!(address.authority().as_deref(), Some("h:2375"));
        variables.tls_verify = true;
        let at_home = config.engine_by(&variables).unwrap().tls.unwrap();
        assert_eq!(at_home.key, folder.path().join("key.pem"));
        variables.cert_path = Some("/certs".to_owned());
        let elsewhere = config.engine_by(&variables).unwrap().tls.unwrap();
        assert_eq!(elsewhere.key, Path::new("/certs/key.pem"));
        variables.host = Some("unix:///s".to_owned());
        assert_eq!(config.engine_by(&variables).unwrap().tls, None);
    }
}
