//! What can be typed. The doc comments are the help.

mod complete;
#[cfg(test)]
mod docs_test;
pub(crate) mod examples;
#[cfg(test)]
mod hints_test;
pub(crate) mod variables;

use std::ffi::OsString;
use std::sync::LazyLock;

use anstream::ColorChoice;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};
use t3nets_router::model::TenantId;

use crate::commands::Command;
use crate::config::settings::Flags;
use crate::error::exit_code;
use crate::hint::{Call, TENANT, TENANT_NAME};
use crate::terminal::printer::Printer;

/// The version as `--version` shows it: with the commit it was built from.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} ({})", t3nets_router::VERSION, t3nets_router::GIT_SHA));

/// Run and operate T3nets, a multi-tenant AI assistant on AWS
#[derive(Debug, Parser)]
#[command(name = "t3nets", version = VERSION.as_str(), after_help = reference(), propagate_version = true)]
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
    /// The environment to work on (`t3nets env list` lists them)
    #[arg(long = "env", short, global = true, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Print results and errors as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Only print results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print debug output
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// When to use colors; `auto` depends on the terminal and NO_COLOR
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: ColorWhen,
    /// Answer confirmations with yes
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
}

impl GlobalArgs {
    /// What they say of the settings.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            environment: self.environment.clone(),
            verbose: self.verbose,
            assume_yes: self.yes,
        }
    }

    /// The printer that they ask for.
    pub(crate) fn printer(&self, call: Call) -> Printer {
        let color = match self.color {
            // Looks at the terminal, NO_COLOR and CLICOLOR.
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        };
        Printer::new(self.json, self.quiet, color, call)
    }
}

/// When to use colors.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// The command line, understood.
pub(crate) struct Parsed {
    /// The flags and the command.
    pub(crate) cli: Cli,
    /// The tenant that was named, however the command names it.
    pub(crate) tenant: Option<TenantId>,
}

/// Reads the command line.
///
/// # Errors
/// If it cannot be understood, or asks for help or the version.
pub(crate) fn parse() -> Result<Parsed, clap::Error> {
    let matches = command_tree()
        .color(usage_colors(std::env::args_os()))
        .try_get_matches()
        .map_err(with_tip)?;
    Ok(Parsed {
        cli: Cli::from_arg_matches(&matches)?,
        tenant: named_tenant(&matches),
    })
}

/// The colors of this call's usage errors, where this program shows them.
pub(crate) fn usage_color() -> ColorChoice {
    match usage_colors(std::env::args_os()) {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    }
}

/// The colors of help and usage errors: these are shown before `--color` is parsed.
fn usage_colors(arguments: impl Iterator<Item = OsString>) -> clap::ColorChoice {
    let arguments: Vec<OsString> = arguments.take_while(|argument| argument != "--").collect();
    let mut given = arguments.iter().enumerate().filter_map(|(at, argument)| {
        let argument = argument.to_str()?;
        match argument.strip_prefix("--color")? {
            "" => arguments.get(at + 1)?.to_str(),
            value => value.strip_prefix('='),
        }
    });
    match given.next_back() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// Commands that people expect, and what they are called here.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("configure", "init"),
    ("login", "key create --save"),
    ("undo", "rollback"),
    ("usage", "tenant usage"),
    ("user", "tenant users"),
    ("users", "tenant users"),
];

/// Adds what to type instead of a command that does not exist, or of a tenant that was given by its
/// place, if that is known.
fn with_tip(mut error: clap::Error) -> clap::Error {
    if let Some(tenant) = misplaced_tenant(&error, std::env::args()) {
        let tip = format!("`-t {tenant}` names the tenant").into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
        return error;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let called = OTHER_NAMES.iter().find(|(word, _)| word == typed);
    if let Some((_, name)) = called {
        let name = ContextValue::Strings(vec![(*name).to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, name);
    }
    error
}

/// What looks like a tenant where a command takes `--tenant` alone.
fn misplaced_tenant(error: &clap::Error, typed: impl Iterator<Item = String>) -> Option<TenantId> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let tree = command_tree();
    let mut command = &tree;
    for word in typed.skip(1) {
        command = command.find_subcommand(&word).unwrap_or(command);
    }
    let takes_tenant = |argument: &clap::Arg| argument.get_id() == TENANT;
    let tenant = unknown.parse().ok()?;
    command.get_arguments().any(takes_tenant).then_some(tenant)
}

fn named_tenant(matches: &ArgMatches) -> Option<TenantId> {
    let mut matches = matches;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    [TENANT_NAME, TENANT].into_iter().find_map(|id| {
        let tenant = matches.try_get_one::<TenantId>(id).ok()??;
        (matches.value_source(id) == Some(ValueSource::CommandLine)).then(|| tenant.clone())
    })
}

/// The commands in groups, in the order in which they are first needed.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Local", &["dev", "chat", "open", "backup", "restore"]),
    ("Tenants", &["seed", "tenant", "key", "secret"]),
    (
        "Deploy",
        &[
            "deploy", "rollback", "status", "logs", "history", "restart", "scale",
        ],
    ),
    ("AWS", &["infra", "cost", "doctor"]),
    ("Setup", &["init", "env", "completions", "man"]),
];

/// What `t3nets` alone shows: where to start, and the commands in groups.
pub(crate) fn overview() -> String {
    let groups: Vec<String> = GROUPS
        .iter()
        .map(|(name, commands)| format!("{name:<13}{}", commands.join("  ")))
        .collect();
    format!(
        "{}.\n\nStart here:  t3nets dev --demo      then: t3nets chat \"sprint status?\"\n\n{}\n\nt3nets <command> --help shows options and examples, t3nets --help the exit codes.\n",
        command_tree()
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default(),
        groups.join("\n")
    )
}

/// The whole tree of commands, with the examples of each and what a shell completes.
pub(crate) fn command_tree() -> clap::Command {
    decorated(Cli::command(), "")
}

fn decorated(command: clap::Command, path: &str) -> clap::Command {
    let examples = examples::of(path);
    let mut command = complete::with_candidates(command);
    if !examples.is_empty() {
        let shown = examples::shown(examples);
        let shown = match command.get_after_help() {
            Some(help) => format!("{help}\n\n{shown}"),
            None => shown,
        };
        command = command.after_help(shown);
    }
    let names: Vec<String> = command
        .get_subcommands()
        .map(|child| child.get_name().to_owned())
        .collect();
    for name in names {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(name, |child| decorated(child, path.trim_start()));
    }
    command
}

/// What the help shows of the program as a whole.
fn reference() -> String {
    format!("{}\n\n{}", variables::shown(), exit_codes())
}

fn exit_codes() -> String {
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

    #[test]
    fn what_is_suggested_is_a_command() {
        for (word, name) in OTHER_NAMES {
            let typed = name.split(' ').take_while(|word| !word.starts_with('-'));
            let tree = command_tree();
            let mut command = &tree;
            for verb in typed {
                command = command
                    .find_subcommand(verb)
                    .unwrap_or_else(|| panic!("{word}: {name}"));
            }
        }
    }

    #[test]
    fn the_last_color_before_the_end_of_flags_counts() {
        for (arguments, color) in [
            (&["deplyo"][..], clap::ColorChoice::Auto),
            (&["--color", "never", "deplyo"], clap::ColorChoice::Never),
            (
                &["--color=never", "--color=always"],
                clap::ColorChoice::Always,
            ),
            (&["--", "--color=never"], clap::ColorChoice::Auto),
            (&["--color"], clap::ColorChoice::Auto),
            (&["--colors=never"], clap::ColorChoice::Auto),
        ] {
            let arguments = arguments.iter().map(OsString::from);
            assert_eq!(usage_colors(arguments), color);
        }
    }

    #[test]
    fn every_command_is_in_one_group_of_the_overview() {
        let tree = command_tree();
        let mut all: Vec<&str> = tree
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        all.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, all);
    }
}
