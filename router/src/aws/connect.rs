//! How AWS is reached: region, credentials, deadlines and retries, the same for every service.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

/// What the caller decides; the rest is the SDK's own chain (variables, profiles, SSO, the container's role).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The region, instead of the chain's.
    pub region: Option<String>,
    /// The profile, instead of the chain's.
    pub profile: Option<String>,
}

/// How long a call may take with all its attempts. Below the 10 s in which a command must say that nobody answers.
const CALL: Duration = Duration::from_secs(8);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(4);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(2);

/// Sets the SDK up. Looks the region up; asks for credentials only when the first call is made.
///
/// Ten attempts: with a third of all calls failing, one call in 59,000 still would with it.
pub async fn sdk_config(connection: &Connection) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(10)
                .with_initial_backoff(Duration::from_millis(50))
                .with_max_backoff(Duration::from_secs(1)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(CALL)
                .build(),
        );
    if let Some(region) = &connection.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &connection.profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}
