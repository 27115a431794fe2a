//! `t3nets infra bootstrap`: the bucket that keeps Terraform's state, once per account.
//!
//! Terraform makes it, from `infra/bootstrap` with a local state, since there is no bucket yet to
//! keep that one in. Only when it is there `backend.tf` is written, in one step; repeated after a
//! failure, it goes on where it ended.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terraform::folder::{InfraEnvironment, InfraFolder};
use crate::terraform::run::{Ended, NEEDED_FOR_BUCKET, Terraform};

/// The outputs of `infra/bootstrap` that are read here.
pub(crate) const OUTPUTS: [&str; 2] = ["bucket", "region"];

/// Its variables that are set here.
pub(crate) const VARIABLES: [&str; 2] = ["project", "region"];

/// What there is now.
#[derive(Debug, Serialize)]
pub(crate) struct Bootstrapped {
    bucket: String,
    region: String,
    backend_file: PathBuf,
    next: String,
}

impl Output for Bootstrapped {
    fn text(&self) -> String {
        format!(
            "bucket `{}` in {} now holds the state\nwrote {}: commit it\nnext: `{}`, which moves a local state there",
            self.bucket,
            self.region,
            self.backend_file.display(),
            self.next
        )
    }
}

/// Makes the bucket and writes `backend.tf`, after asking.
///
/// # Errors
/// Not ready if anything it needs is missing; a failure if there is a backend already,
/// Terraform fails, or it is not confirmed.
pub(crate) async fn run(context: &Context) -> Result<Bootstrapped, CliError> {
    let folder = InfraFolder::find(&context.settings)?;
    let environment = folder.environment(&context.settings)?;
    if let Some(backend) = folder.backend()? {
        let place = backend.config.get("bucket").and_then(Value::as_str);
        return Err(CliError::failed(format!(
            "the state already has a backend: `{}` `{}`",
            backend.kind,
            place.unwrap_or("?")
        ))
        .hint_command("infra plan", "uses it: there is nothing to bootstrap"));
    }
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
    context.confirm(&format!(
        "Create the bucket for Terraform's state in {region} with {} and write backend.tf?",
        match &environment.profile {
            Some(profile) => format!("the AWS profile `{profile}`"),
            None => "the current AWS credentials".to_owned(),
        }
    ))?;
    let (bucket, region) = make_bucket(
        context,
        &terraform,
        &own_folder,
        &environment,
        [project, region],
    )
    .await?;
    let backend_file = folder.path().join("backend.tf");
    replace_file(&backend_file, &backend_text(&bucket, &region)).map_err(|error| {
        CliError::failed(format!(
            "the bucket `{bucket}` exists, but `{}` cannot be written",
            backend_file.display()
        ))
        .caused_by(error)
        .hint("run the command again: it changes nothing in the bucket")
    })?;
    Ok(Bootstrapped {
        bucket,
        region,
        backend_file,
        next: format!("t3nets infra plan -e {}", environment.name),
    })
}

/// Runs Terraform in `infra/bootstrap` and reads what it made: the bucket and its region.
async fn make_bucket(
    context: &Context,
    terraform: &Terraform,
    folder: &Path,
    environment: &InfraEnvironment,
    values: [String; 2],
) -> Result<(String, String), CliError> {
    // Not this command's environment alone uses the bucket, so its state is nobody's workspace.
    let runs = terraform
        .in_folder(folder)
        .of_environment(environment, "default")
        .output_to_stderr();
    let variables = VARIABLES.iter().zip(values);
    let mut apply: Vec<OsString> = ["apply", "-auto-approve", "-input=false"]
        .map(Into::into)
        .into();
    apply.extend(variables.map(|(name, value)| format!("-var={name}={value}").into()));
    for mut arguments in [vec!["init".into(), "-input=false".into()], apply] {
        if !context.printer.colors_stderr() {
            arguments.push("-no-color".into());
        }
        match runs.run(&context.printer, arguments).await? {
            Ended::With(0) => {}
            Ended::Interrupted | Ended::WellThoughInterrupted => {
                return Err(CliError::interrupted());
            }
            Ended::With(_) | Ended::Killed(_) => {
                return Err(CliError::failed("terraform did not create the bucket; backend.tf is unchanged")
                    .hint("run the command again: it continues where it stopped")
                    .hint("if the bucket already exists, the account is bootstrapped: use the backend.tf that was committed then"));
            }
        }
    }
    let outputs = runs.ask(vec!["output".into(), "-json".into()]).await?;
    let [bucket, region] = OUTPUTS.map(|name| outputs[name]["value"].as_str().map(str::to_owned));
    bucket.zip(region).ok_or_else(|| {
        CliError::failed("terraform does not say which bucket it created; backend.tf is unchanged")
    })
}

fn backend_text(bucket: &str, region: &str) -> String {
    format!(
        r#"# Where the state is: a bucket made by `t3nets infra bootstrap`. Every environment has a workspace of its own in it (dev has
# the default one). Commit this file. `use_lockfile` locks in S3 itself and needs Terraform {NEEDED_FOR_BUCKET}.
terraform {{
  backend "s3" {{
    bucket       = "{bucket}"
    key          = "t3nets/terraform.tfstate"
    region       = "{region}"
    encrypt      = true
    use_lockfile = true
  }}
}}
"#
    )
}

/// Replaces a file in one step, with the permissions it had.
fn replace_file(path: &Path, content: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(content.as_bytes())?;
    file.as_file()
        .set_permissions(std::fs::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
