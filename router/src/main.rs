//! `t3nets-router`: the chat service that runs in a container.
//!
//! Exit codes: 0 done or healthy, 1 failed or unhealthy, 2 a wrong argument or `T3NETS_ENV`, 3 a
//! missing or wrong setting.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use clap::{Parser, Subcommand};
use futures::future::OptionFuture;
use t3nets_router::ai::Bedrock;
use t3nets_router::aws::{self, Connection};
use t3nets_router::config::{ConfigError, ContainerConfig, PlatformConfig, ServerConfig};
use t3nets_router::errors::with_causes;
use t3nets_router::http::{self, AppError};
use t3nets_router::model::TenantId;
use t3nets_router::outbound::{self, Options, Proxies};
use t3nets_router::ports::{Platform, SystemClock};
use t3nets_router::secrets_cache::CachedSecrets;
use t3nets_router::telemetry::{self, Program};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Of a turn's processor time, glibc's takes 16 % and this one 8 %. Without huge pages, of which it
/// would hold 16 MB.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "t3nets-router", version, about = "The T3nets chat service")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the chat API, configured by environment variables
    Serve,
    /// Check a running router: exit 0 if it is healthy, 1 if not
    Healthcheck {
        /// The URL of its health check
        #[arg(default_value = "http://127.0.0.1:8080/health")]
        url: String,
    },
}

/// A failure, with the exit code it ends the program with (see [`fail`]).
enum Failure {
    Config(ConfigError),
    Other(String),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(&Failure::Other(format!(
                "cannot start the async runtime: {error}"
            )));
        }
    };
    let outcome = match args.command {
        Command::Serve => runtime.block_on(serve()),
        Command::Healthcheck { url } => runtime.block_on(healthcheck(&url)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    let (message, code) = match failure {
        Failure::Config(error @ ConfigError::UnknownPlatform(_)) => (error.to_string(), 2),
        Failure::Config(error) => (error.to_string(), 3),
        Failure::Other(message) => (message.clone(), 1),
    };
    // If stderr is closed, there is nowhere to report it.
    let _ = writeln!(std::io::stderr(), "error: {message}");
    ExitCode::from(code)
}

async fn serve() -> Result<(), Failure> {
    let mut config =
        ContainerConfig::from_env(|name| std::env::var(name).ok()).map_err(Failure::Config)?;
    let filter = log_filter().map_err(Failure::Config)?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    // Before anything is counted.
    let metrics = config
        .metrics
        .map(|address| (address, telemetry::install(&config.server.identity)));
    let (platform, sdk) = open(config.platform, &mut config.server).await?;
    let program = Program {
        name: "t3nets-router",
        environment: &config.server.identity.environment,
    };
    let traces = config
        .traces
        .map(|traces| telemetry::send_traces(program, &traces, sdk.as_ref()))
        .transpose()
        .map_err(|error| Failure::Other(with_causes(&error)))?;
    if let Some(tenant) = &config.server.anonymous_tenant {
        warn_without_tenant(&platform, tenant).await;
    }
    let app = http::app(platform, config.server).map_err(|error| match error {
        AppError::Client(error) => Failure::Other(with_causes(&error)),
        AppError::Model(error) => Failure::Config(ConfigError::Model { error }),
    })?;
    let listener = listen((Ipv4Addr::UNSPECIFIED, config.port).into()).await?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::Other(error.to_string()))?;
    let ending = CancellationToken::new();
    let mut metrics_address = None;
    let mut serving_metrics = None;
    if let Some((address, routes)) = metrics {
        let listener = listen(address).await?;
        metrics_address = listener.local_addr().ok().map(tracing::field::display);
        let until = ending.clone().cancelled_owned();
        serving_metrics = Some(http::serve_metrics(listener, routes, until));
    }
    let warming_up = ending.clone().run_until_cancelled_owned(app.warm_up());
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("shutting down");
        ending.cancel();
    };
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, metrics_address, version = t3nets_router::VERSION, git_sha = t3nets_router::GIT_SHA, "serving");
    }
    let routes = app.routes();
    // What was cut off is in the log.
    let serving = http::serve(listener, app, routes, shutdown);
    tokio::join!(serving, OptionFuture::from(serving_metrics), warming_up);
    if let Some(traces) = traces
        && let Err(why) = traces.end().await
    {
        tracing::warn!(why, "the last traces were not sent");
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Other(format!("cannot listen on {address}: {error}")))
}

/// The log filter: `RUST_LOG`, or else `info`.
///
/// At `debug` and `trace` the AWS SDK logs whole requests, with people's messages and the
/// credentials that sign them, so it stays at `warn` unless `RUST_LOG` names its crates. The SDK
/// for MCP logs what servers tell it, and is not heard unless it is named.
fn log_filter() -> Result<EnvFilter, ConfigError> {
    let set = std::env::var("RUST_LOG").unwrap_or_default();
    let text = Some(set.as_str())
        .filter(|text| !text.is_empty())
        .unwrap_or("info");
    EnvFilter::try_new(format!("aws_=warn,rmcp=off,{text}")).map_err(|error| ConfigError::Invalid {
        name: "RUST_LOG",
        reason: error.to_string(),
    })
}

/// Opens the platform. On AWS, Bedrock comes with it; no call to AWS is made yet.
async fn open(
    config: PlatformConfig,
    server: &mut ServerConfig,
) -> Result<(Platform, Option<SdkConfig>), Failure> {
    match config {
        #[cfg(feature = "local")]
        PlatformConfig::Local { home } => {
            let platform = t3nets_router::local::open(&home);
            let platform = platform.map_err(|error| Failure::Other(error.to_string()))?;
            Ok((platform, None))
        }
        #[cfg(not(feature = "local"))]
        PlatformConfig::Local { .. } => {
            Err(Failure::Config(ConfigError::PlatformNotBuilt("local")))
        }
        PlatformConfig::Aws {
            region,
            names,
            bedrock_model,
        } => {
            let connection = Connection {
                region: Some(region),
                ..Connection::default()
            };
            let sdk = aws::sdk_config(&connection).await;
            let sdk = sdk.map_err(|error| Failure::Other(error.to_string()))?;
            let ai = std::mem::take(&mut server.ai);
            let bedrock = Bedrock::new(&sdk, &server.identity.environment);
            server.ai = ai.with_bedrock(bedrock, bedrock_model);
            let platform = aws::open(&sdk, &names, Arc::new(SystemClock));
            let platform = Platform {
                secrets: Arc::new(CachedSecrets::new(platform.secrets)),
                ..platform
            };
            Ok((platform, Some(sdk)))
        }
    }
}

/// How long the start waits for the store to say that a tenant is there.
const TENANT_TIMEOUT: Duration = Duration::from_secs(5);

/// Warns where the tenant of callers without a key does not exist. No reason not to start: a
/// service is deployed before its first tenant is made, and a tenant that is removed must not take
/// the others down with it at the next start.
async fn warn_without_tenant(platform: &Platform, tenant: &TenantId) {
    match tokio::time::timeout(TENANT_TIMEOUT, platform.tenants.tenant(tenant)).await {
        Ok(Ok(Some(_))) => {}
        Ok(Ok(None)) => tracing::warn!(
            %tenant,
            "callers without a key are refused until their tenant exists; `t3nets seed --tenant {tenant}` makes it"
        ),
        Ok(Err(error)) => {
            let error = with_causes(&error);
            tracing::warn!(%tenant, error, "cannot tell whether the anonymous tenant exists");
        }
        Err(_) => {
            tracing::warn!(%tenant, "cannot tell in time whether the anonymous tenant exists");
        }
    }
}

/// Below the 5 s after which the container's own health check times out.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(4);

async fn healthcheck(url: &str) -> Result<(), Failure> {
    let client = outbound::client(Options {
        total_timeout: Some(HEALTHCHECK_TIMEOUT),
        proxies: Proxies::Never,
        ..Options::default()
    })
    .map_err(|error| Failure::Other(format!("unhealthy: {}", with_causes(&error))))?;
    let response = client
        .send(client.get(url))
        .await
        .map_err(|error| Failure::Other(format!("unhealthy: {error}")))?;
    let status = response.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(Failure::Other(format!("unhealthy: answered {status}")))
    }
}
