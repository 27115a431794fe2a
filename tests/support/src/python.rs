//! Tools that are Python packages, each in an environment of its own below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::needs::{missing, skip_without};

/// The virtual environment that holds this package (`name==version`), made on first use. `None` if
/// the test should return because Python or the package cannot be had; says so like
/// [`skip_without`].
pub fn python_venv(package: &str) -> Option<PathBuf> {
    if skip_without("python3") {
        return None;
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let venv = target.join("python").join(package.replace("==", "-"));
    let complete = venv.join("complete");
    if complete.is_file() {
        return Some(venv);
    }
    // An environment that an interrupted run left half-made has no such file, and is made anew.
    let made = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&venv)
        .output();
    let installed = made.and_then(|_| {
        Command::new(venv.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", package])
            .output()
    });
    match installed {
        Ok(output) if output.status.success() => {
            std::fs::write(&complete, "").expect("the target folder is writable");
            Some(venv)
        }
        _ => {
            missing(package);
            None
        }
    }
}
