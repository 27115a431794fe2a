//! What the load balancer says of its targets.

use serde::Deserialize;
use serde_json::json;
use t3nets_router::aws::AwsError;
use t3nets_router::aws::signed::{LOAD_BALANCING, SignedClient};

use crate::rollout::Target;

/// A target group.
#[derive(Debug, Clone)]
pub struct Targets {
    client: SignedClient,
    arn: String,
}

impl Targets {
    /// By its ARN.
    pub fn new(config: &aws_config::SdkConfig, arn: &str) -> Self {
        Self {
            client: SignedClient::new(config, &LOAD_BALANCING),
            arn: arn.to_owned(),
        }
    }

    /// Its targets.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn health(&self) -> Result<Vec<Target>, AwsError> {
        let input = json!({ "TargetGroupArn": self.arn });
        let answer: TargetHealth = self.client.call("DescribeTargetHealth", &input).await?;
        let described = answer.target_health_descriptions.member;
        Ok(described
            .into_iter()
            .map(|one| Target {
                address: one.target.id,
                state: one.target_health.state.as_str().into(),
                reason: one.target_health.description,
            })
            .collect())
    }
}

/// DescribeTargetHealth's answer, as far as it is used.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html>
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TargetHealth {
    target_health_descriptions: Members,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Members {
    member: Vec<Described>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    target: Address,
    target_health: Health,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Address {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Health {
    state: String,
    description: String,
}
