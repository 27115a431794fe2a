//! Signatures for X-Ray's OTLP endpoint, which takes spans as a collector does, but from those
//! alone who sign:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html>.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use super::signature::{self, Signable};
use super::{Hosts, Protocol, Service};
use crate::errors::innermost;

/// Only its name counts here: the request is written elsewhere.
const XRAY: Service = Service {
    sdk_id: "XRay",
    prefix: "xray",
    hosts: Hosts::Regional,
    protocol: Protocol::Json(""),
};

/// Signs what is sent to X-Ray with the configuration's credentials.
#[derive(Debug)]
pub(crate) struct XRaySigner {
    credentials: SharedCredentialsProvider,
}

impl XRaySigner {
    /// `None` if the configuration has no credentials.
    pub(crate) fn new(sdk: &SdkConfig) -> Option<Self> {
        let credentials = sdk.credentials_provider()?;
        Some(Self { credentials })
    }

    /// The headers to add to a POST; none if it goes elsewhere.
    ///
    /// # Errors
    /// Why it cannot be signed.
    pub(crate) async fn headers(
        &self,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<HeaderMap, String> {
        let Some(region) = region(url) else {
            return Ok(HeaderMap::new());
        };
        let credentials = self.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|error| innermost(&error).to_string())?;
        let at = signature::At {
            service: &XRAY,
            region,
            time: SystemTime::now(),
        };
        let request = Signable {
            method: &Method::POST,
            url,
            headers,
            body,
        };
        signature::headers(&credentials, at, request)
    }
}

/// The region of X-Ray's endpoint, if it is one: `https://xray.us-east-1.amazonaws.com`.
fn region(url: &Url) -> Option<&str> {
    let host = url.host_str()?.strip_prefix("xray.")?;
    let (region, domain) = host.split_once('.')?;
    let is_aws = matches!(domain, "amazonaws.com" | "amazonaws.com.cn" | "api.aws");
    (url.scheme() == "https" && is_aws).then_some(region)
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;

    #[tokio::test]
    async fn what_goes_to_xray_is_signed_for_its_region_and_nothing_else() {
        let credentials = Credentials::new("AKIDEXAMPLE", "hidden", None, None, "test");
        let signer = XRaySigner {
            credentials: SharedCredentialsProvider::new(credentials),
        };
        for (url, scope) in [
            (
                "https://xray.eu-west-1.amazonaws.com/v1/traces",
                Some("/eu-west-1/xray/aws4_request"),
            ),
            ("http://xray.eu-west-1.amazonaws.com/v1/traces", None),
            ("https://xray.eu-west-1.amazonaws.com.example.com/", None),
            ("https://collector.example.com/v1/traces", None),
            ("http://127.0.0.1:4318/v1/traces", None),
        ] {
            let url = url.parse().unwrap();
            let added = signer.headers(&url, &HeaderMap::new(), b"spans").await;
            let added = added.unwrap();
            let signed = added.get("authorization").map(|value| {
                assert!(value.is_sensitive());
                value.to_str().unwrap().to_owned()
            });
            assert_eq!(signed.is_some(), scope.is_some(), "{url}");
            assert!(signed.is_none_or(|signed| signed.contains(scope.unwrap())));
        }
    }
}
