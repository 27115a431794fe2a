//! Which environment is in use, and what `t3nets.toml` may hold.

use crate::sandbox::{Sandbox, finish};

const PROJECT: &str = r#"
default_env = "staging"
[env.dev]
platform = "aws"
region = "eu-central-1"
[env.staging]
platform = "aws"
[env.scratch]
platform = "local"
"#;

fn in_use(sandbox: &Sandbox, arguments: &[&str], variable: Option<&str>) -> (String, String) {
    let mut command = sandbox.command(&["env", "show", "--json"]);
    command.args(arguments);
    if let Some(name) = variable {
        command.env("T3NETS_ENVIRONMENT", name);
    }
    let shown = finish(&mut command).expect_code(0).json();
    let text = |field: &str| shown[field].as_str().unwrap().to_owned();
    (text("name"), text("chosen_by"))
}

#[test]
fn the_nearest_choice_wins() {
    let sandbox = Sandbox::new();
    let pair = |name: &str, by: &str| (name.to_owned(), by.to_owned());
    assert_eq!(in_use(&sandbox, &[], None), pair("local", "default"));
    sandbox.write("t3nets.toml", PROJECT);
    assert_eq!(in_use(&sandbox, &[], None), pair("staging", "project_file"));
    sandbox.run(&["env", "use", "dev"]).expect_code(0);
    assert_eq!(in_use(&sandbox, &[], None), pair("dev", "env_use"));
    assert_eq!(
        in_use(&sandbox, &[], Some("scratch")),
        pair("scratch", "variable")
    );
    assert_eq!(
        in_use(&sandbox, &["-e", "local"], Some("scratch")),
        pair("local", "flag")
    );
}

#[test]
fn the_project_file_is_found_from_a_folder_below() {
    let sandbox = Sandbox::new();
    sandbox.write("t3nets.toml", PROJECT);
    sandbox.write("deep/down/here.txt", "");
    let mut command = sandbox.command(&["env", "list"]);
    command.current_dir(sandbox.work().join("deep/down"));
    let finished = finish(&mut command).expect_code(0);
    for name in ["dev", "local", "scratch", "staging"] {
        assert!(finished.stdout.contains(name), "{finished:?}");
    }
    assert!(finished.stdout.contains("*  staging"), "{finished:?}");
}

#[test]
fn a_choice_that_is_gone_can_be_left() {
    let sandbox = Sandbox::new();
    sandbox.write("t3nets.toml", PROJECT);
    sandbox.run(&["env", "use", "dev"]).expect_code(0);
    std::fs::remove_file(sandbox.work().join("t3nets.toml")).unwrap();
    let finished = sandbox.run(&["env", "show"]).expect_code(3);
    assert!(
        finished.stderr.contains("t3nets env use local"),
        "{finished:?}"
    );
    sandbox.run(&["env", "use", "local"]).expect_code(0);
    sandbox.run(&["env", "show"]).expect_code(0);
}

#[test]
fn a_mistake_in_the_project_file_is_named_with_its_line() {
    for (content, told) in [
        (
            "default_env = \"dev\"\nregion = 1\n",
            ["line 2", "`region`"],
        ),
        (
            "[env.dev]\nplatform = \"aws\"\ncolour = 1\n",
            ["line 3", "`colour`"],
        ),
        ("[env.dev]\nplatform = \"gcp\"\n", ["line 2", "`gcp`"]),
        ("[env.dev]\nregion = \"x\"\n", ["line 1", "`platform`"]),
        ("[env.local]\nplatform = \"aws\"\n", ["`local`", "platform"]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("t3nets.toml", content);
        let finished = sandbox.run(&["env", "list"]).expect_code(3);
        for part in told {
            assert!(finished.stderr.contains(part), "{content:?}: {finished:?}");
        }
    }
}

#[test]
fn local_is_refused_inside_aws() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["dev", "--port", "0"]);
    command.env("T3NETS_ENV", "aws");
    let finished = finish(&mut command).expect_code(3);
    assert!(finished.stderr.contains("T3NETS_ENV"), "{finished:?}");
}

#[test]
fn an_unknown_environment_is_refused_with_those_there_are() {
    let sandbox = Sandbox::new();
    sandbox.write("t3nets.toml", PROJECT);
    for arguments in [&["env", "use", "prod"][..], &["env", "show", "-e", "prod"]] {
        let finished = sandbox.run(arguments).expect_code(3);
        assert!(
            finished.stderr.contains("`scratch`, `staging`"),
            "{finished:?}"
        );
    }
}
