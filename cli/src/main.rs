//! `t3nets`: the operator's one tool.
//!
//! Read it in this order: [`args`] is what can be typed, [`config`] merges flags, environment variables and files once,
//! [`context`] is what every command is given, and [`commands`] has one file or folder per command. A command returns an
//! output or an error; [`terminal`] and [`error`] are where either is shown. What is stored, and who may change it, is the
//! `t3nets-router` crate's business.

mod args;
mod aws;
mod commands;
mod config;
mod context;
mod cost;
#[cfg(test)]
mod docs_test;
mod error;
mod terminal;
mod terraform;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use aws as aws_environment;
use commands::arguments as admin;
use config::settings::{self, Settings};
use context::Context;
use error::{CliError, exit_code};
use terminal::logging;
use terminal::printer::{self, Printer};
use terminal::prompt;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(unparsed(&error)),
    };
    let printer = Printer::new(&cli.global);
    let code = run(cli, &printer).unwrap_or_else(|error| printer.error(&error));
    ExitCode::from(code)
}

fn run(cli: Cli, printer: &Printer) -> Result<u8, CliError> {
    let settings = Settings::load(&cli.global, cli.command.reads_project_file())?;
    logging::start(&cli.command, &settings, printer)?;
    let context = Context::new(settings, printer.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("cannot start the runtime").caused_by(&error))?;
    let code = runtime.block_on(commands::run(&context, cli.command));
    // A thread that still waits for the keyboard must not keep the program from ending.
    runtime.shutdown_background();
    code
}

/// Shows what clap has to say: help and version on stdout, a usage error on stderr, as JSON if that was asked for.
fn unparsed(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // A closed pipe is the reader's choice, not a failure.
        let _ = error.print();
        return exit_code::DONE;
    }
    let wants_json = std::env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if wants_json {
        return Printer::for_json().error(&CliError::from(error));
    }
    let _ = error.print();
    exit_code::USAGE
}
