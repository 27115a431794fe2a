//! `t3nets scale`, and `restart`, where the tasks cannot run: the verdict of a deploy.

use serde_json::json;

use super::*;

const NOT_FOUND: &str = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 123456789012.dkr.ecr.us-east-1.amazonaws.com/repo:bootstrap: not found";

/// A service that Terraform made, and nothing was deployed to.
fn without_tasks() -> Scenario {
    Scenario::default()
        .definition(7, "terraform", json!({}))
        .before([Look::at([BEFORE.going().desired(0)])])
}

#[test]
fn tasks_that_cannot_start_are_told_within_seconds_with_the_reason() {
    let name = "unscaled";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    let failing = |made: Made| {
        let task = made.task('a').stopped("TaskFailedToStart", NOT_FOUND);
        Look::at([made.going().desired(2)]).tasks([task])
    };
    for (arguments, made) in [
        (&["scale", "2"][..], BEFORE),
        (&["restart"], Made::new(2, 7)),
    ] {
        let coming = Look::at([made.going().desired(2).counts(0, 2)]);
        let scenario = without_tasks().then([coming, failing(made)]);
        let began = Instant::now();
        let (finished, _) = again(name, &installed, scenario, arguments);
        let finished = finished.expect_code(6);
        assert!(began.elapsed().as_secs() < 30, "{arguments:?}");
        for part in [
            "the image cannot be pulled",
            NOT_FOUND,
            "nothing was deployed yet",
            "`t3nets deploy -e unscaled` deploys the first release",
        ] {
            assert!(finished.stderr.contains(part), "{part}: {finished:?}");
        }
        assert!(!finished.stderr.contains("--no-rollback"), "{finished:?}");
    }
}

#[test]
fn a_service_whose_rollout_failed_starts_no_task_when_it_is_scaled() {
    let ended = || BEFORE.broken().primary();
    let scenario = Scenario::default()
        .before([Look::at([ended()])])
        .then([Look::at([ended().desired(2)])]);
    let Some(played) = played("scale-failed", scenario, &["scale", "2"]) else {
        return;
    };
    let played = played
        .ends(6, &[])
        .says("2 tasks are desired, and they cannot run")
        .says("ECS deployment circuit breaker: tasks failed to start.");
    assert_eq!(played.script.scaled(), [2]);
}

#[test]
fn scaling_up_waits_for_the_new_tasks_and_what_ended_before_does_not_count() {
    let old = || ['x', 'y'].map(|one| BEFORE.task(one).exited(7));
    let one = || {
        Look::at([BEFORE.completed()])
            .tasks([BEFORE.task('0')])
            .tasks(old())
    };
    let two = Look::at([BEFORE.completed().desired(2).counts(2, 0)])
        .tasks([BEFORE.task('0'), BEFORE.task('1')])
        .tasks(old());
    let scenario = Scenario::default().before([one()]).then([one(), two]);
    let Some(played) = played("scaled", scenario, &["scale", "2"]) else {
        return;
    };
    let played = played.ends(0, &[]).says("1 → 2 tasks");
    assert_eq!(played.script.scaled(), [2]);
}

#[test]
fn scaling_that_is_held_up_says_by_what_once_the_time_is_over() {
    let quota = "was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently";
    let one = || Look::at([BEFORE.completed().desired(2)]).tasks([BEFORE.task('0')]);
    let scenario = Scenario::default().then([one(), one().event(BEFORE, quota)]);
    let scale = ["scale", "2", "--timeout", "4"];
    let Some(played) = played("held-up", scenario, &scale) else {
        return;
    };
    played
        .ends(7, &[])
        .says(quota)
        .says("a quota of the account is reached")
        .says("Service Quotas");
}

#[test]
fn scaling_without_the_right_to_read_the_revision_goes_by_the_counts() {
    let two = Look::at([BEFORE.completed().desired(2).counts(2, 0)]);
    let scenario = Scenario::default()
        .refusing("DescribeTaskDefinition", support::ecs_script::DENIED)
        .then([two]);
    if let Some(played) = played("scale-denied", scenario, &["scale", "2"]) {
        played.ends(0, &[]).says("1 → 2 tasks");
    }
}
