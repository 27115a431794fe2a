//! Environments on AWS: which names are used and where they come from, what an operator is told and
//! asked before a change, and what becomes of AWS's errors. [`operate`] is the whole of it against
//! a server that stands in for AWS.

mod chat;
mod doctor;
mod errors;
mod kinds;
mod names;
mod operate;
mod protected;
mod python;
mod reconcile;
mod router;
mod serving;
mod settings;

use std::net::TcpListener;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use support::TestServer;

use crate::operator::Operator;

/// `t3nets.toml` with an environment on AWS.
const PROJECT: &str = "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\n";

/// An operator of the environment `dev` with credentials, whose AWS is at this address.
fn operator_at(url: &str) -> Operator {
    let operator = operator_without_credentials()
        .with("AWS_ENDPOINT_URL", url)
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "not-to-be-shown");
    operator.write("t3nets.toml", PROJECT);
    operator
}

/// An operator on a machine that is no instance of AWS.
fn operator_without_credentials() -> Operator {
    Operator::new()
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("T3NETS_ENVIRONMENT", "dev")
}

/// An address at which nobody answers.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server that stands in for AWS and answers everything alike.
struct Scripted {
    server: TestServer,
    _runtime: tokio::runtime::Runtime,
}

impl Scripted {
    fn answering(status: u16, body: &'static str) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let routes = Router::new().fallback(move || async move { (status, body).into_response() });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self {
            server: runtime.block_on(TestServer::start(routes)),
            _runtime: runtime,
        }
    }

    fn url(&self) -> String {
        self.server.url()
    }
}
