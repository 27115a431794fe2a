//! How AWS is reached: region, credentials, deadlines and retries, the same for every service.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};

use super::credentials::Kept;

/// What the caller decides; the rest is the SDK's own chain (variables, profiles, SSO, the
/// container's role).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The region, instead of the chain's.
    pub region: Option<String>,
    /// The profile, instead of the chain's.
    pub profile: Option<String>,
}

/// How long a call may take with all its attempts. Below the 10 s in which a command must say that
/// nobody answers.
const CALL: Duration = Duration::from_secs(8);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(4);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(2);

/// How often an instance's metadata is asked for region and credentials, a second each at most:
/// where there is no instance nobody answers, and a command must say so soon. The AWS CLI asks once
/// too.
const METADATA_ATTEMPTS: u32 = 1;

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
    if let Some(profile) = &connection.profile {
        loader = loader.profile_name(profile);
    }
    let metadata = imds::Client::builder()
        .max_attempts(METADATA_ATTEMPTS)
        .build();
    let region = region(connection, &metadata).await;
    let mut credentials = DefaultCredentialsChain::builder()
        .region(region.clone())
        .imds_client(metadata);
    if let Some(profile) = &connection.profile {
        credentials = credentials.profile_name(profile);
    }
    loader
        .credentials_provider(Kept::new(credentials.build().await))
        .region(region)
        .load()
        .await
}

/// The SDK's own chain, but that it gives the instance's metadata up early.
async fn region(connection: &Connection, metadata: &imds::Client) -> Option<Region> {
    if let Some(region) = &connection.region {
        return Some(Region::new(region.clone()));
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &connection.profile {
        profile = profile.profile_name(name);
    }
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(
            ImdsRegionProvider::builder()
                .imds_client(metadata.clone())
                .build(),
        )
        .region()
        .await
}

/// A client of DynamoDB.
pub(super) fn dynamodb(sdk: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(sdk);
    aws_sdk_dynamodb::Client::from_conf(config.retry_partition(retries()).build())
}

/// A client of Secrets Manager.
pub(super) fn secrets_manager(sdk: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::config::Builder::from(sdk);
    aws_sdk_secretsmanager::Client::from_conf(config.retry_partition(retries()).build())
}

/// The SDK lets all calls of a process together repeat only so often and then fails the next at its
/// first fault, which one busy minute of throttling uses up for every tenant. Here each call is
/// bounded by itself: in attempts, and in time.
fn retries() -> RetryPartition {
    RetryPartition::custom("t3nets")
        .token_bucket(TokenBucket::unlimited())
        .build()
}
