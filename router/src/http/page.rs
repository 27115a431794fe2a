//! The web page: files that `router/page` builds, out of the program itself.
//!
//! A page is the same bytes for everyone; what it shows comes by the API. So a link to it works
//! from anywhere although the session's cookie is `SameSite=Strict`.

use std::borrow::Cow;

use axum::Extension;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::error::{ApiError, ErrorForm};
use super::{middleware, openai};

/// What `router/page/build.mjs` wrote.
#[derive(RustEmbed)]
#[folder = "page/dist"]
struct Files;

/// Nothing but the page's own files, and no way for a script to make markup out of text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// How files are kept that have a hash in their name.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// How those are kept that have the same name in every version.
const ASKED_AGAIN: &str = "no-cache";
/// The one of them that is not a page.
const EARLY: &str = "early.js";

pub(super) async fn chat(headers: HeaderMap) -> Result<Response, ApiError> {
    page("chat.html", &headers).await
}

pub(super) async fn dashboard(headers: HeaderMap) -> Result<Response, ApiError> {
    page("dashboard.html", &headers).await
}

pub(super) async fn setup(headers: HeaderMap) -> Result<Response, ApiError> {
    page("setup.html", &headers).await
}

pub(super) async fn asset(
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let kept = match name == EARLY {
        true => ASKED_AGAIN,
        false => FOREVER,
    };
    file(&format!("assets/{name}"), kept, &headers).await
}

/// The answer for an unknown path: a page where a person typed it, which browsers show by what they
/// accept; JSON for everything else.
pub(super) async fn missing(
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
) -> Result<Response, ApiError> {
    if ErrorForm::of_path(uri.path()) == ErrorForm::OpenAi {
        return Err(openai::not_served());
    }
    let is_read = matches!(method, Method::GET | Method::HEAD);
    if !is_read || !takes_html(&headers) {
        return Err(middleware::not_found().await);
    }
    headers.remove(IF_NONE_MATCH);
    let page = page("missing.html", &headers).await?;
    Ok((StatusCode::NOT_FOUND, Extension(ErrorPage), page).into_response())
}

/// Marks an error that is a page, and stays one.
#[derive(Clone)]
pub(super) struct ErrorPage;

/// Whether HTML is asked for by its name, as browsers do that go to an address.
fn takes_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let mut values = values.filter_map(|value| value.to_str().ok());
    values.any(|value| value.contains("text/html"))
}

async fn page(name: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
    const OWN: [(HeaderName, &str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    let file = file(name, ASKED_AGAIN, headers).await?;
    Ok((OWN, file).into_response())
}

/// A file, compressed where the browser takes that; nothing but a status where it has it already.
async fn file(name: &str, kept: &'static str, headers: &HeaderMap) -> Result<Response, ApiError> {
    let compressed = match takes_brotli(headers) {
        true => read(&format!("{name}.br")),
        false => None,
    };
    let encoding = compressed.as_ref().map(|_| [(CONTENT_ENCODING, "br")]);
    let found = compressed.or_else(|| read(name));
    let (Some(found), Some(kind)) = (found, content_type(name)) else {
        return Err(middleware::not_found().await);
    };
    let tag = tag(&found);
    let about = [
        (CACHE_CONTROL, HeaderValue::from_static(kept)),
        (VARY, HeaderValue::from_static("accept-encoding")),
        (ETAG, tag.clone()),
    ];
    if headers.get(IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let mut response = (about, [(CONTENT_TYPE, kind)], found).into_response();
    for (name, value) in encoding.into_iter().flatten() {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// A file that is built in. A debug build takes it from the checkout, so that a page can be worked
/// on without compiling the router.
fn read(name: &str) -> Option<Cow<'static, [u8]>> {
    #[cfg(debug_assertions)]
    if !name.contains("..") {
        let dist = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/page/dist"));
        if let Ok(content) = std::fs::read(dist.join(name)) {
            return Some(content.into());
        }
    }
    Files::get(name).map(|file| file.data)
}

/// What the content hashes to, in quotes.
fn tag(content: &[u8]) -> HeaderValue {
    let hash = HEXLOWER.encode(&Sha256::digest(content));
    // Hexadecimal digits between quotes are always a header's value.
    HeaderValue::from_str(&format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The kinds of files that are served. Others beside them (the compressed ones) have no address.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        _ => return None,
    })
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = matches!(
                weight.replace(' ', "").as_str(),
                "q=0" | "q=0.0" | "q=0.00" | "q=0.000"
            );
            name.trim().eq_ignore_ascii_case("br") && !refused
        })
}
