//! The checks of what `t3nets deploy` and the deployed service need: [`machine`] has those of this machine, [`place`] those of
//! where the service runs, [`revision`] those of all that the running revision refers to.
//!
//! What is asked of AWS is asked at once as far as it can be; an answer that does not come, or is refused, is that check's
//! own finding. Where AWS refuses what a deploy needs as well, the check fails; where it refuses what only the doctor asks,
//! the check is skipped. Either says which permission it takes.

mod machine;
mod place;
mod revision;

use std::time::Duration;

use t3nets_router::ports::StoreError;

use super::aws::{failed, refused};
use super::{Check, Status};
use crate::aws_environment::{Connected, reason};
use crate::commands::deploy::service::deploy_target;
use t3nets_deploy::ecs::{Ecs, PlacedService};
use t3nets_deploy::image_ref::Digest;
use t3nets_deploy::session::DeployTarget;
use t3nets_deploy::task_definition::TaskDefinition;

/// How long a check may take. The SDK bounds each call; some checks make several.
const LIMIT: Duration = Duration::from_secs(15);

/// What is to be checked, in the order in which it is shown.
pub(super) async fn checks(connected: &Connected) -> Vec<Check> {
    let (mut checks, there) = tokio::join!(here(), there(connected));
    checks.extend(there);
    checks
}

/// Those of this machine alone.
pub(super) async fn here() -> Vec<Check> {
    machine::checks().await
}

async fn there(connected: &Connected) -> Vec<Check> {
    let target = match deploy_target(&connected.environment) {
        Ok(target) => target,
        Err(error) => return vec![failed("service", error, "correct it in t3nets.toml")],
    };
    let deploying = Deploying {
        sdk: &connected.sdk,
        ecs: Ecs::new(&connected.sdk, &target),
        target: &target,
    };
    let (repository, [cluster, capacity, service], revision, targets) = {
        let running = async {
            let (cluster, placed) = tokio::join!(deploying.ecs.cluster(), deploying.ecs.placed());
            let cluster = cluster.map_err(StoreError::from);
            let placed = placed.map_err(StoreError::from);
            let seen = deploying.running(&placed).await;
            let place = deploying.check_place(&cluster, &placed, &seen);
            (place, deploying.check_revision(&seen).await)
        };
        let (repository, (place, revision), targets) = tokio::join!(
            within("repository", deploying.check_repository()),
            running,
            within("targets", deploying.check_targets()),
        );
        (repository, place, revision, targets)
    };
    let mut checks = vec![repository, cluster, capacity, service];
    checks.extend(revision);
    checks.push(targets);
    checks
}

/// What the checks work with.
struct Deploying<'a> {
    sdk: &'a aws_config::SdkConfig,
    ecs: Ecs,
    target: &'a DeployTarget,
}

/// The revision that the service is told to run.
enum Running {
    /// This one.
    Known {
        revision: TaskDefinition,
        /// Whether it is the one that Terraform made, with an image that is none.
        is_placeholder: bool,
    },
    /// It cannot be read: why.
    Unread(StoreError),
    /// There is no service, or it is not known.
    Unknown,
}

impl Deploying<'_> {
    async fn running(&self, placed: &Result<Option<PlacedService>, StoreError>) -> Running {
        let Ok(Some(placed)) = placed else {
            return Running::Unknown;
        };
        let arn = &placed.task_definition;
        match self.ecs.task_definition(arn.as_str()).await {
            Ok(Some(revision)) => Running::Known {
                is_placeholder: self.is_placeholder(&revision),
                revision,
            },
            Ok(None) => {
                let missing = format!("there is no task definition `{}`", arn.name());
                Running::Unread(StoreError::Misconfigured(missing.into()))
            }
            Err(error) => Running::Unread(error.into()),
        }
    }

    fn is_placeholder(&self, revision: &TaskDefinition) -> bool {
        let image = revision.image(&self.target.container).unwrap_or_default();
        let is_pinned = Digest::at_end_of(image).is_some();
        let template = self.target.template_arn.as_deref();
        !is_pinned && (revision.is_template() || template == Some(revision.arn().as_str()))
    }

    /// A command of this program, for the environment.
    fn command(&self, command: &str) -> String {
        format!("`t3nets {command} -e {}`", self.target.environment)
    }

    /// What makes what is missing.
    fn make(&self) -> String {
        format!(
            "{} makes it, or t3nets.toml corrects its name or region",
            self.command("infra apply")
        )
    }
}

/// Ends a check that takes too long.
async fn within(name: &'static str, check: impl Future<Output = Check>) -> Check {
    let ended = tokio::time::timeout(LIMIT, check).await;
    ended.unwrap_or_else(|_| {
        Check::failed(
            name,
            format!("no answer within {} s", LIMIT.as_secs()),
            "check the network and the region, and run it again",
        )
    })
}

/// Whether the credentials are good and only this is not allowed.
fn lacks_permission(error: &StoreError) -> bool {
    matches!(error, StoreError::Denied(_))
}

/// What a deploy has to ask as well was refused.
fn unseen(
    name: &'static str,
    what: &str,
    error: &StoreError,
    permission: &str,
    remedy: String,
) -> Check {
    if lacks_permission(error) {
        return Check::failed(
            name,
            format!("{what} may not be looked at: {}", reason(error)),
            format!("have `{permission}` granted, or use other credentials"),
        );
    }
    refused(name, what, error, remedy)
}

/// What only this check asks was refused.
fn unasked(
    name: &'static str,
    what: &str,
    error: &StoreError,
    permission: &str,
    remedy: String,
) -> Check {
    if lacks_permission(error) {
        return Check::skipped(
            name,
            format!(
                "{what} may not be looked at, which takes `{permission}`: {}",
                reason(error)
            ),
        );
    }
    refused(name, what, error, remedy)
}

/// Who knows whether a check could be made at all.
fn skipped_for(name: &'static str, other: &str) -> Check {
    Check {
        status: Status::Skipped,
        ..Check::ok(name, format!("needs what the check `{other}` did not find"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_named_and_only_what_a_deploy_needs_fails_without_it() {
        let denied = StoreError::denied("not authorized (AccessDeniedException)");
        let needed = unseen(
            "cluster",
            "`c`",
            &denied,
            "ecs:DescribeClusters",
            String::new(),
        );
        assert_eq!(needed.status, Status::Failed);
        assert!(needed.remedy.to_string().contains("`ecs:DescribeClusters`"));
        let asked = unasked(
            "log_group",
            "`l`",
            &denied,
            "logs:DescribeLogGroups",
            String::new(),
        );
        assert_eq!(asked.status, Status::Skipped);
        assert!(
            asked.detail.contains("`logs:DescribeLogGroups`"),
            "{asked:?}"
        );
        let signed_out = StoreError::Unauthenticated("no usable AWS credentials".into());
        let check = unasked("log_group", "`l`", &signed_out, "x", String::new());
        assert_eq!(check.status, Status::Failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_takes_too_long_is_ended() {
        let check = within("cluster", std::future::pending()).await;
        assert_eq!(check.status, Status::Failed);
    }
}
