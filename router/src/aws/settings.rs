//! Settings of AWS's own that the SDK leaves to the program: they come from a variable or the
//! profile, as those do that it knows.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>

use std::path::PathBuf;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::ConnectorBuilder;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_types::service_config::ServiceConfigKey;

use super::bounded::bounded;
use super::{AwsError, AwsErrorKind};
use crate::files;
use crate::outbound::Variables;

/// A setting, by its variable and its name in a profile.
pub(super) fn setting(sdk: &SdkConfig, variable: &str, in_profile: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        // A service's own setting would come first; there is no service of this name.
        .service_id("T3nets")
        .env(variable)
        .profile(in_profile)
        .build()
        .ok()?;
    let found = sdk.service_config()?.load_config(key)?;
    Some(found.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The certificate authorities that are trusted in place of the system's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaBundle {
    path: PathBuf,
    pem: Vec<u8>,
}

impl CaBundle {
    /// What `AWS_CA_BUNDLE` or the profile's `ca_bundle` names, if either does.
    ///
    /// # Errors
    /// `Configuration` if the file cannot be read or holds no certificate.
    pub(super) fn of(sdk: &SdkConfig) -> Result<Option<Self>, AwsError> {
        let named = setting(sdk, "AWS_CA_BUNDLE", "ca_bundle");
        named.map(|path| Self::read(path.into())).transpose()
    }

    /// What is in a file.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn read(path: PathBuf) -> Result<Self, AwsError> {
        let shown = path.display().to_string();
        let pem = files::read(&path, files::USUAL_LIMIT).map_err(|error| {
            misconfigured(format!(
                "the certificate bundle `{shown}` (AWS_CA_BUNDLE, ca_bundle) cannot be read: {error}"
            ))
        })?;
        let bundle = Self { path, pem };
        match bundle.certificates()?.is_empty() {
            true => Err(misconfigured(format!(
                "the certificate bundle `{shown}` (AWS_CA_BUNDLE, ca_bundle) has no certificate"
            ))),
            false => Ok(bundle),
        }
    }

    /// For clients that are not the SDK's.
    ///
    /// # Errors
    /// If it is not PEM.
    pub(super) fn certificates(&self) -> Result<Vec<reqwest::Certificate>, AwsError> {
        reqwest::Certificate::from_pem_bundle(&self.pem).map_err(|error| {
            misconfigured(format!(
                "the certificate bundle `{}` (AWS_CA_BUNDLE, ca_bundle) cannot be understood: {error}",
                self.path.display()
            ))
        })
    }

    /// TLS that trusts these alone.
    ///
    /// # Errors
    /// If it cannot be set up with them.
    fn context(&self) -> Result<TlsContext, AwsError> {
        let roots = TrustStore::empty()
            .with_native_roots(false)
            .with_pem_certificate(self.pem.clone());
        let context = TlsContext::builder().with_trust_store(roots).build();
        context.map_err(|error| misconfigured(error.to_string()))
    }
}

/// A client for the SDK, which trusts the bundle alone where there is one. The SDK's own would send
/// to a proxy what goes to this machine, and what asks an instance or a task for its credentials.
///
/// # Errors
/// If TLS cannot be set up, or a proxy's variable cannot be used.
pub(super) fn http_client(
    bundle: Option<&CaBundle>,
    variables: Variables,
) -> Result<SharedHttpClient, AwsError> {
    let context = match bundle {
        Some(bundle) => bundle.context()?,
        None => TlsContext::default(),
    };
    let proxies = proxies(variables)?;
    Ok(bounded(
        aws_smithy_http_client::Builder::new().build_with_connector_fn(move |settings, runtime| {
            let mut connector = ConnectorBuilder::default()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .tls_context(context.clone())
                .proxy_config(proxies.clone());
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(runtime.and_then(RuntimeComponents::sleep_impl));
            connector.build()
        }),
    ))
}

/// The proxies for AWS. The SDK takes one for everything, or one for `https` alone; AWS is `https`.
fn proxies(variables: Variables) -> Result<ProxyConfig, AwsError> {
    let Some((variable, address)) = variables.https else {
        return Ok(ProxyConfig::disabled());
    };
    let is_for_all = variables.http.is_some_and(|(_, http)| http == address);
    let address = match address.contains("://") {
        true => address,
        false => format!("http://{address}"),
    };
    let proxy = match is_for_all {
        true => ProxyConfig::all(address),
        false => ProxyConfig::https(address),
    };
    match proxy {
        Ok(proxy) => Ok(proxy.no_proxy(variables.exceptions)),
        // Its value may hold a password.
        Err(_) => Err(misconfigured(format!(
            "`{variable}` is not the address of a proxy for AWS"
        ))),
    }
}

/// An error of the configuration, before any call.
pub(super) fn misconfigured(message: String) -> AwsError {
    AwsError {
        service: "aws",
        operation: "",
        kind: AwsErrorKind::Configuration,
        code: None,
        message,
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_types::service_config::LoadServiceConfig;
    use serde_json::{Value, json};
    use support::TestServer;
    use support::certificates::Certificates;
    use support::https::HttpsFront;

    use super::super::signed::{LOGS, SignedClient};
    use super::*;
    use crate::outbound::variables;

    /// A configuration that names this bundle.
    #[derive(Debug)]
    struct Named(Option<String>);

    impl LoadServiceConfig for Named {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let is_bundle = key.env() == "AWS_CA_BUNDLE" && key.profile() == "ca_bundle";
            self.0.clone().filter(|_| is_bundle)
        }
    }

    fn configured(endpoint: &str, bundle: Option<String>) -> SdkConfig {
        let credentials = Credentials::new("a", "s", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .service_config(Named(bundle))
            .build()
    }

    #[tokio::test]
    async fn a_bundle_of_certificates_is_trusted_by_both_kinds_of_client_and_nothing_else_is() {
        let Some(certificates) = Certificates::new() else {
            return;
        };
        let routes = axum::Router::new().fallback(async || r#"{"TableNames": []}"#);
        let server = TestServer::start(routes).await;
        let (certificate, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
        let here = std::net::Ipv4Addr::LOCALHOST.into();
        let front = HttpsFront::start(&server.url(), here, &certificate, &key).await;
        let endpoint = format!("https://localhost:{}", front.port());
        let authority = certificates.path("ca.pem").display().to_string();
        for (bundle, is_trusted) in [(Some(authority), true), (None, false)] {
            let sdk = configured(&endpoint, bundle);
            let signed = SignedClient::new(&sdk, &LOGS);
            let answer: Result<Value, _> = signed.call("DescribeLogGroups", &json!({})).await;
            assert_eq!(answer.is_ok(), is_trusted, "{answer:?}");
            let bundle = CaBundle::of(&sdk).unwrap();
            let sdk = match bundle {
                Some(_) => sdk
                    .to_builder()
                    .http_client(http_client(bundle.as_ref(), variables(|_| None)).unwrap())
                    .build(),
                None => sdk,
            };
            let client = aws_sdk_dynamodb::Client::new(&sdk);
            let answer = client.list_tables().send().await;
            assert_eq!(answer.is_ok(), is_trusted, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn what_goes_to_this_machine_goes_through_no_proxy() {
        let routes = axum::Router::new().fallback(async || r#"{"TableNames": []}"#);
        let server = TestServer::start(routes).await;
        // Nobody listens on port 9 of 127.0.0.3.
        let proxies = |name: &str| (name == "ALL_PROXY").then(|| "127.0.0.3:9".to_owned());
        for (endpoint, is_reached) in [(&*server.url(), true), ("http://aws.invalid", false)] {
            let sdk = configured(endpoint, None)
                .to_builder()
                .http_client(http_client(None, variables(proxies)).unwrap())
                .build();
            let client = aws_sdk_dynamodb::Client::new(&sdk);
            let answer = client.list_tables().send().await;
            assert_eq!(answer.is_ok(), is_reached, "{answer:?}");
            if let Err(error) = answer {
                let error = AwsError::from_sdk("dynamodb", "ListTables", &error);
                assert!(error.to_string().contains("refused"), "{error}");
            }
        }
        let wrong = |name: &str| (name == "HTTPS_PROXY").then(|| "ftp://u:word@p".to_owned());
        let error = http_client(None, variables(wrong)).unwrap_err().to_string();
        assert!(
            error.contains("HTTPS_PROXY") && !error.contains("word"),
            "{error}"
        );
    }

    #[test]
    fn a_bundle_that_cannot_be_used_is_named_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").unwrap();
        for path in [missing, empty] {
            let shown = path.display().to_string();
            let error = CaBundle::of(&configured("http://e", Some(shown.clone()))).unwrap_err();
            assert_eq!(error.kind, AwsErrorKind::Configuration);
            let message = error.to_string();
            assert!(
                message.contains(&shown) && message.contains("AWS_CA_BUNDLE"),
                "{message}"
            );
        }
    }
}
