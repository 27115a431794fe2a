//! An operator who administers: runs of the binary in a [`Sandbox`], with less to write for each.

use rexpect::session::PtySession;
use serde_json::Value;

use crate::sandbox::{Finished, Sandbox};

/// How long a prompt may take to appear, in milliseconds. Reached only by a test that fails.
const PROMPT_TIMEOUT_MS: u64 = 20_000;

/// An operator who administers.
pub(crate) struct Operator {
    sandbox: Sandbox,
    variables: Vec<(String, String)>,
}

impl Operator {
    pub(crate) fn new() -> Self {
        Self {
            sandbox: Sandbox::new(),
            variables: Vec::new(),
        }
    }

    /// An operator whose tenant `default` has an administrator `ada@example.com`.
    pub(crate) fn seeded() -> Self {
        let operator = Self::new();
        operator
            .run(&["seed", "--admin-email", "ada@example.com"])
            .expect_code(0);
        operator
    }

    /// Sets an environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `T3NETS_HOME`.
    pub(crate) fn home(&self) -> std::path::PathBuf {
        self.sandbox.home()
    }

    /// The current folder of runs.
    pub(crate) fn work(&self) -> std::path::PathBuf {
        self.sandbox.work()
    }

    /// Writes a file into the current folder.
    pub(crate) fn write(&self, name: &str, content: &str) {
        self.sandbox.write(name, content);
    }

    /// Runs `t3nets` without a terminal and with nothing on stdin.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        crate::sandbox::finish(&mut self.command(arguments))
    }

    /// Runs `t3nets` without a terminal.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        self.sandbox.run_with_input(arguments, input)
    }

    /// Runs `t3nets` with `--json`, to success, and reads its result.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat())
            .expect_code(0)
            .json()
    }

    /// Runs `t3nets` in a terminal.
    pub(crate) fn in_terminal(&self, arguments: &[&str]) -> PtySession {
        let mut command = self.command(arguments);
        command.env("TERM", "dumb");
        rexpect::session::spawn_command(command, Some(PROMPT_TIMEOUT_MS)).unwrap()
    }

    /// Runs `t3nets` in a terminal to its end, answering its prompts; returns what was shown.
    pub(crate) fn answering(&self, arguments: &[&str], answers: &[(&str, &str)]) -> String {
        let mut terminal = self.in_terminal(arguments);
        let mut shown = String::new();
        for (prompt, answer) in answers {
            shown += &terminal.exp_string(prompt).unwrap();
            terminal.send_line(answer).unwrap();
        }
        shown + &terminal.exp_eof().unwrap()
    }

    /// Runs `t3nets` in a terminal that shows what is typed, then prints the code it ended with and
    /// how the terminal is set.
    pub(crate) fn in_terminal_of_a_shell(&self, arguments: &[&str]) -> PtySession {
        let called = self.command(arguments);
        let mut shell = std::process::Command::new("sh");
        shell
            .args([
                "-c",
                r#"trap : INT; stty echo; "$0" "$@"; echo "ended with $?"; stty -a"#,
            ])
            .arg(called.get_program())
            .args(called.get_args())
            .env_clear()
            .env("TERM", "dumb")
            .current_dir(self.work());
        for (name, value) in called.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        rexpect::session::spawn_command(shell, Some(PROMPT_TIMEOUT_MS)).unwrap()
    }

    /// A run of `t3nets`, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.sandbox.command(arguments);
        command.envs(self.variables.iter().cloned());
        command
    }
}

impl Finished {
    /// Fails the test unless stderr holds a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in {self:?}");
        self
    }

    /// Fails the test if stdout or stderr hold a text.
    #[track_caller]
    pub(crate) fn never_shows(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "{text:?} is in {self:?}"
        );
        self
    }
}
