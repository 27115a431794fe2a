//! Deployments whose place another one takes: ECS's rollback, or somebody else's deploy.

use super::*;

/// The old deployment as ECS makes it the one that counts again.
fn back(state: &str, running: i32) -> Deployment {
    deployment(OLD, "PRIMARY", state, running, 1)
}

fn broken() -> Deployment {
    Deployment {
        reason: "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
        ..deployment(OURS, "ACTIVE", "FAILED", 0, 0)
    }
}

#[test]
fn a_rollback_by_the_circuit_breaker_is_followed_to_its_end_and_never_a_success() {
    let crashes = || vec![crashed("a", 7)];
    let mut rollout = rollout();
    let going = service(vec![back("IN_PROGRESS", 0), broken()]);
    let EcsRollback { to, failure } = rolling_back(rollout.observe(&at(30, going, crashes())));
    assert_eq!(to, Some(arn(4)));
    assert_eq!(failure.task.as_deref(), Some("a"));
    let over = service(vec![back("COMPLETED", 1), broken()]);
    let verdict = unsuccessful(rollout.observe(&at(40, over, crashes())));
    assert!(
        matches!(verdict, Unsuccessful::RolledBackByEcs(_)),
        "{verdict:?}"
    );
}

#[test]
fn a_rollback_that_was_over_between_two_looks_is_no_success() {
    let mut rollout = rollout();
    let old_alone = || service(vec![back("COMPLETED", 1)]);
    let seen = [
        at(1, going(), vec![crashed("a", 1)]),
        at(60, old_alone(), vec![]),
        at(63, old_alone(), vec![]),
    ];
    let verdict = unsuccessful(play(&mut rollout, &seen));
    let Unsuccessful::RolledBackByEcs(EcsRollback { to, failure }) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(to, Some(arn(4)));
    assert_eq!(failure.stops, 1);
}

#[test]
fn a_rollback_as_a_deployment_of_its_own_is_told_from_a_deploy_by_what_ecs_says() {
    let own = |reason: &str| Deployment {
        task_definition: arn(4),
        reason: reason.to_owned(),
        ..deployment(LATER, "PRIMARY", "IN_PROGRESS", 0, 1)
    };
    let reason =
        "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/3000000000000000003";
    rolling_back(rollout().observe(&at(50, service(vec![own(reason)]), vec![])));

    let mut told = service(vec![own("")]);
    told.events = vec![event(
        41,
        "(service t3nets-dev-router) rolling back to deployment ecs-svc/3000000000000000003.",
    )];
    rolling_back(rollout().observe(&at(50, told, vec![])));

    // An event of an earlier rollback says nothing of this one.
    let mut earlier = service(vec![own("")]);
    earlier.events = vec![event(-41, "(service t3nets-dev-router) rolled back.")];
    let mut rollout = rollout();
    assert_goes_on(&rollout.observe(&at(50, earlier.clone(), vec![])));
    assert_superseded(rollout.observe(&at(60, earlier, vec![])));
}

#[test]
fn a_rollback_that_fails_too_is_a_failure() {
    let over = service(vec![back("FAILED", 0), broken()]);
    let verdict = unsuccessful(rollout().observe(&at(50, over, vec![])));
    let Unsuccessful::EcsRollbackFailed(failure) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(
        failure.reason,
        "ECS deployment circuit breaker: tasks failed to start."
    );
}

#[test]
fn another_deploy_that_took_over_is_named() {
    let taken = service(vec![
        deployment(LATER, "PRIMARY", "IN_PROGRESS", 0, 1),
        deployment(OURS, "ACTIVE", "IN_PROGRESS", 1, 1),
    ]);
    let seen = Observation {
        successor: Some("grace".to_owned()),
        ..at(50, taken, vec![task("a", "RUNNING")])
    };
    assert_eq!(
        unsuccessful(rollout().observe(&seen)),
        Unsuccessful::Superseded {
            revision: arn(6),
            by: Some("grace".to_owned()),
        }
    );
}

#[test]
fn another_deploy_that_is_done_already_is_not_taken_for_ours() {
    let other = service(vec![deployment(LATER, "PRIMARY", "COMPLETED", 1, 1)]);
    assert_superseded(rollout().observe(&at(50, other, vec![])));
}

#[test]
fn the_same_revision_deployed_again_is_another_deployment() {
    let again = || {
        service(vec![Deployment {
            task_definition: arn(5),
            ..deployment(LATER, "PRIMARY", "COMPLETED", 1, 1)
        }])
    };
    let mut rollout = rollout();
    assert_goes_on(&rollout.observe(&at(50, again(), vec![])));
    assert_superseded(rollout.observe(&at(60, again(), vec![])));
}

#[test]
fn scheduler_stops_of_a_deployment_that_was_replaced_are_not_its_failures() {
    let drained = stopped(
        "a",
        "ServiceSchedulerInitiated",
        "Scaling activity initiated by (deployment ecs-svc/3000000000000000003)",
    );
    let other = service(vec![deployment(LATER, "PRIMARY", "IN_PROGRESS", 0, 1)]);
    assert_superseded(rollout().observe(&at(50, other, vec![drained.clone(), drained])));
}

#[test]
fn the_newer_view_tells_each_step_of_a_rollback() {
    let with = |status: &str| Observation {
        service_deployment: Some(ServiceDeployment {
            status: status.into(),
            reason: "Circuit breaker threshold reached".to_owned(),
        }),
        ..at(30, going(), vec![])
    };
    for status in ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"] {
        let EcsRollback { failure, .. } = rolling_back(rollout().observe(&with(status)));
        assert_eq!(failure.reason, "Circuit breaker threshold reached");
    }
    let verdict = unsuccessful(rollout().observe(&with("ROLLBACK_SUCCESSFUL")));
    assert!(matches!(verdict, Unsuccessful::RolledBackByEcs(_)));
    let verdict = unsuccessful(rollout().observe(&with("ROLLBACK_FAILED")));
    assert!(matches!(verdict, Unsuccessful::EcsRollbackFailed(_)));
}
