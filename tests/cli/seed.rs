//! `t3nets seed`.

use serde_json::{Value, json};

use crate::operator::Operator;

const DOT_ENV: &str = "\
JIRA_URL=https://team.atlassian.net
JIRA_EMAIL=bot@example.com
JIRA_API_TOKEN=hunter2
JIRA_BOARD_ID=7
ADMIN_EMAIL=ada@example.com
";

/// Each item's kind with its outcome.
fn outcomes(result: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = result["items"].as_array().unwrap().iter();
    items
        .map(|item| (text(&item["item"]), text(&item["outcome"])))
        .collect()
}

fn all(outcome: &str) -> Vec<(String, String)> {
    ["tenant", "user", "secret"]
        .map(|item| (item.to_owned(), outcome.to_owned()))
        .to_vec()
}

#[test]
fn seeding_twice_creates_then_changes_nothing() {
    let operator = Operator::new();
    operator.write(".env", DOT_ENV);
    let first = operator.json(&["seed", "--tenant", "default"]);
    assert_eq!(outcomes(&first), all("created"));
    let second = operator.json(&["seed", "--tenant", "default"]);
    assert_eq!(outcomes(&second), all("unchanged"));
}

#[test]
fn the_table_says_what_became_of_each_item() {
    let operator = Operator::new();
    let ran = operator
        .run(&["seed", "--tenant", "default"])
        .expect_code(0);
    insta::assert_snapshot!(ran.stdout, @r#"
TENANT   ITEM    NAME               OUTCOME
default  tenant  default            created
default  user    admin@example.com  created  an example; `--admin-email` or ADMIN_EMAIL names another
default  secret  jira               skipped  none of JIRA_URL, JIRA_EMAIL, JIRA_API_TOKEN, JIRA_BOARD_ID is given
"#);
    let ran = operator
        .run(&["seed", "--tenant", "default"])
        .expect_code(0);
    insta::assert_snapshot!(ran.stdout, @r#"
TENANT   ITEM    NAME               OUTCOME
default  tenant  default            unchanged
default  user    admin@example.com  unchanged
default  secret  jira               skipped    none of JIRA_URL, JIRA_EMAIL, JIRA_API_TOKEN, JIRA_BOARD_ID is given
"#);
}

#[test]
fn what_changes_is_named_by_field() {
    let operator = Operator::new();
    operator.write(".env", DOT_ENV);
    operator.json(&["seed"]);
    operator.write(".env", &DOT_ENV.replace("hunter2", "swordfish"));
    let changed = operator.json(&[
        "seed",
        "--name",
        "Team",
        "--admin-email",
        "ada@example.com",
        "--admin-name",
        "Ada",
        "--jira-board-id",
        "9",
    ]);
    assert_eq!(outcomes(&changed), all("changed"));
    assert_eq!(changed["items"][0]["fields"], json!(["name"]));
    assert_eq!(changed["items"][1]["fields"], json!(["display_name"]));
    assert_eq!(
        changed["items"][2]["fields"],
        json!(["api_token", "board_id"])
    );
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let operator = Operator::new()
        .with("JIRA_EMAIL", "process@example.com")
        .with("JIRA_BOARD_ID", "8");
    operator.write(".env", DOT_ENV);
    operator.json(&["seed", "--jira-board-id", "9"]);
    let secret = operator.json(&["secret", "show", "jira"]);
    assert_eq!(
        secret["fields"],
        json!({
            "url": "https://team.atlassian.net",
            "email": "process@example.com",
            "board_id": "9",
            "api_token": "(set)"
        })
    );
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let operator = Operator::new();
    operator.write("values.env", DOT_ENV);
    let arguments = ["seed", "--env-file", "values.env", "--dry-run"];
    let planned = operator.json(&arguments);
    assert_eq!(outcomes(&planned), all("created"));
    assert_eq!(planned["dry_run"], json!(true));
    assert_eq!(operator.json(&arguments), planned);
    assert_eq!(operator.json(&["tenant", "list"]), json!({"tenants": []}));
}

#[test]
fn without_jira_values_that_part_is_skipped_and_said_so() {
    let operator = Operator::new();
    let result = operator.json(&["seed", "--admin-email", "ada@example.com"]);
    let jira = &result["items"][2];
    assert_eq!(jira["outcome"], "skipped");
    assert!(
        jira["note"].as_str().unwrap().contains("JIRA_URL"),
        "{jira}"
    );
    assert_eq!(operator.json(&["secret", "list"]), json!({"secrets": []}));
}

#[test]
fn jira_given_in_part_is_a_usage_error_that_names_the_rest() {
    let operator = Operator::new().with("JIRA_API_TOKEN", "hunter2");
    operator
        .run(&["seed", "--jira-url", "https://team.atlassian.net"])
        .expect_code(2)
        .says("`--jira-email` or JIRA_EMAIL, `--jira-board-id` or JIRA_BOARD_ID")
        .never_shows("hunter2");
    assert_eq!(operator.json(&["tenant", "list"]), json!({"tenants": []}));
}

#[test]
fn the_token_can_come_from_stdin_and_is_never_shown() {
    let operator = Operator::new();
    let arguments = [
        "seed",
        "--verbose",
        "--jira-email",
        "bot@example.com",
        "--jira-url",
        "https://team.atlassian.net",
        "--jira-board-id",
        "7",
        "--jira-api-token-file",
        "-",
    ];
    operator
        .run_with_input(&arguments, "hunter2\n")
        .expect_code(0)
        .never_shows("hunter2");
    for arguments in [
        &["secret", "show", "jira"][..],
        &["secret", "list", "--json"],
        &["tenant", "audit"],
    ] {
        operator
            .run(arguments)
            .expect_code(0)
            .never_shows("hunter2");
    }
}

#[test]
fn the_token_is_asked_for_in_a_terminal_and_not_shown() {
    let operator = Operator::new();
    let mut terminal = operator.in_terminal(&[
        "seed",
        "--jira-url",
        "https://team.atlassian.net",
        "--jira-email",
        "bot@example.com",
        "--jira-board-id",
        "7",
    ]);
    terminal.exp_string("Jira API token").unwrap();
    terminal.send_line("hunter2").unwrap();
    let shown = terminal.exp_eof().unwrap();
    assert!(shown.contains("created"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let secret = operator.json(&["secret", "show", "jira"]);
    assert_eq!(secret["fields"]["api_token"], "(set)");
}

#[test]
fn an_administrators_name_needs_an_address() {
    Operator::new()
        .run(&["seed", "--admin-name", "Ada"])
        .expect_code(2)
        .says("`--admin-email`");
}

#[test]
fn no_example_administrator_is_made_beside_a_real_one() {
    let operator = Operator::seeded();
    let again = operator.json(&["seed"]);
    let items: Vec<_> = outcomes(&again).into_iter().map(|(item, _)| item).collect();
    assert_eq!(items, ["tenant", "secret"]);
}

#[test]
fn without_an_administrators_address_it_is_the_jira_accounts_and_said_so() {
    let operator = Operator::new();
    let without = DOT_ENV.replace("ADMIN_EMAIL=ada@example.com\n", "");
    operator.write(".env", &without);
    let first = operator.json(&["seed", "-t", "fresh"]);
    let user = &first["items"][1];
    assert_eq!(user["name"], "bot@example.com");
    assert_eq!(user["outcome"], "created");
    let note = user["note"].as_str().unwrap();
    assert!(note.contains("the Jira account"), "{note}");
    let users = operator.json(&["tenant", "users", "-t", "fresh"]);
    assert_eq!(users["users"][0]["role"], "admin");
    // Once there is one, the Jira account can be another without becoming one.
    operator.write(".env", &without.replace("bot@", "new-bot@"));
    operator.json(&["seed", "-t", "fresh"]);
    let users = operator.json(&["tenant", "users", "-t", "fresh"]);
    assert_eq!(users["users"].as_array().unwrap().len(), 1, "{users}");
}

#[test]
fn who_has_the_address_under_another_id_is_found_and_named() {
    let operator = Operator::new();
    operator.json(&["tenant", "add", "default"]);
    operator.json(&[
        "tenant",
        "add-user",
        "--id",
        "admin",
        "--email",
        "ada@example.com",
        "--role",
        "admin",
    ]);
    let shown = operator
        .run(&["seed", "--admin-email", "Ada@Example.com"])
        .expect_code(0)
        .stdout;
    assert!(shown.contains("unchanged (admin)"), "{shown}");
    operator
        .run(&["tenant", "add-user", "--email", "ada@example.com"])
        .expect_code(1)
        .says("`ada@example.com` is already the address of user `admin`");
    operator.json(&["tenant", "add-user", "--email", "bob@example.com"]);
    operator
        .run(&[
            "tenant",
            "set-user",
            "bob@example.com",
            "--email",
            "ada@example.com",
        ])
        .expect_code(1)
        .says("already the address of user `admin`");
    let users = operator.json(&["tenant", "users"]);
    assert_eq!(users["users"].as_array().unwrap().len(), 2, "{users}");
}

#[test]
fn a_file_leaves_nothing_to_the_flags_of_one_tenant() {
    let operator = Operator::new();
    operator.write("seed.toml", "[[tenant]]\nid = \"red\"\n");
    operator
        .run(&["seed", "--file", "seed.toml", "--tenant", "blue"])
        .expect_code(2)
        .says("--tenant");
}

#[test]
fn a_broken_env_file_is_refused_without_repeating_it() {
    let operator = Operator::new();
    operator.write(".env", "JIRA_API_TOKEN hunter2\n");
    operator
        .run(&["seed"])
        .expect_code(2)
        .says("`.env` cannot be understood")
        .never_shows("hunter2");
    operator
        .run(&["seed", "--env-file", "missing.env"])
        .expect_code(2)
        .says("missing.env");
}

#[test]
fn a_file_seeds_several_tenants() {
    let operator = Operator::new();
    operator.write("token.txt", "hunter2\n");
    operator.write(
        "seed.toml",
        r#"
            [[tenant]]
            id = "red"
            name = "Red"
            [tenant.settings]
            messages_per_day = 5
            [[tenant.user]]
            email = "ada@example.com"
            role = "admin"
            [[tenant.channel]]
            type = "dashboard"
            id = "T1"
            [tenant.secret.jira]
            url = "https://team.atlassian.net"
            email = "bot@example.com"
            board_id = 7
            api_token_file = "token.txt"

            [[tenant]]
            id = "blue"
            [[tenant.user]]
            email = "bob@example.com"
        "#,
    );
    let arguments = ["seed", "--file", "seed.toml"];
    operator
        .run(&arguments)
        .expect_code(0)
        .never_shows("hunter2");
    let again = operator.json(&arguments);
    assert_eq!(again["items"].as_array().unwrap().len(), 6);
    assert!(
        outcomes(&again)
            .iter()
            .all(|(_, outcome)| outcome == "unchanged")
    );

    // What the operator sets since is kept.
    operator.json(&["tenant", "set", "-t", "red", "messages_per_day=9"]);
    assert_eq!(operator.json(&arguments), again);
    let red = operator.json(&["tenant", "show", "red"]);
    assert_eq!(red["settings"]["messages_per_day"], 9);
    let blue = operator.json(&["tenant", "users", "-t", "blue"]);
    assert_eq!(blue["users"].as_array().unwrap().len(), 1);
}

#[test]
fn a_mistake_in_the_last_tenant_keeps_the_first_from_being_made() {
    let operator = Operator::new();
    operator.write(
        "seed.toml",
        "[[tenant]]\nid = \"red\"\n[[tenant]]\nid = \"blue\"\n[[tenant.user]]\nemail = \"nobody\"\n",
    );
    operator
        .run(&["seed", "--file", "seed.toml"])
        .expect_code(2)
        .says("`email`");
    assert_eq!(operator.json(&["tenant", "list"]), json!({"tenants": []}));
}
