//! `t3nets infra bootstrap`: the bucket for the Terraform state of an account's environments.
//!
//! Terraform makes it, from `infra/bootstrap` with a local state, since there is no bucket yet to
//! keep that one in; each account has a workspace there. Only when the bucket is there the
//! environment's settings for it are written, in one step; repeated after a failure, it goes on
//! where it ended. A second environment of an account uses the first one's bucket.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::aws::account_of;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terraform::backend::{Backend, DEFAULT_WORKSPACE, Kept};
use crate::terraform::folder::{InfraEnvironment, InfraFolder, backend_file};
use crate::terraform::run::{Ended, InFolder, NEEDED_FOR_BUCKET, Terraform};

/// The outputs of `infra/bootstrap` that are read here.
pub(crate) const OUTPUTS: [&str; 2] = ["bucket", "region"];

/// Its variables that are set here.
pub(crate) const VARIABLES: [&str; 2] = ["project", "region"];

/// The one kind of backend that it sets up.
const KIND: &str = "s3";

/// The setting by which Terraform refuses another account's credentials.
const ACCOUNTS: &str = "allowed_account_ids";

/// What there is now.
#[derive(Debug, Serialize)]
pub(crate) struct Bootstrapped {
    bucket: String,
    region: String,
    account: String,
    /// The environment's settings for the backend.
    backend_file: PathBuf,
    /// The file with the block, if it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    block_file: Option<PathBuf>,
    next: String,
}

impl Output for Bootstrapped {
    fn text(&self) -> String {
        let files = match &self.block_file {
            Some(block) => format!(
                "{} and {}: commit them",
                self.backend_file.display(),
                block.display()
            ),
            None => format!("{}: commit it", self.backend_file.display()),
        };
        format!(
            "bucket `{}` in {} (account {}) is ready for the state\nwrote {files}\nnext: `{}`, which moves a local state there",
            self.bucket, self.region, self.account, self.next
        )
    }
}

/// A bucket for the state.
struct Bucket {
    name: String,
    region: String,
    account: String,
}

/// Makes the bucket, if the account has none, and writes the environment's backend, after asking.
///
/// # Errors
/// Not ready if anything it needs is missing; a failure if there is a backend already,
/// Terraform fails, or it is not confirmed.
pub(crate) async fn run(context: &Context) -> Result<Bootstrapped, CliError> {
    let folder = InfraFolder::find(&context.settings)?;
    let environment = folder.environment(&context.settings)?;
    check_unset(&folder, &environment.name)?;
    let own_folder = folder.path().join("../bootstrap");
    if !own_folder.join("main.tf").is_file() {
        return Err(CliError::not_ready(format!(
            "`{}` has no Terraform for the bucket",
            own_folder.display()
        )));
    }
    let terraform = Terraform::find(&context.settings).await?;
    terraform.require(
        NEEDED_FOR_BUCKET,
        "the state's bucket, which locks by itself,",
    )?;

    let values = folder.values(&environment)?;
    let text = |name: &str| values.get(name).and_then(Value::as_str).map(str::to_owned);
    let region = environment.region.clone().or_else(|| text("region"));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let project = text("project").unwrap_or_else(|| "t3nets".to_owned());
    let account = account_of(environment.profile.as_deref(), &region).await?;
    let bucket = match bucket_in_use(&folder, &account, &project)? {
        Some(bucket) => bucket,
        None => {
            context.confirm(&format!(
                "Create the bucket for Terraform's state in account {account}, {region}, with {}?",
                match &environment.profile {
                    Some(profile) => format!("the AWS profile `{profile}`"),
                    None => "the current AWS credentials".to_owned(),
                }
            ))?;
            let runs = terraform.in_folder(&own_folder).output_to_stderr();
            let values = [project.clone(), region];
            make_bucket(context, runs, &environment, account, values).await?
        }
    };
    write(&folder, &environment.name, &project, bucket)
}

/// Makes sure that the environment's state has no backend yet.
fn check_unset(folder: &InfraFolder, name: &str) -> Result<(), CliError> {
    let kept = folder.kept(name)?;
    let kind_of = |backend: &Backend| match backend.config.get("bucket").and_then(Value::as_str) {
        Some(bucket) => format!("`{}` `{bucket}`", backend.kind),
        None => format!("`{}`", backend.kind),
    };
    match &kept {
        Kept::Own { backend, file } => Err(CliError::failed(format!(
            "the state of `{name}` already has a backend: {} ({})",
            kind_of(backend),
            file.display()
        ))
        .hint_command(
            format!("infra plan -e {name}"),
            "uses it: there is nothing to bootstrap",
        )),
        Kept::Shared(backend) if backend.kind != KIND || !backend.config.is_empty() => {
            Err(CliError::failed(format!(
                "the state of every environment already has a backend: {}",
                kind_of(backend)
            ))
            .hint_command(
                format!("infra plan -e {name}"),
                "uses it: there is nothing to bootstrap",
            )
            .hint(format!(
                "to give each environment one of its own, move the settings to `{}` and the others' files (infra/README.md, State)",
                backend_file(name, &backend.kind).display()
            )))
        }
        Kept::Nowhere { file } if *file != backend_file(name, KIND) => {
            Err(CliError::failed(format!(
                "the state's backends are not in S3, and `{}` is missing",
                file.display()
            )))
        }
        _ => Ok(()),
    }
}

/// The bucket that another environment of the account uses for the same project.
fn bucket_in_use(
    folder: &InfraFolder,
    account: &str,
    project: &str,
) -> Result<Option<Bucket>, CliError> {
    for name in folder.environments()? {
        let Kept::Own { backend, .. } = folder.kept(&name)? else {
            continue;
        };
        let accounts = backend.config.get(ACCOUNTS);
        if let Some(name) = text(&backend.config, "bucket")
            && let Some(region) = text(&backend.config, "region")
            && accounts.is_some_and(|accounts| accounts[0] == account)
            && name.starts_with(&format!("{project}-"))
        {
            let account = account.to_owned();
            return Ok(Some(Bucket {
                name,
                region,
                account,
            }));
        }
    }
    Ok(None)
}

fn text(settings: &Map<String, Value>, name: &str) -> Option<String> {
    settings.get(name)?.as_str().map(str::to_owned)
}

/// Runs Terraform in `infra/bootstrap` and reads what it made.
async fn make_bucket(
    context: &Context,
    runs: InFolder<'_>,
    environment: &InfraEnvironment,
    account: String,
    values: [String; 2],
) -> Result<Bucket, CliError> {
    let in_workspace = |name| runs.clone().of_environment(environment, name);
    let variables = VARIABLES.iter().zip(values);
    let mut apply: Vec<OsString> = ["apply", "-auto-approve", "-input=false"]
        .map(Into::into)
        .into();
    apply.extend(variables.map(|(name, value)| format!("-var={name}={value}").into()));
    let init = vec!["init".into(), "-input=false".into()];
    // The first is the one workspace that is there before the first apply.
    for (workspace, mut arguments) in [(DEFAULT_WORKSPACE, init), (&account, apply)] {
        if !context.printer.colors_stderr() {
            arguments.push("-no-color".into());
        }
        match in_workspace(workspace)
            .run(&context.printer, arguments)
            .await?
        {
            Ended::With(0) => {}
            Ended::Interrupted | Ended::WellThoughInterrupted => {
                return Err(CliError::interrupted());
            }
            Ended::With(_) | Ended::Killed(_) => {
                return Err(CliError::failed("terraform did not create the bucket; no backend was written")
                    .hint("run the command again: it continues where it stopped")
                    .hint("if the bucket already exists, the account is bootstrapped: use the files that were committed then"));
            }
        }
    }
    let asked = vec!["output".into(), "-json".into()];
    let outputs = in_workspace(&account).ask(asked).await?;
    let [name, region] = OUTPUTS.map(|name| outputs[name]["value"].as_str().map(str::to_owned));
    name.zip(region)
        .map(|(name, region)| Bucket {
            name,
            region,
            account,
        })
        .ok_or_else(|| {
            CliError::failed(
                "terraform does not say which bucket it created; no backend was written",
            )
        })
}

/// Writes the environment's settings, and the block that they belong to where there is none.
fn write(
    folder: &InfraFolder,
    name: &str,
    project: &str,
    bucket: Bucket,
) -> Result<Bootstrapped, CliError> {
    let cannot = |path: &Path, error| {
        CliError::failed(format!(
            "the bucket `{}` exists, but `{}` cannot be written",
            bucket.name,
            path.display()
        ))
        .caused_by(error)
        .hint("run the command again: it changes nothing in the bucket")
    };
    let backend_file = folder.path().join(backend_file(name, KIND));
    let settings = settings_text(name, project, &bucket);
    replace_file(&backend_file, &settings).map_err(|error| cannot(&backend_file, error))?;
    let block_file = match folder.block()? {
        Some(_) => None,
        None => {
            let path = folder.path().join("backend.tf");
            replace_file(&path, BLOCK).map_err(|error| cannot(&path, error))?;
            Some(path)
        }
    };
    Ok(Bootstrapped {
        bucket: bucket.name,
        region: bucket.region,
        account: bucket.account,
        backend_file,
        block_file,
        next: format!("t3nets infra plan -e {name}"),
    })
}

const BLOCK: &str = r#"# Where the state is: in S3, in the bucket that environments/NAME.s3.tfbackend names for each environment. Commit this file.
terraform {
  backend "s3" {}
}
"#;

fn settings_text(name: &str, project: &str, bucket: &Bucket) -> String {
    format!(
        r#"# Where the state of {name} is: a bucket made by `t3nets infra bootstrap`. Environments of one account share it, each with a
# workspace of its own (dev has the default one). Commit this file. `use_lockfile` locks in S3 itself and needs
# Terraform {NEEDED_FOR_BUCKET}; `{ACCOUNTS}` refuses the credentials of another account.
bucket              = "{}"
key                 = "{project}/terraform.tfstate"
region              = "{}"
encrypt             = true
use_lockfile        = true
{ACCOUNTS} = ["{}"]
"#,
        bucket.name, bucket.region, bucket.account
    )
}

/// Writes a file in one step, with the permissions it had.
fn replace_file(path: &Path, content: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let permissions = match std::fs::metadata(path) {
        Ok(file) => file.permissions(),
        // As for a file that is made without more, which everybody may read.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::Permissions::from_mode(0o644)
        }
        Err(error) => return Err(error),
    };
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(content.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
