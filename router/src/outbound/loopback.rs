//! Which addresses are this machine itself. Credentials may travel there without encryption, and no
//! proxy stands in between.

use std::net::IpAddr;

use url::{Host, Url};

/// Whether an address leads to this machine and nowhere else: see [`is_loopback_host`].
pub fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(is_loopback_host)
}

/// Whether a host is this machine and nothing else: `localhost` and the names below it,
/// 127.0.0.0/8, `::1`, and 127.0.0.0/8 written as IPv6 (`::ffff:127.0.0.1`).
///
/// Names below `localhost` are reserved for loopback (RFC 6761, section 6.3);
/// [`client`](super::client()) does not ask DNS for them. Not loopback: `0.0.0.0` and `::`, which
/// are every address of this machine where one listens, and which only some systems take for this
/// machine where one connects; names that merely begin like an address of loopback.
pub fn is_loopback_host(host: Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let last = name.rsplit('.').next().unwrap_or(name);
            last.eq_ignore_ascii_case("localhost")
        }
        Host::Ipv4(address) => is_loopback_address(address.into()),
        Host::Ipv6(address) => is_loopback_address(address.into()),
    }
}

/// Whether an IP address is loopback, also where it is IPv4 written as IPv6.
pub fn is_loopback_address(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(host: &str) -> bool {
        is_loopback(&Url::parse(&format!("http://{host}/path")).unwrap())
    }

    #[test]
    fn this_machine_has_these_names_and_addresses() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "api.localhost",
            "a.b.localhost:1",
            "127.0.0.1",
            "127.0.0.1:11434",
            "127.255.255.254",
            "[::1]",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            // The WHATWG's URL parser reads these as 127.0.0.1, as browsers do.
            "127.1",
            "2130706433",
        ] {
            assert!(loopback(host), "{host}");
        }
    }

    #[test]
    fn other_machines_are_not_taken_for_it() {
        for host in [
            "127.0.0.1.example.com",
            "localhost.example.com",
            "notlocalhost",
            "localhost..example.com",
            "0.0.0.0",
            "[::]",
            "[::ffff:10.0.0.1]",
            "[fe80::1]",
            "10.0.0.1",
            "169.254.169.254",
            "128.0.0.1",
            "example.com",
        ] {
            assert!(!loopback(host), "{host}");
        }
        assert!(!is_loopback(&Url::parse("file:///etc/hosts").unwrap()));
        assert!(!is_loopback(&Url::parse("data:,localhost").unwrap()));
    }
}
