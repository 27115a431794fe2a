//! How AWS is reached: region, credentials, deadlines and retries, the same for every service.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};

use super::AwsError;
use super::credentials::Kept;
use super::settings::{CaBundle, http_client, setting};
use crate::aws::dynamodb::CapacityInterceptor;
use crate::outbound::variables;
use crate::telemetry::StoreInterceptor;

/// What the caller decides; the rest is the SDK's own chain (variables, profiles, SSO, the
/// container's role).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The region, instead of the chain's.
    pub region: Option<String>,
    /// The profile, instead of the chain's.
    pub profile: Option<String>,
    /// Keys, instead of all that the chain finds.
    pub keys: Option<StaticKeys>,
    /// The files that the profile is in, instead of the usual ones.
    pub files: CredentialFiles,
    /// A role that the credentials take.
    pub role: Option<AssumedRole>,
    /// Where every service is, instead of where the chain says.
    pub endpoint: Option<String>,
    /// A file with the certificate authorities to trust, instead of what the chain says.
    pub ca_bundle: Option<PathBuf>,
}

/// Keys that are written out somewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticKeys {
    /// The access key's id.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The session's token, of temporary ones.
    pub token: Option<String>,
}

impl std::fmt::Debug for StaticKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaticKeys(…)")
    }
}

/// Files with profiles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialFiles {
    /// In the form of `~/.aws/config`.
    pub config: Vec<PathBuf>,
    /// In the form of `~/.aws/credentials`.
    pub credentials: Vec<PathBuf>,
}

/// A role to take.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// What the session is called, in AWS's logs.
    pub session_name: Option<String>,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
    /// How long its credentials are good for.
    pub duration: Option<Duration>,
    /// A policy that narrows the role's.
    pub policy: Option<String>,
    /// Policies that do.
    pub policy_arns: Vec<String>,
    /// The session's tags.
    pub tags: Vec<(String, String)>,
}

/// How long a call may take with all its attempts. Below the 10 s in which a command must say that
/// nobody answers.
const CALL: Duration = Duration::from_secs(8);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(4);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(2);

/// How often a call is tried where nothing else is set.
const ATTEMPTS: u32 = 10;

/// How often an instance's metadata is asked for region and credentials, a second each at most:
/// where there is no instance nobody answers, and a command must say so soon. The AWS CLI asks once
/// too.
const METADATA_ATTEMPTS: u32 = 1;

/// Sets the SDK up. Looks the region up; asks for credentials only when the first call is made.
///
/// # Errors
/// `Configuration` if a setting cannot be used: a bundle of certificates that cannot be read.
pub async fn sdk_config(connection: &Connection) -> Result<SdkConfig, AwsError> {
    let settings = settings(connection).await;
    let bundle = match &connection.ca_bundle {
        Some(path) => Some(CaBundle::read(path.clone())?),
        None => CaBundle::of(&settings)?,
    };
    let proxies = variables(|name| std::env::var(name).ok());
    let http = http_client(bundle.as_ref(), proxies)?;
    let loader = loader(connection)
        .retry_config(retry_config(&settings))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(CALL)
                .build(),
        );
    let loader = loader.http_client(http.clone());
    let provider = ProviderConfig::without_region().with_http_client(http);
    let metadata = metadata(&settings, &provider);
    let region = region(connection, &metadata).await;
    let credentials = credentials(connection, provider, metadata, region.clone()).await;
    let sdk = loader
        .credentials_provider(credentials)
        .region(region)
        .load()
        .await;
    Ok(match &connection.role {
        Some(role) => with_role(sdk, role).await,
        None => sdk,
    })
}

fn loader(connection: &Connection) -> ConfigLoader {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(profile) = &connection.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(files) = connection.files.given() {
        loader = loader.profile_files(files);
    }
    if let Some(endpoint) = &connection.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader
}

/// What variables and profile say, by which the rest is set up. Asks nothing of the network.
async fn settings(connection: &Connection) -> SdkConfig {
    // A region keeps the instance's metadata from being asked for one; it is not used.
    let region = Region::from_static("us-east-1");
    let loader = loader(connection).no_credentials().region(region);
    loader.load().await
}

/// Ten attempts: with a third of all calls failing, one call in 59,000 still would with it. Who
/// sets another number, or the mode, gets it.
fn retry_config(settings: &SdkConfig) -> RetryConfig {
    let is_set = |variable, in_profile| setting(settings, variable, in_profile).is_some();
    let mut retries = settings
        .retry_config()
        .filter(|_| is_set("AWS_RETRY_MODE", "retry_mode"))
        .cloned()
        .unwrap_or_else(RetryConfig::standard);
    let attempts = match settings.retry_config() {
        Some(set) if is_set("AWS_MAX_ATTEMPTS", "max_attempts") => set.max_attempts(),
        _ => ATTEMPTS,
    };
    retries = retries.with_max_attempts(attempts);
    retries
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_secs(1))
}

/// The client for an instance's metadata.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html>
fn metadata(settings: &SdkConfig, provider: &ProviderConfig) -> imds::Client {
    let number = |variable, in_profile| -> Option<u32> {
        setting(settings, variable, in_profile)?.parse().ok()
    };
    let attempts = number(
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "metadata_service_num_attempts",
    );
    let seconds = number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout");
    let mut client = imds::Client::builder()
        .configure(provider)
        .max_attempts(attempts.unwrap_or(METADATA_ATTEMPTS));
    if let Some(seconds) = seconds {
        let limit = Duration::from_secs(seconds.into());
        client = client.connect_timeout(limit).read_timeout(limit);
    }
    client.build()
}

async fn credentials(
    connection: &Connection,
    provider: ProviderConfig,
    metadata: imds::Client,
    region: Option<Region>,
) -> SharedCredentialsProvider {
    if let Some(StaticKeys { id, secret, token }) = &connection.keys {
        let keys = Credentials::new(id, secret, token.clone(), None, "configured");
        return SharedCredentialsProvider::new(keys);
    }
    if let Some(files) = connection.files.given() {
        let mut profile = ProfileFileCredentialsProvider::builder()
            .profile_files(files)
            .configure(&provider.with_region(region));
        if let Some(name) = &connection.profile {
            profile = profile.profile_name(name);
        }
        return SharedCredentialsProvider::new(Kept::new(profile.build()));
    }
    let mut chain = DefaultCredentialsChain::builder()
        .configure(provider)
        .region(region)
        .imds_client(metadata);
    if let Some(profile) = &connection.profile {
        chain = chain.profile_name(profile);
    }
    SharedCredentialsProvider::new(Kept::new(chain.build().await))
}

/// The same with a role that its credentials take.
async fn with_role(sdk: SdkConfig, role: &AssumedRole) -> SdkConfig {
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .configure(&sdk)
        .session_name(role.session_name.as_deref().unwrap_or("t3nets"));
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    if let Some(duration) = role.duration {
        provider = provider.session_length(duration);
    }
    if let Some(policy) = &role.policy {
        provider = provider.policy(policy);
    }
    if !role.policy_arns.is_empty() {
        provider = provider.policy_arns(role.policy_arns.clone());
    }
    if !role.tags.is_empty() {
        provider = provider.tags(role.tags.clone());
    }
    let provider = match sdk.credentials_provider() {
        Some(base) => provider.build_from_provider(base).await,
        None => provider.build().await,
    };
    let provider = SharedCredentialsProvider::new(Kept::new(provider));
    sdk.to_builder().credentials_provider(provider).build()
}

impl CredentialFiles {
    /// The files, if there are any.
    fn given(&self) -> Option<EnvConfigFiles> {
        if self.config.is_empty() && self.credentials.is_empty() {
            return None;
        }
        let mut files = EnvConfigFiles::builder();
        for (kind, paths, include_default) in [
            (EnvConfigFileKind::Config, &self.config, true),
            (EnvConfigFileKind::Credentials, &self.credentials, false),
        ] {
            for path in paths {
                files = files.with_file(kind, path);
            }
            if paths.is_empty() {
                files = match include_default {
                    true => files.include_default_config_file(true),
                    false => files.include_default_credentials_file(true),
                };
            }
        }
        Some(files.build())
    }
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
    let config = aws_sdk_dynamodb::config::Builder::from(sdk)
        .interceptor(StoreInterceptor("dynamodb"))
        .interceptor(CapacityInterceptor);
    aws_sdk_dynamodb::Client::from_conf(config.retry_partition(retries()).build())
}

/// A client of Secrets Manager.
pub(super) fn secrets_manager(sdk: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::config::Builder::from(sdk)
        .interceptor(StoreInterceptor("secretsmanager"));
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
