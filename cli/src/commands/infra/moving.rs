//! Moves an environment's state to a backend of its own. `terraform init -migrate-state` would move
//! every workspace there is, and so into an account that must not see the others.
//!
//! It goes by way of the file in the folder: what is there is the environment's state until the
//! backend has it, so an interruption loses nothing, and the next run goes on.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use t3nets_router::files;

use super::Work;
use crate::error::CliError;
use crate::terraform::backend::{Backend, former_backend, workspace};
use crate::terraform::run::Ended;
use crate::terraform::state::{
    MAX_STATE, Place, Read, has_content, local_file, of_backend, read_whole,
};

/// A state that is in the folder and belongs in a backend.
pub(super) struct ToMove {
    file: PathBuf,
    to: Place,
}

/// Which state it is, and how often it was changed.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Version {
    lineage: String,
    serial: u64,
}

impl Version {
    /// # Errors
    /// Not ready if it is no state.
    fn of(text: &[u8], place: &dyn std::fmt::Display) -> Result<Self, CliError> {
        serde_json::from_slice(text).map_err(|error| {
            CliError::not_ready(format!("cannot understand Terraform's state `{place}`"))
                .caused_by(error)
        })
    }

    /// Whether it is the other one, or what became of it.
    fn follows(&self, other: &Self) -> bool {
        self.lineage == other.lineage && self.serial >= other.serial
    }
}

/// Brings the state to move into the folder, once that was confirmed; `None` if there is none.
///
/// # Errors
/// Not ready if the former backend cannot be read or the folder has an unrelated state; a failure
/// if it is not confirmed.
pub(super) async fn begin(work: &Work<'_>, backend: &Backend) -> Result<Option<ToMove>, CliError> {
    let (folder, name) = (work.folder.path(), &work.environment.name);
    let place = |noted: Value| of_backend(&noted, folder, workspace(name));
    let to = place(json!({"type": backend.kind, "config": backend.config}));
    let file = local_file(folder, name);
    let former = former_backend(&work.data, backend)?.map(place);
    let former = former.filter(|former| !former.is_same(&to));
    let text = match &former {
        Some(former) => read_former(former, work).await?,
        None => None,
    };
    let from = match (&text, former) {
        (Some(_), Some(former)) => former,
        _ if has_content(&file) => Place::File(file.clone()),
        _ => return Ok(None),
    };
    work.context
        .confirm(&format!("Move the state of `{name}` from {from} to {to}?"))?;
    if let Some(text) = text {
        put(&file, &text, &from)?;
    }
    Ok(Some(ToMove { file, to }))
}

async fn read_former(former: &Place, work: &Work<'_>) -> Result<Option<Vec<u8>>, CliError> {
    let profile = work.environment.profile.as_deref();
    match read_whole(former, profile).await? {
        Read::Found(text) => Ok(Some(text)),
        Read::Absent => Ok(None),
        Read::Unreadable(why) => Err(CliError::not_ready(format!(
            "the state of `{}` has to be moved from {former}: {why}",
            work.environment.name
        ))
        .hint("infra/README.md (State) says how to move it by hand")),
    }
}

/// Writes a state to its file in the folder, in one step.
fn put(file: &Path, text: &[u8], from: &Place) -> Result<(), CliError> {
    if has_content(file) {
        let there = files::read(file, MAX_STATE).map_err(|error| cannot(file, "read", error))?;
        let there = Version::of(&there, &file.display())?;
        if !Version::of(text, from)?.follows(&there) {
            return Err(CliError::not_ready(format!(
                "there are two states: `{}` and {from}",
                file.display()
            ))
            .hint("move the one away that is not in use"));
        }
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::NamedTempFile::new_in(folder))
        .and_then(|mut new| {
            new.write_all(text)?;
            new.as_file().sync_all()?;
            new.persist(file).map_err(|error| error.error)
        });
    written
        .map(drop)
        .map_err(|error| cannot(file, "write", error))
}

/// Hands the state to the backend, which `terraform init` has set up, and puts the file aside.
///
/// # Errors
/// A failure if the backend does not take it: it has another state, for example.
pub(super) async fn finish(work: &Work<'_>, moving: ToMove) -> Result<(), CliError> {
    let ToMove { file, to } = moving;
    let name = &work.environment.name;
    let text = files::read(&file, MAX_STATE).map_err(|error| cannot(&file, "read", error))?;
    let version = Version::of(&text, &file.display())?;
    let runs = work.runs(workspace(name)).output_to_stderr();
    let there = runs.answer(vec!["state".into(), "pull".into()]).await?;
    let has_it = !there.trim_ascii().is_empty() && Version::of(&there, &to)?.follows(&version);
    if !has_it {
        let push = vec!["state".into(), "push".into(), file.clone().into_os_string()];
        match runs.run(&work.context.printer, push).await? {
            Ended::With(0) | Ended::WellThoughInterrupted => {}
            Ended::Interrupted => return Err(CliError::interrupted()),
            Ended::With(_) | Ended::Killed(_) => {
                return Err(CliError::failed(format!(
                    "the state of `{name}` could not be moved to {to}"
                ))
                .hint(format!(
                    "it is still in `{}`; the reason is above",
                    file.display()
                )));
            }
        }
    }
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let aside = file.with_extension(format!("tfstate.moved-{now}"));
    std::fs::rename(&file, &aside).map_err(|error| cannot(&file, "rename", error))?;
    work.context.printer.status(format!(
        "moved the state of `{name}` to {to}; what it was is in {}",
        aside.display()
    ));
    Ok(())
}

fn cannot(file: &Path, what: &str, error: std::io::Error) -> CliError {
    CliError::failed(format!("cannot {what} `{}`", file.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(lineage: &str, serial: u64) -> Vec<u8> {
        json!({"version": 4, "lineage": lineage, "serial": serial})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn a_state_in_the_folder_is_replaced_by_its_own_later_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d/terraform.tfstate");
        let from = Place::Elsewhere("s3".to_owned());
        let kept = || Version::of(&std::fs::read(&file).unwrap(), &"f").unwrap();
        put(&file, &state("a", 3), &from).unwrap();
        put(&file, &state("a", 4), &from).unwrap();
        for (lineage, serial) in [("a", 2), ("b", 9)] {
            let error = put(&file, &state(lineage, serial), &from).unwrap_err();
            assert!(error.message.contains("two states"), "{error:?}");
        }
        assert_eq!(kept().serial, 4);
    }
}
