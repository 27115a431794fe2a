//! The checks of what `t3nets deploy` and the deployed service need: [`docker`] has those of this
//! machine, [`service`] those of the service and what it runs on, [`quota`] the account's room for
//! it, [`revision`] those of everything that its task definition refers to.
//!
//! AWS is asked at once as far as it can be; an answer that does not come, or is refused, is that
//! check's own finding. Where AWS refuses what a deploy needs as well, the check fails; where it
//! refuses what only the doctor asks, the check is skipped. Either names the permission.

mod docker;
mod quota;
mod revision;
mod service;

use std::time::Duration;

use jiff::Timestamp;
use t3nets_deploy::deploy_target::DeployTarget;
use t3nets_deploy::ecs::{Ecs, PlacedService};
use t3nets_deploy::task_definition::TaskDefinition;
use t3nets_router::aws::{AwsError, AwsErrorKind};

use super::{Check, Remedy};
use crate::aws::AwsSession;
use crate::commands::deploy::service::deploy_target;
use crate::hint::Hint;

/// How long a check may take. The SDK bounds each call; some checks make several.
const LIMIT: Duration = Duration::from_secs(15);

/// Runs the checks, and returns them in the order in which they are shown.
pub(super) async fn checks(session: &AwsSession) -> Vec<Check> {
    let (mut checks, of_service) = tokio::join!(local_checks(), service_checks(session));
    checks.extend(of_service);
    checks
}

/// The checks of this machine.
pub(super) async fn local_checks() -> Vec<Check> {
    docker::checks().await
}

async fn service_checks(session: &AwsSession) -> Vec<Check> {
    let target = match deploy_target(&session.environment) {
        Ok(target) => target,
        Err(error) => {
            return vec![Check::of_error(
                "service",
                error,
                "correct it in t3nets.toml",
            )];
        }
    };
    let checks = ServiceChecks {
        sdk: &session.sdk,
        ecs: Ecs::new(&session.sdk, &target),
        target: &target,
        asleep_until: session.environment.asleep_until(),
    };
    checks.run().await
}

/// What the checks work with.
struct ServiceChecks<'a> {
    sdk: &'a aws_config::SdkConfig,
    ecs: Ecs,
    target: &'a DeployTarget,
    /// Until when the service has no tasks by itself.
    asleep_until: Option<Timestamp>,
}

/// The task definition that the service is told to run.
enum RunningRevision {
    /// A release, or what somebody registered by hand.
    Deployed(TaskDefinition),
    /// Terraform's first one, whose image does not exist: nothing was deployed yet.
    Placeholder(TaskDefinition),
    /// The service names it, and ECS does not have it.
    Missing,
    /// AWS did not return it.
    Unread(AwsError),
    /// The service does not exist or is not known.
    NoService,
}

impl ServiceChecks<'_> {
    async fn run(&self) -> Vec<Check> {
        let service = async {
            let (cluster, placed) = tokio::join!(self.ecs.cluster(), self.ecs.placed());
            let running = self.running(&placed).await;
            let checks = self.check_service(&cluster, &placed, &running);
            let (quota, revision) = tokio::join!(
                within("quota", self.check_quota(&placed, &running)),
                self.check_revision(&running),
            );
            (checks, quota, revision)
        };
        let (repository, (service, quota, revision), targets) = tokio::join!(
            within("repository", self.check_repository()),
            service,
            within("targets", self.check_targets()),
        );
        let mut checks = vec![repository];
        checks.extend(service);
        checks.push(quota);
        checks.extend(revision);
        checks.push(targets);
        checks
    }

    async fn running(&self, placed: &Result<Option<PlacedService>, AwsError>) -> RunningRevision {
        let Ok(Some(placed)) = placed else {
            return RunningRevision::NoService;
        };
        let arn = placed.service.task_definition.as_str();
        match self.ecs.task_definition(arn).await {
            Ok(Some(definition)) => {
                let template = self.target.template_arn.as_deref();
                match definition.is_placeholder(&self.target.container, template) {
                    true => RunningRevision::Placeholder(definition),
                    false => RunningRevision::Deployed(definition),
                }
            }
            Ok(None) => RunningRevision::Missing,
            Err(error) => RunningRevision::Unread(error),
        }
    }
}

/// What creates a missing resource of the environment.
fn creation() -> Hint {
    Hint::command(
        "infra apply",
        "creates it, or t3nets.toml corrects its name or region",
    )
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

/// A question to AWS.
struct Question<'q> {
    /// The check that asks it.
    check: &'static str,
    /// What it is about.
    about: &'q str,
    /// The permission that it takes.
    permission: &'static str,
    asked_by: AskedBy,
}

/// Who asks a question.
enum AskedBy {
    /// A deploy asks it as well, and fails without an answer.
    Deploy,
    /// Only the doctor does.
    DoctorAlone,
}

impl Question<'_> {
    /// The check whose question AWS did not answer. `remedy` creates what is missing.
    fn unanswered(&self, error: &AwsError, remedy: impl Into<Remedy>) -> Check {
        if error.kind != AwsErrorKind::Permission {
            return Check::refused(self.check, self.about, error, remedy);
        }
        let Self {
            check,
            about,
            permission,
            ..
        } = self;
        match self.asked_by {
            AskedBy::Deploy => Check::failed(
                check,
                format!("access to {about} is denied: {error}"),
                format!("have `{permission}` granted, or use other credentials"),
            ),
            AskedBy::DoctorAlone => Check::skipped(
                check,
                format!("access to {about} is denied, which needs `{permission}`: {error}"),
            ),
        }
    }
}

/// A check that needs what another one did not find.
fn skipped_without(name: &'static str, other: &str) -> Check {
    Check::skipped(name, format!("needs what the check `{other}` did not find"))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_permission_is_named_and_only_what_a_deploy_needs_fails_without_it() {
        let unanswered = |asked_by, code, status| {
            let question = Question {
                check: "cluster",
                about: "`c`",
                permission: "ecs:DescribeClusters",
                asked_by,
            };
            let error =
                AwsError::of_answer("ecs", "DescribeClusters", status, Some(code), None, None);
            question.unanswered(&error, "")
        };
        let needed = unanswered(AskedBy::Deploy, "AccessDeniedException", 400);
        assert_eq!(needed.status, Status::Failed);
        assert!(needed.remedy.to_string().contains("`ecs:DescribeClusters`"));
        let asked = unanswered(AskedBy::DoctorAlone, "AccessDeniedException", 400);
        assert_eq!(asked.status, Status::Skipped);
        assert!(asked.detail.contains("`ecs:DescribeClusters`"), "{asked:?}");
        let signed_out = unanswered(AskedBy::DoctorAlone, "ExpiredTokenException", 400);
        assert_eq!(signed_out.status, Status::Failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_takes_too_long_is_ended() {
        let check = within("cluster", std::future::pending()).await;
        assert_eq!(check.status, Status::Failed);
    }
}
