//! How the errors of Docker, of a build and of the registry are shown: their kind, which decides
//! the exit code, and what to do about each.

use std::error::Error;

use t3nets_deploy::build::{BuildError, DockerError, KnownCause};
use t3nets_deploy::registry::RegistryError;

use crate::error::{CliError, ErrorKind};

const START_DOCKER: &str = "start Docker (Docker Desktop, colima, `systemctl start docker`), or set DOCKER_HOST to where it is";
const WITHOUT_DOCKER: &str = "`--image REF` deploys what is already pushed, without Docker";

impl From<DockerError> for CliError {
    fn from(error: DockerError) -> Self {
        let kind = match &error {
            DockerError::AccessDenied { .. } => ErrorKind::Denied,
            DockerError::NoSocket(_)
            | DockerError::NotRunning { .. }
            | DockerError::NoAnswer { .. }
            | DockerError::UnsupportedAddress(_) => ErrorKind::NotReady,
            DockerError::Refused { .. } | DockerError::NoInfo => ErrorKind::Failed,
        };
        let shown = with_sources(kind, &error);
        match &error {
            DockerError::AccessDenied { .. } => shown
                .hint("`sudo usermod -aG docker $USER`, then log in again")
                .hint(WITHOUT_DOCKER),
            DockerError::NoSocket(_) | DockerError::NotRunning { .. } => {
                shown.hint(START_DOCKER).hint(WITHOUT_DOCKER)
            }
            DockerError::NoAnswer { .. } => shown.hint("restart Docker"),
            DockerError::UnsupportedAddress(_) => {
                shown.hint("DOCKER_HOST can be unix://, tcp:// or https://")
            }
            DockerError::Refused { .. } | DockerError::NoInfo => {
                with_remedy(shown, error.known_cause())
            }
        }
    }
}

impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        let cause = error.known_cause();
        let failed = |error: &BuildError| with_sources(ErrorKind::Failed, error);
        match error {
            BuildError::Docker(error) => error.into(),
            BuildError::NoDockerfile(_) => with_sources(ErrorKind::NotReady, &error).hint(
                "run it inside a checkout of T3nets, or deploy what is already pushed with `--image REF`",
            ),
            BuildError::InvalidPattern(_) => with_sources(ErrorKind::NotReady, &error)
                .hint("https://docs.docker.com/build/concepts/context/#dockerignore-files"),
            BuildError::ContextTooLarge { .. } => {
                failed(&error).hint("exclude in `.dockerignore` what the image does not need")
            }
            BuildError::Failed {
                ref step, ref log, ..
            } => {
                let mut shown = failed(&error);
                if let Some(step) = step
                    && !step.last_lines.is_empty()
                {
                    let lines = step.last_lines.join("\n    ");
                    shown.causes.push(format!("its last lines:\n    {lines}"));
                }
                if let Some(log) = log {
                    shown = shown.hint(format!("the whole log is in `{}`", log.display()));
                }
                with_remedy(shown, cause)
            }
            BuildError::WrongArchitecture { .. } => failed(&error).hint(
                "Docker may have a base image for the other architecture already: remove it with `docker image rm`",
            ),
            BuildError::Read { .. }
            | BuildError::NotUtf8(_)
            | BuildError::Aborted(_)
            | BuildError::Randomness(_)
            | BuildError::NoImage => failed(&error),
        }
    }
}

impl From<RegistryError> for CliError {
    fn from(error: RegistryError) -> Self {
        let failed = |error: &RegistryError| with_sources(ErrorKind::Failed, error);
        match error {
            RegistryError::Aws(error) => Self::aws("cannot access the image repository", &error),
            RegistryError::Docker(error) => error.into(),
            RegistryError::InvalidRepository(_) | RegistryError::InvalidReference(_) => {
                with_sources(ErrorKind::Usage, &error)
            }
            RegistryError::OtherRepository { .. } => with_sources(ErrorKind::Usage, &error)
                .hint("push it there first, or name a tag or a digest alone"),
            RegistryError::RepositoryNotFound(_) => with_sources(ErrorKind::NotReady, &error)
                .hint_command("infra apply", "creates it; check that account and region are right"),
            RegistryError::InvalidAddress(_) => with_sources(ErrorKind::NotReady, &error),
            RegistryError::NoToken => with_sources(ErrorKind::Denied, &error),
            RegistryError::AccessDenied(_) => with_sources(ErrorKind::Denied, &error).hint(
                "pushing takes ecr:BatchCheckLayerAvailability, InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, PutImage and BatchGetImage on the repository",
            ),
            RegistryError::Unreachable { .. }
            | RegistryError::Failed(_)
            | RegistryError::UploadInterrupted(_)
            | RegistryError::TokenExpired(_) => {
                failed(&error).hint("run it again: layers that were pushed are not sent again")
            }
            RegistryError::ImageNotFound { .. } => failed(&error)
                .hint("ECR keeps the last ten images")
                .hint_command("history", "shows what was deployed"),
            RegistryError::Client(_)
            | RegistryError::Refused { .. }
            | RegistryError::NoSuchPlatform { .. }
            | RegistryError::Corrupt(_)
            | RegistryError::InvalidExport(_)
            | RegistryError::Export { .. }
            | RegistryError::NotConfirmed { .. } => failed(&error),
        }
    }
}

fn with_sources(kind: ErrorKind, error: &dyn Error) -> CliError {
    let shown = CliError::new(kind, error.to_string());
    match error.source() {
        Some(source) => shown.caused_by(source),
        None => shown,
    }
}

fn with_remedy(error: CliError, cause: Option<KnownCause>) -> CliError {
    match cause {
        Some(KnownCause::DiskFull) => error.hint("Docker's disk is full: `docker system df` shows what takes the room, `docker builder prune` and `docker image prune` free it"),
        Some(KnownCause::ForeignArchitecture) => error.hint("this machine cannot run programs of the other architecture: `docker run --privileged --rm tonistiigi/binfmt --install all` enables it, or build on a machine of that architecture"),
        Some(KnownCause::BaseImage) => error.hint("a base image cannot be pulled: check that its registry can be reached; `--build-arg RUST_IMAGE=…` names another"),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use t3nets_deploy::build::FailedStep;

    use super::*;
    use crate::hint::Hint;

    #[test]
    fn a_failed_step_is_shown_with_its_last_lines_its_log_and_the_remedy() {
        let error = CliError::from(BuildError::Failed {
            step: Some(FailedStep {
                name: "[1/1] RUN make".to_owned(),
                last_lines: vec!["one".to_owned(), "no space left on device".to_owned()],
            }),
            log: Some(PathBuf::from("/tmp/t3nets-build-1.log")),
            source: "exit code: 1".into(),
        });
        assert_eq!(error.kind, ErrorKind::Failed);
        assert_eq!(
            error.message,
            "the image cannot be built: `[1/1] RUN make` failed"
        );
        assert!(error.causes[0].contains("exit code: 1"), "{error:?}");
        assert!(error.causes[1].ends_with("\n    one\n    no space left on device"));
        assert!(
            error.hints[0]
                .to_string()
                .contains("/tmp/t3nets-build-1.log"),
            "{error:?}"
        );
        assert!(error.hints[1].to_string().contains("prune"), "{error:?}");
    }

    #[test]
    fn docker_that_does_not_run_is_not_ready_and_a_socket_of_others_denied() {
        let error = CliError::from(DockerError::NoSocket("/var/run/docker.sock".to_owned()));
        assert_eq!(error.kind, ErrorKind::NotReady);
        assert_eq!(error.hints, [START_DOCKER, WITHOUT_DOCKER].map(Hint::from));
        let error = CliError::from(DockerError::AccessDenied {
            host: "the default socket".to_owned(),
            source: "denied".into(),
        });
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.hints[0].to_string().contains("usermod"), "{error:?}");
    }

    #[test]
    fn a_missing_repository_is_not_ready_and_another_one_a_usage_error() {
        let error = CliError::from(RegistryError::RepositoryNotFound("r".to_owned()));
        assert_eq!(error.kind, ErrorKind::NotReady);
        assert!(
            error.hints[0].to_string().contains("infra apply"),
            "{error:?}"
        );
        let error = CliError::from(RegistryError::OtherRepository {
            reference: "docker.io/library/debian:12".to_owned(),
            repository: "r".to_owned(),
        });
        assert_eq!(error.kind, ErrorKind::Usage);
    }
}
