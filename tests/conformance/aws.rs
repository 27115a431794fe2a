//! AWS, as servers that stand in for it.

use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::SignedDuration;
use router::aws::{Connection, DynamoConversations, SecretsManager, SecretsPrefix};
use router::ports::{Platform, SystemClock};
use support::aws::{AwsServer, Tables};
use tokio::sync::OnceCell;

use crate::fixture::{Fixture, unique};
use crate::local::LocalFixture;

/// A server, and its tables that all cases share.
pub(crate) struct AwsFixture {
    server: &'static AwsServer,
    tables: &'static OnceCell<Tables>,
    judges_concurrency: bool,
    /// Tenants and usage.
    local: LocalFixture,
}

impl AwsFixture {
    pub(crate) fn ministack() -> Option<Self> {
        static TABLES: OnceCell<Tables> = OnceCell::const_new();
        Some(Self {
            server: AwsServer::shared_ministack()?,
            tables: &TABLES,
            judges_concurrency: true,
            local: LocalFixture::new(),
        })
    }

    /// moto loses writes that come at once, so no such case runs against it.
    pub(crate) fn moto() -> Option<Self> {
        static TABLES: OnceCell<Tables> = OnceCell::const_new();
        Some(Self {
            server: AwsServer::shared_moto()?,
            tables: &TABLES,
            judges_concurrency: false,
            local: LocalFixture::new(),
        })
    }

    /// The connection that the router and the CLI have, to this server.
    pub(crate) async fn config(&self) -> SdkConfig {
        let config = router::aws::sdk_config(&Connection::default()).await;
        self.server.configure(config)
    }

    pub(crate) async fn tables(&self) -> &Tables {
        self.tables
            .get_or_init(|| async {
                let client = aws_sdk_dynamodb::Client::new(&self.server.sdk_config().await);
                Tables::create(&client, &format!("conformance-{}", unique())).await
            })
            .await
    }

    pub(crate) fn prefix() -> SecretsPrefix {
        "/t3nets/conformance/tenants".parse().unwrap()
    }
}

#[async_trait]
impl Fixture for AwsFixture {
    async fn platform(&self) -> Platform {
        let config = self.config().await;
        let tables = self.tables().await;
        let local = self.local.platform().await;
        Platform {
            conversations: Arc::new(DynamoConversations::new(
                aws_sdk_dynamodb::Client::new(&config),
                &tables.conversations,
            )),
            secrets: Arc::new(SecretsManager::new(
                aws_sdk_secretsmanager::Client::new(&config),
                Self::prefix(),
            )),
            clock: Arc::new(SystemClock),
            ..local
        }
    }

    fn advance_clock(&self, _by: SignedDuration) -> bool {
        false
    }

    fn judges_concurrency(&self) -> bool {
        if !self.judges_concurrency {
            // Past the harness's capture, so that it is seen.
            let server = self.server.name();
            let mut stderr = std::io::stderr();
            writeln!(
                stderr,
                "left out on moto ({server}): what is written at once"
            )
            .unwrap();
        }
        self.judges_concurrency
    }
}
