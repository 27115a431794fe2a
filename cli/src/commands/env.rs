//! `t3nets env`: which environments there are, and which is in use.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::aws::{AwsEnvironment, Found, Name, State};
use crate::config::home::remember_environment;
use crate::config::settings::{ChosenBy, Environment, PlatformKind, Settings};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::{Output, plain, table};

/// What to do with environments.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum EnvCommand {
    /// List the environments there are
    List,
    /// Use an environment from now on, unless a flag or a variable says otherwise
    Use {
        /// The environment's name
        name: String,
    },
    /// Show an environment: the one in use, or another
    Show {
        /// The environment's name; the one in use without it
        name: Option<String>,
    },
}

/// Every environment.
#[derive(Debug, Serialize)]
struct EnvList {
    environments: Vec<EnvLine>,
}

#[derive(Debug, Serialize)]
struct EnvLine {
    in_use: bool,
    #[serde(flatten)]
    environment: Environment,
}

impl Output for EnvList {
    fn text(&self) -> String {
        table(
            &["", "name", "platform", "region"],
            self.environments.iter().map(|line| {
                [
                    if line.in_use { "*" } else { "" }.to_owned(),
                    line.environment.name.clone(),
                    line.environment.platform.to_string(),
                    line.environment.region.clone().unwrap_or_default(),
                ]
            }),
        )
    }
}

/// One environment in full.
#[derive(Debug, Serialize)]
struct EnvShow {
    #[serde(flatten)]
    environment: Environment,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen_by: Option<ChosenBy>,
    project_file: Option<PathBuf>,
    /// Of one on AWS: its names there.
    #[serde(flatten)]
    aws: Option<AwsView>,
}

/// An environment's names on AWS, and where each comes from.
#[derive(Debug, Serialize)]
struct AwsView {
    terraform_state: String,
    names: BTreeMap<&'static str, Found>,
}

impl AwsView {
    fn new(environment: &AwsEnvironment) -> Self {
        let found = |name: Name| Some((name.key(), environment.get(name)?.clone()));
        Self {
            terraform_state: environment.state.to_string(),
            names: Name::ALL.into_iter().filter_map(found).collect(),
        }
    }

    fn text(&self) -> String {
        let shown = Name::ALL.into_iter().filter_map(|name| {
            let found = self.names.get(name.key())?;
            Some([
                name.key().to_owned(),
                found.value.clone(),
                found.source.to_string(),
            ])
        });
        format!(
            "state     {}\n\n{}",
            plain(&self.terraform_state),
            table(&["name", "value", "from"], shown)
        )
    }
}

impl Output for EnvShow {
    fn text(&self) -> String {
        let environment = &self.environment;
        let mut rows = vec![
            ("name", environment.name.clone()),
            ("platform", environment.platform.to_string()),
        ];
        rows.extend(environment.region.clone().map(|text| ("region", text)));
        rows.extend(environment.profile.clone().map(|text| ("profile", text)));
        rows.extend(environment.url.clone().map(|url| ("url", url.into())));
        rows.push(("protected", environment.protected.to_string()));
        rows.push(("home", environment.home.display().to_string()));
        rows.push((
            "in use",
            match self.chosen_by {
                Some(chosen_by) => format!("yes ({chosen_by})"),
                None => "no".to_owned(),
            },
        ));
        rows.push((
            "file",
            match &self.project_file {
                Some(path) => path.display().to_string(),
                None => "no t3nets.toml here or above".to_owned(),
            },
        ));
        let mut lines: Vec<_> = rows
            .iter()
            .map(|(name, value)| format!("{name:<10}{value}"))
            .collect();
        lines.extend(self.aws.as_ref().map(AwsView::text));
        lines.join("\n")
    }
}

/// Runs the command.
///
/// # Errors
/// Not ready if there is no such environment.
pub(crate) async fn run(context: &Context, command: EnvCommand) -> Result<u8, CliError> {
    let settings = &context.settings;
    match command {
        EnvCommand::List => context.printer.print(&list(settings)),
        EnvCommand::Use { name } => {
            settings.environment_named(&name)?;
            remember_environment(&settings.home, &name)?;
            if matches!(settings.chosen_by, ChosenBy::Flag | ChosenBy::Variable) {
                context.printer.warning(format!(
                    "`{}` is still in use here ({})",
                    settings.environment_name, settings.chosen_by
                ));
            }
            let chosen_by = Some(ChosenBy::EnvUse);
            context
                .printer
                .print(&show(settings, &name, chosen_by, None)?)
        }
        EnvCommand::Show { name } => {
            let name = match name {
                Some(name) => name,
                None => settings.environment()?.name.clone(),
            };
            let chosen_by = (name == settings.environment_name).then_some(settings.chosen_by);
            let aws = aws_view(context, &name).await?;
            context
                .printer
                .print(&show(settings, &name, chosen_by, aws)?)
        }
    }
}

fn list(settings: &Settings) -> EnvList {
    EnvList {
        environments: settings
            .environments
            .iter()
            .map(|environment| EnvLine {
                in_use: environment.name == settings.environment_name,
                environment: environment.clone(),
            })
            .collect(),
    }
}

fn show(
    settings: &Settings,
    name: &str,
    chosen_by: Option<ChosenBy>,
    aws: Option<AwsView>,
) -> Result<EnvShow, CliError> {
    Ok(EnvShow {
        environment: settings.environment_named(name)?.clone(),
        chosen_by,
        project_file: settings.project_file.clone(),
        aws,
    })
}

/// Also where Terraform's state cannot be read: what is known without it, and why it is no more.
async fn aws_view(context: &Context, name: &str) -> Result<Option<AwsView>, CliError> {
    let environment = context.settings.environment_named(name)?;
    if environment.platform != PlatformKind::Aws {
        return Ok(None);
    }
    let resolved = match AwsEnvironment::resolve(&context.settings, environment).await {
        Ok(resolved) => resolved,
        Err(error) => AwsEnvironment::without_terraform(environment, &error),
    };
    if let State::Closed(..) = resolved.state {
        context.printer.warning(plain(&resolved.state.to_string()));
    }
    Ok(Some(AwsView::new(&resolved)))
}
