//! The connection to Docker's engine.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use futures::StreamExt;
use futures::stream::BoxStream;
use t3nets_router::errors::chain;

use super::{DockerBuilder, DockerError};
use crate::docker_config::DockerConfig;
use crate::docker_config::context::EngineAddress;

/// How long the engine may take to answer what it knows already.
const QUICK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take to begin any other answer: it writes a large image to disk before it
/// exports it.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A connection to Docker's engine; cloning it shares the connection.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    pub(super) client: Docker,
    pub(super) builder: DockerBuilder,
    pub(super) address: EngineAddress,
    pub(super) config: DockerConfig,
    version: String,
}

impl DockerEngine {
    /// Finds it where the `docker` command would, as [`DockerConfig::engine`] says.
    ///
    /// # Errors
    /// If it does not run, does not answer, or may not be used.
    pub async fn connect() -> Result<Self, DockerError> {
        let config = DockerConfig::load()?;
        let address = config.engine()?;
        let mut engine = Self::at(address, config).await?;
        if DockerBuilder::by_default() == DockerBuilder::Classic {
            engine.builder = DockerBuilder::Classic;
        }
        Ok(engine)
    }

    /// The engine at an address.
    pub(super) async fn at(
        address: EngineAddress,
        config: DockerConfig,
    ) -> Result<Self, DockerError> {
        let shown = &address.host;
        let client = open(&address).map_err(|error| unreachable(shown, error))?;
        let asked = async {
            let client = client.negotiate_version().await?;
            let version = client.version().await?;
            Ok((client, version))
        };
        let (client, version) = tokio::time::timeout(QUICK_TIMEOUT, asked)
            .await
            .map_err(|_| no_answer(shown))?
            .map_err(|error| unreachable(shown, error))?;
        // Podman answers as Docker does, but has no BuildKit behind the API.
        let is_docker = version
            .components
            .iter()
            .flatten()
            .all(|component| !component.name.to_lowercase().contains("podman"));
        let has_buildkit = is_docker
            && version.os.as_deref() == Some("linux")
            && api_version(&version) >= BUILDKIT_API;
        Ok(Self {
            client: client.with_timeout(TIMEOUT),
            builder: match has_buildkit {
                true => DockerBuilder::BuildKit,
                false => DockerBuilder::Classic,
            },
            address,
            config,
            version: version.version.unwrap_or_default(),
        })
    }

    /// An image as an archive, piece by piece.
    pub fn export(&self, id: &str) -> BoxStream<'_, Result<Vec<u8>, DockerError>> {
        self.client
            .export_image(id)
            .map(|part| match part {
                Ok(part) => Ok(part.to_vec()),
                Err(error) => Err(DockerError::Refused {
                    action: "export the image",
                    source: error.into(),
                }),
            })
            .boxed()
    }

    /// The folder where it stores images, and the name of the machine that it runs on.
    ///
    /// # Errors
    /// If it does not say.
    pub async fn root(&self) -> Result<(PathBuf, String), DockerError> {
        let info = tokio::time::timeout(QUICK_TIMEOUT, self.client.info())
            .await
            .map_err(|_| DockerError::NoInfo)?
            .map_err(|error| DockerError::Refused {
                action: "say where it stores images",
                source: error.into(),
            })?;
        match (info.docker_root_dir, info.name) {
            (Some(root), Some(machine)) => Ok((PathBuf::from(root), machine)),
            _ => Err(DockerError::NoInfo),
        }
    }

    /// Where it is, and the context that says so, where that is not the default socket.
    pub fn place(&self) -> Option<String> {
        let EngineAddress { host, context, .. } = &self.address;
        match context {
            Some(context) => Some(format!("{host} (context `{context}`)")),
            None => self.address.is_elsewhere().then(|| host.clone()),
        }
    }

    /// The engine's version: `20.10.24`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The builder that a build uses which does not choose one.
    pub fn builder(&self) -> DockerBuilder {
        self.builder
    }
}

/// A client for an address; it connects when it is first used.
fn open(address: &EngineAddress) -> Result<Docker, bollard::errors::Error> {
    let seconds = TIMEOUT.as_secs();
    match (address.authority(), &address.tls) {
        (Some(authority), Some(tls)) => {
            let host = format!("tcp://{authority}");
            let (key, cert, ca) = (&tls.key, &tls.cert, &tls.ca);
            Docker::connect_with_ssl(&host, key, cert, ca, seconds, API_DEFAULT_VERSION)
        }
        (Some(authority), None) => {
            let host = format!("tcp://{authority}");
            Docker::connect_with_http(&host, seconds, API_DEFAULT_VERSION)
        }
        (None, _) => match address.socket() {
            Some(_) => Docker::connect_with_unix(&address.host, seconds, API_DEFAULT_VERSION),
            None => Err(bollard::errors::Error::UnsupportedURISchemeError {
                uri: address.host.clone(),
            }),
        },
    }
}

/// The first version of the API with BuildKit in it.
/// <https://docs.docker.com/reference/api/engine/version-history/#v139-api-changes>
const BUILDKIT_API: (u32, u32) = (1, 39);

fn api_version(version: &bollard::models::SystemVersion) -> (u32, u32) {
    let text = version.api_version.as_deref().unwrap_or_default();
    let (major, minor) = text.split_once('.').unwrap_or_default();
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

fn no_answer(host: &str) -> DockerError {
    DockerError::NoAnswer {
        host: host.to_owned(),
        timeout: QUICK_TIMEOUT,
    }
}

/// Why the engine cannot be asked.
fn unreachable(host: &str, error: bollard::errors::Error) -> DockerError {
    use bollard::errors::Error as Docker;
    let kind = match &error {
        // It gives its cause's source as its own, but not the cause itself.
        Docker::IOError { err } => Some(err.kind()),
        _ => io_kind(&error),
    };
    let host = host.to_owned();
    match (error, kind) {
        (error, Some(io::ErrorKind::PermissionDenied)) => DockerError::AccessDenied {
            host,
            source: error.into(),
        },
        (Docker::SocketNotFoundError(socket), _) => DockerError::NoSocket(socket),
        (Docker::UnsupportedURISchemeError { uri }, _) => DockerError::UnsupportedAddress(uri),
        (Docker::CertPathError { path } | Docker::CertParseError { path }, _) => {
            DockerError::Certificate(path)
        }
        (error, _) => DockerError::NotRunning {
            host,
            source: error.into(),
        },
    }
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    chain(error)
        .find_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error_at(host: &str) -> DockerError {
        let address = EngineAddress {
            host: host.to_owned(),
            tls: None,
            context: None,
        };
        let connected = DockerEngine::at(address, DockerConfig::default()).await;
        connected.unwrap_err()
    }

    #[tokio::test]
    async fn an_engine_that_does_not_run_is_told_from_one_that_does_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let missing = format!("unix://{}", folder.path().join("none.sock").display());
        let error = error_at(&missing).await;
        assert!(matches!(error, DockerError::NoSocket(_)), "{error:?}");
        let refusing = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&refusing).unwrap());
        let refusing = format!("unix://{}", refusing.display());
        let error = error_at(&refusing).await;
        assert!(matches!(error, DockerError::NotRunning { .. }), "{error:?}");
        let error = error_at("ssh://ada@far").await;
        assert!(
            matches!(error, DockerError::UnsupportedAddress(_)),
            "{error:?}"
        );
    }

    #[test]
    fn a_socket_of_others_is_told_from_an_engine_that_does_not_run() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied).into();
        let error = unreachable("unix:///var/run/docker.sock", error);
        assert!(
            matches!(error, DockerError::AccessDenied { .. }),
            "{error:?}"
        );
    }
}
