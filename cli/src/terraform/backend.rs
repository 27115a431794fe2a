//! Where the state is kept: the backend that is written, the one that the last `terraform init` set
//! up, and when the next is due.
//!
//! An environment's backend is the block in the folder's files with the settings in
//! `environments/NAME.KIND.tfbackend`, so that each can be in an account of its own; Terraform then
//! has working data of its own for it. Settings in the block alone are every environment's.
//!
//! Every environment has a workspace of its own, too: `default` for dev, so that plain `terraform`
//! commands in the folder mean dev, and its own name for every other. It is chosen by
//! `TF_WORKSPACE` for each run and never remembered, so two runs on two environments cannot confuse
//! each other.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::config::settings::Settings;
use crate::error::CliError;
use t3nets_router::files;

/// The environment whose state is in the workspace that Terraform uses by itself.
const BY_DEFAULT: &str = "dev";

/// The workspace that every configuration has.
pub(crate) const DEFAULT_WORKSPACE: &str = "default";

/// Where Terraform keeps its working data where nothing else is set.
const DATA: &str = ".terraform";

/// A backend, as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Backend {
    /// The kind, such as `s3`.
    pub(crate) kind: String,
    /// The settings in its block, and in the environment's file.
    pub(crate) config: Map<String, Value>,
}

/// Where an environment keeps its state, as the files of the folder say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kept {
    /// In a file in the folder.
    InFolder,
    /// In a backend that every environment uses.
    Shared(Backend),
    /// In a backend with settings of its own, in this file.
    Own { backend: Backend, file: PathBuf },
    /// Nowhere yet: other environments have such a file, and this one would need it, too.
    Nowhere { file: PathBuf },
}

impl Kept {
    /// The backend, if one is written.
    pub(crate) fn backend(&self) -> Option<&Backend> {
        match self {
            Self::Shared(backend) | Self::Own { backend, .. } => Some(backend),
            Self::InFolder | Self::Nowhere { .. } => None,
        }
    }
}

/// What has to happen before Terraform can work in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Init {
    Done,
    /// Modules and providers are missing.
    Due,
    /// The state is to be kept elsewhere from now on, and there is none yet.
    NewBackend,
    /// The state is to be kept elsewhere from now on, and has to be moved there.
    Move,
}

/// An environment's workspace: dev has the one that plain `terraform` commands in the folder use,
/// every other one of its own name.
pub(crate) fn workspace(environment: &str) -> &str {
    if environment == BY_DEFAULT {
        DEFAULT_WORKSPACE
    } else {
        environment
    }
}

/// Where Terraform keeps its working data for an environment in a folder: the backend in use is
/// noted there, so those with one of their own cannot share it. Dev has the place that plain
/// `terraform` commands use.
pub(crate) fn data_folder(
    settings: &Settings,
    folder: &Path,
    environment: &str,
    kept: &Kept,
) -> PathBuf {
    let data = settings.terraform_data_dir.as_deref();
    // `join` keeps an absolute path as it is.
    let data = folder.join(data.unwrap_or(Path::new(DATA)));
    match kept {
        Kept::Own { .. } if environment != BY_DEFAULT => {
            data.join("environments").join(environment)
        }
        _ => data,
    }
}

/// The backend that the last init set up, as Terraform notes it down in its working data: `{"type":
/// "s3", "config": {…}}`.
///
/// # Errors
/// Not ready if the note cannot be read or understood.
pub(crate) fn backend_in_use(data: &Path) -> Result<Option<Value>, CliError> {
    let path = data.join("terraform.tfstate");
    let text = match files::read(&path, files::USUAL_LIMIT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(
                CliError::not_ready(format!("cannot read `{}`", path.display())).caused_by(error),
            );
        }
    };
    let noted: Value = serde_json::from_slice(&text).map_err(|error| {
        CliError::not_ready(format!("cannot understand `{}`", path.display()))
            .caused_by(error)
            .hint("`terraform init -reconfigure` writes it again")
    })?;
    Ok(noted
        .get("backend")
        .filter(|backend| !backend.is_null())
        .cloned())
}

/// The backend in use as the last init noted it down, if it is another one than is written.
///
/// # Errors
/// As [`backend_in_use`].
pub(crate) fn former_backend(data: &Path, written: &Backend) -> Result<Option<Value>, CliError> {
    let used = backend_in_use(data)?;
    Ok(used.filter(|used| !agree(Some(written), Some(used))))
}

/// What has to happen before Terraform can work in `folder`, whose working data are in `data`. The
/// state of an environment with a backend of its own is never Terraform's to move: it would move
/// every environment's.
///
/// # Errors
/// Not ready if the note of the last init cannot be read or understood.
pub(crate) fn due(folder: &Path, data: &Path, kept: &Kept) -> Result<Init, CliError> {
    let used = backend_in_use(data)?;
    if !agree(kept.backend(), used.as_ref()) {
        let has_state = used.is_some()
            || folder.join("terraform.tfstate").exists()
            || folder.join("terraform.tfstate.d").exists();
        let is_own = matches!(kept, Kept::Own { .. });
        return Ok(if has_state && !is_own {
            Init::Move
        } else {
            Init::NewBackend
        });
    }
    let complete = data.join("modules/modules.json").is_file()
        && data.join("providers").is_dir()
        && folder.join(".terraform.lock.hcl").is_file();
    Ok(if complete { Init::Done } else { Init::Due })
}

/// Whether the backend in use is the one that is written. What the files leave open was given at
/// init and stays.
fn agree(written: Option<&Backend>, used: Option<&Value>) -> bool {
    match (written, used) {
        (None, None) => true,
        (Some(written), Some(used)) => {
            used["type"] == written.kind.as_str()
                && written
                    .config
                    .iter()
                    .all(|(name, value)| is_in(value, &used["config"][name]))
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether what is written is what is used. In a setting that holds others, Terraform notes down
/// those that are not written, too.
fn is_in(written: &Value, used: &Value) -> bool {
    match (written, used) {
        (Value::Object(written), Value::Object(used)) => written
            .iter()
            .all(|(name, value)| used.get(name).is_some_and(|used| is_in(value, used))),
        (written, used) => written == used,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bucket(name: &str) -> Backend {
        let Value::Object(config) = json!({"bucket": name, "encrypt": true}) else {
            panic!("not an object");
        };
        Backend {
            kind: "s3".into(),
            config,
        }
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn has(self, path: &str, content: &str) -> Self {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
            self
        }

        fn initialised(self) -> Self {
            self.has(".terraform/modules/modules.json", "{}")
                .has(".terraform/providers/x", "")
                .has(".terraform.lock.hcl", "")
        }

        fn due(&self, backend: Option<&Backend>) -> Init {
            let kept = match backend {
                Some(backend) => Kept::Shared(backend.clone()),
                None => Kept::InFolder,
            };
            self.due_where(&kept)
        }

        fn due_where(&self, kept: &Kept) -> Init {
            due(self.0.path(), &self.0.path().join(".terraform"), kept).unwrap()
        }
    }

    const USED: &str = r#"{"backend": {"type": "s3", "config": {"bucket": "a", "encrypt": true, "profile": null}}}"#;

    #[test]
    fn init_is_due_until_modules_providers_and_lock_are_there() {
        assert_eq!(Folder::new().due(None), Init::Due);
        assert_eq!(Folder::new().initialised().due(None), Init::Done);
    }

    #[test]
    fn a_new_backend_moves_what_there_is() {
        let fresh = Folder::new();
        assert_eq!(fresh.due(Some(&bucket("a"))), Init::NewBackend);
        for state in [
            "terraform.tfstate",
            "terraform.tfstate.d/prod/terraform.tfstate",
        ] {
            let folder = Folder::new().initialised().has(state, "{}");
            assert_eq!(folder.due(Some(&bucket("a"))), Init::Move, "{state}");
        }
        let folder = Folder::new()
            .initialised()
            .has(".terraform/terraform.tfstate", USED);
        assert_eq!(folder.due(Some(&bucket("a"))), Init::Done);
        assert_eq!(folder.due(Some(&bucket("b"))), Init::Move);
        assert_eq!(folder.due(None), Init::Move);
    }

    #[test]
    fn a_backend_of_ones_own_moves_nothing_of_the_others() {
        let folder = Folder::new()
            .initialised()
            .has(".terraform/terraform.tfstate", USED);
        let own = |name| Kept::Own {
            backend: bucket(name),
            file: "environments/prod.s3.tfbackend".into(),
        };
        assert_eq!(folder.due_where(&own("a")), Init::Done);
        assert_eq!(folder.due_where(&own("b")), Init::NewBackend);
    }

    #[test]
    fn a_role_that_is_written_is_the_one_that_was_noted_down_with_more_settings() {
        let used = r#"{"backend": {"type": "s3", "config": {"assume_role": {"role_arn": "r", "policy": null}}}}"#;
        let folder = Folder::new()
            .initialised()
            .has(".terraform/terraform.tfstate", used);
        let with = |role: &str| Backend {
            kind: "s3".into(),
            config: Map::from_iter([("assume_role".to_owned(), json!({"role_arn": role}))]),
        };
        assert_eq!(folder.due(Some(&with("r"))), Init::Done);
        assert_eq!(folder.due(Some(&with("s"))), Init::Move);
    }
}
