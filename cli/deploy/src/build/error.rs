//! What can go wrong with Docker and with a build.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use t3nets_router::errors::chain;

use super::secrets::SecretError;
use crate::docker_config::DockerConfigError;
use crate::docker_config::context::ContextError;
use crate::image_ref::Architecture;

/// What Docker answered or what happened to the connection, as the client library has it.
pub type DockerAnswer = Box<dyn Error + Send + Sync>;

/// Why Docker's engine cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// The socket is another user's.
    #[error("permission denied to use Docker at {host}")]
    AccessDenied {
        /// Its address: `unix:///var/run/docker.sock`.
        host: String,
        /// The system's error.
        source: DockerAnswer,
    },
    /// The socket does not exist.
    #[error("Docker is not running: socket `{0}` does not exist")]
    NoSocket(String),
    /// Nothing accepts connections at its address.
    #[error("Docker is not running: nothing answers at {host}")]
    NotRunning {
        /// The address that was tried.
        host: String,
        /// What happened to the connection.
        source: DockerAnswer,
    },
    /// It accepts connections and does not answer.
    #[error("Docker at {host} did not answer within {} s", timeout.as_secs())]
    NoAnswer {
        /// Its address: `unix:///var/run/docker.sock`.
        host: String,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// The address is of a kind that is not supported: `ssh://`.
    #[error("Docker at `{0}` cannot be reached: its address has an unsupported scheme")]
    UnsupportedAddress(String),
    /// A certificate for the connection cannot be read.
    #[error("the certificate `{}` for Docker's engine cannot be read", .0.display())]
    Certificate(PathBuf),
    /// The configuration of Docker's client cannot be used.
    #[error(transparent)]
    Config(#[from] DockerConfigError),
    /// The chosen context cannot be used.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// It answered with an error.
    #[error("Docker cannot {action}")]
    Refused {
        /// What was asked of it.
        action: &'static str,
        /// The error that it answered with.
        source: DockerAnswer,
    },
    /// It did not say where it stores images.
    #[error("Docker does not say where it stores images")]
    NoInfo,
}

impl DockerError {
    /// What is behind it, where Docker's text says so.
    pub fn known_cause(&self) -> Option<KnownCause> {
        match self {
            Self::Refused { source, .. } => KnownCause::of(source.as_ref(), &[]),
            _ => None,
        }
    }
}

/// Why an image was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder has no Dockerfile.
    #[error("`{}` has no `Dockerfile`", .0.display())]
    NoDockerfile(PathBuf),
    /// A line of `.dockerignore` is not a pattern.
    #[error("`.dockerignore` has an invalid pattern: `{0}`")]
    InvalidPattern(String),
    /// A file of the build context cannot be read.
    #[error("cannot read `{path}`, which is part of the build context")]
    Read {
        /// Its path in the context.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// More would be sent than is likely meant.
    #[error("the build context is larger than {limit_mib} MiB with `{path}`")]
    ContextTooLarge {
        /// The file with which it became too large.
        path: String,
        /// The limit in MiB.
        limit_mib: usize,
    },
    /// The thread that read the build context ended early.
    #[error("cannot read the build context")]
    Aborted(#[from] tokio::task::JoinError),
    /// The system has no randomness for the session's name.
    #[error("cannot generate a session id")]
    Randomness(#[from] getrandom::Error),
    /// A secret or an SSH agent is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The classic builder has neither secrets nor SSH.
    #[error("`--secret` and `--ssh` need BuildKit, and the builder is the classic one")]
    NeedsBuildKit,
    /// The engine takes no session for the build.
    #[error("Docker takes no session for the build")]
    NoSession(#[source] io::Error),
    /// Docker cannot be used.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// A step failed, or something around the steps.
    #[error(
        "the image cannot be built{}",
        step.as_ref().map_or_else(String::new, |step| format!(": `{}` failed", step.name))
    )]
    Failed {
        /// The step that failed, where that is known.
        step: Option<FailedStep>,
        /// A file with the whole log, which only its owner can read.
        log: Option<PathBuf>,
        /// Docker's answer.
        source: DockerAnswer,
    },
    /// Docker ended the build without naming an image.
    #[error("Docker ended the build without an image")]
    NoImage,
    /// The image would not start where the service runs.
    #[error(
        "the image is for {}, but the task definition runs on {wanted}",
        found.map_or_else(|| "another platform".to_owned(), |found| found.to_string())
    )]
    WrongArchitecture {
        /// What the image is for; `None` if Fargate does not have that.
        found: Option<Architecture>,
        /// What the task definition runs on.
        wanted: Architecture,
    },
}

/// The step of a build that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStep {
    /// As the Dockerfile has it.
    pub name: String,
    /// The last lines that it wrote.
    pub last_lines: Vec<String>,
}

impl BuildError {
    /// What is behind it, where Docker's text says so.
    pub fn known_cause(&self) -> Option<KnownCause> {
        match self {
            Self::Docker(error) => error.known_cause(),
            Self::Failed { step, source, .. } => {
                let lines = step.as_ref().map(|step| step.last_lines.as_slice());
                KnownCause::of(source.as_ref(), lines.unwrap_or_default())
            }
            _ => None,
        }
    }
}

/// Causes of Docker's errors that can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownCause {
    /// There is no room where Docker stores images.
    DiskFull,
    /// This machine does not run programs of the image's architecture.
    ForeignArchitecture,
    /// A base image cannot be pulled, or is for another architecture.
    BaseImage,
    /// The registry of a base image wants a login, or another one.
    BaseImageLogin,
    /// A program that keeps credentials for registries fails.
    CredentialHelper,
}

impl KnownCause {
    /// Looks for them in texts: an error of Docker's is a message without a code.
    /// <https://docs.docker.com/reference/api/engine/version/v1.51/#section/Errors>
    fn of(error: &(dyn Error + 'static), lines: &[String]) -> Option<Self> {
        const TEXTS: [(&str, KnownCause); 19] = [
            ("no space left on device", KnownCause::DiskFull),
            ("disk quota exceeded", KnownCause::DiskFull),
            ("exec format error", KnownCause::ForeignArchitecture),
            ("exec user process caused", KnownCause::ForeignArchitecture),
            (
                "does not match the specified platform",
                KnownCause::BaseImage,
            ),
            ("the credential helper `", KnownCause::CredentialHelper),
            ("401 unauthorized", KnownCause::BaseImageLogin),
            ("403 forbidden", KnownCause::BaseImageLogin),
            ("pull access denied", KnownCause::BaseImageLogin),
            ("authorization failed", KnownCause::BaseImageLogin),
            ("no basic auth credentials", KnownCause::BaseImageLogin),
            ("authentication required", KnownCause::BaseImageLogin),
            ("unauthorized: ", KnownCause::BaseImageLogin),
            ("denied: ", KnownCause::BaseImageLogin),
            ("failed to do request", KnownCause::BaseImage),
            ("failed to resolve source metadata", KnownCause::BaseImage),
            ("manifest unknown", KnownCause::BaseImage),
            ("no such host", KnownCause::BaseImage),
            ("tls handshake timeout", KnownCause::BaseImage),
        ];
        let mut text = lines.join("\n").to_lowercase();
        for cause in chain(error) {
            text.push('\n');
            text.push_str(&cause.to_string().to_lowercase());
        }
        let mut texts = TEXTS.iter();
        texts
            .find(|(part, _)| text.contains(part))
            .map(|(_, cause)| *cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_recognised_in_what_docker_and_the_failed_step_write() {
        let full = DockerError::Refused {
            action: "export the image",
            source: "write /a: No space left on device".into(),
        };
        assert_eq!(full.known_cause(), Some(KnownCause::DiskFull));
        let failed = |line: &str| BuildError::Failed {
            step: Some(FailedStep {
                name: "[1/1] RUN true".to_owned(),
                last_lines: vec![line.to_owned()],
            }),
            log: None,
            source: "exit code: 1".into(),
        };
        for (line, cause) in [
            (
                "exec /bin/sh: exec format error",
                Some(KnownCause::ForeignArchitecture),
            ),
            (
                "lookup registry-1.docker.io: no such host",
                Some(KnownCause::BaseImage),
            ),
            (
                "unexpected status code [manifests x]: 401 Unauthorized",
                Some(KnownCause::BaseImageLogin),
            ),
            (
                "the credential helper `docker-credential-x` failed: no",
                Some(KnownCause::CredentialHelper),
            ),
            ("it does not compile", None),
        ] {
            assert_eq!(failed(line).known_cause(), cause, "{line}");
        }
    }
}
