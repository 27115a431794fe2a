//! A client, and why a request has no answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use reqwest::{IntoUrl, Method, RequestBuilder, Response};
use url::{Host, Url};

use super::proxies::Between;
use super::reach::{Forbidden, Reach, ResolveError};
use crate::errors::{chain, innermost};

/// A client. Requests are made as with reqwest's, and sent by [`Client::send`], which knows where
/// they may go and what stands in between.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) reach: Reach,
    pub(super) between: Arc<Between>,
}

/// How an answer came, for errors in what follows its head.
#[derive(Debug, Clone)]
struct Way {
    proxy: Option<String>,
    hides_names: bool,
}

impl Client {
    /// A GET request, to be sent by [`Self::send`].
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.http.get(url)
    }

    /// A POST request, to be sent by [`Self::send`].
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.http.post(url)
    }

    /// A request, to be sent by [`Self::send`].
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request and returns the answer's head, whatever its status.
    ///
    /// # Errors
    /// If the address is out of reach, or there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, TransportError> {
        let (_, request) = request.build_split();
        let request = request.map_err(TransportError::from)?;
        let way = Way {
            proxy: self.between.proxy_of(request.url()),
            hides_names: matches!(self.reach, Reach::Internet(_)),
        };
        let allowed = self.check(request.url(), way.proxy.is_some()).await;
        allowed.map_err(TransportError::forbidden)?;
        match self.http.execute(request).await {
            Ok(mut answer) => {
                answer.extensions_mut().insert(way);
                Ok(answer)
            }
            Err(error) => Err(TransportError::new(error, Some(&way))),
        }
    }

    async fn check(&self, url: &Url, has_proxy: bool) -> Result<(), Forbidden> {
        self.reach.allows_url(url)?;
        // The proxy looks names up itself. Those that are known here lead to the same place.
        if let (true, Reach::Internet(_), Some(Host::Domain(name))) =
            (has_proxy, &self.reach, url.host())
            && let Err(ResolveError::Forbidden(forbidden)) = self.reach.of_name(name).await
        {
            return Err(forbidden);
        }
        Ok(())
    }
}

/// The proxy by which an answer came in clear, so that it may be the proxy's own: its host and
/// port. `None` where there is none, or the answer came through TLS.
pub fn proxy_in_clear(answer: &Response) -> Option<&str> {
    let way = answer.extensions().get::<Way>()?;
    way.proxy
        .as_deref()
        .filter(|_| answer.url().scheme() == "http")
}

/// A request without an answer, or an answer that ended early. It says why, and which proxy stood
/// in between; not the address, which may hold what is not for everyone.
#[derive(Debug)]
pub struct TransportError {
    is_forbidden: bool,
    is_connect: bool,
    is_timeout: bool,
    reason: String,
}

impl TransportError {
    fn forbidden(forbidden: Forbidden) -> Self {
        Self {
            is_forbidden: true,
            is_connect: false,
            is_timeout: false,
            reason: forbidden.to_string(),
        }
    }

    fn new(error: reqwest::Error, way: Option<&Way>) -> Self {
        let error = error.without_url();
        if let Some(forbidden) = chain(&error).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
            return Self::forbidden(*forbidden);
        }
        let mut reason = innermost(&error).to_string();
        if way.is_some_and(|way| way.hides_names) {
            reason = without_names(reason);
        }
        if let Some(proxy) = way.and_then(|way| way.proxy.as_deref()) {
            reason = format!("{reason} (through the proxy {proxy})");
        }
        Self {
            is_forbidden: false,
            is_connect: error.is_connect(),
            is_timeout: error.is_timeout(),
            reason,
        }
    }

    /// The error of an answer that was begun.
    pub(super) fn of_body(error: reqwest::Error, answer: &Response) -> Self {
        Self::new(error, answer.extensions().get::<Way>())
    }

    /// Whether the address is one to which nothing is sent.
    pub fn is_forbidden(&self) -> bool {
        self.is_forbidden
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        self.is_connect
    }

    /// Whether something took too long.
    pub fn is_timeout(&self) -> bool {
        self.is_timeout
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        Self::new(error, None)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for TransportError {}

/// The reason without the names for which a certificate is: those of machines that a tenant does
/// not know.
fn without_names(reason: String) -> String {
    match reason.contains("not valid for name") {
        true => "the certificate is for another name".to_owned(),
        false => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_a_certificate_are_the_operators() {
        // rustls's words.
        let reason = "invalid peer certificate: certificate not valid for name \"10.0.0.1\"; certificate is only valid for DnsName(\"db.corp.example\")";
        let shown = without_names(reason.to_owned());
        assert_eq!(shown, "the certificate is for another name");
        let other = "invalid peer certificate: UnknownIssuer";
        assert_eq!(without_names(other.to_owned()), other);
    }
}
