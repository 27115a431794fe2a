//! A small client for calls that are too rare to build an SDK crate for.
//!
//! An SDK crate has every operation of its service and takes a minute to compile. This client has
//! none: a caller gives the operation's name and its input, and says into what the answer is read.
//!
//! ```no_run
//! # use serde::Deserialize;
//! # use t3nets_router::aws::AwsError;
//! use t3nets_router::aws::signed::{IAM, SignedClient};
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct GetRole {
//!     role: Role,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct Role {
//!     arn: String,
//! }
//!
//! # async fn example(sdk: &aws_config::SdkConfig) -> Result<String, AwsError> {
//! let iam = SignedClient::new(sdk, &IAM);
//! let input = serde_json::json!({ "RoleName": "router" });
//! let answer: GetRole = iam.call("GetRole", &input).await?;
//! # Ok(answer.role.arn)
//! # }
//! ```
//!
//! Another service is another [`Service`]; what each one needs stands in its API reference under
//! "Common Parameters".
//!
//! As with the SDK's crates, region, credentials, endpoints, retries and time limits are the
//! [`SdkConfig`]'s. Unlike with them, an answer is read to a bound. `exchange` makes a call and
//! repeats it, `endpoint` knows where services are, `wire` how requests and answers are written,
//! `signature` how they are signed, `objects` what S3 has beyond that.
//! `xray` signs spans, which others send.

mod endpoint;
mod exchange;
mod objects;
mod request;
mod signature;
mod wire;
mod xray;

#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_config::SdkConfig;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::exchange::Exchange;
use self::request::{Limits, Request};
use super::error::{AwsError, AwsErrorKind};

pub(crate) use self::xray::XRaySigner;

/// A service: how it is reached and what it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its id in the SDKs, by which errors name it and configuration gives it an endpoint (for
    /// `CloudWatch Logs` that is `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`).
    pub sdk_id: &'static str,
    /// How its hosts' names begin, which is also the name that signatures have for it.
    pub prefix: &'static str,
    /// Which hosts it has.
    pub hosts: Hosts,
    /// How requests and answers are written.
    pub protocol: Protocol,
}

/// Which hosts a service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// One in every region.
    Regional,
    /// One in every partition.
    Global,
    /// One in every region, and one for each bucket.
    OfBuckets,
    /// One in every partition, named after the region from which it is billed.
    OfBilling,
}

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON both ways; what this names comes before the operation in `X-Amz-Target`.
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
    Json(&'static str),
    /// A form there and XML back, in this version of the API.
    /// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>
    Query(&'static str),
    /// Paths, with XML for errors. <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html>
    RestXml,
}

/// CloudWatch Logs.
pub const LOGS: Service = Service {
    sdk_id: "CloudWatch Logs",
    prefix: "logs",
    hosts: Hosts::Regional,
    protocol: Protocol::Json("Logs_20140328"),
};

/// Elastic Load Balancing, for load balancers of applications and networks.
pub const LOAD_BALANCING: Service = Service {
    sdk_id: "Elastic Load Balancing v2",
    prefix: "elasticloadbalancing",
    hosts: Hosts::Regional,
    protocol: Protocol::Query("2015-12-01"),
};

/// Identity and Access Management.
pub const IAM: Service = Service {
    sdk_id: "IAM",
    prefix: "iam",
    hosts: Hosts::Global,
    protocol: Protocol::Query("2010-05-08"),
};

/// Cost Explorer. Each request costs $0.01
/// (<https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/>).
pub const COST_EXPLORER: Service = Service {
    sdk_id: "Cost Explorer",
    prefix: "ce",
    hosts: Hosts::OfBilling,
    protocol: Protocol::Json("AWSInsightsIndexService"),
};

/// Service Quotas.
pub const SERVICE_QUOTAS: Service = Service {
    sdk_id: "Service Quotas",
    prefix: "servicequotas",
    hosts: Hosts::Regional,
    protocol: Protocol::Json("ServiceQuotasV20190624"),
};

/// Simple Notification Service.
pub const SNS: Service = Service {
    sdk_id: "SNS",
    prefix: "sns",
    hosts: Hosts::Regional,
    protocol: Protocol::Query("2010-03-31"),
};

/// Simple Storage Service.
pub const S3: Service = Service {
    sdk_id: "S3",
    prefix: "s3",
    hosts: Hosts::OfBuckets,
    protocol: Protocol::RestXml,
};

/// The longest answer of a call in bytes. A page of log events has a megabyte at most, and escapes
/// make more of it.
const MAX_ANSWER: usize = 16 << 20;

/// How long an attempt may take, and a call with all of them, where the configuration does not say.
const ATTEMPT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);

/// A client of one service. Copies share connections.
#[derive(Debug, Clone)]
pub struct SignedClient {
    /// What every call uses, or why none can be made.
    exchange: Result<Exchange, AwsError>,
}

impl SignedClient {
    /// A client with the configuration's region, credentials, endpoint, retries and time limits.
    /// Asks nothing of AWS: what is missing is told by the first call.
    pub fn new(sdk: &SdkConfig, service: &'static Service) -> Self {
        Self {
            exchange: Exchange::new(sdk, service),
        }
    }

    /// Calls an operation of a service that speaks [`Protocol::Json`] or [`Protocol::Query`].
    ///
    /// `input` is an object with the parameters as the API reference names them; a list becomes
    /// `Name.member.1` and so on in a form. What is asked of XML is read from `<OperationResult>`,
    /// a list as the field `member` of its element.
    ///
    /// # Errors
    /// As AWS says; `Configuration` if there is no region or the endpoint cannot be one;
    /// `Unreachable` if it does not answer, or not with what can be read as `T`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        input: &(impl Serialize + Sync),
    ) -> Result<T, AwsError> {
        let exchange = self.exchange(operation)?;
        let (headers, body) = wire::input(exchange.service.protocol, operation, input)
            .map_err(|cause| exchange.error(operation, AwsErrorKind::Configuration, cause))?;
        let limits = exchange.sdk.timeout_config();
        let request = Request {
            operation,
            method: Method::POST,
            url: exchange.endpoint.url.clone(),
            headers,
            body,
            limits: Limits {
                answer: MAX_ANSWER,
                attempt: limits
                    .and_then(|limits| limits.operation_attempt_timeout())
                    .unwrap_or(ATTEMPT),
                call: limits
                    .and_then(|limits| limits.operation_timeout())
                    .unwrap_or(CALL),
            },
        };
        let answer = exchange
            .send(&request)
            .await
            .map_err(|failure| failure.error)?;
        wire::output(exchange.service.protocol, operation, &answer.body).map_err(|cause| {
            tracing::debug!(operation, cause, "an answer of AWS cannot be read");
            let mut error = exchange.unreadable(operation);
            error.request_id = wire::request_id(&answer.headers).map(str::to_owned);
            error
        })
    }

    fn exchange(&self, operation: &'static str) -> Result<&Exchange, AwsError> {
        self.exchange.as_ref().map_err(|error| AwsError {
            operation,
            ..error.clone()
        })
    }
}
