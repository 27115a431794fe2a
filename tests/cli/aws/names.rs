//! Which names are used, and where they come from.

use serde_json::{Value, json};
use support::aws::AwsServer;

use super::{nobody, operator_at, operator_without_credentials};
use crate::infra::project;
use crate::operator::Operator;
use crate::sandbox::finish;

fn state(environment: &str, table: &str) -> String {
    json!({"version": 4, "outputs": {
        "environment": {"value": environment, "type": "string"},
        "region": {"value": "eu-west-1", "type": "string"},
        "tenants_table_name": {"value": table, "type": "string"},
        "api_endpoint": {"value": "https://api.example", "type": "string"},
    }})
    .to_string()
}

fn name(shown: &Value, name: &str) -> (String, String) {
    let found = &shown["names"][name];
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("value"), text("source"))
}

fn is(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

#[test]
fn every_name_is_shown_with_where_it_comes_from() {
    let sandbox = project();
    sandbox.write("infra/aws/terraform.tfstate", &state("dev", "from-state"));
    sandbox.write(
        "t3nets.toml",
        "[env.dev]\nplatform = \"aws\"\ncluster = \"from-file\"\n",
    );
    let shown = sandbox
        .run(&["env", "show", "dev", "--json"])
        .expect_code(0);
    let shown = shown.json();
    assert_eq!(name(&shown, "cluster"), is("from-file", "project_file"));
    assert_eq!(name(&shown, "tenants_table"), is("from-state", "state"));
    assert_eq!(name(&shown, "region"), is("eu-west-1", "state"));
    assert_eq!(
        name(&shown, "service"),
        is("t3nets-dev-router", "convention")
    );
    assert_eq!(name(&shown, "cpu_architecture"), is("X86_64", "variables"));
    let text = sandbox.run(&["env", "show", "dev"]).expect_code(0).stdout;
    for part in [
        "from-state",
        "from Terraform's state",
        "infra/aws/terraform.tfstate",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_environment_of_terraforms_needs_no_project_file_and_has_a_state_of_its_own() {
    let sandbox = project();
    sandbox.write("infra/aws/terraform.tfstate", &state("dev", "dev-table"));
    sandbox.write(
        "infra/aws/terraform.tfstate.d/prod/terraform.tfstate",
        &state("prod", "prod-table"),
    );
    let listed = sandbox.run(&["env", "list"]).expect_code(0).stdout;
    for name in ["dev", "local", "prod", "staging"] {
        assert!(listed.contains(name), "{listed}");
    }
    let mut command = sandbox.command(&["env", "show", "--json", "-e", "prod"]);
    command.current_dir(sandbox.work().join("infra/aws/environments"));
    let shown = finish(&mut command).expect_code(0).json();
    assert_eq!(name(&shown, "tenants_table"), is("prod-table", "state"));
    let shown = sandbox.run(&["env", "show", "--json", "-e", "staging"]);
    let shown = shown.expect_code(0).json();
    assert_eq!(
        name(&shown, "tenants_table"),
        is("t3nets-staging-tenants", "convention")
    );
}

#[test]
fn another_environments_state_is_refused_by_whatever_works_on_it() {
    let sandbox = project();
    sandbox.write("infra/aws/terraform.tfstate", &state("prod", "prod-table"));
    let finished = sandbox.run(&["tenant", "list", "-e", "dev"]).expect_code(3);
    assert!(
        finished
            .stderr
            .contains("is environment `prod`'s, not `dev`'s"),
        "{finished:?}"
    );
    let shown = sandbox.run(&["env", "show", "dev"]).expect_code(0);
    assert!(shown.stderr.contains("was not read"), "{shown:?}");
    assert!(!shown.stdout.contains("prod-table"), "{shown:?}");
}

#[test]
fn a_broken_state_is_named_and_not_guessed_around() {
    let sandbox = project();
    sandbox.write("infra/aws/terraform.tfstate", "{\"version\": 4,");
    let finished = sandbox.run(&["tenant", "list", "-e", "dev"]).expect_code(3);
    assert!(
        finished.stderr.contains("infra/aws/terraform.tfstate"),
        "{finished:?}"
    );
}

const BACKEND: &str = r#"
terraform {
  backend "s3" {
    bucket = "BUCKET"
    key    = "t3nets/terraform.tfstate"
    region = "us-east-1"
  }
}
"#;

/// A project whose state is in a bucket, and its operator.
fn project_with_bucket(operator: &Operator, bucket: &str) {
    operator.write("infra/aws/backend.tf", &BACKEND.replace("BUCKET", bucket));
    operator.write("infra/aws/variables.tf", "");
    for name in ["dev", "prod"] {
        operator.write(
            &format!("infra/aws/environments/{name}.tfvars"),
            &format!("environment = \"{name}\"\n"),
        );
    }
}

#[tokio::test]
async fn the_state_in_a_bucket_is_read_with_the_environments_credentials() {
    let Some(aws) = AwsServer::shared_ministack() else {
        return;
    };
    let mut operator = operator_without_credentials();
    for (name, value) in aws.variables() {
        operator = operator.with(name, &value);
    }
    let bucket = "cli-names-state";
    project_with_bucket(&operator, bucket);
    // The server asks for no signature.
    let http = reqwest::Client::new();
    let put = async |path: &str, body: String| {
        let address = format!("{}/{bucket}{path}", aws.url());
        let answer = http.put(address).body(body).send().await.unwrap();
        answer.error_for_status().unwrap();
    };
    put("", String::new()).await;
    for (key, environment) in [
        ("t3nets/terraform.tfstate", "dev"),
        ("env:/prod/t3nets/terraform.tfstate", "prod"),
    ] {
        let table = format!("{environment}-in-bucket");
        put(&format!("/{key}"), state(environment, &table)).await;
        let shown = operator.json(&["env", "show", environment]);
        assert_eq!(name(&shown, "tenants_table"), is(&table, "state"));
    }
    project_with_bucket(&operator, "cli-names-no-such-bucket");
    let shown = operator.run(&["env", "show", "dev"]).expect_code(0);
    assert!(shown.stderr.contains("does not exist"), "{shown:?}");
}

#[test]
fn a_bucket_that_cannot_be_reached_stops_what_would_work_on_guessed_names() {
    let operator = operator_at(&nobody());
    project_with_bucket(&operator, "state");
    operator
        .run(&["tenant", "list"])
        .expect_code(1)
        .says("cannot read Terraform's state s3://state/t3nets/terraform.tfstate")
        .says("AWS cannot be reached");
    operator
        .run(&["env", "show"])
        .expect_code(0)
        .says("was not read");
}
