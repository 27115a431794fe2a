use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_config::Region;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request as Received;
use axum::http::Response;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use support::TestServer;
use url::Url;

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// How the script answers one request: status, headers, body.
type Scripted = (u16, Vec<(&'static str, String)>, String);

/// What came.
#[derive(Debug, Clone)]
struct Seen {
    line: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A server that gives the answers in turn, the last one for ever.
struct Script {
    server: TestServer,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    async fn new(answers: Vec<Scripted>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::<Seen>::new()));
        let log = seen.clone();
        let routes = Router::new().fallback(move |request: Received| {
            let (log, answers) = (log.clone(), answers.clone());
            async move {
                let (head, body) = request.into_parts();
                let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let index = {
                    let mut log = log.lock().unwrap();
                    log.push(Seen {
                        line: format!("{} {}", head.method, head.uri),
                        headers: head.headers,
                        body: String::from_utf8(body.to_vec()).unwrap(),
                    });
                    log.len() - 1
                };
                let (status, headers, body) = &answers[index.min(answers.len() - 1)];
                if *status == SILENT {
                    std::future::pending::<()>().await;
                }
                let mut response = Response::builder().status(*status);
                for (name, value) in headers {
                    response = response.header(*name, value);
                }
                response.body(Body::from(body.clone())).unwrap()
            }
        });
        Self {
            server: TestServer::start(routes).await,
            seen,
        }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn client(&self, service: &'static Service) -> SignedClient {
        client_at(&self.server.url(), service)
    }
}

/// Stands for no answer at all.
const SILENT: u16 = 0;

fn client_at(url: &str, service: &'static Service) -> SignedClient {
    let pauses = Duration::from_millis(1);
    client_with(url, service, pauses, Duration::from_secs(5))
}

/// A client that waits this long before its second attempt, and at most that long for a call.
fn client_with(
    url: &str,
    service: &'static Service,
    pause: Duration,
    call: Duration,
) -> SignedClient {
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, Some("session".into()), None, "t");
    let sdk = SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(pause)
                .with_max_backoff(2 * pause),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_millis(400))
                .operation_timeout(call)
                .build(),
        )
        .build();
    SignedClient::new(&sdk, service)
}

fn json_answer(body: &str) -> Scripted {
    (200, vec![("x-amzn-requestid", "r1".into())], body.into())
}

fn refused(status: u16, code: &str) -> Scripted {
    let body = json!({ "__type": format!("com.amazonaws.logs#{code}"), "message": "no" });
    (
        status,
        vec![("x-amzn-requestid", "r2".into())],
        body.to_string(),
    )
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    next_token: Option<String>,
}

async fn groups(client: &SignedClient) -> Result<Groups, AwsError> {
    let input = json!({ "logGroupNamePrefix": "/ecs/" });
    client.call("DescribeLogGroups", &input).await
}

/// From "Create a signed AWS API request" in the IAM User Guide's examples of Signature Version 4.
#[test]
fn a_signature_is_the_documented_one() {
    let mut headers = HeaderMap::new();
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    headers.insert("content-type", form.parse().unwrap());
    let request = Request {
        operation: "ListUsers",
        method: Method::GET,
        url: Url::parse("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08").unwrap(),
        headers,
        body: String::new(),
        limits: Limits {
            answer: 1,
            attempt: ATTEMPT,
            call: CALL,
        },
    };
    let at = signature::At {
        service: &IAM,
        region: "us-east-1",
        // 20150830T123600Z
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160),
    };
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "t");
    let added = signature::headers(&credentials, at, request.signable()).unwrap();
    assert_eq!(added["x-amz-date"], "20150830T123600Z");
    assert_eq!(
        added["authorization"],
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
    assert!(added["authorization"].is_sensitive());
}

#[tokio::test]
async fn a_json_call_is_signed_and_its_answer_read() {
    let script = Script::new(vec![json_answer(r#"{"nextToken":"n","logGroups":[]}"#)]).await;
    let answer = groups(&script.client(&LOGS)).await.unwrap();
    assert_eq!(answer.next_token.as_deref(), Some("n"));
    let [seen] = &script.seen()[..] else {
        panic!("not one request");
    };
    assert_eq!(seen.line, "POST /");
    assert_eq!(seen.body, r#"{"logGroupNamePrefix":"/ecs/"}"#);
    assert_eq!(seen.header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(
        seen.header("x-amz-target"),
        "Logs_20140328.DescribeLogGroups"
    );
    assert_eq!(seen.header("x-amz-security-token"), "session");
    let authorization = seen.header("authorization");
    for part in [
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
        "/us-east-1/logs/aws4_request",
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
    ] {
        assert!(authorization.contains(part), "{authorization}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    target_health_descriptions: Members,
}

#[derive(Debug, Deserialize)]
struct Members {
    #[serde(default)]
    member: Vec<Described>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    health_check_port: String,
}

fn health(members: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions></DescribeTargetHealthResult>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeTargetHealthResponse>"
    )
}

async fn targets(client: &SignedClient) -> Result<Health, AwsError> {
    let input = json!({ "TargetGroupArn": "arn:a/b", "Include": ["x", "y"], "Filter": { "On": true }, "No": null });
    client.call("DescribeTargetHealth", &input).await
}

#[tokio::test]
async fn a_form_is_sent_and_xml_read() {
    let members = "<member><HealthCheckPort>8080</HealthCheckPort><Other><Deep>a&amp;b</Deep></Other></member>\
                   <member><HealthCheckPort>80</HealthCheckPort></member>";
    let script = Script::new(vec![
        (200, Vec::new(), health(members)),
        (200, Vec::new(), health("")),
    ])
    .await;
    let client = script.client(&LOAD_BALANCING);
    let answer = targets(&client).await.unwrap().target_health_descriptions;
    let ports: Vec<_> = answer
        .member
        .iter()
        .map(|one| &*one.health_check_port)
        .collect();
    assert_eq!(ports, ["8080", "80"]);
    let answer = targets(&client).await.unwrap().target_health_descriptions;
    assert!(answer.member.is_empty(), "{answer:?}");
    let seen = &script.seen()[0];
    assert_eq!(
        seen.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    let mut pairs: Vec<_> = seen.body.split('&').collect();
    pairs.sort_unstable();
    assert_eq!(
        pairs,
        [
            "Action=DescribeTargetHealth",
            "Filter.On=true",
            "Include.member.1=x",
            "Include.member.2=y",
            "TargetGroupArn=arn%3Aa%2Fb",
            "Version=2015-12-01",
        ]
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    for (answers, requests, kind) in [
        (
            vec![refused(500, "ServiceUnavailable"), json_answer("{}")],
            2,
            None,
        ),
        (
            vec![refused(400, "ThrottlingException"), json_answer("{}")],
            2,
            None,
        ),
        (
            vec![(429, Vec::new(), "Too Many".into()), json_answer("{}")],
            2,
            None,
        ),
        (
            vec![(503, Vec::new(), "<html>".into())],
            3,
            Some(AwsErrorKind::Internal),
        ),
        (
            vec![refused(400, "ThrottlingException")],
            3,
            Some(AwsErrorKind::Throttled),
        ),
        (
            vec![refused(400, "AccessDeniedException")],
            1,
            Some(AwsErrorKind::Permission),
        ),
        (
            vec![refused(400, "ExpiredTokenException")],
            1,
            Some(AwsErrorKind::Credentials),
        ),
        (
            vec![refused(400, "ResourceNotFoundException")],
            1,
            Some(AwsErrorKind::NotFound),
        ),
        (
            vec![(404, Vec::new(), "<html>".into())],
            1,
            Some(AwsErrorKind::Rejected),
        ),
        (
            vec![(307, vec![("location", "/x".into())], String::new())],
            1,
            Some(AwsErrorKind::Rejected),
        ),
        (vec![json_answer("{")], 1, Some(AwsErrorKind::Unreachable)),
        (
            vec![(SILENT, Vec::new(), String::new())],
            3,
            Some(AwsErrorKind::Unreachable),
        ),
    ] {
        let script = Script::new(answers.clone()).await;
        let answer = groups(&script.client(&LOGS)).await;
        assert_eq!(
            answer.as_ref().err().map(|error| error.kind),
            kind,
            "{answers:?}"
        );
        assert_eq!(script.seen().len(), requests, "{answers:?}");
    }
}

#[tokio::test]
async fn an_error_says_what_was_asked_and_what_aws_said() {
    let script = Script::new(vec![refused(400, "AccessDeniedException")]).await;
    let error = groups(&script.client(&LOGS)).await.unwrap_err();
    assert_eq!(
        (error.service, error.operation),
        ("logs", "DescribeLogGroups")
    );
    assert_eq!(error.request_id.as_deref(), Some("r2"));
    assert_eq!(error.to_string(), "no (AccessDeniedException)");

    let wrapped = "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                   <Message>not you &amp; yours</Message></Error><RequestId>r3</RequestId></ErrorResponse>";
    let script = Script::new(vec![(403, Vec::new(), wrapped.into())]).await;
    let error = targets(&script.client(&LOAD_BALANCING)).await.unwrap_err();
    assert_eq!(error.request_id.as_deref(), Some("r3"));
    assert_eq!(error.to_string(), "not you & yours (AccessDenied)");
    assert_eq!(error.kind, AwsErrorKind::Permission);
}

#[tokio::test]
async fn xml_that_cannot_be_read_is_no_answer() {
    let whole = health("<member><HealthCheckPort>1</HealthCheckPort></member>");
    for body in [
        String::new(),
        "<html><p>a proxy's page</html>".to_owned(),
        whole.replace("</DescribeTargetHealthResponse>", ""),
        whole.replace("</member>", ""),
        whole.replace("DescribeTargetHealthResult", "OtherResult"),
        whole.replace("HealthCheckPort", "Port"),
    ] {
        let script = Script::new(vec![(200, Vec::new(), body.clone())]).await;
        let error = targets(&script.client(&LOAD_BALANCING)).await.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::Unreachable, "{body}");
        let message = "AWS's answer ended early or cannot be read";
        assert_eq!(error.to_string(), message, "{body}");
    }
}

#[tokio::test]
async fn an_answer_is_read_to_its_bound_and_no_further() {
    let script = Script::new(vec![(200, Vec::new(), "x".repeat(1000))]).await;
    let client = script.client(&S3);
    assert_eq!(client.object("b", "k", 1000).await.unwrap().len(), 1000);
    let error = client.object("b", "k", 999).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS's answer is longer than 999 bytes");
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test]
async fn an_object_is_asked_for_as_s3_wants_it() {
    let missing =
        "<Error><Code>NoSuchKey</Code><Message>gone</Message><RequestId>r</RequestId></Error>";
    let script = Script::new(vec![(404, Vec::new(), missing.into())]).await;
    let error = script
        .client(&S3)
        .object("state", "env:/a b", 1)
        .await
        .unwrap_err();
    assert_eq!(error.code.as_deref(), Some("NoSuchKey"));
    assert_eq!(error.kind, AwsErrorKind::NotFound);
    let [seen] = &script.seen()[..] else {
        panic!("not one request");
    };
    assert_eq!(seen.line, "GET /state/env%3A/a%20b");
    let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(seen.header("x-amz-content-sha256"), of_nothing);
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_by_that_of_aws() {
    let date = "Sun, 06 Nov 2044 08:49:37 GMT";
    let mut skewed = refused(403, "InvalidSignatureException");
    skewed.1.push(("date", date.into()));
    let script = Script::new(vec![skewed, json_answer("{}")]).await;
    let client = script.client(&LOGS);
    groups(&client).await.unwrap();
    groups(&client).await.unwrap();
    for seen in &script.seen()[1..] {
        assert!(
            seen.header("x-amz-date").starts_with("20441106T"),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn nobody_who_listens_and_nobody_who_answers_are_told_apart() {
    let error = groups(&client_at("http://127.0.0.1:1", &LOGS))
        .await
        .unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::Unreachable);
    assert!(
        error.message.starts_with("AWS cannot be reached: "),
        "{error}"
    );
    let script = Script::new(vec![(SILENT, Vec::new(), String::new())]).await;
    let error = groups(&script.client(&LOGS)).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS did not answer in time");
}

#[tokio::test(start_paused = true)]
async fn where_time_is_up_between_attempts_the_last_one_says_why() {
    let (pause, call) = (Duration::from_secs(60), Duration::from_secs(30));
    let client = client_with("http://127.0.0.1:1", &LOGS, pause, call);
    let error = groups(&client).await.unwrap_err();
    assert!(error.message.contains("refused"), "{error}");
}

#[tokio::test]
async fn no_secret_is_in_what_is_printed() {
    let script = Script::new(vec![refused(403, "SignatureDoesNotMatch")]).await;
    let client = script.client(&LOGS);
    let error = groups(&client).await.unwrap_err();
    for printed in [
        format!("{client:?}"),
        format!("{error:?}"),
        error.to_string(),
    ] {
        assert!(!printed.contains(SECRET), "{printed}");
        assert!(!printed.contains("session"), "{printed}");
    }
}

#[tokio::test]
async fn what_is_missing_is_told_by_the_first_call() {
    let sdk = SdkConfig::builder().build();
    let error = groups(&SignedClient::new(&sdk, &LOGS)).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::Configuration);
    assert_eq!(error.operation, "DescribeLogGroups");
    assert_eq!(error.to_string(), "no AWS region is set");
}
