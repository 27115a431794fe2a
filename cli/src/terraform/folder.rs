//! The Terraform folder of a project, `infra/aws`: where it is, which environments it has, what its
//! files say, and where the state is. Read without Terraform. Running Terraform is [`super::run`]'s
//! business.

use std::path::{Path, PathBuf};

use hcl::Expression;
use hcl::structure::{Attribute, Block, Body};
use serde_json::{Map, Value};

use super::backend::{Backend, Kept};
use crate::config::environment::PlatformKind;
use crate::config::infra_dir::{self, ENVIRONMENTS, PLACE, files_with_extension, is_infra_dir};
use crate::config::settings::Settings;
use crate::error::CliError;
use t3nets_router::files;

/// A project's Terraform folder.
#[derive(Debug, Clone)]
pub(crate) struct InfraFolder {
    path: PathBuf,
}

/// An environment that Terraform can make.
#[derive(Debug, Clone)]
pub(crate) struct InfraEnvironment {
    pub(crate) name: String,
    /// Its settings, from the Terraform folder: `environments/dev.tfvars`.
    pub(crate) var_file: PathBuf,
    /// The AWS profile, if `t3nets.toml` names one.
    pub(crate) profile: Option<String>,
    /// The AWS region, if `t3nets.toml` names one.
    pub(crate) region: Option<String>,
    /// Whether destructive work asks for the environment's name.
    pub(crate) protected: bool,
}

impl InfraFolder {
    /// The folder that `t3nets.toml` names, else `infra/aws` in the current folder or the nearest
    /// one above it.
    ///
    /// # Errors
    /// Not ready if there is none.
    pub(crate) fn find(settings: &Settings) -> Result<Self, CliError> {
        Self::find_if_any(settings)?.ok_or_else(|| {
            CliError::not_ready(format!("no `{PLACE}` here or above"))
                .hint("run it inside the project, or set `infra_dir` in t3nets.toml")
        })
    }

    /// The same, where there need not be one: only a folder that `t3nets.toml` names must exist.
    ///
    /// # Errors
    /// Not ready if the named folder is not one with Terraform for environments.
    pub(crate) fn find_if_any(settings: &Settings) -> Result<Option<Self>, CliError> {
        let Some(path) = &settings.infra_dir else {
            return Ok(None);
        };
        if !is_infra_dir(path) {
            return Err(CliError::not_ready(format!(
                "`{}` has no folder `{ENVIRONMENTS}`, so it is not a Terraform folder",
                path.display()
            ))
            .hint("`infra_dir` in t3nets.toml names it"));
        }
        Ok(Some(Self { path: path.clone() }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the environments that it has settings for, sorted.
    ///
    /// # Errors
    /// Not ready if the folder cannot be read.
    pub(crate) fn environments(&self) -> Result<Vec<String>, CliError> {
        infra_dir::environments(&self.path)
            .map_err(|error| cannot_read(&self.path.join(ENVIRONMENTS), error))
    }

    /// The environment in use. It need not be in `t3nets.toml`, but its `NAME.tfvars` must be there
    /// and be its own.
    ///
    /// # Errors
    /// Not ready if there is none of that name, naming those there are, or if it lives on
    /// this machine.
    pub(crate) fn environment(&self, settings: &Settings) -> Result<InfraEnvironment, CliError> {
        let name = &settings.environment_name;
        let declared = settings.environment().ok();
        let names = self.environments()?;
        if let Some(environment) =
            declared.filter(|environment| environment.platform == PlatformKind::Local)
        {
            return Err(CliError::not_ready(format!(
                "environment `{}` is on this machine and needs no infrastructure",
                environment.name
            ))
            .hint(format!("`--env NAME` chooses another: {}", listed(&names))));
        }
        // Comparing with the names there are also keeps a name from leading out of the folder.
        if !names.contains(name) {
            return Err(CliError::not_ready(format!(
                "there are no settings for an environment `{name}` in `{}`",
                self.path.join(ENVIRONMENTS).display()
            ))
            .hint(format!("environments: {}", listed(&names))));
        }
        let var_file = var_file(name);
        self.check_owner(&var_file, name)?;
        Ok(InfraEnvironment {
            name: name.clone(),
            var_file,
            profile: declared.and_then(|environment| environment.profile.clone()),
            region: declared.and_then(|environment| environment.region.clone()),
            protected: declared.is_some_and(|environment| environment.protected),
        })
    }

    /// Every variable's value in an environment: what its file says over the defaults. Variables
    /// with neither are left out.
    ///
    /// # Errors
    /// Not ready if a file cannot be read or understood.
    pub(crate) fn values(
        &self,
        environment: &InfraEnvironment,
    ) -> Result<Map<String, Value>, CliError> {
        self.values_of(&environment.var_file)
    }

    /// The same for an environment by its name, nothing if it has no file here.
    ///
    /// # Errors
    /// As [`InfraFolder::values`]; not ready if the file is another environment's.
    pub(crate) fn values_if_any(&self, name: &str) -> Result<Map<String, Value>, CliError> {
        if !self.environments()?.iter().any(|known| known == name) {
            return Ok(Map::new());
        }
        let var_file = var_file(name);
        self.check_owner(&var_file, name)?;
        self.values_of(&var_file)
    }

    fn values_of(&self, var_file: &Path) -> Result<Map<String, Value>, CliError> {
        let mut values = Map::new();
        for path in self.files()? {
            values.extend(defaults(&read_body(&path)?)?);
        }
        let chosen = read_values(&self.path.join(var_file))?;
        // The Python program's name for it.
        if let (None, Some(region)) = (chosen.get("region"), chosen.get("aws_region")) {
            values.insert("region".to_owned(), region.clone());
        }
        values.extend(chosen);
        Ok(values)
    }

    /// Makes sure that a file's settings are for the environment that it is named after.
    fn check_owner(&self, var_file: &Path, name: &str) -> Result<(), CliError> {
        let path = self.path.join(var_file);
        let owner = match read_values(&path)?.get("environment") {
            Some(Value::String(owner)) if owner == name => return Ok(()),
            other => other.map_or_else(|| "nothing".to_owned(), Value::to_string),
        };
        Err(CliError::not_ready(format!(
            "`{}` sets `environment` to {owner}: it would be created under a name that differs from its state's",
            path.display()
        ))
        .hint(format!("write `environment = \"{name}\"` there")))
    }

    /// The configuration's files: Terraform reads all there are as one.
    fn files(&self) -> Result<Vec<PathBuf>, CliError> {
        files_with_extension(&self.path, "tf").map_err(|error| cannot_read(&self.path, error))
    }

    /// Where an environment keeps its state.
    ///
    /// # Errors
    /// Not ready if a file cannot be read or understood.
    pub(crate) fn kept(&self, environment: &str) -> Result<Kept, CliError> {
        let Some(mut backend) = self.block()? else {
            return Ok(Kept::InFolder);
        };
        let file = backend_file(environment, &backend.kind);
        if self.path.join(&file).is_file() {
            backend.config.extend(read_values(&self.path.join(&file))?);
            return Ok(Kept::Own { backend, file });
        }
        let others = self.environments()?;
        let has_file = |name: &String| self.path.join(backend_file(name, &backend.kind)).is_file();
        Ok(if others.iter().any(has_file) {
            Kept::Nowhere { file }
        } else {
            Kept::Shared(backend)
        })
    }

    /// The block `backend`, without what is in the environments' files.
    ///
    /// # Errors
    /// Not ready if a file cannot be read or understood.
    pub(crate) fn block(&self) -> Result<Option<Backend>, CliError> {
        for path in self.files()? {
            if let Some(backend) = backend(&read_body(&path)?)? {
                return Ok(Some(backend));
            }
        }
        Ok(None)
    }
}

/// The settings of an environment's own backend, in the Terraform folder; the name is the one that
/// Terraform recommends.
/// <https://developer.hashicorp.com/terraform/language/backend#file>
pub(crate) fn backend_file(environment: &str, kind: &str) -> PathBuf {
    Path::new(ENVIRONMENTS).join(format!("{environment}.{kind}.tfbackend"))
}

/// An environment's settings, from the Terraform folder.
fn var_file(name: &str) -> PathBuf {
    Path::new(ENVIRONMENTS).join(format!("{name}.tfvars"))
}

fn listed(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn cannot_read(path: &Path, error: std::io::Error) -> CliError {
    CliError::not_ready(format!("cannot read `{}`", path.display())).caused_by(error)
}

fn read_body(path: &Path) -> Result<Body, CliError> {
    let text =
        files::read_text(path, files::USUAL_LIMIT).map_err(|error| cannot_read(path, error))?;
    hcl::parse(&text).map_err(|error| {
        CliError::not_ready(format!("cannot understand `{}`", path.display())).caused_by(error)
    })
}

fn read_values(path: &Path) -> Result<Map<String, Value>, CliError> {
    read_body(path)?.attributes().map(pair).collect()
}

/// The defaults of a file's variables.
fn defaults(body: &Body) -> Result<Map<String, Value>, CliError> {
    blocks(body, "variable")
        .filter_map(|variable| {
            let name = variable.labels().first()?.as_str().to_owned();
            let default = variable
                .body()
                .attributes()
                .find(|attribute| attribute.key() == "default")?;
            Some(to_json(default.expr()).map(|value| (name, value)))
        })
        .collect()
}

fn backend(body: &Body) -> Result<Option<Backend>, CliError> {
    let found = blocks(body, "terraform")
        .flat_map(|terraform| blocks(terraform.body(), "backend"))
        .next();
    let Some(block) = found else {
        return Ok(None);
    };
    Ok(Some(Backend {
        kind: block
            .labels()
            .first()
            .map(|label| label.as_str().to_owned())
            .unwrap_or_default(),
        config: block
            .body()
            .attributes()
            .map(pair)
            .collect::<Result<_, _>>()?,
    }))
}

fn blocks<'a>(body: &'a Body, kind: &'a str) -> impl Iterator<Item = &'a Block> {
    body.blocks()
        .filter(move |block| block.identifier() == kind)
}

fn pair(attribute: &Attribute) -> Result<(String, Value), CliError> {
    Ok((attribute.key().to_owned(), to_json(attribute.expr())?))
}

/// A literal as JSON. Whatever has to be evaluated first becomes its own text.
fn to_json(expression: &Expression) -> Result<Value, CliError> {
    serde_json::to_value(hcl::Value::from(expression.clone()))
        .map_err(|error| CliError::not_ready("cannot understand a value").caused_by(error))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::terraform::backend::{backend_in_use, workspace};

    /// The project's own folder.
    pub(crate) fn own() -> InfraFolder {
        InfraFolder {
            path: Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/aws"),
        }
    }

    /// The variables of one of the project's own environments.
    pub(crate) fn own_values(name: &str) -> Map<String, Value> {
        let environment = InfraEnvironment {
            name: name.to_owned(),
            var_file: format!("environments/{name}.tfvars").into(),
            profile: None,
            region: None,
            protected: false,
        };
        own().values(&environment).unwrap()
    }

    /// The names of a folder's outputs.
    pub(crate) fn outputs(folder: &Path) -> Vec<String> {
        let body = read_body(&folder.join("outputs.tf")).unwrap();
        blocks(&body, "output")
            .map(|output| output.labels()[0].as_str().to_owned())
            .collect()
    }

    /// A folder without files, which goes with the value before it.
    fn empty() -> (tempfile::TempDir, InfraFolder) {
        let project = tempfile::tempdir().unwrap();
        let path = project.path().to_owned();
        std::fs::create_dir(path.join(ENVIRONMENTS)).unwrap();
        (project, InfraFolder { path })
    }

    #[test]
    fn the_own_folder_has_its_environments_and_no_backend_yet() {
        assert_eq!(own().environments().unwrap(), ["dev", "prod", "staging"]);
        assert_eq!(own().kept("dev").unwrap(), Kept::InFolder);
    }

    #[test]
    fn every_output_is_in_the_readme_and_every_one_promised_there_exists() {
        let readme = std::fs::read_to_string(own().path.join("../README.md")).unwrap();
        let section = readme
            .split_once("\n## Outputs\n")
            .and_then(|(_, rest)| rest.split_once("\n## "))
            .map(|(section, _)| section)
            .unwrap();
        let mut promised: Vec<_> = section
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| {
                word.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
            .map(str::to_owned)
            .collect();
        promised.sort();
        promised.dedup();
        let mut existing = outputs(&own().path);
        existing.sort();
        assert_eq!(existing, promised);
    }

    #[test]
    fn bootstrap_reads_the_outputs_that_there_are_and_sets_variables_that_there_are() {
        use crate::commands::infra::bootstrap::{OUTPUTS, VARIABLES};

        let folder = own().path.join("../bootstrap");
        assert_eq!(outputs(&folder), OUTPUTS);
        let variables = defaults(&read_body(&folder.join("variables.tf")).unwrap()).unwrap();
        for name in VARIABLES {
            assert!(variables.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_region_is_found_by_the_name_that_the_python_program_gave_it() {
        let (_project, folder) = empty();
        let write = |name: &str, text: &str| std::fs::write(folder.path.join(name), text).unwrap();
        write(
            "variables.tf",
            "variable \"region\" {\n  default = \"us-east-1\"\n}\n",
        );
        for (chosen, region) in [
            ("aws_region = \"eu-west-1\"", "eu-west-1"),
            (
                "aws_region = \"eu-west-1\"\nregion = \"eu-west-2\"",
                "eu-west-2",
            ),
            ("", "us-east-1"),
        ] {
            let text = format!("environment = \"dev\"\n{chosen}\n");
            write("environments/dev.tfvars", &text);
            assert_eq!(
                folder.values_if_any("dev").unwrap()["region"],
                region,
                "{chosen}"
            );
        }
    }

    #[test]
    fn a_backend_is_every_environments_until_one_has_settings_of_its_own() {
        let (_project, folder) = empty();
        let write = |name: &str, text: &str| std::fs::write(folder.path.join(name), text).unwrap();
        for name in ["dev", "prod"] {
            write(&format!("environments/{name}.tfvars"), "");
        }
        write(
            "backend.tf",
            "terraform {\n  backend \"s3\" {\n    encrypt = true\n  }\n}\n",
        );
        assert!(matches!(folder.kept("prod").unwrap(), Kept::Shared(_)));
        write("environments/dev.s3.tfbackend", "bucket = \"d\"\n");
        let file = backend_file("prod", "s3");
        assert_eq!(folder.kept("prod").unwrap(), Kept::Nowhere { file });
        let Kept::Own { backend, .. } = folder.kept("dev").unwrap() else {
            panic!("dev has a file");
        };
        assert_eq!(backend.config["bucket"], "d");
        assert_eq!(backend.config["encrypt"], true);
    }

    #[test]
    fn dev_has_the_workspace_that_plain_terraform_uses_and_others_their_own() {
        assert_eq!(workspace("dev"), "default");
        assert_eq!(workspace("prod"), "prod");
    }

    #[test]
    fn a_broken_note_of_the_backend_is_an_error_with_the_way_out() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("terraform.tfstate"), "{").unwrap();
        let error = backend_in_use(data.path()).unwrap_err();
        assert!(
            error.hints[0].to_string().contains("-reconfigure"),
            "{error:?}"
        );
    }

    #[test]
    fn a_backend_is_found_with_its_settings_and_a_commented_one_is_not() {
        let on =
            "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    encrypt = true\n  }\n}\n";
        let found = backend(&hcl::parse(on).unwrap()).unwrap().unwrap();
        assert_eq!(found.kind, "s3");
        assert_eq!(found.config["bucket"], "b");
        assert_eq!(found.config["encrypt"], true);
        let off = "# terraform {\n#   backend \"s3\" {}\n# }\n";
        assert_eq!(backend(&hcl::parse(off).unwrap()).unwrap(), None);
    }
}
