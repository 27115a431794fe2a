//! Files and folders that somebody else made, or that are none. Told apart by their owner, so that
//! the tests need to be root.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use support::missing;

use crate::operator::Operator;
use crate::sandbox::finish;

/// Another user's id.
const STRANGER: u32 = 4711;

/// Gives a file away; `false` where that is not permitted.
fn give_away(path: &Path) -> bool {
    match chown(path, Some(STRANGER), None) {
        Ok(()) => true,
        Err(_) => {
            missing("root, to give a file away");
            false
        }
    }
}

const PROJECT: &str = "default_env = \"there\"\n\n[env.there]\nplatform = \"aws\"\n\
    region = \"us-east-1\"\nurl = \"https://router.invalid\"\n";

#[test]
fn a_strangers_t3nets_toml_is_not_followed() {
    let operator = Operator::new().with("T3NETS_API_KEY", "t3n_key");
    operator.write("t3nets.toml", PROJECT);
    let path = operator.work().join("t3nets.toml");
    operator.run(&["env", "list"]).expect_code(0);
    if !give_away(&path) {
        return;
    }
    let below = operator.work().join("below");
    std::fs::create_dir(&below).unwrap();
    for folder in [operator.work(), below.clone()] {
        let mut command = operator.command(&["chat", "hello"]);
        finish(command.current_dir(folder))
            .expect_code(3)
            .says("belongs to another user")
            .says("T3NETS_SAFE_DIRECTORY=");
    }
    let mut command = operator.command(&["env", "list"]);
    command.env("T3NETS_SAFE_DIRECTORY", operator.work());
    finish(command.current_dir(below)).expect_code(0);
}

#[test]
fn a_strangers_terraform_is_not_followed() {
    let operator = Operator::new();
    operator.write("infra/aws/variables.tf", "");
    operator.write("infra/aws/environments/dev.tfvars", "");
    operator.run(&["env", "list"]).expect_code(0);
    if give_away(&operator.work().join("infra/aws")) {
        operator
            .run(&["env", "list"])
            .expect_code(3)
            .says("belongs to another user");
    }
}

#[test]
fn a_home_that_others_made_or_may_write_to_is_refused() {
    let operator = Operator::new();
    let home = operator.home();
    std::fs::create_dir_all(&home).unwrap();
    let elsewhere = operator.work().join("elsewhere.key");
    symlink(&elsewhere, home.join("secrets.key")).unwrap();
    for mode in [0o777, 0o770, 0o1777] {
        std::fs::set_permissions(&home, PermissionsExt::from_mode(mode)).unwrap();
        operator
            .run(&["seed"])
            .expect_code(4)
            .says("others may write to the folder")
            .says("chmod 700");
    }
    std::fs::set_permissions(&home, PermissionsExt::from_mode(0o700)).unwrap();
    if give_away(&home) {
        operator
            .run(&["seed"])
            .expect_code(4)
            .says("belongs to another user");
    }
    assert!(!elsewhere.exists());
    assert!(!home.join("t3nets.db").exists());
}

#[test]
fn a_pipe_is_no_file_and_a_file_without_an_end_is_not_read_to_it() {
    let operator = Operator::new();
    let pipe = operator.work().join("t3nets.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    operator
        .run(&["env", "list"])
        .expect_code(3)
        .says("named pipe");
    std::fs::remove_file(&pipe).unwrap();
    symlink("/dev/zero", &pipe).unwrap();
    operator
        .run(&["env", "list"])
        .expect_code(3)
        .says("larger than");
}

#[test]
fn a_pipe_that_is_named_is_no_file() {
    let operator = Operator::seeded();
    let made = std::process::Command::new("mkfifo")
        .arg(operator.work().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    for arguments in [
        &["seed", "--file", "pipe"][..],
        &["seed", "--env-file", "pipe"],
        &["tenant", "import", "pipe"],
        &["secret", "set", "jira", "--from-file", "pipe"],
    ] {
        let ran = operator.run(arguments).says("named pipe");
        assert_ne!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_full_disk_is_said_with_the_remedy() {
    let operator = Operator::seeded();
    // What is written to it meets a disk without room.
    symlink("/dev/full", operator.home().join("room.probe")).unwrap();
    let ran = operator.run(&["doctor"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("No space left"), "{ran:?}");
    assert!(ran.stdout.contains("free space"), "{ran:?}");
}

#[test]
fn all_is_in_the_database_after_a_command() {
    let operator = Operator::seeded();
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(
        operator.home().join("t3nets.db"),
        copy.path().join("t3nets.db"),
    )
    .unwrap();
    std::fs::set_permissions(copy.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let mut command = operator.command(&["tenant", "list"]);
    let listed = finish(command.env("T3NETS_HOME", copy.path())).expect_code(0);
    assert!(listed.stdout.contains("default"), "{listed:?}");
}
