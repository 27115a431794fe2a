//! `t3nets backup` and `t3nets restore`.

use std::os::unix::fs::PermissionsExt;

use crate::dev::Dev;
use crate::operator::Operator;
use crate::sandbox::{Sandbox, finish};

const JIRA: &str = r#"{"url": "https://team.atlassian.net", "email": "bot@example.com",
    "api_token": "hunter2", "board_id": "7"}"#;

#[test]
fn a_backup_of_a_running_environment_is_restored() {
    let sandbox = Sandbox::new();
    sandbox.run(&["seed"]).expect_code(0);
    sandbox
        .run_with_input(&["secret", "set", "jira", "--stdin"], JIRA)
        .expect_code(0);
    let dev = Dev::start(&sandbox, &[]);
    let made = sandbox.run(&["backup", "all.backup"]).expect_code(0);
    assert!(made.stdout.contains("1 tenant"), "{made:?}");
    let file = sandbox.work().join("all.backup");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left = std::fs::read_dir(sandbox.work()).unwrap().count();
    assert_eq!(left, 1, "nothing else is left");

    sandbox.run(&["tenant", "add", "later"]).expect_code(0);
    let refused = sandbox
        .run(&["restore", "all.backup", "--yes"])
        .expect_code(3);
    assert!(
        refused.stderr.contains("`t3nets dev` is running"),
        "{refused:?}"
    );
    drop(dev);

    let refused = sandbox.run(&["restore", "all.backup"]).expect_code(2);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let restored = sandbox
        .run(&["restore", "all.backup", "--yes"])
        .expect_code(0);
    assert!(restored.stdout.contains(".before-restore"), "{restored:?}");
    let tenants = sandbox.run(&["tenant", "list"]).expect_code(0);
    assert!(!tenants.stdout.contains("later"), "{tenants:?}");
    let secrets = sandbox.run(&["secret", "show", "jira"]).expect_code(0);
    assert!(secrets.stdout.contains("team.atlassian.net"), "{secrets:?}");

    // On another machine, where there is nothing.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = sandbox.command(&["restore", "all.backup", "--json"]);
    let home = elsewhere.path().join("home");
    let restored = finish(command.env("T3NETS_HOME", &home)).expect_code(0);
    assert_eq!(restored.json()["replaced"], false);
    let mut command = sandbox.command(&["secret", "show", "jira"]);
    finish(command.env("T3NETS_HOME", &home)).expect_code(0);
}

#[test]
fn what_is_there_is_replaced_by_a_backup_alone_and_only_if_asked_for() {
    let operator = Operator::seeded();
    operator.write("taken", "mine");
    operator
        .run(&["backup", "taken"])
        .expect_code(2)
        .says("--force");
    operator
        .run(&["restore", "taken", "--yes"])
        .expect_code(1)
        .says("`taken`");
    operator.run(&["backup", "taken", "--force"]).expect_code(0);
    operator
        .run(&["restore", "missing", "--yes"])
        .expect_code(1)
        .says("`missing`")
        .says("name a file that `t3nets backup` wrote");
    operator.run(&["tenant", "list"]).expect_code(0);
    operator.run(&["backup", "again"]).expect_code(0);
    let journal = operator.home().join("t3nets.db-wal");
    assert!(!journal.exists(), "a backup left a journal");
    let nothing = Sandbox::new().run(&["backup", "none"]).expect_code(1);
    assert!(
        nothing.stderr.contains("has no data to back up"),
        "{nothing:?}"
    );
}
