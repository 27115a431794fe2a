//! `t3nets completions`: a shell's completion script. The script asks the program itself what can
//! be typed next, so that environments, tenants, users and keys are completed, too.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap_complete::Shell;
use clap_complete::env::Shells;
use etcetera::BaseStrategy;
use serde::Serialize;

use crate::config::home;
use crate::error::CliError;
use crate::terminal::printer::Output;

/// The variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";

/// Arguments of `t3nets completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell [default: the one in SHELL]
    shell: Option<Shell>,
    /// Write the script to where the shell finds it, for you alone
    #[arg(long)]
    install: bool,
}

/// The script, or where it is.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum CompletionsOutput {
    Script {
        script: String,
    },
    Installed {
        shell: String,
        file: PathBuf,
        /// What has to be added to the shell's own start-up file, if anything.
        #[serde(skip_serializing_if = "Option::is_none")]
        add: Option<String>,
    },
}

impl Output for CompletionsOutput {
    fn text(&self) -> String {
        match self {
            Self::Script { script } => script.trim_end().to_owned(),
            Self::Installed { shell, file, add } => {
                let written = format!("completions for {shell} written to `{}`", file.display());
                match add {
                    Some(add) => format!("{written}\nadd this to your {shell} profile:\n  {add}"),
                    None => format!("{written}; they work in new shells"),
                }
            }
        }
    }

    fn is_verbatim(&self) -> bool {
        matches!(self, Self::Script { .. })
    }
}

/// Makes the script, and writes it if asked.
///
/// # Errors
/// Usage if the shell is not known; a failure if the file cannot be written.
pub(crate) fn run(args: &CompletionsArgs) -> Result<CompletionsOutput, CliError> {
    let shell = args.shell.or_else(Shell::from_env).ok_or_else(|| {
        let known: Vec<String> = Shell::value_variants()
            .iter()
            .map(Shell::to_string)
            .collect();
        CliError::usage("SHELL names no shell that is known here")
            .hint(format!("name it: {}", known.join(", ")))
    })?;
    let script = script(shell)?;
    if !args.install {
        return Ok(CompletionsOutput::Script { script });
    }
    let folders = etcetera::choose_base_strategy().map_err(|error| {
        CliError::not_ready("cannot tell where your home directory is").caused_by(error)
    })?;
    let (file, add) = place(shell, &folders.data_dir(), &folders.config_dir());
    home::write_private(&file, script.as_bytes())?;
    Ok(CompletionsOutput::Installed {
        shell: shell.to_string(),
        file,
        add,
    })
}

fn script(shell: Shell) -> Result<String, CliError> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells
        .completer(&name)
        .ok_or_else(|| CliError::failed(format!("there are no completions for {name}")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "t3nets", "t3nets", "t3nets", &mut script)
        .map_err(|error| CliError::failed("cannot make the script").caused_by(error))?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Where a shell looks for the completions of one person, and what its start-up file needs where it
/// does not look by itself.
fn place(shell: Shell, data: &Path, config: &Path) -> (PathBuf, Option<String>) {
    let read = |command: &str, file: &Path| Some(format!("{command} {}", file.display()));
    match shell {
        // https://github.com/scop/bash-completion/blob/main/README.md
        Shell::Bash => (data.join("bash-completion/completions/t3nets"), None),
        // https://fishshell.com/docs/current/completions.html#where-to-put-completions
        Shell::Fish => (config.join("fish/completions/t3nets.fish"), None),
        Shell::Zsh => {
            let file = data.join("t3nets/completions.zsh");
            let add = read("source", &file);
            (file, add)
        }
        Shell::PowerShell => {
            let file = data.join("t3nets/completions.ps1");
            let add = read(".", &file);
            (file, add)
        }
        _ => {
            let file = config.join("elvish/lib/t3nets-completions.elv");
            (file, Some("use t3nets-completions".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_asks_the_program_itself() {
        for shell in Shell::value_variants() {
            let script = script(*shell).unwrap();
            assert!(
                script.contains(VARIABLE) && script.contains("t3nets"),
                "{shell}: {script}"
            );
        }
    }
}
