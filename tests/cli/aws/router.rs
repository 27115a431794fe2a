//! The built `t3nets-router` on an environment that a server stands in for, as its container runs
//! it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use support::RouterProcess;
use support::aws::Tables;

/// The binary, built where it is older than its source: the tests of this package alone do not
/// build it. Where all tests are built it is there, and is not built again: for its package alone
/// its dependencies have other features, and all of them would be compiled once more.
fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let beside = Path::new(env!("CARGO_BIN_EXE_t3nets")).with_file_name("t3nets-router");
        let root = support::aws::root();
        let of_source =
            ["Cargo.toml", "Cargo.lock", "router"].map(|name| changed(&root.join(name)));
        if beside.exists() && changed(&beside) > of_source.into_iter().max().unwrap() {
            return beside;
        }
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--package",
            "t3nets-router",
            "--bin",
            "t3nets-router",
        ]);
        build.current_dir(root);
        assert!(build.status().unwrap().success(), "the router is built");
        beside
    })
}

/// When a file, or the last one of a folder, was changed.
fn changed(path: &Path) -> SystemTime {
    let about = path.symlink_metadata().unwrap();
    if !about.is_dir() {
        return about.modified().unwrap();
    }
    let entries = path.read_dir().unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_name() != "node_modules");
    files
        .map(|entry| changed(&entry.path()))
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
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
