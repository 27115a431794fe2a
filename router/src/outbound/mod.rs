//! HTTP requests to other programs: the one place that builds clients, decides which addresses are
//! this machine, and bounds what is read.
//!
//! Providers, Jira, registries and health checks all get their client from [`client`], so that a
//! rule on what may leave this process is written once:
//!
//! * proxies are those of the environment's variables; loopback never goes through one (`proxies`);
//! * redirects are refused unless [`Redirects::Follow`] is asked for;
//! * names under `localhost` are this machine without asking DNS ([`is_loopback`]), other names are
//!   resolved here too, which is where rules on the addresses behind a name belong (`resolver`);
//! * connecting, silence and the whole exchange are bounded in time ([`Options`]), bodies and event
//!   streams in bytes ([`read_bounded`], [`events`]).
//!
//! Not here: the AWS SDK's clients, which [`aws::sdk_config`](crate::aws::sdk_config) sets up, and
//! what an answer means.

mod body;
mod events;
mod loopback;
mod proxies;
mod resolver;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;

pub use body::{BodyError, ByteBudget, read_bounded, read_start};
pub use events::{Event, EventError, EventLimits, EventReader, events};
pub use loopback::{is_loopback, is_loopback_address, is_loopback_host};
pub use waiting::{LONGEST_WAIT, waiting_time};

/// How a client behaves. The default suits a short request to an API with credentials in it.
#[derive(Debug, Clone)]
pub struct Options {
    /// From the first packet to the end of the TLS handshake.
    pub connect_timeout: Duration,
    /// The longest silence, before an answer and within it.
    pub read_timeout: Duration,
    /// One exchange, from connecting to the last byte. `None` where the caller has a deadline and
    /// drops the request.
    pub total_timeout: Option<Duration>,
    /// What happens when an answer points elsewhere.
    pub redirects: Redirects,
    /// Whether proxies stand in between.
    pub proxies: Proxies,
    /// How many idle connections are kept for the next request.
    pub connections: Connections,
    /// The certificate authorities to trust, in place of the system's.
    pub authorities: Option<Vec<reqwest::Certificate>>,
    /// Sent with every request. Mark credentials as sensitive: they are then left out of debug
    /// output.
    pub headers: HeaderMap,
}

/// What happens when an answer points elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// The redirect is the answer: credentials and conversations go nowhere but to the address that
    /// was configured.
    Refuse,
    /// At most ten are followed; credentials are dropped where the host changes.
    Follow,
}

/// Whether proxies stand in between. Loopback never goes through one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxies {
    /// Those of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not.
    FromEnvironment,
    /// None: the answer must be the service's own.
    Never,
}

/// How many idle connections are kept for the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// As many as were open.
    Keep,
    /// None: behind a load balancer, each request may then reach another instance.
    OnePerRequest,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            total_timeout: None,
            redirects: Redirects::Refuse,
            proxies: Proxies::FromEnvironment,
            connections: Connections::Keep,
            authorities: None,
            headers: HeaderMap::new(),
        }
    }
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A variable that names no proxy. Its value, which may hold a password, is not repeated.
    #[error("`{variable}` is not the address of a proxy")]
    Proxy {
        /// The variable, as it is written in the environment.
        variable: &'static str,
        /// What the address lacks.
        source: reqwest::Error,
    },
    /// TLS cannot be set up, mostly for want of root certificates.
    #[error("no HTTPS client can be made")]
    Build(#[source] reqwest::Error),
}

/// A client. It holds connections, so one is shared by all requests of a kind.
///
/// # Errors
/// If a proxy's variable cannot be used or TLS cannot be set up.
pub fn client(options: Options) -> Result<Client, ClientError> {
    build(options, |name| std::env::var(name).ok())
}

fn build(options: Options, lookup: impl Fn(&str) -> Option<String>) -> Result<Client, ClientError> {
    let mut builder = Client::builder()
        .user_agent(concat!("t3nets/", env!("CARGO_PKG_VERSION")))
        .default_headers(options.headers)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .redirect(match options.redirects {
            Redirects::Refuse => Policy::none(),
            Redirects::Follow => Policy::limited(10),
        })
        // The client's own reading of the variables sends loopback to a proxy.
        .no_proxy()
        .dns_resolver(Arc::new(resolver::Resolver));
    if let Some(total) = options.total_timeout {
        builder = builder.timeout(total);
    }
    if let Some(authorities) = options.authorities {
        builder = builder.tls_certs_only(authorities);
    }
    if options.connections == Connections::OnePerRequest {
        builder = builder.pool_max_idle_per_host(0);
    }
    if options.proxies == Proxies::FromEnvironment {
        for proxy in proxies::from_variables(lookup)? {
            builder = builder.proxy(proxy);
        }
    }
    builder.build().map_err(ClientError::Build)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server that answers one request with its name.
    fn server(name: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let _ = connection.read(&mut [0; 1024]);
                let length = name.len();
                let _ = write!(
                    connection,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{name}"
                );
            }
        });
        port
    }

    async fn answered_by(client: &Client, url: &str) -> String {
        client.get(url).send().await.unwrap().text().await.unwrap()
    }

    #[tokio::test]
    async fn loopback_goes_through_no_proxy_and_the_rest_does() {
        let proxy = server("proxy");
        let target = server("target");
        let variables = |name: &str| match name {
            "HTTP_PROXY" => Some(format!("http://user:word@127.0.0.1:{proxy}")),
            "no_proxy" => Some("direct.example".to_owned()),
            _ => None,
        };
        let client = build(Options::default(), variables).unwrap();
        for host in [
            "localhost",
            "api.localhost",
            "localhost.",
            "127.0.0.1",
            "127.1",
            "[::ffff:127.0.0.1]",
        ] {
            let url = format!("http://{host}:{target}/");
            assert_eq!(answered_by(&client, &url).await, "target", "{host}");
        }
        for host in ["elsewhere.invalid", "127.0.0.1.example.com", "10.255.255.1"] {
            let url = format!("http://{host}:{target}/");
            assert_eq!(answered_by(&client, &url).await, "proxy", "{host}");
        }
    }
}
