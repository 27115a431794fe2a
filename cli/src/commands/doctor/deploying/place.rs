//! Where the service runs: the repository of its images, its cluster with the capacity, itself, and its load balancer's
//! targets.

use t3nets_router::ports::StoreError;

use super::{Check, Deploying, Running, lacks_permission, unasked, unseen};
use crate::aws_environment::reason;
use t3nets_deploy::ecs::messages::tells_of_no_capacity;
use t3nets_deploy::ecs::states::{ClusterStatus, RolloutState, ServiceStatus, TargetState};
use t3nets_deploy::ecs::{Cluster, PlacedService};
use t3nets_deploy::registry::{RegistryError, RepositoryFacts, count_images};
use t3nets_deploy::rollout::Target;
use t3nets_deploy::targets::Targets;

/// What AWS refused, or else what is misconfigured.
fn of_registry(error: RegistryError) -> StoreError {
    match error {
        RegistryError::Aws(error) => error.into(),
        other => StoreError::Misconfigured(other.to_string().into()),
    }
}

impl Deploying<'_> {
    pub(super) async fn check_repository(&self) -> Check {
        let name = "repository";
        let repository = &self.target.repository;
        let (facts, images) = tokio::join!(
            RepositoryFacts::of(self.sdk, repository),
            count_images(self.sdk, repository),
        );
        let facts = match facts.map_err(of_registry) {
            Ok(facts) => facts,
            Err(error) => {
                let what = format!("`{repository}`");
                let takes = "ecr:DescribeRepositories";
                return unseen(name, &what, &error, takes, self.make());
            }
        };
        let count = match images.map_err(of_registry) {
            Ok(1) => "1 image".to_owned(),
            Ok(count) => format!("{count} images"),
            Err(error) if lacks_permission(&error) => {
                "how many images it has takes `ecr:ListImages`".to_owned()
            }
            Err(error) => format!("how many images it has is not known: {}", reason(&error)),
        };
        let tags = match facts.is_immutable {
            true => "tags are immutable",
            false => "tags can be moved",
        };
        let scanned = match facts.is_scanned {
            true => "scanned when pushed",
            false => "not scanned when pushed",
        };
        Check::ok(name, format!("`{repository}`: {count}; {tags}; {scanned}"))
    }

    /// Cluster, capacity, service.
    pub(super) fn check_place(
        &self,
        cluster: &Result<Option<Cluster>, StoreError>,
        placed: &Result<Option<PlacedService>, StoreError>,
        running: &Running,
    ) -> [Check; 3] {
        let capacity = match (cluster, placed) {
            (Ok(Some(cluster)), Ok(Some(placed))) => self.capacity(cluster, placed),
            (Ok(Some(_)), _) => super::skipped_for("capacity", "service"),
            _ => super::skipped_for("capacity", "cluster"),
        };
        [
            self.cluster(cluster),
            capacity,
            self.service(placed, running),
        ]
    }

    fn cluster(&self, cluster: &Result<Option<Cluster>, StoreError>) -> Check {
        let name = "cluster";
        let shown = format!("`{}`", self.target.cluster);
        match cluster {
            Ok(Some(cluster)) if cluster.status == ClusterStatus::Active => {
                Check::ok(name, format!("{shown} is ACTIVE"))
            }
            Ok(Some(cluster)) => {
                Check::failed(name, format!("{shown} is {}", cluster.status), self.make())
            }
            Ok(None) => Check::failed(name, format!("there is no cluster {shown}"), self.make()),
            Err(error) => unseen(name, &shown, error, "ecs:DescribeClusters", self.make()),
        }
    }

    fn capacity(&self, cluster: &Cluster, placed: &PlacedService) -> Check {
        let name = "capacity";
        let strategy = match (&placed.strategy[..], &placed.launch_type) {
            ([], Some(kind)) => return self.room(placed, format!("launch type {kind}")),
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
                format!("{} gives it to the cluster", self.command("infra apply")),
            );
        }
        self.room(placed, strategy.join(", "))
    }

    /// Whether ECS found room for the tasks.
    fn room(&self, placed: &PlacedService, on: String) -> Check {
        let service = &placed.service;
        let running: i32 = service.deployments.iter().map(|one| one.running).sum();
        let complaint = service
            .events
            .iter()
            .take(5)
            .find(|event| tells_of_no_capacity(&event.message));
        match complaint {
            Some(event) if running < service.desired => Check::failed(
                "capacity",
                format!("{on}: {}", event.message),
                "wait, use another capacity (`fargate_spot = false`), or have the account's quota of Fargate vCPUs raised",
            ),
            _ => Check::ok("capacity", on),
        }
    }

    fn service(
        &self,
        placed: &Result<Option<PlacedService>, StoreError>,
        running: &Running,
    ) -> Check {
        let name = "service";
        let shown = format!("`{}`", self.target.service);
        let placed = match placed {
            Ok(Some(placed)) => placed,
            Ok(None) => {
                return Check::failed(name, format!("there is no service {shown}"), self.make());
            }
            Err(error) => {
                return unseen(name, &shown, error, "ecs:DescribeServices", self.make());
            }
        };
        let service = &placed.service;
        let revision = placed.task_definition.name();
        if service.status != ServiceStatus::Active {
            let found = format!("{shown} is {}", service.status);
            return Check::failed(name, found, self.make());
        }
        let count: i32 = service.deployments.iter().map(|one| one.running).sum();
        let desired = service.desired;
        let found = format!("{shown} is ACTIVE; {count} of {desired} tasks run");
        match running {
            Running::Known {
                is_placeholder: true,
                ..
            } => {
                return Check::warning(
                    name,
                    format!("{found}: nothing was deployed yet"),
                    self.command("deploy"),
                );
            }
            Running::Unread(error) => {
                let what = format!("{found}, but its revision `{revision}`");
                let takes = "ecs:DescribeTaskDefinition";
                return unseen(name, &what, error, takes, self.command("deploy"));
            }
            Running::Known { .. } | Running::Unknown => {}
        }
        let found = format!("{found} of `{revision}`");
        let state = service.primary().and_then(|one| one.rollout_state.as_ref());
        match state {
            Some(RolloutState::Failed) => Check::failed(
                name,
                format!(
                    "{found}; its rollout failed: {}",
                    service.primary().map_or("", |one| &one.reason)
                ),
                format!(
                    "{} says more; {} or {} mends it",
                    self.command("status"),
                    self.command("rollback"),
                    self.command("deploy")
                ),
            ),
            Some(RolloutState::InProgress) => Check::warning(
                name,
                format!("{found}; a rollout is under way"),
                format!("{} watches it", self.command("deploy --resume")),
            ),
            _ if desired == 0 => Check::warning(
                name,
                format!("{found}: it is to have none"),
                self.command("scale 1"),
            ),
            _ if count < desired => Check::failed(
                name,
                found,
                format!(
                    "{} and {} say why",
                    self.command("status"),
                    self.command("logs")
                ),
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
            Ok(targets) => self.targets(short, &targets),
            Err(error) => {
                let what = format!("the targets of `{short}`");
                let takes = "elasticloadbalancing:DescribeTargetHealth";
                unasked(name, &what, &error.into(), takes, self.make())
            }
        }
    }

    fn targets(&self, group: &str, targets: &[Target]) -> Check {
        let name = "targets";
        // Those of tasks that are on their way out say nothing of the service.
        let ours: Vec<&Target> = targets
            .iter()
            .filter(|target| target.state != TargetState::Draining)
            .collect();
        let is_healthy = |target: &&&Target| target.state == TargetState::Healthy;
        let healthy = ours.iter().filter(is_healthy).count();
        let found = format!("{healthy} of {} in `{group}` are healthy", ours.len());
        if ours.is_empty() {
            return Check::warning(
                name,
                format!("`{group}` has none: no task takes requests"),
                format!("{} says what the service does", self.command("status")),
            );
        }
        if healthy == ours.len() {
            return Check::ok(name, found);
        }
        let others = ours
            .iter()
            .filter(|target| target.state != TargetState::Healthy);
        let reasons: Vec<String> = others
            .map(|target| match target.reason.is_empty() {
                true => format!("{} is {}", target.address, target.state),
                false => format!("{} is {}: {}", target.address, target.state, target.reason),
            })
            .collect();
        let found = format!("{found}; {}", reasons.join("; "));
        let remedy = format!("{} says why", self.command("logs"));
        match healthy {
            0 => Check::failed(name, found, remedy),
            _ => Check::warning(name, found, remedy),
        }
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
