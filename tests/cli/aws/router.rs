//! The built `t3nets-router` on an environment that a server stands in for, as its container runs it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use support::aws::Tables;

/// A running router. Dropping it kills it.
pub(super) struct Router {
    process: Child,
    pub(super) url: String,
}

/// The binary, built where it is not: the tests of this package alone do not build it.
fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let beside = Path::new(env!("CARGO_BIN_EXE_t3nets")).with_file_name("t3nets-router");
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--package",
            "router",
            "--bin",
            "t3nets-router",
        ]);
        build.current_dir(support::aws::root());
        assert!(build.status().unwrap().success(), "the router is built");
        beside
    })
}

impl Router {
    /// Starts one with the variables that Terraform gives its container, and more; waits until it says that it serves.
    pub(super) fn start(tables: &Tables, prefix: &str, more: &[(&str, &str)]) -> Self {
        let mut process = Command::new(binary())
            .arg("serve")
            .env_clear()
            .envs([
                ("T3NETS_ENV", "aws"),
                ("AWS_REGION", "us-east-1"),
                (
                    "BEDROCK_MODEL_ID",
                    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                ),
                ("DYNAMODB_CONVERSATIONS_TABLE", &tables.conversations),
                ("DYNAMODB_TENANTS_TABLE", &tables.tenants),
                ("SECRETS_PREFIX", prefix),
                ("PORT", "0"),
            ])
            .envs(more.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = log
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|line| line["message"] == "serving")
            .expect("the router serves")["address"]
            .as_str()
            .unwrap()
            .replace("0.0.0.0", "127.0.0.1");
        // Read to its end, so that the router never waits for somebody to read.
        std::thread::spawn(move || log.for_each(drop));
        Self {
            process,
            url: format!("http://{address}"),
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
