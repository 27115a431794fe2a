//! The built `t3nets-router` on an environment that a server stands in for, as its container runs
//! it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::RouterProcess;
use support::aws::Tables;

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
            "t3nets-router",
            "--bin",
            "t3nets-router",
        ]);
        build.current_dir(support::aws::root());
        assert!(build.status().unwrap().success(), "the router is built");
        beside
    })
}

/// Starts one with the variables that Terraform gives its container, and more.
pub(super) fn start(tables: &Tables, prefix: &str, more: &[(&str, &str)]) -> RouterProcess {
    RouterProcess::start(
        Command::new(binary())
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
            ])
            .envs(more.iter().copied()),
    )
}
