//! What holds for every prompt: Ctrl-C ends it, and a wrong answer costs nothing that was typed.

use serde_json::json;

use crate::operator::Operator;

const JIRA: &str = r#"{"url": "https://team.atlassian.net", "email": "bot@example.com",
    "api_token": "hunter2", "board_id": "7"}"#;

/// What Ctrl-C is to a terminal.
const CTRL_C: char = 'c';

#[test]
fn ctrl_c_ends_every_prompt_stores_nothing_and_leaves_the_terminal_as_it_was() {
    let operator = Operator::seeded();
    operator
        .run_with_input(&["secret", "set", "jira", "--stdin"], JIRA)
        .expect_code(0);
    operator
        .run_with_input(
            &[
                "tenant",
                "export",
                "--with-secrets",
                "--passphrase-stdin",
                "-o",
                "sealed.age",
            ],
            "correct horse",
        )
        .expect_code(0);
    let stored = || {
        (
            operator.json(&["secret", "list"]),
            operator.json(&["tenant", "list"]),
            operator.json(&["tenant", "users"]),
        )
    };
    let before = stored();
    for (arguments, prompt) in [
        (&["secret", "set", "anthropic"][..], "api_key ("),
        (&["secret", "set", "jira"], "url ("),
        (&["secret", "remove", "jira"], "?"),
        (&["tenant", "add-user"], "email address"),
        (&["tenant", "remove", "default"], "Remove tenant"),
        (
            &["tenant", "export", "--with-secrets", "-o", "tenant.age"],
            "passphrase for the file",
        ),
        (
            &["tenant", "import", "sealed.age"],
            "passphrase of the file",
        ),
        (
            &[
                "seed",
                "--jira-url",
                "https://team.atlassian.net",
                "--jira-email",
                "bot@example.com",
                "--jira-board-id",
                "8",
            ],
            "Jira API token",
        ),
    ] {
        let mut terminal = operator.in_terminal_of_a_shell(arguments);
        terminal.exp_string(prompt).unwrap();
        terminal.send("abc").unwrap();
        terminal.send_control(CTRL_C).unwrap();
        let shown = terminal.exp_eof().unwrap();
        assert!(shown.contains("ended with 130"), "{arguments:?}: {shown}");
        for setting in ["-icanon", "-echo ", "-isig"] {
            assert!(!shown.contains(setting), "{arguments:?}: {shown}");
        }
        assert_eq!(stored(), before, "{arguments:?}");
    }
    assert!(!operator.work().join("tenant.age").exists());
}

#[test]
fn ctrl_c_ends_the_question_for_a_protected_environments_name() {
    let operator = Operator::new();
    operator.write(
        "t3nets.toml",
        "[env.local]\nplatform = \"local\"\nprotected = true\n",
    );
    let mut terminal = operator.in_terminal_of_a_shell(&["tenant", "add", "acme"]);
    terminal.exp_string("Type its name").unwrap();
    terminal.send("local").unwrap();
    terminal.send_control(CTRL_C).unwrap();
    let shown = terminal.exp_eof().unwrap();
    assert!(shown.contains("ended with 130"), "{shown}");
    assert_eq!(operator.json(&["tenant", "list"])["tenants"], json!([]));
}

#[test]
fn a_field_that_is_wrong_is_asked_for_again_where_it_was_asked() {
    let operator = Operator::seeded();
    let shown = operator.answering(
        &["secret", "set", "jira"],
        &[
            ("url (", "http://team.atlassian.net"),
            ("https", "https://team.atlassian.net"),
            ("email (", "bot@example.com"),
            ("api_token (", "hunter2"),
            ("board_id (", "seven"),
            ("must be a whole number", "7"),
            ("project_key (", ""),
        ],
    );
    assert!(shown.contains("secret `jira`: created"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let fields = operator.json(&["secret", "show", "jira"])["fields"].clone();
    assert_eq!(fields["url"], "https://team.atlassian.net");
    assert_eq!(fields["board_id"], "7");
}

#[test]
fn a_users_values_are_checked_where_they_are_asked_for() {
    let operator = Operator::seeded();
    let shown = operator.answering(
        &["tenant", "add-user"],
        &[
            ("email address", "bob"),
            ("must be an e-mail address", "bob@example.com"),
            ("name", "Bob Meyer"),
            ("role", "owner"),
            ("owner", "admin"),
        ],
    );
    assert!(shown.contains("user `bob@example.com`: created"), "{shown}");
    let user = &operator.json(&["tenant", "users"])["users"][1];
    assert_eq!(user["display_name"], "Bob Meyer");
    assert_eq!(user["role"], "admin");
}

#[test]
fn two_passphrases_that_differ_are_asked_for_again() {
    let operator = Operator::seeded();
    let shown = operator.answering(
        &["tenant", "export", "--with-secrets", "-o", "tenant.age"],
        &[
            ("passphrase for the file", "correct horse"),
            ("repeat passphrase", "correct house"),
            ("passphrase for the file", "correct horse"),
            ("repeat passphrase", "correct horse"),
        ],
    );
    assert!(shown.contains("encrypted"), "{shown}");
}

#[test]
fn a_passphrase_is_not_asked_for_a_tenant_that_does_not_exist() {
    let operator = Operator::seeded();
    let mut terminal = operator.in_terminal(&[
        "tenant",
        "export",
        "acme",
        "--with-secrets",
        "-o",
        "tenant.age",
    ]);
    let shown = terminal.exp_eof().unwrap();
    assert!(shown.contains("does not exist"), "{shown}");
    assert!(!shown.contains("passphrase"), "{shown}");
}
