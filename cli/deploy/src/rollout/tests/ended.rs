//! Rollouts that do not come up.

use super::*;

#[test]
fn a_crash_at_start_fails_at_the_second_with_its_exit_code() {
    let seen = [
        at(1, going(), vec![task("a", "PENDING")]),
        at(5, going(), vec![crashed("a", 7)]),
        at(9, going(), vec![crashed("a", 7), task("b", "RUNNING")]),
        at(10, going(), vec![crashed("a", 7), crashed("b", 7)]),
    ];
    let failure = failure(play(&mut rollout(), &seen));
    assert_eq!(
        failure,
        Failure {
            cause: Cause::Exited {
                container: "router".to_owned(),
                exit_code: Some(7)
            },
            stops: 2,
            task: Some("b".to_owned()),
            stop_code: Some(StopCode::EssentialContainerExited),
            reason: "Essential container in task exited".to_owned(),
            log: failure.log.clone(),
        }
    );
    assert_eq!(
        failure.cause.to_string(),
        "container `router` ended with exit code 7"
    );
}

#[test]
fn a_crash_that_ecs_shows_while_it_stops_the_task_counts_at_once() {
    let stopping = |id| Task {
        last_status: "DEPROVISIONING".into(),
        ..crashed(id, 1)
    };
    let early = |id| Task {
        last_status: "STOPPING".into(),
        containers: vec![],
        ..crashed(id, 1)
    };
    let mut rollout = rollout();
    assert_goes_on(&rollout.observe(&at(1, going(), vec![early("a"), early("b")])));
    failure(rollout.observe(&at(2, going(), vec![stopping("a"), stopping("b")])));
}

#[test]
fn a_crash_loop_is_seen_though_ecs_calls_it_complete_in_between() {
    let seen = [
        at(1, going(), vec![task("a", "RUNNING")]),
        at(5, done(), vec![task("a", "RUNNING")]),
        at(9, done(), vec![crashed("a", 1)]),
        at(10, done(), vec![crashed("a", 1), task("b", "RUNNING")]),
        // The newest stops are what matters: older ones leave the list after an hour.
        at(18, done(), vec![task("b", "RUNNING")]),
        at(19, done(), vec![crashed("b", 1)]),
    ];
    assert_eq!(failure(play(&mut rollout(), &seen)).stops, 2);
}

#[test]
fn a_single_crash_is_forgiven_when_the_next_task_stays() {
    let seen = [
        at(1, going(), vec![crashed("a", 1)]),
        at(2, done(), vec![crashed("a", 1), task("b", "RUNNING")]),
        at(12, done(), vec![crashed("a", 1), task("b", "RUNNING")]),
    ];
    let verdict = play(&mut rollout(), &seen);
    assert_eq!(verdict, up(1));
}

#[test]
fn two_ends_for_two_causes_are_not_enough() {
    let tasks = vec![crashed("a", 1), crashed("b", 2)];
    assert_goes_on(&rollout().observe(&at(1, going(), tasks)));
}

#[test]
fn failing_health_checks_count_though_the_scheduler_ends_the_task() {
    for (reason, cause) in [
        (
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1)",
            Cause::TargetHealth,
        ),
        (
            "Task failed container health checks",
            Cause::ContainerHealth,
        ),
    ] {
        let end = |id| stopped(id, "ServiceSchedulerInitiated", reason);
        let mut rollout = rollout();
        assert_goes_on(&rollout.observe(&at(60, going(), vec![end("a")])));
        let verdict = rollout.observe(&at(120, going(), vec![end("a"), end("b")]));
        assert_eq!(failure(verdict).cause, cause);
    }
}

#[test]
fn a_task_that_fails_its_own_health_check_is_no_success() {
    let ill = || {
        vec![Task {
            health: Some(HealthStatus::Unhealthy),
            ..task("a", "RUNNING")
        }]
    };
    let seen = [at(1, done(), ill()), at(60, done(), ill())];
    let progress = going_on(play(&mut rollout(), &seen));
    assert_eq!(
        progress.note.as_deref(),
        Some("task a fails its own health check")
    );
}

#[test]
fn what_no_retry_cures_fails_at_the_first() {
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 123456789012.dkr.ecr.us-east-1.amazonaws.com/t3nets-dev-router@sha256:0: not found";
    let verdict = rollout().observe(&at(5, going(), vec![not_started("a", reason)]));
    let failure = failure(verdict);
    assert_eq!(failure.cause, Cause::ImageNotPulled);
    assert_eq!(failure.stop_code, Some(StopCode::TaskFailedToStart));
    assert_eq!(failure.reason, reason);
}

#[test]
fn the_wrong_architecture_is_seen_in_the_log_too() {
    let mut task = crashed("a", 255);
    assert_goes_on(&rollout().observe(&at(1, going(), vec![task.clone()])));
    task.last_lines = vec!["exec /usr/local/bin/t3nets-router: exec format error".to_owned()];
    let verdict = rollout().observe(&at(1, going(), vec![task]));
    assert_eq!(failure(verdict).cause, Cause::WrongArchitecture);
}

#[test]
fn a_role_that_cannot_be_taken_shows_in_events_alone() {
    let message = "(service t3nets-dev-router) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::123456789012:role/t3nets-dev-router-execution' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.).";
    let mut before = going();
    before.events = vec![event(-100, message)];
    assert_goes_on(&rollout().observe(&at(5, before, vec![])));
    let mut since = going();
    since.events = vec![event(5, message)];
    let failure = failure(rollout().observe(&at(5, since, vec![])));
    assert_eq!(failure.cause, Cause::Role);
    assert_eq!(failure.reason, message);
}

#[test]
fn a_launch_that_fails_for_an_unknown_reason_may_fail_once() {
    let message = "(service t3nets-dev-router) failed to launch a task with (error Internal).";
    let mut once = going();
    once.events = vec![event(5, message)];
    assert_goes_on(&rollout().observe(&at(5, once.clone(), vec![])));
    once.events.push(event(3, message));
    let failure = failure(rollout().observe(&at(6, once, vec![])));
    assert_eq!(failure.cause, Cause::NotLaunched);
}

#[test]
fn capacity_that_is_not_there_is_shown_and_waited_for() {
    let message = "(service t3nets-dev-router) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.";
    let mut waiting = going();
    waiting.events = vec![event(5, message), event(3, message)];
    let progress = going_on(rollout().observe(&at(6, waiting, vec![])));
    assert_eq!(progress.note.as_deref(), Some(message));
}

#[test]
fn without_rollback_the_circuit_breakers_word_is_the_verdict() {
    let mut broken = service(vec![Deployment {
        reason: "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
        ..deployment(OURS, "PRIMARY", "FAILED", 0, 0)
    }]);
    broken.rolls_back = false;
    let failure = failure(rollout().observe(&at(30, broken, vec![])));
    assert_eq!(failure.cause, Cause::Stopped);
    assert_eq!(
        failure.reason,
        "ECS deployment circuit breaker: tasks failed to start."
    );
}

#[test]
fn with_nothing_to_roll_back_to_the_circuit_breaker_rests_and_that_is_a_failure() {
    let broken = || service(vec![deployment(OURS, "PRIMARY", "FAILED", 0, 0)]);
    let mut rollout = rollout();
    rolling_back(rollout.observe(&at(30, broken(), vec![crashed("a", 3)])));
    let failure = failure(rollout.observe(&at(40, broken(), vec![])));
    assert!(matches!(
        failure.cause,
        Cause::Exited {
            exit_code: Some(3),
            ..
        }
    ));
}

#[test]
fn a_deployment_that_somebody_stopped_is_no_success() {
    let mut service = going();
    service.rolls_back = false;
    let seen = Observation {
        service_deployment: Some(ServiceDeployment {
            status: "STOPPED".into(),
            reason: "Service deployment stopped by user".to_owned(),
        }),
        ..at(30, service, vec![])
    };
    let failure = failure(rollout().observe(&seen));
    assert_eq!(failure.reason, "Service deployment stopped by user");
}

#[test]
fn a_service_that_is_deleted_is_gone() {
    let mut service = going();
    service.status = "DRAINING".into();
    let failure = failure(rollout().observe(&at(30, service, vec![])));
    assert_eq!(failure.cause, Cause::ServiceGone);
}

#[test]
fn tasks_are_judged_also_while_the_service_cannot_be_read() {
    let seen = Observation {
        service: None,
        ..at(3, going(), vec![crashed("a", 1), crashed("b", 1)])
    };
    assert_eq!(failure(rollout().observe(&seen)).stops, 2);
}

#[test]
fn what_no_retry_cures_ends_it_at_the_first_event() {
    for (message, cause) in [
        (
            "(service s) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            Cause::DeploymentConfiguration,
        ),
        (
            "IAM trust relationship has been misconfigured or changed, and ECS can no longer maintain your service",
            Cause::Role,
        ),
        (
            "(service s) was unable to place a task. Reason: The requested MEMORY configuration is above your limit.",
            Cause::AboveLimit,
        ),
        (
            "(service s) task set (t) (task a) is not healthy in target-group (g) due to TARGET GROUP IS NOT FOUND.",
            Cause::TargetGroupGone,
        ),
    ] {
        let mut stuck = going();
        stuck.events = vec![event(2, message)];
        let failure = failure(rollout().observe(&at(3, stuck, vec![])));
        assert_eq!(failure, Failure::without_task(cause, message));
        assert!(failure.cause.remedy().is_some(), "{message}");
    }
}

#[test]
fn what_may_pass_is_waited_for_and_is_the_cause_once_the_time_is_over() {
    for (message, cause) in [
        (
            "(service s) was unable to place a task. Reason: You\u{2019}ve reached the limit on the number of vCPUs you can run concurrently",
            Cause::Quota,
        ),
        (
            "(service s) operations are being throttled. Will try again later.",
            Cause::Throttled,
        ),
    ] {
        let held_up = |seconds| {
            let mut stuck = going();
            stuck.events = vec![event(2, message)];
            at(seconds, stuck, vec![])
        };
        let mut watched = rollout();
        let progress = going_on(watched.observe(&held_up(3)));
        assert_eq!(progress.note.as_deref(), Some(message));
        match unsuccessful(watched.observe(&held_up(900))) {
            Unsuccessful::TimedOut { failure, .. } => {
                assert_eq!(failure, Some(Failure::without_task(cause, message)));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_event_of_an_earlier_deployment_or_of_no_known_meaning_decides_nothing() {
    let mut stuck = going();
    stuck.events = vec![
        event(3, "(service s) does what no page tells of"),
        event(
            -60,
            "(service s) was unable to stop or start tasks during a deployment because of the service deployment configuration.",
        ),
    ];
    assert_goes_on(&rollout().observe(&at(3, stuck, vec![])));
}
