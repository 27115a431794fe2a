//! The sum, service by service.

use serde::Serialize;
use t3nets_deploy::image_ref::Architecture;
use t3nets_router::ai::table;
use t3nets_router::model::TokenUsage;

use super::cents;
use super::documented::{self, Range};
use super::environment::{Egress, Front, Insights, PricedSettings};
use super::prices::PriceTable;
use super::service::Service;
use super::usage::{
    ACCESS_LOG_BYTES, ANSWER_BYTES, CONNECTIONS_PER_CAPACITY_UNIT, DAYS_PER_MONTH, FLOW_LOG_BYTES,
    GB, GB_PER_CAPACITY_UNIT_HOUR, IMAGE_GB, IMAGES, INSIGHTS_METRICS, INSIGHTS_METRICS_PER_TASK,
    NAT_INSTANCE_DISK_GB, READ_UNITS_PER_REQUEST, REQUESTS_PER_KEY_USE, ROUTER_LOG_BYTES, Usage,
    WRITE_UNITS_PER_CHAT,
};

/// One service's cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) service: Service,
    /// Its name for people.
    pub(crate) name: &'static str,
    /// US dollars a month; `None` if there is no price to compute it by.
    #[serde(serialize_with = "optional_cents")]
    pub(crate) usd: Option<f64>,
    /// What it is made of.
    pub(crate) made_of: String,
    /// What the documented estimate says.
    #[serde(rename = "reference", skip_serializing_if = "Option::is_none")]
    pub(crate) documented: Option<Range>,
    /// Whether it is within what the documented estimate says.
    #[serde(rename = "within_reference", skip_serializing_if = "Option::is_none")]
    pub(crate) within_documented: Option<bool>,
    /// Whether the documented architecture has it and the documented estimate does not.
    #[serde(rename = "forgotten_by_reference")]
    pub(crate) not_included: bool,
}

/// A month's cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) rows: Vec<Row>,
}

impl Estimate {
    /// The sum without the model, which depends on use alone.
    pub(crate) fn without_model(&self) -> f64 {
        self.sum(|service| service != Service::Model)
    }

    /// The sum, as far as prices are known.
    pub(crate) fn total(&self) -> f64 {
        self.sum(|_| true)
    }

    fn sum(&self, counts: impl Fn(Service) -> bool) -> f64 {
        self.rows
            .iter()
            .filter(|row| counts(row.service))
            .filter_map(|row| row.usd)
            .sum()
    }
}

/// What an environment costs a month.
pub(crate) fn estimate(table: &PriceTable, settings: &PricedSettings, usage: &Usage) -> Estimate {
    let sum = Sum {
        table,
        settings,
        usage,
    };
    let mut rows = vec![
        sum.nat(),
        sum.fargate(),
        sum.dynamodb(),
        sum.api_gateway(),
        sum.ecr(),
        sum.secrets(),
        sum.logs(),
        sum.front(),
        sum.public_addresses(),
        sum.data_out(),
    ];
    rows.extend(sum.interface_endpoints());
    rows.extend(sum.backups());
    rows.extend(sum.key());
    rows.extend(sum.insights());
    rows.push(sum.alarms());
    rows.push(sum.model());
    Estimate { rows }
}

fn row(service: Service, name: &'static str, usd: f64, made_of: impl Into<String>) -> Row {
    let documented = documented::of(service);
    Row {
        service,
        name,
        usd: Some(usd),
        made_of: made_of.into(),
        within_documented: documented.map(|range| range.contains(usd)),
        documented,
        not_included: documented::leaves_out(service),
    }
}

struct Sum<'a> {
    table: &'a PriceTable,
    settings: &'a PricedSettings,
    usage: &'a Usage,
}

impl Sum<'_> {
    fn hours(&self) -> f64 {
        self.table.hours_per_month
    }

    /// On average, over the hours that there are none.
    fn tasks(&self) -> f64 {
        f64::from(self.settings.desired_count) * self.settings.active_share()
    }

    fn nat(&self) -> Row {
        let prices = &self.table.prices;
        match self.settings.egress {
            Egress::NatGateway => {
                let gateways = self.settings.nat_gateways();
                let usd = prices
                    .nat_gateway_hour
                    .of(self.hours() * f64::from(gateways))
                    + prices.nat_gateway_gb.of(self.usage.egress_gb);
                let made_of = format!(
                    "{} and {} GB",
                    many(gateways, "gateway"),
                    self.usage.egress_gb
                );
                row(Service::Nat, "NAT gateway", usd, made_of)
            }
            Egress::NatInstance => {
                let usd = prices.nat_instance_hour.of(self.hours())
                    + prices.disk_gb_month.of(NAT_INSTANCE_DISK_GB);
                row(
                    Service::Nat,
                    "NAT instance",
                    usd,
                    "a t4g.nano with its disk",
                )
            }
            Egress::Public => row(
                Service::Nat,
                "NAT",
                0.0,
                "none: tasks have public addresses",
            ),
            Egress::Existing => row(Service::Nat, "NAT", 0.0, "none: the existing VPC's own"),
        }
    }

    fn fargate(&self) -> Row {
        let prices = &self.table.prices;
        let (vcpu_hour, gb_hour, architecture) = match self.settings.cpu_architecture {
            Architecture::X86_64 => (
                &prices.fargate_x86_vcpu_hour,
                &prices.fargate_x86_gb_hour,
                "x86",
            ),
            Architecture::Arm64 => (
                &prices.fargate_arm_vcpu_hour,
                &prices.fargate_arm_gb_hour,
                "ARM",
            ),
        };
        let vcpu = f64::from(self.settings.cpu) / 1024.0;
        let memory_gb = f64::from(self.settings.memory) / 1024.0;
        let task_hours = self.hours() * self.tasks();
        let (share, spot) = if self.settings.fargate_spot {
            (
                1.0 - self.table.fargate_spot_discount,
                ", Spot (its price moves)",
            )
        } else {
            (1.0, "")
        };
        let usd = (vcpu_hour.of(vcpu * task_hours) + gb_hour.of(memory_gb * task_hours)) * share;
        let tasks = many(self.settings.desired_count, "task");
        let more = match self.settings.autoscaling_max_count {
            Some(most) => format!("; up to {most} under load"),
            None => String::new(),
        };
        let hours = match self.settings.active_hours {
            Some(_) => format!(", {:.0} hours", self.hours() * self.settings.active_share()),
            None => String::new(),
        };
        let made_of =
            format!("{tasks} of {vcpu} vCPU and {memory_gb} GB, {architecture}{spot}{hours}{more}");
        row(Service::Fargate, "ECS Fargate", usd, made_of)
    }

    fn dynamodb(&self) -> Row {
        let prices = &self.table.prices;
        let reads = self.usage.requests() * READ_UNITS_PER_REQUEST;
        let writes = self.usage.chats() * WRITE_UNITS_PER_CHAT;
        let mut usd = prices.dynamodb_reads.of(reads)
            + prices.dynamodb_writes.of(writes)
            + prices.dynamodb_gb_month.of(self.usage.table_gb);
        let mut made_of = format!(
            "{READ_UNITS_PER_REQUEST} reads a request, {WRITE_UNITS_PER_CHAT} writes a chat, {} GB",
            self.usage.table_gb
        );
        if self.settings.point_in_time_recovery {
            usd += prices.dynamodb_recovery_gb_month.of(self.usage.table_gb);
            made_of.push_str(", point-in-time recovery");
        }
        row(Service::DynamoDb, "DynamoDB", usd, made_of)
    }

    fn api_gateway(&self) -> Row {
        let prices = &self.table.prices;
        let streamed = if self.settings.streaming_front {
            self.usage.chats()
        } else {
            0.0
        };
        let usd = prices
            .http_api_requests
            .of(self.usage.requests() - streamed)
            + prices.rest_api_requests.of(streamed);
        let mut made_of = format!("{} requests", self.usage.requests());
        if self.settings.streaming_front {
            made_of.push_str("; chats by the streaming front");
        }
        row(Service::ApiGateway, "API Gateway", usd, made_of)
    }

    fn ecr(&self) -> Row {
        let usd = self.table.prices.ecr_gb_month.of(IMAGES * IMAGE_GB);
        row(
            Service::Ecr,
            "ECR",
            usd,
            format!(
                "{IMAGES} images of {} MB; $0.50 would be 5 GB",
                IMAGE_GB * 1000.0
            ),
        )
    }

    fn secrets(&self) -> Row {
        let prices = &self.table.prices;
        // One read a chat: the router keeps no secret for longer than it needs it.
        let usd = prices.secret_month.of(self.usage.secrets as f64)
            + prices.secret_calls.of(self.usage.chats());
        let made_of = format!("{}, read once a chat", many(self.usage.secrets, "secret"));
        row(Service::Secrets, "Secrets Manager", usd, made_of)
    }

    fn logs(&self) -> Row {
        let requests = self.usage.requests();
        let mut logs = vec![
            (
                requests * ACCESS_LOG_BYTES / GB,
                self.settings.access_log_retention_days,
            ),
            (
                requests * ROUTER_LOG_BYTES / GB,
                self.settings.log_retention_days,
            ),
        ];
        if self.settings.flow_logs {
            logs.push((
                requests * FLOW_LOG_BYTES / GB,
                self.settings.log_retention_days,
            ));
        }
        let taken_in: f64 = logs.iter().map(|(gb, _)| gb).sum();
        let kept: f64 = logs
            .iter()
            .map(|(gb, days)| gb * f64::from(*days) / DAYS_PER_MONTH)
            .sum();
        let prices = &self.table.prices;
        let usd = prices.log_gb.of(taken_in) + prices.log_gb_month.of(kept);
        let made_of = format!("{taken_in:.1} GB taken in, {kept:.1} GB kept");
        row(Service::Logs, "CloudWatch Logs", usd, made_of)
    }

    fn front(&self) -> Row {
        let prices = &self.table.prices;
        match self.settings.front {
            Front::Alb => {
                let connections = self.usage.requests() / (self.hours() * 3600.0);
                let gb_per_hour = self.usage.requests() * ANSWER_BYTES / GB / self.hours();
                // Whichever dimension is used most is what counts.
                let units = (connections / CONNECTIONS_PER_CAPACITY_UNIT)
                    .max(gb_per_hour / GB_PER_CAPACITY_UNIT_HOUR);
                let usd = prices.load_balancer_hour.of(self.hours())
                    + prices.load_balancer_lcu_hour.of(units * self.hours());
                row(
                    Service::Front,
                    "load balancer",
                    usd,
                    format!("{units:.2} capacity units"),
                )
            }
            Front::CloudMap => {
                let usd = prices.cloud_map_zone_month.of(1.0)
                    + prices.cloud_map_instance_month.of(self.tasks())
                    + prices.cloud_map_discoveries.of(self.usage.requests());
                let made_of = "a hosted zone, an instance a task, at most one look-up a request";
                row(Service::Front, "Cloud Map", usd, made_of)
            }
        }
    }

    fn public_addresses(&self) -> Row {
        let (addresses, whose, share) = match self.settings.egress {
            Egress::NatGateway => (self.settings.nat_gateways(), "the NAT gateway's", 1.0),
            Egress::NatInstance => (1, "the NAT instance's", 1.0),
            Egress::Public => (
                self.settings.desired_count,
                "one a task",
                self.settings.active_share(),
            ),
            Egress::Existing => (0, "none of this environment's", 1.0),
        };
        let usd = self
            .table
            .prices
            .public_ipv4_hour
            .of(self.hours() * f64::from(addresses) * share);
        let made_of = format!("{addresses}: {whose}");
        row(Service::PublicAddresses, "public IPv4", usd, made_of)
    }

    fn data_out(&self) -> Row {
        let gb = self.usage.requests() * ANSWER_BYTES / GB;
        let billed = (gb - self.table.free_data_out_gb).max(0.0);
        let made_of = format!(
            "{gb:.1} GB of answers; {} GB are free",
            self.table.free_data_out_gb
        );
        row(
            Service::DataOut,
            "data out",
            self.table.prices.data_out_gb.of(billed),
            made_of,
        )
    }

    fn interface_endpoints(&self) -> Option<Row> {
        let count = u32::try_from(self.settings.interface_endpoints.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return None;
        }
        let prices = &self.table.prices;
        let zones = self.settings.zones();
        let hours = self.hours() * f64::from(count) * f64::from(zones);
        let usd = prices.interface_endpoint_hour.of(hours)
            + prices.interface_endpoint_gb.of(self.usage.egress_gb);
        let made_of = format!("{count} in {zones} zones");
        Some(row(
            Service::InterfaceEndpoints,
            "interface endpoints",
            usd,
            made_of,
        ))
    }

    fn backups(&self) -> Option<Row> {
        let backups = self.settings.backup.as_ref().filter(|b| b.are_made())?;
        let (gb, region) = (self.usage.table_gb, &self.settings.region);
        let (usd, made_of) = backups.cost(&self.table.prices, gb, region);
        Some(row(Service::Backups, "AWS Backup", usd, made_of))
    }

    fn key(&self) -> Option<Row> {
        if !self.settings.customer_managed_key {
            return None;
        }
        let prices = &self.table.prices;
        let uses = self.usage.requests() / REQUESTS_PER_KEY_USE;
        let usd = prices.kms_key_month.of(1.0) + prices.kms_calls.of(uses);
        Some(row(
            Service::Key,
            "KMS",
            usd,
            format!("a key and {uses} uses"),
        ))
    }

    fn insights(&self) -> Option<Row> {
        let metrics = match self.settings.container_insights {
            Insights::Disabled => return None,
            Insights::Enabled => INSIGHTS_METRICS,
            Insights::Enhanced => INSIGHTS_METRICS + INSIGHTS_METRICS_PER_TASK * self.tasks(),
        };
        let usd = self.table.prices.metric_month.of(metrics);
        Some(row(
            Service::Insights,
            "Container Insights",
            usd,
            format!("about {metrics} metrics"),
        ))
    }

    /// Alarms are charged by the metrics they look at. The files `alarms.tf` of the modules have
    /// them, and `backup.tf`; autoscaling makes two for each of its policies.
    fn alarms(&self) -> Row {
        let has_alb = self.settings.front == Front::Alb;
        let tables = 2 * (2 + 2);
        let model = 1 + 2;
        let tasks = 2;
        let nat = u32::from(self.settings.egress == Egress::NatInstance);
        let api = 2 + u32::from(self.settings.streaming_front);
        let front = match (has_alb, &self.settings.active_hours) {
            (true, _) => 3,
            (false, None) => 1,
            (false, Some(_)) => 0,
        };
        let autoscaling = match self.settings.autoscaling_max_count {
            Some(_) => 2 * (1 + u32::from(has_alb)),
            None => 0,
        };
        let backups = match &self.settings.backup {
            Some(backups) if backups.are_made() => 2 + u32::from(backups.copy_to.is_some()),
            _ => 0,
        };
        let metrics = tables + model + tasks + nat + api + front + autoscaling + backups;
        let free = self.table.free_alarm_metrics;
        let usd = self
            .table
            .prices
            .alarm_month
            .of(f64::from(metrics.saturating_sub(free)));
        let made_of = format!(
            "{metrics} alarm metrics, {free} of an account are free; dashboard and budget are"
        );
        row(Service::Alarms, "alarms, dashboard", usd, made_of)
    }

    fn model(&self) -> Row {
        let id = &self.settings.bedrock_model_id;
        let known = table::bedrock_model(id, &self.settings.region);
        let Some((called, Some(model))) = known else {
            return Row {
                usd: None,
                within_documented: None,
                ..row(
                    Service::Model,
                    "Bedrock",
                    0.0,
                    format!("no price known for `{id}`"),
                )
            };
        };
        let chat = TokenUsage {
            input: self.usage.input_tokens,
            output: self.usage.output_tokens,
            ..TokenUsage::default()
        };
        let usd = model.cost(chat, &called).as_usd() * self.usage.chats();
        let made_of = format!(
            "{} chats of {} and {} tokens, {}",
            self.usage.chats_per_month,
            self.usage.input_tokens,
            self.usage.output_tokens,
            model.name
        );
        row(Service::Model, "Bedrock", usd, made_of)
    }
}

fn many(count: impl Into<u64>, what: &str) -> String {
    match count.into() {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn optional_cents<S: serde::Serializer>(
    usd: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    usd.map(cents).serialize(serializer)
}

#[cfg(test)]
#[path = "estimate_tests.rs"]
pub(crate) mod tests;
