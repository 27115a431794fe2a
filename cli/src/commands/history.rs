//! `t3nets history`: the releases that were verified, and whether their images are still there to go back to.

use serde::Serialize;

use crate::commands::deploy::target::Connected;
use crate::commands::deploy::{Work, unchanged};
use crate::context::Context;
use crate::error::CliError;
use crate::printer::{Output, table};
use t3nets_deploy::history::Good;
use t3nets_deploy::registry::RepositoryImages;
use t3nets_deploy::rollout::revision_name;

/// How much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
}

/// The verified releases.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryOutput {
    running: String,
    releases: Vec<Release>,
}

/// One of them, and whether a rollback could bring it back.
#[derive(Debug, Serialize)]
struct Release {
    #[serde(flatten)]
    good: Good,
    /// Whether the registry still has its image; null where that is not known.
    in_registry: Option<bool>,
}

/// Runs the command.
///
/// # Errors
/// Not ready if there is no such service; as AWS says.
pub(crate) async fn run(context: &Context, args: HistoryArgs) -> Result<HistoryOutput, CliError> {
    let connected = Connected::to(context).await?;
    let work = Work::new(context, &connected);
    let running = work.ecs.running().await.map_err(unchanged)?;
    let releases = work.history.good(args.limit).await.map_err(unchanged)?;
    let mut images = RepositoryImages::of(work.sdk(), &work.target().repository);
    images
        .look_up(releases.iter().map(|good| &*good.digest))
        .await;
    if let Some(why) = images.error() {
        context.printer.warning(format!(
            "whether the images are still in the registry is not known: {why}"
        ));
    }
    let releases = releases.into_iter().map(|good| Release {
        in_registry: images.contains(good.image.as_deref().unwrap_or(&good.digest)),
        good,
    });
    Ok(HistoryOutput {
        running,
        releases: releases.collect(),
    })
}

impl Output for HistoryOutput {
    fn text(&self) -> String {
        if self.releases.is_empty() {
            return format!(
                "no release was verified yet; {} runs",
                revision_name(&self.running)
            );
        }
        let rows = self.releases.iter().map(|Release { good, in_registry }| {
            let digest = good.digest.get(..19).unwrap_or(&good.digest);
            [
                revision_name(&good.task_definition).to_owned(),
                good.version.clone().unwrap_or_default(),
                good.git_sha.clone().unwrap_or_default(),
                digest.to_owned(),
                match in_registry {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "unknown",
                }
                .to_owned(),
                format!("{:.0}", good.at),
                good.who.clone(),
                match good.task_definition == self.running {
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
