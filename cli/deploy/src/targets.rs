//! What the load balancer says of its targets.

use aws_sdk_elasticloadbalancingv2::Client;
use t3nets_router::aws::store_error;
use t3nets_router::ports::StoreError;

use super::rollout::Target;

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
    pub async fn health(&self) -> Result<Vec<Target>, StoreError> {
        let answer = self
            .client
            .describe_target_health()
            .target_group_arn(&self.arn)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        let described = answer.target_health_descriptions();
        Ok(described
            .iter()
            .map(|one| {
                let health = one.target_health();
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                Target {
                    address: text(one.target().and_then(|target| target.id())),
                    state: text(
                        health
                            .and_then(|one| one.state())
                            .map(|state| state.as_str()),
                    ),
                    reason: text(health.and_then(|one| one.description())),
                }
            })
            .collect())
    }
}
