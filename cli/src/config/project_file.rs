//! `t3nets.toml`: which environments a project has. Found in the current folder or the nearest one
//! above it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use t3nets_deploy::image_ref::Architecture;
use t3nets_router::aws::SecretsPrefix;
use t3nets_router::files;

use super::environment::{LOCAL, PlatformKind, is_environment_name};
use super::trust;
use crate::error::CliError;

pub(crate) const FILE_NAME: &str = "t3nets.toml";

/// What `t3nets init` writes.
pub(crate) const TEMPLATE: &str = include_str!("t3nets.template.toml");

/// A `t3nets.toml`, understood.
#[derive(Debug, Clone)]
pub(crate) struct ProjectFile {
    /// Where it was found.
    pub(crate) path: PathBuf,
    /// The environment to use where nothing else says.
    pub(crate) default_env: Option<String>,
    /// Where the Terraform is, from the file's folder.
    infra_dir: Option<PathBuf>,
    /// Its environments by name.
    pub(crate) environments: BTreeMap<String, EnvironmentTable>,
}

/// An environment as the file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentTable {
    pub(crate) platform: PlatformKind,
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    /// Where its router answers.
    pub(crate) url: Option<url::Url>,
    /// Whether changes ask for the environment's name.
    #[serde(default)]
    pub(crate) protected: bool,
    streaming_url: Option<url::Url>,
    project: Option<String>,
    tenants_table: Option<String>,
    conversations_table: Option<String>,
    #[serde(default, deserialize_with = "secrets_prefix")]
    secrets_prefix: Option<SecretsPrefix>,
    cluster: Option<String>,
    service: Option<String>,
    task_definition_family: Option<String>,
    container: Option<String>,
    cpu_architecture: Option<Architecture>,
    repository: Option<String>,
    target_group: Option<String>,
    log_group: Option<String>,
}

impl EnvironmentTable {
    /// What it says of the names on AWS, by its keys.
    pub(crate) fn names(&self) -> BTreeMap<&'static str, String> {
        let prefix = self.secrets_prefix.as_ref().map(ToString::to_string);
        let architecture = self.cpu_architecture.map(|one| one.to_string());
        let address = |url: &Option<url::Url>| {
            let url = url.as_ref()?.as_str();
            Some(url.trim_end_matches('/').to_owned())
        };
        [
            ("url", &address(&self.url)),
            ("streaming_url", &address(&self.streaming_url)),
            ("project", &self.project),
            ("region", &self.region),
            ("tenants_table", &self.tenants_table),
            ("conversations_table", &self.conversations_table),
            ("secrets_prefix", &prefix),
            ("cluster", &self.cluster),
            ("service", &self.service),
            ("task_definition_family", &self.task_definition_family),
            ("container", &self.container),
            ("cpu_architecture", &architecture),
            ("repository", &self.repository),
            ("target_group", &self.target_group),
            ("log_group", &self.log_group),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.clone()?)))
        .collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    default_env: Option<String>,
    infra_dir: Option<PathBuf>,
    #[serde(default)]
    env: BTreeMap<String, EnvironmentTable>,
}

impl ProjectFile {
    /// Looks for the file in a folder and those above it.
    ///
    /// # Errors
    /// Not ready if it cannot be read or understood.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>, CliError> {
        for folder in folder.ancestors() {
            let path = folder.join(FILE_NAME);
            match files::read_text(&path, files::USUAL_LIMIT) {
                Ok(text) => {
                    trust::check(&path)?;
                    return Self::parse(&path, &text).map(Some);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(
                        CliError::not_ready(format!("cannot read `{}`", path.display()))
                            .caused_by(error),
                    );
                }
            }
        }
        Ok(None)
    }

    /// Understands the file's text.
    ///
    /// # Errors
    /// Not ready, naming the key and the line.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, CliError> {
        let refused = |place: String, why: &str| {
            CliError::not_ready(format!("cannot use `{}`{place}: {why}", path.display()))
        };
        let content: Content = toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| place_of(text, span.start));
            refused(place.unwrap_or_default(), error.message())
        })?;
        for (name, table) in &content.env {
            if !is_environment_name(name) {
                let why =
                    format!("the environment name `{name}` must match [a-z0-9][a-z0-9-]{{0,30}}");
                return Err(refused(String::new(), &why));
            }
            for (key, value) in table.names() {
                if value.trim().is_empty() {
                    return Err(refused(
                        String::new(),
                        &format!("`{key}` of `{name}` is empty"),
                    ));
                }
            }
            if name == LOCAL && table.platform != PlatformKind::Local {
                let why = "the environment `local` is always on the platform `local`";
                return Err(refused(String::new(), why));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            default_env: content.default_env,
            infra_dir: content.infra_dir,
            environments: content.env,
        })
    }

    /// Where the Terraform is, if the file says.
    pub(crate) fn infra_dir(&self) -> Option<PathBuf> {
        let folder = self.path.parent()?;
        Some(folder.join(self.infra_dir.as_ref()?))
    }
}

fn secrets_prefix<'de, D>(deserializer: D) -> Result<Option<SecretsPrefix>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// Where a part of the file begins: `, line 5, column 3`.
fn place_of(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    format!(", line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Name;

    fn message(text: &str) -> String {
        ProjectFile::parse(Path::new("t3nets.toml"), text)
            .unwrap_err()
            .message
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_name_and_line() {
        let message =
            message("default_env = \"dev\"\n\n[env.dev]\nplatform = \"aws\"\nregoin = \"x\"\n");
        assert!(message.contains("line 5, column 1"), "{message}");
        assert!(message.contains("`regoin`"), "{message}");
    }

    #[test]
    fn broken_toml_is_refused_with_its_line() {
        assert!(message("a = 1\nb = = 2\n").contains("line 2"));
    }

    #[test]
    fn names_that_could_leave_the_home_folder_are_refused() {
        assert!(message("[env.\"../x\"]\nplatform = \"local\"\n").contains("`../x`"));
    }

    #[test]
    fn local_cannot_be_on_aws() {
        assert!(message("[env.local]\nplatform = \"aws\"\n").contains("always"));
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused_with_their_line() {
        let with = |line: &str| message(&format!("[env.dev]\nplatform = \"aws\"\n{line}\n"));
        let told = with("secrets_prefix = \"/t3nets/dev\"");
        assert!(
            told.contains("line 3") && told.contains("`/t3nets/dev`"),
            "{told}"
        );
        let told = with("cpu_architecture = \"x86\"");
        assert!(told.contains("line 3") && told.contains("ARM64"), "{told}");
        let told = with("cluster = \" \"");
        assert!(told.contains("`cluster` of `dev` is empty"), "{told}");
    }

    #[test]
    fn the_template_is_a_valid_file_also_with_all_that_it_suggests() {
        let file = ProjectFile::parse(Path::new("t3nets.toml"), TEMPLATE).unwrap();
        assert_eq!(file.default_env.as_deref(), Some("local"));
        assert!(file.environments.is_empty());
        let whole: String = TEMPLATE
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.starts_with("[env.") || line.contains(" = "))
            .map(|line| format!("{line}\n"))
            .collect();
        let whole = whole.replace("infra_dir = \"infra/aws\"\n", "");
        let file = ProjectFile::parse(Path::new("t3nets.toml"), &whole).unwrap();
        let suggested: Vec<_> = file.environments["dev"].names().into_keys().collect();
        let mut known = Name::ALL.map(Name::key);
        known.sort_unstable();
        assert_eq!(suggested, known);
    }
}
