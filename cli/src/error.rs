//! The one error type of the program: what failed, why, what to do next, and with which code the
//! program ends.

use serde::Serialize;
use t3nets_router::admin::AdminError;
use t3nets_router::admin::transfer::TransferError;
use t3nets_router::aws::{AwsError, AwsErrorKind};
use t3nets_router::model::Record;
use t3nets_router::ports::StoreError;

use crate::hint::Hint;

/// The codes that the program ends with. They are an interface: scripts test them.
pub(crate) mod exit_code {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    /// The command line is not valid, or a value is missing and nobody can be asked.
    pub(crate) const USAGE: u8 = 2;
    /// Not ready: configuration, or a check of `doctor`.
    pub(crate) const NOT_READY: u8 = 3;
    /// Credentials are missing or refused, or the permission is.
    pub(crate) const DENIED: u8 = 4;
    /// The rollout failed and was rolled back.
    pub(crate) const ROLLED_BACK: u8 = 5;
    /// The rollout failed and was not rolled back.
    pub(crate) const NOT_ROLLED_BACK: u8 = 6;
    /// No answer in time.
    pub(crate) const TIMED_OUT: u8 = 7;
    /// Changes are pending (`--plan --exit-code`).
    pub(crate) const CHANGES_PENDING: u8 = 8;
    pub(crate) const INTERRUPTED: u8 = 130;

    /// Each code with its meaning, for the help.
    pub(crate) const ALL: [(u8, &str); 10] = [
        (DONE, "done"),
        (FAILED, "failed"),
        (USAGE, "usage"),
        (NOT_READY, "not ready (configuration or doctor)"),
        (DENIED, "credentials or permission"),
        (ROLLED_BACK, "the rollout failed and was rolled back"),
        (
            NOT_ROLLED_BACK,
            "the rollout failed and was not rolled back",
        ),
        (TIMED_OUT, "timed out"),
        (CHANGES_PENDING, "changes are pending"),
        (INTERRUPTED, "interrupted"),
    ];
}

/// The kinds of [`CliError`], which decide the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// It was tried and failed.
    Failed,
    /// The command line is not valid, or a value is missing.
    Usage,
    /// Something has to be set up first.
    NotReady,
    /// Credentials are missing or refused, or the permission is.
    Denied,
    /// No answer in time.
    TimedOut,
    /// The rollout failed, and an earlier release runs again.
    RolledBack,
    /// The rollout failed, and nothing else runs in its place.
    NotRolledBack,
    /// The person interrupted it.
    Interrupted,
    /// Whoever read the output closed it (`t3nets … | head`). Nobody is there to be told, and
    /// nothing went wrong.
    OutputClosed,
}

impl ErrorKind {
    /// What the failure of a service means for a command.
    fn of_service(kind: AwsErrorKind) -> Self {
        match kind {
            AwsErrorKind::Credentials | AwsErrorKind::Permission => Self::Denied,
            AwsErrorKind::Configuration | AwsErrorKind::NotFound => Self::NotReady,
            AwsErrorKind::Throttled
            | AwsErrorKind::Unreachable
            | AwsErrorKind::Rejected
            | AwsErrorKind::Internal => Self::Failed,
        }
    }

    /// The code that the program ends with.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Failed => exit_code::FAILED,
            Self::Usage => exit_code::USAGE,
            Self::NotReady => exit_code::NOT_READY,
            Self::Denied => exit_code::DENIED,
            Self::TimedOut => exit_code::TIMED_OUT,
            Self::RolledBack => exit_code::ROLLED_BACK,
            Self::NotRolledBack => exit_code::NOT_ROLLED_BACK,
            Self::Interrupted => exit_code::INTERRUPTED,
            Self::OutputClosed => exit_code::DONE,
        }
    }
}

/// Why a command did not do its work. Messages are lower-case fragments with names in backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError {
    pub(crate) kind: ErrorKind,
    /// What failed, in a lower-case fragment.
    pub(crate) message: String,
    /// The causes, outermost first.
    pub(crate) causes: Vec<String>,
    /// What to do next.
    pub(crate) hints: Vec<Hint>,
    /// The request that a router refused, by which its log can be searched.
    pub(crate) request_id: Option<String>,
    /// What kind of failure it was, if AWS or a store failed: what to do about it depends on the
    /// environment, and is added where that is known.
    pub(crate) service: Option<AwsErrorKind>,
}

impl CliError {
    /// An error of a kind.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            request_id: None,
            service: None,
        }
    }

    /// It was tried and failed: exit code 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// The command line is not valid: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Something has to be set up first: exit code 3.
    pub(crate) fn not_ready(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotReady, message)
    }

    /// Credentials or permission: exit code 4.
    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// The person interrupted it: exit code 130.
    pub(crate) fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "interrupted")
    }

    /// A call to AWS failed: what it was for, and why.
    pub(crate) fn aws(what: impl Into<String>, error: &AwsError) -> Self {
        Self {
            causes: vec![error.to_string()],
            service: Some(error.kind),
            ..Self::new(ErrorKind::of_service(error.kind), what)
        }
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a command of this program that helps: what is typed after `t3nets`, and what it does.
    pub(crate) fn hint_command(self, words: impl Into<String>, purpose: &str) -> Self {
        self.hint(Hint::command(words, purpose))
    }

    /// Adds why: the error and what caused it in turn.
    pub(crate) fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors repeat their source's text in their own.
            if !self.causes.last().is_some_and(|last| last.contains(&text)) {
                self.causes.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// Writing the result failed.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::new(ErrorKind::OutputClosed, "the output was closed")
        } else {
            Self::failed("cannot write the output").caused_by(error)
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let service = match &error {
            StoreError::Unauthenticated(_) => Some(AwsErrorKind::Credentials),
            StoreError::Denied(_) => Some(AwsErrorKind::Permission),
            StoreError::Misconfigured(_) => Some(AwsErrorKind::Configuration),
            StoreError::Throttled => Some(AwsErrorKind::Throttled),
            StoreError::Unavailable(_) => Some(AwsErrorKind::Unreachable),
            StoreError::Corrupt { .. } | StoreError::InvalidCursor => Some(AwsErrorKind::Internal),
            StoreError::AlreadyExists(_)
            | StoreError::NotFound(_)
            | StoreError::Changed(_)
            | StoreError::Taken(_)
            | StoreError::Reserved { .. }
            | StoreError::TooLarge(_) => None,
        };
        let kind = service.map_or(ErrorKind::Failed, ErrorKind::of_service);
        let described = Self {
            service,
            ..Self::new(kind, error.to_string())
        };
        match error {
            StoreError::Changed(_) => described.hint("run the command again"),
            _ => described,
        }
    }
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let described = match error {
            AdminError::Store(error) => Self::from(error),
            AdminError::Invalid { .. } => Self::usage(error.to_string()),
            AdminError::NotFound(ref what) => {
                let described = Self::failed(error.to_string());
                match what {
                    Record::Tenant(_) => described.hint_command("tenant list", "lists the tenants"),
                    Record::User { .. } => {
                        described.hint_command("tenant users", "lists the users")
                    }
                    Record::Key { .. } => described.hint_command("key list", "lists the keys"),
                    Record::Secret(_) => described.hint_command("secret list", "lists the secrets"),
                    Record::Memory { .. }
                    | Record::Channel { .. }
                    | Record::Conversation(_)
                    | Record::Reservation(_)
                    | Record::AuditEntry(_) => described,
                }
            }
            AdminError::AlreadyExists(_)
            | AdminError::Changed { .. }
            | AdminError::Refused { .. }
            | AdminError::Randomness(_) => Self::failed(error.to_string()),
        };
        match hint {
            Some(hint) if described.hints.is_empty() => described.hint(hint),
            _ => described,
        }
    }
}

impl From<TransferError> for CliError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::File { problems, more } => {
                let mut described = Self::failed("the file cannot be imported");
                described.causes = problems.iter().map(ToString::to_string).collect();
                if more {
                    described
                        .causes
                        .push("there may be more problems".to_owned());
                }
                described.hint("nothing was changed; fix the file, or export it again")
            }
            TransferError::Read(error) => Self::failed("cannot read the file").caused_by(&error),
            TransferError::Write(error) => Self::output(&error),
            TransferError::Admin(AdminError::Store(error @ StoreError::Reserved { .. })) => {
                Self::from(error).hint("`--tenant` imports it under another id")
            }
            TransferError::Admin(error) => error.into(),
        }
    }
}

impl From<&clap::Error> for CliError {
    fn from(error: &clap::Error) -> Self {
        let rendered = error.to_string();
        let message = rendered.lines().next().unwrap_or_default();
        Self::usage(message.trim_start_matches("error: ")).hint("`--help` shows what is possible")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_a_message_already_holds_are_not_repeated() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Outer(#[source] std::io::Error);

        let error = CliError::failed("it failed").caused_by(&Outer(std::io::Error::other("inner")));
        assert_eq!(error.causes, ["outer: inner"]);
    }

    #[test]
    fn a_closed_pipe_ends_the_program_without_failure() {
        let error = CliError::output(&std::io::ErrorKind::BrokenPipe.into());
        assert_eq!(error.kind.exit_code(), exit_code::DONE);
    }
}
