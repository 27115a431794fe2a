//! How the errors of Docker, of a build and of the registry are shown: their kind, which decides
//! the exit code, and what to do about each.

use t3nets_deploy::build::{BuildError, DockerError, KnownCause};
use t3nets_deploy::docker_config::context::ContextError;
use t3nets_deploy::registry::RegistryError;

use crate::error::{CliError, ErrorKind};
use crate::hint::Hint;

const START_DOCKER: &str = "start Docker (Docker Desktop, colima, `systemctl start docker`), or set DOCKER_HOST to where it is";
const WITHOUT_DOCKER: &str = "`--image REF` deploys what is already pushed, without Docker";

impl From<DockerError> for CliError {
    fn from(error: DockerError) -> Self {
        let (kind, code) = match &error {
            DockerError::AccessDenied { .. } => (ErrorKind::Denied, "docker_access_denied"),
            DockerError::NoSocket(_)
            | DockerError::NotRunning { .. }
            | DockerError::NoAnswer { .. }
            | DockerError::UnsupportedAddress(_)
            | DockerError::Certificate(_) => (ErrorKind::NotReady, "docker_unavailable"),
            DockerError::Config(_) | DockerError::Context(_) => {
                (ErrorKind::NotReady, "docker_misconfigured")
            }
            DockerError::Refused { .. } | DockerError::NoInfo => {
                (ErrorKind::Failed, "docker_failed")
            }
        };
        let hints: Vec<Hint> = match &error {
            DockerError::AccessDenied { .. } => vec![
                "`sudo usermod -aG docker $USER`, then log in again".into(),
                WITHOUT_DOCKER.into(),
            ],
            DockerError::NoSocket(_) | DockerError::NotRunning { .. } => {
                vec![START_DOCKER.into(), WITHOUT_DOCKER.into()]
            }
            DockerError::NoAnswer { .. } => vec!["restart Docker".into()],
            DockerError::UnsupportedAddress(address) => vec![instead_of(address).into()],
            DockerError::Certificate(_) => vec![
                "Docker's engine is reached over TLS with `ca.pem`, `cert.pem` and `key.pem`, from the context, or the folder that DOCKER_CERT_PATH names".into(),
            ],
            DockerError::Config(_) => {
                vec!["correct it, or name another folder with DOCKER_CONFIG".into()]
            }
            DockerError::Context(ContextError::Missing(_) | ContextError::Invalid(_)) => vec![
                "`docker context ls` lists those that there are, `docker context use` chooses one; DOCKER_CONTEXT comes before that".into(),
            ],
            DockerError::Context(ContextError::Unverified(_)) => vec![
                "deploys go to engines that prove who they are: give the context the engine's `ca.pem`, or set DOCKER_TLS_VERIFY=1 with DOCKER_CERT_PATH".into(),
            ],
            DockerError::Refused { .. } | DockerError::NoInfo => {
                error.known_cause().map(remedy).into_iter().collect()
            }
        };
        Self::of(kind, error).code(code).hints(hints)
    }
}

impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        if let BuildError::Docker(error) = error {
            return error.into();
        }
        let mut details = Vec::new();
        let (kind, code, hints): (_, _, Vec<Hint>) = match &error {
            BuildError::NoDockerfile(_) => (
                ErrorKind::NotReady,
                "no_dockerfile",
                vec![
                    "run it inside a checkout of T3nets, or deploy what is already pushed with `--image REF`".into(),
                ],
            ),
            BuildError::InvalidPattern(_) => (
                ErrorKind::NotReady,
                "invalid_dockerignore",
                vec![
                    "https://docs.docker.com/build/concepts/context/#dockerignore-files".into(),
                ],
            ),
            BuildError::ContextTooLarge { .. } => (
                ErrorKind::Failed,
                "context_too_large",
                vec!["exclude in `.dockerignore` what the image does not need".into()],
            ),
            BuildError::Failed { step, log, .. } => {
                let lines = step.as_ref().map(|step| step.last_lines.join("\n    "));
                details.extend(
                    lines
                        .filter(|lines| !lines.is_empty())
                        .map(|lines| format!("its last lines:\n    {lines}")),
                );
                let log = log.as_ref();
                let log = log.map(|log| format!("the whole log is in `{}`", log.display()).into());
                let known = error.known_cause().map(remedy);
                let hints = log.into_iter().chain(known).collect();
                (ErrorKind::Failed, "build_failed", hints)
            }
            BuildError::WrongArchitecture { .. } => (
                ErrorKind::Failed,
                "wrong_architecture",
                vec![
                    "Docker may have a base image for the other architecture already: remove it with `docker image rm`".into(),
                ],
            ),
            BuildError::Secret(_) => (
                ErrorKind::NotReady,
                "build_secret",
                vec![
                    "`--secret id=NAME,src=FILE` or `id=NAME,env=VARIABLE`; `--ssh default` uses the agent at SSH_AUTH_SOCK, to which `ssh-add` gives keys".into(),
                ],
            ),
            BuildError::NeedsBuildKit => (
                ErrorKind::NotReady,
                "needs_buildkit",
                vec!["unset DOCKER_BUILDKIT, or use an engine of Docker's from 18.09 on".into()],
            ),
            BuildError::Docker(_)
            | BuildError::NoSession(_)
            | BuildError::Read { .. }
            | BuildError::Aborted(_)
            | BuildError::Randomness(_)
            | BuildError::NoImage => (ErrorKind::Failed, "build_failed", Vec::new()),
        };
        let shown = Self::of(kind, error).code(code).hints(hints);
        details.into_iter().fold(shown, Self::detail)
    }
}

impl From<RegistryError> for CliError {
    fn from(error: RegistryError) -> Self {
        let (kind, code) = match &error {
            RegistryError::InvalidRepository(_)
            | RegistryError::InvalidReference(_)
            | RegistryError::OtherRepository { .. } => (ErrorKind::Usage, "invalid_image"),
            RegistryError::RepositoryNotFound { .. } => (ErrorKind::NotReady, "no_repository"),
            RegistryError::Credentials(_) => (ErrorKind::Failed, "registry_login"),
            RegistryError::InvalidAddress(_) | RegistryError::NotEcr(_) => {
                (ErrorKind::NotReady, "registry_failed")
            }
            RegistryError::NoToken | RegistryError::AccessDenied(_) => {
                (ErrorKind::Denied, "registry_access_denied")
            }
            RegistryError::ImageNotFound { .. } => (ErrorKind::Failed, "no_image"),
            RegistryError::Aws(_)
            | RegistryError::Docker(_)
            | RegistryError::Unreachable { .. }
            | RegistryError::Failed(_)
            | RegistryError::UploadInterrupted(_)
            | RegistryError::TokenExpired(_)
            | RegistryError::Client(_)
            | RegistryError::Refused { .. }
            | RegistryError::NoSuchPlatform { .. }
            | RegistryError::Corrupt(_)
            | RegistryError::InvalidExport(_)
            | RegistryError::Export { .. }
            | RegistryError::NotConfirmed { .. } => (ErrorKind::Failed, "registry_failed"),
        };
        let hints: Vec<Hint> = match &error {
            RegistryError::OtherRepository { .. } => {
                vec!["push it there first, or name a tag or a digest alone".into()]
            }
            RegistryError::Credentials(_) => vec![remedy(KnownCause::CredentialHelper)],
            RegistryError::RepositoryNotFound { .. } => vec![Hint::command(
                "infra apply",
                "creates it; check that account and region are right",
            )],
            RegistryError::AccessDenied(_) => vec![
                "pushing takes ecr:BatchCheckLayerAvailability, InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, PutImage and BatchGetImage on the repository".into(),
            ],
            RegistryError::Unreachable { .. }
            | RegistryError::Failed(_)
            | RegistryError::UploadInterrupted(_)
            | RegistryError::TokenExpired(_) => {
                vec!["run it again: layers that were pushed are not sent again".into()]
            }
            RegistryError::ImageNotFound { .. } => vec![
                "ECR keeps the last ten images".into(),
                Hint::command("history", "shows what was deployed"),
            ],
            _ => Vec::new(),
        };
        match error {
            RegistryError::Aws(error) => Self::aws("cannot access the image repository", error),
            RegistryError::Docker(error) => error.into(),
            error => Self::of(kind, error).code(code).hints(hints),
        }
    }
}

fn remedy(cause: KnownCause) -> Hint {
    match cause {
        KnownCause::DiskFull => "Docker's disk is full: `docker system df` shows what takes the room, `docker builder prune` and `docker image prune` free it".into(),
        KnownCause::ForeignArchitecture => "this machine cannot run programs of the other architecture: `docker run --privileged --rm tonistiigi/binfmt --install all` enables it, or build on a machine of that architecture".into(),
        KnownCause::BaseImage => "a base image cannot be pulled: check that its registry can be reached; `--build-arg RUST_IMAGE=…` names another".into(),
        KnownCause::BaseImageLogin => "the registry of a base image refuses: `docker login HOST` signs in to it, for builds here too".into(),
        KnownCause::CredentialHelper => "Docker's config.json names a program that keeps logins (`credsStore`, `credHelpers`): install it, or take its name out and `docker login` again".into(),
    }
}

/// Docker's client reaches an engine over SSH by a program on the other machine.
fn instead_of(address: &str) -> String {
    match address.strip_prefix("ssh://") {
        Some(host) => {
            let host = host.trim_end_matches('/');
            format!(
                "forward its socket: `ssh -fNT -L /tmp/docker.sock:/var/run/docker.sock {host}`, then DOCKER_HOST=unix:///tmp/docker.sock"
            )
        }
        None => "DOCKER_HOST can be unix://, tcp:// or https://".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use t3nets_deploy::build::FailedStep;

    use super::*;

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
        assert!(error.causes()[0].contains("exit code: 1"), "{error:?}");
        assert!(error.causes()[1].ends_with("\n    one\n    no space left on device"));
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
        let error = CliError::from(RegistryError::RepositoryNotFound {
            repository: "r".to_owned(),
            place: String::new(),
        });
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
