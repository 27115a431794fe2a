//! One file or folder per command: its `Args`, whose doc comments are its help, `run`, and the
//! `Output` it results in.
//!
//! `run` takes the [`Context`] and the arguments, says what goes on through the context's printer,
//! and returns its output or an error; [`run`] here is the one place that shows the output. What a
//! command changes it changes through the `t3nets-router` crate. [`arguments`] has the flags that
//! several commands share.

pub(crate) mod arguments;
pub(crate) mod backup;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod cost;
pub(crate) mod deploy;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod fallback;
pub(crate) mod history;
pub(crate) mod infra;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod open;
pub(crate) mod own_budgets;
pub(crate) mod page_link;
pub(crate) mod restart;
pub(crate) mod restore;
pub(crate) mod rollback;
pub(crate) mod router_url;
pub(crate) mod scale;
pub(crate) mod secret;
pub(crate) mod seed;
pub(crate) mod status;
pub(crate) mod tenant;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::{Output, Printer};
use env::EnvCommand;
use infra::InfraCommand;
use key::KeyCommand;
use secret::SecretCommand;
use tenant::TenantCommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the router on this machine: API, web page and logs
    Dev(dev::DevArgs),
    /// Ask the assistant a question, or chat
    Chat(chat::ChatArgs),
    /// Open the web page in a browser, signed in
    Open(open::OpenArgs),
    /// Write a commented t3nets.toml
    Init(init::InitArgs),
    /// List, show and select environments
    #[command(subcommand)]
    Env(env::EnvCommand),
    /// Set up tenants with an administrator and integrations; safe to repeat
    Seed(seed::SeedArgs),
    /// Manage tenants: users, channels, usage, audit trail
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Manage API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Manage credentials for integrations
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Deploy a release: build, push, roll out and verify; roll back on failure
    Deploy(deploy::DeployArgs),
    /// Roll back to an earlier release
    Rollback(rollback::RollbackArgs),
    /// Show the service status
    Status(status::StatusArgs),
    /// Show task logs
    Logs(logs::LogsArgs),
    /// List verified releases
    History(history::HistoryArgs),
    /// Replace the tasks of the running release
    Restart(restart::RestartArgs),
    /// Set the number of tasks
    Scale(scale::ScaleArgs),
    /// Create, change and destroy an environment's infrastructure with Terraform
    #[command(subcommand)]
    Infra(infra::InfraCommand),
    /// Back up a local environment to one file, even while it is in use
    Backup(backup::BackupArgs),
    /// Restore a local environment from a backup, or tables on AWS to an earlier time
    Restore(restore::RestoreArgs),
    /// Estimate the monthly cost of an environment, by service and option
    Cost(cost::CostArgs),
    /// Check the environment and show how to fix what is wrong
    Doctor(doctor::DoctorArgs),
    /// Print or install a shell completion script
    Completions(completions::CompletionsArgs),
    /// Show a manual page, or write all of them to a folder
    Man(man::ManArgs),
}

impl Command {
    /// Whether it reads `t3nets.toml`. The others must work beside a broken one.
    pub(crate) fn reads_project_file(&self) -> bool {
        !matches!(self, Self::Init(_) | Self::Completions(_) | Self::Man(_))
    }

    /// Whether it handles an interruption itself.
    pub(crate) fn ends_by_itself(&self) -> bool {
        matches!(
            self,
            Self::Dev(_)
                | Self::Chat(_)
                | Self::Deploy(_)
                | Self::Rollback(_)
                | Self::Restart(_)
                | Self::Infra(_)
        )
    }

    /// What its log shows where RUST_LOG does not say: only a server's is shown.
    pub(crate) fn log_level(&self) -> Option<&'static str> {
        matches!(self, Self::Dev(_)).then_some("info")
    }
}

/// Runs a command, shows its output, and returns the code to end with. `tree` has every command.
///
/// # Errors
/// Whatever the command fails with; that it was interrupted, if it was.
pub(crate) async fn run(
    context: &Context,
    command: Command,
    tree: fn() -> clap::Command,
) -> Result<u8, CliError> {
    let ends_by_itself = command.ends_by_itself();
    let work = run_to_end(context, command, tree);
    let ended = if ends_by_itself {
        work.await
    } else {
        tokio::select! {
            code = work => code,
            _ = tokio::signal::ctrl_c() => Err(CliError::interrupted()),
        }
    };
    match ended {
        Ok(code) => Ok(context.warn_of_unreadable(code)),
        Err(error) => Err(context.advise(error).await),
    }
}

async fn run_to_end(
    context: &Context,
    command: Command,
    tree: fn() -> clap::Command,
) -> Result<u8, CliError> {
    let printer = &context.printer;
    match command {
        Command::Dev(args) => show(printer, dev::run(context, args).await),
        Command::Chat(args) => show(printer, chat::run(context, args).await),
        Command::Open(args) => show(printer, open::run(context, args).await),
        Command::Deploy(args) => show(printer, deploy::run(context, args).await),
        Command::Rollback(args) => show(printer, rollback::run(context, args).await),
        Command::Status(args) => show(printer, status::run(context, args).await),
        Command::Logs(args) => show(printer, logs::run(context, args).await),
        Command::History(args) => show(printer, history::run(context, args).await),
        Command::Restart(args) => show(printer, restart::run(context, args).await),
        Command::Scale(args) => show(printer, scale::run(context, args).await),
        Command::Init(args) => show(printer, init::run(args)),
        Command::Env(command) => match command {
            EnvCommand::List => show(printer, Ok(env::list(context))),
            EnvCommand::Use(args) => show(printer, env::switch(context, args)),
            EnvCommand::Show(args) => show(printer, env::show(context, args).await),
        },
        Command::Seed(args) => show(printer, seed::run(context, args).await),
        Command::Tenant(command) => run_tenant(context, command).await,
        Command::Key(command) => match command {
            KeyCommand::Create(args) => show(printer, key::create::run(context, args).await),
            KeyCommand::List(args) => show(printer, key::list::run(context, args).await),
            KeyCommand::Set(args) => show(printer, key::set::run(context, args).await),
            KeyCommand::Revoke(args) => show(printer, key::revoke::run(context, args).await),
        },
        Command::Secret(command) => match command {
            SecretCommand::Set(args) => show(printer, secret::set::run(context, args).await),
            SecretCommand::List(args) => show(printer, secret::list::run(context, args).await),
            SecretCommand::Show(args) => show(printer, secret::show::run(context, args).await),
            SecretCommand::Test(args) => show(printer, secret::test::run(context, args).await),
            SecretCommand::Remove(args) => show(printer, secret::remove::run(context, args).await),
            SecretCommand::Restore(args) => {
                show(printer, secret::restore::run(context, args).await)
            }
        },
        Command::Infra(command) => match command {
            InfraCommand::Bootstrap => show(printer, infra::bootstrap::run(context).await),
            InfraCommand::Plan(args) => show(printer, infra::plan(context, args).await),
            InfraCommand::Apply(args) => show(printer, infra::apply(context, args).await),
            InfraCommand::Output(args) => show(printer, infra::output(context, args).await),
            InfraCommand::Dashboard(args) => {
                show(printer, infra::dashboard::run(context, args).await)
            }
            InfraCommand::Destroy(args) => show(printer, infra::destroy(context, args).await),
        },
        Command::Cost(args) => show(printer, cost::run(context, &args)),
        Command::Backup(args) => show(printer, backup::run(context, args).await),
        Command::Restore(args) => show(printer, restore::run(context, args).await),
        Command::Doctor(args) => show(printer, doctor::run(context, args).await),
        Command::Completions(args) => show(printer, completions::run(&args)),
        Command::Man(args) => show(printer, man::run(printer, args, tree())),
    }
}

async fn run_tenant(context: &Context, command: TenantCommand) -> Result<u8, CliError> {
    use TenantCommand::*;
    use tenant::trigger::{self, TriggerCommand};
    use tenant::{add, add_user, audit, channels, export, export_user, import, invite, list};
    use tenant::{questions, remove, remove_user};
    use tenant::{set, set_user, show as show_tenant, status, usage, users};

    let printer = &context.printer;
    match command {
        Add(args) => show(printer, add::run(context, args).await),
        List => show(printer, list::run(context).await),
        Show(args) => show(printer, show_tenant::run(context, args).await),
        Set(args) => show(printer, set::run(context, args).await),
        Suspend(args) => show(printer, status::suspend(context, args).await),
        Resume(args) => show(printer, status::resume(context, args).await),
        Remove(args) => show(printer, remove::run(context, args).await),
        Export(args) => show(printer, export::run(context, args).await),
        Import(args) => show(printer, import::run(context, args).await),
        AddUser(args) => show(printer, add_user::run(context, args).await),
        Invite(args) => show(printer, invite::run(context, args).await),
        Users(args) => show(printer, users::run(context, args).await),
        SetUser(args) => show(printer, set_user::run(context, args).await),
        ExportUser(args) => show(printer, export_user::run(context, args).await),
        RemoveUser(args) => show(printer, remove_user::run(context, args).await),
        MapChannel(args) => show(printer, channels::map(context, args).await),
        UnmapChannel(args) => show(printer, channels::unmap(context, args).await),
        Channels(args) => show(printer, channels::list(context, args).await),
        Usage(args) => show(printer, usage::run(context, args).await),
        Questions(args) => show(printer, questions::run(context, args).await),
        Trigger(command) => match command {
            TriggerCommand::List(args) => show(printer, trigger::list::run(context, args).await),
            TriggerCommand::Test(args) => show(printer, trigger::test::run(context, args).await),
            TriggerCommand::Disable(args) => {
                show(printer, trigger::switch::disable(context, args).await)
            }
            TriggerCommand::Enable(args) => {
                show(printer, trigger::switch::enable(context, args).await)
            }
        },
        Audit(args) => show(printer, audit::run(context, args).await),
    }
}

/// Shows what a command results in.
fn show(printer: &Printer, output: Result<impl Output, CliError>) -> Result<u8, CliError> {
    printer.print(&output?)
}
