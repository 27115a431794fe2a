//! Rollouts that come up, fast or slowly, and what must not be taken for that.

use super::*;

#[test]
fn a_clean_rollout_succeeds_once_its_tasks_have_run_for_a_while() {
    let run = || vec![task("a", "RUNNING")];
    let verdict = play(
        &mut rollout(),
        &[
            at(1, going(), vec![]),
            at(2, going(), vec![task("a", "PENDING")]),
            at(20, going(), run()),
            at(29, done(), run()),
            at(30, done(), run()),
        ],
    );
    assert_eq!(verdict, up(1));
}

#[test]
fn a_task_that_has_just_begun_to_run_is_no_success_yet() {
    let run = || vec![task("a", "RUNNING")];
    let mut rollout = rollout();
    let seen = [at(1, done(), run()), at(9, done(), run())];
    assert_goes_on(&play(&mut rollout, &seen));
    assert!(is_final(&rollout.observe(&at(11, done(), run()))));
}

#[test]
fn what_came_up_before_need_not_run_for_a_while_again() {
    let run = || vec![task("a", "RUNNING")];
    let mut rollout = rollout().settled();
    let seen = [at(1, done(), vec![task("a", "PENDING")])];
    assert_goes_on(&play(&mut rollout, &seen));
    let verdict = rollout.observe(&at(2, done(), run()));
    assert_eq!(verdict, up(1));
}

#[test]
fn a_slow_rollout_goes_on_until_it_is_done() {
    let mut seen: Vec<_> = (0..80)
        .map(|step| at(step * 10, going(), vec![task("a", "PENDING")]))
        .collect();
    seen.push(at(800, going(), vec![task("a", "RUNNING")]));
    seen.push(at(811, done(), vec![task("a", "RUNNING")]));
    let verdict = play(&mut rollout(), &seen);
    assert_eq!(verdict, up(1));
}

#[test]
fn first_reads_that_show_what_was_before_mean_nothing() {
    let old = || service(vec![deployment(OLD, "PRIMARY", "COMPLETED", 1, 1)]);
    let unfound = |seconds| Observation {
        at: Duration::from_secs(seconds),
        ..Observation::default()
    };
    let mut rollout = rollout();
    let seen = [
        unfound(0),
        unfound(1),
        unfound(2),
        at(3, old(), vec![]),
        at(4, old(), vec![]),
        at(5, going(), vec![]),
        // One read of many comes from a place that lags behind.
        at(6, old(), vec![]),
        at(7, going(), vec![]),
    ];
    assert_goes_on(&play(&mut rollout, &seen));
    let run = || vec![task("a", "RUNNING")];
    let seen = [at(8, going(), run()), at(18, done(), run())];
    assert_eq!(play(&mut rollout, &seen), up(1));
}

#[test]
fn a_deployment_without_running_tasks_is_not_done_though_ecs_says_so() {
    let empty = || service(vec![deployment(OURS, "PRIMARY", "COMPLETED", 0, 1)]);
    let seen: Vec<_> = (0..60).map(|second| at(second, empty(), vec![])).collect();
    assert_goes_on(&play(&mut rollout(), &seen));
}

#[test]
fn targets_that_are_not_healthy_hold_it_up() {
    let run = || {
        vec![Task {
            address: Some("10.0.10.5".to_owned()),
            ..task("a", "RUNNING")
        }]
    };
    let with = |seconds, state: &str| {
        let target = |address: &str, state: &str| Target {
            address: address.to_owned(),
            state: state.into(),
            reason: "Health checks failed".to_owned(),
        };
        Observation {
            targets: Some(vec![
                target("10.0.10.5", state),
                target("10.0.11.9", "unhealthy"),
            ]),
            ..at(seconds, done(), run())
        }
    };
    let mut rollout = rollout();
    let seen = [with(1, "initial"), with(20, "unhealthy")];
    let progress = going_on(play(&mut rollout, &seen));
    assert_eq!(progress.healthy, Some(0));
    assert_eq!(
        progress.note.as_deref(),
        Some("target 10.0.10.5 is unhealthy: Health checks failed")
    );
    assert!(is_final(&rollout.observe(&with(21, "healthy"))));
}

#[test]
fn a_service_without_tasks_is_said_to_run_nothing() {
    let none = service(vec![deployment(OURS, "PRIMARY", "COMPLETED", 0, 0)]);
    let verdict = rollout().observe(&at(1, none, vec![]));
    assert_eq!(verdict, Assessment::Final(Ok(Up::WithoutTasks)));
}

#[test]
fn scaling_out_meanwhile_waits_for_the_new_tasks_too() {
    let three = |running| service(vec![deployment(OURS, "PRIMARY", "COMPLETED", running, 3)]);
    let tasks = |count: usize| {
        ["a", "b", "c"][..count]
            .iter()
            .map(|id| task(id, "RUNNING"))
    };
    let mut rollout = rollout();
    let seen = [
        at(1, going(), tasks(1).collect()),
        at(12, three(1), tasks(1).collect()),
        at(13, three(3), tasks(3).collect()),
    ];
    assert_goes_on(&play(&mut rollout, &seen));
    assert_eq!(
        rollout.observe(&at(23, three(3), tasks(3).collect())),
        up(3)
    );
}

#[test]
fn scaling_in_meanwhile_speaks_not_against_it() {
    let scaled = |id| {
        stopped(
            id,
            "ServiceSchedulerInitiated",
            "Scaling activity initiated by (deployment ecs-svc/2000000000000000002)",
        )
    };
    let tasks = || vec![task("a", "RUNNING"), scaled("b"), scaled("c")];
    let seen = [at(1, going(), tasks()), at(12, done(), tasks())];
    let verdict = play(&mut rollout(), &seen);
    assert_eq!(verdict, up(1));
}

#[test]
fn spot_and_hosts_that_go_away_speak_not_against_it() {
    let tasks = || {
        vec![
            stopped("a", "SpotInterruption", "Your Spot Task was interrupted."),
            stopped("b", "SpotInterruption", "Your Spot Task was interrupted."),
            stopped(
                "c",
                "TerminationNotice",
                "Host EC2 (instance i-1) terminated.",
            ),
            stopped("d", "", "Host EC2 (instance i-1) terminated."),
            stopped(
                "e",
                "ServiceSchedulerInitiated",
                "ECS is performing maintenance on the underlying infrastructure hosting the task.",
            ),
            stopped("f", "UserInitiated", "Task stopped by user"),
            not_started(
                "g",
                "Capacity is unavailable at this time. Please try again later",
            ),
            not_started(
                "h",
                "Capacity is unavailable at this time. Please try again later",
            ),
            task("z", "RUNNING"),
        ]
    };
    let seen = [at(1, going(), tasks()), at(12, done(), tasks())];
    let verdict = play(&mut rollout(), &seen);
    assert_eq!(verdict, up(1));
}

#[test]
fn the_newer_view_of_deployments_may_know_first_and_may_be_missing() {
    for (status, succeeds) in [
        ("PENDING", false),
        ("IN_PROGRESS", false),
        ("STOP_REQUESTED", false),
        ("INVENTED_LATER", false),
        ("SUCCESSFUL", true),
    ] {
        let nearly = || service(vec![deployment(OURS, "PRIMARY", "IN_PROGRESS", 1, 1)]);
        let with = |seconds| Observation {
            service_deployment: Some(ServiceDeployment {
                status: status.into(),
                reason: String::new(),
            }),
            ..at(seconds, nearly(), vec![task("a", "RUNNING")])
        };
        let verdict = play(&mut rollout(), &[with(1), with(11)]);
        assert_eq!(is_final(&verdict), succeeds, "{status}: {verdict:?}");
    }
}

#[test]
fn where_tasks_cannot_be_listed_the_counts_decide_later() {
    let mut rollout = rollout();
    let seen = [at(1, done(), vec![]), at(20, done(), vec![])];
    assert_goes_on(&play(&mut rollout, &seen));
    assert!(is_final(&rollout.observe(&at(21, done(), vec![]))));
}

#[test]
fn it_times_out_with_how_far_it_was() {
    let mut rollout = rollout();
    let pending = || vec![crashed("x", 1), task("a", "PENDING")];
    let seen = [at(1, going(), pending()), at(900, going(), pending())];
    let timed_out = unsuccessful(play(&mut rollout, &seen));
    let Unsuccessful::TimedOut { progress, failure } = timed_out else {
        panic!("{timed_out:?}");
    };
    assert_eq!((progress.running, progress.desired), (0, 1));
    assert_eq!(failure.unwrap().stops, 1);
}

#[test]
fn a_revision_that_is_deregistered_meanwhile_changes_nothing() {
    // ECS goes on running it: only new services and updates cannot name it any more.
    let run = || vec![task("a", "RUNNING")];
    let seen = [at(1, going(), run()), at(11, done(), run())];
    assert_eq!(play(&mut rollout(), &seen), up(1));
}

/// A service that came up before, and is scaled.
mod scaled {
    use std::collections::BTreeSet;

    use super::super::super::super::Baseline;
    use super::*;

    fn to(count: i32) -> Rollout {
        let before = Baseline {
            stopped_tasks: BTreeSet::from(["old".to_owned()]),
            events: BTreeSet::from([event(-5, PLACED_NOT).id]),
        };
        rollout().scaled_to(count, before)
    }

    const PLACED_NOT: &str = "IAM permissions policies have been misconfigured or changed, and ECS can no longer maintain your service";

    fn running(state: &str, running: i32, desired: i32) -> Service {
        let mut seen = service(vec![deployment(OURS, "PRIMARY", state, running, desired)]);
        // From before, dated after the deployment was made.
        seen.events = vec![event(-5, PLACED_NOT)];
        seen.events[0].at = clock(5);
        seen
    }

    #[test]
    fn it_is_done_when_all_tasks_have_run_for_a_while_and_what_was_before_does_not_count() {
        let old = || crashed("old", 7);
        let (a, b) = (|| task("a", "RUNNING"), || task("b", "RUNNING"));
        let seen = [
            // Reads show the count from before.
            at(1, running("COMPLETED", 1, 1), vec![a(), old()]),
            at(2, running("COMPLETED", 1, 2), vec![a(), old()]),
            at(5, running("COMPLETED", 2, 2), vec![a(), b(), old()]),
            at(15, running("COMPLETED", 2, 2), vec![a(), b(), old()]),
        ];
        assert_eq!(play(&mut to(2), &seen), up(2));
    }

    #[test]
    fn tasks_that_cannot_start_are_told_within_seconds() {
        let missing =
            "CannotPullContainerError: manifest for repo:bootstrap not found: manifest unknown";
        let mut watched = to(2);
        let failure = failure(watched.observe(&at(
            3,
            running("IN_PROGRESS", 0, 2),
            vec![not_started("a", missing)],
        )));
        assert_eq!(failure.cause, Cause::ImageNotPulled);
        assert_eq!(failure.reason, missing);
    }

    #[test]
    fn a_deployment_that_the_circuit_breaker_ended_starts_no_task() {
        let mut ended = running("FAILED", 0, 2);
        ended.deployments[0].reason = "tasks failed to start.".to_owned();
        let failure = failure(to(2).observe(&at(1, ended, vec![])));
        assert_eq!(failure.reason, "tasks failed to start.");
        // One whose tasks run all the same gets more.
        assert_goes_on(&to(2).observe(&at(1, running("FAILED", 1, 2), vec![task("a", "RUNNING")])));
    }
}
