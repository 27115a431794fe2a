//! What ECS says of a service before anything is changed: whether it can be deployed to, and
//! whether anything runs.

use serde_json::json;
use support::ecs_script::CLUSTER_NOT_FOUND;

use super::*;

/// With 0 tasks, since the circuit breaker ended the rollout of its first revision.
fn failed_at_once() -> Scenario {
    let pulled_not = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 123456789012.dkr.ecr.us-east-1.amazonaws.com/repo:bootstrap: not found";
    let first = Made::new(1, 1);
    let ended = first.broken().primary();
    let task = first.task('a').stopped("TaskFailedToStart", pulled_not);
    Scenario::default()
        .definition(1, "terraform", json!({}))
        .before([Look::at([ended]).tasks([task])])
}

#[test]
fn a_service_that_ecs_does_not_deploy_to_is_known_before_anything_is_built_or_registered() {
    let name = "controller";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    // Without Docker a build would say so first.
    installed.sandbox.write("Dockerfile", "FROM scratch\n");
    let controller =
        |kind: &str| json!({"deploymentController": {"type": kind}, "deployments": []});
    for (service, said, remedy) in [
        (
            controller("CODE_DEPLOY"),
            "has the deployment controller CODE_DEPLOY",
            "aws deploy create-deployment",
        ),
        (
            controller("EXTERNAL"),
            "has the deployment controller EXTERNAL",
            "task sets",
        ),
        (json!({"status": "DRAINING"}), "is DRAINING", "infra apply"),
        (json!({"status": "INACTIVE"}), "is INACTIVE", "infra apply"),
    ] {
        for arguments in [
            &["deploy"][..],
            &["deploy", "--image", "here"],
            &["deploy", "--image", "here", "--plan"],
            &["deploy", "--resume"],
            &["restart"],
            &["rollback"],
            &["rollback", "--to", "6"],
            &["scale", "2"],
        ] {
            let scenario = Scenario::default()
                .with_revision(6)
                .service(service.clone());
            let began = Instant::now();
            let (finished, script) = again(name, &installed, scenario, arguments);
            let finished = finished.expect_code(3);
            assert!(
                finished.stderr.contains(said),
                "{arguments:?}: {finished:?}"
            );
            assert!(
                finished.stderr.contains(remedy),
                "{arguments:?}: {finished:?}"
            );
            assert!(began.elapsed().as_secs() < 30, "{arguments:?}");
            for changing in ["RegisterTaskDefinition", "UpdateService"] {
                assert_eq!(script.calls(changing), 0, "{arguments:?}");
            }
        }
        let scenario = Scenario::default().service(service);
        let (finished, _) = again(name, &installed, scenario, &["doctor", "--json"]);
        let report = finished.expect_code(3).json();
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "service");
        assert_eq!(check.unwrap()["status"], "failed", "{report}");
    }
}

#[test]
fn bounds_that_leave_no_room_for_a_deployment_are_known_before_it() {
    let stuck = json!({"deploymentConfiguration": {
        "minimumHealthyPercent": 100, "maximumPercent": 150, "strategy": "ROLLING",
        "deploymentCircuitBreaker": {"enable": true, "rollback": true},
    }});
    let Some(played) = deployed("no-room", Scenario::default().service(stuck)) else {
        return;
    };
    let played = played
        .ends(3, &[])
        .says("minimumHealthyPercent is 100 and maximumPercent 150")
        .says("minimumHealthyPercent=100,maximumPercent=200");
    assert_eq!(played.script.calls("RegisterTaskDefinition"), 0);
}

#[test]
fn bounds_of_another_strategy_keep_nothing_from_being_deployed() {
    let blue_green = json!({"deploymentConfiguration": {
        "minimumHealthyPercent": 100, "maximumPercent": 100, "strategy": "BLUE_GREEN",
    }});
    let scenario = Scenario::default().service(blue_green);
    let plan = ["deploy", "--image", "here", "--plan"];
    if let Some(played) = played("blue-green", scenario, &plan) {
        played.ends(0, &[]);
    }
}

#[test]
fn what_does_not_run_is_never_said_to_run() {
    let name = "nothing";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    let told = format!("t3nets-{name}-router:1");
    let plan = ["deploy", "--image", "here", "--plan"];
    for arguments in [&plan[..], &["history"], &["status"]] {
        let (finished, _) = again(name, &installed, failed_at_once(), arguments);
        let shown = finished.expect_code(0).stdout;
        assert!(!shown.contains(&format!("{told} runs")), "{shown}");
        for part in [
            "nothing runs: nothing was deployed yet; ",
            &format!(
                "the rollout of {told} failed: ECS deployment circuit breaker: tasks failed to start"
            ),
            "the image cannot be pulled: CannotPullContainerError",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    let json = |arguments: &[&str]| {
        let arguments = [arguments, &["--json"]].concat();
        let (finished, _) = again(name, &installed, failed_at_once(), &arguments);
        finished.expect_code(0).json()
    };
    assert_eq!(json(&plan)["running"], json!(null));
    assert_eq!(json(&["history"])["running"], json!(null));
    assert_eq!(json(&["status"])["running"], json!([]));
}

#[test]
fn what_another_controller_runs_is_shown_all_the_same() {
    let revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/t3nets-sets-router:7";
    let set = json!({
        "id": "ecs-svc/0000000000000000005", "status": "PRIMARY", "taskDefinition": revision, "computedDesiredCount": 1,
        "pendingCount": 0, "runningCount": 1, "stabilityStatus": "STEADY_STATE", "createdAt": 1_764_000_000.5,
    });
    let service = json!({
        "deploymentController": {"type": "EXTERNAL"}, "deployments": [], "taskSets": [set], "taskDefinition": "",
    });
    let scenario = Scenario::default().service(service);
    let Some(played) = played("sets", scenario, &["status"]) else {
        return;
    };
    played
        .ends(0, &[])
        .says("1 of 1")
        .says("t3nets-sets-router:7")
        .never_says("nothing runs");
}

#[test]
fn a_missing_cluster_is_named_with_its_region_and_where_both_come_from() {
    let scenario = Scenario::default().refusing("DescribeServices", CLUSTER_NOT_FOUND);
    let Some(played) = played("elsewhere", scenario, &["status"]) else {
        return;
    };
    played
        .ends(3, &[])
        .says("the cluster is `t3nets-elsewhere-cluster` (by convention)")
        .says("the service is `t3nets-elsewhere-router` (by convention)")
        .says("the region is `us-east-1` (from t3nets.toml)")
        .never_says("tenants table");
}

#[test]
fn a_restart_of_a_revision_that_was_deregistered_registers_it_again() {
    let again = || Look::at([Made::new(2, 8).completed()]).tasks([Made::new(2, 8).task('a')]);
    let scenario = Scenario::default()
        .definition(7, "t3nets", json!({"status": "INACTIVE"}))
        .then([again()]);
    let Some(played) = played("inactive", scenario, &["restart"]) else {
        return;
    };
    assert_eq!(played.finished.code, Some(0), "{:?}", played.finished);
    let updates = played.script.updates();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].revision, "t3nets-inactive-router:8");
    assert!(updates[0].forced);
    played.says("`t3nets-inactive-router:7` was deregistered: it is registered again");
}

#[test]
fn a_rollback_to_what_is_no_revision_of_the_service_is_refused() {
    let name = "family";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/other:6";
    for to in ["other:6", arn, "t3nets-family-router", "latest", "0"] {
        let scenario = Scenario::default().with_revision(6);
        let (finished, script) = again(name, &installed, scenario, &["rollback", "--to", to]);
        let finished = finished.expect_code(2);
        let said = format!("`{to}` is not a revision of `t3nets-family-router`");
        assert!(finished.stderr.contains(&said), "{finished:?}");
        assert_eq!(script.updates(), []);
    }
}

#[test]
fn secrets_in_a_task_definition_are_not_shown_by_a_plan() {
    let name = "masked";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    let scenario = || {
        Scenario::default().definition(
            8,
            "terraform",
            json!({"router": {
                "environment": [
                    {"name": "DB_PASS", "value": "hunter2"},
                    {"name": "SMTP_AUTH", "value": "hunter2"},
                    {"name": "SENTRY_DSN", "value": "https://hunter2@sentry.example/1"},
                    {"name": "DATABASE_URL", "value": "postgres://ada:hunter2@db.example/t3nets"},
                    {"name": "RUST_LOG", "value": "debug"},
                ],
                "secrets": [{"name": "JIRA_TOKEN", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:jira"}],
                "command": ["serve", "--admin-password", "hunter2"],
                "logConfiguration": {"logDriver": "splunk", "options": {
                    "splunk-url": "https://ada:hunter2@splunk.example", "splunk-token": "hunter2",
                }},
            }}),
        )
    };
    for more in [&[][..], &["--json"]] {
        let arguments = [&["deploy", "--image", "here", "--plan"], more].concat();
        let (finished, _) = again(name, &installed, scenario(), &arguments);
        let shown = finished.expect_code(0).stdout;
        assert!(!shown.contains("hunter2"), "{shown}");
        for part in [
            "secret:jira",
            "debug",
            "postgres://(hidden)@db.example/t3nets",
            "DB_PASS",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    // A deploy tells the same changes.
    let (finished, _) = again(
        name,
        &installed,
        scenario().refusing("RegisterTaskDefinition", support::ecs_script::DENIED),
        &["deploy", "--image", "here"],
    );
    let finished = finished.expect_code(4);
    assert!(finished.stderr.contains("DB_PASS"), "{finished:?}");
    assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
}

#[test]
fn more_tags_than_ecs_takes_are_found_before_a_build() {
    let tags: Vec<serde_json::Value> = (0..48)
        .map(|one| json!({"key": format!("Tag{one}"), "value": "x"}))
        .collect();
    let scenario = || Scenario::default().definition(7, "t3nets", json!({ "tags": tags }));
    let name = "tags";
    let Some((installed, _)) = set(name, Scenario::default()) else {
        return;
    };
    for plan in [&[][..], &["--plan"]] {
        let arguments = [&["deploy", "--image", "here"], plan].concat();
        let (finished, script) = again(name, &installed, scenario(), &arguments);
        let finished = finished.expect_code(1);
        let said = "has 52 tags with those of a deploy, and ECS takes 50";
        assert!(finished.stderr.contains(said), "{finished:?}");
        assert_eq!(script.calls("RegisterTaskDefinition"), 0);
    }
}
