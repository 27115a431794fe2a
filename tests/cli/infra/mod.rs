//! `t3nets infra`: how Terraform is called ([`project`] has a stand-in that writes it down), what
//! becomes of its answers, and the real one where it is.

mod accounts;
mod bootstrap;
mod project;
mod real;
mod terminal;

use std::path::Path;

use crate::sandbox::finish;
use project::{PROJECT, Project};

pub(crate) use project::project;

#[test]
fn plan_uses_the_environments_settings_workspace_and_profile() {
    let project = Project::new();
    let finished = project
        .run(&["plan", "-e", "dev", "--", "-target=module.ecr"])
        .expect_code(0);
    assert_eq!(
        project.calls(),
        [
            "init -input=false | default dev-profile aws",
            "plan -var-file=environments/dev.tfvars -input=false -target=module.ecr | default dev-profile aws",
        ]
    );
    assert_eq!(finished.stdout, "plan says something\n");
    assert!(finished.stderr.contains("initialised"), "{finished:?}");
    assert!(finished.stderr.contains("plan warns"), "{finished:?}");
    assert!(
        finished.stderr.contains("environment: dev (by --env)"),
        "{finished:?}"
    );
}

#[test]
fn another_environment_has_its_own_workspace_and_need_not_be_in_the_project_file() {
    let project = Project::new();
    project.run(&["plan", "-e", "staging"]).expect_code(0);
    let call = project.calls().pop().unwrap();
    assert_eq!(
        call,
        "plan -var-file=environments/staging.tfvars -input=false | staging none aws"
    );
}

#[test]
fn init_runs_once() {
    let project = Project::new();
    project.run(&["plan", "-e", "dev"]).expect_code(0);
    project.run(&["plan", "-e", "prod"]).expect_code(0);
    let inits = project
        .calls()
        .iter()
        .filter(|call| call.starts_with("init"))
        .count();
    assert_eq!(inits, 1);
}

#[test]
fn a_failed_init_ends_it() {
    let project = Project::new().has("bin/code-of-init", "1");
    let finished = project.run(&["plan", "-e", "dev"]).expect_code(1);
    assert!(
        finished.stderr.contains("terraform init failed"),
        "{finished:?}"
    );
    assert_eq!(project.calls().len(), 1);
}

#[test]
fn terraforms_codes_become_ours() {
    for (told, arguments, code) in [
        ("0", &["plan", "-e", "dev", "--exit-code"][..], 0),
        ("1", &["plan", "-e", "dev", "--exit-code"], 1),
        ("2", &["plan", "-e", "dev", "--exit-code"], 8),
        ("2", &["plan", "-e", "dev", "--", "-detailed-exitcode"], 8),
        ("1", &["plan", "-e", "dev"], 1),
    ] {
        let project = Project::new().has("bin/code-of-plan", told);
        project.run(arguments).expect_code(code);
        assert!(
            project.calls()[1].contains("-detailed-exitcode") == (arguments.len() > 3),
            "{:?}",
            project.calls()
        );
    }
    let project = Project::new().has("bin/code-of-apply", "3");
    project.run(&["apply", "-e", "dev", "--yes"]).expect_code(1);
}

#[test]
fn apply_and_destroy_need_a_confirmation_where_nobody_can_be_asked() {
    for verb in ["apply", "destroy"] {
        let project = Project::new();
        let finished = project.run(&[verb, "-e", "dev"]).expect_code(2);
        assert!(
            finished.stderr.contains("`--yes` confirms it"),
            "{finished:?}"
        );
        assert_eq!(project.calls(), Vec::<String>::new());

        project.run(&[verb, "-e", "prod", "--yes"]).expect_code(0);
        assert_eq!(
            project.calls()[1],
            format!(
                "{verb} -var-file=environments/prod.tfvars -auto-approve -input=false | prod none aws"
            )
        );
    }
}

#[test]
fn a_saved_plan_is_applied_from_where_it_was_named_and_without_settings() {
    let project = Project::new().has("saved.tfplan", "");
    let plan = project
        .sandbox
        .work()
        .join("saved.tfplan")
        .canonicalize()
        .unwrap();
    project
        .run(&["apply", "-e", "dev", "--yes", "saved.tfplan"])
        .expect_code(0);
    assert_eq!(
        project.calls()[1],
        format!(
            "apply -auto-approve -input=false {} | default dev-profile aws",
            plan.display()
        )
    );
    project
        .run(&["apply", "-e", "dev", "--yes", "none.tfplan"])
        .expect_code(2);
}

#[test]
fn output_hands_on_the_name_and_the_form() {
    let project = Project::new().has("bin/output", "value");
    for (arguments, call) in [
        (&["output", "-e", "dev"][..], "output"),
        (
            &["output", "-e", "dev", "api_endpoint"],
            "output api_endpoint",
        ),
        (
            &["output", "-e", "dev", "api_endpoint", "--raw"],
            "output -raw api_endpoint",
        ),
        (&["output", "-e", "dev", "--json"], "output -json"),
    ] {
        let finished = project.run(arguments).expect_code(0);
        assert_eq!(finished.stdout, "value");
        let last = project.calls().pop().unwrap();
        assert_eq!(last, format!("{call} | default dev-profile aws"));
    }
    project
        .run(&["output", "-e", "dev", "--raw"])
        .expect_code(2);
}

#[test]
fn local_is_refused_with_the_environments_there_are() {
    for verb in ["bootstrap", "plan", "apply", "output", "destroy"] {
        let project = Project::new();
        let finished = project.run(&[verb]).expect_code(3);
        assert!(
            finished.stderr.contains("needs no infrastructure"),
            "{finished:?}"
        );
        assert!(
            finished.stderr.contains("`dev`, `prod`, `staging`"),
            "{finished:?}"
        );
        assert_eq!(project.read("bin/calls"), "");
    }
}

#[test]
fn the_folder_is_found_from_below_and_by_the_project_file() {
    let project = Project::new();
    let mut command = project.command(&["plan", "-e", "dev"]);
    command.current_dir(project.sandbox.work().join("infra/aws/environments"));
    finish(&mut command).expect_code(0);

    let moved = project.sandbox.work().join("terraform");
    std::fs::rename(project.sandbox.work().join("infra/aws"), &moved).unwrap();
    project.run(&["plan", "-e", "dev"]).expect_code(3);
    let project = project.has(
        "t3nets.toml",
        &format!("infra_dir = \"terraform\"\n{PROJECT}"),
    );
    project.run(&["plan", "-e", "dev"]).expect_code(0);
    assert!(project.calls().pop().unwrap().ends_with(" terraform"));
}

#[test]
fn a_missing_or_old_terraform_is_not_ready() {
    let project = Project::new();
    let mut command = project.command(&["plan", "-e", "dev"]);
    command.env("PATH", "/nowhere");
    let finished = finish(&mut command).expect_code(3);
    assert!(
        finished.stderr.contains("`terraform` or `tofu`"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("T3NETS_TERRAFORM"), "{finished:?}");

    let mut command = project.command(&["plan", "-e", "dev"]);
    command.env("T3NETS_TERRAFORM", "no-such-program");
    let finished = finish(&mut command).expect_code(3);
    assert!(
        finished.stderr.contains("`no-such-program`"),
        "{finished:?}"
    );

    let project = project.has("bin/version", r#"{"terraform_version": "1.4.9"}"#);
    let finished = project.run(&["plan", "-e", "dev"]).expect_code(3);
    assert!(
        finished.stderr.contains("needs Terraform 1.5"),
        "{finished:?}"
    );
    let project = project.has("bin/version", "hello");
    project.run(&["plan", "-e", "dev"]).expect_code(3);
}

#[test]
fn tofu_is_used_where_terraform_is_missing_and_another_program_by_name() {
    let project = Project::new();
    let bin = project.bin();
    std::fs::rename(bin.join("terraform"), bin.join("tofu")).unwrap();
    let mut command = project.command(&["plan", "-e", "dev"]);
    // Nothing but the stand-in, the shell and what it uses.
    let tools = project.sandbox.work().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["dirname", "basename", "cat", "mkdir", "sh"] {
        let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
        let found = found.iter().find(|path| path.exists()).unwrap();
        std::os::unix::fs::symlink(found, tools.join(tool)).unwrap();
    }
    command.env("PATH", format!("{}:{}", bin.display(), tools.display()));
    finish(&mut command).expect_code(0);
    assert_eq!(project.calls().len(), 2);

    let mut command = project.command(&["plan", "-e", "dev"]);
    command.env("T3NETS_TERRAFORM", bin.join("tofu"));
    finish(&mut command).expect_code(0);
    assert_eq!(project.calls().len(), 3);
}

#[test]
fn a_terraform_that_answers_without_end_is_ended() {
    let project = Project::new();
    let program = project.bin().join("endless");
    std::fs::write(&program, "#!/bin/sh\nexec head -c 200000000 /dev/zero\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).unwrap();
    let mut command = project.command(&["plan", "-e", "dev"]);
    command.env("T3NETS_TERRAFORM", &program);
    finish(&mut command)
        .expect_code(1)
        .says("answers with more than 64 MiB");
}
