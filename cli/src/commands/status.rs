//! `t3nets status`: what the service runs, and how it fares.

use std::time::Duration;

use serde::Serialize;

use crate::commands::deploy::target::Connected;
use crate::commands::deploy::{Work, tasks, unchanged};
use crate::context::Context;
use crate::deploy::plan::{DEPLOYED_BY, RELEASE};
use crate::deploy::rollout::revision_name;
use crate::deploy::targets::Targets;
use crate::error::{CliError, exit_code};
use crate::printer::{Output, table};

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(2);
/// How many events are shown.
const EVENTS: usize = 5;

/// How to show it.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Show it again whenever something changed, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// A service's state.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct StatusOutput {
    service: String,
    status: String,
    desired: i32,
    release: Option<String>,
    deployed_by: Option<String>,
    deployments: Vec<DeploymentView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<TargetView>>,
    events: Vec<EventView>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct DeploymentView {
    id: String,
    status: String,
    revision: String,
    rollout_state: String,
    running: i32,
    pending: i32,
    desired: i32,
    reason: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct TargetView {
    address: String,
    state: String,
    reason: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct EventView {
    at: Option<jiff::Timestamp>,
    message: String,
}

/// Runs the command and says with which code to end.
///
/// # Errors
/// Not ready if there is no such service; as AWS says.
pub(crate) async fn run(context: &Context, args: StatusArgs) -> Result<u8, CliError> {
    let connected = Connected::to(context).await?;
    let work = Work::new(context, &connected);
    let mut shown = look(&work, &connected).await?;
    context.printer.print(&shown)?;
    if !args.watch {
        return Ok(exit_code::DONE);
    }
    loop {
        tokio::time::sleep(EVERY).await;
        // What cannot be asked now may be asked again.
        if let Ok(now) = look(&work, &connected).await
            && now != shown
        {
            if !context.printer.is_json() {
                context.printer.write("\n")?;
            }
            context.printer.print(&now)?;
            shown = now;
        }
    }
}

async fn look(work: &Work<'_>, connected: &Connected) -> Result<StatusOutput, CliError> {
    let service = work.service().await?;
    let revision = match service.primary() {
        Some(primary) => {
            let found = work.ecs.revision(&primary.task_definition).await;
            found.map_err(unchanged)?
        }
        None => None,
    };
    let target = work.target();
    let targets = match &target.target_group_arn {
        Some(arn) => Targets::new(&connected.sdk, arn).health().await.ok(),
        None => None,
    };
    Ok(StatusOutput {
        service: target.service.clone(),
        release: revision
            .as_ref()
            .and_then(|one| one.variable(&target.container, RELEASE))
            .map(str::to_owned),
        deployed_by: revision.and_then(|one| one.tags.get(DEPLOYED_BY).cloned()),
        status: service.status,
        desired: service.desired,
        deployments: service
            .deployments
            .into_iter()
            .map(|one| DeploymentView {
                revision: revision_name(&one.task_definition).to_owned(),
                id: one.id,
                status: one.status,
                rollout_state: one.rollout_state,
                running: one.running,
                pending: one.pending,
                desired: one.desired,
                reason: one.reason,
            })
            .collect(),
        targets: targets.map(|targets| {
            let views = targets.into_iter().map(|one| TargetView {
                address: one.address,
                state: one.state,
                reason: one.reason,
            });
            views.collect()
        }),
        events: service
            .events
            .into_iter()
            .take(EVENTS)
            .map(|one| EventView {
                at: one.at,
                message: one.message,
            })
            .collect(),
    })
}

impl Output for StatusOutput {
    fn text(&self) -> String {
        let mut parts = vec![format!(
            "{} is {}, to have {}",
            self.service,
            self.status.to_lowercase(),
            tasks(self.desired)
        )];
        if let Some(release) = &self.release {
            let by = self.deployed_by.as_ref();
            let by = by.map_or_else(String::new, |by| format!(", deployed by {by}"));
            parts.push(format!("release {release}{by}"));
        }
        let rows = self.deployments.iter().map(|one| {
            [
                one.revision.clone(),
                one.status.clone(),
                one.rollout_state.clone(),
                format!("{} of {}", one.running, one.desired),
                one.pending.to_string(),
                one.reason.clone(),
            ]
        });
        let header = [
            "revision", "status", "rollout", "running", "pending", "reason",
        ];
        parts.push(table(&header, rows));
        if let Some(targets) = self.targets.as_ref().filter(|all| !all.is_empty()) {
            let rows = targets
                .iter()
                .map(|one| [&one.address, &one.state, &one.reason]);
            parts.push(table(&["target", "health", "reason"], rows));
        }
        let events = self.events.iter().map(|event| {
            let at = event.at.map_or_else(String::new, |at| format!("{at:.0}"));
            [at, event.message.clone()]
        });
        parts.push(table(&["time", "event"], events));
        parts.join("\n\n")
    }
}
