//! What a build may use and no image keeps: secrets, and agents for SSH. Both are given to BuildKit
//! when a step asks for them.
//! <https://docs.docker.com/build/building/secrets/>

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::str::FromStr;

use t3nets_router::files;

/// The longest secret that BuildKit takes, in bytes.
/// <https://github.com/moby/buildkit/blob/master/session/secrets/secretsprovider/store.go>
const MAX_SECRET: u64 = 500 << 10;

/// A secret, by the id that `RUN --mount=type=secret,id=…` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSecret {
    /// The id.
    pub id: String,
    /// Where its value is.
    pub source: SecretSource,
}

/// Where a secret's value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file.
    File(PathBuf),
    /// In a variable.
    Variable(String),
}

/// An agent that signs for SSH, by the id that `RUN --mount=type=ssh,id=…` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAgent {
    /// The id.
    pub id: String,
    /// Its socket, if not the one that `SSH_AUTH_SOCK` names.
    pub socket: Option<PathBuf>,
}

/// A text that names no secret or agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// There is no id.
    #[error("it has no `id`")]
    NoId,
    /// A part is not one of those that there are.
    #[error("`{0}` is not one of `id`, `src`, `env` and `type`")]
    UnknownPart(String),
}

/// Why a secret or an agent cannot be given to a build.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret `{id}` cannot be read from `{}`", path.display())]
    Unreadable {
        /// The secret's id.
        id: String,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The variable is not set.
    #[error("the secret `{id}` is to be in `{variable}`, which is not set")]
    NotSet {
        /// The secret's id.
        id: String,
        /// The variable.
        variable: String,
    },
    /// It is too long.
    #[error("the secret `{id}` is longer than {} KiB, which is BuildKit's limit", MAX_SECRET >> 10)]
    TooLong {
        /// The secret's id.
        id: String,
    },
    /// No agent runs.
    #[error("no SSH agent runs: SSH_AUTH_SOCK is not set")]
    NoAgent,
    /// What is named is no agent's socket.
    #[error("`{}` is not the socket of an SSH agent", .0.display())]
    NotASocket(PathBuf),
}

/// As BuildKit's client reads it: `id=token,src=token.txt`, `id=token,env=TOKEN`, `id=TOKEN` for
/// the variable of that name or else the file.
/// <https://docs.docker.com/reference/cli/docker/buildx/build/#secret>
impl FromStr for BuildSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let (mut id, mut file, mut variable, mut is_variable) = (None, None, None, false);
        for part in text.split(',') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.trim().to_lowercase().as_str() {
                "id" => id = Some(value.to_owned()),
                "src" | "source" => file = Some(value.to_owned()),
                "env" => variable = Some(value.to_owned()),
                "type" if matches!(value, "file" | "env") => is_variable = value == "env",
                _ => return Err(InvalidSecret::UnknownPart(part.to_owned())),
            }
        }
        let id = id.filter(|id| !id.is_empty()).ok_or(InvalidSecret::NoId)?;
        if is_variable && variable.is_none() {
            variable = file.take();
        }
        let source = match (variable, file) {
            (Some(variable), _) => SecretSource::Variable(variable),
            (None, Some(file)) => SecretSource::File(file.into()),
            (None, None) if std::env::var_os(&id).is_some() => SecretSource::Variable(id.clone()),
            (None, None) => SecretSource::File(id.clone().into()),
        };
        Ok(Self { id, source })
    }
}

/// `default`, or `id=socket`.
/// <https://docs.docker.com/reference/cli/docker/buildx/build/#ssh>
impl FromStr for SshAgent {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let (id, socket) = match text.split_once('=') {
            Some((id, socket)) => (id, Some(PathBuf::from(socket))),
            None => (text, None),
        };
        match id.is_empty() {
            true => Err(InvalidSecret::NoId),
            false => Ok(Self {
                id: id.to_owned(),
                socket,
            }),
        }
    }
}

impl BuildSecret {
    /// Its value.
    ///
    /// # Errors
    /// If it is not there or too long.
    pub(super) fn value(&self) -> Result<Vec<u8>, SecretError> {
        let id = || self.id.clone();
        let value = match &self.source {
            SecretSource::File(path) => {
                files::read(path, MAX_SECRET).map_err(|source| match source.kind() {
                    ErrorKind::FileTooLarge => SecretError::TooLong { id: id() },
                    _ => SecretError::Unreadable {
                        id: id(),
                        path: path.clone(),
                        source,
                    },
                })?
            }
            SecretSource::Variable(variable) => {
                use std::os::unix::ffi::OsStringExt;
                let value = std::env::var_os(variable).ok_or_else(|| SecretError::NotSet {
                    id: id(),
                    variable: variable.clone(),
                })?;
                value.into_vec()
            }
        };
        match value.len() as u64 > MAX_SECRET {
            true => Err(SecretError::TooLong { id: id() }),
            false => Ok(value),
        }
    }
}

impl SshAgent {
    /// Its socket.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn socket(&self) -> Result<PathBuf, SecretError> {
        let socket = match &self.socket {
            Some(socket) => socket.clone(),
            None => std::env::var_os("SSH_AUTH_SOCK")
                .filter(|socket| !socket.is_empty())
                .map(PathBuf::from)
                .ok_or(SecretError::NoAgent)?,
        };
        let metadata = std::fs::metadata(&socket);
        match metadata.is_ok_and(|file| file.file_type().is_socket()) {
            true => Ok(socket),
            false => Err(SecretError::NotASocket(socket)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_buildkits_client_reads_it() {
        let of = |text: &str| text.parse::<BuildSecret>();
        let file = |path: &str| SecretSource::File(path.into());
        let variable = |name: &str| SecretSource::Variable(name.to_owned());
        for (text, source) in [
            ("id=t,src=token.txt", file("token.txt")),
            ("id=t,source=a/b", file("a/b")),
            ("type=file,id=t,src=x", file("x")),
            ("id=t,env=TOKEN", variable("TOKEN")),
            ("type=env,id=t,src=TOKEN", variable("TOKEN")),
            ("id=t", file("t")),
        ] {
            let secret = of(text).unwrap();
            assert_eq!((secret.id.as_str(), secret.source), ("t", source), "{text}");
        }
        // A variable of the id's name is preferred to a file of it.
        assert_eq!(of("id=PATH").unwrap().source, variable("PATH"));
        assert_eq!(of("src=x"), Err(InvalidSecret::NoId));
        let unknown = InvalidSecret::UnknownPart("mode=7".to_owned());
        assert_eq!(of("id=t,mode=7"), Err(unknown));
    }

    #[test]
    fn an_agent_is_a_socket() {
        let agent: SshAgent = "default".parse().unwrap();
        assert_eq!((agent.id.as_str(), agent.socket), ("default", None));
        let agent: SshAgent = "git=/etc/passwd".parse().unwrap();
        assert!(matches!(agent.socket(), Err(SecretError::NotASocket(_))));
        assert_eq!("".parse::<SshAgent>(), Err(InvalidSecret::NoId));
    }

    #[test]
    fn a_secret_that_is_missing_or_too_long_is_named_before_the_build() {
        let of = |source| BuildSecret {
            id: "t".to_owned(),
            source,
        };
        let missing = of(SecretSource::Variable("NO_SUCH_VARIABLE".to_owned()));
        assert!(matches!(missing.value(), Err(SecretError::NotSet { .. })));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let file = of(SecretSource::File(path.clone()));
        assert!(matches!(file.value(), Err(SecretError::Unreadable { .. })));
        std::fs::write(&path, vec![0; (MAX_SECRET + 1) as usize]).unwrap();
        assert!(matches!(file.value(), Err(SecretError::TooLong { .. })));
        std::fs::write(&path, "s").unwrap();
        assert_eq!(file.value().unwrap(), b"s");
    }

    #[test]
    fn a_secret_is_read_to_a_bound_and_from_no_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &str| BuildSecret {
            id: "s".to_owned(),
            source: SecretSource::File(folder.path().join(path)),
        };
        let endless = of("/dev/zero").value();
        assert!(matches!(endless, Err(SecretError::TooLong { .. })));
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let pipe = of("pipe").value();
        assert!(matches!(pipe, Err(SecretError::Unreadable { .. })));
    }
}
