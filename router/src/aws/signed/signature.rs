//! How a request is signed, by AWS's own crate for it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{Hosts, Service};

/// For what and when a signature is valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) service: &'a Service,
    pub(super) region: &'a str,
    pub(super) time: SystemTime,
}

/// A request, as far as a signature covers it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signable<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// The headers to add to a request. They appear in no debug output.
///
/// # Errors
/// Why it cannot be signed.
pub(super) fn headers(
    credentials: &Credentials,
    at: At,
    request: Signable,
) -> Result<HeaderMap, String> {
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(at.region)
        .name(at.service.prefix)
        .time(at.time)
        .settings(settings(at.service))
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let signed = request
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(request.body);
    let request = SignableRequest::new(request.method.as_str(), request.url.as_str(), signed, body);
    let signature = request.and_then(|request| sign(request, &parameters));
    let (instructions, _) = signature.map_err(|error| error.to_string())?.into_parts();
    let (added, _) = instructions.into_parts();
    added
        .into_iter()
        .map(|header| {
            let mut value = HeaderValue::from_str(header.value())
                .map_err(|_| format!("{} has a character that no header takes", header.name()))?;
            value.set_sensitive(true);
            Ok((HeaderName::from_static(header.name()), value))
        })
        .collect()
}

/// S3 takes a path as it is, and wants the body's checksum beside the signature.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
fn settings(service: &Service) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service.hosts == Hosts::OfBuckets {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

/// A time so many seconds later, or earlier.
pub(super) fn moved(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let moved = if seconds < 0 {
        time.checked_sub(by)
    } else {
        time.checked_add(by)
    };
    moved.unwrap_or(time)
}

/// How many seconds there are from one time to another; negative if that came before.
pub(super) fn seconds(from: SystemTime, to: SystemTime) -> i64 {
    let whole = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    to.duration_since(from)
        .map_or_else(|error| -whole(error.duration()), whole)
}
