//! Keeps other web sites out of a router that listens on loopback and lets anonymous callers in.
//! Such a router trusts whoever can reach it, and a browser on this machine can, on behalf of any
//! page it shows: by a request from that page (told by `Origin`), or by a name of the page's own
//! that resolves to 127.0.0.1 (told by `Host`).

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use t3nets_router::outbound;
use url::Url;

/// Refuses requests that another web site's page makes.
pub(super) fn only_local_pages(app: Router) -> Router {
    app.layer(from_fn(async |request: Request, next: Next| -> Response {
        if is_local(request.headers()) {
            next.run(request).await
        } else {
            refusal(request.headers())
        }
    }))
}

fn is_local(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host_is_local =
        text(header::HOST).is_none_or(|host| is_loopback_url(&format!("http://{host}/")));
    let origin_is_local = text(header::ORIGIN).is_none_or(is_loopback_url);
    host_is_local && origin_is_local
}

fn is_loopback_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| outbound::is_loopback(&url))
}

fn refusal(headers: &HeaderMap) -> Response {
    t3nets_router::http::refusal(
        headers,
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "this router only answers pages and programs on this machine",
        Some("call it as http://127.0.0.1 or http://localhost"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        is_local(&headers)
    }

    #[test]
    fn programs_and_pages_of_this_machine_are_let_in() {
        assert!(allowed("127.0.0.1:8080", None));
        assert!(allowed("localhost:8080", Some("http://localhost:8080")));
        assert!(allowed("[::1]:8080", None));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        assert!(!allowed("rebound.example:8080", None));
        assert!(!allowed("127.0.0.1:8080", Some("https://evil.example")));
        assert!(!allowed("127.0.0.1:8080", Some("null")));
        assert!(!allowed("127.0.0.1.evil.example", None));
    }
}
