//! The help of every command.

use crate::sandbox::Sandbox;

fn help(command: &[&str]) -> String {
    let arguments = [command, &["--help"]].concat();
    Sandbox::new().run(&arguments).expect_code(0).stdout
}

/// The commands that a help page lists.
fn listed(page: &str) -> Vec<(String, String)> {
    page.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_once(' '))
        .filter(|(name, _)| !name.is_empty() && *name != "help")
        .map(|(name, about)| (name.to_owned(), about.trim().to_owned()))
        .collect()
}

#[test]
fn every_command_says_what_it_does() {
    fn walk(command: &[&str]) {
        for (name, about) in listed(&help(command)) {
            let child = [command, &[name.as_str()]].concat();
            assert!(!about.is_empty(), "{child:?} has no description");
            walk(&child);
        }
    }
    assert!(!listed(&help(&[])).is_empty());
    walk(&[]);
}

#[test]
fn the_help_of_the_frames_commands() {
    for name in [
        "dev",
        "chat",
        "init",
        "cost",
        "deploy",
        "rollback",
        "status",
        "logs",
        "history",
        "restart",
        "scale",
        "doctor",
        "completions",
        "man",
    ] {
        insta::assert_snapshot!(format!("help_{name}"), help(&[name]));
    }
    for name in ["list", "use", "show"] {
        insta::assert_snapshot!(format!("help_env_{name}"), help(&["env", name]));
    }
    for name in ["export", "import"] {
        insta::assert_snapshot!(format!("help_tenant_{name}"), help(&["tenant", name]));
    }
    for name in [
        "bootstrap",
        "plan",
        "apply",
        "output",
        "dashboard",
        "destroy",
    ] {
        insta::assert_snapshot!(format!("help_infra_{name}"), help(&["infra", name]));
    }
}

#[test]
fn alone_it_says_where_to_start() {
    let shown = Sandbox::new().run(&[]).expect_code(0);
    insta::assert_snapshot!(shown.stdout, @r#"
Run and operate T3nets, a multi-tenant AI assistant on AWS.

Start here:  t3nets dev --demo      then: t3nets chat "sprint status?"

Local        dev  chat  open  backup  restore
Tenants      seed  tenant  key  secret
Deploy       deploy  rollback  status  logs  history  restart  scale
AWS          infra  cost  doctor
Setup        init  env  completions  man

t3nets <command> --help shows options and examples, t3nets --help the exit codes.
"#);
    assert_eq!(shown.stderr, "");
}

#[test]
fn a_command_without_its_verb_is_a_usage_error() {
    let shown = Sandbox::new().run(&["tenant"]).expect_code(2);
    assert!(shown.stderr.contains("add-user"), "{shown:?}");
}
