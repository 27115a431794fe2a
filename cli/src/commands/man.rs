//! `t3nets man`: manual pages, made from the same tree as the help.

use std::path::{Path, PathBuf};

use clap_mangen::Man;
use serde::Serialize;

use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;

/// Arguments of `t3nets man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The command whose page to print, such as `tenant add` [default: t3nets itself]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write all pages to this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    all: Option<PathBuf>,
}

/// One page, or where all of them are.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ManOutput {
    /// One page.
    Page {
        /// Its source, in roff.
        page: String,
    },
    /// The files that were written.
    Files {
        /// Their paths, in the order of the commands.
        files: Vec<PathBuf>,
    },
}

impl Output for ManOutput {
    fn text(&self) -> String {
        match self {
            Self::Page { page } => page.trim_end().to_owned(),
            Self::Files { files } => files
                .iter()
                .map(|file| file.display().to_string())
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }
}

/// Makes the page of the tree of commands, or all of them.
///
/// # Errors
/// Usage if there is no such command; a failure if a file cannot be written.
pub(crate) fn run(args: ManArgs, tree: clap::Command) -> Result<ManOutput, CliError> {
    let mut tree = tree.disable_help_subcommand(true);
    tree.build();
    if let Some(folder) = args.all {
        let mut files = Vec::new();
        write_pages(&tree, &folder, &mut files)?;
        return Ok(ManOutput::Files { files });
    }
    let mut command = &tree;
    for name in &args.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            CliError::usage(format!("unknown command `{}`", args.command.join(" ")))
                .hint(Hint::command("--help", "lists the commands"))
        })?;
    }
    Ok(ManOutput::Page {
        page: render(command)?,
    })
}

fn write_pages(
    command: &clap::Command,
    folder: &Path,
    files: &mut Vec<PathBuf>,
) -> Result<(), CliError> {
    let cannot_write = |path: &Path, error: std::io::Error| {
        CliError::failed(format!("cannot write `{}`", path.display())).caused_by(error)
    };
    std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
    let path = folder.join(Man::new(command.clone()).get_filename());
    std::fs::write(&path, render(command)?).map_err(|error| cannot_write(&path, error))?;
    files.push(path);
    for child in command
        .get_subcommands()
        .filter(|child| !child.is_hide_set())
    {
        write_pages(child, folder, files)?;
    }
    Ok(())
}

fn render(command: &clap::Command) -> Result<String, CliError> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| CliError::failed("cannot make the page").caused_by(error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
