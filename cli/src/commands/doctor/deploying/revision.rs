//! What the running revision refers to: its image, roles and log; and what Terraform's template has beyond it.

use aws_sdk_cloudwatchlogs::config::{Builder, Region};
use aws_sdk_iam::types::Role;
use serde_json::Value;
use t3nets_router::aws::store_error;
use t3nets_router::ports::StoreError;

use super::{Check, Deploying, Running, lacks_permission, skipped_for, unasked, within};
use crate::aws_environment::reason;
use t3nets_deploy::image_ref::Digest;
use t3nets_deploy::registry::RepositoryImages;
use t3nets_deploy::task_definition::{Change, TaskDefinition, drift};

/// Who takes the roles.
const TAKES_ROLES: &str = "ecs-tasks.amazonaws.com";

/// How many differing fields are named.
const NAMED: usize = 8;

impl Deploying<'_> {
    /// Image, roles, log, drift.
    pub(super) async fn check_revision(&self, running: &Running) -> Vec<Check> {
        let (task_role, execution_role) = ("task_role", "execution_role");
        let Running::Known {
            revision,
            is_placeholder,
        } = running
        else {
            // Where the log goes is known without it.
            let log = within("log_group", self.check_log_group(None)).await;
            return vec![
                skipped_for("image", "service"),
                skipped_for(task_role, "service"),
                skipped_for(execution_role, "service"),
                log,
                skipped_for("drift", "service"),
            ];
        };
        let role = |name, field: &str| {
            let arn = revision.definition[field].as_str().map(str::to_owned);
            within(name, self.check_role(name, arn))
        };
        let (image, task, execution, log, drift) = tokio::join!(
            within("image", self.check_image(revision, *is_placeholder)),
            role(task_role, "taskRoleArn"),
            role(execution_role, "executionRoleArn"),
            within("log_group", self.check_log_group(Some(revision))),
            within("drift", self.check_drift(revision, *is_placeholder)),
        );
        vec![image, task, execution, log, drift]
    }

    async fn check_image(&self, revision: &TaskDefinition, is_placeholder: bool) -> Check {
        let name = "image";
        let image = revision.image(&self.target.container).unwrap_or_default();
        if is_placeholder {
            return Check::warning(
                name,
                format!("`{image}` is a placeholder of Terraform's: nothing was deployed yet"),
                self.command("deploy"),
            );
        }
        let mut images = RepositoryImages::of(self.sdk, &self.target.repository);
        let exists = images.check(image).await;
        let digest = Digest::at_end_of(image);
        let short = match &digest {
            Some(digest) => format!("sha256:{}", digest.short()),
            None => image.to_owned(),
        };
        match (exists, images.error().map(ToString::to_string)) {
            (Some(true), _) => Check::ok(name, format!("`{short}` is in the repository")),
            (Some(false), _) => Check::failed(
                name,
                format!("`{image}` is no longer in the repository: no new task can start"),
                format!("{} builds and pushes it anew", self.command("deploy")),
            ),
            (None, Some(why)) if why.contains("AccessDenied") => Check::skipped(
                name,
                format!("`{short}` may not be looked up, which takes `ecr:BatchGetImage`: {why}"),
            ),
            (None, Some(why)) => {
                Check::skipped(name, format!("`{short}` cannot be looked up: {why}"))
            }
            (None, None) => Check::skipped(
                name,
                format!(
                    "`{image}` is not one of `{}` by its digest",
                    self.target.repository
                ),
            ),
        }
    }

    async fn check_role(&self, name: &'static str, arn: Option<String>) -> Check {
        let remedy = format!("{} makes it", self.command("infra apply"));
        let Some(arn) = arn.filter(|arn| !arn.is_empty()) else {
            return Check::failed(name, "the running revision has none", remedy);
        };
        let role = arn.rsplit('/').next().unwrap_or_default();
        let answer = aws_sdk_iam::Client::new(self.sdk)
            .get_role()
            .role_name(role)
            .send()
            .await;
        match answer {
            Ok(answer) => trusted(name, role, answer.role(), remedy),
            Err(error) => {
                if let Some(said) = error.as_service_error()
                    && said.is_no_such_entity_exception()
                {
                    let found = format!("there is no role `{role}`: no new task can start");
                    return Check::failed(name, found, remedy);
                }
                unknown_role(name, role, &store_error(&error))
            }
        }
    }

    async fn check_log_group(&self, revision: Option<&TaskDefinition>) -> Check {
        let name = "log_group";
        let logging = revision
            .and_then(|revision| revision.container(&self.target.container))
            .map_or(&Value::Null, |container| &container["logConfiguration"]);
        let option = |option: &str| logging["options"][option].as_str();
        match logging["logDriver"].as_str() {
            None if revision.is_some() => {
                return Check::warning(
                    name,
                    "the running revision keeps no log",
                    format!("{} sets it", self.command("infra apply")),
                );
            }
            None | Some("awslogs") => {}
            Some(driver) => {
                return Check::skipped(name, format!("the log goes elsewhere, by `{driver}`"));
            }
        }
        let group = option("awslogs-group").unwrap_or(&self.target.log_group);
        let mut config = Builder::from(self.sdk);
        if let Some(region) = option("awslogs-region") {
            config = config.region(Region::new(region.to_owned()));
        }
        // Of all that begin like this the shortest comes first.
        let answer = aws_sdk_cloudwatchlogs::Client::from_conf(config.build())
            .describe_log_groups()
            .log_group_name_prefix(group)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let what = format!("`{group}`");
                let takes = "logs:DescribeLogGroups";
                return unasked(name, &what, &store_error(&error), takes, self.make());
            }
        };
        let mut groups = answer.log_groups().iter();
        match groups.find(|found| found.log_group_name() == Some(group)) {
            Some(found) => {
                let kept = match found.retention_in_days() {
                    Some(days) => format!("kept for {days} days"),
                    None => "kept for ever".to_owned(),
                };
                Check::ok(name, format!("`{group}`, {kept}"))
            }
            None if option("awslogs-create-group") == Some("true") => {
                Check::ok(name, format!("`{group}` is made by the first task"))
            }
            None => Check::failed(
                name,
                format!("there is no log group `{group}`: no new task can start"),
                format!("{} makes it", self.command("infra apply")),
            ),
        }
    }

    async fn check_drift(&self, running: &TaskDefinition, is_placeholder: bool) -> Check {
        let name = "drift";
        if is_placeholder {
            return Check::skipped(name, "nothing was deployed yet that could differ");
        }
        let arn = self.target.template_arn.as_deref();
        match self.ecs.template(arn, running).await {
            Ok(Some(template)) => {
                let changes = drift(running, &template, &self.target.container);
                self.drift(running, &template, &changes)
            }
            Ok(None) if arn.is_some() => Check::warning(
                name,
                "the revision that Terraform's state names is gone",
                format!("{} registers another", self.command("infra apply")),
            ),
            Ok(None) => Check::ok(
                name,
                format!("Terraform registered nothing after `{}`", running.name()),
            ),
            Err(error) => {
                let takes = "ecs:ListTaskDefinitions and ecs:DescribeTaskDefinition";
                super::unseen(
                    name,
                    "Terraform's template",
                    &error.into(),
                    takes,
                    self.make(),
                )
            }
        }
    }

    fn drift(
        &self,
        running: &TaskDefinition,
        template: &TaskDefinition,
        changes: &[Change],
    ) -> Check {
        let name = "drift";
        let (running, template) = (running.name(), template.name());
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
            .take(NAMED)
            .map(|change| format!("`{}`", change.field))
            .collect();
        if let Some(more @ 1..) = changes.len().checked_sub(NAMED) {
            fields.push(format!("{more} more"));
        }
        Check::warning(
            name,
            format!(
                "`{running}` differs from Terraform's newer `{template}`: {}",
                fields.join(", ")
            ),
            format!(
                "{} takes the newer one over; `--plan` shows the values",
                self.command("deploy")
            ),
        )
    }
}

/// A role that is there.
fn trusted(name: &'static str, role: &str, found: Option<&Role>, remedy: String) -> Check {
    // It is percent-encoded JSON; the service's name is the same in both.
    let trust = found.and_then(Role::assume_role_policy_document);
    match trust {
        Some(trust) if !trust.contains(TAKES_ROLES) => Check::warning(
            name,
            format!("`{role}` does not name {TAKES_ROLES} among those who may take it"),
            remedy,
        ),
        _ => Check::ok(name, format!("`{role}`")),
    }
}

/// A role that cannot be asked about. IAM is often closed to those who deploy, and not to be reached from private networks.
fn unknown_role(name: &'static str, role: &str, error: &StoreError) -> Check {
    let why = reason(error);
    Check::skipped(
        name,
        match lacks_permission(error) {
            true => format!("`{role}` may not be looked at, which takes `iam:GetRole`: {why}"),
            false => format!("whether there is a role `{role}` is not known: {why}"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::Status;
    use super::*;

    #[test]
    fn a_role_that_tasks_may_not_take_is_a_warning() {
        let role = |trust: &str| {
            Role::builder()
                .path("/")
                .role_name("r")
                .role_id("AROA")
                .arn("arn:aws:iam::123456789012:role/r")
                .create_date(aws_smithy_types::DateTime::from_secs(0))
                .assume_role_policy_document(trust)
                .build()
                .unwrap()
        };
        let service = |name: &str| format!("%7B%22Service%22%3A%22{name}%22%7D");
        let tasks = role(&service("ecs-tasks.amazonaws.com"));
        let check = trusted("task_role", "r", Some(&tasks), String::new());
        assert_eq!(check.status, Status::Ok);
        let machines = role(&service("ec2.amazonaws.com"));
        let check = trusted("task_role", "r", Some(&machines), String::new());
        assert_eq!(check.status, Status::Warning);
    }

    #[test]
    fn a_role_that_may_not_be_asked_about_is_no_failure() {
        for error in [
            StoreError::denied("not authorized (AccessDenied)"),
            StoreError::unavailable("AWS cannot be reached"),
        ] {
            let check = unknown_role("task_role", "r", &error);
            assert_eq!(check.status, Status::Skipped, "{check:?}");
        }
    }
}
