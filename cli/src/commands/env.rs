//! `t3nets env`: lists, shows and selects environments.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::aws::{AwsEnvironment, Found, Name, TerraformState};
use crate::config::environment::{ChosenBy, Environment, PlatformKind};
use crate::config::home::remember_environment;
use crate::config::settings::Settings;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::strip_control_chars;

/// What to do with environments.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum EnvCommand {
    /// List the environments
    #[command(alias = "ls")]
    List,
    /// Select an environment; --env and T3NETS_ENVIRONMENT override it
    #[command(aliases = ["select", "switch"])]
    Use(UseArgs),
    /// Show an environment
    #[command(aliases = ["get", "describe"])]
    Show(ShowArgs),
}

/// Arguments of `t3nets env use`.
#[derive(Debug, clap::Args)]
pub(crate) struct UseArgs {
    /// The environment's name
    name: String,
}

/// Arguments of `t3nets env show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The environment's name [default: the one in use]
    name: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct EnvList {
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
pub(crate) struct EnvShow {
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
            strip_control_chars(&self.terraform_state),
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

/// Lists the environments.
pub(crate) fn list(context: &Context) -> EnvList {
    let settings = &context.settings;
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

/// Remembers an environment as the one to use.
///
/// # Errors
/// Not ready if there is no such environment.
pub(crate) fn switch(context: &Context, args: UseArgs) -> Result<EnvShow, CliError> {
    let settings = &context.settings;
    settings.environment_named(&args.name)?;
    remember_environment(&settings.home, &args.name)?;
    if settings.named_environment().is_some() {
        context.printer.warning(format!(
            "`{}` is still in use here ({})",
            settings.environment_name, settings.chosen_by
        ));
    }
    view(settings, &args.name, Some(ChosenBy::EnvUse), None)
}

/// Shows an environment: the one in use, or another.
///
/// # Errors
/// Not ready if there is no such environment.
pub(crate) async fn show(context: &Context, args: ShowArgs) -> Result<EnvShow, CliError> {
    let settings = &context.settings;
    let name = match args.name {
        Some(name) => name,
        None => settings.environment()?.name.clone(),
    };
    let chosen_by = (name == settings.environment_name).then_some(settings.chosen_by);
    let aws = aws_view(context, &name).await?;
    view(settings, &name, chosen_by, aws)
}

fn view(
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

/// Also where Terraform's state cannot be read: what is known without it, and why not more.
async fn aws_view(context: &Context, name: &str) -> Result<Option<AwsView>, CliError> {
    let environment = context.settings.environment_named(name)?;
    if environment.platform != PlatformKind::Aws {
        return Ok(None);
    }
    let resolved = match AwsEnvironment::resolve(&context.settings, environment).await {
        Ok(resolved) => resolved,
        Err(error) => AwsEnvironment::without_terraform(environment, &error),
    };
    if let TerraformState::Unreadable(..) = resolved.state {
        context
            .printer
            .warning(strip_control_chars(&resolved.state.to_string()));
    }
    Ok(Some(AwsView::new(&resolved)))
}
