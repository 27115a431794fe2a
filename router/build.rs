//! Tells the build which commit it is made from.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=T3NETS_GIT_SHA");
    let given = std::env::var("T3NETS_GIT_SHA")
        .ok()
        .filter(|sha| !sha.is_empty());
    let sha = given
        .or_else(from_git)
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=T3NETS_GIT_SHA={sha}");
}

/// The checkout's commit, in release builds alone: a debug build would have to be made anew after
/// every commit.
fn from_git() -> Option<String> {
    if std::env::var("PROFILE").ok()? != "release" {
        return None;
    }
    let log = "../.git/logs/HEAD";
    if Path::new(log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let sha = String::from_utf8(output.stdout).ok()?;
    Some(sha.trim().to_owned()).filter(|sha| output.status.success() && !sha.is_empty())
}
