//! What to do next, as data. A hint that names a command of this program holds its words alone; the
//! environment and the tenant that the call worked on are added where it is shown, so that it can
//! be run as it is printed.

use std::fmt;

use clap::parser::ValueSource;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Advice that is no command of this program.
    Text(String),
    /// A command of this program.
    Command {
        /// What is typed after `t3nets`: `tenant list`.
        words: String,
        /// What the command does for the reader: `shows the tenants`.
        purpose: String,
    },
}

impl Hint {
    /// A command of this program, by what is typed after `t3nets`, and what it is good for here.
    pub(crate) fn command(words: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self::Command {
            words: words.into(),
            purpose: purpose.into(),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Command { words, purpose } => write!(f, "`t3nets {words}` {purpose}"),
        }
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The call of the program that hints are made for.
#[derive(Clone)]
pub(crate) struct Call {
    tree: fn() -> clap::Command,
    environment: Option<String>,
    tenant: Option<String>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("environment", &self.environment)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A call of one of the commands in `tree`, of which no more is known.
    pub(crate) fn new(tree: fn() -> clap::Command) -> Self {
        Self {
            tree,
            environment: None,
            tenant: None,
        }
    }

    /// It was given this environment, which the same call without it would not have worked on.
    pub(crate) fn in_environment(self, environment: Option<String>) -> Self {
        Self {
            environment,
            ..self
        }
    }

    /// It was given this tenant.
    pub(crate) fn in_tenant(self, tenant: Option<String>) -> Self {
        Self { tenant, ..self }
    }

    /// The hint as it is shown.
    pub(crate) fn render(&self, hint: &Hint) -> String {
        match hint {
            Hint::Text(text) => text.clone(),
            Hint::Command { words, purpose } => {
                format!("`{}` {purpose}", self.command_line(words))
            }
        }
    }

    /// The command as it is typed to work where this call did.
    pub(crate) fn command_line(&self, words: &str) -> String {
        let mut tree = (self.tree)();
        let line = format!("t3nets {words}");
        let parsed = match tree.try_get_matches_from_mut(line.split_whitespace()) {
            Ok(parsed) => parsed,
            Err(error) => {
                debug_assert!(!error.use_stderr(), "`{line}` cannot be run: {error}");
                return line;
            }
        };
        let mut command = &tree;
        let mut matches = &parsed;
        while let Some((name, inner)) = matches.subcommand() {
            matches = inner;
            if let Some(found) = command.find_subcommand(name) {
                command = found;
            }
        }
        let takes = |id: &str| {
            command
                .get_arguments()
                .any(|argument| argument.get_id() == id)
        };
        let is_given = |id: &str| {
            matches.ids().any(|given| given == id)
                && matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        let mut more = String::new();
        if let Some(tenant) = &self.tenant
            && takes(TENANT)
            && !is_given(TENANT)
            && !is_given(TENANT_NAME)
        {
            more.push_str(&format!(" -t {tenant}"));
        }
        if let Some(environment) = &self.environment
            && !is_given(ENVIRONMENT)
            && !WITHOUT_ENVIRONMENT.contains(&words.split(' ').next().unwrap_or_default())
        {
            more.push_str(&format!(" -e {environment}"));
        }
        match line.split_once(" -- ") {
            Some((before, after)) => format!("{before}{more} -- {after}"),
            None => format!("{line}{more}"),
        }
    }
}

/// The id of the argument `--tenant` in every command that has it.
pub(crate) const TENANT: &str = "tenant";
/// The id of the argument that names a tenant by its place.
pub(crate) const TENANT_NAME: &str = "named_tenant";
/// The id of the argument `--env`.
const ENVIRONMENT: &str = "environment";
/// The commands that work on no environment, or name it otherwise.
const WITHOUT_ENVIRONMENT: [&str; 5] = ["completions", "env", "init", "man", "help"];
