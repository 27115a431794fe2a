//! `t3nets doctor` on AWS.

use axum::Json;
use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use support::TestServer;
use support::aws::{AwsServer, Tables};

use super::{Scripted, nobody, operator_at, operator_without_credentials};
use crate::infra::project;
use crate::sandbox::Finished;

/// A check.
#[track_caller]
fn check(finished: &Finished, name: &str) -> Value {
    let report = finished.json();
    let mut checks = report["checks"].as_array().unwrap().iter();
    let found = checks.find(|check| check["name"] == name);
    found
        .unwrap_or_else(|| panic!("no check `{name}`: {report}"))
        .clone()
}

#[track_caller]
fn status(finished: &Finished, name: &str) -> String {
    let check = check(finished, name);
    if matches!(check["status"].as_str(), Some("failed" | "warning")) {
        assert!(!check["remedy"].as_str().unwrap().is_empty(), "{check}");
    }
    check["status"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_as_terraform_makes_them_are_as_they_must_be() {
    let Some(aws) = AwsServer::shared_ministack() else {
        return;
    };
    let router = Router::new().route(
        "/api/health",
        get(|| async { Json(json!({"version": "7"})) }),
    );
    let router = TestServer::start(router).await;
    let client = aws_sdk_dynamodb::Client::new(&aws.sdk_config().await);
    let tables = Tables::create(&client, "cli-doctor").await;
    let mut operator = operator_without_credentials();
    for (name, value) in aws.variables() {
        operator = operator.with(name, &value);
    }
    let toml = format!(
        "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\nurl = \"{}\"\ntenants_table = \"{}\"\nconversations_table = \"{}\"\n",
        router.url(),
        tables.tenants,
        tables.conversations,
    );
    operator.write("t3nets.toml", &toml);
    let finished = operator.run(&["doctor", "--json"]);
    for name in [
        "env",
        "region",
        "account",
        "tenants_table",
        "conversations_table",
        "secrets_prefix",
        "api",
    ] {
        assert_eq!(status(&finished, name), "ok", "{name}: {finished:?}");
    }
    // The one has no index and the other one more than it needs.
    let swapped = toml
        .replace(&tables.tenants, "swap")
        .replace(&tables.conversations, &tables.tenants);
    operator.write(
        "t3nets.toml",
        &swapped.replace("swap", &tables.conversations),
    );
    let finished = operator.run(&["doctor", "--json"]).expect_code(3);
    let detail = check(&finished, "tenants_table")["detail"].to_string();
    assert!(
        detail.contains("it has no index `channel-mapping`"),
        "{detail}"
    );
}

#[test]
fn every_check_says_what_it_found_whatever_the_others_do() {
    let operator = operator_at(&nobody());
    let finished = operator.run(&["doctor", "--json"]).expect_code(3);
    assert_eq!(status(&finished, "region"), "ok");
    for name in [
        "account",
        "tenants_table",
        "conversations_table",
        "secrets_prefix",
        "tenant",
        "repository",
        "cluster",
        "service",
        "log_group",
    ] {
        assert_eq!(status(&finished, name), "failed", "{name}: {finished:?}");
    }
    for name in ["capacity", "image", "task_role", "drift", "targets"] {
        assert_eq!(status(&finished, name), "skipped", "{name}");
    }
    for name in ["state", "api"] {
        assert_eq!(status(&finished, name), "warning", "{name}");
    }
}

#[test]
fn a_missing_permission_and_a_missing_table_have_remedies_of_their_own() {
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: ada is not authorized to perform: dynamodb:DescribeTable"}"#;
    let aws = Scripted::answering(400, denied);
    let finished = operator_at(&aws.url())
        .run(&["doctor", "--json"])
        .expect_code(3);
    let table = check(&finished, "tenants_table");
    assert!(
        table["detail"]
            .to_string()
            .contains("dynamodb:DescribeTable"),
        "{table}"
    );
    assert!(
        table["remedy"].to_string().contains("permission"),
        "{table}"
    );
    assert_eq!(status(&finished, "secrets_prefix"), "failed");

    let missing = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found: Table: t3nets-dev-tenants not found"}"#;
    let aws = Scripted::answering(400, missing);
    let finished = operator_at(&aws.url())
        .run(&["doctor", "--json"])
        .expect_code(3);
    let table = check(&finished, "tenants_table");
    assert!(
        table["detail"].to_string().contains("(by convention)"),
        "{table}"
    );
    assert!(
        table["remedy"]
            .to_string()
            .contains("t3nets infra apply -e dev"),
        "{table}"
    );
    assert_eq!(status(&finished, "secrets_prefix"), "ok");
}

#[test]
fn an_alarm_that_nobody_has_agreed_to_hear_is_warned_of() {
    let subscriptions = "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions><member>\
        <Protocol>email</Protocol><SubscriptionArn>PendingConfirmation</SubscriptionArn>\
        <Endpoint>ada@example.com</Endpoint></member></Subscriptions></ListSubscriptionsByTopicResult>\
        </ListSubscriptionsByTopicResponse>";
    let aws = Scripted::answering(200, subscriptions);
    let sandbox = project();
    let state = json!({"version": 4, "outputs": {
        "environment": {"value": "dev", "type": "string"},
        "alarms_topic_arn": {"value": "arn:aws:sns:us-east-1:1:t3nets-dev-alarms", "type": "string"},
    }});
    sandbox.write("infra/aws/terraform.tfstate", &state.to_string());
    let operator = operator_at(&aws.url());
    let infra = sandbox.work().join("infra/aws");
    operator.write(
        "t3nets.toml",
        &format!(
            "infra_dir = {infra:?}\n\n[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\n"
        ),
    );
    let finished = operator.run(&["doctor", "--json"]);
    assert_eq!(status(&finished, "alarms"), "warning");
    let alarms = check(&finished, "alarms").to_string();
    assert!(
        alarms.contains("not confirmed: ada@example.com"),
        "{alarms}"
    );
}
