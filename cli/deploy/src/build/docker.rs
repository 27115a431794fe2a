//! The connection to Docker's engine.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use data_encoding::HEXLOWER;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use t3nets_router::errors::chain;

use super::{DockerBuilder, DockerError};

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
    version: String,
}

impl DockerEngine {
    /// Finds it where the `docker` command would: `DOCKER_HOST`, the current context, the default
    /// socket.
    /// <https://docs.docker.com/engine/manage-resources/contexts/>
    ///
    /// # Errors
    /// If it does not run, does not answer, or may not be used.
    pub async fn connect() -> Result<Self, DockerError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let host = match variable("DOCKER_HOST") {
            Some(host) => Some(host),
            None => {
                let home = variable("DOCKER_CONFIG")
                    .map(PathBuf::from)
                    .or_else(|| Some(Path::new(&variable("HOME")?).join(".docker")));
                home.and_then(|home| context_host(&home, variable("DOCKER_CONTEXT")))
            }
        };
        let mut engine = Self::at(host.as_deref()).await?;
        if variable("DOCKER_BUILDKIT").as_deref() == Some("0") {
            engine.builder = DockerBuilder::Classic;
        }
        Ok(engine)
    }

    /// The engine at an address (`unix://…`, `tcp://…`), or at the default socket.
    async fn at(host: Option<&str>) -> Result<Self, DockerError> {
        let shown = host.unwrap_or("the default socket");
        let opened = match host {
            Some(host) => Docker::connect_with_host(host),
            None => Docker::connect_with_unix_defaults(),
        };
        let client = opened.map_err(|error| unreachable(shown, error))?;
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

    /// The engine's version: `20.10.24`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The builder that a build uses which does not choose one.
    pub fn builder(&self) -> DockerBuilder {
        self.builder
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

/// The address in the context that `docker context use` chose; `None` for the default one. What
/// cannot be read is left to the default socket, whose error says what to do.
fn context_host(home: &Path, chosen: Option<String>) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext")]
        current: Option<String>,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "Endpoints")]
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Endpoint,
    }
    #[derive(Deserialize)]
    struct Endpoint {
        #[serde(rename = "Host")]
        host: String,
    }
    let name = chosen.or_else(|| {
        let config = std::fs::read(home.join("config.json")).ok()?;
        serde_json::from_slice::<Config>(&config).ok()?.current
    })?;
    if name == "default" {
        return None;
    }
    // Docker's command names the folder of a context by the SHA-256 of the context's name:
    // https://github.com/docker/cli/blob/master/cli/context/store/metadatastore.go
    let folder = HEXLOWER.encode(&Sha256::digest(name.as_bytes()));
    let meta = std::fs::read(home.join("contexts/meta").join(folder).join("meta.json")).ok()?;
    let meta: Meta = serde_json::from_slice(&meta).ok()?;
    Some(meta.endpoints.docker.host)
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

    #[tokio::test]
    async fn an_engine_that_does_not_run_is_told_from_one_that_does_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let missing = format!("unix://{}", folder.path().join("none.sock").display());
        let error = DockerEngine::at(Some(&missing)).await.unwrap_err();
        assert!(matches!(error, DockerError::NoSocket(_)), "{error:?}");
        let refusing = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&refusing).unwrap());
        let refusing = format!("unix://{}", refusing.display());
        let error = DockerEngine::at(Some(&refusing)).await.unwrap_err();
        assert!(matches!(error, DockerError::NotRunning { .. }), "{error:?}");
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

    #[test]
    fn the_current_context_says_where_docker_is() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(context_host(home.path(), None), None);
        std::fs::write(
            home.path().join("config.json"),
            r#"{"auths": {}, "currentContext": "colima"}"#,
        )
        .unwrap();
        let folder = home
            .path()
            .join("contexts/meta")
            .join(HEXLOWER.encode(&Sha256::digest(b"colima")));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join("meta.json"),
            r#"{"Name": "colima", "Endpoints": {"docker": {"Host": "unix:///c.sock", "SkipTLSVerify": false}}}"#,
        )
        .unwrap();
        let host = Some("unix:///c.sock".to_owned());
        assert_eq!(context_host(home.path(), None), host);
        assert_eq!(context_host(home.path(), Some("default".to_owned())), None);
        assert_eq!(context_host(home.path(), Some("gone".to_owned())), None);
    }
}
