//! `t3nets dev`: the router on this machine, in this process.
//!
//! Here: what can be chosen and the order of things. [`demo`] is the sample board, [`guard`] keeps
//! other web sites out of a router that lets anonymous callers in, [`page`] is the web page,
//! [`setup`] what is put into an empty environment.

pub(crate) mod demo;
mod guard;
mod page;
mod sample_board;
mod setup;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::ai::AiDefaults;
use t3nets_router::config::{Deadlines, Identity, ServerConfig};
use t3nets_router::http::App;
use t3nets_router::model::TenantId;
use t3nets_router::outbound::is_loopback_address;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use url::Url;

use crate::config::running::{self, DevLock, RunningDev};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::{Output, Streamed};

/// How long requests under way may take once the router was told to end.
const GRACE: Duration = Duration::from_secs(30);

/// Arguments of `t3nets dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct DevArgs {
    /// Connect the tenant `default` to a sample Jira board, served by this process
    #[arg(long)]
    demo: bool,
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    bind: IpAddr,
    /// The tenant of callers without a key [default: `default` on a loopback address, else none]
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

/// Where the router answers. Shown as soon as it does.
#[derive(Debug, Serialize)]
struct DevStarted {
    #[serde(flatten)]
    running: RunningDev,
    environment: String,
    anonymous_tenant: Option<TenantId>,
    demo: bool,
}

impl Output for DevStarted {
    fn text(&self) -> String {
        format!(
            "listening on {}\n\n  web page  {}\n  chat      t3nets chat \"sprint status?\"\n  api       curl -s {}api/chat -H 'content-type: application/json' -d '{{\"message\": \"sprint status?\"}}'\n  stop      Ctrl-C\n",
            self.running.url, self.running.url, self.running.url
        )
    }
}

/// Runs the router until it is told to end.
///
/// # Errors
/// Not ready if the environment cannot be used or another `dev` runs on it; a failure if
/// the port is in use.
pub(crate) async fn run(context: &Context, args: DevArgs) -> Result<Streamed, CliError> {
    let environment = context.local_environment()?;
    let mut signals = Signals::listen()?;
    let lock = take_lock(&environment.home).await?;
    // Its user is at the terminal: a protected one is not confirmed at every start.
    context.show_environment().await?;
    let platform = context.platform().await?;
    let listener = bind(SocketAddr::new(args.bind, args.port)).await?;
    let address = listener
        .local_addr()
        .map_err(|error| CliError::failed("cannot tell which port was picked").caused_by(error))?;

    let default_tenant = setup::seed(context, &platform).await?;
    let _sample_board = if args.demo {
        Some(demo::start(context, &platform, &default_tenant).await?)
    } else {
        demo::warn_if_left_over(context, &platform, &default_tenant).await?;
        None
    };
    let anonymous_tenant = args.anonymous_tenant(&default_tenant);
    let ai = AiDefaults::from_env(|name| std::env::var(name).ok())
        .map_err(|error| CliError::not_ready("a model setting cannot be used").caused_by(error))?;
    let config = ServerConfig {
        identity: Identity {
            platform: "local",
            environment: environment.name.clone(),
            release: None,
        },
        anonymous_tenant: anonymous_tenant.clone(),
        ai,
        deadlines: Deadlines::default(),
    };
    let api = t3nets_router::http::app(platform, config)
        .map_err(|error| CliError::failed("the router cannot start").caused_by(error))?;
    let routes = with_page(api.routes(), is_loopback_address(args.bind));

    let running = RunningDev {
        url: url_of(address)?,
        pid: std::process::id(),
        started_at: Timestamp::now(),
    };
    lock.announce(&running)?;
    match &anonymous_tenant {
        Some(tenant) => context
            .printer
            .status(format!("callers without a key belong to tenant `{tenant}`")),
        None => context
            .printer
            .status("callers without a key are refused (`--anonymous-tenant` allows them)"),
    }
    context.printer.print(&DevStarted {
        running,
        environment: environment.name.clone(),
        anonymous_tenant,
        demo: args.demo,
    })?;
    serve(context, listener, api, routes, &mut signals).await?;
    Ok(Streamed::DONE)
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
    let failed = |error: std::io::Error| CliError::failed("the router stopped").caused_by(error);
    tokio::select! {
        result = &mut serving => return result.map_err(failed),
        () = signals.next() => {}
    }
    context
        .printer
        .status("shutting down: finishing requests in flight, Ctrl-C stops at once");
    drop(end);
    tokio::select! {
        result = &mut serving => result.map_err(failed),
        () = signals.next() => Err(CliError::interrupted()),
        () = tokio::time::sleep(GRACE) => {
            context.printer.warning("some requests took too long and were dropped");
            Ok(())
        }
    }
}

/// The API, and at `/` the page. What the page does not answer is the API's, errors included.
fn with_page(api: Router, only_this_machine: bool) -> Router {
    let page = page::Page::new();
    let app = Router::new()
        .route(
            "/",
            get(async move || page.response()).fallback_service(api.clone()),
        )
        .fallback_service(api);
    if only_this_machine {
        guard::only_local_pages(app)
    } else {
        app
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

/// Where this machine reaches the address: a router that listens everywhere answers on loopback,
/// too.
fn url_of(address: SocketAddr) -> Result<Url, CliError> {
    let host = if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        }
    } else {
        address.ip()
    };
    let address = SocketAddr::new(host, address.port());
    Url::parse(&format!("http://{address}/"))
        .map_err(|error| CliError::failed(format!("`{address}` makes no URL")).caused_by(error))
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

    #[test]
    fn the_address_shown_can_be_reached() {
        for (address, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("0.0.0.0:81", "http://127.0.0.1:81/"),
            ("[::]:81", "http://[::1]:81/"),
        ] {
            assert_eq!(url_of(address.parse().unwrap()).unwrap().as_str(), url);
        }
    }
}
