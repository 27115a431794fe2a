//! What can be typed. The doc comments are the help.

use std::sync::LazyLock;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::commands::{
    chat, completions, cost, deploy, dev, doctor, env, history, infra, init, key, logs, man,
    restart, rollback, scale, secret, seed, status, tenant,
};
use crate::error::exit_code;

/// The version as `--version` shows it: with the commit it was built from.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} ({})", t3nets_router::VERSION, t3nets_router::GIT_SHA));

/// The operator's one tool for T3nets, the AI assistant that answers teams from their own tools.
#[derive(Debug, Parser)]
#[command(name = "t3nets", version = VERSION.as_str(), after_help = after_help(), propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Work on this environment (`t3nets env list` shows which there are)
    #[arg(long = "env", short, global = true, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Show results and errors as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Show all that goes on
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// When to use colours; `auto` looks at the terminal and NO_COLOR
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: ColorWhen,
    /// Confirm destructive work without being asked
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the router on this machine: API, web page and logs
    Dev(dev::DevArgs),
    /// Ask the assistant: one message, or a conversation
    Chat(chat::ChatArgs),
    /// Write a commented t3nets.toml into the current folder
    Init(init::InitArgs),
    /// Which environments there are, and which is in use
    #[command(subcommand)]
    Env(env::EnvCommand),
    /// Set tenants up: tenant, administrator, integrations; repeating it changes nothing
    Seed(seed::SeedArgs),
    /// Tenants, and the people, channels, usage and audit trail inside one
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Credentials for outside systems
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Bring an image to where the service runs, watch it come up, and go back if it does not
    Deploy(deploy::DeployArgs),
    /// Go back to an earlier release
    Rollback(rollback::RollbackArgs),
    /// What the service runs, and how it fares
    Status(status::StatusArgs),
    /// What the tasks wrote
    Logs(logs::LogsArgs),
    /// The releases that were verified
    History(history::HistoryArgs),
    /// Give the running release new tasks
    Restart(restart::RestartArgs),
    /// Change how many tasks the service is to have
    Scale(scale::ScaleArgs),
    /// Make, show and remove an environment's infrastructure on AWS, by Terraform
    #[command(subcommand)]
    Infra(infra::InfraCommand),
    /// Estimate what an environment costs a month, per service, and what each option would change
    Cost(cost::CostArgs),
    /// Check everything the environment needs, each with its remedy
    Doctor(doctor::DoctorArgs),
    /// Print a shell's completion script
    Completions(completions::CompletionsArgs),
    /// Print a manual page, or write all of them into a folder
    Man(man::ManArgs),
}

impl Command {
    /// Whether it works by the environments in `t3nets.toml`. What does not must work beside a broken one.
    pub(crate) fn reads_project_file(&self) -> bool {
        !matches!(self, Self::Init(_) | Self::Completions(_) | Self::Man(_))
    }

    /// Whether it has its own way to end when it is interrupted.
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

    /// Whether it is a server, whose log is shown.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Dev(_))
    }
}

/// The whole tree of commands, for what is generated from it.
pub(crate) fn command_tree() -> clap::Command {
    Cli::command()
}

fn after_help() -> String {
    let codes: Vec<String> = exit_code::ALL
        .iter()
        .map(|(code, meaning)| format!("  {code:<3}  {meaning}"))
        .collect();
    format!("Exit codes:\n{}", codes.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_commands_is_sound() {
        command_tree().debug_assert();
    }
}
