//! `t3nets init`: a commented `t3nets.toml`.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::project_file::{FILE_NAME, TEMPLATE};
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use t3nets_router::files;

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
    /// The `.gitignore` that `.env` was added to, unless it was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<PathBuf>,
}

impl Output for InitOutput {
    fn text(&self) -> String {
        let wrote = format!("wrote {}", self.file.display());
        match &self.ignored {
            Some(path) => format!("{wrote}\nadded `.env` to {}", path.display()),
            None => wrote,
        }
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
                CliError::failed(format!("cannot write `{}`", file.display())).caused_by(error)
            }
        })?;
    let ignored = ignore_dotenv(&args.folder.join(".gitignore"))?;
    Ok(InitOutput { file, ignored })
}

/// Adds `.env`, from which `t3nets seed` reads credentials, to `.gitignore`.
fn ignore_dotenv(path: &Path) -> Result<Option<PathBuf>, CliError> {
    let unwritten = |error: std::io::Error| {
        CliError::failed(format!("cannot write `{}`", path.display())).caused_by(error)
    };
    let before = match files::read(path, files::USUAL_LIMIT) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unwritten(error)),
    };
    let is_ignored = |line: &str| matches!(line.trim(), ".env" | "/.env" | ".env*" | "*.env");
    if before.lines().any(is_ignored) {
        return Ok(None);
    }
    let line = match before.is_empty() || before.ends_with('\n') {
        true => ".env\n",
        false => "\n.env\n",
    };
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(unwritten)?;
    Ok(Some(path.to_owned()))
}
