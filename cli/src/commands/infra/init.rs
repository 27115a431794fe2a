//! Runs `terraform init` when it is due.

use std::ffi::OsString;
use std::path::Path;

use hcl::expr::to_expression;
use hcl::{Block, Body};
use serde_json::{Map, Value};

use super::{Work, moving};
use crate::error::CliError;
use crate::terraform::backend::{DEFAULT_WORKSPACE, Init, Kept, due};
use crate::terraform::run::{Ended, NEEDED_FOR_BUCKET};

/// Runs `terraform init` if it is due, asking before state is moved.
///
/// # Errors
/// Not ready if Terraform is too old for the backend; a failure if init fails or moving
/// the state is not confirmed.
pub(super) async fn initialise(work: &Work<'_>) -> Result<(), CliError> {
    let backend = work.kept.backend();
    if let Some(backend) = backend
        && backend.config.get("use_lockfile") == Some(&Value::Bool(true))
    {
        work.terraform.require(
            NEEDED_FOR_BUCKET,
            "the state's bucket, which locks by itself,",
        )?;
    }
    let moving = match &work.kept {
        Kept::Own { backend, .. } => moving::begin(work, backend).await?,
        _ => None,
    };
    let due = due(work.folder.path(), &work.data, &work.kept)?;
    if due == Init::Move {
        let question = "The backend changed. Move the state of every environment there?";
        work.context.confirm(question)?;
    }
    if due != Init::Done {
        init(work, due).await?;
    }
    match moving {
        Some(moving) => moving::finish(work, moving).await,
        None => Ok(()),
    }
}

async fn init(work: &Work<'_>, due: Init) -> Result<(), CliError> {
    let (printer, folder) = (&work.context.printer, work.folder.path());
    printer.status(format!("terraform init in {}", folder.display()));
    let file = match &work.kept {
        Kept::Own { file, .. } => Some(folder.join(file)),
        _ => None,
    };
    let mut more = Vec::new();
    if !printer.colors_stderr() {
        more.push("-no-color");
    }
    match (due, &file) {
        (Init::NewBackend, Some(file)) => note_backend(work, file).await?,
        (Init::NewBackend, None) => more.push("-reconfigure"),
        (Init::Move, _) => more.extend(["-migrate-state", "-force-copy"]),
        (Init::Done | Init::Due, _) => {}
    }
    // The one workspace that is there before the first apply.
    let runs = work.runs(DEFAULT_WORKSPACE).output_to_stderr();
    match runs.run(printer, arguments(&more, file.as_deref())).await? {
        Ended::With(0) => Ok(()),
        Ended::Interrupted | Ended::WellThoughInterrupted => Err(CliError::interrupted()),
        Ended::With(_) | Ended::Killed(_) => Err(CliError::failed("terraform init failed")
            .hint("nothing was changed on AWS; the reason is above")),
    }
}

/// Has Terraform note an environment's own backend down, in a folder with nothing but its block: in
/// the real one, Terraform moves every state there is, `-reconfigure` or not, those of other
/// environments too.
async fn note_backend(work: &Work<'_>, file: &Path) -> Result<(), CliError> {
    let cannot = |error| CliError::failed("cannot write to the temporary folder").caused_by(error);
    let parent = tempfile::tempdir().map_err(cannot)?;
    let folder = parent.path().join("backend");
    let text = match work.folder.block()? {
        Some(block) => block_text(&block.kind, block.config)?,
        None => String::new(),
    };
    std::fs::create_dir(&folder)
        .and_then(|()| std::fs::write(folder.join("backend.tf"), text))
        .map_err(cannot)?;
    let runs = work.runs_in(&folder, DEFAULT_WORKSPACE);
    let arguments = arguments(&["-no-color", "-reconfigure"], Some(file));
    match runs.answer(arguments).await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.hint("nothing was changed on AWS")),
    }
}

fn arguments(more: &[&str], settings: Option<&Path>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["init", "-input=false"].map(Into::into).into();
    arguments.extend(more.iter().map(OsString::from));
    arguments.extend(settings.map(|file| format!("-backend-config={}", file.display()).into()));
    arguments
}

fn block_text(kind: &str, settings: Map<String, Value>) -> Result<String, CliError> {
    let written = || {
        let mut backend = Block::builder("backend").add_label(kind);
        for (name, value) in settings {
            backend = backend.add_attribute((name, to_expression(value)?));
        }
        let terraform = Block::builder("terraform").add_block(backend.build());
        hcl::to_string(&Body::builder().add_block(terraform.build()).build())
    };
    written().map_err(|error| CliError::failed("cannot write the backend's block").caused_by(error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_block_is_written_as_terraform_reads_it() {
        let Value::Object(settings) = json!({"encrypt": true, "bucket": "a\"${b}"}) else {
            panic!("not an object");
        };
        let text = block_text("s3", settings).unwrap();
        assert!(
            text.starts_with("terraform {\n  backend \"s3\" {\n"),
            "{text}"
        );
        assert!(text.contains("encrypt = true\n"), "{text}");
        assert!(text.contains(r#"bucket = "a\"$${b}""#), "{text}");
    }
}
