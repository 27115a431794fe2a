//! What tasks write: by which of their containers, and where it goes.

use serde_json::json;
use support::ecs_script::Task;

use super::*;

/// A revision whose tasks have a collector beside the router.
fn with_collector(scenario: Scenario) -> Scenario {
    let logging = json!({"logDriver": "awslogs", "options": {
        "awslogs-group": "/ecs/collector", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "router",
    }});
    let collector = json!({"name": "collector", "image": "otel:1", "essential": true, "logConfiguration": logging});
    scenario.definition(7, "t3nets", json!({"sidecars": [collector]}))
}

/// Ended because its collector did.
fn ended(letter: char) -> Task {
    OURS.task(letter).exited(143).sidecar("collector", 3)
}

fn failing(tasks: impl IntoIterator<Item = Task>) -> Look {
    Look::at([OURS.going(), BEFORE.completed().active()]).tasks(tasks)
}

#[test]
fn a_sidecar_that_ends_the_task_is_told_with_its_own_lines() {
    let scenario = ['a', 'b']
        .into_iter()
        .fold(Scenario::default(), |scenario, letter| {
            scenario
                .log(&ended(letter), ["the router says nothing"])
                .log_of(&ended(letter), "collector", ["cannot read otel.yaml"])
        });
    let scenario = with_collector(scenario)
        .then([coming(), failing(['a', 'b'].map(ended))])
        .then(going_back());
    let Some(played) = deployed("sidecar", scenario) else {
        return;
    };
    played
        .ends(5, &[8, 7])
        .says("container `collector` ended with exit code 3 (2 times)")
        .says("log of `collector`: cannot read otel.yaml")
        .says("`t3nets logs --task ")
        .never_says("the router says nothing");
}

#[test]
fn logs_name_the_containers_and_show_those_of_one_or_of_one_task() {
    let name = "logged";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    let scenario = || {
        with_collector(Scenario::default())
            .log(&OURS.task('a'), ["the router's line"])
            .log_of(&OURS.task('a'), "collector", ["the collector's line"])
            .log(&OURS.task('b'), ["another task's line"])
    };
    let logs = |more: &[&str]| {
        let arguments = [&["logs", "--since", "1h30m"], more].concat();
        again(name, &installed, scenario(), &arguments).0
    };
    let all = logs(&[]).expect_code(0).stdout;
    assert!(all.contains("aaaaaaaa router the router's line"), "{all}");
    assert!(
        all.contains("aaaaaaaa collector the collector's line"),
        "{all}"
    );
    let of_one = logs(&["--container", "collector"]).expect_code(0).stdout;
    assert!(of_one.contains("the collector's line"), "{of_one}");
    assert!(!of_one.contains("the router's line"), "{of_one}");
    let of_task = logs(&["--task", "aaaaaaaa"]).expect_code(0).stdout;
    assert!(of_task.contains("the collector's line"), "{of_task}");
    assert!(!of_task.contains("another task's line"), "{of_task}");
    let json = logs(&["--json", "--container", "collector"])
        .expect_code(0)
        .json();
    assert_eq!(json["container"], "collector");
    assert_eq!(json["task"], "a".repeat(32));
    let refused = logs(&["--container", "web"]).expect_code(2);
    assert!(
        refused.stderr.contains("only `router`, `collector`"),
        "{refused:?}"
    );
}

#[test]
fn where_the_logs_go_is_said_if_that_is_not_cloudwatch() {
    let name = "firelens";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    let logging = json!({"logDriver": "awsfirelens", "options": {
        "Name": "datadog", "Host": "http-intake.logs.datadoghq.com", "apikey": "hunter2",
    }});
    let scenario = || {
        Scenario::default().definition(
            7,
            "t3nets",
            json!({"router": {"logConfiguration": logging}}),
        )
    };
    let goes = "the log of `router` goes through the log driver `awsfirelens` (Name=datadog, Host=http-intake.logs.datadoghq.com)";
    let (finished, _) = again(name, &installed, scenario(), &["logs"]);
    let finished = finished.expect_code(3);
    assert!(finished.stderr.contains(goes), "{finished:?}");

    let crashed = || ['a', 'b'].map(|one| OURS.task(one).exited(7));
    let scenario = scenario()
        .then([coming(), failing(crashed())])
        .then(going_back());
    let deploy = ["deploy", "--image", "here"];
    let (finished, _) = again(name, &installed, scenario, &deploy);
    let finished = finished.expect_code(5);
    assert!(finished.stderr.contains(goes), "{finished:?}");
    assert!(!finished.stderr.contains("t3nets logs"), "{finished:?}");
    assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
}
