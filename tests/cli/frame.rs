//! What holds for every command: exit codes, JSON, quiet, colours, pipes, and what is generated.

use serde_json::Value;

use crate::operator::Operator;
use crate::sandbox::{Sandbox, finish};

#[test]
fn the_version_names_the_commit() {
    let finished = Sandbox::new().run(&["--version"]).expect_code(0);
    let (version, commit) = finished
        .stdout
        .trim()
        .split_once(" (")
        .expect("a version and a commit");
    assert_eq!(version, concat!("t3nets ", env!("CARGO_PKG_VERSION")));
    assert!(commit.len() > 1, "{commit}");
}

#[test]
fn what_makes_no_sense_is_a_usage_error_on_stderr() {
    for arguments in [
        &["deplyo"][..],
        &["env", "use"],
        &["chat", "--tenant", "../x", "hi"],
        &["dev", "--port", "99999"],
    ] {
        let finished = Sandbox::new().run(arguments).expect_code(2);
        assert_eq!(finished.stdout, "");
        assert!(finished.stderr.starts_with("error: "), "{finished:?}");
    }
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let sandbox = Sandbox::new();
    for (arguments, kind, code) in [
        (&["--json", "deplyo"][..], "usage", 2),
        (&["env", "show", "nowhere", "--json"], "not_ready", 3),
        (&["--json", "man", "nothing"], "usage", 2),
    ] {
        let finished = sandbox.run(arguments).expect_code(code);
        assert_eq!(finished.stdout, "");
        let error = finished.json_error();
        assert_eq!(error["kind"], kind);
        assert_eq!(error["code"], kind);
        assert_eq!(error["exit_code"], code);
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert!(error["hints"].is_array() && error["causes"].is_array());
    }
}

#[test]
fn with_json_every_line_on_stderr_is_json_and_quiet_leaves_the_warnings() {
    let sandbox = Sandbox::new();
    let lines = |arguments: &[&str]| -> Vec<Value> {
        let stderr = sandbox.run(arguments).stderr;
        let lines = stderr.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{stderr}")))
            .collect()
    };
    let add = lines(&["tenant", "add", "acme", "--name", "Acme", "--json"]);
    assert_eq!(add[0]["level"], "info");
    let user = lines(&[
        "tenant",
        "add-user",
        "--email",
        "a@b.example",
        "--name",
        "A",
        "-t",
        "acme",
        "--json",
    ]);
    assert_eq!(user.last().unwrap()["level"], "hint");
    let add = lines(&[
        "tenant", "add", "globex", "--name", "G", "--json", "--quiet",
    ]);
    assert!(add.is_empty(), "{add:?}");
    let unknown = lines(&["tenant", "show", "nobody", "--json", "--verbose"]);
    assert_eq!(unknown.last().unwrap()["error"]["code"], "not_found");
    for arguments in [
        &["tenant", "remove", "acme", "--json"][..],
        &["seed", "--tenant", "acme", "--json"],
        &["key", "create", "--json"],
        &["secret", "set", "jira", "--json"],
        &["doctor", "--json"],
        &["status", "--json"],
        &["infra", "plan", "--json"],
        &["cost", "-e", "nowhere", "--json"],
    ] {
        lines(arguments);
    }
}

#[test]
fn colours_are_there_only_where_they_are_wanted() {
    let sandbox = Sandbox::new();
    let colourful = |arguments: &[&str]| sandbox.run(arguments).stderr.contains('\x1b');
    assert!(!colourful(&["env", "show", "nowhere"]));
    assert!(colourful(&["env", "show", "nowhere", "--color", "always"]));
    assert!(!colourful(&["env", "show", "nowhere", "--color", "never"]));
    assert!(colourful(&["deplyo", "--color=always"]));
    assert!(!colourful(&["deplyo", "--color=never"]));
}

#[test]
fn a_terminal_without_colours_has_none_in_usage_errors() {
    let operator = Operator::new().with("TERM", "xterm");
    for (arguments, is_colourful) in [
        (&["deplyo"][..], true),
        (&["deplyo", "--color", "never"], false),
    ] {
        let mut terminal = operator.in_terminal_of_a_shell(arguments);
        let shown = terminal.exp_eof().unwrap();
        assert!(shown.contains("similar subcommand"), "{shown}");
        assert_eq!(shown.contains('\x1b'), is_colourful, "{shown:?}");
    }
}

#[test]
fn what_people_type_elsewhere_is_understood_or_has_a_tip() {
    let operator = Operator::seeded();
    for arguments in [
        &["tenant", "ls"][..],
        &["tenant", "get", "default"],
        &["key", "ls"],
        &["secret", "ls"],
        &["env", "ls"],
    ] {
        operator.run(arguments).expect_code(0);
    }
    for (typed, meant) in [
        ("login", "key create --save"),
        ("users", "tenant users"),
        ("usage", "tenant usage"),
    ] {
        operator.run(&[typed]).expect_code(2).says(meant);
    }
    operator.write("t3nets.toml", "[env.dev]\nplatform = \"aws\"\n");
    for (typed, meant) in [("locla", "local"), ("dve", "dev")] {
        operator
            .run(&["-e", typed, "tenant", "list"])
            .expect_code(3)
            .says(&format!("did you mean `{meant}`?"));
    }
}

#[test]
fn a_tenant_is_understood_by_its_place_or_has_a_tip() {
    let operator = Operator::seeded();
    for (by_place, by_flag) in [
        (
            &["tenant", "users", "default"][..],
            &["tenant", "users", "-t", "default"][..],
        ),
        (
            &["tenant", "usage", "default"],
            &["tenant", "usage", "-t", "default"],
        ),
        (
            &["tenant", "channels", "default"],
            &["tenant", "channels", "-t", "default"],
        ),
        (
            &["tenant", "show", "default"],
            &["tenant", "show", "-t", "default"],
        ),
        (
            &["tenant", "suspend", "default"],
            &["tenant", "resume", "-t", "default"],
        ),
    ] {
        operator.run(by_place).expect_code(0);
        operator.run(by_flag).expect_code(0);
    }
    for arguments in [
        &["key", "list", "acme"][..],
        &["secret", "list", "acme"],
        &["doctor", "acme"],
        &["seed", "acme"],
    ] {
        operator
            .run(arguments)
            .expect_code(2)
            .says("`-t acme` names the tenant");
    }
}

#[test]
fn init_keeps_credentials_out_of_git_and_what_was_ignored() {
    let operator = Operator::new();
    let ignored = || std::fs::read_to_string(operator.work().join(".gitignore")).unwrap();
    operator.write(".gitignore", "target");
    operator.run(&["init"]).expect_code(0);
    assert_eq!(ignored(), "target\n.env\n");
    operator.run(&["init", "--force"]).expect_code(0);
    assert_eq!(ignored(), "target\n.env\n");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["completions", "bash"]);
    let child = command
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn init_writes_a_file_that_works_and_overwrites_nothing_unasked() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).expect_code(0);
    let shown = sandbox
        .run(&["env", "show", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(shown["chosen_by"], "project_file");

    sandbox.write("t3nets.toml", "= broken");
    let refused = sandbox.run(&["init"]).expect_code(1);
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    sandbox.run(&["env", "show"]).expect_code(3);
    sandbox.run(&["init", "--force"]).expect_code(0);
    sandbox.run(&["env", "show"]).expect_code(0);
}

#[test]
fn quiet_leaves_the_result_and_the_errors() {
    let sandbox = Sandbox::new();
    let finished = sandbox.run(&["init", "--quiet"]).expect_code(0);
    assert_eq!(finished.stderr, "");
    assert_eq!(
        finished.stdout,
        "wrote ./t3nets.toml\nadded `.env` to ./.gitignore\n"
    );
    let refused = sandbox.run(&["init", "--quiet"]).expect_code(1);
    assert!(refused.stderr.starts_with("error: "), "{refused:?}");
}

#[test]
fn without_a_home_directory_it_says_how_to_name_a_folder() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["env", "use", "local"]);
    command.env("T3NETS_HOME", "/dev/null/home");
    let finished = finish(&mut command).expect_code(3);
    assert!(finished.stderr.contains("T3NETS_HOME"), "{finished:?}");
}

/// What is in a folder, with its files' contents.
fn listing(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
        found.extend(listing(&path));
    }
    found.sort();
    found
}

#[test]
fn commands_that_read_make_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("t3nets.toml", "[env.dev]\nplatform = \"aws\"\n");
    let whole = sandbox.work().parent().unwrap().to_owned();
    let before = listing(&whole);
    for line in [
        "tenant list",
        "tenant show",
        "tenant show acme",
        "tenant users",
        "tenant channels",
        "tenant usage",
        "tenant audit",
        "tenant export acme",
        "tenant import /dev/null --dry-run",
        "key list",
        "secret list",
        "secret show jira",
        "secret test jira",
        "seed --dry-run",
        "env list",
        "env show",
        "doctor",
        "chat hello",
        "chat --help",
        "chat hello -e dev",
        "status -e dev",
        "history -e dev",
        "logs -e dev",
        "doctor -e dev",
        "cost",
        "infra output -e dev",
        "completions bash",
        "man",
        "--help",
        "--version",
        "nonsense",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        // What it says, and whether it can, is not the matter here.
        let ran = sandbox.run(&words);
        assert_eq!(listing(&whole), before, "{line}: {ran:?}");
    }
}

#[test]
fn the_audit_trail_names_the_login_where_no_variable_does() {
    let sandbox = Sandbox::new();
    let mut add = sandbox.command(&["tenant", "add", "acme"]);
    for name in ["USER", "LOGNAME", "USERNAME"] {
        add.env_remove(name);
    }
    crate::sandbox::finish(&mut add).expect_code(0);
    let login = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let login = String::from_utf8(login.stdout).unwrap();
    let trail = sandbox.run(&["tenant", "audit", "-t", "acme", "--json"]);
    assert_eq!(
        trail.json()["entries"][0]["actor"],
        format!("operator:{}", login.trim())
    );
}
