//! The bucket for the state, and moving state there.

use super::project::Project;

const MADE: &str =
    r#"{"bucket": {"value": "t3nets-terraform-state-1"}, "region": {"value": "eu-central-1"}}"#;

#[test]
fn bootstrap_makes_the_bucket_and_then_writes_the_backend() {
    let project = Project::new().has("bin/output", MADE);
    let made = project
        .run(&["bootstrap", "-e", "dev", "--yes", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(made["bucket"], "t3nets-terraform-state-1");
    assert_eq!(made["next"], "t3nets infra plan -e dev");
    assert_eq!(
        project.calls(),
        [
            "init -input=false | default dev-profile bootstrap",
            "apply -auto-approve -input=false -var=project=t3nets -var=region=us-east-1 | default dev-profile bootstrap",
            "output -json | default dev-profile bootstrap",
        ]
    );
    insta::assert_snapshot!("infra_backend", project.read("infra/aws/backend.tf"));

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
        project.calls()[3],
        "init -input=false -reconfigure | default dev-profile aws"
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
        let project = Project::new().has("bin/output", MADE).has(name, content);
        let before = project.read("infra/aws/backend.tf");
        project
            .run(&["bootstrap", "-e", "dev", "--yes"])
            .expect_code(1);
        assert_eq!(project.read("infra/aws/backend.tf"), before, "{name}");
    }
}

#[test]
fn bootstrap_needs_a_confirmation_and_a_terraform_that_locks_in_s3() {
    let project = Project::new();
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

#[test]
fn state_is_moved_only_when_that_is_confirmed() {
    let project = Project::new()
        .has("bin/output", MADE)
        .has("infra/aws/terraform.tfstate", "{}");
    project
        .run(&["bootstrap", "-e", "dev", "--yes"])
        .expect_code(0);
    let finished = project.run(&["plan", "-e", "dev"]).expect_code(2);
    assert!(finished.stderr.contains("--yes"), "{finished:?}");
    project.run(&["plan", "-e", "dev", "--yes"]).expect_code(0);
    let calls = project.calls();
    assert!(calls.contains(
        &"init -input=false -migrate-state -force-copy | default dev-profile aws".to_owned()
    ));
}
