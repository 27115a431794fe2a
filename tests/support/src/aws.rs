//! Servers that stand in for AWS, and the account that tests find in them.
//!
//! `tests/aws/serve` starts and ends them; tests/README.md says where each differs from AWS. With
//! `T3NETS_TEST_AWS_ENDPOINT` set, tests use that address instead of a server of their own (`aws`
//! means AWS itself), with the credentials and the region that the SDK finds by itself.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};

use crate::needs::{missing, skip_without};

/// The variable that names another endpoint.
const ENDPOINT: &str = "T3NETS_TEST_AWS_ENDPOINT";

/// A server that stands in for AWS, or a proxy before one, on a free loopback port. Dropping it
/// ends it, with the containers that it runs; so does the end of this process, however it comes.
pub struct AwsServer {
    child: Option<Child>,
    url: Option<String>,
}

impl AwsServer {
    /// Starts `ministack`, `moto` or `microburst`, with arguments of its own. `None` if the test
    /// should return because it cannot be had; says so like [`crate::skip_without`].
    pub fn start(name: &str, arguments: &[&str]) -> Option<Self> {
        Self::start_with(name, arguments, &[])
    }

    /// The same, with variables of its own.
    pub fn start_with(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Option<Self> {
        if skip_without("python3") {
            return None;
        }
        let mut child = Command::new(root().join("tests/aws/serve"))
            .arg(name)
            .arg("--")
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script can be run");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the script speaks UTF-8");
        if line.is_empty() {
            let _ = child.wait();
            missing(name);
            return None;
        }
        Some(Self {
            child: Some(child),
            url: Some(line.trim_end().to_owned()),
        })
    }

    /// The one ministack that all tests of this process share: each uses names of its own.
    /// `T3NETS_TEST_AWS_ENDPOINT` replaces it.
    pub fn shared_ministack() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<AwsServer>> = OnceLock::new();
        SHARED
            .get_or_init(|| match std::env::var(ENDPOINT) {
                Ok(endpoint) => Some(Self {
                    child: None,
                    url: Some(endpoint).filter(|endpoint| endpoint != "aws"),
                }),
                Err(_) => Self::start("ministack", &[]),
            })
            .as_ref()
    }

    /// The one moto server that all tests of this process share.
    pub fn shared_moto() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<AwsServer>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("moto", &[])).as_ref()
    }

    /// Its address: `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// If tests run against AWS itself, which has no one address.
    pub fn url(&self) -> &str {
        self.url.as_deref().expect("a server with an address")
    }

    /// Where it is, for an error or a log.
    pub fn name(&self) -> &str {
        self.url.as_deref().unwrap_or("AWS")
    }

    /// The variables by which a program finds it: AWS's own.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        if self.child.is_none() {
            return Vec::new();
        }
        vec![
            ("AWS_ENDPOINT_URL", self.url().to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            // boto3 and the AWS CLI read this one alone.
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Points a configuration at it.
    pub fn configure(&self, config: SdkConfig) -> SdkConfig {
        let mut builder = config.into_builder();
        builder.set_endpoint_url(self.url.clone());
        if self.child.is_some() {
            let credentials = Credentials::new("test", "test", None, None, "test");
            builder
                .set_region(Some(Region::new("us-east-1")))
                .set_credentials_provider(Some(
                    aws_sdk_dynamodb::config::SharedCredentialsProvider::new(credentials),
                ));
        }
        builder.build()
    }

    /// A configuration with the SDK's own retries, for what a test does itself.
    pub async fn sdk_config(&self) -> SdkConfig {
        self.configure(aws_config::load_defaults(BehaviorVersion::latest()).await)
    }
}

impl Drop for AwsServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Its end is how the script knows.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The two tables of an environment whose names begin with `prefix`, as infra/aws has them.
pub struct Tables {
    /// Tenants, users, channels, keys, usage, audit entries.
    pub tenants: String,
    /// Conversations.
    pub conversations: String,
}

impl Tables {
    /// Makes them: keys, attributes and indexes are read from the Terraform, so that they cannot
    /// drift apart.
    pub async fn create(client: &Client, prefix: &str) -> Self {
        let path = root().join("infra/aws/modules/data/main.tf");
        let text = std::fs::read_to_string(path).expect("the Terraform is there");
        let body = hcl::parse(&text).expect("the Terraform can be read");
        for block in body.blocks() {
            let labels: Vec<&str> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
            if let ["aws_dynamodb_table", name] = labels[..] {
                create_table(client, &format!("{prefix}-{name}"), block.body()).await;
            }
        }
        Self {
            tenants: format!("{prefix}-tenants"),
            conversations: format!("{prefix}-conversations"),
        }
    }
}

async fn create_table(client: &Client, name: &str, body: &hcl::Body) {
    let key = |body: &hcl::Body| -> Vec<KeySchemaElement> {
        [("hash_key", KeyType::Hash), ("range_key", KeyType::Range)]
            .into_iter()
            .filter_map(|(attribute, kind)| Some((text(body, attribute)?, kind)))
            .map(|(attribute, kind)| {
                KeySchemaElement::builder()
                    .attribute_name(attribute)
                    .key_type(kind)
                    .build()
                    .expect("a whole key")
            })
            .collect()
    };
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key(body)));
    let mut expires = None;
    for block in body.blocks() {
        let inner = block.body();
        let name = || text(inner, "name").expect("a name");
        match block.identifier() {
            "attribute" => {
                let kind = text(inner, "type").expect("a type");
                let attribute = AttributeDefinition::builder()
                    .attribute_name(name())
                    .attribute_type(ScalarAttributeType::from(kind.as_str()))
                    .build();
                request = request.attribute_definitions(attribute.expect("a whole attribute"));
            }
            "global_secondary_index" => {
                let projection = text(inner, "projection_type").expect("a projection");
                let index = GlobalSecondaryIndex::builder()
                    .index_name(name())
                    .set_key_schema(Some(key(inner)))
                    .projection(
                        Projection::builder()
                            .projection_type(ProjectionType::from(projection.as_str()))
                            .build(),
                    )
                    .build();
                request = request.global_secondary_indexes(index.expect("a whole index"));
            }
            "ttl" => expires = text(inner, "attribute_name"),
            _ => {}
        }
    }
    request.send().await.expect("the table can be made");
    if std::env::var_os(ENDPOINT).is_some() {
        // AWS takes a while; the stand-ins do not.
        client
            .wait_until_table_exists()
            .table_name(name)
            .wait(std::time::Duration::from_secs(120))
            .await
            .expect("the table becomes active");
    }
    if let Some(attribute) = expires {
        let ttl = TimeToLiveSpecification::builder()
            .attribute_name(attribute)
            .enabled(true)
            .build();
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(ttl.expect("a whole specification"))
            .send()
            .await
            .expect("items can expire");
    }
}

/// An attribute that is a literal text.
fn text(body: &hcl::Body, name: &str) -> Option<String> {
    let attribute = body.attributes().find(|found| found.key() == name)?;
    match attribute.expr() {
        hcl::Expression::String(text) => Some(text.clone()),
        _ => None,
    }
}
