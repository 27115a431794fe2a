//! `t3nets completions`: a shell's completion script.

use clap_complete::Shell;
use serde::Serialize;

use crate::terminal::printer::Output;

/// Arguments of `t3nets completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Serialize)]
pub(crate) struct CompletionsOutput {
    script: String,
}

impl Output for CompletionsOutput {
    fn text(&self) -> String {
        self.script.trim_end().to_owned()
    }
}

/// Makes the script for the tree of commands.
pub(crate) fn run(args: &CompletionsArgs, tree: &mut clap::Command) -> CompletionsOutput {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, tree, "t3nets", &mut script);
    CompletionsOutput {
        script: String::from_utf8_lossy(&script).into_owned(),
    }
}
