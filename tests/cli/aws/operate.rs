//! An environment on AWS from its first tenant to its first answer, against a server that stands in
//! for AWS.

use aws_sdk_dynamodb::Client;
use serde_json::Value;
use support::aws::{AwsServer, Tables};

use super::{Scripted, nobody, operator_at, operator_without_credentials};
use crate::chat::{ScriptedRouter, answer};
use crate::operator::Operator;

/// The operator of an environment with tables of its own; its router is at `url`.
pub(super) fn operator(name: &str, url: &str) -> Option<Operator> {
    let aws = AwsServer::shared_ministack()?;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tables = runtime.block_on(async {
        let client = Client::new(&aws.sdk_config().await);
        Tables::create(&client, &format!("cli-{name}")).await
    });
    let mut operator = operator_without_credentials();
    for (name, value) in aws.variables() {
        operator = operator.with(name, &value);
    }
    operator.write("t3nets.toml", &toml(&tables, name, url));
    Some(operator)
}

fn toml(tables: &Tables, name: &str, url: &str) -> String {
    format!(
        "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\nurl = \"{url}\"\ntenants_table = \"{}\"\nconversations_table = \"{}\"\nsecrets_prefix = \"/cli/{name}/tenants\"\n",
        tables.tenants, tables.conversations,
    )
}

const SEED: [&str; 3] = ["seed", "--admin-email", "ada@example.com"];

#[test]
fn seeding_sets_a_tenant_up_and_repeating_it_changes_nothing() {
    let Some(operator) = operator("seed", "http://127.0.0.1:9") else {
        return;
    };
    let operator = operator
        .with("JIRA_URL", "https://acme.atlassian.net")
        .with("JIRA_EMAIL", "ada@example.com")
        .with("JIRA_API_TOKEN", "jira-token-1")
        .with("JIRA_BOARD_ID", "7");
    let outcomes = |seeded: &Value| -> Vec<String> {
        let items = seeded["items"].as_array().unwrap().iter();
        items
            .map(|item| item["outcome"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(outcomes(&operator.json(&SEED)), ["created"; 3]);
    assert_eq!(outcomes(&operator.json(&SEED)), ["unchanged"; 3]);
    operator
        .run(&["secret", "show", "jira"])
        .expect_code(0)
        .never_shows("jira-token-1");
    operator.run(&["tenant", "show"]).expect_code(0);

    let trail = operator.json(&["tenant", "audit"]);
    let actor = trail["entries"][0]["actor"].as_str().unwrap();
    assert!(
        actor.starts_with("operator:") && actor != "operator:tester",
        "{actor}"
    );
}

#[test]
fn a_missing_table_is_named_with_where_its_name_comes_from() {
    let Some(operator) = operator("missing", "http://127.0.0.1:9") else {
        return;
    };
    let tables = Tables {
        tenants: "cli-no-such-table".to_owned(),
        conversations: "cli-missing-conversations".to_owned(),
    };
    operator.write(
        "t3nets.toml",
        &toml(&tables, "missing", "http://127.0.0.1:9"),
    );
    for arguments in [&["tenant", "list"][..], &["tenant", "add", "acme"]] {
        operator
            .run(arguments)
            .expect_code(3)
            .says("`cli-no-such-table` (from t3nets.toml)")
            .says("t3nets infra apply -e dev");
    }
}

#[test]
fn a_missing_permission_is_told_from_missing_credentials() {
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: ada is not authorized to perform: dynamodb:Scan"}"#;
    let aws = Scripted::answering(400, denied);
    let finished = operator_at(&aws.url())
        .run(&["tenant", "list"])
        .expect_code(4)
        .says("dynamodb:Scan")
        .says("lack this permission");
    assert!(!finished.stderr.contains("aws sso login"), "{finished:?}");
}

#[test]
fn a_store_that_nobody_answers_for_is_the_network() {
    operator_at(&nobody())
        .run(&["tenant", "list"])
        .expect_code(1)
        .says("AWS cannot be reached");
}

#[test]
fn chat_makes_itself_a_key_keeps_it_and_sends_it_to_no_other_router() {
    let router = ScriptedRouter::answering(200, answer());
    let Some(operator) = operator("chat", &router.server.url()) else {
        return;
    };
    operator.run(&SEED).expect_code(0);
    operator
        .run(&["chat", "hi"])
        .expect_code(0)
        .says("account 000000000000")
        .says("with a temporary key, valid for 15 minutes");
    operator.run(&["chat", "hi"]).expect_code(0);
    let received = router.received();
    let key = received[0].authorization.clone().unwrap();
    assert!(key.starts_with("Bearer t3n_"), "{received:?}");
    assert_eq!(received[1].authorization.as_ref(), Some(&key));
    let keys = operator.json(&["key", "list"]);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{keys}");

    // Another project's environment of the same name has another router.
    let other = ScriptedRouter::answering(200, answer());
    let tables = Tables {
        tenants: "cli-chat-tenants".to_owned(),
        conversations: "cli-chat-conversations".to_owned(),
    };
    operator.write("t3nets.toml", &toml(&tables, "chat", &other.server.url()));
    operator.run(&["chat", "hi"]).expect_code(0);
    assert_ne!(other.received()[0].authorization.as_ref(), Some(&key));
    operator
        .run(&["chat", "--url", &router.server.url(), "hi"])
        .expect_code(0);
    assert_eq!(router.received()[2].authorization, None);
}

#[test]
fn what_is_ready_passes_the_doctor_and_what_is_missing_does_not() {
    let Some(operator) = operator("ready", "http://127.0.0.1:9") else {
        return;
    };
    operator.run(&SEED).expect_code(0);
    let report = operator.run(&["doctor", "--json"]).json();
    let failed: Vec<_> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["status"] == "failed")
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    // Nothing answers at the router's address, and there is nothing to deploy to.
    let missing = ["api", "repository", "cluster", "service", "log_group"];
    assert_eq!(failed, missing, "{report}");
}
