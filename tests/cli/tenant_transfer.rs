//! `t3nets tenant export` and `import`. The value `hunter2` must never be seen in what is not
//! encrypted.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::operator::Operator;

/// An operator whose tenant has two people, one with a preference and a key, a channel and a
/// secret.
fn filled() -> Operator {
    let operator = Operator::seeded();
    operator.json(&["tenant", "add-user", "--email", "bob@example.com"]);
    operator.json(&[
        "tenant",
        "set-user",
        "ada@example.com",
        "--preference",
        "language=German",
    ]);
    operator.json(&["tenant", "map-channel", "dashboard", "T1"]);
    operator
        .run(&["key", "create", "ada@example.com"])
        .expect_code(0);
    operator
        .run_with_input(
            &["secret", "set", "pager", "--stdin"],
            r#"{"token": "hunter2"}"#,
        )
        .expect_code(0);
    operator
}

fn export(operator: &Operator) -> String {
    let ran = operator.run(&["tenant", "export"]).expect_code(0);
    ran.never_shows("hunter2").stdout
}

#[test]
fn a_tenant_goes_through_a_pipe_into_another_home() {
    let operator = filled();
    let ran = operator
        .run(&["tenant", "export", "default"])
        .expect_code(0);
    let ran = ran.says("exported 2 users, 1 channel, 1 key, 1 secret");
    let other = Operator::new();
    let imported = other
        .run_with_input(&["tenant", "import", "-"], &ran.stdout)
        .expect_code(0);
    insta::assert_snapshot!(imported.stdout, @r#"
RECORD   CREATED  UNCHANGED  OVERWRITTEN  FAILED
tenant   1        0          0            0
user     2        0          0            0
memory   1        0          0            0
channel  1        0          0            0
api_key  1        0          0            0
secret   0        0          0            0
secret `pager` is not in the file and has to be set
"#);
    imported.says("`t3nets secret set pager -t default` sets it");
    let trail = other.json(&["tenant", "audit"]);
    assert_eq!(trail["entries"][0]["action"], "tenant.import");
    other
        .run_with_input(&["secret", "set", "pager", "--stdin"], r#"{"token": "x"}"#)
        .expect_code(0);
    assert_eq!(export(&other), export(&operator));
}

#[test]
fn a_file_is_its_owners_alone_and_importing_it_again_changes_nothing() {
    let operator = filled();
    let exported = operator.json(&["tenant", "export", "--output", "tenant.jsonl"]);
    assert_eq!(exported["records"]["user"], 2);
    assert_eq!(exported["encrypted"], false);
    let path = operator.work().join("tenant.jsonl");
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let dry = operator.json(&["tenant", "import", "tenant.jsonl", "--dry-run"]);
    assert_eq!(dry["records"]["user"]["unchanged"], 2);
    let again = operator.json(&["tenant", "import", "tenant.jsonl"]);
    let all: [i64; 3] = ["created", "overwritten", "failed"].map(|what| {
        let records = again["records"].as_object().unwrap().values();
        records.map(|tally| tally[what].as_i64().unwrap()).sum()
    });
    assert_eq!(all, [0, 0, 0]);
}

#[test]
fn what_differs_is_told_and_ends_with_a_code() {
    let operator = filled();
    operator.write("tenant.jsonl", &export(&operator));
    operator.json(&["tenant", "set-user", "bob@example.com", "--name", "Robert"]);
    let ran = operator.run(&["tenant", "import", "tenant.jsonl"]);
    ran.expect_code(1)
        .says("user `bob@example.com` not imported: the stored record differs in display_name");
    let ran = operator.run(&["tenant", "import", "tenant.jsonl", "--json"]);
    let told = ran.expect_code(1).json();
    assert_eq!(told["failed"], 1);
    assert_eq!(told["problems"][0]["kind"], "user");
    assert_eq!(told["problems"][0]["line"], 5);
    operator.json(&["tenant", "import", "tenant.jsonl", "--overwrite"]);
    let users = operator.json(&["tenant", "users"]);
    assert_eq!(users["users"][1]["display_name"], "bob");
}

#[test]
fn a_tenant_is_imported_under_another_id() {
    let operator = filled();
    operator.write("tenant.jsonl", &export(&operator));
    operator
        .run(&["tenant", "import", "tenant.jsonl", "-t", "copy"])
        .expect_code(1)
        .says("channel `dashboard T1` not imported: another tenant has it");
    let users = operator.json(&["tenant", "users", "-t", "copy"]);
    assert_eq!(users["users"].as_array().unwrap().len(), 2);
    operator.json(&["tenant", "remove", "copy", "--yes"]);
    operator
        .run(&["tenant", "import", "tenant.jsonl", "-t", "copy"])
        .expect_code(1)
        .says("channel `dashboard T1` not imported: another tenant has it");
    let users = operator.json(&["tenant", "users", "-t", "copy"]);
    assert_eq!(users["users"].as_array().unwrap().len(), 2);
}

#[test]
fn secrets_are_exported_only_encrypted() {
    let operator = filled().with("PASSPHRASE", "correct horse");
    let with = ["tenant", "export", "--with-secrets"];
    operator.run(&with).expect_code(2).says("--output");
    let to_file = [&with[..], &["--output", "tenant.age"]].concat();
    operator
        .run(&to_file)
        .expect_code(2)
        .says("--passphrase-file");
    assert!(!operator.work().join("tenant.age").exists());
    operator
        .run(&[&to_file[..], &["--passphrase-env", "PASSPHRASE"]].concat())
        .expect_code(0)
        .never_shows("hunter2");
    let sealed = std::fs::read(operator.work().join("tenant.age")).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1\n"));
    assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"));

    let other = Operator::new()
        .with("PASSPHRASE", "correct horse")
        .with("WRONG", "wrong");
    std::fs::write(other.work().join("tenant.age"), &sealed).unwrap();
    let import = ["tenant", "import", "tenant.age", "--passphrase-env"];
    other
        .run(&[&import[..], &["WRONG"]].concat())
        .expect_code(1)
        .says("the passphrase is not the right one");
    other
        .run(&[&import[..], &["PASSPHRASE"]].concat())
        .expect_code(0)
        .never_shows("hunter2");
    let shown = other.json(&["secret", "show", "pager"]);
    assert_eq!(shown["fields"], json!({"token": "(set)"}));

    // One flipped bit is noticed before anything is changed.
    let mut broken = sealed.clone();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let third = Operator::new().with("PASSPHRASE", "correct horse");
    std::fs::write(third.work().join("tenant.age"), &broken).unwrap();
    third
        .run(&[&import[..], &["PASSPHRASE"]].concat())
        .expect_code(1)
        .says("cannot read the file");
    assert_eq!(third.json(&["tenant", "list"]), json!({"tenants": []}));
}

#[test]
fn an_encrypted_file_that_asks_for_too_much_is_refused_at_once() {
    let operator = Operator::new().with("PASSPHRASE", "correct horse");
    let salt = "bBjlhJVYZeE4aqUdmtRHfw";
    let body = "ZV/AhotwSGqaPCU43cepl4WYUouAa17a3xpu4G2yi5k";
    let mac = "--- fgMiVLJHMlg9fW7CVG/hPS5EAU4Zeg19LyCP7SoH5nA";
    let key = format!("-> X25519 CJM36AHmTbdHSuOQL+NESqyVQE75f2e610iRdLPEN20\n{body}\n");
    for (header, reason) in [
        (
            format!("-> scrypt {salt} 22\n{body}\n{mac}\n"),
            "needs a work factor of 22",
        ),
        (
            format!("{}{mac}\n", key.repeat(8_000)),
            "encrypted to more than 256 keys",
        ),
        (
            format!("-> X25519 {}", "A".repeat(20 << 20)),
            "header is longer than 64 KiB",
        ),
    ] {
        let file = format!("age-encryption.org/v1\n{header}0123456789abcdef");
        operator.write("tenant.age", &file);
        // Neither a passphrase is read nor a key: nothing would come of them.
        for given in [
            &["--passphrase-env", "PASSPHRASE"][..],
            &["--identity", "absent"],
        ] {
            let import = [&["tenant", "import", "tenant.age"][..], given].concat();
            operator.run(&import).expect_code(1).says(reason);
        }
    }
}

#[test]
fn an_export_can_be_encrypted_to_someones_key() {
    let operator = filled();
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    operator.json(&[
        "tenant",
        "export",
        "--with-secrets",
        "-o",
        "tenant.age",
        "--recipient",
        &recipient,
    ]);
    let other = Operator::new();
    let sealed = std::fs::read(operator.work().join("tenant.age")).unwrap();
    std::fs::write(other.work().join("tenant.age"), sealed).unwrap();
    other
        .run(&["tenant", "import", "tenant.age"])
        .expect_code(2)
        .says("--identity");
    for (name, identity) in [
        ("wrong", &age::x25519::Identity::generate()),
        ("right", &identity),
    ] {
        use age::secrecy::ExposeSecret;
        other.write(
            name,
            &format!("# key\n{}\n", identity.to_string().expose_secret()),
        );
    }
    let import = ["tenant", "import", "tenant.age", "--identity"];
    other
        .run(&[&import[..], &["wrong"]].concat())
        .expect_code(1)
        .says("none of the keys");
    other.json(&[&import[..], &["right"]].concat());
    operator
        .run(&[
            "tenant",
            "export",
            "--with-secrets",
            "-o",
            "x",
            "--recipient",
            "hunter2",
        ])
        .expect_code(2)
        .says("public half");
}

#[test]
fn a_passphrase_is_asked_for_and_not_shown() {
    let operator = filled();
    let mut terminal =
        operator.in_terminal(&["tenant", "export", "--with-secrets", "-o", "tenant.age"]);
    for prompt in ["passphrase for the file", "repeat passphrase"] {
        terminal.exp_string(prompt).unwrap();
        terminal.send_line("correct horse").unwrap();
    }
    let shown = terminal.exp_eof().unwrap();
    assert!(shown.contains("encrypted"), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
    let mut terminal = operator.in_terminal(&["tenant", "import", "tenant.age"]);
    terminal.exp_string("passphrase of the file").unwrap();
    terminal.send_line("correct horse").unwrap();
    let shown = terminal.exp_eof().unwrap();
    assert!(shown.contains("UNCHANGED"), "{shown}");
}

#[test]
fn a_file_that_is_wrong_changes_nothing() {
    let operator = Operator::new();
    let file = export(&filled());
    let half = &file[..file.len() / 2];
    operator
        .run_with_input(&["tenant", "import", "-"], half)
        .expect_code(1)
        .says("is cut off")
        .says("nothing was changed");
    operator
        .run_with_input(&["tenant", "import", "-"], "TENANT,USER\n")
        .expect_code(1)
        .says("line 1");
    operator
        .run(&["tenant", "import", "nowhere.jsonl"])
        .expect_code(2)
        .says("cannot open `nowhere.jsonl`");
    assert_eq!(operator.json(&["tenant", "list"]), json!({"tenants": []}));
}

#[test]
fn an_export_that_fails_leaves_the_file_before_it() {
    let operator = filled();
    operator.write("tenant.jsonl", "precious");
    operator
        .run(&["tenant", "export", "never", "--output", "tenant.jsonl"])
        .expect_code(1)
        .says("does not exist");
    let kept = std::fs::read_to_string(operator.work().join("tenant.jsonl")).unwrap();
    assert_eq!(kept, "precious");
    let files = std::fs::read_dir(operator.work()).unwrap().count();
    assert_eq!(files, 1, "something was left behind");
    operator
        .run(&["tenant", "export", "--output", "/dev/null"])
        .expect_code(2)
        .says("is not a regular file");
}
