//! The proxies that the environment's variables name.
//!
//! The variables mean what they mean to curl
//! (<https://everything.curl.dev/usingcurl/proxies/env.html>), except that loopback never goes
//! through a proxy: the proxy would read what two programs of one machine say to each other,
//! credentials in clear among it. Nor do link-local addresses, at which AWS hands out a task's or
//! an instance's credentials in clear
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>).

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Proxy};
use url::Url;

use super::ClientError;

/// Loopback in the notation of `NO_PROXY`, the same as
/// [`is_loopback_host`](super::is_loopback_host), and what is link-local, with the addresses that
/// AWS keeps for an instance. A name stands for the names below it, too.
const NEARBY: &str = "localhost,localhost.,127.0.0.0/8,::1,::ffff:127.0.0.0/104,169.254.0.0/16,fe80::/10,fd00:ec2::/32";

/// Which proxy stands in between, for errors: without its user's name and password.
#[derive(Debug, Default)]
pub(super) struct Between(Option<Matcher>);

impl Between {
    /// Host and port of the proxy on the way to an address.
    pub(super) fn proxy_of(&self, url: &Url) -> Option<String> {
        let target = url.as_str().parse().ok()?;
        let found = self.0.as_ref()?.intercept(&target)?;
        let host = found.uri().host()?;
        Some(match found.uri().port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    }
}

/// What the variables say; an empty one counts as unset.
#[derive(Debug)]
pub(crate) struct Variables {
    /// The proxy for `http`, behind its variable.
    pub(crate) http: Option<(&'static str, String)>,
    /// The proxy for `https`, behind its variable.
    pub(crate) https: Option<(&'static str, String)>,
    /// What goes through none.
    pub(crate) exceptions: String,
}

pub(crate) fn variables(lookup: impl Fn(&str) -> Option<String>) -> Variables {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let value = lookup(name)?.trim().to_owned();
            (!value.is_empty()).then_some((*name, value))
        })
    };
    Variables {
        http: first(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
        https: first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
        exceptions: match first(&["NO_PROXY", "no_proxy"]) {
            Some((_, others)) => format!("{NEARBY},{others}"),
            None => NEARBY.to_owned(),
        },
    }
}

/// The proxies for `http` and `https`.
pub(super) fn from_variables(
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<(Vec<Proxy>, Between), ClientError> {
    let Variables {
        http,
        https,
        exceptions,
    } = variables(lookup);
    let mut proxies = Vec::new();
    let mut between = Matcher::builder().no(exceptions.clone());
    if let Some((variable, address)) = http {
        between = between.http(address.clone());
        proxies.push((variable, Proxy::http(address)));
    }
    if let Some((variable, address)) = https {
        between = between.https(address.clone());
        proxies.push((variable, Proxy::https(address)));
    }
    let proxies: Result<_, _> = proxies
        .into_iter()
        .map(|(variable, proxy)| match proxy {
            Ok(proxy) => Ok(proxy.no_proxy(NoProxy::from_string(&exceptions))),
            Err(error) => Err(ClientError::Proxy {
                variable,
                source: error.without_url(),
            }),
        })
        .collect();
    Ok((proxies?, Between(Some(between.build()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_names_no_proxy_is_named_without_its_value() {
        let error = from_variables(|name| {
            (name == "https_proxy").then(|| "http://user:word@[bad".to_owned())
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`https_proxy` is not the address of a proxy"
        );
        assert!(!format!("{error:?}").contains("word"), "{error:?}");
    }

    #[test]
    fn the_proxy_on_the_way_is_named_without_its_password() {
        let (_, between) = from_variables(|name| match name {
            "HTTPS_PROXY" => Some("http://user:word@proxy.example:3128".to_owned()),
            "NO_PROXY" => Some("direct.example".to_owned()),
            _ => None,
        })
        .unwrap();
        let proxy_of = |url: &str| between.proxy_of(&url.parse().unwrap());
        let proxy = Some("proxy.example:3128".to_owned());
        assert_eq!(proxy_of("https://team.atlassian.net/rest"), proxy);
        for direct in [
            "https://direct.example",
            "https://127.0.0.1:1",
            "https://localhost",
            "https://169.254.170.2",
            "https://[fd00:ec2::254]",
            "http://plain.example",
        ] {
            assert_eq!(proxy_of(direct), None, "{direct}");
        }
    }

    #[test]
    fn empty_variables_count_as_unset() {
        let none = from_variables(|_| Some(" ".to_owned())).unwrap();
        assert!(none.0.is_empty());
        let all =
            from_variables(|name| (name == "ALL_PROXY").then(|| "proxy.example:3128".to_owned()));
        assert_eq!(all.unwrap().0.len(), 2);
    }
}
