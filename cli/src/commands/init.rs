//! `t3nets init`: a commented `t3nets.toml`.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::project_file::{FILE_NAME, TEMPLATE};
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;

/// Where to write, and whether to overwrite.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// Overwrite an existing t3nets.toml
    #[arg(long)]
    force: bool,
    /// The folder to write to
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct InitOutput {
    file: PathBuf,
}

impl Output for InitOutput {
    fn text(&self) -> String {
        format!("wrote {}", self.file.display())
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::command(
            "dev --demo",
            "runs the assistant with sample data",
        )]
    }
}

/// Writes the file.
///
/// # Errors
/// A failure if it already exists, or cannot be written.
pub(crate) fn run(args: InitArgs) -> Result<InitOutput, CliError> {
    let file = args.folder.join(FILE_NAME);
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    options
        .open(&file)
        .and_then(|mut file| file.write_all(TEMPLATE.as_bytes()))
        .map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                CliError::failed(format!("`{}` already exists", file.display()))
                    .hint("`--force` overwrites it")
            } else {
                CliError::failed(format!("cannot write `{}`", file.display())).caused_by(&error)
            }
        })?;
    Ok(InitOutput { file })
}
