//! Rollouts that ECS or somebody else ends, and a watch that can see nothing any more.

use support::ecs_script::{DENIED, EXPIRED};

use super::*;

const THRESHOLD: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";

#[test]
fn what_ecs_rolls_back_is_followed_and_never_rolled_back_again() {
    at_once(&[
        ("breaker", the_breaker),
        ("own deployment", the_breaker_by_a_deployment_of_its_own),
        ("at the verdict", the_breaker_at_the_moment_of_the_verdict),
        ("to a younger", back_to_a_younger_revision),
        ("stopped by hand", rolled_back_by_hand),
        ("alarm", an_alarm_after_the_tasks_came_up),
        ("failed", a_rollback_that_fails),
    ]);
}

#[test]
fn what_somebody_else_ends_is_no_success_and_is_told() {
    at_once(&[
        ("terraform", replaced_by_terraform),
        ("stopped", stopped_without_a_rollback),
        ("expired", credentials_that_expire),
    ]);
}

/// The earlier deployment counts again, under its own id.
fn back(running: i32) -> Look {
    Look::at([
        BEFORE.going().rolled_back_to().counts(running, 1 - running),
        OURS.broken(),
    ])
    .tasks([BEFORE.task('0'), OURS.task('a').exited(7)])
}

fn the_breaker() {
    let scenario = Scenario::default().with_breaker().then([
        coming().newer(OURS, "IN_PROGRESS", ""),
        coming()
            .tasks([OURS.task('b').exited(7)])
            .newer(OURS, "IN_PROGRESS", ""),
        back(0)
            .newer(OURS, "ROLLBACK_IN_PROGRESS", THRESHOLD)
            .event(
                OURS,
                format!(
                    "(deployment {}) deployment failed: tasks failed to start.",
                    OURS.id()
                ),
            ),
        back(1).newer(OURS, "ROLLBACK_IN_PROGRESS", THRESHOLD),
        Look::at([BEFORE.completed()])
            .tasks([BEFORE.task('0')])
            .newer(OURS, "ROLLBACK_SUCCESSFUL", THRESHOLD),
    ]);
    let Some(played) = deployed("breaker", scenario) else {
        return;
    };
    played
        .ends(5, &[8])
        .says("was rolled back by ECS: t3nets-breaker-router:7 runs")
        .says("container `router` ended with exit code 7")
        .says("deployment failed: tasks failed to start.");
}

/// By a new deployment of the earlier revision, whose reason says so only until it is done; and
/// there is no newer view.
fn the_breaker_by_a_deployment_of_its_own() {
    let scenario = Scenario::default()
        .with_breaker()
        .refusing("ListServiceDeployments", DENIED)
        .then([
            coming(),
            Look::at([BACK.going().rolled_back_to(), OURS.broken()]),
            Look::at([BACK.completed()]).tasks([BACK.task('r')]),
        ]);
    let Some(played) = deployed("breaker-own", scenario) else {
        return;
    };
    played
        .ends(5, &[8])
        .says("was rolled back by ECS: t3nets-breaker-own-router:7 runs")
        .says("ECS deployment circuit breaker: tasks failed to start.");
}

/// Two crashes are enough to go back; by then ECS has begun to.
fn the_breaker_at_the_moment_of_the_verdict() {
    let crashed = || ['a', 'b'].map(|one| OURS.task(one).exited(7));
    let again = |earlier| Look::at([earlier, OURS.broken()]).tasks(crashed());
    let scenario = Scenario::default().with_breaker().then([
        coming(),
        Look::at([OURS.going(), BEFORE.completed().active()]).tasks(crashed()),
        again(BEFORE.going().rolled_back_to()),
        again(BEFORE.completed()),
    ]);
    let Some(played) = deployed("breaker-race", scenario) else {
        return;
    };
    played
        .ends(5, &[8])
        .says("was rolled back by ECS: t3nets-breaker-race-router:7 runs")
        .says("container `router` ended with exit code 7 (2 times)");
}

/// `t3nets rollback` to a revision that fails: ECS goes back to one that is younger than that.
fn back_to_a_younger_revision() {
    let older = Made::new(2, 6);
    let scenario = Scenario::default().with_breaker().with_revision(6).then([
        Look::at([older.going(), BEFORE.completed().active()]).tasks([older.task('a').exited(7)]),
        Look::at([BACK.going().rolled_back_to(), older.broken()]),
        Look::at([BACK.completed(), older.broken()]).tasks([BACK.task('r')]),
    ]);
    let Some(played) = played("breaker-to", scenario, &["rollback", "--to", "6"]) else {
        return;
    };
    played
        .ends(5, &[6])
        .says("was rolled back by ECS: t3nets-breaker-to-router:7 runs");
}

/// Somebody called StopServiceDeployment, which needs no circuit breaker.
fn rolled_back_by_hand() {
    let why = "Service deployment rolled back because of a user request.";
    let ours = || OURS.going().active().desired(0);
    let scenario = Scenario::default().then([
        coming().newer(OURS, "IN_PROGRESS", ""),
        coming().newer(OURS, "ROLLBACK_REQUESTED", why),
        Look::at([BEFORE.going(), ours()]).newer(OURS, "ROLLBACK_IN_PROGRESS", why),
        Look::at([BEFORE.completed(), ours()]).newer(OURS, "ROLLBACK_SUCCESSFUL", why),
    ]);
    let Some(played) = deployed("by-hand", scenario) else {
        return;
    };
    played
        .ends(5, &[8])
        .says("was rolled back by ECS: t3nets-by-hand-router:7 runs")
        .says(&format!("because: {why}"));
}

/// While ECS still looks at the service's alarms, all of its tasks run, for longer than a task has
/// to.
fn an_alarm_after_the_tasks_came_up() {
    let why = "Service deployment rolled back because a CloudWatch alarm was in the ALARM state.";
    let baking = || {
        Look::at([OURS.going().counts(1, 0)])
            .tasks([OURS.task('a')])
            .newer(OURS, "IN_PROGRESS", "")
    };
    let alarmed = |earlier| {
        let ours = OURS
            .broken()
            .because("ECS deployment failed: alarm detected.");
        Look::at([earlier, ours]).tasks([BEFORE.task('0'), OURS.task('a')])
    };
    let looks = std::iter::repeat_with(baking).take(12).chain([
        alarmed(BEFORE.going()).newer(OURS, "ROLLBACK_IN_PROGRESS", why),
        alarmed(BEFORE.completed()).newer(OURS, "ROLLBACK_SUCCESSFUL", why),
    ]);
    let Some(played) = deployed("alarm", Scenario::default().then(looks)) else {
        return;
    };
    played
        .ends(5, &[8])
        .says("was rolled back by ECS: t3nets-alarm-router:7 runs")
        .says("because: ECS deployment failed: alarm detected.");
}

fn a_rollback_that_fails() {
    let scenario = Scenario::default().with_breaker().then([
        coming().newer(OURS, "IN_PROGRESS", ""),
        back(0).newer(OURS, "ROLLBACK_IN_PROGRESS", THRESHOLD),
        back(0).newer(OURS, "ROLLBACK_FAILED", THRESHOLD),
    ]);
    let Some(played) = deployed("breaker-failed", scenario) else {
        return;
    };
    played
        .ends(6, &[8])
        .says("the rollout failed and was not rolled back")
        .says("ECS could not roll it back");
}

fn replaced_by_terraform() {
    let other = Made::new(9, 9);
    let scenario = Scenario::default().then([
        coming(),
        Look::at([other.going(), OURS.going().active().counts(1, 0)]).tasks([OURS.task('a')]),
    ]);
    let Some(played) = deployed("terraformed", scenario) else {
        return;
    };
    played
        .ends(1, &[8])
        .says("another deployment took its place: t3nets-terraformed-router:9 by `terraform`");
}

/// A failure that ECS does not roll back is STOPPED: going back is left to us.
fn stopped_without_a_rollback() {
    let why = "Service deployment stopped because the circuit breaker threshold was exceeded.";
    let stopping = || Look::at([OURS.going().counts(1, 0)]).tasks([OURS.task('a')]);
    let looks = [
        coming().newer(OURS, "IN_PROGRESS", ""),
        stopping().newer(OURS, "STOP_REQUESTED", ""),
        Look::at([OURS.going()]).newer(OURS, "STOPPED", why),
    ];
    let scenario = Scenario::default().then(looks).then(going_back());
    let Some(played) = deployed("stopped", scenario) else {
        return;
    };
    played
        .ends(5, &[8, 7])
        .says("was rolled back: t3nets-stopped-router:7 runs")
        .says("the deployment was ended")
        .says(why);
}

fn credentials_that_expire() {
    let scenario = Scenario::default().then([coming(), Look::refused(EXPIRED)]);
    let Some(played) = deployed("expired", scenario) else {
        return;
    };
    let played = played
        .ends(4, &[8])
        .says("The security token included in the request is expired")
        .says("the rollout goes on by itself")
        .says("`t3nets deploy --resume -e expired` watches it again");

    // With new ones, and the deployment done meanwhile.
    let meanwhile = Scenario::default().with_revision(8).before([up('a')]);
    let script = EcsScript::start("t3nets-expired-cluster", &played.service, meanwhile);
    let script = played.installed.runtime.block_on(script);
    let mut resume = played.installed.command(&["deploy", "--resume"]);
    let resumed = finish(resume.envs(script.variables())).expect_code(0);
    assert!(
        resumed.stderr.contains(&format!("watch: {}", OURS.id())),
        "{resumed:?}"
    );
    assert_eq!(script.updates(), []);
}
