//! What a shell and `man` are given: completions, manual pages.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::operator::Operator;
use crate::sandbox::{Sandbox, finish};

/// What bash offers for the last of these words, with the script that `t3nets completions` prints.
fn offered(operator: &Operator, words: &[&str]) -> Vec<String> {
    let program = operator.command(&[]);
    let script = operator.run(&["completions", "bash"]).expect_code(0).stdout;
    let mut bash = Command::new("bash");
    bash.args([
        "-c",
        r#"t3nets() { "$T3NETS_PROGRAM" "$@"; }; export -f t3nets; source /dev/stdin <<<"$T3NETS_SCRIPT"
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        _clap_complete_t3nets t3nets "${COMP_WORDS[COMP_CWORD]}" "" >&2
        printf '%s\n' "${COMPREPLY[@]}""#,
        "bash",
        "t3nets",
    ]);
    bash.args(words).env_clear().current_dir(operator.work());
    for (name, value) in program.get_envs() {
        bash.envs(value.map(|value| (name, value)));
    }
    bash.env("T3NETS_PROGRAM", program.get_program());
    bash.env("T3NETS_SCRIPT", script);
    let finished = finish(&mut bash);
    assert_eq!(finished.stderr, "", "{finished:?}");
    let lines = finished.stdout.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn a_shell_completes_the_tenants_users_and_keys_that_there_are() {
    let operator = Operator::seeded();
    operator
        .run(&["tenant", "add", "acme", "--name", "Acme"])
        .expect_code(0);
    operator
        .run(&[
            "tenant",
            "add-user",
            "--email",
            "bob@acme.example",
            "--name",
            "Bob",
            "-t",
            "acme",
        ])
        .expect_code(0);
    operator
        .run(&["key", "create", "bob@acme.example", "-t", "acme"])
        .expect_code(0);
    let key = operator.json(&["key", "list", "-t", "acme"]);
    let key = key["keys"][0]["prefix"].as_str().unwrap();
    for (words, expected) in [
        (&["tenant", "show", ""][..], &["acme", "default"][..]),
        (&["tenant", "show", "ac"], &["acme"]),
        (&["tenant", "users", "-t", "a"], &["acme"]),
        (
            &["tenant", "remove-user", "-t", "acme", ""],
            &["bob@acme.example"],
        ),
        (&["key", "revoke", "-t", "acme", "t3n"], &[key]),
        (&["-e", ""], &["local"]),
        (&["key", "create", "--role", ""], &["admin", "member"]),
        (
            &["tenant", "set", "messages"],
            &["messages_per_day=", "messages_per_month="],
        ),
        (&["roll"], &["rollback"]),
    ] {
        let mut offered = offered(&operator, words);
        offered.retain(|word| !word.starts_with('-'));
        offered.sort();
        assert_eq!(offered, expected, "{words:?}");
    }
}

#[test]
fn completing_makes_nothing_and_says_nothing_where_there_is_nothing() {
    let operator = Operator::new();
    assert!(
        offered(&operator, &["tenant", "show", ""])
            .iter()
            .all(|word| word.starts_with('-'))
    );
    assert!(!operator.home().exists());
    operator.write("t3nets.toml", "= broken");
    assert!(offered(&operator, &["-e", ""]).is_empty());
}

#[test]
fn every_shell_has_completions_even_beside_a_broken_project_file() {
    let sandbox = Sandbox::new();
    sandbox.write("t3nets.toml", "= broken");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let finished = sandbox.run(&["completions", shell]).expect_code(0);
        assert!(finished.stdout.contains("COMPLETE"), "{shell}");
    }
}

#[test]
fn completions_are_installed_where_the_shell_looks() {
    let operator = Operator::new().with("SHELL", "/usr/bin/bash");
    let finished = operator.run(&["completions", "--install"]).expect_code(0);
    let home = operator.work().join("..");
    let file = home.join(".local/share/bash-completion/completions/t3nets");
    let script = std::fs::read_to_string(file).unwrap();
    assert!(script.contains("complete "), "{script}");
    assert!(finished.stdout.contains("new shells"), "{finished:?}");
    let finished = operator
        .run(&["completions", "zsh", "--install"])
        .expect_code(0);
    assert!(finished.stdout.contains("source "), "{finished:?}");
    let unknown = Operator::new()
        .run(&["completions", "--install"])
        .expect_code(2);
    assert!(unknown.stderr.contains("bash"), "{unknown:?}");
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["man"]).expect_code(0).stdout;
    assert!(page.contains(".TH t3nets 1"), "{page}");
    for section in ["ENVIRONMENT", "FILES", "EXIT STATUS"] {
        assert!(
            page.contains(&format!(".SH \"{section}\""))
                || page.contains(&format!(".SH {section}")),
            "{page}"
        );
    }
    let page = sandbox.run(&["man", "env", "use"]).expect_code(0).stdout;
    assert!(
        page.contains("EXAMPLES") && page.contains("t3nets env use dev"),
        "{page}"
    );

    let pages = sandbox.run(&["man", "--all", "pages"]).expect_code(0);
    for name in ["t3nets.1", "t3nets-chat.1", "t3nets-env-use.1"] {
        assert!(sandbox.work().join("pages").join(name).is_file(), "{name}");
        assert!(pages.stdout.contains(name), "{}", pages.stdout);
    }
}

#[test]
fn at_a_terminal_a_manual_page_is_read_with_man_and_without_man_as_help() {
    let operator = Operator::new();
    operator.write(
        "man",
        "#!/bin/sh\necho \"rendered: $(head -n 20 \"$1\" | grep -c TH)\"\n",
    );
    let man = operator.work().join("man");
    std::fs::set_permissions(&man, std::fs::Permissions::from_mode(0o755)).unwrap();
    let work = operator.work();
    let path = format!("{}:/usr/bin:/bin", work.display());
    let with = operator.with("PATH", &path);
    assert!(
        with.answering(&["man", "chat"], &[])
            .contains("rendered: 1")
    );
    let without = Operator::new().with("PATH", "/nonexistent");
    let shown = without.answering(&["man", "chat"], &[]);
    assert!(
        shown.contains("Usage: t3nets chat") && shown.contains("Examples:"),
        "{shown}"
    );
}
