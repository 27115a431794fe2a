//! From a host's name to its addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use super::is_loopback_host;

/// The system's resolver, except that names under `localhost` are loopback whatever DNS says: they
/// are trusted with credentials in clear.
#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            // The port is a placeholder: the client puts the address's own there.
            let found: Vec<SocketAddr> = if is_loopback_host(Host::Domain(name)) {
                let addresses: [IpAddr; 2] =
                    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                addresses
                    .map(|address| SocketAddr::new(address, 0))
                    .to_vec()
            } else {
                tokio::net::lookup_host((name, 0)).await?.collect()
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
