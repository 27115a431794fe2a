//! What is assumed about an environment's use. The arguments of `t3nets cost` are the part that
//! differs most between teams; the constants are the rest.

use serde::Serialize;

/// How much an environment is used. The defaults are the traffic that the documented figures stand
/// for: $1 to $2 of API Gateway is one to two million requests, $10 to $50 of Claude Sonnet some
/// thousand answers.
#[derive(Debug, Clone, Serialize, clap::Args)]
#[command(next_help_heading = "Assumptions")]
pub(crate) struct Usage {
    /// Requests of any kind: chats, webhooks, the web page, monitors asking for its health
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) requests_per_month: u64,
    /// Questions that a model answers; greetings and the like cost nothing
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) chats_per_month: u64,
    /// Tokens that a chat sends to the model, all its calls together
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    pub(crate) input_tokens: u64,
    /// Tokens that the model answers in a chat
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub(crate) output_tokens: u64,
    /// Secrets: one for each tenant's integration
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) secrets: u64,
    /// The size of the tables, in GB
    #[arg(long, value_name = "GB", default_value_t = 1.0, value_parser = gigabytes)]
    pub(crate) table_gb: f64,
    /// What tasks send to and get from the internet, in GB: models, Jira, chat services, logs
    #[arg(long, value_name = "GB", default_value_t = 1.0, value_parser = gigabytes)]
    pub(crate) egress_gb: f64,
}

impl Usage {
    /// Requests; a chat is one.
    pub(crate) fn requests(&self) -> f64 {
        self.requests_per_month.max(self.chats_per_month) as f64
    }

    /// Chats.
    pub(crate) fn chats(&self) -> f64 {
        self.chats_per_month as f64
    }
}

fn gigabytes(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|gigabytes: &f64| gigabytes.is_finite() && *gigabytes >= 0.0)
        .ok_or_else(|| "a number of GB, 0 or more".to_owned())
}

/// Zones that the subnets lie in.
pub(super) const ZONES: u32 = 2;

/// Read units a request: key, user, memory and tenant (1 each), a conversation's head of up to 8 KB
/// (2), all read consistently.
pub(super) const READ_UNITS_PER_REQUEST: f64 = 6.0;

/// Write units a chat: holding and settling what it uses (2), its line in the ledger (1), its
/// conversation (8: the head's newest turns, and now and then a page of older ones).
pub(super) const WRITE_UNITS_PER_CHAT: f64 = 11.0;

/// Log bytes a request, at API Gateway and at the router.
pub(super) const ACCESS_LOG_BYTES: f64 = 400.0;
pub(super) const ROUTER_LOG_BYTES: f64 = 500.0;

/// Flow log bytes a request: records of about 100 bytes, for a few connections.
pub(super) const FLOW_LOG_BYTES: f64 = 500.0;

/// Bytes of an answer that leave AWS, with its headers.
pub(super) const ANSWER_BYTES: f64 = 4096.0;

/// Images that the repository keeps, and the size of one.
pub(super) const IMAGES: f64 = 10.0;
pub(super) const IMAGE_GB: f64 = 0.02;

/// Disk of the NAT instance (`modules/networking`), in GB.
pub(super) const NAT_INSTANCE_DISK_GB: f64 = 8.0;

/// Requests that DynamoDB and ECR answer with one use of the environment's key, which they keep for
/// minutes.
pub(super) const REQUESTS_PER_KEY_USE: f64 = 100.0;

/// Metrics of Container Insights for one cluster with one service, and further ones for each task
/// with `enhanced`.
pub(super) const INSIGHTS_METRICS: f64 = 17.0;
pub(super) const INSIGHTS_METRICS_PER_TASK: f64 = 15.0;

/// New connections a second that one load balancer capacity unit stands for, and GB an hour.
/// <https://aws.amazon.com/elasticloadbalancing/pricing/>
pub(super) const CONNECTIONS_PER_CAPACITY_UNIT: f64 = 25.0;
pub(super) const GB_PER_CAPACITY_UNIT_HOUR: f64 = 1.0;

/// Bytes of a GB as AWS bills it.
pub(super) const GB: f64 = 1_073_741_824.0;

/// Days of a month of 730 hours.
pub(super) const DAYS_PER_MONTH: f64 = 730.0 / 24.0;
