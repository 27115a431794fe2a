//! `t3nets secret`. The value `hunter2` must never be seen.

use serde_json::{Value, json};
use support::jira::{API_TOKEN, Fault, Jira, Script};
use support::mcp::{McpServer, reading};

use crate::operator::Operator;

const JIRA: &str = r#"{"url": "https://team.atlassian.net", "email": "bot@example.com",
    "api_token": "hunter2", "board_id": "7"}"#;

#[test]
fn a_secret_lives_and_its_value_is_never_shown() {
    let operator = Operator::seeded();
    let set = ["secret", "set", "jira", "--stdin"];
    for outcome in ["created", "unchanged"] {
        let ran = operator.run_with_input(&set, JIRA).expect_code(0);
        assert_eq!(ran.stdout, format!("secret `jira`: {outcome}\n"));
    }
    let ran = operator.run(&["secret", "show", "jira"]).expect_code(0);
    insta::assert_snapshot!(ran.stdout, @r#"
FIELD      VALUE
api_token  (set)
board_id   7
email      bot@example.com
url        https://team.atlassian.net
state      set
"#);

    operator
        .run(&["secret", "remove", "jira"])
        .expect_code(2)
        .says("--yes");
    operator.json(&["secret", "remove", "jira", "--yes"]);
    let listed = operator.json(&["secret", "list"]);
    assert_ne!(listed["secrets"][0]["deleted_for_good_at"], json!(null));
    operator
        .run(&["secret", "remove", "jira", "--yes"])
        .expect_code(1)
        .says("does not exist");
    operator.json(&["secret", "restore", "jira"]);
    operator.run(&["secret", "restore", "jira"]).expect_code(1);
    let shown = operator.json(&["secret", "show", "jira"]);
    assert_eq!(shown["fields"]["board_id"], "7");

    for arguments in [
        &["secret", "show", "jira", "--json"][..],
        &["secret", "list", "--verbose"],
        &["tenant", "audit"],
        &["tenant", "show"],
    ] {
        operator
            .run(arguments)
            .expect_code(0)
            .never_shows("hunter2");
    }
}

#[test]
fn a_users_own_token_is_theirs_alone_and_never_shown() {
    let operator = Operator::seeded();
    let ada = "ada@example.com";
    let own = |verb: &[&'static str]| [verb, &["--user", ada]].concat();
    operator.run_with_input(
        &["secret", "set", "mcp-docs", "--stdin"],
        r#"{"url": "https://mcp.example.com/mcp", "credentials": "user"}"#,
    );
    operator
        .run(&own(&["secret", "list"]))
        .expect_code(0)
        .says("t3nets secret set mcp-docs --user ada@example.com");
    let set = own(&["secret", "set", "mcp-docs", "--stdin"]);
    let token = r#"{"token": "hunter2"}"#;
    for outcome in ["created", "unchanged"] {
        let ran = operator.run_with_input(&set, token).expect_code(0);
        let told = format!("secret `mcp-docs` of user `{ada}`: {outcome}\n");
        assert_eq!(ran.stdout, told);
    }
    // A server without `credentials=user`, and somebody who is not there.
    for refused in [
        ["secret", "set", "jira", "--stdin", "--user", ada],
        ["secret", "set", "mcp-docs", "--stdin", "--user", "bob"],
    ] {
        let ran = operator.run_with_input(&refused, token).expect_code(1);
        ran.says("does not exist");
    }
    for arguments in [
        &["secret", "list", "--user", ada, "--verbose"][..],
        &["secret", "show", "mcp-docs", "--json"],
        &["tenant", "audit"],
        &["tenant", "export-user", ada],
        &["tenant", "export", "default"],
    ] {
        let ran = operator.run(arguments).expect_code(0);
        ran.never_shows("hunter2");
    }
    let listed = operator.json(&own(&["secret", "list"]));
    assert_eq!(listed["secrets"][0]["integration"], "mcp-docs");
    let remove = own(&["secret", "remove", "mcp-docs", "--yes"]);
    operator.run(&remove).expect_code(0);
    operator.run(&remove).expect_code(1).says("does not exist");
}

#[test]
fn a_users_own_token_is_tried_against_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(McpServer::with([reading("look")]));
    server.require_token("hunter2");
    let operator = Operator::seeded();
    let fields = format!(r#"{{"url": "{}", "credentials": "user"}}"#, server.url());
    operator.run_with_input(&["secret", "set", "mcp-docs", "--stdin"], &fields);
    let own = |verb: &'static str| ["secret", verb, "mcp-docs", "--user", "ada@example.com"];
    operator
        .run(&own("test"))
        .expect_code(1)
        .says("does not exist");
    for (token, code, said) in [
        ("hunter3", 4, "401"),
        (
            "hunter2",
            0,
            "secret `mcp-docs` of user `ada@example.com`: works",
        ),
    ] {
        let set = [&own("set")[..], &["--stdin"]].concat();
        let token = format!(r#"{{"token": "{token}"}}"#);
        operator.run_with_input(&set, &token).expect_code(0);
        let tried = operator.run(&own("test")).expect_code(code);
        let is_said = tried.stdout.contains(said) || tried.stderr.contains(said);
        assert!(is_said, "{tried:?}");
        tried.never_shows("hunter");
    }
}

#[test]
fn every_change_is_put_down_before_and_after() {
    let operator = Operator::seeded();
    operator
        .run_with_input(&["secret", "set", "jira", "--stdin"], JIRA)
        .expect_code(0);
    let trail = operator.json(&["tenant", "audit", "--limit", "2"]);
    assert_eq!(trail["entries"][0]["action"], "secret.set:done");
    assert_eq!(trail["entries"][1]["action"], "secret.set:intended");
    assert_eq!(trail["entries"][0]["target"], "jira");
}

#[test]
fn a_secret_comes_from_a_file_or_variables() {
    let operator = Operator::seeded().with("TOKEN", "hunter2");
    operator.write("jira.json", JIRA);
    operator
        .run(&["secret", "set", "jira", "--from-file", "jira.json"])
        .expect_code(0)
        .never_shows("hunter2");
    // The other fields stay.
    let changed = operator.json(&["secret", "set", "jira", "--field", "board_id=9"]);
    assert_eq!(changed["outcome"], "changed");
    let shown = operator.json(&["secret", "show", "jira"]);
    assert_eq!(shown["fields"]["board_id"], "9");
    assert_eq!(shown["fields"]["url"], "https://team.atlassian.net");

    operator.json(&["secret", "set", "anthropic", "--from-env", "api_key=TOKEN"]);
    operator
        .run(&["secret", "set", "pager", "--from-env", "key=TOKEN"])
        .expect_code(0)
        .never_shows("hunter2");
    let pager = operator.json(&["secret", "show", "pager"]);
    assert_eq!(pager["fields"], json!({"key": "(set)"}));
}

#[test]
fn what_is_missing_or_wrong_is_a_usage_error_without_the_value() {
    let operator = Operator::seeded();
    let set = ["secret", "set", "jira"];
    operator
        .run(&set)
        .expect_code(2)
        .says("url")
        .says("`--from-env url=VARIABLE`");
    for bad in [
        "hunter2",
        r#"["hunter2"]"#,
        r#"{"api_token": "hunter2"}"#,
        &JIRA.replace("https://", "https://hunter2:hunter2@"),
        &JIRA.replace("\"7\"", "\"hunter2\""),
        "",
    ] {
        operator
            .run_with_input(&[&set[..], &["--stdin"]].concat(), bad)
            .expect_code(2)
            .never_shows("hunter2");
    }
    operator
        .run(&[&set[..], &["--field", "api_token=x"]].concat())
        .expect_code(2)
        .says("must not be an argument");
    operator
        .run(&[&set[..], &["--from-env", "api_token=NOT_SET"]].concat())
        .expect_code(2)
        .says("`NOT_SET`");
    operator
        .run(&["secret", "set", "../etc", "--stdin"])
        .expect_code(2);
    assert_eq!(operator.json(&["secret", "list"]), json!({"secrets": []}));
}

#[test]
fn fields_are_asked_for_in_a_terminal_and_secret_ones_not_shown() {
    let operator = Operator::seeded();
    let shown = operator.answering(
        &["secret", "set", "jira"],
        &[
            ("url (", "https://team.atlassian.net"),
            ("email (", "bot@example.com"),
            ("api_token (", "hunter2"),
            ("board_id (", "7"),
            ("project_key (", ""),
        ],
    );
    assert!(shown.contains("secret `jira`: created"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let fields = operator.json(&["secret", "show", "jira"])["fields"].clone();
    assert_eq!(fields["url"], "https://team.atlassian.net");
    assert_eq!(fields["project_key"], json!(null));
}

#[test]
fn tenants_do_not_share_secrets() {
    let operator = Operator::seeded();
    operator.json(&["tenant", "add", "other"]);
    operator
        .run_with_input(&["secret", "set", "jira", "--stdin"], JIRA)
        .expect_code(0);
    operator
        .run(&["secret", "show", "jira", "-t", "other"])
        .expect_code(1)
        .says("does not exist");
    operator
        .run_with_input(&["secret", "set", "jira", "-t", "never", "--stdin"], JIRA)
        .expect_code(1)
        .says("tenant `never` does not exist");
}

/// An operator whose tenant uses a scripted Jira.
fn with_jira(jira: &Jira) -> Operator {
    let operator = Operator::seeded();
    let credentials = Value::Object(jira.credentials()).to_string();
    operator
        .run_with_input(&["secret", "set", "jira", "--stdin"], &credentials)
        .expect_code(0);
    operator
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_tried_on_jira() {
    let jira = Jira::start(Script::sample()).await;
    let operator = with_jira(&jira);
    let ran = operator
        .run(&["secret", "test", "jira"])
        .expect_code(0)
        .never_shows(API_TOKEN);
    assert!(ran.stdout.contains("works"), "{ran:?}");
    assert!(ran.stdout.contains("board 7"), "{ran:?}");
    let tested = operator.json(&["secret", "test", "jira"]);
    assert_eq!(tested["works"], true);
    assert_eq!(tested["reached"]["board"]["name"], "Payments");
}

#[test]
fn tenants_credentials_go_to_the_internet_and_an_error_names_the_proxy() {
    let operator = Operator::seeded();
    let stored = |url: &str| {
        let credentials = JIRA.replace("https://team.atlassian.net", url);
        operator
            .run_with_input(&["secret", "set", "jira", "--stdin"], &credentials)
            .expect_code(0);
    };
    for url in [
        "https://169.254.169.254",
        "https://[::ffff:10.0.0.1]",
        "https://192.168.1.5:8443/jira",
    ] {
        stored(url);
        operator
            .run(&["secret", "test", "jira"])
            .expect_code(3)
            .says("private network");
    }
    stored("https://team.invalid");
    let mut command = operator.command(&["secret", "test", "jira"]);
    // Nobody listens on port 9.
    command.env("HTTPS_PROXY", "http://user:hunter3@127.0.0.1:9");
    crate::sandbox::finish(&mut command)
        .expect_code(1)
        .says("(through the proxy 127.0.0.1:9)")
        .never_shows("hunter3");
    // This machine is the operator's own.
    stored("https://127.9.9.9:9");
    operator
        .run(&["secret", "test", "jira"])
        .expect_code(1)
        .says("refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_this_machine_is_asked_without_a_proxy() {
    let jira = Jira::start(Script::sample()).await;
    let operator = with_jira(&jira);
    let mut command = operator.command(&["secret", "test", "jira"]);
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "all_proxy"] {
        command.env(variable, "http://127.0.0.1:9");
    }
    crate::sandbox::finish(&mut command).expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_jira_refuses_end_with_their_own_code() {
    let refusing = Script::sample().fault("/myself", Fault::Status(401));
    let jira = Jira::start(refusing).await;
    let operator = with_jira(&jira);
    operator
        .run(&["secret", "test", "jira"])
        .expect_code(4)
        .never_shows(API_TOKEN);
    operator
        .run(&["secret", "test", "anthropic"])
        .expect_code(1)
        .says("does not exist");
}
