//! `t3nets cost`, on the project's own Terraform.

use std::path::Path;

use crate::infra::project;
use crate::sandbox::{Finished, Sandbox};

fn dev(arguments: &[&str]) -> Finished {
    project().run(&[&["cost", "-e", "dev"], arguments].concat())
}

#[test]
fn dev_is_shown_next_to_the_reference_with_what_that_forgot() {
    insta::assert_snapshot!("cost_dev", dev(&[]).expect_code(0).stdout);
}

#[test]
fn json_has_every_row_its_source_and_the_assumptions() {
    let cost = dev(&["--json", "--chats-per-month", "10"])
        .expect_code(0)
        .json();
    assert_eq!(cost["assumptions"]["chats_per_month"], 10);
    assert_eq!(
        cost["price_table"]["prices"]["nat_gateway_hour"]["usd"],
        0.045
    );
    assert_eq!(
        cost["price_table"]["prices"]["nat_gateway_hour"]["checked"],
        false
    );
    let rows = cost["rows"].as_array().unwrap();
    let sum: f64 = rows.iter().map(|row| row["usd"].as_f64().unwrap()).sum();
    let total = cost["total_usd"].as_f64().unwrap();
    assert!((sum - total).abs() < 0.1, "{sum} {total}");
    let forgotten: Vec<_> = rows
        .iter()
        .filter(|row| row["forgotten_by_reference"] == true)
        .map(|row| row["service"].as_str().unwrap())
        .collect();
    assert_eq!(forgotten, ["front", "public_addresses"]);
}

#[test]
fn assumptions_that_make_no_sense_are_usage_errors() {
    dev(&["--egress-gb", "-1"]).expect_code(2);
    dev(&["--table-gb=nan"]).expect_code(2);
    dev(&["--requests-per-month", "many"]).expect_code(2);
}

#[test]
fn local_costs_nothing_also_without_any_terraform() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(&["cost"]).expect_code(0).stdout;
    assert!(told.contains("costs nothing"), "{told}");
    let json = sandbox.run(&["cost", "--json"]).expect_code(0).json();
    assert_eq!(json["total_usd"], 0);
}

#[test]
fn an_environment_without_settings_is_refused_with_those_there_are() {
    for name in ["qa", "../aws/environments/dev"] {
        let finished = project().run(&["cost", "-e", name]).expect_code(3);
        assert!(
            finished
                .stderr
                .contains("environments: `dev`, `prod`, `staging`"),
            "{finished:?}"
        );
    }
}

#[test]
fn without_the_terraform_folder_the_way_to_it_is_told() {
    let finished = Sandbox::new().run(&["cost", "-e", "dev"]).expect_code(3);
    assert!(finished.stderr.contains("infra_dir"), "{finished:?}");
}

#[test]
fn settings_of_another_environment_or_of_an_unknown_value_are_refused() {
    let sandbox = project();
    sandbox.write(
        "infra/aws/environments/qa.tfvars",
        "environment = \"dev\"\n",
    );
    let finished = sandbox.run(&["cost", "-e", "qa"]).expect_code(3);
    assert!(
        finished.stderr.contains("environment = \"qa\""),
        "{finished:?}"
    );

    sandbox.write(
        "infra/aws/environments/qa.tfvars",
        "environment = \"qa\"\negress = \"balloon\"\n",
    );
    let finished = sandbox.run(&["cost", "-e", "qa"]).expect_code(3);
    assert!(finished.stderr.contains("balloon"), "{finished:?}");

    sandbox.write("infra/aws/environments/qa.tfvars", "environment = \"qa\n");
    let finished = sandbox.run(&["cost", "-e", "qa"]).expect_code(3);
    assert!(finished.stderr.contains("qa.tfvars"), "{finished:?}");
}

#[test]
fn the_readmes_total_is_the_estimates() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let cost = dev(&["--json"]).expect_code(0).json();
    let total = cost["without_model_usd"].as_f64().unwrap();
    assert!(
        readme.contains(&format!("**about ${total:.0}**")),
        "{total}"
    );
    for option in cost["options"].as_array().unwrap() {
        let (setting, usd) = (
            option["setting"].as_str().unwrap(),
            option["usd"].as_f64().unwrap(),
        );
        let shown = if usd < 0.0 {
            format!("${:.2}", -usd)
        } else {
            format!("(${usd:.2})")
        };
        // Another table tells what each change does.
        let is_row = |line: &&str| line.starts_with(&format!("| `{setting}`"));
        let rows: Vec<&str> = readme.lines().filter(is_row).collect();
        let is_shown = rows.iter().any(|row| row.contains(&shown));
        assert!(is_shown, "{setting}: {shown} is not in {rows:?}");
    }
}
