//! Runs `terraform init` when it is due.

use std::ffi::OsString;

use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;
use crate::terraform::backend::{DEFAULT_WORKSPACE, Init, data_folder, due};
use crate::terraform::folder::{InfraEnvironment, InfraFolder};
use crate::terraform::run::{Ended, NEEDED_FOR_BUCKET, Terraform};

/// Runs `terraform init` if it is due, asking before state is moved.
///
/// # Errors
/// Not ready if Terraform is too old for the backend; a failure if init fails or moving
/// the state is not confirmed.
pub(super) async fn initialise(
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
            context.confirm("The backend changed. Move the state of every environment there?")?;
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
