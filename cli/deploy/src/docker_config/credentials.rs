//! Who one is to a registry, as `docker login` left it: in `config.json` itself, or with a helper,
//! a program that keeps secrets elsewhere.
//! <https://docs.docker.com/reference/cli/docker/login/#credential-stores>

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::time::Duration;

use data_encoding::BASE64;
use serde::Deserialize;
use tokio::process::Command;

use super::DockerConfig;
use crate::child::{self, Bounds, NoAnswer};

/// The name under which Docker keeps what it knows for Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// How long a helper may take: one may ask the person to unlock a keychain.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest answer of a helper, and its time.
const BOUNDS: Bounds = Bounds {
    bytes: 1 << 20,
    time: HELPER_TIMEOUT,
};

/// What one is to a registry. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token, which stands for both.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Why a helper gives no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It cannot be run.
    #[error("the credential helper `{helper}`, which Docker's configuration names, cannot be run")]
    Missing {
        /// Its name.
        helper: String,
        /// The system's error.
        source: io::Error,
    },
    /// It ends with an error.
    #[error("the credential helper `{helper}` failed: {said}")]
    Failed {
        /// Its name.
        helper: String,
        /// What it said.
        said: String,
    },
    /// It takes too long.
    #[error("the credential helper `{helper}` did not answer within {} s", HELPER_TIMEOUT.as_secs())]
    NoAnswer {
        /// Its name.
        helper: String,
    },
    /// What is kept is no name and password.
    #[error("what Docker keeps for the registry `{registry}` is no name and password")]
    Invalid {
        /// The registry.
        registry: String,
    },
}

/// An entry of `auths`.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthEntry {
    /// Name and password with a colon between, in Base64.
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

impl fmt::Debug for AuthEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthEntry(…)")
    }
}

impl DockerConfig {
    /// What one is to the registry at this host (and port); `None` if nothing is kept for it.
    ///
    /// # Errors
    /// If the helper that keeps it fails.
    pub async fn credentials(&self, host: &str) -> Result<Option<Credentials>, CredentialsError> {
        self.of_server(match host {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            host => host,
        })
        .await
    }

    /// Everything that is kept, by registry: the classic builder is told all of it beforehand.
    ///
    /// # Errors
    /// If a helper fails.
    pub async fn all_credentials(&self) -> Result<BTreeMap<String, Credentials>, CredentialsError> {
        let mut servers: BTreeSet<String> = BTreeSet::new();
        servers.extend(self.variable_auths.keys().cloned());
        servers.extend(self.file.cred_helpers.keys().cloned());
        match &self.file.creds_store {
            Some(store) => {
                let answer = helper(&program(store), "list", "").await?;
                let known: BTreeMap<String, String> =
                    serde_json::from_slice(&answer.unwrap_or_default()).unwrap_or_default();
                servers.extend(known.into_keys());
            }
            None => servers.extend(self.file.auths.keys().cloned()),
        }
        let mut all = BTreeMap::new();
        for server in servers {
            if let Some(found) = self.of_server(&server).await? {
                all.insert(server, found);
            }
        }
        Ok(all)
    }

    /// As Docker's client looks: in the variable, with the registry's helper or the one for all,
    /// else in the file.
    async fn of_server(&self, server: &str) -> Result<Option<Credentials>, CredentialsError> {
        if let Some(entry) = find(&self.variable_auths, server) {
            return entry.credentials(server);
        }
        let file = &self.file;
        let store = file.cred_helpers.get(server).or(file.creds_store.as_ref());
        match store.filter(|store| !store.is_empty()) {
            Some(store) => from_helper(&program(store), server).await,
            None => match find(&file.auths, server) {
                Some(entry) => entry.credentials(server),
                None => Ok(None),
            },
        }
    }
}

/// An entry by its key, which may be an address: `https://registry.example/v2/`.
fn find<'e>(entries: &'e BTreeMap<String, AuthEntry>, server: &str) -> Option<&'e AuthEntry> {
    let host_of = |key: &str| {
        let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default().to_owned()
    };
    entries.get(server).or_else(|| {
        let mut entries = entries.iter();
        let found = entries.find(|(key, _)| host_of(key) == server);
        found.map(|(_, entry)| entry)
    })
}

impl AuthEntry {
    fn credentials(&self, registry: &str) -> Result<Option<Credentials>, CredentialsError> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credentials::Token(self.identitytoken.clone())));
        }
        if self.auth.is_empty() {
            let password = |username: &String| Credentials::Password {
                username: username.clone(),
                password: self.password.clone(),
            };
            let username = Some(&self.username).filter(|name| !name.is_empty());
            return Ok(username.map(password));
        }
        let decoded = BASE64.decode(self.auth.as_bytes()).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((username, password)) if !username.is_empty() => Ok(Some(Credentials::Password {
                username: username.to_owned(),
                password: password.trim_matches('\0').to_owned(),
            })),
            _ => Err(CredentialsError::Invalid {
                registry: registry.to_owned(),
            }),
        }
    }
}

/// The program of a store.
fn program(store: &str) -> String {
    format!("docker-credential-{store}")
}

async fn from_helper(program: &str, server: &str) -> Result<Option<Credentials>, CredentialsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let Some(answer) = helper(program, "get", server).await? else {
        return Ok(None);
    };
    let answer: Answer =
        serde_json::from_slice(&answer).map_err(|_| CredentialsError::Invalid {
            registry: server.to_owned(),
        })?;
    Ok(Some(match answer.username.as_str() {
        "<token>" => Credentials::Token(answer.secret),
        _ => Credentials::Password {
            username: answer.username,
            password: answer.secret,
        },
    }))
}

/// What a helper writes; `None` if it keeps nothing of that name.
/// <https://github.com/docker/docker-credential-helpers#development>
async fn helper(
    program: &str,
    action: &str,
    input: &str,
) -> Result<Option<Vec<u8>>, CredentialsError> {
    let helper = || program.to_owned();
    let mut command = Command::new(program);
    command.arg(action);
    let answered = child::answer(&mut command, input.as_bytes(), true, BOUNDS).await;
    let answered = answered.map_err(|error| match error {
        NoAnswer::NotRun(source) => CredentialsError::Missing {
            helper: helper(),
            source,
        },
        NoAnswer::TooSlow(_) => CredentialsError::NoAnswer { helper: helper() },
        NoAnswer::TooLong(_) => CredentialsError::Failed {
            helper: helper(),
            said: error.to_string(),
        },
    })?;
    let answer = answered.stdout;
    if answered.status.success() {
        return Ok(Some(answer));
    }
    // A helper says on stdout what is wrong, and this of what it does not keep:
    // https://github.com/docker/docker-credential-helpers/blob/master/credentials/error.go
    let said = String::from_utf8_lossy(&answer);
    match said.trim() {
        "credentials not found in native keychain" => Ok(None),
        said => Err(CredentialsError::Failed {
            helper: helper(),
            said: said.chars().take(300).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::config;
    use super::*;

    fn password(username: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::Password {
            username: username.to_owned(),
            password: password.to_owned(),
        })
    }

    #[tokio::test]
    async fn a_login_is_found_under_every_name_that_docker_gives_it() {
        let (_folder, config) = config(&format!(
            r#"{{"auths": {{
                "https://index.docker.io/v1/": {{"auth": "{hub}"}},
                "registry.example:5000": {{"auth": "{own}"}},
                "https://legacy.example/v2/": {{"username": "l", "password": "w"}},
                "token.example": {{"identitytoken": "t"}},
                "empty.example": {{}},
                "bad.example": {{"auth": "bm9jb2xvbg=="}}
            }}}}"#,
            hub = BASE64.encode(b"ada:p:q"),
            own = BASE64.encode(b"own:s")
        ));
        let of = async |host: &str| config.credentials(host).await;
        for host in ["docker.io", "registry-1.docker.io"] {
            assert_eq!(of(host).await.unwrap(), password("ada", "p:q"));
        }
        assert_eq!(
            of("registry.example:5000").await.unwrap(),
            password("own", "s")
        );
        assert_eq!(of("registry.example").await.unwrap(), None);
        assert_eq!(of("legacy.example").await.unwrap(), password("l", "w"));
        let token = Some(Credentials::Token("t".to_owned()));
        assert_eq!(of("token.example").await.unwrap(), token);
        assert_eq!(of("empty.example").await.unwrap(), None);
        let error = of("bad.example").await.unwrap_err();
        assert!(error.to_string().contains("bad.example"), "{error}");
        assert!(!format!("{config:?}").contains("p:q"));
    }

    #[tokio::test]
    async fn a_variable_with_logins_comes_before_the_file() {
        let (folder, _) =
            config(r#"{"auths": {"a.example": {"username": "file", "password": "f"}}}"#);
        let auth = BASE64.encode(b"variable:v");
        let variable = format!(r#"{{"auths": {{"a.example": {{"auth": "{auth}"}}}}}}"#);
        let read = DockerConfig::read(Some(folder.path().to_owned()), Some(&variable)).unwrap();
        let found = read.credentials("a.example").await.unwrap();
        assert_eq!(found, password("variable", "v"));
    }

    #[tokio::test]
    async fn a_helper_is_asked_as_docker_asks_it() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"#!/bin/sh
read -r server
case "$1 $server" in
"get known.example") printf '{"ServerURL": "%s", "Username": "u", "Secret": "s"}' "$server" ;;
"get token.example") printf '{"Username": "<token>", "Secret": "t"}' ;;
"get locked.example") echo "the keychain is locked"; exit 1 ;;
*) echo "credentials not found in native keychain"; exit 1 ;;
esac
"#;
        let path = folder.path().join("docker-credential-test");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = path.display().to_string();
        let of = async |host: &str| from_helper(&program, host).await;
        assert_eq!(of("known.example").await.unwrap(), password("u", "s"));
        let token = Some(Credentials::Token("t".to_owned()));
        assert_eq!(of("token.example").await.unwrap(), token);
        assert_eq!(of("other.example").await.unwrap(), None);
        let error = of("locked.example").await.unwrap_err().to_string();
        assert!(error.contains("the keychain is locked"), "{error}");
    }

    #[tokio::test]
    async fn a_helper_that_is_not_installed_is_named() {
        let (_folder, config) = config(
            r#"{"credsStore": "t3nets-none", "credHelpers": {"own.example": "t3nets-own"}}"#,
        );
        for (host, program) in [("a.example", "none"), ("own.example", "own")] {
            let error = config.credentials(host).await.unwrap_err().to_string();
            let program = format!("`docker-credential-t3nets-{program}`");
            assert!(error.contains(&program), "{error}");
        }
    }

    #[tokio::test]
    async fn a_helper_that_prints_without_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        std::fs::write(&path, "#!/bin/sh\nexec yes '{\"Username\": \"u\"}'\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = from_helper(&path.display().to_string(), "a.example").await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("more than 1024 KiB"), "{error}");
    }
}
