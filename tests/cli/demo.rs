//! `t3nets dev --demo`: the sample board, and real credentials that it leaves alone.

use serde_json::{Value, json};
use t3nets_router::model::{SecretDocument, SecretName};

use crate::dev::{Dev, stored};
use crate::sandbox::Sandbox;

fn jira() -> SecretName {
    SecretName {
        tenant_id: "default".parse().unwrap(),
        integration: "jira".parse().unwrap(),
    }
}

#[test]
fn the_demo_answers_from_its_sample_board() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &["--demo"]);
    let answer = sandbox.run(&["chat", "sprint", "status?"]).expect_code(0);
    assert!(answer.stdout.contains("Sprint"), "{answer:?}");
    assert!(answer.stderr.contains("skill sprint_status"), "{answer:?}");
    let (_, said) = dev.end("TERM");
    assert!(said.contains("sample"), "{said}");
    // The next one has another port for its board.
    let _dev = Dev::start(&sandbox, &["--demo"]);
    sandbox.run(&["chat", "sprint", "status?"]).expect_code(0);
}

#[test]
fn the_demo_never_replaces_real_credentials() {
    let sandbox = Sandbox::new();
    drop(Dev::start(&sandbox, &[]));
    let Value::Object(fields) = json!({"url": "https://real.example", "api_token": "real-token"})
    else {
        unreachable!("it is written as an object")
    };
    let real = SecretDocument::new(fields);
    stored(&sandbox, async |platform| {
        platform.secrets.put(&jira(), &real).await.unwrap();
    });
    let refused = sandbox
        .run(&["dev", "--demo", "--port", "0"])
        .expect_code(3);
    assert!(refused.stderr.contains("T3NETS_HOME"), "{refused:?}");
    assert!(!refused.stderr.contains("real-token"), "{refused:?}");
    let kept = stored(&sandbox, async |platform| {
        platform.secrets.get(&jira()).await.unwrap()
    });
    assert_eq!(kept, Some(real));
}

#[test]
fn a_sample_board_that_does_not_run_is_told_by_doctor() {
    let sandbox = Sandbox::new();
    drop(Dev::start(&sandbox, &["--demo"]));
    let report = sandbox.run(&["doctor", "--json"]).expect_code(0).json();
    assert!(report.to_string().contains("sample board"), "{report}");
}
