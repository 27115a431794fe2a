//! What Terraform's state says of an environment: its outputs. The state is read, and Terraform is
//! not needed for it.
//!
//! Where it is follows from the backend that the last `terraform init` set up for the environment,
//! else from the one that is written, else it is a file in the folder; each environment has a
//! workspace of its own in there ([`workspace`]).

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use t3nets_router::aws::{AwsError, AwsErrorKind};
use t3nets_router::files;

use super::backend::{DEFAULT_WORKSPACE, Kept, backend_in_use, data_folder, workspace};
use super::folder::InfraFolder;
use super::s3::{self, S3Object};
use crate::config::settings::Settings;
use crate::error::CliError;

/// The output that says whose state it is.
pub(crate) const OWNER_OUTPUT: &str = "environment";

/// The state's file where nothing else is set.
const FILE: &str = "terraform.tfstate";
/// The limit of a state file, in bytes, as of one in S3.
pub(crate) const MAX_STATE: u64 = 64 << 20;

/// The folder with the files of the workspaces that are not the default one.
const WORKSPACES: &str = "terraform.tfstate.d";

/// What S3 backends put before a workspace's name where nothing else is set.
const S3_WORKSPACES: &str = "env:";

/// Where a state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    S3(Box<S3Object>),
    /// In a backend of this kind, which only Terraform can read.
    Elsewhere(String),
}

impl Place {
    /// Whether it is known to be the same place, however it is reached.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::S3(one), Self::S3(other)) => one.bucket == other.bucket && one.key == other.key,
            (Self::File(one), Self::File(other)) => one == other,
            _ => false,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::S3(object) => write!(f, "s3://{}/{}", object.bucket, object.key),
            Self::Elsewhere(kind) => write!(f, "the backend `{kind}`"),
        }
    }
}

/// What reading a state came to.
#[derive(Debug)]
pub(crate) enum Read<T> {
    Found(T),
    /// There is none: nothing was applied yet.
    Absent,
    /// It may not or cannot be read, and will not be the next time either. Why.
    Unreadable(String),
}

/// Where an environment's state is.
///
/// # Errors
/// Not ready if the folder's files cannot be read or understood.
pub(crate) fn place(
    settings: &Settings,
    folder: &InfraFolder,
    environment: &str,
) -> Result<Place, CliError> {
    let kept = folder.kept(environment)?;
    let local = local_file(folder.path(), environment);
    let used = match &kept {
        Kept::Nowhere { .. } => return Ok(Place::File(local)),
        // Until it was moved, a state that is here is the environment's.
        Kept::Own { .. } if has_content(&local) => return Ok(Place::File(local)),
        _ => backend_in_use(&data_folder(settings, folder.path(), environment, &kept))?,
    };
    let backend = match (used, kept.backend()) {
        (Some(used), _) => used,
        // What is written and was not set up yet has not got the state that is still here.
        (None, Some(written)) if !has_content(&local) => {
            serde_json::json!({"type": written.kind, "config": written.config})
        }
        (None, _) => return Ok(Place::File(local)),
    };
    Ok(of_backend(&backend, folder.path(), workspace(environment)))
}

/// An environment's state where it is not in a backend: a file in the folder.
pub(crate) fn local_file(folder: &Path, environment: &str) -> PathBuf {
    match workspace(environment) {
        DEFAULT_WORKSPACE => folder.join(FILE),
        workspace => folder.join(WORKSPACES).join(workspace).join(FILE),
    }
}

/// Whether there is a state in a file: Terraform leaves an empty one where it moved a state away.
pub(crate) fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() > 0)
}

/// Where a workspace's state is in a backend: its kind and settings, as written or noted down.
pub(crate) fn of_backend(backend: &Value, folder: &Path, workspace: &str) -> Place {
    let kind = backend["type"].as_str().unwrap_or_default();
    let text = |name: &str| backend["config"][name].as_str().map(str::to_owned);
    match kind {
        "local" if workspace == DEFAULT_WORKSPACE => {
            Place::File(folder.join(text("path").unwrap_or_else(|| FILE.to_owned())))
        }
        "local" => {
            let workspaces = text("workspace_dir").unwrap_or_else(|| WORKSPACES.to_owned());
            Place::File(folder.join(workspaces).join(workspace).join(FILE))
        }
        "s3" => match (text("bucket"), text("key")) {
            (Some(bucket), Some(key)) => {
                let key = match workspace {
                    DEFAULT_WORKSPACE => key,
                    workspace => {
                        let prefix = text("workspace_key_prefix");
                        let prefix = prefix.unwrap_or_else(|| S3_WORKSPACES.to_owned());
                        format!("{prefix}/{workspace}/{key}")
                    }
                };
                let config = backend["config"].as_object().cloned().unwrap_or_default();
                Place::S3(Box::new(S3Object::new(bucket, key, &config, folder)))
            }
            // Given at init, on another machine.
            _ => Place::Elsewhere(kind.to_owned()),
        },
        kind => Place::Elsewhere(kind.to_owned()),
    }
}

/// Reads the outputs of a state, by name, with their values.
///
/// # Errors
/// Not ready if it is there and is not understood, or is another environment's; as AWS
/// says if a bucket cannot be reached.
pub(crate) async fn read(
    place: &Place,
    profile: Option<&str>,
    environment: &str,
) -> Result<Read<Map<String, Value>>, CliError> {
    let text = match read_whole(place, profile).await? {
        Read::Found(text) => text,
        Read::Absent => return Ok(Read::Absent),
        Read::Unreadable(why) => return Ok(Read::Unreadable(why)),
    };
    let outputs = outputs(&text, &place.to_string(), environment)?;
    Ok(if outputs.is_empty() {
        Read::Absent
    } else {
        Read::Found(outputs)
    })
}

/// Reads a state as it is.
///
/// # Errors
/// Not ready if a file cannot be read; as AWS says if a bucket cannot be reached.
pub(crate) async fn read_whole(
    place: &Place,
    profile: Option<&str>,
) -> Result<Read<Vec<u8>>, CliError> {
    let text = match place {
        Place::File(path) => match files::read(path, MAX_STATE) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Read::Absent),
            Err(error) => {
                return Err(CliError::not_ready(format!(
                    "cannot read Terraform's state `{place}`"
                ))
                .caused_by(error));
            }
        },
        Place::S3(object) => match s3::read(object, profile).await {
            Ok(text) => text,
            Err(error) => return refused(object, error),
        },
        Place::Elsewhere(kind) => {
            return Ok(Read::Unreadable(format!(
                "only Terraform reads the backend `{kind}`"
            )));
        }
    };
    Ok(if text.is_empty() {
        Read::Absent
    } else {
        Read::Found(text)
    })
}

/// What the bucket's answer says of the state.
fn refused<T>(object: &S3Object, error: AwsError) -> Result<Read<T>, CliError> {
    match (error.code.as_deref(), error.kind) {
        (Some("NoSuchKey"), _) => Ok(Read::Absent),
        (Some("NoSuchBucket"), _) => Ok(Read::Unreadable(format!(
            "the bucket `{}` does not exist",
            object.bucket
        ))),
        (_, AwsErrorKind::Permission) => Ok(Read::Unreadable(
            "these credentials may not read it".to_owned(),
        )),
        _ => Err(CliError::aws(
            format!(
                "cannot read Terraform's state s3://{}/{}",
                object.bucket, object.key
            ),
            error,
        )),
    }
}

#[derive(Deserialize)]
struct StateFile {
    version: u64,
    #[serde(default)]
    outputs: Map<String, Value>,
}

/// A state's outputs, which must be this environment's.
fn outputs(text: &[u8], place: &str, environment: &str) -> Result<Map<String, Value>, CliError> {
    let what = || format!("cannot understand Terraform's state `{place}`");
    let state: StateFile = serde_json::from_slice(text).map_err(|error| {
        CliError::not_ready(what())
            .caused_by(error)
            .hint("is it encrypted, or not a state at all?")
    })?;
    if state.version != 4 {
        return Err(CliError::not_ready(what()).hint(format!(
            "its format has version {}, and this program knows 4",
            state.version
        )));
    }
    let outputs: Map<String, Value> = state
        .outputs
        .into_iter()
        .filter_map(|(name, mut output)| Some((name, output.get_mut("value")?.take())))
        .collect();
    match outputs.get(OWNER_OUTPUT).and_then(Value::as_str) {
        Some(owner) if owner != environment => Err(CliError::not_ready(format!(
            "the state `{place}` is environment `{owner}`'s, not `{environment}`'s"
        ))
        .hint(format!(
            "environment `{environment}` has the workspace `{}` (infra/README.md, State)",
            workspace(environment)
        ))),
        _ => Ok(outputs),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FOLDER: &str = "/p/infra/aws";

    fn placed(kind: &str, config: Value, workspace: &str) -> String {
        let backend = json!({"type": kind, "config": config});
        of_backend(&backend, Path::new(FOLDER), workspace).to_string()
    }

    #[test]
    fn a_state_in_files_has_a_folder_for_every_workspace_but_the_default_one() {
        let file = |environment| local_file(Path::new(FOLDER), environment);
        assert_eq!(file("dev"), Path::new("/p/infra/aws/terraform.tfstate"));
        let prod = "/p/infra/aws/terraform.tfstate.d/prod/terraform.tfstate";
        assert_eq!(file("prod"), Path::new(prod));
        assert_eq!(placed("local", json!({}), "prod"), prod);
        let elsewhere = json!({"path": "/s/x.tfstate", "workspace_dir": "/s/w"});
        assert_eq!(
            placed("local", elsewhere.clone(), "default"),
            "/s/x.tfstate"
        );
        assert_eq!(
            placed("local", elsewhere, "prod"),
            "/s/w/prod/terraform.tfstate"
        );
    }

    #[test]
    fn a_state_in_a_bucket_has_a_prefix_for_every_workspace_but_the_default_one() {
        let config = json!({"bucket": "b", "key": "k/s", "workspace_key_prefix": null});
        assert_eq!(placed("s3", config.clone(), "default"), "s3://b/k/s");
        assert_eq!(placed("s3", config, "prod"), "s3://b/env:/prod/k/s");
        let config = json!({"bucket": "b", "key": "k/s", "workspace_key_prefix": "w"});
        assert_eq!(placed("s3", config, "prod"), "s3://b/w/prod/k/s");
    }

    #[test]
    fn what_only_terraform_can_read_is_named() {
        for (kind, config) in [("gcs", json!({})), ("s3", json!({"bucket": "b"}))] {
            let backend = json!({"type": kind, "config": config});
            let place = of_backend(&backend, Path::new(FOLDER), "default");
            assert_eq!(place, Place::Elsewhere(kind.to_owned()));
        }
    }

    fn state(environment: &str) -> Vec<u8> {
        json!({"version": 4, "outputs": {
            "environment": {"value": environment, "type": "string"},
            "tenants_table_name": {"value": "t", "type": "string"},
        }})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn another_environments_state_is_refused() {
        let read = outputs(&state("dev"), "s", "dev").unwrap();
        assert_eq!(read["tenants_table_name"], "t");
        let error = outputs(&state("prod"), "s", "dev").unwrap_err();
        assert!(error.message.contains("`prod`'s, not `dev`'s"), "{error:?}");
        assert_eq!(error.kind.exit_code(), 3);
    }

    #[test]
    fn what_is_no_state_is_an_error_that_says_so() {
        for bad in [&b"{"[..], b"[]", b"{\"version\": 3}", b"\xff"] {
            let error = outputs(bad, "s", "dev").unwrap_err();
            assert_eq!(error.message, "cannot understand Terraform's state `s`");
        }
        assert!(outputs(b"{\"version\": 4}", "s", "dev").unwrap().is_empty());
    }
}
