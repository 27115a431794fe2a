//! Who deploys a service at the moment, and which of its releases were verified: items of the
//! tenants table, under `DEPLOY#{service}`. The container never looks at them; they are the CLI's.
//!
//! `lock` lets one deployment run at a time, `releases` remembers what can be rolled back to. What
//! the items hold is fixed, since older versions of the CLI read and write the same.

mod lock;
mod releases;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;

use super::connect;
use super::dynamodb::Table;
use super::dynamodb::attributes::{self, Item};

pub use lock::{DeployLock, Lease, LockAttempt, WatchedDeployment};
pub use releases::VerifiedRelease;

/// Deploy lock and verified releases of one service.
#[derive(Debug, Clone)]
pub struct Deploys {
    table: Table,
    service: String,
}

impl Deploys {
    /// Those of the ECS service `service`, in the tenants table `table`.
    pub fn new(sdk: &SdkConfig, table: &str, service: &str) -> Self {
        Self {
            table: Table::new(connect::dynamodb(sdk), table),
            service: service.to_owned(),
        }
    }

    fn partition(&self) -> String {
        format!("DEPLOY#{}", self.service)
    }

    fn key(&self, sort_key: impl Into<String>) -> Item {
        attributes::key(self.partition(), sort_key)
    }
}

/// A text attribute; `None` if it is missing or empty, as older versions write what they do not
/// know.
fn text(item: &Item, name: &str) -> Option<String> {
    match item.get(name) {
        Some(AttributeValue::S(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Shown where an item does not say who wrote it.
const SOMEBODY: &str = "somebody";
