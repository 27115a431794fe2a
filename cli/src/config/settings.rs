//! Flags, environment variables and files, merged once. Commands see the result and never where it
//! came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use t3nets_router::nearest::nearest;

use super::environment::{
    ChosenBy, DefinedBy, Environment, LOCAL, PlatformKind, is_environment_name,
};
use super::project_file::{EnvironmentTable, ProjectFile};
use super::{home, infra_dir, trust};
use crate::error::CliError;
use crate::hint::Hint;

/// What the command line says of all commands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--env`.
    pub(crate) environment: Option<String>,
    /// `--verbose`.
    pub(crate) verbose: bool,
    /// `--yes`.
    pub(crate) assume_yes: bool,
}

/// What the program works by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The folder with this machine's state.
    pub(crate) home: PathBuf,
    /// The `t3nets.toml` that was found, if one was.
    pub(crate) project_file: Option<PathBuf>,
    /// Every environment there is, by name.
    pub(crate) environments: Vec<Environment>,
    /// The name of the environment in use. There may be none of that name: see
    /// [`Settings::environment`].
    pub(crate) environment_name: String,
    pub(crate) chosen_by: ChosenBy,
    /// Whether this process runs inside an AWS environment (`T3NETS_ENV=aws`), where local ones are
    /// refused.
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
    /// The address that `T3NETS_ON_DONE` has told how a deploy ended.
    pub(crate) on_done: Option<SecretString>,
    /// Where the Terraform is: the folder that `t3nets.toml` names, else the nearest `infra/aws`
    /// here or above.
    pub(crate) infra_dir: Option<PathBuf>,
    /// The program that `T3NETS_TERRAFORM` names instead of `terraform` or `tofu`.
    pub(crate) terraform: Option<String>,
    /// Where Terraform keeps its working data, if `TF_DATA_DIR` says.
    pub(crate) terraform_data_dir: Option<PathBuf>,
}

/// The environment variables that are read here; an empty one counts as not set.
#[derive(Debug, Clone, Default)]
struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    const READ: [&str; 11] = [
        "T3NETS_HOME",
        "T3NETS_ENVIRONMENT",
        "T3NETS_ENV",
        "T3NETS_API_KEY",
        "T3NETS_ON_DONE",
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
    pub(crate) fn load(flags: &Flags, reads_project_file: bool) -> Result<Self, CliError> {
        let variables = Variables::of_process();
        let home = match variables.get("T3NETS_HOME") {
            Some(home) => std::path::absolute(home).map_err(|error| {
                CliError::not_ready("cannot understand T3NETS_HOME").caused_by(error)
            })?,
            None => home::default_home()?,
        };
        if !reads_project_file {
            let used = home::environment_in_use(&home)?;
            return Ok(Self::merge(flags, &variables, home, None, used));
        }
        let current = std::env::current_dir().map_err(|error| {
            CliError::not_ready("cannot tell the current folder").caused_by(error)
        })?;
        t3nets_router::local::check_folder(&home).map_err(|error| {
            CliError::from(error).hint("or choose a folder of yours as T3NETS_HOME")
        })?;
        let used = home::environment_in_use(&home)?;
        let file = ProjectFile::find(&current)?;
        let mut settings = Self::merge(flags, &variables, home, file, used);
        if settings.infra_dir.is_none() {
            settings.infra_dir = infra_dir::above(&current);
        }
        if let Some(folder) = &settings.infra_dir {
            trust::check(folder)?;
        }
        // A folder that cannot be read is the matter of those commands that need it.
        if let Some(folder) = &settings.infra_dir
            && infra_dir::is_infra_dir(folder)
            && let Ok(names) = infra_dir::environments(folder)
        {
            settings.add_environments_of_terraform(names);
        }
        Ok(settings)
    }

    /// Adds the environments that Terraform has settings for and `t3nets.toml` does not know.
    fn add_environments_of_terraform(&mut self, names: Vec<String>) {
        for name in names {
            if is_environment_name(&name) && self.environment_named(&name).is_err() {
                self.environments.push(Environment::new(
                    &self.home,
                    name,
                    PlatformKind::Aws,
                    DefinedBy::Terraform,
                ));
            }
        }
        self.environments.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn merge(
        flags: &Flags,
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
            assume_yes: flags.assume_yes,
            verbose: flags.verbose,
            log_filter: variables.get("RUST_LOG").map(str::to_owned),
            user: ["USER", "LOGNAME", "USERNAME"]
                .into_iter()
                .find_map(|name| variables.get(name))
                .map(str::to_owned)
                .or_else(login_name)
                .unwrap_or_else(|| "unknown".to_owned()),
            api_key: variables.get("T3NETS_API_KEY").map(SecretString::from),
            on_done: variables.get("T3NETS_ON_DONE").map(SecretString::from),
            infra_dir,
            terraform: variables.get("T3NETS_TERRAFORM").map(str::to_owned),
            terraform_data_dir: variables.get("TF_DATA_DIR").map(PathBuf::from),
        }
    }

    /// The name of the environment, where this call alone was given it: by a flag or a variable.
    pub(crate) fn named_environment(&self) -> Option<&str> {
        match self.chosen_by {
            ChosenBy::Flag | ChosenBy::Variable => Some(&self.environment_name),
            ChosenBy::EnvUse | ChosenBy::ProjectFile | ChosenBy::Default => None,
        }
    }

    /// The environment in use.
    ///
    /// # Errors
    /// Not ready if there is none of that name.
    pub(crate) fn environment(&self) -> Result<&Environment, CliError> {
        self.environment_named(&self.environment_name)
            .map_err(|error| match self.chosen_by {
                ChosenBy::EnvUse => {
                    error.hint(Hint::command("env use local", "selects this machine"))
                }
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
                    Some(path) => Hint::from(format!("`{}` defines environments", path.display())),
                    None => Hint::command("init", "writes a t3nets.toml that defines environments"),
                };
                let meant = nearest(name, self.environments.iter().map(|one| &*one.name))
                    .map(|meant| Hint::from(format!("did you mean `{meant}`?")));
                meant
                    .into_iter()
                    .fold(
                        CliError::not_ready(format!("environment `{name}` does not exist")),
                        CliError::hint,
                    )
                    .hint(format!("environments: {}", names.join(", ")))
                    .hint(defined_in)
            })
    }
}

/// The login name of the user whose process this is, where no variable says it: in a container or a
/// service.
fn login_name() -> Option<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok()??;
    Some(user.name).filter(|name| !name.is_empty())
}

/// The environments of a project file, and `local`, which always exists.
fn environments(tables: BTreeMap<String, EnvironmentTable>, home: &Path) -> Vec<Environment> {
    let mut environments: BTreeMap<String, Environment> = tables
        .into_iter()
        .map(|(name, table)| {
            let environment = Environment {
                names: table.names(),
                region: table.region,
                profile: table.profile,
                url: table.url,
                protected: table.protected,
                ..Environment::new(home, name.clone(), table.platform, DefinedBy::ProjectFile)
            };
            (name, environment)
        })
        .collect();
    environments
        .entry(LOCAL.to_owned())
        .or_insert_with(|| Environment::new(home, LOCAL, PlatformKind::Local, DefinedBy::Program));
    environments.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(
        flag: Option<&str>,
        variable: Option<&str>,
        used: Option<&str>,
        toml: Option<&str>,
    ) -> Settings {
        let flags = Flags {
            environment: flag.map(str::to_owned),
            ..Flags::default()
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
        settings.add_environments_of_terraform(
            ["dev", "prod", "local", "../x"].map(str::to_owned).into(),
        );
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
        assert_eq!(error.message, "environment `prod` does not exist");
        assert_eq!(error.hints[0], Hint::from("environments: `local`"));
    }
}
