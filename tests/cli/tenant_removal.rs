//! `t3nets tenant remove`: what goes, what is asked first, and what becomes of the id.

use t3nets_router::admin::Admin;
use t3nets_router::model::AuditEntry;

use crate::dev::{Dev, stored};
use crate::operator::Operator;
use crate::sandbox::Sandbox;

#[test]
fn removing_a_tenant_needs_a_yes_and_takes_everything_with_it() {
    let operator = Operator::seeded();
    operator
        .run(&["key", "create", "ada@example.com"])
        .expect_code(0);
    operator.json(&["tenant", "map-channel", "dashboard", "T1"]);
    operator
        .run_with_input(&["secret", "set", "pager", "--stdin"], r#"{"token": "x"}"#)
        .expect_code(0);
    operator
        .run(&["tenant", "remove"])
        .expect_code(2)
        .says("--tenant");
    operator
        .run(&["tenant", "remove", "default"])
        .expect_code(2)
        .says("1 user, 1 key, 1 channel, 1 secret, all conversations")
        .says("users: ada@example.com\n")
        .says("of ada@example.com\n")
        .says("channels: dashboard T1\n")
        .says("secrets: pager\n")
        .says("its id can be used again at once; its secrets are deleted for good")
        .says("`--yes` confirms it");
    assert_eq!(operator.json(&["tenant", "show"])["users"], 1);

    let removed = operator.json(&["tenant", "remove", "default", "--yes"]);
    assert_eq!(removed["keys"], 1);
    operator.run(&["tenant", "show"]).expect_code(1);
    operator
        .run(&["tenant", "remove", "default", "--yes"])
        .expect_code(1)
        .says("does not exist");
    // The channel is free for another tenant, and the trail still tells who did it.
    operator.json(&["tenant", "add", "other"]);
    operator.json(&["tenant", "map-channel", "-t", "other", "dashboard", "T1"]);
    let trail = operator.json(&["tenant", "audit", "-t", "default"]);
    assert_eq!(trail["entries"][0]["action"], "tenant.remove");
    assert_eq!(trail["entries"][0]["actor"], "operator:tester");
}

#[test]
fn a_removed_tenants_id_can_be_used_again_at_once_with_nothing_of_it_left() {
    let sandbox = Sandbox::new();
    let remove = ["tenant", "remove", "default", "--yes"];
    let dev = Dev::start(&sandbox, &[]);
    // This machine keeps a key of the tenant, and the router knows it from its cache.
    let session = ["chat", "hello", "--session", "s"];
    sandbox.run(&session).expect_code(0);
    sandbox.run(&remove).expect_code(0);
    sandbox.run(&["seed"]).expect_code(0);
    let answer = sandbox.run(&["chat", "hello", "--json"]).expect_code(0);
    assert_eq!(answer.json()["route"], "conversational");
    let usage = sandbox.run(&["tenant", "usage", "--json"]).expect_code(0);
    assert_eq!(usage.json()["days"][0]["messages"], 1);
    drop(dev);
    sandbox.run(&remove).expect_code(0);
    let _dev = Dev::start(&sandbox, &[]);
    sandbox.run(&["chat", "hello"]).expect_code(0);
}

#[test]
fn an_id_that_an_earlier_version_keeps_unusable_is_told_and_can_be_freed() {
    let sandbox = Sandbox::new();
    drop(Dev::start(&sandbox, &[]));
    stored(&sandbox, async |platform| {
        let tenant = "default".parse().unwrap();
        let admin = Admin::new(platform.clone(), "operator:earlier");
        let trail = admin.audit_trail(&tenant, 1).await.unwrap();
        let entry = AuditEntry {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            ..trail[0].clone()
        };
        let until = platform.clock.now() + jiff::SignedDuration::from_hours(24);
        platform
            .tenants
            .remove_tenant(&tenant, until, &entry)
            .await
            .unwrap();
    });
    let purge = "`t3nets tenant remove default --purge`";
    for refused in [
        Dev::refused(&sandbox, &[]).expect_code(1),
        sandbox.run(&["seed"]).expect_code(1),
    ] {
        refused.says(purge);
    }
    let report = sandbox.run(&["doctor"]).expect_code(3);
    assert!(report.stdout.contains("was removed"), "{report:?}");
    assert!(report.stdout.contains(purge), "{report:?}");
    let remove = ["tenant", "remove", "default", "--purge"];
    sandbox
        .run(&remove)
        .expect_code(2)
        .says("`--yes` confirms it");
    sandbox
        .run(&[&remove[..], &["--yes"]].concat())
        .expect_code(0);
    sandbox.run(&["seed"]).expect_code(0);
}

#[test]
fn purging_a_tenant_asks_for_its_name() {
    let operator = Operator::seeded();
    let purge = ["tenant", "remove", "default", "--purge"];
    for (typed, is_removed) in [("defualt", false), ("default", true)] {
        let mut terminal = operator.in_terminal(&purge);
        terminal.exp_string("Type `default`").unwrap();
        terminal.send_line(typed).unwrap();
        terminal.exp_eof().unwrap();
        let code = operator.run(&["tenant", "show", "default"]).code;
        assert_eq!(code == Some(1), is_removed, "{typed}");
    }
}

#[test]
fn removing_a_tenant_asks_in_a_terminal() {
    let operator = Operator::seeded();
    let mut terminal = operator.in_terminal(&["tenant", "remove", "default"]);
    terminal.exp_string("Remove tenant `default`?").unwrap();
    terminal.send("n").unwrap();
    terminal.flush().unwrap();
    let shown = terminal.exp_eof().unwrap();
    assert!(shown.contains("not confirmed"), "{shown}");
    assert_eq!(operator.json(&["tenant", "show"])["users"], 1);
}
