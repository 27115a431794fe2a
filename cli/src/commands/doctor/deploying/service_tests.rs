//! What the checks find in the answers of ECS and the load balancer.

use super::super::super::Status;
use super::*;
use t3nets_deploy::deploy_target::DeployTarget;
use t3nets_deploy::ecs::Ecs;
use t3nets_deploy::rollout::{Deployment, Service, ServiceEvent};
use t3nets_deploy::task_definition::{Tags, TaskDefinition};

fn check_of(placed: PlacedService, running: &RunningRevision) -> Check {
    check_at(placed, running, None)
}

fn check_at(
    placed: PlacedService,
    running: &RunningRevision,
    asleep_until: Option<Timestamp>,
) -> Check {
    let target = DeployTarget {
        environment: "dev".to_owned(),
        cluster: "c".to_owned(),
        service: "s".to_owned(),
        container: "router".to_owned(),
        repository: "r".to_owned(),
        log_group: "l".to_owned(),
        target_group_arn: None,
        api_endpoint: None,
        tenants_table: "t".to_owned(),
        template_arn: None,
        autoscaling: None,
    };
    let sdk = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .build();
    let checks = ServiceChecks {
        ecs: Ecs::new(&sdk, &target),
        sdk: &sdk,
        target: &target,
        asleep_until,
    };
    checks.service(&Ok(Some(placed)), running)
}

fn placed(running: i32, desired: i32, state: &str) -> PlacedService {
    let deployment = Deployment {
        status: "PRIMARY".into(),
        rollout_state: (!state.is_empty()).then(|| state.into()),
        reason: "tasks failed to start".to_owned(),
        running,
        desired,
        ..Deployment::default()
    };
    PlacedService {
        service: Service {
            status: "ACTIVE".into(),
            desired,
            deployments: vec![deployment],
            task_definition: "arn:aws:ecs:us-east-1:123456789012:task-definition/r:7".into(),
            ..Service::default()
        },
        ..PlacedService::default()
    }
}

fn definition() -> TaskDefinition {
    TaskDefinition {
        definition: serde_json::json!({}),
        tags: Tags::new(),
    }
}

#[test]
fn a_service_is_ok_only_if_all_its_tasks_run_and_no_rollout_is_in_progress_or_failed() {
    for (placed, status, part) in [
        (
            placed(2, 2, "COMPLETED"),
            Status::Ok,
            "2 of 2 tasks are running `r:7`",
        ),
        (placed(2, 2, ""), Status::Ok, "2 of 2"),
        (placed(1, 2, "COMPLETED"), Status::Failed, "1 of 2"),
        (
            placed(0, 0, "COMPLETED"),
            Status::Warning,
            "desired count is 0",
        ),
        (placed(1, 1, "IN_PROGRESS"), Status::Warning, "in progress"),
        (
            placed(1, 1, "FAILED"),
            Status::Failed,
            "tasks failed to start",
        ),
    ] {
        let check = check_of(placed, &RunningRevision::Deployed(definition()));
        assert_eq!(check.status, status, "{check:?}");
        assert!(check.detail.contains(part), "{check:?}");
    }
}

#[test]
fn a_service_that_is_asleep_is_ok_without_tasks() {
    let until = Timestamp::from_second(1_795_937_400).ok();
    let running = RunningRevision::Deployed(definition());
    let asleep = check_at(placed(0, 0, "COMPLETED"), &running, until);
    assert_eq!(asleep.status, Status::Ok);
    assert!(asleep.detail.contains("asleep until 2026-"), "{asleep:?}");
    // Somebody woke it, and its task does not run.
    let woken = check_at(placed(0, 1, "COMPLETED"), &running, until);
    assert_eq!(woken.status, Status::Failed);
}

#[test]
fn a_service_that_was_never_deployed_to_is_no_failure() {
    let bootstrap = placed(0, 1, "IN_PROGRESS");
    let check = check_of(bootstrap, &RunningRevision::Placeholder(definition()));
    assert_eq!(check.status, Status::Warning);
    assert!(
        check.detail.contains("nothing was deployed yet"),
        "{check:?}"
    );
    assert_eq!(
        check.remedy.to_string(),
        "`t3nets deploy` deploys the first release"
    );
}

#[test]
fn capacity_that_the_cluster_does_not_have_or_ecs_does_not_find_is_a_failure() {
    let cluster = Cluster {
        status: "ACTIVE".into(),
        providers: vec!["FARGATE".to_owned()],
        default_strategy: vec!["FARGATE".to_owned()],
    };
    let mut placed = placed(0, 1, "IN_PROGRESS");
    let status = |placed: &PlacedService| capacity(&cluster, placed).status;
    assert_eq!(status(&placed), Status::Ok);
    placed.strategy = vec!["FARGATE_SPOT".to_owned()];
    assert_eq!(status(&placed), Status::Failed);
    placed.strategy = vec!["FARGATE".to_owned()];
    placed.service.events = vec![ServiceEvent {
        message:
            "(service s) was unable to place a task. Reason: Capacity is unavailable at this time."
                .to_owned(),
        ..ServiceEvent::default()
    }];
    assert_eq!(status(&placed), Status::Failed);
    // It found some meanwhile.
    placed.service.deployments[0].running = 1;
    assert_eq!(status(&placed), Status::Ok);
}

#[test]
fn targets_that_are_not_healthy_are_named_with_the_reason() {
    let target = |state: &str| Target {
        address: format!("10.0.0.{}", state.len()),
        state: state.into(),
        reason: match state {
            "unhealthy" => "Health checks failed with these codes: [503]".to_owned(),
            _ => String::new(),
        },
    };
    let check = |states: &[&str]| {
        let targets: Vec<Target> = states.iter().map(|state| target(state)).collect();
        health("group", &targets, None)
    };
    assert_eq!(check(&["healthy", "draining"]).status, Status::Ok);
    assert_eq!(check(&["draining"]).status, Status::Warning);
    let asleep = health("group", &[], Some(Timestamp::UNIX_EPOCH));
    assert_eq!(asleep.status, Status::Ok);
    let some = check(&["healthy", "unhealthy", "initial"]);
    assert_eq!(some.status, Status::Warning);
    for part in [
        "1 of 3",
        "10.0.0.9 is unhealthy: Health checks",
        "is initial",
    ] {
        assert!(some.detail.contains(part), "{some:?}");
    }
    assert_eq!(check(&["unhealthy"]).status, Status::Failed);
}

#[test]
fn a_service_that_cannot_be_deployed_to_is_a_failure_with_a_remedy() {
    for (status, controller, part) in [
        ("ACTIVE", "CODE_DEPLOY", "AWS CodeDeploy deploys to it"),
        ("ACTIVE", "EXTERNAL", "another tool deploys to it"),
        ("DRAINING", "ECS", "it is being deleted"),
    ] {
        let mut placed = placed(1, 1, "COMPLETED");
        placed.service.status = status.into();
        placed.service.controller = controller.into();
        let check = check_of(placed, &RunningRevision::Deployed(definition()));
        assert_eq!(check.status, Status::Failed);
        assert!(check.detail.contains(part), "{check:?}");
        assert!(!check.remedy.to_string().is_empty(), "{check:?}");
    }
}
