//! What the tests share: servers that stand in for the outside, and how a test says that it lacks a
//! tool. Dev-only.

pub mod aws;
pub mod aws_iam;
pub mod aws_proxy;
pub mod certificates;
pub mod ecs_script;
pub mod https;
pub mod issuer;
pub mod jira;
pub mod mcp;
pub mod model;
mod needs;
mod process;
mod python;
mod server;
pub mod traces;
mod wait;

pub use needs::{missing, skip_without, tell};
pub use process::RouterProcess;
pub use python::python_venv;
pub use server::TestServer;
pub use wait::until;
