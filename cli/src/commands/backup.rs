//! `t3nets backup`.

use std::path::PathBuf;

use serde::Serialize;
use t3nets_router::local::{LocalPaths, SECRETS_STEM, backup};

use crate::config::keystore;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::counted;

/// What a backup has beside the database: the tenants' secrets and the operator's keys.
pub(crate) const STEMS: [&str; 2] = [SECRETS_STEM, keystore::STEM];

/// Arguments of `t3nets backup`.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The file to write, which its owner alone can read
    file: PathBuf,
    /// Replace the file if it exists
    #[arg(long, short)]
    force: bool,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct BackedUp {
    environment: String,
    file: PathBuf,
    tenants: usize,
    bytes: u64,
}

impl Output for BackedUp {
    fn text(&self) -> String {
        format!(
            "backed up environment `{}` ({} with data, secrets and keys) to `{}` ({} KiB)",
            self.environment,
            counted(self.tenants, "tenant"),
            self.file.display(),
            self.bytes.div_ceil(1024),
        )
    }
}

/// Copies all that a local environment has.
///
/// # Errors
/// If it is on AWS or has nothing, or the file exists or cannot be written.
pub(crate) async fn run(context: &Context, args: BackupArgs) -> Result<BackedUp, CliError> {
    let environment = context.local_environment()?;
    if !LocalPaths::new(&environment.home).database().exists() {
        let message = format!("environment `{}` has no data to back up", environment.name);
        return Err(CliError::failed(message)
            .hint_command("seed", "creates a tenant, and so does `t3nets dev`"));
    }
    if !args.force && args.file.symlink_metadata().is_ok() {
        return Err(
            CliError::usage(format!("`{}` already exists", args.file.display()))
                .hint("`--force` replaces it"),
        );
    }
    let copying = context.printer.progress("backing up");
    let (home, file) = (environment.home.clone(), args.file.clone());
    let made = tokio::task::spawn_blocking(move || backup::back_up(&home, &file, &STEMS)).await;
    drop(copying);
    let report =
        made.map_err(|error| CliError::failed("the backup did not finish").caused_by(error))??;
    Ok(BackedUp {
        environment: environment.name.clone(),
        file: args.file,
        tenants: report.tenants,
        bytes: report.bytes,
    })
}
