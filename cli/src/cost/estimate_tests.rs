//! Tests of the estimate, and the environments that others' tests start from.

use std::path::Path;

use super::super::backups::Backups;
use super::*;

pub(crate) fn prices() -> PriceTable {
    PriceTable::built_in().unwrap()
}

/// The project's own dev, from its files.
pub(crate) fn dev() -> PricedSettings {
    own("dev")
}

fn own(environment: &str) -> PricedSettings {
    PricedSettings::from_values(own_values(environment)).unwrap()
}

fn own_values(environment: &str) -> serde_json::Map<String, serde_json::Value> {
    crate::terraform::folder::tests::own_values(environment)
}

/// The defaults of the command line.
pub(crate) fn usage() -> Usage {
    #[derive(clap::Parser)]
    struct Arguments {
        #[command(flatten)]
        usage: Usage,
    }
    <Arguments as clap::Parser>::parse_from(["cost"]).usage
}

impl Estimate {
    fn of(&self, service: Service) -> f64 {
        self.sum(|found| found == service)
    }
}

fn cost(settings: &PricedSettings, usage: &Usage) -> Estimate {
    estimate(&prices(), settings, usage)
}

#[test]
fn dev_is_within_the_documented_range_row_by_row() {
    let dev = cost(&dev(), &usage());
    let mut compared = 0;
    for row in &dev.rows {
        if let Some(range) = row.documented {
            let usd = row.usd.unwrap();
            assert!(
                range.contains(usd),
                "{}: {usd} is not {}",
                row.name,
                range.written
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 8, "documented rows");
}

#[test]
fn dev_without_what_the_documented_estimate_leaves_out_is_within_its_total() {
    let dev = cost(&dev(), &usage());
    let left_out: Vec<_> = dev.rows.iter().filter(|row| row.not_included).collect();
    assert_eq!(left_out.len(), 2);
    let sum: f64 = left_out.iter().filter_map(|row| row.usd).sum();
    assert!(documented::TOTAL.contains(dev.without_model() - sum));
    assert!(!documented::TOTAL.contains(dev.without_model()));
}

#[test]
fn the_documented_rows_add_up_to_what_is_said_of_them() {
    let written = documented::sum_of_rows();
    let singles = 32.0 + 3.0 * 0.5;
    assert_eq!(written.low, singles + 5.0 + 1.0 + 1.0);
    assert_eq!(written.high, singles + 10.0 + 2.0 + 2.0);
}

#[test]
fn every_priced_setting_is_a_variable_of_the_terraform() {
    let variables = own_values("dev");
    let priced = serde_json::to_value(dev()).unwrap();
    for name in priced.as_object().unwrap().keys() {
        assert!(variables.contains_key(name), "{name}");
    }
}

#[test]
fn a_gateway_and_a_task_cost_their_hours() {
    let dev = cost(&dev(), &usage());
    assert_eq!(cents(dev.of(Service::Nat)), 32.9);
    assert_eq!(cents(dev.of(Service::Fargate)), 9.01);
    assert_eq!(cents(dev.of(Service::PublicAddresses)), 3.65);
    assert_eq!(cents(dev.of(Service::Model)), 29.7);
    // 18 metrics, of which ten are free.
    assert_eq!(cents(dev.of(Service::Alarms)), 0.8);
}

#[test]
fn backups_cost_their_storage_and_their_alarms() {
    let mut settings = dev();
    let without = cost(&settings, &usage()).total();
    settings.backup = Some(Backups::default());
    let with = cost(&settings, &usage());
    assert_eq!(cents(with.of(Service::Backups)), 1.9);
    assert_eq!(cents(with.total() - without), 2.1);
    let none_new = Backups {
        daily_days: 0,
        monthly_days: 0,
        ..Backups::default()
    };
    settings.backup = Some(none_new);
    assert_eq!(cost(&settings, &usage()).total(), without);
}

#[test]
fn more_use_never_costs_less() {
    let base = cost(&dev(), &usage());
    let more: [fn(&mut Usage); 7] = [
        |u| u.requests_per_month *= 100,
        |u| u.chats_per_month *= 10,
        |u| u.input_tokens *= 2,
        |u| u.output_tokens *= 2,
        |u| u.secrets += 1,
        |u| u.table_gb += 1.0,
        |u| u.egress_gb += 1.0,
    ];
    for (index, change) in more.iter().enumerate() {
        let mut usage = usage();
        change(&mut usage);
        let changed = cost(&dev(), &usage);
        assert!(changed.total() > base.total(), "change {index}");
        for (before, after) in base.rows.iter().zip(&changed.rows) {
            assert!(after.usd >= before.usd, "change {index}: {}", after.name);
        }
    }
}

#[test]
fn a_bigger_environment_never_costs_less() {
    let total = |environment: &str| cost(&own(environment), &usage()).without_model();
    assert!(total("dev") < total("staging"));
    assert!(total("staging") < total("prod"));
}

#[test]
fn no_use_leaves_what_is_paid_by_the_hour() {
    let none = Usage {
        requests_per_month: 0,
        chats_per_month: 0,
        input_tokens: 0,
        output_tokens: 0,
        secrets: 0,
        table_gb: 0.0,
        egress_gb: 0.0,
    };
    let idle = cost(&dev(), &none);
    // Gateway, task, load balancer, address, images, alarms.
    assert_eq!(cents(idle.total()), 62.76);
}

#[test]
fn enormous_use_is_a_number() {
    let usage = Usage {
        requests_per_month: u64::MAX,
        chats_per_month: u64::MAX,
        input_tokens: u64::MAX,
        output_tokens: u64::MAX,
        secrets: u64::MAX,
        table_gb: 1e300,
        egress_gb: 1e300,
    };
    assert!(cost(&dev(), &usage).total().is_finite());
}

#[test]
fn a_model_is_found_with_and_without_a_profile_and_an_unknown_one_has_no_price() {
    let mut settings = dev();
    settings.bedrock_model_id = "amazon.nova-lite-v1:0".into();
    assert!(cost(&settings, &usage()).of(Service::Model) > 0.0);
    settings.bedrock_model_id = "us.amazon.nova-lite-v1:0".into();
    assert!(cost(&settings, &usage()).of(Service::Model) > 0.0);
    settings.bedrock_model_id = "arn:aws:bedrock:us-east-1:1:default-prompt-router/x:1".into();
    let unknown = cost(&settings, &usage());
    assert_eq!(unknown.rows.last().unwrap().usd, None);
    assert_eq!(unknown.total(), unknown.without_model());
}

#[test]
fn the_alarms_are_as_many_as_the_terraform_has() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/aws/modules");
    let declared: usize = ["api", "compute", "data", "networking"]
        .iter()
        .map(|module| {
            let text = std::fs::read_to_string(modules.join(module).join("alarms.tf")).unwrap();
            text.matches("resource \"aws_cloudwatch_metric_alarm\"")
                .count()
        })
        .sum();
    // With a load balancer: three of its own instead of one. Both tables share two resources, the
    // tasks' processor and memory one.
    let (front, model, tasks, api, tables, nat) = (3 + 1, 2, 1, 2, 2, 1);
    assert_eq!(declared, front + model + tasks + api + tables + nat);
}
