//! `t3nets doctor` on healthy and broken homes.

use std::os::unix::fs::PermissionsExt;

use crate::dev::Dev;
use crate::sandbox::{Finished, Sandbox};

/// The status of a check.
#[track_caller]
fn status(finished: &Finished, name: &str) -> String {
    let report = finished.json();
    let checks = report["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check `{name}`: {report}"));
    if check["status"] != "ok" {
        assert!(check["remedy"].is_string(), "{check}");
    }
    check["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_fresh_machine_is_not_ready_and_stays_untouched() {
    let sandbox = Sandbox::new();
    let finished = sandbox.run(&["doctor", "--json"]).expect_code(3);
    assert_eq!(status(&finished, "home"), "failed");
    assert_eq!(status(&finished, "tenant"), "failed");
    assert!(!sandbox.home().exists());
}

#[test]
fn a_running_environment_is_ready() {
    let sandbox = Sandbox::new();
    let _dev = Dev::start(&sandbox, &[]);
    let finished = sandbox.run(&["doctor", "--json"]).expect_code(0);
    for name in [
        "env",
        "home",
        "database",
        "secrets",
        "tenant",
        "retention",
        "budget_webhook",
        "dev",
    ] {
        assert_eq!(status(&finished, name), "ok", "{name}: {finished:?}");
    }
    for name in ["jira", "model"] {
        assert_eq!(status(&finished, name), "warning", "{name}");
    }
    let text = sandbox.run(&["doctor"]).expect_code(0).stdout;
    assert!(
        text.contains("ok       tenant          `default` is active"),
        "{text}"
    );
}

#[test]
fn every_check_runs_whatever_the_others_find() {
    let sandbox = Sandbox::new();
    drop(Dev::start(&sandbox, &[]));
    // With its journal, which SQLite would repair it from.
    for name in ["t3nets.db", "t3nets.db-wal", "t3nets.db-shm"] {
        std::fs::write(sandbox.home().join(name), "not a database at all").unwrap();
    }
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(sandbox.home(), open).unwrap();
    let finished = sandbox.run(&["doctor", "--json"]).expect_code(3);
    for name in ["home", "database", "tenant"] {
        assert_eq!(status(&finished, name), "failed", "{name}");
    }
    for name in ["secrets", "dev", "port"] {
        assert_ne!(status(&finished, name), "failed", "{name}");
    }
}
