//! HTTP requests to other programs: the one place that builds clients, decides which addresses are
//! this machine, and bounds what is read.
//!
//! Providers, Jira, registries and health checks all get their client from [`client()`], so that a
//! rule on what may leave this process is written once:
//!
//! * proxies are those of the environment's variables; loopback never goes through one (`proxies`);
//! * redirects are refused unless [`Redirects::Follow`] is asked for;
//! * names under `localhost` are this machine without asking DNS ([`is_loopback`]);
//! * a tenant's address leads to the internet and nowhere else, unless the environment allows more
//!   ([`Reach`]): names are resolved here (`resolver`), and what is connected to is what was found;
//! * errors say why, and which proxy stood in between ([`TransportError`]);
//! * connecting, silence and the whole exchange are bounded in time ([`Options`]), bodies and event
//!   streams in bytes ([`read_bounded`], [`events()`]).
//!
//! Not here: the AWS SDK's clients, which [`aws::sdk_config`](crate::aws::sdk_config) sets up, and
//! what an answer means.

mod body;
mod client;
mod events;
mod loopback;
mod proxies;
mod reach;
mod resolver;
mod waiting;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;

use proxies::Between;

pub use body::{BodyError, ByteBudget, read_bounded, read_start};
pub use client::{Client, TransportError, proxy_in_clear};
pub use events::{Event, EventError, EventLimits, EventReader, events};
pub use loopback::{is_loopback, is_loopback_address, is_loopback_host};
pub(crate) use proxies::{Variables, variables};
pub use reach::{Allowed, Forbidden, InvalidRange, RANGES_VARIABLE, Reach};
pub use waiting::{LONGEST_WAIT, waiting_time};
pub use webhook::{InvalidWebhookUrl, NotTold, WebhookUrl};

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
    /// Where requests may go, redirects included.
    pub reach: Reach,
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
            reach: Reach::Anywhere,
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
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("t3nets/", env!("CARGO_PKG_VERSION")))
        .default_headers(options.headers)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .redirect(match options.redirects {
            Redirects::Refuse => Policy::none(),
            Redirects::Follow => followed(options.reach.clone()),
        })
        // The client's own reading of the variables sends loopback to a proxy.
        .no_proxy()
        .dns_resolver(Arc::new(resolver::Resolver(options.reach.clone())));
    if let Some(total) = options.total_timeout {
        builder = builder.timeout(total);
    }
    if let Some(authorities) = options.authorities {
        builder = builder.tls_certs_only(authorities);
    }
    if options.connections == Connections::OnePerRequest {
        builder = builder.pool_max_idle_per_host(0);
    }
    let mut between = Between::default();
    if options.proxies == Proxies::FromEnvironment {
        let (proxies, named) = proxies::from_variables(lookup)?;
        between = named;
        for proxy in proxies {
            builder = builder.proxy(proxy);
        }
    }
    Ok(Client {
        http: builder.build().map_err(ClientError::Build)?,
        reach: options.reach,
        between: Arc::new(between),
    })
}

/// Ten redirects, each to an address within reach.
fn followed(reach: Reach) -> Policy {
    let limited = Policy::limited(10);
    Policy::custom(move |attempt| match reach.allows_url(attempt.url()) {
        Ok(()) => limited.redirect(attempt),
        Err(forbidden) => attempt.error(forbidden),
    })
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
        let answer = client.send(client.get(url)).await;
        answer.unwrap().text().await.unwrap()
    }

    /// A server that sends whoever asks elsewhere.
    fn redirecting_to(place: String) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let _ = connection.read(&mut [0; 1024]);
                let _ = write!(
                    connection,
                    "HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
        });
        port
    }

    /// For an environment where only 127.0.0.1 and what `variables` name is in reach.
    fn tenants_client(variables: impl Fn(&str) -> Option<String>) -> Client {
        let options = Options {
            redirects: Redirects::Follow,
            reach: Reach::Internet(Allowed::parse(false, Some("127.0.0.1")).unwrap()),
            ..Options::default()
        };
        build(options, variables).unwrap()
    }

    #[tokio::test]
    async fn a_tenants_address_is_refused_as_it_is_by_its_name_and_on_a_redirect() {
        let inside = server("inside");
        let client = tenants_client(|_| None);
        let reachable = format!("http://127.0.0.1:{inside}/");
        assert_eq!(answered_by(&client, &reachable).await, "inside");
        let beyond = format!("http://127.0.0.2:{inside}/");
        for url in [
            beyond.clone(),
            format!("http://127.0.0.1:{}/", redirecting_to(beyond)),
            format!("http://[::1]:{inside}/"),
            "https://169.254.169.254/latest/meta-data".to_owned(),
        ] {
            let error = client.send(client.get(&url)).await.unwrap_err();
            assert!(error.is_forbidden(), "{url}: {error}");
            assert!(!error.to_string().contains("127.0"), "{error}");
        }
        let nowhere = Options {
            reach: Reach::Internet(Allowed::default()),
            ..Options::default()
        };
        let client = build(nowhere, |_| None).unwrap();
        let error = client
            .send(client.get(format!("http://api.localhost:{inside}/")))
            .await
            .unwrap_err();
        assert!(error.is_forbidden(), "{error}");
    }

    #[tokio::test]
    async fn a_proxy_does_not_lead_where_a_tenants_address_may_not() {
        let proxy = server("proxy");
        let client = tenants_client(|name| {
            (name == "HTTP_PROXY").then(|| format!("http://127.0.0.1:{proxy}"))
        });
        let unknown = "http://elsewhere.invalid/";
        assert_eq!(answered_by(&client, unknown).await, "proxy");
        let error = client.send(client.get("http://10.0.0.1/")).await;
        assert!(error.unwrap_err().is_forbidden());
    }

    #[tokio::test]
    async fn an_error_names_the_proxy_that_was_in_between() {
        // Nobody listens on port 9 of 127.0.0.3.
        let variables =
            |name: &str| (name == "ALL_PROXY").then(|| "http://user:word@127.0.0.3:9".to_owned());
        let client = build(Options::default(), variables).unwrap();
        for url in ["http://elsewhere.invalid/", "https://elsewhere.invalid/"] {
            let error = client.send(client.get(url)).await.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("(through the proxy 127.0.0.3:9)"), "{shown}");
            assert!(!shown.contains("word"), "{shown}");
        }
        let proxy = server("proxy");
        let client = build(Options::default(), |name| {
            (name == "http_proxy").then(|| format!("http://127.0.0.1:{proxy}"))
        });
        let client = client.unwrap();
        let answer = client.send(client.get("http://elsewhere.invalid/")).await;
        let named = format!("127.0.0.1:{proxy}");
        assert_eq!(proxy_in_clear(&answer.unwrap()), Some(&*named));
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
