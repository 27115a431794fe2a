//! `t3nets dev`: the router on this machine, from its start to its end.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use t3nets_router::ports::{PageRequest, Platform};

use crate::sandbox::Sandbox;

/// A `dev` that runs. Killed with the value, if it was not ended.
pub(crate) struct Dev {
    child: Child,
    pub(crate) started: Value,
}

impl Dev {
    /// Starts it on a free port and waits until it says where it answers.
    pub(crate) fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut child = sandbox
            .command(&["dev", "--port", "0", "--json"])
            .args(arguments)
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
        assert!(
            said.contains("callers without a key belong to tenant `default`"),
            "{said}"
        );
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
