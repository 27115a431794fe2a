//! `t3nets`: the operator's one tool.
//!
//! Read it in this order: [`args`] is what can be typed, [`config`] merges flags, environment
//! variables and files once, [`context`] is what every command is given, and [`commands`] has one
//! file or folder per command. A command returns an output or an error; [`terminal`] is where
//! either is shown, with the [`hint`]s that fit the call. Below them are [`aws`] (an environment's
//! names and session), [`terraform`], and [`cost`]. A deploy is the `t3nets-deploy` crate's
//! business; what is stored, and who may change it, is the `t3nets-router` crate's business.

mod args;
mod aws;
mod commands;
mod config;
mod context;
mod cost;
mod error;
mod hint;
mod terminal;
mod terraform;

use std::process::ExitCode;

use anstream::ColorChoice;
use args::{Parsed, command_tree};
use clap::error::ErrorKind;
use clap_complete::CompleteEnv;
use config::settings::Settings;
use context::Context;
use error::{CliError, exit_code};
use hint::Call;
use terminal::logging;
use terminal::printer::Printer;

fn main() -> ExitCode {
    // A shell asks what can be typed next. It does so by this variable, and nothing is done then.
    CompleteEnv::with_factory(command_tree)
        .bin("t3nets")
        .complete();
    let code = match args::parse() {
        Ok(parsed) => run(parsed),
        Err(error) => show_usage(&error),
    };
    ExitCode::from(code)
}

/// Runs the command and returns the code to end with; what fails is shown.
fn run(parsed: Parsed) -> u8 {
    let Parsed { cli, tenant } = parsed;
    let call = Call::new(command_tree).in_tenant(tenant.map(|tenant| tenant.to_string()));
    let loaded = Settings::load(&cli.global.flags(), cli.command.reads_project_file());
    let settings = match loaded {
        Ok(settings) => settings,
        Err(error) => return cli.global.printer(call).error(&error),
    };
    let call = call.in_environment(settings.named_environment().map(str::to_owned));
    let printer = cli.global.printer(call);
    run_command(cli.command, settings, &printer).unwrap_or_else(|error| printer.error(&error))
}

fn run_command(
    command: commands::Command,
    settings: Settings,
    printer: &Printer,
) -> Result<u8, CliError> {
    logging::start(command.log_level(), &settings, printer)?;
    let context = Context::new(settings, printer.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("cannot start the runtime").caused_by(error))?;
    let code = runtime.block_on(commands::run(&context, command, command_tree));
    // A thread that still waits for the keyboard must not keep the program from ending.
    runtime.shutdown_background();
    code
}

/// Shows what clap has to say: help and version on stdout, a usage error on stderr, as JSON if that
/// was asked for.
fn show_usage(error: &clap::Error) -> u8 {
    // `t3nets` alone asks where to start; a command of it without its verb is a usage error.
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        && std::env::args_os().len() == 1
    {
        let printer = Printer::new(false, false, ColorChoice::Auto, Call::new(command_tree));
        return match printer.show(args::overview().trim_end()) {
            Ok(()) => exit_code::DONE,
            Err(error) => printer.error(&error),
        };
    }
    if !error.use_stderr() {
        // A closed pipe is the reader's choice, not a failure.
        let _ = error.print();
        return exit_code::DONE;
    }
    let wants_json = std::env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if wants_json {
        let printer = Printer::new(true, false, ColorChoice::Never, Call::new(command_tree));
        return printer.error(&CliError::from(error));
    }
    Printer::new(false, false, args::usage_color(), Call::new(command_tree)).usage_error(error);
    exit_code::USAGE
}
