//! Objects of S3, which have paths and hosts where other services have operations.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use super::endpoint::Endpoint;
use super::exchange::{Exchange, Failure};
use super::request::{Limits, Request};
use super::{AwsError, AwsErrorKind, SignedClient};

const OPERATION: &str = "GetObject";

/// How long it may take until an object is read, and with all attempts: some are large and some
/// networks slow.
const ATTEMPT: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_secs(60);

/// What stands for itself in a path, to S3 and to whoever signs.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

impl SignedClient {
    /// An object's content. Where the bucket turns out to be in another region than the
    /// configuration's, it is read there.
    ///
    /// # Errors
    /// `NotFound` if there is no such bucket or key, by its code; `Unreachable` if it is longer
    /// than `max` bytes; as AWS says otherwise.
    pub async fn object(&self, bucket: &str, key: &str, max: usize) -> Result<Vec<u8>, AwsError> {
        let exchange = self.exchange(OPERATION)?;
        let failure = match read(exchange, bucket, key, max).await {
            Ok(body) => return Ok(body),
            Err(failure) => failure,
        };
        let Some(region) = failure
            .bucket_region
            .filter(|_| !exchange.endpoint.is_configured)
        else {
            return Err(failure.error);
        };
        let region = aws_config::Region::new(region);
        let sdk = exchange.sdk.to_builder().region(region).build();
        let there = Exchange::new(&sdk, exchange.service)?;
        let body = read(&there, bucket, key, max).await;
        body.map_err(|failure| failure.error)
    }
}

async fn read(
    exchange: &Exchange,
    bucket: &str,
    key: &str,
    max: usize,
) -> Result<Vec<u8>, Failure> {
    let url = address(&exchange.endpoint, bucket, key).map_err(|message| {
        Failure::lasting(exchange.error(OPERATION, AwsErrorKind::Configuration, message))
    })?;
    let request = Request {
        operation: OPERATION,
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: String::new(),
        limits: Limits {
            answer: max,
            attempt: ATTEMPT,
            call: CALL,
        },
    };
    Ok(exchange.send(&request).await?.body)
}

/// Where an object is: at its bucket's own host, or below the endpoint's where that cannot be.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
fn address(endpoint: &Endpoint, bucket: &str, key: &str) -> Result<Url, String> {
    // A URL has no such parts: whoever reads it takes them for steps between folders.
    if key.split('/').any(|part| part == "." || part == "..") {
        return Err(format!("the key `{key}` cannot be part of a URL"));
    }
    let mut url = endpoint.url.clone();
    let key = utf8_percent_encode(key, ENCODED);
    let base = url.path().trim_end_matches('/').to_owned();
    let host = url.host_str().unwrap_or_default();
    if endpoint.is_configured || !is_label(bucket) {
        let bucket = utf8_percent_encode(bucket, ENCODED);
        url.set_path(&format!("{base}/{bucket}/{key}"));
    } else {
        let host = format!("{bucket}.{host}");
        url.set_host(Some(&host))
            .map_err(|error| format!("`{host}` is not a host's name: {error}"))?;
        url.set_path(&format!("{base}/{key}"));
    }
    Ok(url)
}

/// Whether a bucket's name can be the first part of its host's. Those with dots cannot: the
/// certificate is for one part.
fn is_label(bucket: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(is_inner)
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_at_its_buckets_host_or_below_the_endpoint() {
        let of = |url: &str, is_configured, bucket: &str, key: &str| {
            let endpoint = Endpoint {
                url: Url::parse(url).unwrap(),
                region: "eu-west-1".to_owned(),
                is_configured,
            };
            address(&endpoint, bucket, key).map(String::from)
        };
        let aws = "https://s3.eu-west-1.amazonaws.com";
        for (endpoint, is_configured, bucket, key, expected) in [
            (
                aws,
                false,
                "state",
                "a/b",
                "https://state.s3.eu-west-1.amazonaws.com/a/b",
            ),
            (
                aws,
                false,
                "my.state",
                "k",
                "https://s3.eu-west-1.amazonaws.com/my.state/k",
            ),
            (
                aws,
                false,
                "State",
                "k",
                "https://s3.eu-west-1.amazonaws.com/State/k",
            ),
            (
                aws,
                false,
                "state",
                "env:/pr od/ä+%2F",
                "https://state.s3.eu-west-1.amazonaws.com/env%3A/pr%20od/%C3%A4%2B%252F",
            ),
            (
                "http://127.0.0.1:4566",
                true,
                "state",
                "k",
                "http://127.0.0.1:4566/state/k",
            ),
            (
                "http://minio/s3/",
                true,
                "state",
                "k",
                "http://minio/s3/state/k",
            ),
        ] {
            let found = of(endpoint, is_configured, bucket, key);
            assert_eq!(found.as_deref(), Ok(expected));
        }
        assert!(of(aws, false, "state", "a/../b").is_err());
    }
}
