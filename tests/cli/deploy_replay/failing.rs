//! Releases that cannot run: the reason is told, and the revision from before runs again.

use support::ecs_script::Task;

use super::*;

const SERVICE_STOPS: &str = "ServiceSchedulerInitiated";
const BAD_GATEWAY: &str = "Health checks failed with these codes: [502]";

#[test]
fn a_release_that_cannot_run_is_rolled_back_with_its_reason() {
    at_once(&[
        ("load balancer", the_load_balancers_health_check),
        ("image", an_image_that_cannot_be_pulled),
        ("secret", a_secret_that_is_missing),
        ("architecture", || wrong_architecture("arch", 1)),
        ("architecture 255", || wrong_architecture("arch-255", 255)),
        ("memory", too_little_memory),
        ("role", a_role_that_cannot_be_taken),
        ("bounds", a_deployment_that_may_start_no_task),
    ]);
}

#[test]
fn a_rollback_that_fails_too_is_told_as_such() {
    let pulled_not = |made: Made, letter| not_started(made.task(letter), PULL);
    let scenario = Scenario::default()
        .then([coming(), failing([pulled_not(OURS, 'a')])])
        .then([Look::at([BACK.going(), OURS.going().active()]).tasks([pulled_not(BACK, 'r')])]);
    let Some(played) = deployed("back-fails", scenario) else {
        return;
    };
    played
        .ends(6, &[8, 7])
        .says("the rollout failed and was not rolled back")
        .says("`t3nets-back-fails-router:7` fails too: the image cannot be pulled");
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the time from the cause to the verdict is for people to read"
)]
fn the_verdict_comes_as_one_json_event_with_the_cause_in_it() {
    let scenario = Scenario::default().then([
        coming(),
        failing([OURS.task('a').exited(7)]),
        failing(['a', 'b'].map(|one| OURS.task(one).exited(7))),
    ]);
    let scenario = ['a', 'b'].into_iter().fold(scenario, |scenario, letter| {
        scenario.log(&OURS.task(letter), ["panic: no such table"])
    });
    let Some((installed, script)) = set("events", scenario) else {
        return;
    };
    let mut command = installed.command(&["deploy", "--image", "here", "--json", "--no-rollback"]);
    let mut child = command
        .envs(script.variables())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut failed, mut logged) = (None, Vec::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        match event["event"].as_str() {
            Some("failed") => failed = Some((Instant::now(), event)),
            Some("log_line") => logged.push(event["line"].clone()),
            _ => {}
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(6));
    let (at, event) = failed.expect("it fails");
    let shown = script.shown(1, 2).expect("the second crash was shown");
    println!(
        "from the second crash's first answer to the verdict: {:?}",
        at - shown
    );
    assert_eq!(event["kind"], "exited");
    assert_eq!(
        (&event["exit_code"], &event["stops"]),
        (&7.into(), &2.into())
    );
    assert_eq!(event["stop_code"], "EssentialContainerExited");
    assert_eq!(logged, ["panic: no such table"]);
}

const PULL: &str = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 123456789012.dkr.ecr.us-east-1.amazonaws.com/repo@sha256:0: not found";

/// Ours has no task that runs.
fn failing(tasks: impl IntoIterator<Item = Task>) -> Look {
    Look::at([OURS.going(), BEFORE.completed().active()]).tasks(tasks)
}

fn not_started(task: Task, reason: &str) -> Task {
    task.stopped("TaskFailedToStart", reason)
}

/// Runs a scenario in which ours fails and the way back goes well.
fn fails(name: &'static str, scenario: Scenario) -> Option<Played> {
    let played = deployed(name, scenario.then(going_back()))?;
    let runs = format!("the rollout failed and was rolled back: t3nets-{name}-router:7 runs");
    Some(played.ends(5, &[8, 7]).says(&runs))
}

fn the_load_balancers_health_check() {
    let reason = format!("Task failed ELB health checks in (target-group {TARGET_GROUP})");
    let ended = |letter| {
        OURS.task(letter)
            .stopped(SERVICE_STOPS, reason.clone())
            .container(Some(143), None)
    };
    let one_runs = |letter| {
        Look::at([OURS.going().counts(1, 0), BEFORE.completed().active()])
            .tasks([OURS.task(letter)])
    };
    let scenario = Scenario::default().then([
        one_runs('a').target(&OURS.task('a'), "initial", "Elb.RegistrationInProgress", "Target registration is in progress"),
        one_runs('a').target(&OURS.task('a'), "unhealthy", "Target.ResponseCodeMismatch", BAD_GATEWAY),
        one_runs('b')
            .tasks([ended('a')])
            .target(&OURS.task('b'), "unhealthy", "Target.ResponseCodeMismatch", BAD_GATEWAY)
            .event(OURS, format!("(port 8080) is unhealthy in (target-group {TARGET_GROUP}) due to (reason {BAD_GATEWAY}).")),
        failing(['a', 'b'].map(ended)),
    ]);
    let Some(played) = fails("unhealthy", scenario) else {
        return;
    };
    played
        .says(&format!("is unhealthy: {BAD_GATEWAY}"))
        .says("the load balancer's health check fails (2 times)")
        .says(&format!("{reason} ({SERVICE_STOPS})"));
}

fn an_image_that_cannot_be_pulled() {
    let scenario =
        Scenario::default().then([coming(), failing([not_started(OURS.task('a'), PULL)])]);
    let Some(played) = fails("no-image", scenario) else {
        return;
    };
    played
        .says("the image cannot be pulled")
        .says(&format!("{PULL} (TaskFailedToStart)"))
        .never_says("times)");
}

fn a_secret_that_is_missing() {
    let reason = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:us-east-1:123456789012:secret:x from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.";
    let scenario =
        Scenario::default().then([coming(), failing([not_started(OURS.task('a'), reason)])]);
    let Some(played) = fails("no-secret", scenario) else {
        return;
    };
    played
        .says("a secret or parameter cannot be read")
        .says("Secrets Manager can't find the specified secret.");
}

/// Nothing in the API says so: the log does.
fn wrong_architecture(name: &'static str, code: i32) {
    let ended = OURS.task('a').exited(code);
    let line = "exec /t3nets-router: exec format error";
    let scenario = Scenario::default()
        .log(&ended, [line])
        .then([coming(), failing([ended])]);
    let Some(played) = fails(name, scenario) else {
        return;
    };
    played
        .says("the image is built for another architecture")
        .says(&format!("log: {line}"));
}

fn too_little_memory() {
    let said = "OutOfMemoryError: Container killed due to memory usage";
    let killed = |letter| {
        OURS.task(letter)
            .exited(137)
            .container(Some(137), Some(said))
    };
    let scenario = Scenario::default().then([
        coming(),
        failing([killed('a')]),
        failing(['a', 'b'].map(killed)),
    ]);
    let Some(played) = fails("memory", scenario) else {
        return;
    };
    played
        .says("a container ran out of memory (2 times)")
        .says(said)
        .says("exit code: router 137");
}

/// There is no task that could say why: the service's events do.
fn a_role_that_cannot_be_taken() {
    let said = "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/t3nets' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.";
    let event = format!("failed to launch a task with (error {said}).");
    let scenario = Scenario::default().then([coming(), failing([]).event(OURS, event)]);
    let Some(played) = fails("no-role", scenario) else {
        return;
    };
    played
        .says("because: a role is missing, or lacks a permission")
        .says(said);
}

/// ECS may neither stop the old task nor start a new one.
fn a_deployment_that_may_start_no_task() {
    let event = "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
    let scenario = Scenario::default().then([coming(), failing([]).event(OURS, event)]);
    let Some(played) = fails("bounds", scenario) else {
        return;
    };
    played
        .says("the service's deployment configuration lets ECS neither start nor stop a task")
        .says("hint: set maximumPercent of the service to 200")
        .says(event);
}
