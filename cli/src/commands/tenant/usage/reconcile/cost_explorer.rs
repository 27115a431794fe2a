//! The bill as Cost Explorer tells it: `GetCostAndUsage`.
//! <https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use t3nets_router::aws::signed::{COST_EXPLORER, SignedClient};

use super::bill::{Bill, Line};
use super::whose::{Share, Tag};
use crate::error::CliError;

/// The most requests that are made: each costs $0.01.
const MOST_REQUESTS: u32 = 20;
/// What a request costs, in US dollars.
pub(super) const REQUEST_USD: f64 = 0.01;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) account: &'a str,
    pub(super) share: &'a Share,
    pub(super) first: Date,
    pub(super) last: Date,
}

/// The bill, and how many requests that took.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bill: Bill,
    pub(super) requests: u32,
    /// The days of which AWS says that they may still change.
    pub(super) estimated: BTreeSet<Date>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    results_by_time: Vec<Period>,
    next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Period {
    time_period: TimePeriod,
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    estimated: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimePeriod {
    start: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    keys: Vec<String>,
    #[serde(default)]
    metrics: BTreeMap<String, Metric>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    amount: Option<String>,
    unit: Option<String>,
}

/// A client that counts what it asks.
struct Client {
    signed: SignedClient,
    requests: u32,
}

/// Asks for what an account was charged for Bedrock. First for the services by name, since each
/// model of AWS Marketplace is one, and names can be filtered as a whole only; then for these by
/// day and usage type.
///
/// # Errors
/// As AWS says; if the answer has no end, or is in another currency.
pub(super) async fn ask(sdk: &SdkConfig, question: Question<'_>) -> Result<Answer, CliError> {
    let mut client = Client {
        signed: SignedClient::new(sdk, &COST_EXPLORER),
        requests: 0,
    };
    let services = client.services(question).await?;
    let mut answer = Answer {
        bill: Bill::default(),
        requests: client.requests,
        estimated: BTreeSet::new(),
    };
    answer.bill.covers(question.first);
    answer.bill.covers(question.last);
    if services.is_empty() {
        return Ok(answer);
    }
    let input = input(
        question,
        "DAILY",
        &["SERVICE", "USAGE_TYPE"],
        Some(&services),
    );
    for period in client.pages(input).await? {
        let day = period.time_period.start.get(..10);
        let day: Date = day
            .and_then(|day| day.parse().ok())
            .ok_or_else(unreadable)?;
        if period.estimated {
            answer.estimated.insert(day);
        }
        for group in &period.groups {
            add(&mut answer.bill, day, group)?;
        }
    }
    answer.requests = client.requests;
    Ok(answer)
}

fn add(bill: &mut Bill, day: Date, group: &Group) -> Result<(), CliError> {
    let [service, usage_type] = &group.keys[..] else {
        return Err(unreadable());
    };
    let (usd, currency) = group.metric("UnblendedCost")?;
    if !matches!(currency, "" | "USD") {
        return Err(CliError::failed(format!(
            "the bill is in {currency}, and the ledger in USD"
        )));
    }
    let (amount, unit) = group.metric("UsageQuantity")?;
    bill.add(Line {
        day,
        product: service,
        usage_type,
        usd,
        amount,
        unit,
        profile: None,
    });
    Ok(())
}

impl Group {
    fn metric(&self, name: &str) -> Result<(f64, &str), CliError> {
        let metric = self.metrics.get(name).ok_or_else(unreadable)?;
        let amount = metric.amount.as_deref().and_then(|text| text.parse().ok());
        let amount = amount.filter(|amount: &f64| amount.is_finite());
        let unit = metric.unit.as_deref().unwrap_or_default();
        Ok((amount.ok_or_else(unreadable)?, unit))
    }
}

impl Client {
    async fn services(&mut self, question: Question<'_>) -> Result<Vec<String>, CliError> {
        let periods = self
            .pages(input(question, "MONTHLY", &["SERVICE"], None))
            .await?;
        let groups = periods.into_iter().flat_map(|period| period.groups);
        let names: BTreeSet<String> = groups
            .flat_map(|group| group.keys)
            .filter(|name| name.contains("Bedrock"))
            .collect();
        Ok(names.into_iter().collect())
    }

    /// All pages of an answer.
    async fn pages(&mut self, mut input: Value) -> Result<Vec<Period>, CliError> {
        let mut periods = Vec::new();
        loop {
            if self.requests == MOST_REQUESTS {
                return Err(CliError::failed(format!(
                    "Cost Explorer's answer goes on after {MOST_REQUESTS} requests"
                ))
                .hint("fewer `--days` have fewer pages")
                .hint("`--bill FILE` reads an export instead"));
            }
            self.requests += 1;
            let page: Page = self
                .signed
                .call("GetCostAndUsage", &input)
                .await
                .map_err(|error| {
                    CliError::aws("Cost Explorer cannot be asked", error)
                        .hint("it needs `ce:GetCostAndUsage`, and Cost Explorer enabled in the account")
                        .hint("`--bill FILE` reads an export instead")
                })?;
            periods.extend(page.results_by_time);
            match page.next_page_token {
                Some(token) if !token.is_empty() => input["NextPageToken"] = token.into(),
                _ => return Ok(periods),
            }
        }
    }
}

fn input(
    question: Question<'_>,
    granularity: &str,
    by: &[&str],
    services: Option<&[String]>,
) -> Value {
    let is = |key: &str, values: Value| json!({"Dimensions": {"Key": key, "Values": values}});
    // Credits, refunds and taxes are no usage.
    let mut filters = vec![
        is("RECORD_TYPE", json!(["Usage"])),
        is("LINKED_ACCOUNT", json!([question.account])),
    ];
    if let Some(services) = services {
        filters.push(is("SERVICE", json!(services)));
    }
    if let Share::Tag(Tag { key, value }) = question.share {
        filters.push(json!({"Tags": {"Key": key, "Values": [value]}}));
    }
    let by = by
        .iter()
        .map(|key| json!({"Type": "DIMENSION", "Key": key}));
    json!({
        "TimePeriod": {
            "Start": question.first.to_string(),
            // It is not included.
            "End": question.last.saturating_add(1.day()).to_string(),
        },
        "Granularity": granularity,
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        "GroupBy": by.collect::<Vec<_>>(),
        "Filter": {"And": filters},
    })
}

fn unreadable() -> CliError {
    CliError::failed("Cost Explorer's answer cannot be read")
}
