//! The router on AWS's services and a scripted model, from seeding to answers.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use serde_json::{Value, json};
use support::RouterProcess;
use support::aws::{AwsServer, Tables};
use support::aws_proxy::{AwsProxy, CUTS, THROTTLES_AND_ERRORS, every_third};
use support::jira::{API_TOKEN, EMAIL, Jira, Script};
use support::model::{Answer, ModelCall, ModelServer};
use support::skip_without;

use super::operator_without_credentials;
use super::router;
use crate::operator::Operator;

/// An environment with a seeded tenant, a scripted model, and the router.
struct Environment {
    operator: Operator,
    router: RouterProcess,
    model: ModelServer,
    _jira: Jira,
    runtime: tokio::runtime::Runtime,
}

impl Environment {
    /// `name` is not shared with another test. What the router sends to AWS goes to `aws`.
    fn start(
        name: &str,
        aws_of_router: impl FnOnce(&AwsServer, &tokio::runtime::Runtime) -> String,
        model: impl Fn(&ModelCall) -> Answer + Send + Sync + 'static,
    ) -> Option<Self> {
        let aws = AwsServer::shared_ministack()?;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (tables, jira, model) = runtime.block_on(async {
            let client = Client::new(&aws.sdk_config().await);
            let tables = Tables::create(&client, &format!("serving-{name}")).await;
            (
                tables,
                Script::sample().start().await,
                ModelServer::answering(model).await,
            )
        });
        let prefix = format!("/serving/{name}/tenants");
        let mut operator = operator_without_credentials();
        for (name, value) in aws.variables() {
            operator = operator.with(name, &value);
        }
        let operator = operator
            .with("JIRA_URL", &jira.url())
            .with("JIRA_EMAIL", EMAIL)
            .with("JIRA_API_TOKEN", API_TOKEN)
            .with("JIRA_BOARD_ID", "7");
        operator.write(
            "t3nets.toml",
            &format!(
                "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\ntenants_table = \"{}\"\nconversations_table = \"{}\"\nsecrets_prefix = \"{prefix}\"\n",
                tables.tenants, tables.conversations
            ),
        );
        operator
            .run(&[
                "seed",
                "--tenant",
                "default",
                "--admin-email",
                "ada@example.com",
            ])
            .expect_code(0);
        let aws_url = aws_of_router(aws, &runtime);
        let router = router::start(
            &tables,
            &prefix,
            &[
                ("AWS_ENDPOINT_URL", &aws_url),
                ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", &model.url()),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("T3NETS_ANONYMOUS_TENANT", "default"),
                ("T3NETS_METRICS_ADDR", "127.0.0.1:0"),
                // What stands in for Jira is here, where no tenant's address may lead on AWS.
                ("T3NETS_PRIVATE_RANGES", "127.0.0.0/8"),
            ],
        );
        Some(Self {
            operator,
            router,
            model,
            _jira: jira,
            runtime,
        })
    }

    /// The output of curl with these arguments, the address put before the path.
    fn curl(&self, path: &str, arguments: &[&str]) -> String {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail-with-body",
                "--no-buffer",
            ])
            .args(arguments)
            .arg(format!("{}{path}", self.router.url))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        text
    }
}

fn directly(aws: &AwsServer, _: &tokio::runtime::Runtime) -> String {
    aws.url().to_owned()
}

/// Words what a skill found, and answers everything else.
fn model(call: &ModelCall) -> Answer {
    if call.body.to_string().contains("Sprint 24") {
        Answer::text("Sprint 24 is 37% done.").usage(100, 10)
    } else {
        Answer::text("I answer questions.")
            .usage(20, 5)
            .in_chunks(4)
    }
}

#[test]
fn the_designs_two_requests_are_answered() {
    if skip_without("curl") {
        return;
    }
    let Some(environment) = Environment::start("curl", directly, model) else {
        return;
    };
    let health: Value = serde_json::from_str(&environment.curl("/api/health", &[])).unwrap();
    assert_eq!(
        [
            &health["status"],
            &health["platform"],
            &health["environment"]
        ],
        ["ok", "aws", "curl"],
        "{health}"
    );
    let answer = environment.curl(
        "/api/chat",
        &[
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            r#"{"message": "what is the sprint status?"}"#,
        ],
    );
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["text"], "Sprint 24 is 37% done.", "{answer}");
    assert_eq!(
        [&answer["route"], &answer["skill"]],
        ["rule", "sprint_status"]
    );
    assert_eq!(answer["usage"]["input_tokens"], 100);
    assert_eq!(environment.model.requests().len(), 1);
}

#[test]
fn chat_answers_from_jira_by_the_secret_that_was_seeded() {
    let Some(environment) = Environment::start("chat", directly, model) else {
        return;
    };
    let url = environment.router.url.clone();
    let said = environment
        .operator
        .run(&["chat", "sprint status?", "--url", &url])
        .expect_code(0);
    assert!(said.stdout.contains("Sprint 24 is 37% done."), "{said:?}");
    let raw = environment
        .operator
        .run(&["chat", "--raw", "sprint status?", "--url", &url])
        .expect_code(0);
    assert!(raw.stdout.contains("PAY-4"), "{raw:?}");
}

#[test]
fn an_answer_is_streamed_as_it_comes() {
    if skip_without("curl") {
        return;
    }
    let Some(environment) = Environment::start("stream", directly, model) else {
        return;
    };
    let events = environment.curl(
        "/api/chat",
        &[
            "-H",
            "accept: text/event-stream",
            "-H",
            "content-type: application/json",
            "-d",
            r#"{"message": "who was the first programmer?"}"#,
        ],
    );
    let deltas = events.matches("event: delta").count();
    assert!(deltas > 1, "the answer came in one piece: {events}");
    assert!(events.contains("event: done"), "{events}");
    assert!(
        environment.model.requests()[0]
            .path
            .ends_with("/converse-stream")
    );
}

/// Five hundred turns, twenty sessions at once, while a third of the calls to AWS fails.
fn hundreds_of_turns_end_well(name: &str, faults: &'static [support::aws_proxy::Before]) {
    const SESSIONS: usize = 20;
    const TURNS: usize = 25;
    let mut proxy = None;
    let through_proxy = |aws: &AwsServer, runtime: &tokio::runtime::Runtime| {
        let started = runtime.block_on(AwsProxy::to(aws.url()).before(every_third(faults)).start());
        let url = started.url();
        proxy = Some(started);
        url
    };
    let answers = |_: &ModelCall| Answer::text("Yes.").usage(7, 3);
    let Some(environment) = Environment::start(name, through_proxy, answers) else {
        return;
    };
    let proxy = proxy.unwrap();
    environment
        .operator
        .run(&["tenant", "set", "messages_per_day=100000"])
        .expect_code(0);
    let made = environment
        .operator
        .json(&["key", "create", "--user", "ada@example.com"]);
    let key = made["key"].as_str().unwrap();
    let client = reqwest::Client::new();
    let url = format!("{}/api/chat", environment.router.url);
    let again = AtomicU64::new(0);

    environment.runtime.block_on(async {
        let talks = (0..SESSIONS).map(|session| {
            let (client, url, again) = (&client, &url, &again);
            async move {
                for turn in 0..TURNS {
                    let body = json!({
                        "message": format!("is {turn} a number?"),
                        "session_id": format!("s-{session}"),
                    });
                    let ask = || async {
                        let asked = client.post(url).bearer_auth(key).json(&body).send();
                        let answer = asked.await.unwrap();
                        (answer.status(), answer.text().await.unwrap())
                    };
                    let (mut status, mut text) = ask().await;
                    // One call in 59,000 meets a fault at each of its ten attempts. Its turn says
                    // so, and is not kept.
                    if status == 503 && text.contains("store_unavailable") {
                        again.fetch_add(1, Ordering::Relaxed);
                        (status, text) = ask().await;
                    }
                    assert_eq!(status, 200, "turn {turn} of session {session}: {text}");
                }
            }
        });
        futures::future::join_all(talks).await;

        for session in 0..SESSIONS {
            let url = format!(
                "{}/api/history?limit={}&session_id=s-{session}",
                environment.router.url,
                2 * TURNS
            );
            let answer = client.get(url).bearer_auth(key).send().await.unwrap();
            let history: Value = answer.json().await.unwrap();
            let messages = history["messages"].as_array().unwrap();
            let said: Vec<_> = messages
                .iter()
                .filter(|message| message["role"] == "user")
                .map(|message| message["content"].as_str().unwrap().to_owned())
                .collect();
            let expected: Vec<_> = (0..TURNS)
                .map(|turn| format!("is {turn} a number?"))
                .collect();
            assert_eq!(said, expected, "session {session}");
            assert_eq!(messages.len(), 2 * TURNS);
        }
    });

    let usage = environment
        .operator
        .json(&["tenant", "usage", "--days", "2"]);
    let total = |field: &str| -> u64 {
        let days = usage["days"].as_array().unwrap().iter();
        days.map(|day| day[field].as_u64().unwrap()).sum()
    };
    let turns = (SESSIONS * TURNS) as u64;
    // Exact, but that a turn which was not kept may have been paid for.
    let at_most = turns + again.into_inner();
    for (field, each) in [("messages", 1), ("input_tokens", 7), ("output_tokens", 3)] {
        let counted = total(field);
        let right = each * turns..=each * at_most;
        assert!(
            right.contains(&counted),
            "{field} is {counted}, not in {right:?}: {usage}"
        );
    }
    assert!(
        proxy.faults() > SESSIONS * TURNS,
        "{} faults",
        proxy.faults()
    );
}

#[test]
fn hundreds_of_turns_end_well_while_aws_throttles_and_errs() {
    hundreds_of_turns_end_well("throttled", &THROTTLES_AND_ERRORS);
}

#[test]
fn hundreds_of_turns_end_well_while_connections_are_cut() {
    hundreds_of_turns_end_well("cut", &CUTS);
}

/// Capacity of this type that the router counted, of all operations.
fn capacity(metrics: &str, kind: &str) -> f64 {
    let lines = metrics.lines().filter(|line| {
        line.starts_with("t3nets_dynamodb_capacity_units_total")
            && line.contains(&format!("type=\"{kind}\""))
    });
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

#[test]
fn a_turn_consumes_few_write_units() {
    const TURNS: u32 = 100;
    let half_a_kilobyte = "Well. ".repeat(86);
    let answer = Answer::text(&half_a_kilobyte);
    let Some(environment) = Environment::start("capacity", directly, move |_| answer.clone())
    else {
        return;
    };
    let router = &environment.router;
    let client = reqwest::Client::new();
    let consumed = environment.runtime.block_on(async {
        let url = format!("{}/metrics", router.metrics_url.clone().unwrap());
        let metrics = async || client.get(&url).send().await.unwrap().text().await.unwrap();
        let before = metrics().await;
        let mut body = json!({"message": half_a_kilobyte});
        for _ in 0..TURNS {
            let request = client.post(format!("{}/api/chat", router.url)).json(&body);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let answer: Value = answer.json().await.unwrap();
            body["session_id"] = answer["session_id"].clone();
        }
        let after = metrics().await;
        ["read", "write"].map(|kind| capacity(&after, kind) - capacity(&before, kind))
    });
    let [read, write] = consumed.map(|units| units / f64::from(TURNS));
    support::tell(&format!(
        "{read:.1} read units and {write:.1} write units a turn"
    ));
    assert!((1.0..12.0).contains(&write), "{write}");
    assert!((1.0..20.0).contains(&read), "{read}");
}
