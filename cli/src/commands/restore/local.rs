//! A local environment, from a file.

use std::path::{Path, PathBuf};

use serde::Serialize;
use t3nets_router::local::{LocalPaths, backup};
use t3nets_router::ports::StoreError;

use crate::commands::backup::STEMS;
use crate::config::running::DevLock;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::counted;

/// What is there again.
#[derive(Debug, Serialize)]
pub(crate) struct RestoredFile {
    environment: String,
    file: PathBuf,
    tenants: usize,
    /// Whether something was there before, which is kept beside it.
    replaced: bool,
}

impl Output for RestoredFile {
    fn text(&self) -> String {
        let kept = match self.replaced {
            true => "; the previous files are kept with the suffix `.before-restore`",
            false => "",
        };
        format!(
            "restored environment `{}` ({}) from `{}`{kept}",
            self.environment,
            counted(self.tenants, "tenant"),
            self.file.display(),
        )
    }
}

/// Puts a backup in the place of all that a local environment has.
///
/// # Errors
/// If it is on AWS or in use, the backup cannot be used, or nobody agreed; nothing is changed then.
pub(super) async fn run(context: &Context, given: PathBuf) -> Result<RestoredFile, CliError> {
    let environment = context.local_environment()?;
    let (home, file) = (environment.home.clone(), given.clone());
    let report = backup::check(&file).map_err(|error| unusable(&file, error))?;
    context.show_environment().await?;
    let replaced = LocalPaths::new(&home).database().exists();
    if replaced {
        context.confirm(&format!(
            "Replace all data of environment `{}` with the backup ({})?",
            environment.name,
            counted(report.tenants, "tenant"),
        ))?;
    }
    let Some(lock) = DevLock::take(&home)? else {
        return Err(CliError::not_ready(format!(
            "`t3nets dev` is running on environment `{}`",
            environment.name
        ))
        .hint("stop it, then run the command again"));
    };
    let restored = tokio::task::spawn_blocking(move || backup::restore(&home, &file, &STEMS)).await;
    drop(lock);
    restored.map_err(|error| CliError::failed("the restore did not finish").caused_by(error))??;
    Ok(RestoredFile {
        environment: environment.name.clone(),
        file: given,
        tenants: report.tenants,
        replaced,
    })
}

/// A file that cannot be restored. The file is at fault, not the environment.
fn unusable(file: &Path, error: StoreError) -> CliError {
    let why = match error {
        StoreError::Corrupt { detail, .. } => {
            format!("`{}` is not a usable backup: {detail}", file.display())
        }
        StoreError::Unavailable(failure) => failure.to_string(),
        other => return other.into(),
    };
    CliError::failed(why).hint("name a file that `t3nets backup` wrote")
}
