//! Where the service runs: its cluster, and what capacity its tasks get.

use t3nets_router::ports::StoreError;

use super::super::rollout::Service;
use super::{Ecs, facts, refused};

/// A cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// ACTIVE, PROVISIONING, DEPROVISIONING, FAILED or INACTIVE.
    pub status: String,
    /// The capacity providers that its services may use.
    pub providers: Vec<String>,
    /// What services use that do not say.
    pub default_strategy: Vec<String>,
}

/// A service, with what it runs and on what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// The service.
    pub service: Service,
    /// The ARN of the revision that it is told to run.
    pub task_definition: String,
    /// The capacity providers that it uses, if it uses any.
    pub strategy: Vec<String>,
    /// FARGATE, EC2 or EXTERNAL, if it uses none.
    pub launch_type: Option<String>,
}

impl Ecs {
    /// The cluster; `None` if there is none.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn cluster(&self) -> Result<Option<Cluster>, StoreError> {
        let answer = self
            .client
            .describe_clusters()
            .clusters(&self.cluster)
            .send()
            .await
            .map_err(refused)?;
        // A deleted one is shown for a while.
        let mut found = answer.clusters().iter();
        let found = found.find(|cluster| cluster.status() != Some("INACTIVE"));
        Ok(found.map(|found| Cluster {
            status: found.status().unwrap_or_default().to_owned(),
            providers: found.capacity_providers().to_vec(),
            default_strategy: strategy(found.default_capacity_provider_strategy()),
        }))
    }

    /// The service, with what it runs and on what; `None` if there is none.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn placed(&self) -> Result<Option<Placed>, StoreError> {
        let found = self.describe().await?;
        let found = found.filter(|service| service.status() != Some("INACTIVE"));
        Ok(found.map(|found| Placed {
            service: facts::service(&found),
            strategy: strategy(found.capacity_provider_strategy()),
            launch_type: found.launch_type().map(|kind| kind.as_str().to_owned()),
            task_definition: found.task_definition.unwrap_or_default(),
        }))
    }
}

fn strategy(items: &[aws_sdk_ecs::types::CapacityProviderStrategyItem]) -> Vec<String> {
    items
        .iter()
        .map(|item| item.capacity_provider().to_owned())
        .collect()
}
