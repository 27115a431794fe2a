//! The bucket for the state, and moving state there.

use super::project::Project;

const MADE: &str =
    r#"{"bucket": {"value": "t3nets-terraform-state-1"}, "region": {"value": "eu-central-1"}}"#;

const PROD: &str = "infra/aws/environments/prod.s3.tfbackend";
const DEV: &str = "infra/aws/environments/dev.s3.tfbackend";

#[test]
fn bootstrap_makes_the_bucket_and_then_writes_the_backend() {
    let project = Project::new().signed_in().has("bin/output", MADE);
    let made = project
        .run(&["bootstrap", "-e", "dev", "--yes", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(made["bucket"], "t3nets-terraform-state-1");
    assert_eq!(made["account"], "123456789012");
    assert_eq!(made["next"], "t3nets infra plan -e dev");
    assert_eq!(
        project.calls(),
        [
            "init -input=false | default dev-profile bootstrap",
            "apply -auto-approve -input=false -var=project=t3nets -var=region=us-east-1 | 123456789012 dev-profile bootstrap",
            "output -json | 123456789012 dev-profile bootstrap",
        ]
    );
    insta::assert_snapshot!("infra_backend", project.read("infra/aws/backend.tf"));
    insta::assert_snapshot!("infra_backend_of_dev", project.read(DEV));

    // What it wrote is read again: a second one is refused, and the next command sets the backend
    // up.
    let again = project
        .run(&["bootstrap", "-e", "dev", "--yes"])
        .expect_code(1);
    assert!(
        again.stderr.contains("t3nets-terraform-state-1"),
        "{again:?}"
    );
    assert_eq!(project.calls().len(), 3);
    project.run(&["plan", "-e", "dev"]).expect_code(0);
    assert_eq!(
        project.calls()[3..5],
        [
            "init -input=false -reconfigure -backend-config=infra/aws/environments/dev.s3.tfbackend | default dev-profile backend .terraform",
            "init -input=false -backend-config=infra/aws/environments/dev.s3.tfbackend | default dev-profile aws .terraform",
        ]
    );
}

#[test]
fn another_environment_of_the_account_uses_its_bucket_with_working_data_of_its_own() {
    let project = Project::new().signed_in().has("bin/output", MADE);
    let bootstrap = |name| project.run(&["bootstrap", "-e", name, "--yes", "--json"]);
    bootstrap("dev").expect_code(0);
    let refused = project.run(&["plan", "-e", "prod"]).expect_code(3);
    assert!(
        refused.stderr.contains("t3nets infra bootstrap -e prod"),
        "{refused:?}"
    );
    let before = project.calls().len();
    let made = bootstrap("prod").expect_code(0).json();
    assert_eq!(made["bucket"], "t3nets-terraform-state-1");
    assert_eq!(made.get("block_file"), None);
    project.run(&["plan", "-e", "prod"]).expect_code(0);
    assert_eq!(
        project.calls()[before..],
        [
            "init -input=false -reconfigure -backend-config=infra/aws/environments/prod.s3.tfbackend | default none backend .terraform/environments/prod",
            "init -input=false -backend-config=infra/aws/environments/prod.s3.tfbackend | default none aws .terraform/environments/prod",
            "plan -var-file=environments/prod.tfvars -input=false | prod none aws .terraform/environments/prod",
        ]
    );
    let settings = |name| {
        project
            .read(name)
            .lines()
            .skip(3)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(settings(PROD), settings(DEV));
}

#[test]
fn a_backend_with_all_settings_in_its_block_is_every_environments() {
    let block = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n  }\n}\n";
    let project = Project::new().has("infra/aws/backend.tf", block);
    let refused = project
        .run(&["bootstrap", "-e", "prod", "--yes"])
        .expect_code(1);
    assert!(
        refused.stderr.contains("environments/prod.s3.tfbackend"),
        "{refused:?}"
    );
    project.run(&["plan", "-e", "prod"]).expect_code(0);
    assert_eq!(
        project.calls()[0],
        "init -input=false -reconfigure | default none aws"
    );
}

#[test]
fn a_failed_bootstrap_leaves_the_backend_as_it_was() {
    for (name, content) in [
        ("bin/code-of-init", "1"),
        ("bin/code-of-apply", "1"),
        ("bin/output", "{}"),
        ("bin/output", "nonsense"),
    ] {
        let project = Project::new().signed_in();
        let project = project.has("bin/output", MADE).has(name, content);
        let before = project.read("infra/aws/backend.tf");
        project
            .run(&["bootstrap", "-e", "dev", "--yes"])
            .expect_code(1);
        assert_eq!(project.read("infra/aws/backend.tf"), before, "{name}");
        assert!(!project.sandbox.work().join(DEV).exists(), "{name}");
    }
}

#[test]
fn bootstrap_needs_a_confirmation_and_a_terraform_that_locks_in_s3() {
    let project = Project::new().signed_in();
    project.run(&["bootstrap", "-e", "dev"]).expect_code(2);
    let project = project.has("bin/version", r#"{"terraform_version": "1.9.8"}"#);
    let finished = project
        .run(&["bootstrap", "-e", "dev", "--yes"])
        .expect_code(3);
    assert!(
        finished.stderr.contains("needs Terraform 1.10"),
        "{finished:?}"
    );
    assert_eq!(project.calls(), Vec::<String>::new());
}

const STATE: &str = r#"{"version": 4, "lineage": "a", "serial": 3}"#;
const LOCAL: &str = "infra/aws/terraform.tfstate";

/// A project with a state in the folder, and a bucket for it.
fn to_move() -> Project {
    let project = Project::new().signed_in();
    let project = project.has("bin/output", MADE).has(LOCAL, STATE);
    project
        .run(&["bootstrap", "-e", "dev", "--yes"])
        .expect_code(0);
    project
}

fn moves(project: &Project) -> Vec<String> {
    let calls = project.calls().into_iter();
    let calls = calls.filter(|call| call.starts_with("state push"));
    calls
        .map(|call| call.split(" | ").nth(1).unwrap().to_owned())
        .collect()
}

#[test]
fn state_is_moved_only_when_that_is_confirmed() {
    let project = to_move();
    let finished = project.run(&["plan", "-e", "dev"]).expect_code(2);
    assert!(finished.stderr.contains("--yes"), "{finished:?}");
    assert_eq!(project.read(LOCAL), STATE);
    let moved = project.run(&["plan", "-e", "dev", "--yes"]).expect_code(0);
    assert!(moved.stderr.contains("moved the state"), "{moved:?}");
    assert_eq!(moves(&project), ["default dev-profile aws .terraform"]);
    assert_eq!(project.read(LOCAL), "");
    project.run(&["plan", "-e", "dev"]).expect_code(0);
    assert_eq!(moves(&project).len(), 1);
}

#[test]
fn a_state_that_was_not_moved_stays_in_use_until_it_is() {
    let project = to_move().has("bin/code-of-state", "1");
    project.run(&["plan", "-e", "dev", "--yes"]).expect_code(1);
    assert_eq!(project.read(LOCAL), STATE);
    let shown = project.sandbox.run(&["env", "show", "dev", "--json"]);
    assert!(shown.expect_code(0).stdout.contains("terraform.tfstate"));
    // It was taken, and only that was not heard.
    let project = project.has(
        "bin/pulled",
        r#"{"version": 4, "lineage": "a", "serial": 4}"#,
    );
    project.run(&["plan", "-e", "dev", "--yes"]).expect_code(0);
    assert_eq!(moves(&project).len(), 1);
    assert_eq!(project.read(LOCAL), "");
}
