//! `t3nets man`: manual pages, made from the same tree as the help.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap_mangen::Man;
use roff::{Roff, bold, roman};
use serde::Serialize;

use crate::args::examples::{self, Example};
use crate::args::variables::{FILES, VARIABLES};
use crate::error::{CliError, exit_code};
use crate::hint::Hint;
use crate::terminal::printer::{Output, Printer};

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
    /// `man` showed it.
    #[serde(skip)]
    Shown,
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
            Self::Shown => String::new(),
        }
    }

    fn is_verbatim(&self) -> bool {
        true
    }

    fn is_streamed(&self) -> bool {
        matches!(self, Self::Shown)
    }
}

/// Makes the page of the tree of commands, or all of them. At a terminal, `man` shows it.
///
/// # Errors
/// Usage if there is no such command; a failure if a file cannot be written.
pub(crate) fn run(
    printer: &Printer,
    args: ManArgs,
    tree: clap::Command,
) -> Result<ManOutput, CliError> {
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
    let page = render(command)?;
    if !std::io::stdout().is_terminal() || printer.is_json() {
        return Ok(ManOutput::Page { page });
    }
    match show(&page) {
        Ok(()) => Ok(ManOutput::Shown),
        // Without `man`, the help says the same.
        Err(_) => Ok(ManOutput::Page {
            page: command.clone().render_long_help().to_string(),
        }),
    }
}

/// Lets `man` show a page, which it takes from a file whose name has a slash.
fn show(page: &str) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix("t3nets-")
        .suffix(".1")
        .tempfile()?;
    file.write_all(page.as_bytes())?;
    let status = Command::new("man").arg(file.path()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(std::io::Error::other("man failed")),
    }
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
    let path = command.get_bin_name().unwrap_or("t3nets");
    let path = path.strip_prefix("t3nets").unwrap_or(path).trim();
    // The examples have a section of their own.
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page))
        .and_then(|()| match command.has_subcommands() {
            true => man.render_subcommands_section(&mut page),
            false => Ok(()),
        })
        .and_then(|()| sections(path).to_writer(&mut page))
        .map_err(|error| CliError::failed("cannot make the page").caused_by(error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// What no part of the tree says: examples, and of the program as a whole its variables and files.
/// An empty path is the program's.
fn sections(path: &str) -> Roff {
    let mut page = Roff::new();
    if path.is_empty() {
        list(&mut page, "ENVIRONMENT", VARIABLES);
        list(&mut page, "FILES", FILES);
    }
    let codes = exit_code::ALL.map(|(code, meaning)| (code.to_string(), meaning));
    list(&mut page, "EXIT STATUS", &codes);
    let examples: &[Example] = examples::of(path);
    if !examples.is_empty() {
        page.control("SH", ["EXAMPLES"]);
    }
    for (purpose, words) in examples {
        page.control("PP", []);
        page.text([roman(*purpose)]);
        page.control("RS", ["4"]);
        page.text([bold(format!("t3nets {words}"))]);
        page.control("RE", []);
    }
    page
}

fn list(page: &mut Roff, title: &str, entries: &[(impl AsRef<str>, &str)]) {
    page.control("SH", [title]);
    for (name, what) in entries {
        page.control("TP", []);
        page.text([bold(name.as_ref())]);
        page.text([roman(*what)]);
    }
}
