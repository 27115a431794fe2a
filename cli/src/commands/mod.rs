//! One file or folder per command: its `Args`, whose doc comments are its help, `run`, and the `Output` it results in.
//!
//! `run` takes the [`Context`] and the arguments, says what goes on through the context's printer, and returns its output or
//! an error; [`run`] here shows the output, once. What a command changes it changes through the `t3nets-router` crate.

pub(crate) mod arguments;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod cost;
pub(crate) mod deploy;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod history;
pub(crate) mod infra;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod restart;
pub(crate) mod rollback;
pub(crate) mod scale;
pub(crate) mod secret;
pub(crate) mod seed;
pub(crate) mod status;
pub(crate) mod tenant;

use crate::args::Command;
use crate::context::Context;
use crate::error::{CliError, exit_code};

/// Runs a command, shows its output, and says with which code to end.
///
/// # Errors
/// Whatever the command fails with; that it was interrupted, if it was.
pub(crate) async fn run(context: &Context, command: Command) -> Result<u8, CliError> {
    let ends_by_itself = command.ends_by_itself();
    let work = run_to_end(context, command);
    let ended = if ends_by_itself {
        work.await
    } else {
        tokio::select! {
            code = work => code,
            _ = tokio::signal::ctrl_c() => Err(CliError::interrupted()),
        }
    };
    ended.map_err(|error| context.advise(error))
}

async fn run_to_end(context: &Context, command: Command) -> Result<u8, CliError> {
    let printer = &context.printer;
    match command {
        Command::Dev(args) => dev::run(context, args).await.map(|()| exit_code::DONE),
        Command::Chat(args) => chat::run(context, args).await,
        Command::Deploy(args) => deploy::run(context, args).await,
        Command::Rollback(args) => rollback::run(context, args).await,
        Command::Status(args) => status::run(context, args).await,
        Command::Logs(args) => logs::run(context, args).await,
        Command::History(args) => printer.print(&history::run(context, args).await?),
        Command::Restart(args) => restart::run(context, args).await,
        Command::Scale(args) => printer.print(&scale::run(context, args).await?),
        Command::Init(args) => printer.print(&init::run(context, args)?),
        Command::Env(command) => env::run(context, command).await,
        Command::Seed(args) => printer.print(&seed::run(context, args).await?),
        Command::Tenant(command) => tenant::run(context, command).await,
        Command::Key(command) => key::run(context, command).await,
        Command::Secret(command) => secret::run(context, command).await,
        Command::Infra(command) => infra::run(context, command).await,
        Command::Cost(args) => printer.print(&cost::run(context, &args)?),
        Command::Doctor(args) => printer.print(&doctor::run(context, args).await?),
        Command::Completions(args) => printer.print(&completions::run(&args)),
        Command::Man(args) => printer.print(&man::run(args)?),
    }
}
