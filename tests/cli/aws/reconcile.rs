//! `t3nets tenant usage --reconcile` against a scripted Cost Explorer, beside a ledger in tables.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::HeaderMap;
use axum::{Json, Router};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};
use support::TestServer;
use support::aws::AwsServer;

use super::operate::operator;
use crate::operator::Operator;
use crate::sandbox::Sandbox;

/// Cost Explorer with these answers, in this order; what it was asked is kept.
struct CostExplorer {
    server: TestServer,
    asked: Arc<Mutex<Vec<Value>>>,
    _runtime: tokio::runtime::Runtime,
}

impl CostExplorer {
    fn answering(answers: Vec<Value>) -> Self {
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&asked);
        let routes = Router::new().fallback(move |headers: HeaderMap, body: String| async move {
            let target = "AWSInsightsIndexService.GetCostAndUsage";
            assert_eq!(headers["x-amz-target"], target);
            let mut asked = kept.lock().unwrap();
            asked.push(serde_json::from_str(&body).unwrap());
            Json(answers[asked.len() - 1].clone())
        });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self {
            server: runtime.block_on(TestServer::start(routes)),
            asked,
            _runtime: runtime,
        }
    }
}

fn group(keys: &[&str], usd: &str, amount: &str, unit: &str) -> Value {
    json!({"Keys": keys, "Metrics": {
        "UnblendedCost": {"Amount": usd, "Unit": "USD"},
        "UsageQuantity": {"Amount": amount, "Unit": unit},
    }})
}

fn page(day: Date, groups: &[Value], next: Option<&str>) -> Value {
    let end = day.saturating_add(1.day());
    let mut page = json!({"ResultsByTime": [{
        "TimePeriod": {"Start": day.to_string(), "End": end.to_string()},
        "Groups": groups, "Total": {}, "Estimated": false,
    }]});
    if let Some(next) = next {
        page["NextPageToken"] = next.into();
    }
    page
}

/// Puts a line of nova-lite into the ledger of the tenant `default`.
async fn count(aws: &AwsServer, table: &str, day: Date, nano_usd: u64, tokens: u64) {
    let text = |text: String| AttributeValue::S(text);
    let number = |number: u64| AttributeValue::N(number.to_string());
    let client = Client::new(&aws.sdk_config().await);
    client
        .put_item()
        .table_name(table)
        .item("pk", text("TENANT#default".to_owned()))
        .item("sk", text(format!("USAGE#{day}#BY#ada###ai#nova-lite")))
        .item("user_id", text("ada".to_owned()))
        .item("route", text("ai".to_owned()))
        .item("model", text("nova-lite".to_owned()))
        .item("turns", number(1))
        .item("input_tokens", number(tokens))
        .item("cost_nano_usd", number(nano_usd))
        .send()
        .await
        .unwrap();
}

/// An operator whose tenant used 100,000 tokens of nova-lite on this day.
fn operator_with_usage(name: &str, day: Date) -> Option<Operator> {
    let operator = operator(name, "http://127.0.0.1:9")?;
    operator
        .run(&["seed", "--admin-email", "ada@example.com"])
        .expect_code(0);
    let aws = AwsServer::shared_ministack()?;
    let table = format!("cli-{name}-tenants");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(count(aws, &table, day, 6_000_000, 100_000));
    Some(operator)
}

fn days_ago(days: i64) -> Date {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    today.date().saturating_sub(days.days())
}

#[test]
fn the_ledger_is_compared_with_what_cost_explorer_says_page_by_page() {
    let day = days_ago(5);
    let Some(operator) = operator_with_usage("reconcile", day) else {
        return;
    };
    let claude = "Claude Sonnet 4.5 (Amazon Bedrock Edition)";
    let services = [
        group(&["Amazon Bedrock"], "0.0066", "1", "N/A"),
        group(&["Amazon DynamoDB"], "5", "1", "N/A"),
        group(&[claude], "3", "1", "N/A"),
    ];
    let lite = ["Amazon Bedrock", "USE1-NovaLite-input-tokens"];
    let sonnet = [claude, "USE1-MP:USE1_InputTokenCount-Units"];
    let bill = CostExplorer::answering(vec![
        page(day, &services, None),
        page(
            day,
            &[group(&lite, "0.0066", "100", "1K tokens")],
            Some("2"),
        ),
        page(day, &[group(&sonnet, "3", "1", "Units")], None),
    ]);
    let operator = operator.with("AWS_ENDPOINT_URL_COST_EXPLORER", &bill.server.url());
    let arguments = [
        "tenant",
        "usage",
        "--reconcile",
        "--by",
        "model",
        "--fail-over",
        "50%",
        "--json",
    ];
    let shown = operator.run(&arguments).expect_code(1).json();
    assert_eq!(shown["found_by"], "account");
    assert_eq!(
        (&shown["requests"], &shown["requests_usd"]),
        (&json!(3), &json!(0.03))
    );
    let rows = shown["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{shown:#}");
    assert_eq!(rows[0]["model"], "claude-sonnet-4-5");
    assert_eq!(rows[0]["only_in"], "bill");
    assert_eq!(rows[1]["model"], "nova-lite");
    assert_eq!(rows[1]["ledger"]["usd"], 0.006);
    assert_eq!(rows[1]["bill"], json!({"usd": 0.0066, "tokens": 100_000}));
    assert_eq!(rows[1]["difference_percent"], 9.09);

    let asked = bill.asked.lock().unwrap();
    let filters = asked[1]["Filter"]["And"].to_string();
    for wanted in [claude, "\"Amazon Bedrock\"", "\"Usage\"", "000000000000"] {
        assert!(filters.contains(wanted), "{filters}");
    }
    assert!(!filters.contains("DynamoDB"), "{filters}");
    assert_eq!(asked[2]["NextPageToken"], "2");
}

#[test]
fn a_tenants_tag_narrows_the_bill_to_its_share() {
    let day = days_ago(4);
    let Some(operator) = operator_with_usage("reconcile-tag", day) else {
        return;
    };
    let lite = ["Amazon Bedrock", "USE1-NovaLite-input-tokens"];
    let bill = CostExplorer::answering(vec![
        page(day, &[group(&lite[..1], "0.006", "1", "N/A")], None),
        page(day, &[group(&lite, "0.006", "100", "1K tokens")], None),
    ]);
    let operator = operator.with("AWS_ENDPOINT_URL_COST_EXPLORER", &bill.server.url());
    let arguments = [
        "tenant",
        "usage",
        "--reconcile",
        "--tag",
        "TenantId",
        "--fail-over",
        "1",
    ];
    let finished = operator.run(&arguments).expect_code(0);
    let row = format!("{day}  $0.0060  $0.0060  $0.0000     0.0%");
    assert!(finished.stdout.contains(&row), "{finished:?}");
    let said = "Cost Explorer was asked 2 times, which costs $0.02";
    assert!(finished.stdout.contains(said), "{finished:?}");
    let asked = bill.asked.lock().unwrap();
    let filters = asked[1]["Filter"]["And"].as_array().unwrap();
    let tag = json!({"Tags": {"Key": "TenantId", "Values": ["default"]}});
    assert!(filters.contains(&tag), "{filters:?}");
}

#[test]
fn this_machine_is_on_no_bill_of_aws() {
    Sandbox::new()
        .run(&["tenant", "usage", "--reconcile"])
        .expect_code(3)
        .says("environment `local` is on this machine, and on no bill of AWS's");
}
