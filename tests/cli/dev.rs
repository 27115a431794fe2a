//! `t3nets dev`: the router on this machine, from its start to its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use t3nets_router::ports::{PageRequest, Platform};

use crate::sandbox::{Finished, Sandbox};

/// A `dev` that runs. Killed with the value, if it was not ended.
pub(crate) struct Dev {
    child: Child,
    pub(crate) started: Value,
}

impl Dev {
    /// Starts it on a free port and waits until it says where it answers.
    pub(crate) fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        Self::start_with(sandbox, arguments, &[])
    }

    /// The same with these variables.
    pub(crate) fn start_with(
        sandbox: &Sandbox,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = sandbox
            .command(&["dev", "--port", "0", "--json"])
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let started = serde_json::Deserializer::from_reader(stdout)
            .into_iter()
            .next();
        match started {
            Some(Ok(started)) => Self { child, started },
            _ => {
                let output = child.wait_with_output().unwrap();
                panic!("dev did not start: {output:?}");
            }
        }
    }

    /// Runs one that is to be refused; one that starts all the same is ended and fails the test.
    #[track_caller]
    pub(crate) fn refused(sandbox: &Sandbox, arguments: &[&str]) -> Finished {
        Self::refused_with(sandbox, arguments, &[])
    }

    #[track_caller]
    fn refused_with(sandbox: &Sandbox, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
        let mut command = sandbox.command(&["dev", "--port", "0", "--json"]);
        let mut child = command
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut started = [0];
        let said = child.stdout.as_mut().unwrap().read(&mut started).unwrap();
        if said > 0 {
            child.kill().unwrap();
        }
        let finished = Finished::from(child.wait_with_output().unwrap());
        assert_eq!(said, 0, "it started: {finished:?}");
        finished
    }

    pub(crate) fn url(&self) -> &str {
        self.started["url"].as_str().unwrap()
    }

    /// The host and port, as in a `Host` header.
    fn host(&self) -> &str {
        self.url()
            .trim_start_matches("http://")
            .trim_end_matches('/')
    }

    /// Sends a request as it is written and returns the whole response.
    fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.host()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn get(&self, path: &str, headers: &str) -> String {
        self.exchange(&format!(
            "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"
        ))
    }

    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &command]).status().unwrap();
        assert!(status.success());
    }

    /// Ends it by a signal; returns its exit code and what it said on stderr.
    pub(crate) fn end(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is stored in a sandbox's home.
pub(crate) fn stored<T>(sandbox: &Sandbox, read: impl AsyncFnOnce(Platform) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let platform = t3nets_router::local::open(&sandbox.home()).unwrap();
    runtime.block_on(read(platform))
}

#[test]
fn it_says_where_it_answers_and_ends_when_it_is_asked_to() {
    let sandbox = Sandbox::new();
    for signal in ["TERM", "INT"] {
        let dev = Dev::start(&sandbox, &[]);
        let info = sandbox.home().join("dev.json");
        let mode = std::fs::metadata(&info).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let page = dev.get("/", &format!("Host: {}\r\n", dev.host()));
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none'"));

        let (code, said) = dev.end(signal);
        assert_eq!(code, Some(0), "{said}");
        assert!(!info.exists());
    }
}

#[test]
fn a_second_one_on_the_same_home_is_refused() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    let refused = sandbox.run(&["dev", "--port", "0"]).expect_code(3);
    assert!(refused.stderr.contains(dev.url()), "{refused:?}");
    assert!(sandbox.home().join("dev.json").exists());
}

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sandbox = Sandbox::new();
    let finished = sandbox.run(&["dev", "--port", &port]).expect_code(1);
    assert!(finished.stderr.contains(&port), "{finished:?}");
    assert!(finished.stderr.contains("--port"), "{finished:?}");
    assert!(!sandbox.home().join("dev.json").exists());
}

#[test]
fn one_that_was_killed_is_neither_believed_nor_in_the_way() {
    let sandbox = Sandbox::new();
    let (code, _) = Dev::start(&sandbox, &[]).end("KILL");
    assert_eq!(code, None);
    assert!(sandbox.home().join("dev.json").exists());
    let finished = sandbox.run(&["chat", "hi"]).expect_code(3);
    assert!(
        finished.stderr.contains("no router is running"),
        "{finished:?}"
    );
    Dev::start(&sandbox, &[]);
}

/// The code of an error as callers are promised it: JSON with the request's id, here and in a
/// header.
fn error_of(response: &str) -> String {
    let (head, body) = response.split_once("\r\n\r\n").expect("a whole answer");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {response}"));
    let id = body["request_id"].as_str().unwrap_or_default();
    assert!(!id.is_empty(), "{response}");
    let header = format!("x-request-id: {id}\r\n");
    assert!(format!("{head}\r\n").contains(&header), "{response}");
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn every_refusal_of_dev_is_json_with_an_id() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    let host = dev.host();
    let long = "x".repeat(40_000);
    for (request, status) in [
        ("GET /nosuch HTTP/1.1".to_owned(), 404),
        ("PUT / HTTP/1.1".to_owned(), 405),
        ("PUT /api/chat HTTP/1.1".to_owned(), 405),
        ("GET /dev/models/default HTTP/1.1".to_owned(), 401),
        ("GET /dev/models/NoTenant HTTP/1.1".to_owned(), 401),
        (format!("GET /{} HTTP/1.1", &long[..9_000]), 414),
        (format!("GET / HTTP/1.1\r\nX-Long: {long}"), 431),
        ("no request at all".to_owned(), 400),
    ] {
        let end = format!("Host: {host}\r\nConnection: close\r\n\r\n");
        let response = dev.exchange(&format!("{request}\r\n{end}"));
        let start: String = request.chars().take(40).collect();
        let expected = format!("HTTP/1.1 {status}");
        assert!(response.starts_with(&expected), "{start}: {response}");
        assert!(!error_of(&response).is_empty());
    }
}

#[test]
fn pages_of_other_sites_are_kept_out() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    for headers in [
        "Host: rebound.example\r\n".to_owned(),
        format!("Host: {}\r\nOrigin: https://evil.example\r\n", dev.host()),
    ] {
        let response = dev.get("/api/health", &headers);
        assert!(response.starts_with("HTTP/1.1 403"), "{response}");
        assert_eq!(error_of(&response), "foreign_origin");
    }
    let response = dev.get("/api/health", &format!("Host: {}\r\n", dev.host()));
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

#[test]
fn where_others_can_reach_it_nobody_is_let_in_without_a_key() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &["--bind", "0.0.0.0"]);
    assert_eq!(dev.started["anonymous_tenant"], Value::Null);
    let body = r#"{"message":"hi"}"#;
    let response = dev.exchange(&format!(
        "POST /api/chat HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        dev.host(),
        body.len()
    ));
    assert!(response.starts_with("HTTP/1.1 401"), "{response}");
    drop(dev);
    let dev = Dev::start(
        &sandbox,
        &["--bind", "0.0.0.0", "--anonymous-tenant", "default"],
    );
    assert_eq!(dev.started["anonymous_tenant"], "default");
}

#[test]
fn an_anonymous_tenant_that_is_not_there_is_refused_and_nothing_is_made() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["--anonymous-tenant", "nosuch"][..],
        &["--demo", "--anonymous-tenant", "default"],
    ] {
        Dev::refused(&sandbox, arguments)
            .expect_code(1)
            .says("does not exist");
        let listed = sandbox.run(&["tenant", "list", "--json"]).expect_code(0);
        assert_eq!(listed.json()["tenants"], serde_json::json!([]));
    }
    let dev = Dev::start(&sandbox, &["--anonymous-tenant", "default"]);
    assert_eq!(dev.started["anonymous_tenant"], "default");
}

#[test]
fn what_an_operator_changed_is_not_seeded_again() {
    let sandbox = Sandbox::new();
    drop(Dev::start(&sandbox, &[]));
    let before = stored(&sandbox, audit_actions);
    assert!(!before.is_empty());
    drop(Dev::start(&sandbox, &[]));
    assert_eq!(stored(&sandbox, audit_actions), before);
}

#[test]
fn chat_finds_it_and_makes_one_recorded_key_for_itself() {
    let sandbox = Sandbox::new();
    let _dev = Dev::start(&sandbox, &[]);
    let first = sandbox.run(&["chat", "hello", "--json"]).expect_code(0);
    assert_eq!(first.json()["route"], "conversational");
    let session = first.json()["session_id"].as_str().unwrap().to_owned();
    let second = sandbox
        .run(&["chat", "thanks", "--json", "--session", &session])
        .expect_code(0);
    assert_eq!(second.json()["session_id"], session.as_str());
    assert!(!second.stderr.contains("with a key made"), "{second:?}");

    let keys: Vec<_> = stored(&sandbox, audit_actions)
        .into_iter()
        .filter(|(_, action)| action == "key.create")
        .collect();
    assert_eq!(
        keys,
        [("operator:tester".to_owned(), "key.create".to_owned())]
    );
}

async fn audit_actions(platform: Platform) -> Vec<(String, String)> {
    let trail = platform
        .tenants
        .audit_trail(&"default".parse().unwrap(), PageRequest::first(100))
        .await
        .unwrap();
    trail
        .items
        .into_iter()
        .map(|entry| (entry.actor, entry.action))
        .collect()
}

const ENDPOINT: (&str, &str) = ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
const MODEL: (&str, &str) = ("T3NETS_MODEL", "llama3.3");

#[test]
fn a_model_that_cannot_be_used_is_refused_at_the_start() {
    let sandbox = Sandbox::new();
    let refused = Dev::refused_with(&sandbox, &[], &[ENDPOINT]).expect_code(3);
    assert!(refused.stderr.contains("T3NETS_MODEL"), "{refused:?}");
    let variables = [("ANTHROPIC_API_KEY", "sk-x"), ("T3NETS_MODEL", "nova-lite")];
    let refused = Dev::refused_with(&sandbox, &[], &variables).expect_code(3);
    assert!(refused.stderr.contains("claude-opus"), "{refused:?}");
}

#[test]
fn it_says_what_it_is_and_doctor_asks_it() {
    let sandbox = Sandbox::new();
    let dev = Dev::start_with(&sandbox, &[], &[ENDPOINT, MODEL]);
    assert_eq!(dev.started["model"], "llama3.3");
    assert_eq!(dev.started["provider"], "openai");
    assert!(dev.started["version"].is_string());
    let check = |arguments: &[&str], name: &str| {
        let report = sandbox.run(arguments).json();
        let checks = report["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|one| one["name"] == name).unwrap()
    };
    // Its own process has none of these variables.
    let model = check(&["doctor", "--json"], "model");
    assert_eq!(model["status"], "ok", "{model}");
    assert_eq!(model["detail"], "llama3.3 by openai");
    let port = check(&["doctor", "--json"], "port");
    assert_eq!(port["status"], "ok", "{port}");
    assert!(port["detail"].to_string().contains("this environment's"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port().to_string();
    let port = check(&["doctor", "--json", "--port", &taken], "port");
    assert!(port["detail"].to_string().contains(&taken), "{port}");
}

#[test]
fn its_models_are_told_to_nobody_without_its_token() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    let response = dev.get(
        "/dev/models/default",
        &format!("Host: {}\r\nAuthorization: Bearer x\r\n", dev.host()),
    );
    assert!(response.starts_with("HTTP/1.1 401"), "{response}");
    assert!(dev.started.get("token").is_none(), "{}", dev.started);
}

#[test]
fn the_request_that_it_shows_works_as_it_is_printed() {
    if support::skip_without("curl") {
        return;
    }
    let sandbox = Sandbox::new();
    let program = sandbox.work().join("t3nets");
    let real = std::env::var_os("T3NETS_TEST_PROGRAM")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_t3nets").into());
    std::os::unix::fs::symlink(real, program).unwrap();
    for arguments in [&[][..], &["--bind", "0.0.0.0"]] {
        let mut child = sandbox
            .command(&["dev", "--port", "0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let shown: Vec<String> = lines
            .by_ref()
            .map(Result::unwrap)
            .take_while(|line| !line.trim_start().starts_with("stop"))
            .collect();
        let script: Vec<&str> = shown
            .iter()
            .map(|line| line.trim_start())
            .skip_while(|line| !line.starts_with("api"))
            .take_while(|line| !line.starts_with("callers"))
            .map(|line| line.trim_start_matches("api"))
            .collect();
        let path = format!(
            "{}:{}",
            sandbox.work().display(),
            std::env::var("PATH").unwrap()
        );
        let output = Command::new("sh")
            .args(["-c", &script.join("\n")])
            .env("PATH", path)
            .env("T3NETS_HOME", sandbox.home())
            .output()
            .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        assert!(answer.contains("session_id"), "{shown:?}: {answer}");
    }
}
