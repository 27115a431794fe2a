//! `t3nets history`: the releases that were verified, and whether their images are still there to
//! go back to.

use serde::Serialize;
use t3nets_deploy::error::NotStarted;
use t3nets_deploy::registry::RepositoryImages;
use t3nets_deploy::task_definition::RevisionArn;
use t3nets_router::aws::VerifiedRelease;

use crate::commands::deploy::service::ServiceConnection;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::shown_time;

/// How much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// The most releases to list, newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// The verified releases.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryOutput {
    running: RevisionArn,
    releases: Vec<ReleaseRow>,
}

/// One of them, and whether a rollback could bring it back.
#[derive(Debug, Serialize)]
struct ReleaseRow {
    #[serde(flatten)]
    release: VerifiedRelease,
    /// Whether the registry still has its image; null where that is not known.
    in_registry: Option<bool>,
}

/// Runs the command.
///
/// # Errors
/// Not ready if there is no such service; as AWS says.
pub(crate) async fn run(context: &Context, args: HistoryArgs) -> Result<HistoryOutput, CliError> {
    let connection = ServiceConnection::open(context).await?;
    let session = connection.quiet_session();
    let running = session.running_arn().await?;
    let releases = session.deploys.releases(args.limit.into()).await;
    let releases = releases.map_err(NotStarted::Aws)?;
    let mut images = RepositoryImages::of(session.sdk, &session.target.repository);
    images
        .look_up(releases.iter().map(|release| &*release.digest))
        .await;
    if let Some(error) = images.error() {
        context.printer.warning(format!(
            "whether the images are still in the registry is not known: {error}"
        ));
    }
    let releases = releases.into_iter().map(|release| ReleaseRow {
        in_registry: images.contains(release.image.as_deref().unwrap_or(&release.digest)),
        release,
    });
    Ok(HistoryOutput {
        running,
        releases: releases.collect(),
    })
}

impl Output for HistoryOutput {
    fn text(&self) -> String {
        if self.releases.is_empty() {
            return format!("no release was verified yet; {} runs", self.running.name());
        }
        let rows = self.releases.iter().map(|row| {
            let release = &row.release;
            let digest = release.digest.get(..19).unwrap_or(&release.digest);
            [
                RevisionArn::from(&*release.task_definition)
                    .name()
                    .to_owned(),
                release.version.clone().unwrap_or_default(),
                release.git_sha.clone().unwrap_or_default(),
                digest.to_owned(),
                match row.in_registry {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "unknown",
                }
                .to_owned(),
                shown_time(release.at),
                release.who.clone(),
                match release.task_definition == self.running.as_str() {
                    true => "running".to_owned(),
                    false => String::new(),
                },
            ]
        });
        let header = [
            "revision",
            "version",
            "commit",
            "image",
            "in registry",
            "verified",
            "by",
            "",
        ];
        table(&header, rows)
    }
}
