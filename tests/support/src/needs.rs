//! Tests that need a tool say so instead of failing where it is missing.

use std::io::Write;

/// `true` if the test should return because `tool` is not on the PATH. Prints `skipped: needs TOOL`
/// (past the test harness's capture, so that it is seen). Where `CI` is set everything must run, so
/// a missing tool fails the test.
pub fn skip_without(tool: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()));
    if !found {
        missing(tool);
    }
    !found
}

/// Says that a test is skipped for want of something; where everything must run, fails instead.
///
/// # Panics
/// Where `CI` is set.
pub fn missing(what: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "CI installs everything, but `{what}` is missing"
    );
    writeln!(std::io::stderr(), "skipped: needs {what}").expect("stderr is open");
}

/// Says something past the test harness's capture: a figure that is to be read, not judged.
pub fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}
