//! The price table, `prices.toml`.

use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// What AWS charges in one region.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceTable {
    pub(crate) region: String,
    /// As of which year and month.
    pub(crate) date: String,
    /// The hours that a month counts.
    pub(crate) hours_per_month: f64,
    /// How much less a Spot task costs, from 0 to 1.
    pub(crate) fargate_spot_discount: f64,
    /// Alarm metrics that an account has free.
    pub(crate) free_alarm_metrics: u32,
    /// Data to the internet that an account has free, in GB a month.
    pub(crate) free_data_out_gb: f64,
    pub(crate) prices: Prices,
}

/// A price and where it is published.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    usd: f64,
    /// For how many units.
    #[serde(default = "one")]
    each: f64,
    /// What a unit (or `each` of them) is, for people.
    per: String,
    /// Where AWS publishes it.
    source: String,
    /// Whether it was read there on the table's date.
    checked: bool,
}

fn one() -> f64 {
    1.0
}

impl Price {
    /// What a quantity costs, in US dollars.
    pub(crate) fn of(&self, quantity: f64) -> f64 {
        self.usd * quantity / self.each
    }
}

/// Every price by name; `per` in the file says what its unit is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) nat_gateway_hour: Price,
    pub(crate) nat_gateway_gb: Price,
    pub(crate) public_ipv4_hour: Price,
    pub(crate) nat_instance_hour: Price,
    pub(crate) disk_gb_month: Price,
    pub(crate) data_out_gb: Price,
    pub(crate) interface_endpoint_hour: Price,
    pub(crate) interface_endpoint_gb: Price,
    pub(crate) fargate_x86_vcpu_hour: Price,
    pub(crate) fargate_x86_gb_hour: Price,
    pub(crate) fargate_arm_vcpu_hour: Price,
    pub(crate) fargate_arm_gb_hour: Price,
    pub(crate) load_balancer_hour: Price,
    pub(crate) load_balancer_lcu_hour: Price,
    pub(crate) cloud_map_zone_month: Price,
    pub(crate) cloud_map_instance_month: Price,
    pub(crate) cloud_map_discoveries: Price,
    pub(crate) http_api_requests: Price,
    pub(crate) rest_api_requests: Price,
    pub(crate) dynamodb_writes: Price,
    pub(crate) dynamodb_reads: Price,
    pub(crate) dynamodb_gb_month: Price,
    pub(crate) dynamodb_recovery_gb_month: Price,
    pub(crate) backup_gb_month: Price,
    pub(crate) other_region_gb: Price,
    pub(crate) ecr_gb_month: Price,
    pub(crate) secret_month: Price,
    pub(crate) secret_calls: Price,
    pub(crate) log_gb: Price,
    pub(crate) log_gb_month: Price,
    pub(crate) alarm_month: Price,
    pub(crate) metric_month: Price,
    pub(crate) kms_key_month: Price,
    pub(crate) kms_calls: Price,
}

impl PriceTable {
    /// The table that this program was built with.
    ///
    /// # Errors
    /// If the file is broken, which its test rules out.
    pub(crate) fn built_in() -> Result<Self, CliError> {
        toml::from_str(include_str!("prices.toml"))
            .map_err(|error| CliError::failed("cannot understand the price table").caused_by(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_is_positive_and_names_where_aws_publishes_it() {
        let table = serde_json::to_value(PriceTable::built_in().unwrap()).unwrap();
        for (name, price) in table["prices"].as_object().unwrap() {
            assert!(price["usd"].as_f64().unwrap() > 0.0, "{name}");
            assert!(price["each"].as_f64().unwrap() >= 1.0, "{name}");
            let source = price["source"].as_str().unwrap();
            assert!(source.starts_with("https://aws.amazon.com/"), "{name}");
        }
    }
}
