//! `t3nets dev --demo`: the sample board, its tenant, and real credentials that it leaves alone.

use serde_json::{Value, json};
use t3nets_router::model::{SecretDocument, SecretName};

use crate::dev::{Dev, stored};
use crate::sandbox::{Finished, Sandbox, finish};

fn jira(tenant: &str) -> SecretName {
    SecretName {
        tenant_id: tenant.parse().unwrap(),
        integration: "jira".parse().unwrap(),
        user_id: None,
    }
}

fn document(fields: Value) -> SecretDocument {
    SecretDocument::new(fields.as_object().unwrap().clone())
}

/// The credentials that are stored for a tenant.
fn credentials(sandbox: &Sandbox, tenant: &str) -> Option<SecretDocument> {
    stored(sandbox, async |platform| {
        platform.secrets.get(&jira(tenant)).await.unwrap()
    })
}

fn put(sandbox: &Sandbox, tenant: &str, fields: Value) {
    stored(sandbox, async |platform| {
        let (name, document) = (jira(tenant), document(fields));
        platform.secrets.put(&name, &document).await.unwrap();
    });
}

/// `seed` with the variables that the README names.
fn seed_real_jira(sandbox: &Sandbox, tenant: &str) -> Finished {
    let mut seed = sandbox.command(&["seed", "-t", tenant]);
    seed.env("JIRA_URL", "http://127.0.0.1:9")
        .env("JIRA_EMAIL", "bot@real.example")
        .env("JIRA_API_TOKEN", "real-token")
        .env("JIRA_BOARD_ID", "7");
    finish(&mut seed).expect_code(0)
}

#[test]
fn the_demo_answers_from_its_sample_board() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &["--demo"]);
    let answer = sandbox.run(&["chat", "sprint", "status?"]).expect_code(0);
    assert!(answer.stdout.contains("Sprint"), "{answer:?}");
    let (_, said) = dev.end("TERM");
    assert!(said.contains("sample"), "{said}");
    // The next one has another port for its board.
    let _dev = Dev::start(&sandbox, &["--demo"]);
    sandbox.run(&["chat", "sprint", "status?"]).expect_code(0);
}

#[test]
fn the_demo_understands_whom_it_is_told_by_which_sprint_and_what_not_to_do() {
    let sandbox = Sandbox::new();
    let _dev = Dev::start(&sandbox, &["--demo"]);
    let report = "Sprint 24 (sample data): 5 days left of 14";
    let closest = "The closest question that I can answer is:\n- \"how is the sprint going?\"";
    for (message, said) in [
        ("@t3nets how is sprint 24 going?", report),
        ("<@U123> sprint 24", report),
        (
            "hey t3nets: help",
            "I answer questions from your team's own tools.",
        ),
        (
            "how is sprint 99 going?",
            "has no sprint `99`. Its only one is Sprint 24 (sample data).",
        ),
        (
            "don't show me the sprint status",
            "Without an AI model I can answer these:",
        ),
        ("sprnt status?", report),
        ("why did the sprint status change?", closest),
        (
            "which releases are planned?",
            "Next: 2.5 (sample data), due on",
        ),
        (
            "what's in the next release?",
            "55% done. 5 of 9 issues done",
        ),
        ("release notes for 2.4", "2.4 (sample data): released on"),
    ] {
        let answer = sandbox.run(&["chat", message]).expect_code(0);
        assert!(answer.stdout.contains(said), "{message}: {answer:?}");
    }
}

#[test]
fn the_demo_has_a_tenant_of_its_own_which_commands_find_while_it_is_the_only_one() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &["--demo"]);
    assert_eq!(dev.started["anonymous_tenant"], "demo");
    let shown = sandbox.run(&["tenant", "show", "--json"]).expect_code(0);
    assert_eq!(shown.json()["tenant_id"], "demo");
    assert!(shown.stderr.contains("tenant: demo"), "{shown:?}");
    sandbox.run(&["seed"]).expect_code(0);
    let shown = sandbox.run(&["tenant", "show", "--json"]).expect_code(0);
    assert_eq!(shown.json()["tenant_id"], "default");
    let answer = sandbox.run(&["chat", "-t", "demo", "sprint", "status?"]);
    assert!(answer.expect_code(0).stdout.contains("Sprint"));
}

#[test]
fn real_credentials_that_came_after_the_demo_survive_the_next_demo() {
    for tenant in ["default", "demo"] {
        let sandbox = Sandbox::new();
        drop(Dev::start(&sandbox, &["--demo"]));
        seed_real_jira(&sandbox, tenant);
        let real = credentials(&sandbox, tenant).unwrap();
        assert_eq!(real.text("api_token").as_deref(), Some("real-token"));
        if tenant == "demo" {
            let refused = Dev::refused(&sandbox, &["--demo"]).expect_code(3);
            assert!(refused.stderr.contains("T3NETS_HOME"), "{refused:?}");
            assert!(!refused.stderr.contains("real-token"), "{refused:?}");
        } else {
            drop(Dev::start(&sandbox, &["--demo"]));
        }
        assert_eq!(credentials(&sandbox, tenant), Some(real), "{tenant}");
    }
}

#[test]
fn any_change_of_the_samples_credentials_makes_them_somebody_elses() {
    for field in ["url=https://real.example", "email=bot@real.example"] {
        let sandbox = Sandbox::new();
        drop(Dev::start(&sandbox, &["--demo"]));
        sandbox
            .run(&["secret", "set", "jira", "-t", "demo", "--field", field])
            .expect_code(0);
        let changed = credentials(&sandbox, "demo");
        Dev::refused(&sandbox, &["--demo"]).expect_code(3);
        assert_eq!(credentials(&sandbox, "demo"), changed);
    }
}

#[test]
fn removed_credentials_can_still_be_restored_after_a_demo() {
    let sandbox = Sandbox::new();
    seed_real_jira(&sandbox, "demo");
    sandbox
        .run(&["secret", "remove", "jira", "-t", "demo", "--yes"])
        .expect_code(0);
    Dev::refused(&sandbox, &["--demo"]).expect_code(3);
    sandbox
        .run(&["secret", "restore", "jira", "-t", "demo"])
        .expect_code(0);
    let restored = credentials(&sandbox, "demo").unwrap();
    assert_eq!(restored.text("api_token").as_deref(), Some("real-token"));
}

/// What an earlier version stored: the sample's credentials in `default`, marked among the fields.
fn demo_of_an_earlier_version(sandbox: &Sandbox) -> Value {
    drop(Dev::start(sandbox, &[]));
    json!({
        "url": "http://127.0.0.1:4711", "email": "demo@example.com",
        "api_token": "sample_x", "board_id": "1", "sample": true,
    })
}

#[test]
fn a_demo_of_an_earlier_version_goes_on_where_it_was() {
    let sandbox = Sandbox::new();
    put(&sandbox, "default", demo_of_an_earlier_version(&sandbox));
    let report = sandbox.run(&["doctor", "--json"]).expect_code(0).json();
    assert!(report.to_string().contains("sample board"), "{report}");
    let _dev = Dev::start(&sandbox, &["--demo"]);
    let answer = sandbox.run(&["chat", "sprint", "status?"]).expect_code(0);
    assert!(answer.stdout.contains("sample data"), "{answer:?}");
}

#[test]
fn credentials_that_were_merged_over_an_earlier_versions_mark_are_real() {
    let sandbox = Sandbox::new();
    put(&sandbox, "default", demo_of_an_earlier_version(&sandbox));
    seed_real_jira(&sandbox, "default");
    let real = credentials(&sandbox, "default");
    drop(Dev::start(&sandbox, &["--demo"]));
    assert_eq!(credentials(&sandbox, "default"), real);
    let report = sandbox.run(&["doctor", "--json"]).expect_code(3).json();
    assert!(!report.to_string().contains("sample board"), "{report}");
}

#[test]
fn a_sample_board_that_does_not_run_is_told_by_doctor() {
    let sandbox = Sandbox::new();
    drop(Dev::start(&sandbox, &["--demo"]));
    let report = sandbox.run(&["doctor", "--json"]).expect_code(0).json();
    assert!(report.to_string().contains("sample board"), "{report}");
    // Nor does a `dev` without the demo serve it.
    let _dev = Dev::start(&sandbox, &[]);
    let report = sandbox.run(&["doctor", "--json", "-t", "demo"]);
    let report = report.expect_code(0).json();
    assert!(report.to_string().contains("sample board"), "{report}");
}
