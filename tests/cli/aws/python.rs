//! An environment that the Python program wrote: what it stored is shown as far as it can be read,
//! and can be removed.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use support::aws::{AwsServer, Tables};

use super::operator_without_credentials;
use crate::operator::Operator;

/// Tables of the test's own, with what is stored in them.
struct Environment {
    operator: Operator,
    tables: Tables,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Environment {
    fn new(name: &str) -> Option<Self> {
        let aws = AwsServer::shared_ministack()?;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (client, tables) = runtime.block_on(async {
            let client = Client::new(&aws.sdk_config().await);
            let tables = Tables::create(&client, &format!("cli-python-{name}")).await;
            (client, tables)
        });
        let mut operator = operator_without_credentials();
        for (name, value) in aws.variables() {
            operator = operator.with(name, &value);
        }
        let toml = format!(
            "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\nurl = \"http://127.0.0.1:9\"\n\
             tenants_table = \"{}\"\nconversations_table = \"{}\"\nsecrets_prefix = \"/cli-python/{name}/tenants\"\n",
            tables.tenants, tables.conversations,
        );
        operator.write("t3nets.toml", &toml);
        Some(Self {
            operator,
            tables,
            client,
            runtime,
        })
    }

    /// Stores an item of texts.
    fn put(&self, table: &str, entries: &[(&str, &str)]) {
        let text = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), AttributeValue::S((*value).to_owned()))
        };
        let item: HashMap<String, AttributeValue> = entries.iter().map(text).collect();
        let put = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item));
        self.runtime.block_on(put.send()).unwrap();
    }

    /// Stores a tenant as seed.sh does, with other attributes in place of its own.
    fn tenant(&self, id: &str, others: &[(&str, &str)]) {
        let pk = format!("TENANT#{id}");
        let mut entries = vec![
            ("pk", pk.as_str()),
            ("sk", "META"),
            ("tenant_id", id),
            ("name", id),
            ("created_at", "2026-01-15T09:30:00"),
            ("settings", "{}"),
        ];
        entries.extend(others);
        self.put(&self.tables.tenants, &entries);
    }

    fn keys(&self, table: &str) -> Vec<String> {
        let scan = self.client.scan().table_name(table).send();
        let found = self.runtime.block_on(scan).unwrap();
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        let mut keys: Vec<String> = found
            .items()
            .iter()
            .map(|item| format!("{} {}", text(&item["pk"]), text(&item["sk"])))
            .collect();
        keys.sort();
        keys
    }
}

#[test]
fn what_cannot_be_read_hides_nothing_and_is_named_by_its_key() {
    let Some(environment) = Environment::new("unreadable") else {
        return;
    };
    let operator = &environment.operator;
    environment.tenant("fine", &[("status", "active")]);
    environment.tenant("without", &[]);
    environment.tenant("gone", &[("status", "deleted")]);
    environment.tenant("odd", &[("status", "archived")]);
    environment.tenant("broken", &[("status", "active"), ("settings", "{'a': 1}")]);
    for (id, role) in [("ada", "admin"), ("eve", "owner")] {
        let sk = format!("USER#{id}");
        let user = [
            ("pk", "TENANT#fine"),
            ("sk", &sk),
            ("user_id", id),
            ("role", role),
        ];
        environment.put(&environment.tables.tenants, &user);
    }

    let listed = operator
        .run(&["tenant", "list"])
        .expect_code(1)
        .says("`TENANT#odd META` cannot be read: attribute `status`")
        .says("`TENANT#broken META` cannot be read: attribute `settings`");
    for line in [
        "fine     fine     active",
        "gone     gone     removed",
        "without  without  active",
    ] {
        assert!(listed.stdout.contains(line), "{}", listed.stdout);
    }
    let users = operator
        .run(&["tenant", "users", "-t", "fine"])
        .expect_code(1)
        .says("`TENANT#fine USER#eve` cannot be read: attribute `role`");
    assert!(users.stdout.contains("ada"), "{}", users.stdout);
    for arguments in [["tenant", "show", "odd"], ["tenant", "resume", "odd"]] {
        operator
            .run(&arguments)
            .expect_code(1)
            .says("`TENANT#odd META`");
    }
    operator.run(&["tenant", "resume", "gone"]).expect_code(0);
    operator.run(&["tenant", "show", "without"]).expect_code(0);

    for id in ["odd", "broken", "gone", "without", "fine"] {
        operator
            .run(&["tenant", "remove", id, "--yes"])
            .expect_code(0);
    }
    let left = operator.run(&["tenant", "list"]).expect_code(0);
    assert!(left.stdout.contains("no tenants"), "{}", left.stdout);
}

#[test]
fn nothing_of_what_it_stored_stays_of_a_tenant_that_is_removed() {
    let Some(environment) = Environment::new("removal") else {
        return;
    };
    let tables = &environment.tables;
    for id in ["acme", "globex"] {
        environment.tenant(id, &[("status", "active")]);
        let partition = format!("TENANT#{id}");
        let rule_engine = [("pk", &*partition), ("sk", "RULE_ENGINE"), ("rules", "[]")];
        environment.put(&tables.tenants, &rule_engine);
        let invite = format!("INVITE#{id}-code");
        let invite = [("pk", &*invite), ("sk", "META"), ("tenant_id", id)];
        environment.put(&tables.tenants, &invite);
        for session in ["dashboard-default", "teams-19:a@thread.tacv2", "tg-7"] {
            let conversation = [("pk", id), ("sk", session), ("messages", "[]")];
            environment.put(&tables.conversations, &conversation);
        }
    }
    let operator = &environment.operator;
    operator
        .run(&["tenant", "remove", "acme", "--yes"])
        .expect_code(0);
    let left = environment.keys(&tables.tenants);
    let of_acme: Vec<_> = left
        .iter()
        .filter(|key| key.contains("acme"))
        .filter(|key| !key.contains(" AUDIT#") && !key.ends_with(" REMOVED"))
        .collect();
    assert!(of_acme.is_empty(), "{of_acme:?}");
    assert!(
        left.contains(&"INVITE#globex-code META".to_owned()),
        "{left:?}"
    );
    assert!(
        left.contains(&"TENANT#globex RULE_ENGINE".to_owned()),
        "{left:?}"
    );
    let conversations = environment.keys(&tables.conversations);
    let expected = [
        "globex dashboard-default",
        "globex teams-19:a@thread.tacv2",
        "globex tg-7",
    ];
    assert_eq!(conversations, expected);
}

#[test]
fn what_it_stored_of_a_user_goes_along_where_a_tenant_is_moved() {
    let Some(environment) = Environment::new("moved") else {
        return;
    };
    let operator = &environment.operator;
    environment.tenant("fine", &[("status", "active")]);
    let user = [
        ("pk", "TENANT#fine"),
        ("sk", "USER#ada"),
        ("user_id", "ada"),
        ("email", "ada@example.com"),
        ("display_name", "Ada"),
        ("role", "admin"),
        ("cognito_sub", "1-2-3"),
        ("last_login", "2026-01-15T09:30:00"),
    ];
    environment.put(&environment.tables.tenants, &user);

    let export = |environment: &str| {
        let ran = operator.run(&["tenant", "export", "fine", "-e", environment]);
        ran.expect_code(0).stdout.clone()
    };
    let file = export("dev");
    assert!(file.contains(r#""cognito_sub":{"S":"1-2-3"}"#), "{file}");
    operator.write("fine.jsonl", &file);
    operator
        .run(&["tenant", "import", "fine.jsonl", "-e", "local"])
        .expect_code(0);
    assert_eq!(export("local"), file);
    operator
        .run(&["tenant", "import", "fine.jsonl", "-e", "dev", "-t", "copy"])
        .expect_code(0);
    let copy = operator.run(&["tenant", "export", "copy", "-e", "dev"]);
    let copy = copy.expect_code(0).stdout.clone();
    assert_eq!(
        copy,
        file.replace(r#""fine""#, r#""copy""#)
            .replace(r#""name":"copy""#, r#""name":"fine""#)
    );
}
