//! `t3nets key`.

use serde_json::{Value, json};

use crate::operator::Operator;

#[test]
fn the_key_is_the_result_and_is_shown_this_once() {
    let operator = Operator::seeded();
    let ran = operator
        .run(&[
            "key",
            "create",
            "--user",
            "ada@example.com",
            "--name",
            "laptop",
            "--expires",
            "90d",
        ])
        .expect_code(0);
    let key = ran.stdout.trim();
    assert!(key.starts_with("t3n_") && key.len() == 56, "{ran:?}");
    assert!(!ran.stderr.contains(key), "{ran:?}");

    let listed = operator
        .run(&["key", "list"])
        .expect_code(0)
        .never_shows(key);
    assert!(listed.stdout.contains(&key[..12]), "{listed:?}");
    let keys = operator.json(&["key", "list"]);
    assert_eq!(keys["keys"][0]["name"], "laptop");
    assert_eq!(keys["keys"][0]["state"], "active");
    assert_eq!(keys["keys"][0]["role"], "admin");
    assert_ne!(keys["keys"][0]["expires_at"], Value::Null);
    operator
        .run(&["tenant", "audit"])
        .expect_code(0)
        .never_shows(key);
}

#[test]
fn a_key_cannot_do_more_than_its_user() {
    let operator = Operator::seeded();
    operator.json(&["tenant", "add-user", "--email", "bob@example.com"]);
    operator
        .run(&["key", "create", "bob@example.com", "--role", "admin"])
        .expect_code(1)
        .says("cannot do more than its user");
    let key = operator.json(&["key", "create", "ada@example.com", "--role", "member"]);
    assert_eq!(key["role"], "member");
    operator
        .run(&["key", "create", "nobody"])
        .expect_code(1)
        .says("user `nobody` of tenant `default` does not exist");
}

#[test]
fn budgets_of_one_user_and_one_key_are_set_shown_and_taken_away() {
    let operator = Operator::seeded();
    let ada = "ada@example.com";
    let key = operator.json(&["key", "create", ada, "--budget", "usd_per_month=20"]);
    assert_eq!(key["budgets"], json!({"usd_per_month": 20}));
    let prefix = key["prefix"].as_str().unwrap();
    let set = [
        "tenant",
        "set-user",
        ada,
        "--budget",
        "tokens_per_day=unlimited",
    ];
    assert_eq!(
        operator.json(&set)["changed"],
        json!(["budget tokens_per_day"])
    );
    let users = operator.run(&["tenant", "users"]).expect_code(0).stdout;
    assert!(
        users.contains("BUDGETS") && users.contains("tokens_per_day=unlimited"),
        "{users}"
    );
    let keys = operator.run(&["key", "list"]).expect_code(0).stdout;
    assert!(keys.contains("usd_per_month=20"), "{keys}");

    let away = operator.run(&["key", "set", prefix, "--unset-budget", "usd_per_month"]);
    let away = away.expect_code(0).stdout;
    assert!(away.contains("changed budget usd_per_month"), "{away}");
    let keys = operator.run(&["key", "list"]).expect_code(0).stdout;
    assert!(!keys.contains("BUDGETS"), "{keys}");
    operator
        .run(&["key", "set", prefix])
        .expect_code(2)
        .says("there is nothing to change");
    operator
        .run(&["key", "set", prefix, "--budget", "key_usd_per_day=5"])
        .expect_code(2)
        .says("did you mean `usd_per_day`?");
    let trail = operator.run(&["tenant", "audit"]).expect_code(0).stdout;
    assert!(
        trail.contains("key.set") && trail.contains("budget usd_per_month"),
        "{trail}"
    );
}

#[test]
fn hostile_lifetimes_are_usage_errors() {
    let operator = Operator::seeded();
    for expires in ["0s", "-1d", "soon", "99999y", "11w1000000d", ""] {
        let flag = format!("--expires={expires}");
        operator
            .run(&["key", "create", "ada@example.com", &flag])
            .expect_code(2);
    }
    assert_eq!(operator.json(&["key", "list"]), json!({"keys": []}));
}

#[test]
fn a_key_is_revoked_by_its_beginning_after_a_yes() {
    let operator = Operator::seeded();
    let first = operator.json(&["key", "create", "ada@example.com"]);
    let second = operator.json(&["key", "create", "ada@example.com"]);
    let prefix = first["prefix"].as_str().unwrap();

    operator
        .run(&["key", "revoke", prefix])
        .expect_code(2)
        .says("--yes");
    operator
        .run(&["key", "revoke", "t3n_", "--yes"])
        .expect_code(1)
        .says("several keys");
    let whole = first["key"].as_str().unwrap();
    operator
        .run(&["key", "revoke", whole, "--yes"])
        .expect_code(2)
        .never_shows(whole);
    operator.json(&["key", "revoke", prefix, "--yes"]);
    operator
        .run(&["key", "revoke", prefix, "--yes"])
        .expect_code(1)
        .says("does not exist");
    let hash = second["hash"].as_str().unwrap();
    assert_eq!(
        operator.json(&["key", "revoke", hash, "--yes"])["state"],
        "revoked"
    );
    assert_eq!(operator.json(&["key", "list"]), json!({"keys": []}));
}

#[test]
fn another_tenants_keys_are_out_of_reach() {
    let operator = Operator::seeded();
    let key = operator.json(&["key", "create", "ada@example.com"]);
    operator.json(&["tenant", "add", "other"]);
    let prefix = key["prefix"].as_str().unwrap();
    operator
        .run(&["key", "revoke", "-t", "other", prefix, "--yes"])
        .expect_code(1);
    assert_eq!(
        operator.json(&["key", "list", "-t", "other"]),
        json!({"keys": []})
    );
}

#[test]
fn a_kept_key_is_stored_encrypted_for_chat() {
    let operator = Operator::seeded();
    let ran = operator
        .run(&["key", "create", "ada@example.com", "--save"])
        .expect_code(0)
        .says("`t3nets chat -t default` uses the saved key");
    let key = ran.stdout.trim();
    let stored: Vec<_> = std::fs::read_dir(operator.home())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    assert!(
        stored
            .iter()
            .any(|path| path.to_string_lossy().contains("operator-keys"))
    );
    for path in stored {
        let content = std::fs::read(&path).unwrap();
        let holds_key = content
            .windows(key.len())
            .any(|part| part == key.as_bytes());
        assert!(!holds_key, "{}", path.display());
    }
}

#[test]
fn a_key_that_nobody_saw_is_revoked() {
    let operator = Operator::seeded();
    let mut command = operator.command(&["key", "create", "ada@example.com"]);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = command
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("was revoked"), "{said}");
    assert_eq!(operator.json(&["key", "list"])["keys"], json!([]));
}
