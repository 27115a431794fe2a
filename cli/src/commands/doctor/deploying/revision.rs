//! What the running task definition refers to: its image, roles and log group; and which of
//! Terraform's newer settings it does not have.

use std::future::ready;

use futures::FutureExt;
use t3nets_deploy::dependencies::{ECS_TASKS, LogGroup, Role, log_group, role};
use t3nets_deploy::image_ref::Digest;
use t3nets_deploy::logs::{LogDestination, LogPlace};
use t3nets_deploy::registry::{RegistryError, RepositoryImages};
use t3nets_deploy::role_policies::{allowed_actions, not_allowed};
use t3nets_deploy::task_definition::{Change, TaskDefinition, base, drift, unmet};
use t3nets_router::aws::{ADMIN_ACTIONS, AwsError, AwsErrorKind, TASK_ACTIONS};
use t3nets_router::config::BUDGET_WEBHOOK_VARIABLE;
use t3nets_router::oidc::OidcSettings;
use t3nets_router::outbound::{Allowed, RANGES_VARIABLE, Reach};

use super::super::Status;
use super::super::issuer::check_issuer;
use super::super::webhook::{Source, check_webhook};
use super::{
    AskedBy, Check, Question, RunningRevision, ServiceChecks, creation, skipped_without, within,
};
use crate::error::CliError;
use crate::hint::Hint;

/// The check of the role that the router has.
const TASK_ROLE: &str = "task_role";

/// How many differing fields are named.
const MAX_FIELDS: usize = 8;

impl ServiceChecks<'_> {
    /// The checks `image`, `revision`, `task_role`, `execution_role`, `log_group`,
    /// `budget_webhook` and `drift`.
    pub(super) async fn check_revision(&self, running: &RunningRevision) -> Vec<Check> {
        let (task_role, execution_role) = (TASK_ROLE, "execution_role");
        let (definition, image, drift) = match running {
            RunningRevision::Deployed(definition) => (
                definition,
                within("image", self.check_image(definition)).left_future(),
                within("drift", self.check_drift(definition)).left_future(),
            ),
            RunningRevision::Placeholder(definition) => (
                definition,
                ready(placeholder_image(self.image(definition))).right_future(),
                ready(placeholder_drift()).right_future(),
            ),
            RunningRevision::Missing | RunningRevision::Unread(_) | RunningRevision::NoService => {
                // The log group's name is known without it.
                let log = within("log_group", self.check_log_group(None)).await;
                return vec![
                    skipped_without("image", "service"),
                    skipped_without("revision", "service"),
                    skipped_without(task_role, "service"),
                    skipped_without(execution_role, "service"),
                    log,
                    skipped_without("budget_webhook", "service"),
                    skipped_without("drift", "service"),
                ];
            }
        };
        let administers = definition.variable(&self.target.container, "T3NETS_ADMIN_API");
        let mut needed = TASK_ACTIONS.to_vec();
        if administers == Some("true") {
            needed.extend(ADMIN_ACTIONS);
        }
        let role = |name, field: &str| {
            let arn = definition.definition[field].as_str().map(str::to_owned);
            within(name, self.check_role(name, arn, &needed))
        };
        let issuer = OidcSettings::from_env(
            |name| {
                definition
                    .variable(&self.target.container, name)
                    .map(str::to_owned)
            },
            false,
        );
        let (image, revision, task, execution, log, issuer, drift) = tokio::join!(
            image,
            within("revision", self.check_needs(definition)),
            role(task_role, "taskRoleArn"),
            role(execution_role, "executionRoleArn"),
            within("log_group", self.check_log_group(Some(definition))),
            check_issuer(issuer),
            drift,
        );
        let webhook = self.check_webhook(definition);
        let mut checks = vec![image, revision, task, execution, log, webhook];
        checks.extend(issuer);
        checks.push(drift);
        checks
    }

    fn check_webhook(&self, definition: &TaskDefinition) -> Check {
        let container = &self.target.container;
        let set = definition.variable(container, BUDGET_WEBHOOK_VARIABLE);
        let source = match set.filter(|set| !set.is_empty()) {
            Some(set) => Source::Variable(set),
            None if definition.has_secret(container, BUDGET_WEBHOOK_VARIABLE) => Source::Secret,
            None => Source::NotSet,
        };
        let ranges = definition.variable(container, RANGES_VARIABLE);
        let reach = Allowed::parse(false, ranges).map(Reach::Internet);
        let reach = reach.map_err(|error| {
            CliError::not_ready(format!("{RANGES_VARIABLE} cannot be used")).caused_by(error)
        });
        check_webhook(&source, reach)
    }

    fn image<'d>(&self, definition: &'d TaskDefinition) -> &'d str {
        definition.image(&self.target.container).unwrap_or_default()
    }

    async fn check_image(&self, definition: &TaskDefinition) -> Check {
        let name = "image";
        let image = self.image(definition);
        let mut images = RepositoryImages::of(self.sdk, &self.target.repository);
        let exists = images.check(image).await;
        let digest = Digest::at_end_of(image);
        let short = match &digest {
            Some(digest) => format!("sha256:{}", digest.short()),
            None => image.to_owned(),
        };
        match (exists, images.error()) {
            (Some(true), _) => match images.is_kept(image).await {
                Ok(Some(false)) => unmarked_image(&short),
                // What ECR does not say about its tag is no news of the image.
                Ok(_) | Err(_) => Check::ok(name, format!("`{short}` is in the repository")),
            },
            (Some(false), _) => Check::failed(
                name,
                format!("`{image}` is no longer in the repository: no new task can start"),
                Hint::command("deploy", "builds and pushes it again"),
            ),
            (None, Some(RegistryError::Aws(error))) if error.kind == AwsErrorKind::Permission => {
                let question = Question {
                    check: name,
                    about: &format!("`{short}`"),
                    permission: "ecr:BatchGetImage",
                    asked_by: AskedBy::DoctorAlone,
                };
                question.unanswered(error, creation())
            }
            (None, Some(error)) => {
                Check::skipped(name, format!("`{short}` cannot be looked up: {error}"))
            }
            (None, None) => Check::skipped(
                name,
                format!(
                    "`{image}` does not name an image of `{}` by its digest",
                    self.target.repository
                ),
            ),
        }
    }

    async fn check_role(&self, name: &'static str, arn: Option<String>, needed: &[&str]) -> Check {
        let remedy = Hint::command("infra apply", "creates it");
        let Some(arn) = arn.filter(|arn| !arn.is_empty()) else {
            return Check::failed(name, "the running task definition has none", remedy);
        };
        let name_of_role = arn.rsplit('/').next().unwrap_or_default();
        match role(self.sdk, name_of_role).await {
            Ok(Some(found)) => {
                let check = trusted(name, name_of_role, &found, remedy.clone());
                match name == TASK_ROLE && check.status == Status::Ok {
                    true => self.check_actions(check, name_of_role, needed).await,
                    false => check,
                }
            }
            Ok(None) => Check::failed(
                name,
                format!("role `{name_of_role}` does not exist: no new task can start"),
                remedy,
            ),
            Err(error) => unknown_role(name, name_of_role, &error),
        }
    }

    /// Whether the role lets the router do what it does. Who may read roles and not their policies
    /// is told nothing of it.
    async fn check_actions(&self, check: Check, role: &str, needed: &[&str]) -> Check {
        let Ok(allowed) = allowed_actions(self.sdk, role).await else {
            return check;
        };
        let missing = not_allowed(needed, &allowed);
        if missing.is_empty() {
            return check;
        }
        Check::failed(
            TASK_ROLE,
            format!(
                "`{role}` does not allow {}, which the router calls",
                missing.join(", ")
            ),
            Hint::command("infra apply", "allows it"),
        )
    }

    /// Whether the revision that the next deploy starts from gives the image what it needs.
    async fn check_needs(&self, running: &TaskDefinition) -> Check {
        let name = "revision";
        let arn = self.target.template_arn.as_deref();
        // What cannot be asked is `drift`'s to tell.
        let template = self.ecs.template(arn, running).await.ok().flatten();
        let base = base(running, template.as_ref());
        let unmet = unmet(base, &self.target.container);
        match unmet.is_empty() {
            true => Check::ok(name, format!("`{}` has what the image needs", base.name())),
            false => Check::failed(
                name,
                format!(
                    "`{}` does not have what the image needs: {}",
                    base.name(),
                    unmet.join("; ")
                ),
                Hint::command("infra apply", "registers a revision that has it"),
            ),
        }
    }

    /// The log groups of all containers: without one of them, no task starts.
    async fn check_log_group(&self, definition: Option<&TaskDefinition>) -> Check {
        let name = "log_group";
        let Some(definition) = definition else {
            return self
                .check_group(name, &self.target.log_group, None, false)
                .await;
        };
        let (mut found, mut elsewhere): (Vec<Check>, Vec<String>) = (Vec::new(), Vec::new());
        let mut groups: Vec<LogPlace> = Vec::new();
        for container in definition.container_names() {
            match LogDestination::of(definition, &container) {
                LogDestination::CloudWatch(place) => {
                    let is_known =
                        |one: &LogPlace| one.group == place.group && one.region == place.region;
                    if !groups.iter().any(is_known) {
                        groups.push(place);
                    }
                }
                LogDestination::Elsewhere(place) => {
                    elsewhere.push(format!("the log of `{container}` goes {place}"));
                }
            }
        }
        for place in &groups {
            let region = place.region.as_deref();
            found.push(
                self.check_group(name, &place.group, region, place.is_created)
                    .await,
            );
        }
        match found.is_empty() {
            true => Check::skipped(name, elsewhere.join("; ")),
            false => joined(name, found, &elsewhere),
        }
    }

    async fn check_group(
        &self,
        name: &'static str,
        group: &str,
        region: Option<&str>,
        is_created: bool,
    ) -> Check {
        match log_group(self.sdk, group, region).await {
            Ok(Some(LogGroup { retention_days })) => {
                let kept = match retention_days {
                    Some(days) => format!("kept for {days} days"),
                    None => "never expires".to_owned(),
                };
                Check::ok(name, format!("`{group}`, {kept}"))
            }
            Ok(None) if is_created => {
                Check::ok(name, format!("`{group}` is created by the first task"))
            }
            Ok(None) => Check::failed(
                name,
                format!("log group `{group}` does not exist: no new task can start"),
                Hint::command("infra apply", "creates it"),
            ),
            Err(error) => Question {
                check: name,
                about: &format!("`{group}`"),
                permission: "logs:DescribeLogGroups",
                asked_by: AskedBy::DoctorAlone,
            }
            .unanswered(&error, creation()),
        }
    }

    async fn check_drift(&self, running: &TaskDefinition) -> Check {
        let name = "drift";
        let arn = self.target.template_arn.as_deref();
        match self.ecs.template(arn, running).await {
            Ok(Some(template)) => {
                let changes = drift(running, &template, &self.target.container);
                drifted(&running.name(), &template.name(), &changes)
            }
            Ok(None) if arn.is_some() => Check::warning(
                name,
                "the revision that Terraform's state names was deregistered",
                Hint::command("infra apply", "registers another"),
            ),
            Ok(None) => Check::ok(
                name,
                format!("Terraform registered nothing after `{}`", running.name()),
            ),
            Err(error) => Question {
                check: name,
                about: "Terraform's template",
                permission: "ecs:ListTaskDefinitions and ecs:DescribeTaskDefinition",
                asked_by: AskedBy::Deploy,
            }
            .unanswered(&error, creation()),
        }
    }
}

/// Checks of the same thing as one: the worst of them, with the details of all.
fn joined(name: &'static str, mut checks: Vec<Check>, more: &[String]) -> Check {
    checks.sort_by_key(|check| match check.status {
        Status::Failed => 0,
        Status::Warning => 1,
        Status::Skipped => 2,
        Status::Ok => 3,
    });
    let details: Vec<String> = checks
        .iter()
        .map(|check| check.detail.clone())
        .chain(more.iter().cloned())
        .collect();
    let worst = checks.into_iter().next();
    Check {
        detail: details.join("; "),
        ..worst.unwrap_or_else(|| Check::skipped(name, ""))
    }
}

fn placeholder_image(image: &str) -> Check {
    Check::warning(
        "image",
        format!("`{image}` is Terraform's placeholder: nothing was deployed yet"),
        Hint::command("deploy", "deploys the first release"),
    )
}

fn unmarked_image(image: &str) -> Check {
    Check::warning(
        "image",
        format!(
            "`{image}` has no tag that keeps it in the repository: ten later images push it out, and then no new task can start"
        ),
        Hint::command("restart", "verifies what runs and marks its image"),
    )
}

fn placeholder_drift() -> Check {
    Check::skipped("drift", "nothing was deployed yet that could differ")
}

fn drifted(running: &str, template: &str, changes: &[Change]) -> Check {
    let name = "drift";
    if changes.is_empty() {
        return Check::ok(
            name,
            format!(
                "Terraform's `{template}` has no setting that the next deploy would bring to `{running}`"
            ),
        );
    }
    let mut fields: Vec<String> = changes
        .iter()
        .take(MAX_FIELDS)
        .map(|change| format!("`{}`", change.field))
        .collect();
    if let Some(more @ 1..) = changes.len().checked_sub(MAX_FIELDS) {
        fields.push(format!("{more} more"));
    }
    Check::warning(
        name,
        format!(
            "`{running}` differs from Terraform's newer `{template}`: {}",
            fields.join(", ")
        ),
        vec![
            Hint::command("deploy", "applies the newer settings"),
            Hint::command("deploy --plan", "shows their values"),
        ],
    )
}

/// The check of a role that exists: whether tasks can take it.
fn trusted(name: &'static str, role: &str, found: &Role, remedy: Hint) -> Check {
    if found.trusts_ecs_tasks {
        return Check::ok(name, format!("`{role}`"));
    }
    Check::warning(
        name,
        format!("the trust policy of `{role}` does not name {ECS_TASKS}"),
        remedy,
    )
}

/// The check of a role that is not known. Those who deploy often may not read IAM, and a private
/// network may not reach it: that says nothing of the role.
fn unknown_role(name: &'static str, role: &str, error: &AwsError) -> Check {
    if error.kind == AwsErrorKind::Permission {
        let question = Question {
            check: name,
            about: &format!("role `{role}`"),
            permission: "iam:GetRole",
            asked_by: AskedBy::DoctorAlone,
        };
        return question.unanswered(error, creation());
    }
    Check::skipped(
        name,
        format!("whether role `{role}` exists is not known: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_tasks_cannot_take_is_a_warning() {
        let check = |trusts_ecs_tasks| {
            trusted("task_role", "r", &Role { trusts_ecs_tasks }, "".into()).status
        };
        assert_eq!(check(true), Status::Ok);
        assert_eq!(check(false), Status::Warning);
    }

    #[test]
    fn a_role_that_may_not_be_asked_about_is_no_failure() {
        for (code, status) in [("AccessDenied", 403), ("ServiceUnavailable", 503)] {
            let error = AwsError::of_answer("iam", "GetRole", status, Some(code), None, None);
            let check = unknown_role("task_role", "r", &error);
            assert_eq!(check.status, Status::Skipped, "{check:?}");
        }
    }
}
