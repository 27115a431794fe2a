//! How AWS words a refusal, by the protocol of the service that refuses.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::AwsCall;

/// How a service wants requests and words errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.0 or 1.1, named by `X-Amz-Target`: DynamoDB, Secrets Manager, ECS, ECR, CloudWatch
    /// Logs.
    Json,
    /// A form in, XML out, named by `Action`: STS, ELB, IAM.
    Query,
    /// Paths and JSON: Bedrock.
    RestJson,
    /// Paths and XML: S3.
    RestXml,
}

/// How AWS refuses a call that nothing is wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many requests: `ThrottlingException`, S3's `SlowDown`.
    Throttle,
    /// More than the table takes: `ProvisionedThroughputExceededException`. (For DynamoDB; others
    /// throttle.)
    ThroughputExceeded,
    /// An error of AWS's own: 500.
    InternalError,
    /// Not available just now: 503.
    Unavailable,
    /// The credentials are valid and lack the permission.
    Denied,
    /// 429 with no body that the protocol knows, as something before the service answers.
    TooManyRequests,
}

impl Refusal {
    /// Status and code, as the services document them.
    fn status_and_code(self, call: &AwsCall) -> (u16, &'static str) {
        let dynamodb = call.service.starts_with("DynamoDB");
        match (self, call.protocol) {
            (Self::Throttle | Self::ThroughputExceeded, Protocol::RestXml) => (503, "SlowDown"),
            (Self::Throttle | Self::ThroughputExceeded, Protocol::RestJson) => {
                (429, "ThrottlingException")
            }
            (Self::Throttle | Self::ThroughputExceeded, Protocol::Query) => (400, "Throttling"),
            (Self::ThroughputExceeded, Protocol::Json) if dynamodb => {
                (400, "ProvisionedThroughputExceededException")
            }
            (Self::Throttle | Self::ThroughputExceeded, Protocol::Json) => {
                (400, "ThrottlingException")
            }
            (Self::InternalError, Protocol::RestXml) => (500, "InternalError"),
            (Self::InternalError, Protocol::Query) => (500, "InternalFailure"),
            (Self::InternalError, Protocol::RestJson) => (500, "InternalServerException"),
            (Self::InternalError, Protocol::Json) if dynamodb => (500, "InternalServerError"),
            (Self::InternalError, Protocol::Json) => match call.service.as_str() {
                "secretsmanager" => (500, "InternalServiceError"),
                _ => (500, "ServerException"),
            },
            (Self::Denied, Protocol::RestXml | Protocol::Query) => (403, "AccessDenied"),
            (Self::Denied, Protocol::RestJson) => (403, "AccessDeniedException"),
            (Self::Denied, Protocol::Json) => (400, "AccessDeniedException"),
            (Self::Unavailable, Protocol::RestJson) => (503, "ServiceUnavailableException"),
            (Self::Unavailable, _) => (503, "ServiceUnavailable"),
            (Self::TooManyRequests, _) => (429, "TooManyRequests"),
        }
    }

    pub(super) fn response(self, call: &AwsCall) -> Response<Body> {
        let (status, code) = self.status_and_code(call);
        let message = "made up by a test";
        let mut response = Response::builder()
            .status(StatusCode::from_u16(status).expect("a status"))
            .header("x-amzn-requestid", format!("PROXY{:08}", call.number));
        let body = match (self, call.protocol) {
            (Self::TooManyRequests, _) => {
                response = response.header("content-type", "text/plain");
                "Too Many Requests".to_owned()
            }
            (_, Protocol::Json) => {
                response = response.header("content-type", "application/x-amz-json-1.0");
                let space = match call.service.as_str() {
                    "DynamoDB_20120810" if code == "ThrottlingException" => {
                        "com.amazon.coral.availability#"
                    }
                    "DynamoDB_20120810" => "com.amazonaws.dynamodb.v20120810#",
                    _ => "",
                };
                json!({ "__type": format!("{space}{code}"), "message": message }).to_string()
            }
            (_, Protocol::RestJson) => {
                response = response
                    .header("content-type", "application/json")
                    .header("x-amzn-errortype", code);
                json!({ "message": message }).to_string()
            }
            (_, Protocol::Query) => {
                response = response.header("content-type", "text/xml");
                let side = if status < 500 { "Sender" } else { "Receiver" };
                format!(
                    "<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>PROXY{:08}</RequestId></ErrorResponse>",
                    call.number
                )
            }
            (_, Protocol::RestXml) => {
                response = response.header("content-type", "application/xml");
                format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
            }
        };
        response.body(Body::from(body)).expect("a whole response")
    }
}
