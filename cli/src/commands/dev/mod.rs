//! `t3nets dev`: the router on this machine, in this process.
//!
//! Here: what can be chosen and the order of things. [`banner`] is what it says of itself, [`demo`]
//! is the sample board, [`guard`] keeps other web sites out of a router that lets anonymous callers
//! in, [`models`] tells which model answers, [`setup`] what is put into an empty environment.

mod banner;
pub(crate) mod demo;
mod guard;
pub(crate) mod models;
mod sample_board;
mod setup;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use t3nets_router::admin::Admin;
use t3nets_router::ai::AiDefaults;
use t3nets_router::config::{
    BUDGET_WEBHOOK_VARIABLE, Deadlines, Identity, InvalidPublicUrl, PUBLIC_URL_VARIABLE, PublicUrl,
    ServerConfig,
};
use t3nets_router::http::App;
use t3nets_router::model::TenantId;
use t3nets_router::oidc::OidcSettings;
use t3nets_router::outbound::{InvalidWebhookUrl, Reach, WebhookUrl, is_loopback_address};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use url::Url;

use self::banner::{DevStarted, url_of};
use self::models::DevModels;
use crate::config::environment::Environment;
use crate::config::running::{self, DevLock, RunningDev};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Streamed;

/// Arguments of `t3nets dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct DevArgs {
    /// Serve a sample Jira board, and a tenant `demo` that is connected to it
    #[arg(long)]
    demo: bool,
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    bind: IpAddr,
    /// The tenant of callers without a key [default: on a loopback address `default`, or the only
    /// one there is; else none]
    #[arg(long, value_name = "TENANT")]
    anonymous_tenant: Option<TenantId>,
}

impl DevArgs {
    /// Who callers without a key are. On an address that others can reach, nobody is let in
    /// unasked.
    fn anonymous_tenant(&self, default: &TenantId) -> Option<TenantId> {
        match &self.anonymous_tenant {
            Some(tenant) => Some(tenant.clone()),
            None => is_loopback_address(self.bind).then(|| default.clone()),
        }
    }
}

/// Runs the router until it is told to end.
///
/// # Errors
/// Not ready if the environment cannot be used or another `dev` runs on it; a failure if
/// the port is in use.
pub(crate) async fn run(context: &Context, args: DevArgs) -> Result<Streamed, CliError> {
    let environment = context.local_environment()?;
    let home = &environment.home;
    let mut signals = Signals::listen()?;
    let lock = take_lock(home).await?;
    // Its user is at the terminal: a protected one is not confirmed at every start.
    context.show_environment().await?;
    let platform = context.platform_made().await?;
    let config = config(environment, context.tenants_reach()?)?;
    if config.ai.has_unused_model() {
        context.printer.warning(
            "T3NETS_MODEL is not used: ANTHROPIC_API_KEY, OPENAI_API_KEY or OPENAI_BASE_URL chooses its provider",
        );
    }
    let listener = bind(SocketAddr::new(args.bind, args.port)).await?;
    let address = listener
        .local_addr()
        .map_err(|error| CliError::failed("cannot tell which port was picked").caused_by(error))?;
    let models = DevModels::new(&platform, config.ai.clone(), config.reach.clone())?;

    let admin = Admin::new(platform.clone(), context.actor());
    let tenant = match args.demo {
        true => demo::tenant(home).await?,
        false => setup::usual_tenant(&admin).await?,
    };
    if let Some(named) = args
        .anonymous_tenant
        .as_ref()
        .filter(|named| **named != tenant)
    {
        admin.tenant(named).await?;
    }
    setup::seed(context, &platform, &tenant).await?;
    let sample_board = if args.demo {
        Some(demo::start(context, home, &platform, &tenant).await?)
    } else {
        demo::warn_if_left_over(context, home, &tenant).await?;
        None
    };
    let anonymous_tenant = args.anonymous_tenant(&tenant);
    let config = ServerConfig {
        public_url: public_url(&url_of(address)?)?,
        anonymous_tenant: anonymous_tenant.clone(),
        sample_board: sample_board.as_ref().map(|board| board.served.clone()),
        ..config
    };
    let asked = anonymous_tenant.clone().unwrap_or(tenant);
    let model = models.of(&asked).await?;
    let question = banner::question(&admin, &asked).await?;
    let curl_user = match &anonymous_tenant {
        Some(_) => None,
        None => banner::key_command(context, &admin, &asked).await?,
    };

    let api = t3nets_router::http::app(platform, config)
        .map_err(|error| CliError::failed("the router cannot start").caused_by(error))?;
    let running = RunningDev::new(url_of(address)?, args.demo, Timestamp::now())?;
    let api_routes = api.routes().merge(models.routes(&running.token));
    let routes = match is_loopback_address(args.bind) {
        true => guard::only_local_pages(api_routes),
        false => api_routes,
    };
    lock.announce(&running)?;
    context.printer.print(&DevStarted {
        addresses: banner::addresses(address)?,
        chat: banner::chat_command(context, &admin, &asked, question).await?,
        open: banner::open_command(context, &admin, &asked).await?,
        question,
        curl_user,
        url: running.url,
        pid: running.pid,
        started_at: running.started_at,
        environment: environment.name.clone(),
        version: t3nets_router::VERSION,
        git_sha: t3nets_router::GIT_SHA,
        model,
        anonymous_tenant,
        demo: args.demo,
    })?;
    serve(context, listener, api, routes, &mut signals).await?;
    Ok(Streamed::DONE)
}

/// What the router is started with, but for whom it lets in.
fn config(environment: &Environment, reach: Reach) -> Result<ServerConfig, CliError> {
    let ai = AiDefaults::from_env(|name| std::env::var(name).ok())
        .map_err(|error| CliError::not_ready("a model setting cannot be used").caused_by(error))?;
    Ok(ServerConfig {
        identity: Identity {
            platform: "local",
            environment: environment.name.clone(),
            release: None,
        },
        anonymous_tenant: None,
        admin_api: true,
        ai,
        reach,
        public_url: None,
        oidc: oidc()?,
        budget_webhook: budget_webhook()?,
        deadlines: Deadlines::default(),
        sample_board: None,
    })
}

/// Where people reach it: where the variable says, else on this machine.
fn public_url(own: &Url) -> Result<Option<PublicUrl>, CliError> {
    let set = std::env::var(PUBLIC_URL_VARIABLE).ok();
    match set.filter(|text| !text.is_empty()) {
        // One that listens elsewhere than on loopback has no address of its own that could be used.
        None => Ok(own.as_str().parse().ok()),
        Some(text) => text.parse().map(Some).map_err(|error: InvalidPublicUrl| {
            CliError::not_ready(format!("`{PUBLIC_URL_VARIABLE}` cannot be used")).caused_by(error)
        }),
    }
}

fn oidc() -> Result<Option<OidcSettings>, CliError> {
    OidcSettings::from_env(|name| std::env::var(name).ok(), true).map_err(|error| {
        CliError::not_ready(format!("`{}` cannot be used", error.variable)).caused_by(error)
    })
}

fn budget_webhook() -> Result<Option<WebhookUrl>, CliError> {
    let set = std::env::var(BUDGET_WEBHOOK_VARIABLE).ok();
    let url = set.filter(|text| !text.is_empty()).map(|text| text.parse());
    url.transpose().map_err(|error: InvalidWebhookUrl| {
        CliError::not_ready(format!("`{BUDGET_WEBHOOK_VARIABLE}` cannot be used")).caused_by(error)
    })
}

/// Serves until the first signal, then until what is under way is done, or a second signal.
async fn serve(
    context: &Context,
    listener: TcpListener,
    api: App,
    routes: Router,
    signals: &mut Signals,
) -> Result<(), CliError> {
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = t3nets_router::http::serve(listener, api, routes, async {
        // A sender that is gone asks for the end, too.
        let _ = ended.await;
    });
    tokio::pin!(serving);
    tokio::select! {
        // It goes on until it is told to end.
        _ = &mut serving => return Ok(()),
        () = signals.next() => {}
    }
    context
        .printer
        .status("shutting down: finishing requests in flight, Ctrl-C stops at once");
    drop(end);
    tokio::select! {
        // The log has a line for each request that was cut off.
        _ = &mut serving => Ok(()),
        () = signals.next() => Err(CliError::interrupted()),
    }
}

async fn take_lock(home: &std::path::Path) -> Result<DevLock, CliError> {
    // `chat` and `doctor` hold the lock for an instant when they look whether `dev` runs.
    for _ in 0..5 {
        if let Some(lock) = DevLock::take(home)? {
            return Ok(lock);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = CliError::not_ready(format!(
        "another `t3nets dev` is running on `{}`",
        home.display()
    ));
    Err(match running::find(home)? {
        Some(other) => refused.hint(format!(
            "it answers at {} (process {})",
            other.url, other.pid
        )),
        None => refused,
    }
    .hint("set T3NETS_HOME to another folder to run a second one"))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| {
        let kind = error.kind();
        let refused = CliError::failed(format!("cannot listen on {address}")).caused_by(error);
        match kind {
            std::io::ErrorKind::AddrInUse => {
                refused.hint("`--port` chooses another port, `--port 0` picks a free one")
            }
            std::io::ErrorKind::PermissionDenied => {
                refused.hint("ports from 1024 on need no privileges: `--port 8080`")
            }
            _ => refused,
        }
    })
}

/// The signals that ask a server to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::failed("cannot listen for signals").caused_by(error))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(bind: &str) -> DevArgs {
        DevArgs {
            demo: false,
            port: 0,
            bind: bind.parse().unwrap(),
            anonymous_tenant: None,
        }
    }

    #[test]
    fn anonymous_callers_are_let_in_unasked_on_loopback_alone() {
        let default: TenantId = "default".parse().unwrap();
        for (bind, tenant) in [
            ("127.0.0.1", Some(&default)),
            ("::1", Some(&default)),
            ("0.0.0.0", None),
            ("192.168.1.7", None),
        ] {
            assert_eq!(args(bind).anonymous_tenant(&default).as_ref(), tenant);
        }
    }
}
