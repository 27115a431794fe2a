//! `t3nets tenant export-user`.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::operator::Operator;

#[test]
fn a_users_export_is_written_whole_to_stdout_or_to_a_file_of_its_owners_alone() {
    let operator = Operator::seeded();
    operator.json(&["tenant", "add-user", "--email", "bob@example.com"]);
    operator
        .run(&["key", "create", "bob@example.com"])
        .expect_code(0);
    let export = ["tenant", "export-user", "bob@example.com"];
    let ran = operator.run(&export).expect_code(0);
    let ran = ran.says("exported 0 conversations, 0 messages, 1 key");
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["format"], "t3nets-user");
    assert_eq!(lines.last().unwrap()["is_complete"], true);
    assert!(!ran.stdout.contains("ada@example.com"), "{}", ran.stdout);

    operator.write("bob.jsonl", "before");
    let exported = operator.json(&[&export[..], &["--output", "bob.jsonl"]].concat());
    assert_eq!(exported["records"]["key"], 1);
    let path = operator.work().join("bob.jsonl");
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let file = std::fs::read_to_string(path).unwrap();
    assert_eq!(file.lines().count(), lines.len() + 1, "one entry more");

    let trail = operator.json(&["tenant", "audit"]);
    assert_eq!(trail["entries"][0]["action"], "user.export");
    operator
        .run(&["tenant", "export-user", "nobody@example.com"])
        .expect_code(1)
        .says("does not exist");
}
