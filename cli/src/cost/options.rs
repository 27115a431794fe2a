//! What an environment would cost with other settings: one change at a time, and the cheapest
//! together.

use serde::Serialize;
use t3nets_deploy::image_ref::Architecture;

use super::environment::{Egress, Front, Insights, PricedSettings};
use super::estimate::estimate;
use super::prices::PriceTable;
use super::usage::Usage;
use crate::aws::ActiveHours;

/// One change and what it does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OptionEffect {
    /// As written in the environment's tfvars.
    pub(crate) setting: String,
    /// US dollars a month more; less, if negative.
    pub(crate) usd: f64,
    /// What it costs besides money, or gives for it.
    pub(crate) means: &'static str,
}

/// A setting, how it is changed, and what that means.
type Change = (&'static str, fn(&mut PricedSettings), &'static str);

const CHANGES: [Change; 21] = [
    (
        "egress = \"nat_gateway\"",
        |s| s.egress = Egress::NatGateway,
        "managed by AWS",
    ),
    (
        "egress = \"nat_instance\"",
        |s| set_egress(s, Egress::NatInstance),
        "one small instance to look after",
    ),
    (
        "egress = \"public\"",
        |s| set_egress(s, Egress::Public),
        "tasks have public addresses; nothing gets in",
    ),
    (
        "egress = \"existing\"",
        |s| set_egress(s, Egress::Existing),
        "the way out that the existing VPC has",
    ),
    (
        "nat_gateway_per_zone = true",
        |s| {
            s.egress = Egress::NatGateway;
            s.nat_gateway_per_zone = true;
        },
        "one zone's failure does not cut off the other",
    ),
    (
        "nat_gateway_per_zone = false",
        |s| s.nat_gateway_per_zone = false,
        "one zone's failure may cut off the other",
    ),
    (
        "front = \"alb\"",
        |s| s.front = Front::Alb,
        "target health, draining, streaming",
    ),
    (
        "front = \"cloud_map\"",
        use_cloud_map,
        "no target health, draining or streaming: for dev",
    ),
    (
        "cpu_architecture = \"X86_64\"",
        |s| s.cpu_architecture = Architecture::X86_64,
        "images are built for x86",
    ),
    (
        "cpu_architecture = \"ARM64\"",
        |s| s.cpu_architecture = Architecture::Arm64,
        "images are built for ARM",
    ),
    (
        "fargate_spot = true",
        |s| s.fargate_spot = true,
        "AWS may stop a task at two minutes' notice; refused in prod",
    ),
    (
        "fargate_spot = false",
        |s| s.fargate_spot = false,
        "tasks are not stopped for others",
    ),
    (
        "active_hours = { 50 hours a week }",
        |s| s.active_hours = Some(ActiveHours::working_week()),
        "no tasks at night and on weekends; refused in prod",
    ),
    (
        "active_hours = null",
        |s| s.active_hours = None,
        "tasks at all times",
    ),
    (
        "streaming_front = true",
        |s| {
            s.front = Front::Alb;
            s.streaming_front = true;
        },
        "answers come as they are written",
    ),
    (
        "interface_endpoints + 1",
        |s| {
            // Five services have one (`interface_endpoints` in variables.tf).
            if s.interface_endpoints.len() < 5 {
                s.interface_endpoints.insert("one more".to_owned());
            }
        },
        "calls of one AWS service stay off the internet",
    ),
    (
        "point_in_time_recovery = true",
        |s| s.point_in_time_recovery = true,
        "tables restorable to any second of 35 days",
    ),
    (
        "backup = {}",
        |s| {
            s.backup.get_or_insert_default();
        },
        "tables backed up daily and monthly; copies elsewhere by choice",
    ),
    (
        "customer_managed_key = true",
        |s| s.customer_managed_key = true,
        "encryption that can be revoked and audited",
    ),
    (
        "container_insights = \"enabled\"",
        |s| s.container_insights = Insights::Enabled,
        "metrics of tasks and service",
    ),
    (
        "public + cloud_map + ARM64 + Spot + hours",
        |s| {
            set_egress(s, Egress::Public);
            use_cloud_map(s);
            s.cpu_architecture = Architecture::Arm64;
            s.fargate_spot = true;
            s.active_hours = Some(ActiveHours::working_week());
        },
        "the cheapest together: for dev",
    ),
];

/// Every change that is one, in the order above.
pub(crate) fn options(
    table: &PriceTable,
    settings: &PricedSettings,
    usage: &Usage,
) -> Vec<OptionEffect> {
    let now = estimate(table, settings, usage).total();
    CHANGES
        .iter()
        .filter_map(|(setting, change, means)| {
            let mut changed = settings.clone();
            change(&mut changed);
            (changed != *settings && changed.has_way_out()).then(|| OptionEffect {
                setting: (*setting).to_owned(),
                usd: super::cents(estimate(table, &changed, usage).total() - now),
                means,
            })
        })
        .collect()
}

fn set_egress(settings: &mut PricedSettings, egress: Egress) {
    settings.egress = egress;
    settings.nat_gateway_per_zone = false;
}

/// REST APIs, and so streaming, cannot reach Cloud Map.
fn use_cloud_map(settings: &mut PricedSettings) {
    settings.front = Front::CloudMap;
    settings.streaming_front = false;
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::{dev, prices, usage};
    use super::super::usage::ZONES;
    use super::*;

    fn effects(settings: &PricedSettings) -> Vec<OptionEffect> {
        options(&prices(), settings, &usage())
    }

    fn effect(setting: &str) -> f64 {
        effects(&dev())
            .into_iter()
            .find(|effect| effect.setting.contains(setting))
            .map(|effect| effect.usd)
            .unwrap()
    }

    #[test]
    fn what_should_save_saves_and_what_adds_costs() {
        for saving in [
            "nat_instance",
            "\"public\"",
            "\"cloud_map\"",
            "ARM64",
            "fargate_spot",
            "active_hours",
            "cheapest",
        ] {
            let found = effects(&dev())
                .into_iter()
                .find(|effect| effect.setting.contains(saving) || effect.means.contains(saving))
                .unwrap();
            assert!(found.usd < 0.0, "{found:?}");
        }
        for adding in [
            "nat_gateway_per_zone = true",
            "streaming_front",
            "interface_endpoints",
            "point_in_time_recovery",
            "backup",
            "customer_managed_key",
            "container_insights",
        ] {
            assert!(effect(adding) > 0.0, "{adding}: {}", effect(adding));
        }
    }

    #[test]
    fn the_savings_are_those_of_the_list_prices() {
        // A gateway ($32.85 and 1 GB) gives way to an instance ($3.07), its disk ($0.64) and its
        // alarm ($0.10); both have one address.
        assert_eq!(effect("nat_instance"), -29.09);
        assert_eq!(effect("ARM64"), -1.8);
    }

    #[test]
    fn a_development_environment_costs_less_than_8_dollars_with_the_cheapest_together() {
        let without_model = estimate(&prices(), &dev(), &usage()).without_model();
        let cheapest = without_model + effect("Spot + hours");
        assert!(cheapest < 8.0, "{cheapest}");
    }

    #[test]
    fn the_option_in_use_is_not_offered() {
        let settings: Vec<_> = effects(&dev()).into_iter().map(|e| e.setting).collect();
        assert!(!settings.contains(&"egress = \"nat_gateway\"".to_owned()));
        assert!(!settings.contains(&"front = \"alb\"".to_owned()));
        let mut cheap = dev();
        cheap.front = Front::CloudMap;
        let settings: Vec<_> = effects(&cheap).into_iter().map(|e| e.setting).collect();
        assert!(settings.contains(&"front = \"alb\"".to_owned()));
    }

    #[test]
    fn an_existing_vpc_has_its_own_way_out() {
        let existing = |egress| PricedSettings {
            vpc_id: Some("vpc-1".into()),
            private_subnet_ids: ["subnet-1", "subnet-2", "subnet-3"]
                .map(String::from)
                .into(),
            egress,
            ..dev()
        };
        let offered = |settings| -> Vec<_> {
            let effects = effects(&settings).into_iter().map(|effect| effect.setting);
            effects
                .filter(|setting| setting.starts_with("egress") || setting.starts_with("nat_"))
                .collect()
        };
        assert_eq!(offered(existing(Egress::Existing)), ["egress = \"public\""]);
        assert_eq!(offered(existing(Egress::Public)), ["egress = \"existing\""]);
        assert!(!offered(dev()).contains(&"egress = \"existing\"".to_owned()));

        let cost = |settings| estimate(&prices(), &settings, &usage()).without_model();
        let saved = cost(dev()) - cost(existing(Egress::Existing));
        assert_eq!(super::super::cents(saved), 32.85 + 0.05 + 3.65);
        let with_endpoint = PricedSettings {
            interface_endpoints: ["logs".to_owned()].into(),
            ..existing(Egress::Existing)
        };
        let endpoint = cost(with_endpoint) - cost(existing(Egress::Existing));
        assert_eq!(super::super::cents(endpoint), 3.0 * 7.3 + 0.01);
    }

    #[test]
    fn an_endpoint_costs_its_hours_in_each_zone() {
        assert_eq!(
            effect("interface_endpoints"),
            super::super::cents(7.3 * f64::from(ZONES) + 0.01)
        );
    }
}
