//! Rollouts that come up, whatever else is to be seen meanwhile.

use axum::http::StatusCode;
use support::ecs_script::{DENIED, INVALID_ACTION, Refused, THROTTLED, UNKNOWN};
use support::traces::{Collector, attribute, hex};

use super::*;
use crate::deploy_done::Webhook;

#[test]
fn a_rollout_that_comes_up_is_a_success_whatever_else_is_to_be_seen() {
    at_once(&[
        ("service deployments", service_deployments),
        ("spot", spot),
        ("lag", lag),
        ("scaling in", scaling_in),
        ("denied", || without_the_newer_view("newer-denied", DENIED)),
        ("unknown", || {
            without_the_newer_view("newer-unknown", UNKNOWN);
        }),
        ("invalid", || {
            without_the_newer_view("newer-invalid", INVALID_ACTION);
        }),
        ("no list", tasks_that_may_not_be_listed),
        ("throttled", throttling),
    ]);
}

#[test]
fn a_rollout_that_takes_too_long_is_left_to_itself_and_can_be_resumed() {
    let no_room = "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.";
    let stuck = || Look::at([OURS.going(), BEFORE.completed().active()]).event(OURS, no_room);
    let scenario = Scenario::default().then([stuck(), stuck()]);
    let deploy = ["deploy", "--image", "here", "--timeout", "3"];
    let Some(played) = played("too-long", scenario, &deploy) else {
        return;
    };
    played
        .ends(7, &[8])
        .says("it did not come up in time: 0 of 1 tasks run")
        .says(no_room)
        .says("AWS has no capacity for a task at the moment: wait")
        .says("`t3nets deploy --resume -e too-long` watches it again");
}

/// The older view never calls it completed: the newer one does.
fn service_deployments() {
    let running = || Look::at([OURS.going().counts(1, 0)]).tasks([OURS.task('a')]);
    let scenario = Scenario::default().then([
        coming().newer(OURS, "PENDING", ""),
        coming().newer(OURS, "IN_PROGRESS", ""),
        running().newer(OURS, "IN_PROGRESS", ""),
        running().newer(OURS, "SUCCESSFUL", ""),
    ]);
    let webhook = Webhook::answering(StatusCode::OK);
    let url = webhook.url();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start(StatusCode::OK));
    let told = [
        ("T3NETS_ON_DONE", url.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
        (
            "TRACEPARENT",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    let Some(played) = played_with("newer", scenario, &DEPLOY, &told) else {
        return;
    };
    let played = played
        .ends(0, &[8])
        .says("t3nets-newer-router:8 runs in 1 task");
    let posted = webhook.posted();
    assert_eq!(posted["outcome"], "released");
    assert_eq!(posted["revision"], "t3nets-newer-router:8");
    assert!(played.script.calls("DescribeServiceDeployments") >= 10);

    let spans = collector.spans();
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("{name}: {spans:#?}"))
    };
    let whole = named("deploy");
    assert_eq!(hex(&whole.parent_span_id), "b7ad6b7169203331");
    for step in ["check", "register", "update", "watch"] {
        assert_eq!(named(step).parent_span_id, whole.span_id, "{step}");
    }
    // The lock.
    assert_eq!(named("dynamodb PutItem").trace_id, whole.trace_id);
    let name = attribute(&collector.resource(), "service.name");
    assert_eq!(name.as_deref(), Some("t3nets"));
}

fn spot() {
    let taken = || {
        [
            OURS.task('a')
                .stopped("SpotInterruption", "Your Spot Task was interrupted.")
                .container(Some(143), None),
            OURS.task('b')
                .stopped("TerminationNotice", "Your Spot Task was interrupted.")
                .container(Some(137), None),
        ]
    };
    let [first, second] = taken();
    let again = || Look::at([OURS.going().counts(0, 1), BEFORE.completed().active()]);
    let scenario = Scenario::default().then([
        coming(),
        again().tasks([first, OURS.task('b')]).event(OURS, "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone."),
        again().tasks(taken()).tasks([OURS.task('c').pending()]),
        up('c').tasks([taken()[0].clone(), second]),
    ]);
    let Some(played) = deployed("spot", scenario) else {
        return;
    };
    let told = "stopped: Your Spot Task was interrupted.";
    let played = played
        .ends(0, &[8])
        .says("(SpotInterruption), exit code: router 143; that is not the release's fault")
        .says("(TerminationNotice), exit code: router 137; that is not the release's fault")
        .says("ecs: (service t3nets-spot-router) was unable to place a task.");
    assert_eq!(played.finished.stderr.matches(told).count(), 2);
}

fn lag() {
    let old = || Look::at([BEFORE.completed()]).tasks([BEFORE.task('0')]);
    let scenario = Scenario::default().then([
        old(),
        coming().tasks([OURS.task('b').missing()]),
        old(),
        Look::at([OURS.going().counts(1, 0)]),
        Look::at([OURS.completed()]),
        up('b').tasks([OURS.task('c').missing()]),
    ]);
    let Some(played) = deployed("lag", scenario) else {
        return;
    };
    played
        .ends(0, &[8])
        .says("not listed by ECS yet")
        .never_says("stopped:");
}

fn scaling_in() {
    let gone = |letter| {
        let reason = format!("Scaling activity initiated by (deployment {})", OURS.id());
        OURS.task(letter)
            .stopped("ServiceSchedulerInitiated", reason)
            .container(Some(143), None)
    };
    let three = OURS.going().desired(3).counts(3, 0);
    let scenario = Scenario::default().then([
        coming(),
        Look::at([three, BEFORE.completed().active()])
            .tasks(['a', 'b', 'c'].map(|one| OURS.task(one))),
        up('a')
            .tasks(['b', 'c'].map(gone))
            .event(OURS, "has stopped 2 running tasks."),
    ]);
    let Some(played) = deployed("scaling-in", scenario) else {
        return;
    };
    let played = played.ends(0, &[8]);
    let innocent = "that is not the release's fault";
    assert_eq!(played.finished.stderr.matches(innocent).count(), 2);
}

fn without_the_newer_view(name: &'static str, refused: Refused) {
    let scenario = Scenario::default()
        .refusing("ListServiceDeployments", refused)
        .then([coming(), up('a')]);
    let Some(played) = deployed(name, scenario) else {
        return;
    };
    let played = played.ends(0, &[8]);
    assert_eq!(played.script.calls("ListServiceDeployments"), 1);
}

/// Without the tasks there are the deployment's counts, which take a little longer.
fn tasks_that_may_not_be_listed() {
    let scenario = Scenario::default()
        .refusing("ListTasks", DENIED)
        .then([coming(), up('a')]);
    let Some(played) = deployed("no-list", scenario) else {
        return;
    };
    let played = played.ends(0, &[8]);
    let told = "not authorized to perform this action";
    assert_eq!(played.finished.stderr.matches(told).count(), 1);
    assert_eq!(played.script.calls("ListTasks"), 1);
}

/// As long as the SDK's own retries last, and longer.
fn throttling() {
    let scenario = Scenario::default().then(
        [coming()]
            .into_iter()
            .chain((0..12).map(|_| Look::refused(THROTTLED)))
            .chain([coming(), up('a')]),
    );
    let Some(played) = deployed("throttled", scenario) else {
        return;
    };
    let played = played.ends(0, &[8]);
    let told = "warning: Rate exceeded (ThrottlingException); the watch goes on";
    let times = played.finished.stderr.matches(told).count();
    assert_eq!(times, 1, "{:?}", played.finished);
}
