//! `t3nets deploy --on-done`: what is posted, and that the deploy ends as it did. That a release is
//! posted is in `deploy_replay`.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::{Json, Router};
use serde_json::Value;
use support::TestServer;

use crate::sandbox::{Finished, Sandbox, finish};

/// Somebody who is told how deploys end.
pub(crate) struct Webhook {
    server: TestServer,
    posted: Arc<Mutex<Vec<Value>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Webhook {
    pub(crate) fn answering(status: StatusCode) -> Self {
        let posted: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&posted);
        let routes = Router::new().fallback(move |Json(body): Json<Value>| async move {
            kept.lock().unwrap().push(body);
            status
        });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self {
            server: runtime.block_on(TestServer::start(routes)),
            posted,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/T1/not-to-be-shown", self.server.url())
    }

    /// What was posted, once.
    #[track_caller]
    pub(crate) fn posted(&self) -> Value {
        let posted = self.posted.lock().unwrap();
        assert_eq!(posted.len(), 1, "{posted:#?}");
        posted[0].clone()
    }
}

#[test]
fn a_deploy_that_could_not_begin_is_posted_too() {
    let webhook = Webhook::answering(StatusCode::OK);
    let deploy = ["deploy", "--on-done", &webhook.url()];
    let finished = Sandbox::new().run(&deploy).expect_code(3);
    assert!(!finished.stderr.contains("warning"), "{finished:?}");
    let posted = webhook.posted();
    assert_eq!(posted["type"], "deploy.done");
    assert_eq!(posted["environment"], "local");
    assert_eq!(posted["outcome"], "not_ready");
    assert_eq!(posted["exit_code"], 3);
    let message = "environment `local` is on this machine: nothing is deployed there";
    assert_eq!(posted["error"]["message"], message);
    let text = format!("deploy to `local`: failed: {message}");
    assert_eq!(posted["text"], text);
}

#[test]
fn a_webhook_that_refuses_is_a_warning_that_names_its_host_alone() {
    let webhook = Webhook::answering(StatusCode::NOT_FOUND);
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["deploy"]);
    let finished = finish(command.env("T3NETS_ON_DONE", webhook.url())).expect_code(3);
    let warning =
        "warning: http://127.0.0.1/… was not told how it ended: it answered 404 Not Found\n";
    assert!(finished.stderr.contains(warning), "{finished:?}");
    assert!(!finished.stderr.contains("not-to-be-shown"), "{finished:?}");
    webhook.posted();
}

#[test]
fn an_interrupted_deploy_is_posted_whenever_it_was() {
    let webhook = Webhook::answering(StatusCode::OK);
    // AWS is reached, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = Sandbox::new();
    sandbox.write(
        "t3nets.toml",
        "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\n",
    );
    let arguments = ["deploy", "-e", "dev", "--image", "x", "--json"];
    let child = sandbox
        .command(&arguments)
        .env("T3NETS_ON_DONE", webhook.url())
        .env(
            "AWS_ENDPOINT_URL",
            format!("http://{}", silent.local_addr().unwrap()),
        )
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (_connection, _) = silent.accept().unwrap();
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(sent.unwrap().success());
    Finished::from(child.wait_with_output().unwrap()).expect_code(130);
    let posted = webhook.posted();
    assert_eq!(posted["outcome"], "interrupted");
    assert_eq!(
        posted["error"]["message"],
        "interrupted; nothing was changed"
    );
}
