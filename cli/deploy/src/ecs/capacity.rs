//! The capacity that a service runs on: its cluster's, and its own.

use t3nets_router::aws::AwsError;

use super::error::ecs_error;
use super::states::{ClusterStatus, LaunchType, ServiceStatus};
use super::{Ecs, facts};
use crate::rollout::Service;

/// A cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Whether it can be used.
    pub status: ClusterStatus,
    /// The capacity providers that its services may use.
    pub providers: Vec<String>,
    /// The capacity providers of services that name none.
    pub default_strategy: Vec<String>,
}

/// A service, with the capacity that it runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlacedService {
    /// The service.
    pub service: Service,
    /// The capacity providers that it uses, if it uses any.
    pub strategy: Vec<String>,
    /// What its tasks run on, if it uses none.
    pub launch_type: Option<LaunchType>,
}

impl Ecs {
    /// The cluster; `None` if there is none.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn cluster(&self) -> Result<Option<Cluster>, AwsError> {
        let answer = self
            .client
            .describe_clusters()
            .clusters(&self.cluster)
            .send()
            .await
            .map_err(|error| ecs_error("DescribeClusters", &error))?;
        // A deleted one is shown for a while.
        let mut found = answer.clusters().iter().map(|found| Cluster {
            status: found.status().unwrap_or_default().into(),
            providers: found.capacity_providers().to_vec(),
            default_strategy: strategy(found.default_capacity_provider_strategy()),
        });
        Ok(found.find(|cluster| cluster.status != ClusterStatus::Inactive))
    }

    /// The service, with the capacity that it runs on; `None` if there is none.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn placed(&self) -> Result<Option<PlacedService>, AwsError> {
        let found = self.describe().await?.map(|found| {
            let launch_type = found.launch_type();
            PlacedService {
                service: facts::service(&found),
                strategy: strategy(found.capacity_provider_strategy()),
                launch_type: launch_type.map(|kind| LaunchType::from(kind.as_str())),
            }
        });
        Ok(found.filter(|found| found.service.status != ServiceStatus::Inactive))
    }
}

fn strategy(items: &[aws_sdk_ecs::types::CapacityProviderStrategyItem]) -> Vec<String> {
    items
        .iter()
        .map(|item| item.capacity_provider().to_owned())
        .collect()
}
