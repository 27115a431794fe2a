//! `t3nets history`: the releases that were verified, and whether their images are still there to
//! go back to.

use serde::Serialize;
use t3nets_deploy::error::NotStarted;
use t3nets_deploy::registry::RepositoryImages;
use t3nets_deploy::rollout::Runs;
use t3nets_deploy::task_definition::RevisionArn;
use t3nets_router::aws::VerifiedRelease;

use crate::commands::deploy::errors::unread;
use crate::commands::deploy::running::Running;
use crate::commands::deploy::service::ServiceConnection;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::{shown_time, strip_control_chars};

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
    /// The revision that runs, by its ARN; null if nothing does.
    running: Option<RevisionArn>,
    /// Why nothing runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_running: Option<String>,
    #[serde(skip)]
    what_runs: String,
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
    let service = session.service().await.map_err(unread)?;
    let told = session.told(&service).await.ok();
    let what_runs = Running::of(&session, &service, told.as_ref()).await;
    let releases = session.deploys.releases(args.limit.into()).await;
    let releases = releases.map_err(NotStarted::Aws).map_err(unread)?;
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
    let running = match service.runs() {
        Runs::Revisions(revisions) => revisions.into_iter().next(),
        Runs::Nothing { .. } => None,
    };
    Ok(HistoryOutput {
        running,
        what_runs: what_runs.text(),
        not_running: what_runs.why_none,
        releases: releases.collect(),
    })
}

impl Output for HistoryOutput {
    fn text(&self) -> String {
        if self.releases.is_empty() {
            let what_runs = strip_control_chars(&self.what_runs);
            return format!("no release was verified yet; {what_runs}");
        }
        let running = self.running.as_ref().map(RevisionArn::as_str);
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
                match Some(release.task_definition.as_str()) == running {
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
        let releases = table(&header, rows);
        match self.running {
            Some(_) => releases,
            None => format!("{}\n\n{releases}", strip_control_chars(&self.what_runs)),
        }
    }
}
