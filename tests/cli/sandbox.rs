//! A home, a working folder and an environment for one test, and the binary run in them.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Where one test's files are. Gone with the value.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    /// The current folder of runs.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// `T3NETS_HOME`.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file into the current folder.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The binary, with nothing of the caller's environment but the PATH. `T3NETS_TEST_PROGRAM`
    /// names another one: an earlier release, of which a test asks what it did.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let program = std::env::var_os("T3NETS_TEST_PROGRAM")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_t3nets").into());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("USER", "tester")
            .env("TZ", "UTC")
            .env("T3NETS_HOME", self.home())
            .current_dir(self.work());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments))
    }

    /// Runs the binary to its end with this on stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .expect("the binary reads its input");
        Finished::from(child.wait_with_output().unwrap())
    }
}

/// Runs a command to its end, with nothing on stdin.
pub(crate) fn finish(command: &mut Command) -> Finished {
    command.stdin(Stdio::null());
    Finished::from(command.output().expect("the binary starts"))
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

impl Finished {
    /// Fails the test unless the run ended with this code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error on stderr as JSON.
    #[track_caller]
    pub(crate) fn json_error(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let body: Value =
            serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        body["error"].clone()
    }
}
