//! What an environment is billed for.

use serde::Serialize;

/// What is paid for, in the order it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Service {
    /// The tasks' way to the internet.
    Nat,
    Fargate,
    DynamoDb,
    /// AWS Backup.
    Backups,
    /// The HTTP API, and the streaming front's REST API.
    ApiGateway,
    Ecr,
    /// The tenants' credentials.
    Secrets,
    /// Access log, router's log, flow log.
    Logs,
    /// The load balancer, or Cloud Map.
    Front,
    /// Public IPv4 addresses.
    PublicAddresses,
    /// Answers that leave AWS.
    DataOut,
    /// Interface endpoints.
    InterfaceEndpoints,
    /// The environment's own key.
    Key,
    /// Container Insights.
    Insights,
    /// Alarms, the dashboard and the budget.
    Alarms,
    /// The language model.
    Model,
}
