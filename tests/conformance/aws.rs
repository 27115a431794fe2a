//! AWS behind the ports, on servers that stand in for it. All cases share one server and one pair
//! of tables.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};
use support::TestServer;
use support::aws::{AwsServer, Tables};
use t3nets_router::aws::{Connection, Names, SecretsPrefix, sdk_config};
use t3nets_router::ports::Platform;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::fixture::{Fixture, ManualClock, unique};

static MINISTACK_TABLES: OnceCell<Tables> = OnceCell::const_new();
static MOTO_TABLES: OnceCell<Tables> = OnceCell::const_new();
/// One case at a time has moto: it copies its tables for each transaction, and fails (500) where
/// another request writes meanwhile.
static MOTO: Mutex<()> = Mutex::const_new(());

/// AWS's services as one case finds them.
pub(crate) struct AwsFixture {
    pub(crate) platform: Platform,
    /// The connection that the router and the CLI have, to this server.
    pub(crate) sdk: SdkConfig,
    /// What the adapters' own code is not to judge is read with this.
    pub(crate) client: Client,
    pub(crate) tables: &'static Tables,
    clock: Arc<ManualClock>,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl AwsFixture {
    /// `None` where the server cannot be had.
    pub(crate) async fn on_ministack() -> Option<Self> {
        Some(Self::new(AwsServer::shared_ministack()?, &MINISTACK_TABLES, None).await)
    }

    /// The same server and tables, reached through a proxy.
    pub(crate) async fn on_ministack_through(proxy: &TestServer) -> Option<Self> {
        let server = AwsServer::shared_ministack()?;
        Some(Self::new(server, &MINISTACK_TABLES, Some(proxy.url())).await)
    }

    /// `None` where the server cannot be had.
    pub(crate) async fn on_moto() -> Option<Self> {
        let server = AwsServer::shared_moto()?;
        let alone = MOTO.lock().await;
        let fixture = Self::new(server, &MOTO_TABLES, None).await;
        Some(Self {
            _alone: Some(alone),
            ..fixture
        })
    }

    /// Where the secrets are.
    pub(crate) fn prefix() -> SecretsPrefix {
        "/t3nets/conformance/tenants".parse().unwrap()
    }

    async fn new(
        server: &AwsServer,
        tables: &'static OnceCell<Tables>,
        proxy: Option<String>,
    ) -> Self {
        // A server of this machine has no region to be looked up.
        let region = (!server.variables().is_empty()).then(|| "us-east-1".to_owned());
        let connection = Connection {
            region,
            ..Connection::default()
        };
        // Each case has connections of its own, since each has its own runtime.
        let sdk = server.configure(sdk_config(&connection).await.unwrap());
        let sdk = match proxy {
            Some(proxy) => sdk.into_builder().endpoint_url(proxy).build(),
            None => sdk,
        };
        // On a busy machine the servers take longer than AWS, moto above all: it copies its tables
        // for each transaction.
        let patient = TimeoutConfig::builder().build();
        let sdk = sdk.into_builder().timeout_config(patient).build();
        let client = Client::new(&sdk);
        let tables = tables
            .get_or_init(|| async {
                Tables::create(&client, &format!("t3nets-{}", unique())).await
            })
            .await;
        let names = Names {
            tenants_table: tables.tenants.clone(),
            conversations_table: tables.conversations.clone(),
            secrets: Self::prefix(),
        };
        // The servers delete what has expired by their own time, so the clock begins there.
        let clock = ManualClock::at(Timestamp::now());
        Self {
            platform: t3nets_router::aws::open(&sdk, &names, clock.clone()),
            sdk,
            client,
            tables,
            clock,
            _alone: None,
        }
    }
}

#[async_trait]
impl Fixture for AwsFixture {
    async fn platform(&self) -> Platform {
        self.platform.clone()
    }

    fn advance_clock(&self, by: SignedDuration) -> bool {
        self.clock.advance(by);
        true
    }

    /// Secrets Manager keeps its own time.
    fn advance_secrets_clock(&self, _by: SignedDuration) -> bool {
        false
    }
}
