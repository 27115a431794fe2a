//! The service and what it runs on: the repository of its images, its cluster with the capacity,
//! the service itself, and its load balancer's targets.

use jiff::Timestamp;
use t3nets_deploy::ecs::messages::{Meaning, meaning};
use t3nets_deploy::ecs::states::{ClusterStatus, RolloutState, ServiceStatus, TargetState};
use t3nets_deploy::ecs::{Cluster, PlacedService};
use t3nets_deploy::registry::{RegistryError, RepositoryFacts, count_images};
use t3nets_deploy::rollout::{Cause, Target};
use t3nets_deploy::targets::Targets;
use t3nets_router::aws::{AwsError, AwsErrorKind};

use super::{AskedBy, Check, Question, RunningRevision, ServiceChecks, creation};
use crate::commands::deploy::remedies;
use crate::commands::doctor::Remedy;
use crate::hint::Hint;
use crate::terminal::text::shown_time;

/// How many of the service's newest events are searched for a complaint.
const EVENTS: usize = 5;

impl ServiceChecks<'_> {
    pub(super) async fn check_repository(&self) -> Check {
        let name = "repository";
        let repository = &self.target.repository;
        let (facts, images) = tokio::join!(
            RepositoryFacts::of(self.sdk, repository),
            count_images(self.sdk, repository),
        );
        let facts = match facts {
            Ok(facts) => facts,
            Err(RegistryError::Aws(error)) => {
                let question = Question {
                    check: name,
                    about: &format!("`{repository}`"),
                    permission: "ecr:DescribeRepositories",
                    asked_by: AskedBy::Deploy,
                };
                return question.unanswered(&error, creation());
            }
            Err(error) => return Check::failed(name, error.to_string(), creation()),
        };
        let count = match images {
            Ok(1) => "1 image".to_owned(),
            Ok(count) => format!("{count} images"),
            Err(RegistryError::Aws(error)) if error.kind == AwsErrorKind::Permission => {
                "counting its images needs `ecr:ListImages`".to_owned()
            }
            Err(error) => format!("how many images it has is not known: {error}"),
        };
        let tags = match facts.is_immutable {
            true => "tags are immutable",
            false => "tags are mutable",
        };
        let scanned = match facts.is_scanned {
            true => "scanned when pushed",
            false => "not scanned when pushed",
        };
        Check::ok(name, format!("`{repository}`: {count}; {tags}; {scanned}"))
    }

    /// The checks `cluster`, `capacity` and `service`.
    pub(super) fn check_service(
        &self,
        cluster: &Result<Option<Cluster>, AwsError>,
        placed: &Result<Option<PlacedService>, AwsError>,
        running: &RunningRevision,
    ) -> [Check; 3] {
        let capacity = match (cluster, placed) {
            (Ok(Some(cluster)), Ok(Some(placed))) => capacity(cluster, placed),
            (Ok(Some(_)), _) => super::skipped_without("capacity", "service"),
            _ => super::skipped_without("capacity", "cluster"),
        };
        [
            self.cluster(cluster),
            capacity,
            self.service(placed, running),
        ]
    }

    fn cluster(&self, cluster: &Result<Option<Cluster>, AwsError>) -> Check {
        let name = "cluster";
        let shown = format!("`{}`", self.target.cluster);
        match cluster {
            Ok(Some(cluster)) if cluster.status == ClusterStatus::Active => {
                Check::ok(name, format!("{shown} is ACTIVE"))
            }
            Ok(Some(cluster)) => {
                Check::failed(name, format!("{shown} is {}", cluster.status), creation())
            }
            Ok(None) => Check::failed(name, format!("cluster {shown} does not exist"), creation()),
            Err(error) => Question {
                check: name,
                about: &shown,
                permission: "ecs:DescribeClusters",
                asked_by: AskedBy::Deploy,
            }
            .unanswered(error, creation()),
        }
    }

    fn service(
        &self,
        placed: &Result<Option<PlacedService>, AwsError>,
        running: &RunningRevision,
    ) -> Check {
        let name = "service";
        let shown = format!("`{}`", self.target.service);
        let placed = match placed {
            Ok(Some(placed)) => placed,
            Ok(None) => {
                return Check::failed(name, format!("service {shown} does not exist"), creation());
            }
            Err(error) => {
                let question = Question {
                    check: name,
                    about: &shown,
                    permission: "ecs:DescribeServices",
                    asked_by: AskedBy::Deploy,
                };
                return question.unanswered(error, creation());
            }
        };
        let service = &placed.service;
        let revision = service.task_definition.name();
        if let Some(why) = service.replacement_obstacle() {
            let remedy = remedies(&why, &self.target.cluster, &self.target.service);
            return Check::failed(name, format!("{shown} {why}"), remedy);
        }
        if service.status != ServiceStatus::Active {
            let found = format!("{shown} is {}", service.status);
            return Check::failed(name, found, creation());
        }
        let count: i32 = service.deployments.iter().map(|one| one.running).sum();
        let desired = service.desired;
        let found = format!("{shown} is ACTIVE; {count} of {desired} tasks are running");
        let deploy = |purpose: &str| Remedy::from(Hint::command("deploy", purpose));
        match running {
            RunningRevision::Placeholder(_) => {
                return Check::warning(
                    name,
                    format!("{found}: nothing was deployed yet"),
                    deploy("deploys the first release"),
                );
            }
            RunningRevision::Missing => {
                return Check::failed(
                    name,
                    format!("{found}, but its task definition `{revision}` does not exist"),
                    deploy("registers another"),
                );
            }
            RunningRevision::Unread(error) => {
                let question = Question {
                    check: name,
                    about: &format!("the task definition `{revision}` of {shown}"),
                    permission: "ecs:DescribeTaskDefinition",
                    asked_by: AskedBy::Deploy,
                };
                return question.unanswered(error, deploy("registers another"));
            }
            RunningRevision::Deployed(_) | RunningRevision::NoService => {}
        }
        let found = format!("{found} `{revision}`");
        let primary = service.primary();
        let state = primary.and_then(|deployment| deployment.rollout_state.as_ref());
        let reason = primary.map_or("", |deployment| &deployment.reason);
        match state {
            Some(RolloutState::Failed) => Check::failed(
                name,
                format!("{found}; its rollout failed: {reason}"),
                vec![
                    Hint::command("status", "shows more"),
                    Hint::command("rollback", "goes back to the last verified release"),
                    Hint::command("deploy", "deploys another release"),
                ],
            ),
            Some(RolloutState::InProgress) => Check::warning(
                name,
                format!("{found}; a rollout is in progress"),
                Hint::command("deploy --resume", "watches it"),
            ),
            _ if desired == 0 => match self.asleep_until {
                Some(until) => {
                    let until = shown_time(until);
                    Check::ok(name, format!("{found}: asleep until {until}"))
                }
                None => Check::warning(
                    name,
                    format!("{found}: its desired count is 0"),
                    Hint::command("scale 1", "starts a task"),
                ),
            },
            _ if count < desired => Check::failed(
                name,
                found,
                vec![
                    Hint::command("status", "shows why tasks stopped"),
                    Hint::command("logs", "shows what they wrote"),
                ],
            ),
            None => Check::ok(name, found),
            Some(state) => Check::ok(name, format!("{found}; its rollout is {state}")),
        }
    }

    pub(super) async fn check_targets(&self) -> Check {
        let name = "targets";
        let Some(arn) = &self.target.target_group_arn else {
            return Check::skipped(name, "no target group is known");
        };
        let short = arn
            .rsplit_once(":targetgroup/")
            .map_or(&**arn, |(_, it)| it);
        match Targets::new(self.sdk, arn).health().await {
            Ok(targets) => health(short, &targets, self.asleep_until),
            Err(error) => {
                let question = Question {
                    check: name,
                    about: &format!("the targets of `{short}`"),
                    permission: "elasticloadbalancing:DescribeTargetHealth",
                    asked_by: AskedBy::DoctorAlone,
                };
                question.unanswered(&error, creation())
            }
        }
    }
}

fn capacity(cluster: &Cluster, placed: &PlacedService) -> Check {
    let name = "capacity";
    let strategy = match (&placed.strategy[..], &placed.launch_type) {
        ([], Some(kind)) => return placement(placed, format!("launch type {kind}")),
        ([], None) => &cluster.default_strategy,
        (own, _) => own,
    };
    let missing: Vec<String> = strategy
        .iter()
        .filter(|provider| !cluster.providers.contains(provider))
        .map(|provider| format!("`{provider}`"))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Check::failed(
            name,
            format!("the service uses {missing}, which its cluster does not have"),
            Hint::command("infra apply", "adds it to the cluster"),
        );
    }
    placement(placed, strategy.join(", "))
}

/// Whether ECS found capacity for the tasks.
fn placement(placed: &PlacedService, capacity: String) -> Check {
    let service = &placed.service;
    let running: i32 = service.deployments.iter().map(|one| one.running).sum();
    let newest = service.events.iter().take(EVENTS);
    let complaint = newest
        .into_iter()
        .find_map(|event| match meaning(&event.message) {
            // What tasks themselves show is the check `service`'s.
            Meaning::Trouble {
                cause: Cause::TargetHealth | Cause::NotStarted,
                ..
            }
            | Meaning::News
            | Meaning::Unknown => None,
            Meaning::Trouble { cause, .. } => Some((event, cause)),
        });
    match complaint {
        Some((event, cause)) if running < service.desired => {
            let remedy = cause.remedy().map(Hint::from);
            let more = Hint::command("status", "shows what the service does");
            Check::failed(
                "capacity",
                format!("{capacity}: {}", event.message),
                remedy.into_iter().chain([more]).collect::<Vec<_>>(),
            )
        }
        _ => Check::ok("capacity", capacity),
    }
}

fn health(group: &str, targets: &[Target], asleep_until: Option<Timestamp>) -> Check {
    let name = "targets";
    // A task that is being stopped is deregistered, and drains for minutes.
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
    let registered = || {
        targets
            .iter()
            .filter(|target| target.state != TargetState::Draining)
    };
    let unhealthy: Vec<String> = registered()
        .filter(|target| target.state != TargetState::Healthy)
        .map(|target| match target.reason.is_empty() {
            true => format!("{} is {}", target.address, target.state),
            false => format!("{} is {}: {}", target.address, target.state, target.reason),
        })
        .collect();
    let count = registered().count();
    let healthy = count - unhealthy.len();
    if let (0, Some(until)) = (count, asleep_until) {
        let until = shown_time(until);
        return Check::ok(name, format!("`{group}` has none: asleep until {until}"));
    }
    if count == 0 {
        return Check::warning(
            name,
            format!("`{group}` has none: no task takes requests"),
            Hint::command("status", "shows what the service does"),
        );
    }
    let found = format!("{healthy} of {count} in `{group}` are healthy");
    if unhealthy.is_empty() {
        return Check::ok(name, found);
    }
    let found = format!("{found}; {}", unhealthy.join("; "));
    let remedy = Hint::command("logs", "shows what the tasks wrote");
    match healthy {
        0 => Check::failed(name, found, remedy),
        _ => Check::warning(name, found, remedy),
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
