//! Flags, environment variables and files, merged once. Commands see the result and never where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::args::GlobalArgs;
use crate::config::home;
use crate::config::project_file::{EnvironmentTable, ProjectFile, is_environment_name};
use crate::error::CliError;
use crate::terraform::folder::InfraFolder;

/// The environment that needs nothing but this program.
pub(crate) const LOCAL: &str = "local";

/// What the program works by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// This machine's state.
    pub(crate) home: PathBuf,
    /// The `t3nets.toml` that was found, if one was.
    pub(crate) project_file: Option<PathBuf>,
    /// Every environment there is, by name.
    pub(crate) environments: Vec<Environment>,
    /// The name of the environment in use. There may be none of that name: see [`Settings::environment`].
    pub(crate) environment_name: String,
    /// Why that one.
    pub(crate) chosen_by: ChosenBy,
    /// Whether this process runs inside an AWS environment (`T3NETS_ENV=aws`), where local ones are refused.
    pub(crate) inside_aws: bool,
    /// Whether destructive work is confirmed already.
    pub(crate) assume_yes: bool,
    /// Whether everything that goes on is shown.
    pub(crate) verbose: bool,
    /// What the log shows, if `RUST_LOG` says.
    pub(crate) log_filter: Option<String>,
    /// Who runs the program.
    pub(crate) user: String,
    /// The key that `T3NETS_API_KEY` gives.
    pub(crate) api_key: Option<SecretString>,
    /// Where the Terraform is, if `t3nets.toml` says.
    pub(crate) infra_dir: Option<PathBuf>,
    /// The program that `T3NETS_TERRAFORM` names instead of `terraform` or `tofu`.
    pub(crate) terraform: Option<String>,
    /// Where Terraform keeps its working data, if `TF_DATA_DIR` says.
    pub(crate) terraform_data_dir: Option<PathBuf>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Environment {
    /// Its name.
    pub(crate) name: String,
    /// What it runs on.
    pub(crate) platform: PlatformKind,
    /// The AWS region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// The AWS profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    /// Where its router answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<url::Url>,
    /// Whether changes ask for the environment's name.
    pub(crate) protected: bool,
    /// What `t3nets.toml` says of its names on AWS, by its keys.
    #[serde(skip)]
    pub(crate) names: BTreeMap<&'static str, String>,
    /// What defines it.
    pub(crate) defined_by: DefinedBy,
    /// Where its state lives on this machine: the data of a local environment, the stored keys of any.
    pub(crate) home: PathBuf,
}

/// What defines an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DefinedBy {
    /// It is always there.
    Program,
    /// `t3nets.toml`.
    ProjectFile,
    /// Its `NAME.tfvars` in the Terraform folder.
    Terraform,
}

/// What an environment runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlatformKind {
    /// This machine.
    Local,
    /// AWS.
    Aws,
}

impl fmt::Display for PlatformKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Aws => "aws",
        })
    }
}

/// What chose the environment in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChosenBy {
    /// `--env`.
    Flag,
    /// `T3NETS_ENVIRONMENT`.
    Variable,
    /// `t3nets env use`.
    EnvUse,
    /// `default_env` in `t3nets.toml`.
    ProjectFile,
    /// Nothing did.
    Default,
}

impl fmt::Display for ChosenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "by --env",
            Self::Variable => "by T3NETS_ENVIRONMENT",
            Self::EnvUse => "by `t3nets env use`",
            Self::ProjectFile => "by default_env in t3nets.toml",
            Self::Default => "the default",
        })
    }
}

/// The environment variables that are read here; an empty one counts as not set.
#[derive(Debug, Clone, Default)]
struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    const READ: [&str; 10] = [
        "T3NETS_HOME",
        "T3NETS_ENVIRONMENT",
        "T3NETS_ENV",
        "T3NETS_API_KEY",
        "T3NETS_TERRAFORM",
        "TF_DATA_DIR",
        "RUST_LOG",
        "USER",
        "LOGNAME",
        "USERNAME",
    ];

    fn of_process() -> Self {
        Self(
            Self::READ
                .into_iter()
                .filter_map(|name| Some((name, std::env::var(name).ok()?)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl Settings {
    /// Reads what there is and merges it.
    ///
    /// # Errors
    /// Not ready if there is no home directory, or a file cannot be read or understood.
    pub(crate) fn load(flags: &GlobalArgs, reads_project_file: bool) -> Result<Self, CliError> {
        let variables = Variables::of_process();
        let home = match variables.get("T3NETS_HOME") {
            Some(home) => std::path::absolute(home).map_err(|error| {
                CliError::not_ready("cannot understand T3NETS_HOME").caused_by(&error)
            })?,
            None => home::default_home()?,
        };
        let (project_file, made_by_terraform) = if reads_project_file {
            let current = std::env::current_dir().map_err(|error| {
                CliError::not_ready("cannot tell the current folder").caused_by(&error)
            })?;
            let file = ProjectFile::find(&current)?;
            let folder = match file.as_ref().and_then(ProjectFile::infra_dir) {
                Some(path) => InfraFolder::at(&path),
                None => InfraFolder::above(&current),
            };
            // A folder that cannot be read is the matter of those commands that need it.
            let names = folder.and_then(|folder| folder.environments().ok());
            (file, names.unwrap_or_default())
        } else {
            (None, Vec::new())
        };
        let used = home::environment_in_use(&home)?;
        let mut settings = Self::merge(flags, &variables, home, project_file, used);
        settings.add_made_by_terraform(made_by_terraform);
        Ok(settings)
    }

    /// Adds the environments that Terraform has settings for and `t3nets.toml` does not know.
    fn add_made_by_terraform(&mut self, names: Vec<String>) {
        for name in names {
            if is_environment_name(&name) && self.environment_named(&name).is_err() {
                self.environments.push(Environment {
                    home: environment_home(&self.home, &name),
                    platform: PlatformKind::Aws,
                    region: None,
                    profile: None,
                    url: None,
                    protected: false,
                    names: BTreeMap::new(),
                    defined_by: DefinedBy::Terraform,
                    name,
                });
            }
        }
        self.environments.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn merge(
        flags: &GlobalArgs,
        variables: &Variables,
        home: PathBuf,
        project_file: Option<ProjectFile>,
        used: Option<String>,
    ) -> Self {
        let default_env = project_file
            .as_ref()
            .and_then(|file| file.default_env.clone());
        let (environment_name, chosen_by) = [
            (flags.environment.clone(), ChosenBy::Flag),
            (
                variables.get("T3NETS_ENVIRONMENT").map(str::to_owned),
                ChosenBy::Variable,
            ),
            (used, ChosenBy::EnvUse),
            (default_env, ChosenBy::ProjectFile),
        ]
        .into_iter()
        .find_map(|(name, by)| Some((name?, by)))
        .unwrap_or_else(|| (LOCAL.to_owned(), ChosenBy::Default));

        let (path, tables, infra_dir) = match project_file {
            Some(file) => {
                let infra_dir = file.infra_dir();
                (Some(file.path), file.environments, infra_dir)
            }
            None => (None, BTreeMap::new(), None),
        };
        Self {
            environments: environments(tables, &home),
            home,
            project_file: path,
            environment_name,
            chosen_by,
            inside_aws: variables.get("T3NETS_ENV") == Some("aws"),
            assume_yes: flags.yes,
            verbose: flags.verbose,
            log_filter: variables.get("RUST_LOG").map(str::to_owned),
            user: ["USER", "LOGNAME", "USERNAME"]
                .into_iter()
                .find_map(|name| variables.get(name))
                .unwrap_or("unknown")
                .to_owned(),
            api_key: variables.get("T3NETS_API_KEY").map(SecretString::from),
            infra_dir,
            terraform: variables.get("T3NETS_TERRAFORM").map(str::to_owned),
            terraform_data_dir: variables.get("TF_DATA_DIR").map(PathBuf::from),
        }
    }

    /// The environment in use.
    ///
    /// # Errors
    /// Not ready if there is none of that name.
    pub(crate) fn environment(&self) -> Result<&Environment, CliError> {
        self.environment_named(&self.environment_name)
            .map_err(|error| match self.chosen_by {
                ChosenBy::EnvUse => error.hint("`t3nets env use local` goes back to this machine"),
                ChosenBy::Flag | ChosenBy::Variable | ChosenBy::ProjectFile | ChosenBy::Default => {
                    error
                }
            })
    }

    /// The environment with this name.
    ///
    /// # Errors
    /// Not ready if there is none, naming those there are.
    pub(crate) fn environment_named(&self, name: &str) -> Result<&Environment, CliError> {
        self.environments
            .iter()
            .find(|environment| environment.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self
                    .environments
                    .iter()
                    .map(|environment| format!("`{}`", environment.name))
                    .collect();
                let defined_in = match &self.project_file {
                    Some(path) => format!("`{}` defines environments", path.display()),
                    None => "`t3nets init` writes a t3nets.toml that defines environments".into(),
                };
                CliError::not_ready(format!("there is no environment `{name}`"))
                    .hint(format!("there are: {}", names.join(", ")))
                    .hint(defined_in)
            })
    }
}

/// The environments of a project file, and `local`, which is always there.
fn environments(tables: BTreeMap<String, EnvironmentTable>, home: &Path) -> Vec<Environment> {
    let mut environments: BTreeMap<String, Environment> = tables
        .into_iter()
        .map(|(name, table)| {
            let environment = Environment {
                home: environment_home(home, &name),
                platform: table.platform,
                names: table.names(),
                defined_by: DefinedBy::ProjectFile,
                region: table.region,
                profile: table.profile,
                url: table.url,
                protected: table.protected,
                name: name.clone(),
            };
            (name, environment)
        })
        .collect();
    environments
        .entry(LOCAL.to_owned())
        .or_insert_with(|| Environment {
            name: LOCAL.to_owned(),
            platform: PlatformKind::Local,
            region: None,
            profile: None,
            url: None,
            protected: false,
            names: BTreeMap::new(),
            defined_by: DefinedBy::Program,
            home: environment_home(home, LOCAL),
        });
    environments.into_values().collect()
}

fn environment_home(home: &Path, name: &str) -> PathBuf {
    if name == LOCAL {
        home.to_owned()
    } else {
        home.join("environments").join(name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An environment on AWS of which nothing is known but its name.
    pub(crate) fn environment_on_aws(name: &str) -> Environment {
        Environment {
            name: name.to_owned(),
            platform: PlatformKind::Aws,
            region: None,
            profile: None,
            url: None,
            protected: false,
            names: BTreeMap::new(),
            defined_by: DefinedBy::Terraform,
            home: PathBuf::from("/home/environments").join(name),
        }
    }

    fn merged(
        flag: Option<&str>,
        variable: Option<&str>,
        used: Option<&str>,
        toml: Option<&str>,
    ) -> Settings {
        let flags = GlobalArgs {
            environment: flag.map(str::to_owned),
            ..GlobalArgs::default()
        };
        let variables = Variables(
            variable
                .map(|name| ("T3NETS_ENVIRONMENT", name.to_owned()))
                .into_iter()
                .collect(),
        );
        let file = toml.map(|text| ProjectFile::parse(Path::new("/p/t3nets.toml"), text).unwrap());
        Settings::merge(
            &flags,
            &variables,
            PathBuf::from("/home"),
            file,
            used.map(str::to_owned),
        )
    }

    #[test]
    fn the_flag_wins_over_the_variable_over_env_use_over_the_file_over_local() {
        let toml = Some("default_env = \"d\"\n[env.d]\nplatform = \"aws\"\n");
        for (settings, name, by) in [
            (
                merged(Some("a"), Some("b"), Some("c"), toml),
                "a",
                ChosenBy::Flag,
            ),
            (
                merged(None, Some("b"), Some("c"), toml),
                "b",
                ChosenBy::Variable,
            ),
            (merged(None, None, Some("c"), toml), "c", ChosenBy::EnvUse),
            (merged(None, None, None, toml), "d", ChosenBy::ProjectFile),
            (merged(None, None, None, None), "local", ChosenBy::Default),
            (
                merged(None, Some(""), None, None),
                "local",
                ChosenBy::Default,
            ),
        ] {
            assert_eq!(settings.environment_name, name);
            assert_eq!(settings.chosen_by, by);
        }
    }

    #[test]
    fn local_is_always_there_and_every_environment_has_a_home_of_its_own() {
        let settings = merged(None, None, None, Some("[env.dev]\nplatform = \"aws\"\n"));
        let homes: Vec<_> = settings
            .environments
            .iter()
            .map(|environment| {
                (
                    environment.name.as_str(),
                    environment.home.to_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            homes,
            [("dev", "/home/environments/dev"), ("local", "/home")]
        );
    }

    #[test]
    fn terraforms_environments_are_there_unless_the_file_knows_them() {
        let toml = "[env.dev]\nplatform = \"local\"\n";
        let mut settings = merged(None, None, None, Some(toml));
        settings.add_made_by_terraform(["dev", "prod", "local", "../x"].map(str::to_owned).into());
        let there: Vec<_> = settings
            .environments
            .iter()
            .map(|environment| (environment.name.as_str(), environment.platform))
            .collect();
        assert_eq!(
            there,
            [
                ("dev", PlatformKind::Local),
                ("local", PlatformKind::Local),
                ("prod", PlatformKind::Aws)
            ]
        );
    }

    #[test]
    fn an_unknown_environment_is_refused_with_the_names_there_are() {
        let error = merged(Some("prod"), None, None, None)
            .environment()
            .unwrap_err();
        assert_eq!(error.message, "there is no environment `prod`");
        assert_eq!(error.hints[0], "there are: `local`");
    }
}
