//! The built `t3nets-router`, as a container runs it.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use axum::extract::Request;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use t3nets_router::model::{SecretDocument, SecretName, TenantSettings, UserRole};

use support::model::{Answer as Says, ModelServer};
use support::{RouterProcess, TestServer};

use crate::http::chat::variables;
use crate::http::{add_tenant, make_key};

/// Starts a router on a home of the test's.
fn start(home: &Path) -> RouterProcess {
    start_with(home, &[])
}

pub(crate) fn start_with(home: &Path, variables: &[(&str, String)]) -> RouterProcess {
    RouterProcess::start(
        Command::new(env!("CARGO_BIN_EXE_t3nets-router"))
            .env_clear()
            .envs([("T3NETS_ENV", "local"), ("RUST_LOG", "info")])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("T3NETS_HOME", home),
    )
}

async fn tenant_with_key(home: &Path) -> String {
    let platform = t3nets_router::local::open(home).unwrap();
    let settings = TenantSettings {
        messages_per_day: Some(1_000_000),
        ..TenantSettings::default()
    };
    add_tenant(&platform, "default", settings).await;
    make_key(&platform, "default", "bob", UserRole::Member, None).await
}

/// Asks; `None` if the connection broke before the answer was there.
async fn ask(
    client: &Client,
    url: &str,
    key: &str,
    message: &str,
    session: &str,
) -> Option<(StatusCode, Value)> {
    let body = json!({"message": message, "session_id": session});
    let response = client
        .post(format!("{url}/api/chat"))
        .bearer_auth(key)
        .json(&body)
        .send()
        .await
        .ok()?;
    let status = response.status();
    Some((status, response.json().await.ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_killed_in_the_middle_of_writes_keeps_every_acknowledged_turn() {
    const ROUNDS: u32 = 50;
    const WRITERS: u32 = 8;
    let home = tempfile::tempdir().unwrap();
    let key = tenant_with_key(home.path()).await;
    let mut acknowledged: HashMap<String, usize> = HashMap::new();

    for round in 0..ROUNDS {
        let mut router = start(home.path());
        let client = Client::new();
        let (acknowledge, mut acknowledgements) = tokio::sync::mpsc::unbounded_channel();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (client, url, key, acknowledge) = (
                client.clone(),
                router.url.clone(),
                key.clone(),
                acknowledge.clone(),
            );
            writers.spawn(async move {
                let session = format!("w{writer}");
                while let Some((status, _)) = ask(&client, &url, &key, "hello", &session).await {
                    assert_eq!(status, StatusCode::OK);
                    acknowledge.send(session.clone()).unwrap();
                }
            });
        }
        drop(acknowledge);
        // After a number of turns that differs from round to round, so that every moment of a write
        // is hit.
        for _ in 0..(5 + round % 13) {
            *acknowledged
                .entry(acknowledgements.recv().await.unwrap())
                .or_default() += 1;
        }
        router.kill();
        while let Some(session) = acknowledgements.recv().await {
            *acknowledged.entry(session).or_default() += 1;
        }
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
    }

    let router = start(home.path());
    let client = Client::new();
    for (session, turns) in acknowledged {
        let mut stored = 0;
        let mut after = None;
        loop {
            let mut query = vec![("session_id", session.clone()), ("limit", "200".to_owned())];
            query.extend(after.map(|after| ("after", after)));
            let request = client
                .get(format!("{}/api/history", router.url))
                .query(&query)
                .bearer_auth(&key);
            let page: Value = request.send().await.unwrap().json().await.unwrap();
            let messages = page["messages"].as_array().unwrap();
            for pair in messages.chunks(2) {
                assert_eq!(
                    (&pair[0]["role"], &pair[1]["role"]),
                    (&json!("user"), &json!("assistant"))
                );
            }
            stored += messages.len();
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        // One turn more per round may have been stored without its caller having heard of it.
        assert!(
            stored >= 2 * turns,
            "session {session}: {turns} turns acknowledged, {stored} messages stored"
        );
        assert!(
            stored <= 2 * (turns + ROUNDS as usize),
            "session {session}: {turns} turns, {stored} messages"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_asked_to_end_answers_what_is_under_way_first() {
    let model = ModelServer::scripted([Says::text("done").held()]).await;
    let home = tempfile::tempdir().unwrap();
    let key = tenant_with_key(home.path()).await;
    let mut router = start_with(home.path(), &variables(&model));
    let mut chats = tokio::task::JoinSet::new();
    chats.spawn({
        let (url, key) = (router.url.clone(), key.clone());
        async move { ask(&Client::new(), &url, &key, "what is new?", "s").await }
    });
    model.until_called(1).await;
    router.ask_to_end();
    model.release();
    assert_eq!(
        chats.join_next().await.unwrap().unwrap().unwrap().0,
        StatusCode::OK
    );
    assert_eq!(router.wait(), Some(0));
}

/// A page that polls comes to another router for the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_router_asked_to_end_answers_a_turn_that_nobody_follows_first() {
    // Longer than the usage of what was cut off is waited for.
    let answer = Says::text("done").after(Duration::from_secs(8));
    let model = ModelServer::scripted([answer]).await;
    let home = tempfile::tempdir().unwrap();
    let key = tenant_with_key(home.path()).await;
    let mut router = start_with(home.path(), &variables(&model));
    let begun = Client::new()
        .post(format!("{}/api/turns", router.url))
        .bearer_auth(&key)
        .header("idempotency-key", "0123456789abcdef")
        .json(&json!({"message": "what is new?", "session_id": "s"}))
        .send();
    assert_eq!(begun.await.unwrap().status(), StatusCode::CREATED);
    model.until_called(1).await;
    router.ask_to_end();
    assert_eq!(router.wait(), Some(0));

    let next = start(home.path());
    let history = Client::new()
        .get(format!("{}/api/history?session_id=s", next.url))
        .bearer_auth(&key)
        .send();
    let history: Value = history.await.unwrap().json().await.unwrap();
    assert_eq!(history["messages"][1]["content"], "done", "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_asked_to_end_waits_for_no_half_request() {
    let home = tempfile::tempdir().unwrap();
    let key = tenant_with_key(home.path()).await;
    for half in [
        "GET /health HTTP/1.1\r\nhost".to_owned(),
        format!(
            "POST /api/chat HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{{"
        ),
    ] {
        let mut router = start(home.path());
        let address = router.url.trim_start_matches("http://").to_owned();
        let mut held = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut held, half.as_bytes()).unwrap();
        // Answered after what came before it was accepted.
        let health = Client::new().get(format!("{}/health", router.url)).send();
        assert_eq!(health.await.unwrap().status(), StatusCode::OK);
        router.ask_to_end();
        assert_eq!(router.wait(), Some(0));
        // Closed by the router while this end was open.
        drop(held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_what_people_say_nor_their_credentials_are_logged() {
    let home = tempfile::tempdir().unwrap();
    let key = tenant_with_key(home.path()).await;
    let platform = t3nets_router::local::open(home.path()).unwrap();
    let jira = SecretName {
        tenant_id: "default".parse().unwrap(),
        integration: "jira".parse().unwrap(),
        user_id: None,
    };
    let fields = json!({"url": "http://127.0.0.1:9", "email": "a@b.c", "api_token": "swordfish", "board_id": "1"});
    let document = SecretDocument::new(fields.as_object().unwrap().clone());
    platform.secrets.put(&jira, &document).await.unwrap();

    let router = start_with(home.path(), &[("RUST_LOG", "trace".to_owned())]);
    let client = Client::new();
    let told = ask(&client, &router.url, &key, "about the xylophone", "s").await;
    assert_eq!(told.unwrap().0, StatusCode::OK);
    let refused = ask(&client, &router.url, &key, "sprint status?", "s").await;
    assert_eq!(refused.unwrap().0, StatusCode::BAD_GATEWAY);
    let url = format!("{}/api/history?session_id=xylophone", router.url);
    let unknown = client
        .get(url)
        .bearer_auth("t3n_swordfish")
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);

    let log = router.into_log();
    for secret in ["xylophone", "swordfish", &key] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answered: Vec<_> = lines.filter(|line| line["message"] == "answered").collect();
    let statuses: Vec<_> = answered
        .iter()
        .map(|line| line["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 502, 401]);
    assert!(
        answered
            .iter()
            .all(|line| line["span"]["request_id"].is_string()),
        "{answered:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_a_line_for_each_request_but_none_for_health_checks() {
    let home = tempfile::tempdir().unwrap();
    tenant_with_key(home.path()).await;
    let router = start(home.path());
    let client = Client::new();
    for path in ["/health", "/ready", "/api/health", "/nowhere"] {
        let answer = client.get(format!("{}{path}", router.url)).send().await;
        assert_eq!(answer.unwrap().status().is_success(), path != "/nowhere");
    }

    let log = router.into_log();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answered: Vec<_> = lines.filter(|line| line["message"] == "answered").collect();
    let routes: Vec<_> = answered.iter().map(|line| &line["span"]["route"]).collect();
    assert_eq!(routes, ["/api/health", "(none)"]);
    for line in answered {
        assert!(line["elapsed_ms"].is_u64(), "{line}");
        assert!(line["spans"].is_null(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_succeeds_only_with_a_running_router() {
    let home = tempfile::tempdir().unwrap();
    tenant_with_key(home.path()).await;
    let mut router = start(home.path());
    let check = |url: &str| {
        Command::new(env!("CARGO_BIN_EXE_t3nets-router"))
            .args(["healthcheck", url])
            .output()
            .unwrap()
    };
    assert_eq!(
        check(&format!("{}/health", router.url)).status.code(),
        Some(0)
    );
    assert_eq!(
        check(&format!("{}/nothing", router.url)).status.code(),
        Some(1)
    );
    router.kill();
    let output = check(&format!("{}/health", router.url));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("error: unhealthy")
    );
}

/// AWS takes what it is asked, and never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_router_on_aws_serves_and_ends_while_it_opens_its_connections() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let silent = async move |request: Request| {
        let operation = request.headers().get("x-amz-target");
        let operation = operation.map(|name| name.to_str().unwrap().to_owned());
        let path = request.uri().path();
        tell.send(operation.unwrap_or(path.to_owned())).unwrap();
        std::future::pending::<()>().await;
    };
    let aws = TestServer::start(axum::Router::new().fallback(silent)).await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("T3NETS_ENV", "aws"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", &*aws.url()),
        ("BEDROCK_MODEL_ID", "claude-sonnet-4-5"),
        ("DYNAMODB_CONVERSATIONS_TABLE", "t3nets-dev-conversations"),
        ("DYNAMODB_TENANTS_TABLE", "t3nets-dev-tenants"),
        ("SECRETS_PREFIX", "/t3nets/dev/tenants"),
        ("T3NETS_RELEASE", "sha256:0123 (7)"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let mut router = start_with(folder.path(), &variables);
    let response = Client::new()
        .get(format!("{}/api/health", router.url))
        .send();
    let about: Value = response.await.unwrap().json().await.unwrap();
    assert_eq!(
        (&about["platform"], &about["environment"], &about["release"]),
        (&json!("aws"), &json!("dev"), &json!("sha256:0123 (7)"))
    );
    let mut asked = Vec::new();
    while asked.len() < 7 {
        asked.push(told.recv().await.unwrap());
    }
    asked.sort();
    asked.dedup();
    let read = ["DynamoDB_20120810.GetItem", "secretsmanager.DescribeSecret"];
    assert_eq!(asked, ["/ping", read[0], read[1]]);
    router.ask_to_end();
    assert_eq!(router.wait(), Some(0));
    assert!(told.try_recv().is_err());
}

#[test]
fn wrong_variables_end_the_start_with_their_name() {
    for (variables, code, named) in [
        (&[][..], 3, "T3NETS_ENV"),
        (&[("T3NETS_ENV", "azure")][..], 2, "azure"),
        (&[("T3NETS_ENV", "local")][..], 3, "T3NETS_HOME"),
        (
            &[("T3NETS_ENV", "aws"), ("AWS_REGION", "us-east-1")][..],
            3,
            "`DYNAMODB_CONVERSATIONS_TABLE`, `DYNAMODB_TENANTS_TABLE` and `SECRETS_PREFIX` are not set",
        ),
        (
            &[
                ("T3NETS_ENV", "local"),
                ("T3NETS_HOME", "/h"),
                ("RUST_LOG", "a=b=c"),
            ][..],
            3,
            "`RUST_LOG`",
        ),
        (
            &[
                ("T3NETS_ENV", "local"),
                ("T3NETS_HOME", env!("CARGO_TARGET_TMPDIR")),
                ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
            ][..],
            3,
            "set T3NETS_MODEL to one that the endpoint offers",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_t3nets-router"))
            .arg("serve")
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(named), "{message}");
    }
}

#[tokio::test]
async fn a_router_for_anonymous_callers_of_a_tenant_that_is_not_there_yet_says_so_and_serves() {
    let home = tempfile::tempdir().unwrap();
    tenant_with_key(home.path()).await;
    for (tenant, status) in [
        ("nosuch", StatusCode::UNAUTHORIZED),
        ("default", StatusCode::OK),
    ] {
        let named = [("T3NETS_ANONYMOUS_TENANT", tenant.to_owned())];
        let router = start_with(home.path(), &named);
        let url = format!("{}/api/chat", router.url);
        let body = json!({"message": "hi"});
        let answer = Client::new().post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status);
        let says: Value = answer.json().await.unwrap();
        let hint = says["error"]["hint"].as_str().unwrap_or_default();
        assert_eq!(hint.contains("t3nets seed"), tenant == "nosuch", "{says}");
    }
}

#[tokio::test]
async fn what_was_asked_and_what_it_cost_is_counted_on_a_port_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let platform = t3nets_router::local::open(home.path()).unwrap();
    let settings = TenantSettings {
        messages_per_day: Some(2),
        ..TenantSettings::default()
    };
    add_tenant(&platform, "default", settings).await;
    let key = make_key(&platform, "default", "bob", UserRole::Member, None).await;
    let model = ModelServer::scripted([Says::text("It is fine.").usage(90, 7)]).await;
    let mut variables = variables(&model);
    variables.push(("T3NETS_METRICS_ADDR", "127.0.0.1:0".to_owned()));
    let router = start_with(home.path(), &variables);
    let (client, url) = (Client::new(), &router.url);
    for (message, status) in [("think it over", 200), ("hello", 200), ("hello", 429)] {
        let (answered, _) = ask(&client, url, &key, message, "s").await.unwrap();
        assert_eq!(answered, status);
    }
    let metrics = router.metrics_url.clone().unwrap();
    let read = async |url: String| client.get(url).send().await.unwrap();
    let answer = read(format!("{metrics}/metrics")).await;
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text().await.unwrap();
    let model = r#"gen_ai_operation_name="chat",gen_ai_provider_name="anthropic",gen_ai_request_model="claude-sonnet-5-5""#;
    for line in [
        r#"t3nets_turns_total{tenant="default",route="ai",outcome="answered"} 1"#,
        r#"t3nets_turns_total{tenant="default",route="conversational",outcome="answered"} 1"#,
        r#"t3nets_messages_refused_total{tenant="default"} 1"#,
        r#"t3nets_tokens_total{tenant="default",model="claude-sonnet-5-5",type="input"} 90"#,
        r#"t3nets_errors_total{code="daily_limit_reached",status="429"} 1"#,
        r#"http_server_request_duration_seconds_count{http_request_method="POST",http_route="/api/chat",http_response_status_code="200"} 2"#,
        &format!("gen_ai_client_operation_duration_seconds_count{{{model},error_type=\"\"}} 1"),
        &format!("gen_ai_client_operation_time_to_first_chunk_seconds_count{{{model}}} 1"),
        &format!("gen_ai_client_token_usage_sum{{{model},gen_ai_token_type=\"output\"}} 7.0"),
        r#"t3nets_turn_part_seconds_count{route="ai",part="own"} 1"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
    for word in ["bob", "think it over", &key] {
        assert!(!text.contains(word), "{word}");
    }
    // What the dashboard shows is there.
    let dashboard = include_str!("../../docs/examples/grafana-dashboard.json");
    let names = dashboard.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |name: &&str| {
        ["t3nets_", "gen_ai_client", "http_server"]
            .iter()
            .any(|start| name.starts_with(start))
            // That is asked on AWS alone.
            && !name.starts_with("t3nets_dynamodb")
    };
    for name in names.filter(is_metric) {
        let base = ["_bucket", "_count", "_sum", "_total", "_info"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let is_there = text.contains(&format!("# TYPE {} ", base.unwrap_or(name)));
        assert!(is_there, "{name}");
    }
    // Neither port has what is the other's.
    for wrong in [format!("{url}/metrics"), format!("{metrics}/api/health")] {
        assert_eq!(read(wrong).await.status(), StatusCode::NOT_FOUND);
    }
}
