//! Docker's engine: where it is, and what is wrong if it does not do what it should.

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

use super::Builder;
use crate::error::DeployError;

/// How long the engine may take to say that it is there.
const PING: Duration = Duration::from_secs(5);
/// How long it may take to begin an answer: with a large image to export it first writes that down.
const ANSWER: Duration = Duration::from_secs(600);

/// Docker's engine.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) docker: Docker,
    pub(super) builder: Builder,
    version: String,
}

impl Engine {
    /// Finds it where the `docker` command would: `DOCKER_HOST`, the chosen context, the usual socket.
    ///
    /// # Errors
    /// Not ready if there is none or it does not answer, denied if its socket may not be used.
    pub async fn connect() -> Result<Self, DeployError> {
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
            engine.builder = Builder::Classic;
        }
        Ok(engine)
    }

    /// The engine at an address (`unix://…`, `tcp://…`), or at the usual socket.
    async fn at(host: Option<&str>) -> Result<Self, DeployError> {
        let place = host.unwrap_or("the usual socket");
        let opened = match host {
            Some(host) => Docker::connect_with_host(host),
            None => Docker::connect_with_unix_defaults(),
        };
        let docker = opened.map_err(|error| unreachable(place, &error))?;
        let asked = async {
            let docker = docker.negotiate_version().await?;
            let version = docker.version().await?;
            Ok((docker, version))
        };
        let (docker, version) = tokio::time::timeout(PING, asked)
            .await
            .map_err(|_| {
                DeployError::not_ready(format!(
                    "Docker at {place} did not answer within {} s",
                    PING.as_secs()
                ))
                .hint("restart Docker")
            })?
            .map_err(|error| unreachable(place, &error))?;
        let docker = docker.with_timeout(ANSWER);
        let is_docker = version
            .components
            .iter()
            .flatten()
            .all(|component| !component.name.to_lowercase().contains("podman"));
        let has_buildkit =
            is_docker && version.os.as_deref() == Some("linux") && api(&version) >= (1, 39);
        Ok(Self {
            docker,
            builder: if has_buildkit {
                Builder::BuildKit
            } else {
                Builder::Classic
            },
            version: version.version.unwrap_or_default(),
        })
    }

    /// An image as an archive, piece by piece.
    pub fn export(&self, id: &str) -> BoxStream<'_, Result<Vec<u8>, DeployError>> {
        self.docker
            .export_image(id)
            .map(|part| match part {
                Ok(part) => Ok(part.to_vec()),
                Err(error) => Err(refused("Docker does not export the image", &error)),
            })
            .boxed()
    }

    /// Where it keeps images, by its own words, and the name of the machine that it runs on.
    ///
    /// # Errors
    /// Failed if it does not say.
    pub async fn root(&self) -> Result<(PathBuf, String), DeployError> {
        let what = "Docker does not say where it keeps images";
        let info = tokio::time::timeout(PING, self.docker.info())
            .await
            .map_err(|_| DeployError::failed(format!("{what} within {} s", PING.as_secs())))?
            .map_err(|error| refused(what, &error))?;
        match (info.docker_root_dir, info.name) {
            (Some(root), Some(machine)) => Ok((PathBuf::from(root), machine)),
            _ => Err(DeployError::failed(what)),
        }
    }

    /// `20.10.24`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The better of its builders.
    pub fn builder(&self) -> Builder {
        self.builder
    }
}

/// BuildKit came with 1.39.
fn api(version: &bollard::models::SystemVersion) -> (u32, u32) {
    let text = version.api_version.as_deref().unwrap_or_default();
    let (major, minor) = text.split_once('.').unwrap_or_default();
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

/// Where the context is that `docker context use` chose, if not the default one. What cannot be read is left to the usual
/// socket, whose error says what to do.
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
    let folder = HEXLOWER.encode(&Sha256::digest(name.as_bytes()));
    let meta = std::fs::read(home.join("contexts/meta").join(folder).join("meta.json")).ok()?;
    Some(
        serde_json::from_slice::<Meta>(&meta)
            .ok()?
            .endpoints
            .docker
            .host,
    )
}

const START: &str = "start Docker (Docker Desktop, colima, `systemctl start docker`), or set DOCKER_HOST to where it is";
const WITHOUT: &str = "`--image REF` deploys what is already pushed, without Docker";

/// Why the engine cannot be asked.
fn unreachable(place: &str, error: &bollard::errors::Error) -> DeployError {
    use bollard::errors::Error as Docker;
    let kind = match error {
        // It passes its cause's causes on as its own, but not the cause itself.
        Docker::IOError { err } => Some(err.kind()),
        _ => io_kind(error),
    };
    match (error, kind) {
        (_, Some(io::ErrorKind::PermissionDenied)) => {
            DeployError::denied(format!("you may not use Docker at {place}"))
                .hint("`sudo usermod -aG docker $USER`, then log in again")
                .hint(WITHOUT)
        }
        (Docker::SocketNotFoundError(socket), _) => {
            DeployError::not_ready(format!("Docker is not running: there is no `{socket}`"))
                .hint(START)
                .hint(WITHOUT)
        }
        (Docker::UnsupportedURISchemeError { uri }, _) => DeployError::not_ready(format!(
            "Docker at `{uri}` is reached in a way that is not supported"
        ))
        .hint("DOCKER_HOST can be unix://, tcp:// or https://"),
        _ => DeployError::not_ready(format!("Docker is not running: nothing answers at {place}"))
            .caused_by(error)
            .hint(START)
            .hint(WITHOUT),
    }
}

/// What the engine answered instead of doing `what`, with the remedy where there is one.
pub(super) fn refused(what: &str, error: &bollard::errors::Error) -> DeployError {
    let described = DeployError::failed(what).caused_by(error);
    with_remedy(described)
}

/// Adds what to do about the causes that are known.
pub(super) fn with_remedy(error: DeployError) -> DeployError {
    let text = error.causes.join("\n").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["no space left on device", "disk quota exceeded"]) {
        error.hint("Docker's disk is full: `docker system df` shows by what, `docker builder prune` and `docker image prune` free it")
    } else if has(&["exec format error", "exec user process caused"]) {
        error.hint("this machine cannot run the other architecture's programs: `docker run --privileged --rm tonistiigi/binfmt --install all` lets it, or build on a machine of that architecture")
    } else if has(&[
        "does not match the specified platform",
        "failed to do request",
        "pull access denied",
        "failed to resolve source metadata",
        "manifest unknown",
        "no such host",
        "tls handshake timeout",
    ]) {
        error.hint("a base image cannot be had: is its registry reachable? `--build-arg RUST_IMAGE=…` names another")
    } else {
        error
    }
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        at = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn an_engine_that_does_not_run_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let missing = format!("unix://{}", folder.path().join("none.sock").display());
        let refusing = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&refusing).unwrap());
        for host in [missing, format!("unix://{}", refusing.display())] {
            let error = Engine::at(Some(&host)).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::NotReady, "{error:?}");
            assert!(
                error.message.starts_with("Docker is not running"),
                "{error:?}"
            );
            assert!(!error.hints.is_empty());
        }
    }

    #[test]
    fn a_socket_of_others_is_denied() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied).into();
        let error = unreachable("unix:///var/run/docker.sock", &error);
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.hints[0].contains("usermod"));
    }

    #[test]
    fn a_full_disk_comes_with_its_remedy() {
        let error = bollard::errors::Error::DockerStreamError {
            error: "write /a: no space left on device".to_owned(),
        };
        assert!(refused("it failed", &error).hints[0].contains("prune"));
    }

    #[test]
    fn the_chosen_context_says_where_docker_is() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(context_host(home.path(), None), None);
        std::fs::write(
            home.path().join("config.json"),
            r#"{"auths": {}, "currentContext": "colima"}"#,
        )
        .unwrap();
        // SHA-256 of "colima".
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
