//! What the load balancer says of its targets.

use aws_sdk_elasticloadbalancingv2::Client;
use t3nets_router::aws::AwsError;

use crate::ecs::states::TargetState;
use crate::rollout::Target;

/// A target group.
#[derive(Debug, Clone)]
pub struct Targets {
    client: Client,
    arn: String,
}

impl Targets {
    /// By its ARN.
    pub fn new(config: &aws_config::SdkConfig, arn: &str) -> Self {
        Self {
            client: Client::new(config),
            arn: arn.to_owned(),
        }
    }

    /// Its targets.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn health(&self) -> Result<Vec<Target>, AwsError> {
        let answer = self
            .client
            .describe_target_health()
            .target_group_arn(&self.arn)
            .send()
            .await
            .map_err(|error| {
                AwsError::from_sdk("elasticloadbalancing", "DescribeTargetHealth", &error)
            })?;
        let described = answer.target_health_descriptions();
        Ok(described
            .iter()
            .map(|one| {
                let health = one.target_health();
                let target = one.target().and_then(|target| target.id());
                let state = health.and_then(|one| one.state());
                let reason = health.and_then(|one| one.description());
                Target {
                    address: target.unwrap_or_default().to_owned(),
                    state: state.map_or_else(TargetState::default, |state| state.as_str().into()),
                    reason: reason.unwrap_or_default().to_owned(),
                }
            })
            .collect())
    }
}
