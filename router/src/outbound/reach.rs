//! Where a tenant's address may lead. Whoever administers a tenant decides which address its
//! credentials are sent to, and the router stands in a network of its own: without a rule, a tenant
//! could have it ask machines that trust that network, and the address at which AWS hands out the
//! task's credentials (169.254.170.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use url::{Host, Url};

use super::loopback::{is_loopback_address, is_loopback_host};

/// The variable that lists what else tenants' addresses may lead to.
pub const RANGES_VARIABLE: &str = "T3NETS_PRIVATE_RANGES";

/// Where a client may go.
#[derive(Debug, Clone, Default)]
pub enum Reach {
    /// Anywhere: whoever runs this program chose the address.
    #[default]
    Anywhere,
    /// To the internet, and what the environment adds: a tenant chose the address.
    Internet(Allowed),
}

/// What tenants' addresses may lead to beside the internet.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    loopback: bool,
    ranges: Arc<[IpNet]>,
}

/// A range that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address range, such as `10.20.0.0/16` or `fd00::/8`")]
pub struct InvalidRange(String);

/// An address that is out of reach. The address itself, a tenant's, is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address leads into a private network, where this environment lets no tenant's address lead"
)]
pub struct Forbidden;

impl Allowed {
    /// What [`RANGES_VARIABLE`] lists, separated by commas; this machine too, if `loopback`.
    ///
    /// # Errors
    /// The first of them that is no range.
    pub fn parse(loopback: bool, ranges: Option<&str>) -> Result<Self, InvalidRange> {
        let ranges = ranges.unwrap_or_default().split(',').map(str::trim);
        let ranges = ranges.filter(|text| !text.is_empty()).map(|text| {
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            let range = text.parse::<IpNet>();
            range
                .or_else(|_| address())
                .map_err(|_| InvalidRange(text.to_owned()))
        });
        Ok(Self {
            loopback,
            ranges: ranges.collect::<Result<_, _>>()?,
        })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.loopback && is_loopback_address(address)
            || self.ranges.iter().any(|range| range.contains(&address))
    }
}

impl Reach {
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Internet(allowed) => is_on_internet(address) || allowed.contains(address),
        }
    }

    /// Whether a request may be made, as far as the address alone tells: names are looked up when
    /// the connection is made ([`Self::of_name`]).
    pub(super) fn allows_url(&self, url: &Url) -> Result<(), Forbidden> {
        let allowed = match url.host() {
            Some(Host::Ipv4(address)) => self.allows(address.into()),
            Some(Host::Ipv6(address)) => self.allows(address.into()),
            Some(Host::Domain(_)) | None => true,
        };
        allowed.then_some(()).ok_or(Forbidden)
    }

    /// What a name leads to, without what is out of reach; refused if nothing is left.
    pub(super) async fn of_name(&self, name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
        // The port is a placeholder: the client puts the address's own there.
        let mut found: Vec<SocketAddr> = if is_loopback_host(Host::Domain(name)) {
            let addresses: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            addresses.map(|address| (address, 0).into()).to_vec()
        } else {
            tokio::net::lookup_host((name, 0)).await?.collect()
        };
        let was_found = !found.is_empty();
        found.retain(|address| self.allows(address.ip()));
        if was_found && found.is_empty() {
            return Err(Forbidden.into());
        }
        Ok(found)
    }
}

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    // Not transparent: whoever looks for the cause finds it in the chain.
    #[error("out of reach")]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Unknown(#[from] std::io::Error),
}

/// Whether an address is one of the internet's, by IANA's registries of what is not
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry/>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/>).
fn is_on_internet(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_ipv4_on_internet(address),
        IpAddr::V6(address) => match carried(address) {
            Some(carried) => is_ipv4_on_internet(carried),
            None => {
                let [first, second, ..] = address.segments();
                // 2000::/3 is all that was ever given out; of it not 2001::/23 (protocols),
                // 2001:db8::/32 and 3fff::/20 (documentation).
                first & 0xe000 == 0x2000
                    && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
                    && !(first == 0x3fff && second < 0x1000)
            }
        },
    }
}

/// The IPv4 address to which an IPv6 address leads: through NAT64 (64:ff9b::/96), which VPCs have
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html>), or through
/// 6to4 (2002::/16).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(pair(high, low)),
        _ => None,
    }
}

fn is_ipv4_on_internet(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        // Multicast, reserved, broadcast.
        || a >= 224
        // "This network".
        || a == 0
        // Between carriers and their customers, and between VPCs (100.64.0.0/10).
        || (a == 100 && b & 0xc0 == 64)
        // Protocols, the former relays of 6to4, tests of devices.
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && b & 0xfe == 18);
    !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(reach: &Reach, host: &str) -> bool {
        let url = Url::parse(&format!("https://{host}/")).unwrap();
        reach.allows_url(&url).is_ok()
    }

    fn internet(loopback: bool, ranges: &str) -> Reach {
        Reach::Internet(Allowed::parse(loopback, Some(ranges)).unwrap())
    }

    #[test]
    fn a_tenants_address_leads_to_the_internet_alone() {
        let reach = internet(false, "");
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.1.1",
            "169.254.169.254",
            "169.254.170.2",
            "100.64.0.1",
            "100.127.0.1",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[::10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[64:ff9b:1::a00:1]",
            "[2002:a9fe:a9fe::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
        ] {
            assert!(!allows(&reach, host), "{host}");
        }
        for host in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "192.169.0.1",
            "[2606:4700::1111]",
            "[2001:4860:4860::8888]",
            "[::ffff:1.1.1.1]",
            "[64:ff9b::101:101]",
        ] {
            assert!(allows(&reach, host), "{host}");
        }
    }

    #[test]
    fn an_environment_may_allow_more() {
        let reach = internet(true, "");
        assert!(allows(&reach, "127.0.0.1") && allows(&reach, "[::ffff:127.0.0.1]"));
        assert!(!allows(&reach, "10.0.0.1"));
        let reach = internet(false, "10.20.0.0/16, fd00::/8,192.168.1.5");
        for (host, is_allowed) in [
            ("10.20.255.1", true),
            ("[::ffff:10.20.0.1]", true),
            ("10.21.0.1", false),
            ("[fd12::1]", true),
            ("192.168.1.5", true),
            ("192.168.1.6", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(allows(&reach, host), is_allowed, "{host}");
        }
        for wrong in ["10.0.0.0/33", "vpc", "10.0.0"] {
            let error = Allowed::parse(false, Some(wrong)).unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }

    #[tokio::test]
    async fn a_name_is_followed_to_what_is_in_reach() {
        let refused = internet(false, "").of_name("api.localhost").await;
        assert!(matches!(refused, Err(ResolveError::Forbidden(_))));
        let found = internet(false, "127.0.0.0/8").of_name("localhost").await;
        assert_eq!(found.unwrap(), ["127.0.0.1:0".parse().unwrap()]);
    }
}
