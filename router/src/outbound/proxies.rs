//! The proxies that the environment's variables name.
//!
//! The variables mean what they mean to curl
//! (<https://everything.curl.dev/usingcurl/proxies/env.html>), except that loopback never goes
//! through a proxy: the proxy would read what two programs of one machine say to each other,
//! credentials in clear among it.

use reqwest::{NoProxy, Proxy};

use super::ClientError;

/// Loopback in the notation of `NO_PROXY`; the same as
/// [`is_loopback_host`](super::is_loopback_host). A name stands for the names below it, too.
const LOOPBACK: &str = "localhost,localhost.,127.0.0.0/8,::1,::ffff:127.0.0.0/104";

/// The proxies for `http` and `https`. An empty variable counts as unset.
pub(super) fn from_variables(
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Proxy>, ClientError> {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let value = lookup(name)?.trim().to_owned();
            (!value.is_empty()).then_some((*name, value))
        })
    };
    let exceptions = match first(&["NO_PROXY", "no_proxy"]) {
        Some((_, others)) => format!("{LOOPBACK},{others}"),
        None => LOOPBACK.to_owned(),
    };
    let mut proxies = Vec::new();
    let http = first(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]);
    if let Some((variable, address)) = http {
        proxies.push((variable, Proxy::http(address)));
    }
    let https = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
    if let Some((variable, address)) = https {
        proxies.push((variable, Proxy::https(address)));
    }
    proxies
        .into_iter()
        .map(|(variable, proxy)| match proxy {
            Ok(proxy) => Ok(proxy.no_proxy(NoProxy::from_string(&exceptions))),
            Err(error) => Err(ClientError::Proxy {
                variable,
                source: error.without_url(),
            }),
        })
        .collect()
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
    fn empty_variables_count_as_unset() {
        assert!(from_variables(|_| Some(" ".to_owned())).unwrap().is_empty());
        let all =
            from_variables(|name| (name == "ALL_PROXY").then(|| "proxy.example:3128".to_owned()));
        assert_eq!(all.unwrap().len(), 2);
    }
}
