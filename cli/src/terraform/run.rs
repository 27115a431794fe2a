//! The program `terraform`, or `tofu`: finding it, and running it so that it has the terminal to
//! itself and is never abandoned.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use t3nets_deploy::child::{self, Bounds, NoAnswer};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::folder::InfraEnvironment;
use crate::config::settings::Settings;
use crate::error::{CliError, ErrorKind};
use crate::terminal::printer::Printer;

/// The programs that are looked for, in this order.
const PROGRAMS: [&str; 2] = ["terraform", "tofu"];

/// What the configuration needs.
pub(crate) const NEEDED: Version = Version(1, 5);

/// What locking the state in S3 itself needs (`use_lockfile`).
pub(crate) const NEEDED_FOR_BUCKET: Version = Version(1, 10);

/// How much it may answer with its version or its outputs, and how long that may take.
const QUESTION: Bounds = Bounds {
    bytes: 64 << 20,
    time: Duration::from_secs(60),
};

/// Major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Version {
    /// From `1.11.4` or `1.10.0-beta1`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        Some(Self(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    }
}

/// A program that was found and is new enough.
#[derive(Debug, Clone)]
pub(crate) struct Terraform {
    program: PathBuf,
    version: Version,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It exited with this code.
    With(i32),
    /// Well, though it was interrupted: it was too late to stop.
    WellThoughInterrupted,
    /// It failed after it was interrupted.
    Interrupted,
    /// A signal ended it.
    Killed(i32),
}

impl Terraform {
    /// What `T3NETS_TERRAFORM` names, else `terraform`, else `tofu` from the PATH.
    ///
    /// # Errors
    /// Not ready if there is none, it does not run, or it is too old.
    pub(crate) async fn find(settings: &Settings) -> Result<Self, CliError> {
        let named = settings.terraform.as_deref();
        let candidates: &[&str] = match &named {
            Some(program) => std::slice::from_ref(program),
            None => &PROGRAMS,
        };
        let program = candidates
            .iter()
            .find_map(|program| on_path(program))
            .ok_or_else(|| {
                CliError::not_ready(format!("cannot find `{}`", candidates.join("` or `")))
                    .hint(format!(
                        "install Terraform {NEEDED} or newer (https://developer.hashicorp.com/terraform/install) or OpenTofu (https://opentofu.org)"
                    ))
                    .hint("T3NETS_TERRAFORM names a program that is not on the PATH")
            })?;
        let version = ask_version(&program).await?;
        let terraform = Self { program, version };
        terraform.require(NEEDED, "the configuration")?;
        Ok(terraform)
    }

    /// Makes sure that the version is high enough.
    ///
    /// # Errors
    /// Not ready if it is not.
    pub(crate) fn require(&self, needed: Version, what: &str) -> Result<(), CliError> {
        if self.version >= needed {
            return Ok(());
        }
        Err(CliError::not_ready(format!(
            "{what} needs Terraform {needed}, and `{}` is {}",
            self.program.display(),
            self.version
        ))
        .hint("T3NETS_TERRAFORM names another program"))
    }

    /// To run it in a folder.
    pub(crate) fn in_folder<'a>(&'a self, folder: &'a Path) -> InFolder<'a> {
        InFolder {
            terraform: self,
            folder,
            variables: Vec::new(),
            output_to_stderr: false,
        }
    }
}

/// How it is to be run.
#[derive(Debug, Clone)]
pub(crate) struct InFolder<'a> {
    terraform: &'a Terraform,
    folder: &'a Path,
    variables: Vec<(&'static str, OsString)>,
    output_to_stderr: bool,
}

impl InFolder<'_> {
    /// With an environment's credentials and workspace.
    pub(crate) fn of_environment(
        mut self,
        environment: &InfraEnvironment,
        workspace: &str,
    ) -> Self {
        self.variables.push(("TF_WORKSPACE", workspace.into()));
        let profile = environment.profile.as_ref();
        self.variables
            .extend(profile.map(|profile| ("AWS_PROFILE", profile.into())));
        self
    }

    /// With working data of its own.
    pub(crate) fn with_data_in(mut self, data: &Path) -> Self {
        self.variables.push(("TF_DATA_DIR", data.into()));
        self
    }

    /// For a run that is only preparation: what it says is no result.
    pub(crate) fn output_to_stderr(mut self) -> Self {
        self.output_to_stderr = true;
        self
    }

    /// Runs it to its end on this program's own stdin, stdout and stderr. An interruption reaches
    /// Terraform once, and Terraform decides when to end: it finishes what it has begun and writes
    /// its state.
    ///
    /// # Errors
    /// A failure if it cannot be started.
    pub(crate) async fn run(
        &self,
        printer: &Printer,
        arguments: Vec<OsString>,
    ) -> Result<Ended, CliError> {
        let failed = |error: std::io::Error| self.cannot_run(error);
        let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(failed)?;

        let mut command = self.command(arguments);
        if self.output_to_stderr {
            command.stdout(std::io::stderr());
        }
        // In a terminal, Ctrl-C goes to every process of the group: handed on as well it would
        // count twice, and Terraform takes a second one for "stop at once". Elsewhere a group of
        // its own makes sure that it gets exactly what is handed on, also where the whole group is
        // signalled.
        let hears_the_terminal = std::fs::File::open("/dev/tty").is_ok();
        if !hears_the_terminal {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(failed)?;
        let mut interrupted = false;
        let status = loop {
            let received = tokio::select! {
                status = child.wait() => break status.map_err(failed)?,
                _ = interrupts.recv() => Signal::INT,
                _ = terminations.recv() => Signal::TERM,
            };
            if !(hears_the_terminal && received == Signal::INT) {
                hand_on(&child, received);
            }
            if !interrupted {
                printer.status("interrupted: waiting for terraform to finish");
            }
            interrupted = true;
        };
        Ok(ended(status, interrupted))
    }

    /// Runs it and reads what it writes to stdout.
    ///
    /// # Errors
    /// A failure if it fails, writes too much, or takes too long.
    pub(crate) async fn answer(&self, arguments: Vec<OsString>) -> Result<Vec<u8>, CliError> {
        answer(&mut self.command(arguments), &self.terraform.program).await
    }

    /// The same for JSON.
    ///
    /// # Errors
    /// As [`InFolder::answer`]; a failure if it says something else.
    pub(crate) async fn ask(&self, arguments: Vec<OsString>) -> Result<Value, CliError> {
        let output = self.answer(arguments).await?;
        serde_json::from_slice(&output).map_err(|error| {
            CliError::failed("cannot understand what terraform says").caused_by(error)
        })
    }

    fn command(&self, arguments: Vec<OsString>) -> Command {
        let mut command = Command::new(&self.terraform.program);
        command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder);
        command
    }

    fn cannot_run(&self, error: std::io::Error) -> CliError {
        CliError::failed(format!("cannot run `{}`", self.terraform.program.display()))
            .caused_by(error)
    }
}

fn ended(status: ExitStatus, interrupted: bool) -> Ended {
    match (status.code(), status.signal()) {
        (Some(0), _) if interrupted => Ended::WellThoughInterrupted,
        _ if interrupted => Ended::Interrupted,
        (Some(code), _) => Ended::With(code),
        (None, signal) => Ended::Killed(signal.unwrap_or_default()),
    }
}

/// Sends a signal to a child that was not waited for yet, so its id cannot be another's.
fn hand_on(child: &Child, signal: Signal) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It can only have ended in the meantime, which is what was wanted.
        let _ = kill_process(pid, signal);
    }
}

/// The program's file: a name is looked for on the PATH, a path is taken as it is.
fn on_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        let path = std::path::absolute(program).ok()?;
        return path.is_file().then_some(path);
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

async fn ask_version(program: &Path) -> Result<Version, CliError> {
    let mut command = Command::new(program);
    command.args(["version", "-json"]);
    let output = answer(&mut command, program).await?;
    serde_json::from_slice::<Value>(&output)
        .ok()
        .and_then(|answer| Version::parse(answer.get("terraform_version")?.as_str()?))
        .ok_or_else(|| {
            CliError::not_ready(format!("`{}` does not tell its version", program.display()))
                .hint("is it Terraform or OpenTofu?")
        })
}

/// What a command writes to stdout; what it writes to stderr is shown only if it fails.
async fn answer(command: &mut Command, program: &Path) -> Result<Vec<u8>, CliError> {
    let name = program.display();
    let output =
        child::answer(command, b"", false, QUESTION)
            .await
            .map_err(|error| match error {
                NoAnswer::NotRun(error) => {
                    CliError::not_ready(format!("cannot run `{name}`")).caused_by(error)
                }
                NoAnswer::TooSlow(time) => CliError::new(
                    ErrorKind::TimedOut,
                    format!("`{name}` did not answer in {} s", time.as_secs()),
                ),
                NoAnswer::TooLong(bytes) => CliError::failed(format!(
                    "`{name}` answers with more than {} MiB",
                    bytes >> 20
                )),
            })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let error = CliError::failed(format!("`{name}` failed ({})", output.status));
    match String::from_utf8_lossy(&output.stderr).trim() {
        "" => Err(error),
        said => Err(error.detail(said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(Version::parse("1.11.4"), Some(Version(1, 11)));
        assert_eq!(Version::parse("1.10.0-beta1"), Some(Version(1, 10)));
        assert_eq!(Version::parse("1"), None);
        assert!(Version(1, 10) > Version(1, 5));
    }

    #[test]
    fn a_failure_after_an_interruption_is_the_interruption() {
        let code = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(ended(code(0), true), Ended::WellThoughInterrupted);
        assert_eq!(ended(code(0), false), Ended::With(0));
        assert_eq!(ended(code(1), true), Ended::Interrupted);
        assert_eq!(ended(code(2), false), Ended::With(2));
        assert_eq!(ended(ExitStatus::from_raw(9), false), Ended::Killed(9));
    }
}
