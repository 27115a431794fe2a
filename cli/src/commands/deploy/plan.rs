//! `t3nets deploy --plan`: what a deploy would change.

use serde::Serialize;
use t3nets_deploy::operations::CurrentDefinitions;
use t3nets_deploy::session::ServiceSession;
use t3nets_deploy::task_definition::{Change, PlannedImage};

use super::running::Running;
use super::source::{ImageSource, architecture};
use super::unplannable;
use crate::error::{CliError, exit_code};
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::text::strip_control_chars;

/// What a deploy would change.
#[derive(Debug, Serialize)]
pub(crate) struct PlanOutput {
    /// The revision that runs; null if nothing does.
    running: Option<String>,
    /// Why nothing runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_running: Option<String>,
    /// The revision that the service is told to run.
    revision: String,
    base: String,
    #[serde(skip)]
    what_runs: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    builds: Option<ToBuild>,
    changes: Vec<Change>,
    /// What the image needs and the new revision would not give it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmet: Vec<String>,
    #[serde(skip)]
    fails_on_changes: bool,
}

/// What a deploy would build.
#[derive(Debug, Serialize)]
struct ToBuild {
    folder: String,
    architecture: String,
}

impl PlanOutput {
    /// Works it out, and changes nothing.
    ///
    /// # Errors
    /// If the image is not found or cannot run there; as AWS says.
    pub(super) async fn of(
        session: &ServiceSession<'_>,
        source: &ImageSource,
        fails_on_changes: bool,
    ) -> Result<Self, CliError> {
        let current = CurrentDefinitions::read(session).await?;
        let image = source.planned(session, &current).await?;
        let preview = current.preview(&session.target.container, &image);
        let preview = preview.map_err(unplannable)?;
        let builds = match (source, &image) {
            (ImageSource::Tree(tree), PlannedImage::ToBeBuilt { .. }) => Some(ToBuild {
                folder: tree.root.display().to_string(),
                architecture: architecture(&current)?.to_string(),
            }),
            _ => None,
        };
        let running = Running::of(session, &current.service, Some(&current.running)).await;
        Ok(Self {
            what_runs: running.text(),
            running: running.revisions.into_iter().next(),
            not_running: running.why_none,
            revision: preview.running,
            base: preview.base,
            builds,
            changes: preview.changes,
            unmet: current.unmet(&session.target.container),
            fails_on_changes,
        })
    }
}

impl Output for PlanOutput {
    fn text(&self) -> String {
        let mut lines = vec![strip_control_chars(&self.what_runs).into_owned()];
        if self.base != self.revision {
            lines.push(format!("{} is the newer template", self.base));
        }
        if let Some(ToBuild {
            folder,
            architecture,
        }) = &self.builds
        {
            lines.push(format!(
                "an image for {architecture} would be built from `{folder}`"
            ));
        }
        if self.changes.is_empty() {
            lines.push("nothing would change".to_owned());
        }
        lines.extend(self.changes.iter().map(ToString::to_string));
        if !self.unmet.is_empty() {
            lines.push(format!("{} does not have what the image needs:", self.base));
            let unmet = self.unmet.iter();
            lines.extend(unmet.map(|unmet| format!("  {}", strip_control_chars(unmet))));
        }
        lines.join("\n")
    }

    fn hints(&self) -> Vec<Hint> {
        match self.unmet.is_empty() {
            true => Vec::new(),
            false => vec![Hint::command(
                "infra apply",
                "registers a revision that has it",
            )],
        }
    }

    fn exit_code(&self) -> u8 {
        match self.fails_on_changes && !self.changes.is_empty() {
            true => exit_code::CHANGES_PENDING,
            false => exit_code::DONE,
        }
    }
}
