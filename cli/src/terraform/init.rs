//! When `terraform init` is due for where the state is to be.
//!
//! Every environment has a workspace of its own in one backend: `default` for dev, so that plain `terraform` commands in the
//! folder mean dev, and its own name for every other. It is chosen by `TF_WORKSPACE` for each run and never remembered, so two
//! runs on two environments cannot confuse each other.

use std::ffi::OsString;
use std::path::Path;

use serde_json::Value;

use super::folder::{
    Backend, DEFAULT_WORKSPACE, InfraEnvironment, InfraFolder, backend_in_use, data_folder,
};
use super::run::{Ended, NEEDED_FOR_BUCKET, Terraform};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::prompt;

/// What has to happen before Terraform can work in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Init {
    /// Nothing.
    Done,
    /// Modules and providers are missing.
    Due,
    /// The state is to be kept elsewhere from now on, and there is none yet.
    NewBackend,
    /// The state is to be kept elsewhere from now on, and has to be moved there.
    Move,
}

/// Runs `terraform init` if it is due, asking before state is moved.
///
/// # Errors
/// Not ready if Terraform is too old for the backend; a failure if init fails or moving the state is not confirmed.
pub(crate) async fn initialise(
    context: &Context,
    terraform: &Terraform,
    folder: &InfraFolder,
    environment: &InfraEnvironment,
) -> Result<(), CliError> {
    let backend = folder.backend()?;
    if let Some(backend) = &backend
        && backend.config.get("use_lockfile") == Some(&Value::Bool(true))
    {
        terraform.require(
            NEEDED_FOR_BUCKET,
            "the state's bucket, which locks by itself,",
        )?;
    }
    let data = data_folder(&context.settings, folder.path());
    let more: &[&str] = match due(folder.path(), &data, backend.as_ref())? {
        Init::Done => return Ok(()),
        Init::Due => &[],
        Init::NewBackend => &["-reconfigure"],
        Init::Move => {
            prompt::confirm(
                context,
                "The backend changed. Move the state of every environment there?",
            )?;
            &["-migrate-state", "-force-copy"]
        }
    };
    let mut arguments: Vec<OsString> = vec!["init".into(), "-input=false".into()];
    if !context.printer.colors_stderr() {
        arguments.push("-no-color".into());
    }
    arguments.extend(more.iter().map(OsString::from));
    context
        .printer
        .status(format!("terraform init in {}", folder.path().display()));
    let ended = terraform
        .in_folder(folder.path())
        // The one workspace that is there before the first apply.
        .of_environment(environment, DEFAULT_WORKSPACE)
        .output_to_stderr()
        .run(&context.printer, arguments)
        .await?;
    match ended {
        Ended::With(0) => Ok(()),
        Ended::Interrupted | Ended::WellThoughInterrupted => Err(CliError::interrupted()),
        Ended::With(_) | Ended::Killed(_) => Err(CliError::failed("terraform init failed")
            .hint("nothing was changed on AWS; the reason is above")),
    }
}

fn due(folder: &Path, data: &Path, backend: Option<&Backend>) -> Result<Init, CliError> {
    let used = backend_in_use(data)?;
    if !agree(backend, used.as_ref()) {
        let has_state = used.is_some()
            || folder.join("terraform.tfstate").exists()
            || folder.join("terraform.tfstate.d").exists();
        return Ok(if has_state {
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

/// Whether the backend in use is the one that is written. What the files leave open was given at init and stays.
fn agree(written: Option<&Backend>, used: Option<&Value>) -> bool {
    match (written, used) {
        (None, None) => true,
        (Some(written), Some(used)) => {
            used["type"] == written.kind.as_str()
                && written
                    .config
                    .iter()
                    .all(|(name, value)| used["config"][name] == *value)
        }
        (Some(_), None) | (None, Some(_)) => false,
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
            due(self.0.path(), &self.0.path().join(".terraform"), backend).unwrap()
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
}
