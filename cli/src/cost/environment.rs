//! The settings of an environment that have a price: variables of `infra/aws`, by their own names.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use t3nets_deploy::image_ref::Architecture;
use t3nets_router::ai::ProviderKind;
use t3nets_router::ai::table::{bedrock_model, default_model};

use super::backups::Backups;
use crate::aws::ActiveHours;
use crate::error::CliError;

/// The setting that nobody has to make.
const MODEL: &str = "bedrock_model_id";

/// Settings with a price. `infra/aws/variables.tf` describes each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PricedSettings {
    pub(crate) region: String,
    /// An existing VPC, and its subnets. A folder of an earlier release knows of none.
    #[serde(default)]
    pub(crate) vpc_id: Option<String>,
    #[serde(default)]
    pub(crate) private_subnet_ids: BTreeSet<String>,
    pub(crate) egress: Egress,
    pub(crate) nat_gateway_per_zone: bool,
    pub(crate) interface_endpoints: BTreeSet<String>,
    pub(crate) flow_logs: bool,
    pub(crate) point_in_time_recovery: bool,
    pub(crate) backup: Option<Backups>,
    pub(crate) customer_managed_key: bool,
    /// In 1/1024 vCPU.
    pub(crate) cpu: u32,
    /// In MiB.
    pub(crate) memory: u32,
    pub(crate) cpu_architecture: Architecture,
    pub(crate) fargate_spot: bool,
    pub(crate) desired_count: u32,
    pub(crate) autoscaling_max_count: Option<u32>,
    pub(crate) active_hours: Option<ActiveHours>,
    pub(crate) container_insights: Insights,
    pub(crate) front: Front,
    pub(crate) streaming_front: bool,
    pub(crate) bedrock_model_id: String,
    pub(crate) log_retention_days: u32,
    pub(crate) access_log_retention_days: u32,
}

/// How tasks reach the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Egress {
    NatGateway,
    NatInstance,
    Public,
    Existing,
}

/// The setting `container_insights`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Insights {
    Disabled,
    Enabled,
    Enhanced,
}

/// What stands between API Gateway and the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Front {
    Alb,
    CloudMap,
}

impl PricedSettings {
    /// Picks them out of an environment's variables.
    ///
    /// # Errors
    /// Not ready if one is missing or of no known value.
    pub(crate) fn from_values(mut values: Map<String, Value>) -> Result<Self, CliError> {
        // As models.tf derives it: the default model through the region's own inference profile.
        if let (Some(Value::Null), Some(Value::String(region))) =
            (values.get(MODEL), values.get("region"))
            && let Some((id, _)) =
                default_model(ProviderKind::Bedrock).and_then(|name| bedrock_model(name, region))
        {
            values.insert(MODEL.to_owned(), id.into());
        }
        serde_json::from_value(Value::Object(values)).map_err(|error| {
            CliError::not_ready("cannot understand the environment's settings")
                .caused_by(error)
                .hint(
                    "infra/aws/variables.tf describes each; they must be written out, not computed",
                )
        })
    }

    /// The part of the time in which there are tasks, from 0 to 1.
    pub(crate) fn active_share(&self) -> f64 {
        self.active_hours.as_ref().map_or(1.0, ActiveHours::share)
    }

    /// Gateways in use: the subnets lie in two zones.
    pub(crate) fn nat_gateways(&self) -> u32 {
        match (self.egress, self.nat_gateway_per_zone) {
            (Egress::NatGateway, true) => super::usage::ZONES,
            (Egress::NatGateway, false) => 1,
            (Egress::NatInstance | Egress::Public | Egress::Existing, _) => 0,
        }
    }

    /// Zones with an interface of each endpoint: one for each private subnet.
    pub(crate) fn zones(&self) -> u32 {
        match &self.vpc_id {
            Some(_) => u32::try_from(self.private_subnet_ids.len()).unwrap_or(u32::MAX),
            None => super::usage::ZONES,
        }
    }

    /// Whether `infra/aws` would take this way out for the VPC that there is.
    pub(crate) fn has_way_out(&self) -> bool {
        match self.egress {
            Egress::NatGateway | Egress::NatInstance => self.vpc_id.is_none(),
            Egress::Existing => self.vpc_id.is_some(),
            Egress::Public => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_not_set_is_the_regions_own() {
        let mut values = match serde_json::to_value(super::super::estimate::tests::dev()).unwrap() {
            Value::Object(values) => values,
            other => panic!("{other}"),
        };
        values.insert(MODEL.into(), Value::Null);
        // Those of infra/aws/tests/models.tftest.hcl.
        for (region, prefix) in [
            ("us-east-1", "us."),
            ("eu-west-1", "eu."),
            ("ap-south-1", "global."),
        ] {
            values.insert("region".into(), region.into());
            let settings = PricedSettings::from_values(values.clone()).unwrap();
            assert_eq!(
                settings.bedrock_model_id,
                format!("{prefix}anthropic.claude-sonnet-4-5-20250929-v1:0")
            );
        }
    }

    #[test]
    fn an_unknown_value_is_refused_by_its_name() {
        let mut values = match serde_json::to_value(super::super::estimate::tests::dev()).unwrap() {
            Value::Object(values) => values,
            other => panic!("{other}"),
        };
        values.insert("egress".into(), "balloon".into());
        let error = PricedSettings::from_values(values).unwrap_err();
        assert!(error.causes()[0].contains("balloon"), "{error:?}");
    }
}
