//! The one error type of the program: what failed, why, what to do next, and with which code the
//! program ends.

use std::error::Error;
use std::fmt;

use t3nets_router::admin::AdminError;
use t3nets_router::admin::transfer::TransferError;
use t3nets_router::aws::{AwsError, AwsErrorKind};
use t3nets_router::errors::chain;
use t3nets_router::model::{Record, TenantId};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// Its name for programs, where nothing says more about the failure.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotReady => "not_ready",
            Self::Denied => "denied",
            Self::TimedOut => "timed_out",
            Self::RolledBack => "rolled_back",
            Self::NotRolledBack => "not_rolled_back",
            Self::Interrupted => "interrupted",
            Self::OutputClosed => "output_closed",
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

/// What caused an error, whole: whoever shows it walks through its sources.
type Source = Box<dyn Error + Send + Sync>;

/// Why a command did not do its work. Messages are lower-case fragments with names in backticks.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) kind: ErrorKind,
    /// What failed, in a lower-case fragment.
    pub(crate) message: String,
    /// The error behind it.
    source: Option<Source>,
    /// More about why that no error holds: a task's last lines, the problems of a file.
    details: Vec<String>,
    /// What to do next.
    pub(crate) hints: Vec<Hint>,
    /// The name of this failure for programs, where it says more than the kind does.
    code: Option<&'static str>,
}

/// What a router said instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RouterRefusal {
    /// Its stable name, of the HTTP API.
    pub(crate) code: String,
    pub(crate) message: String,
    /// The request, by which the router's log can be searched.
    pub(crate) request_id: Option<String>,
}

impl CliError {
    /// An error of a kind.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            details: Vec::new(),
            hints: Vec::new(),
            code: None,
        }
    }

    /// An error that says itself what failed.
    pub(crate) fn of(kind: ErrorKind, error: impl Error + Send + Sync + 'static) -> Self {
        Self::new(kind, error.to_string()).caused_by(error)
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
    pub(crate) fn aws(what: impl Into<String>, error: AwsError) -> Self {
        Self::new(ErrorKind::of_service(error.kind), what).caused_by(error)
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what to do next.
    pub(crate) fn hints(mut self, hints: impl IntoIterator<Item = Hint>) -> Self {
        self.hints.extend(hints);
        self
    }

    /// Adds a command of this program that helps: what is typed after `t3nets`, and what it does.
    pub(crate) fn hint_command(self, words: impl Into<String>, purpose: &str) -> Self {
        self.hint(Hint::command(words, purpose))
    }

    /// Adds why: the error behind it.
    pub(crate) fn caused_by(mut self, error: impl Into<Source>) -> Self {
        self.source = Some(error.into());
        self
    }

    /// Adds more about why, which is shown after the causes.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// Names this failure for programs, more closely than its kind does.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The failure's stable name for programs.
    pub(crate) fn stable_code(&self) -> &str {
        let refusal = || Some(self.refusal()?.code.as_str()).filter(|code| !code.is_empty());
        let service = || self.service().map(service_code);
        let closer = self.code.or_else(refusal).or_else(service);
        closer.unwrap_or_else(|| self.kind.code())
    }

    /// The request that a router refused.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.refusal()?.request_id.as_deref()
    }

    fn refusal(&self) -> Option<&RouterRefusal> {
        self.source.as_deref()?.downcast_ref()
    }

    /// Why, outermost first: the causes and the details.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let source = self
            .source
            .as_deref()
            .map(|error| error as &(dyn Error + 'static));
        for text in source.into_iter().flat_map(chain).map(ToString::to_string) {
            // Many errors repeat their source's text in their own.
            if !causes.last().unwrap_or(&self.message).contains(&text) {
                causes.push(text);
            }
        }
        causes.extend(self.details.iter().cloned());
        causes
    }

    /// What failed and why, in one line.
    pub(crate) fn in_one_line(&self) -> String {
        let mut line = vec![self.message.clone()];
        line.extend(self.causes());
        line.join(": ")
    }

    /// Why in one line: of a store's failure the reason alone.
    pub(crate) fn reason(&self) -> String {
        let store = self
            .source
            .as_deref()
            .and_then(|error| error.downcast_ref());
        store.map_or_else(|| self.in_one_line(), StoreError::reason)
    }

    /// What kind of failure it was, if AWS or a store failed: what to do about it depends on the
    /// environment, and is added where that is known.
    pub(crate) fn service(&self) -> Option<AwsErrorKind> {
        let source = self.source.as_deref()? as &(dyn Error + 'static);
        chain(source).find_map(|error| {
            let of_store = || error.downcast_ref().and_then(kind_of_store);
            error
                .downcast_ref()
                .map(|error: &AwsError| error.kind)
                .or_else(of_store)
        })
    }

    /// Which of AWS's services failed, if one did: `ecs`.
    pub(crate) fn aws_service(&self) -> Option<&'static str> {
        let source = self.source.as_deref()? as &(dyn Error + 'static);
        let mut errors = chain(source);
        errors.find_map(|error| Some(error.downcast_ref::<AwsError>()?.service))
    }

    /// Writing the result failed.
    pub(crate) fn output(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::new(ErrorKind::OutputClosed, "the output was closed")
        } else {
            Self::failed("cannot write the output").caused_by(error)
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|error| error as &(dyn Error + 'static))
    }
}

/// The name for programs of a call to AWS that failed.
fn service_code(kind: AwsErrorKind) -> &'static str {
    match kind {
        AwsErrorKind::Throttled => "aws_throttled",
        AwsErrorKind::Unreachable => "aws_unreachable",
        AwsErrorKind::Credentials => "aws_credentials",
        AwsErrorKind::Permission => "aws_access_denied",
        AwsErrorKind::Configuration => "aws_misconfigured",
        AwsErrorKind::NotFound => "aws_not_found",
        AwsErrorKind::Rejected => "aws_rejected",
        AwsErrorKind::Internal => "aws_internal",
    }
}

/// The kind of a store's failure, as it is AWS's. None where the store did its work, and the answer
/// is no.
fn kind_of_store(error: &StoreError) -> Option<AwsErrorKind> {
    match error {
        StoreError::Unauthenticated(_) => Some(AwsErrorKind::Credentials),
        StoreError::Denied(_) => Some(AwsErrorKind::Permission),
        StoreError::Misconfigured(_) => Some(AwsErrorKind::Configuration),
        StoreError::Throttled => Some(AwsErrorKind::Throttled),
        StoreError::Unavailable(_) => Some(AwsErrorKind::Unreachable),
        StoreError::Corrupt { .. } | StoreError::InvalidCursor => Some(AwsErrorKind::Internal),
        StoreError::Full(_) => Some(AwsErrorKind::Configuration),
        StoreError::AlreadyExists(_)
        | StoreError::NotFound(_)
        | StoreError::Changed(_)
        | StoreError::Taken(_)
        | StoreError::Suspended(_)
        | StoreError::Reserved { .. }
        | StoreError::TooLarge(_) => None,
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let kind = kind_of_store(&error).map_or(ErrorKind::Failed, ErrorKind::of_service);
        let hint = match &error {
            StoreError::Changed(_) => Some("run the command again".into()),
            StoreError::Reserved { id, .. } => Some(free_id(id)),
            StoreError::Full(_) => {
                Some("free space on the disk, or choose another T3NETS_HOME".into())
            }
            _ => None,
        };
        let code = error.code();
        let mut described = Self::of(kind, error).code(code);
        described.hints.extend(hint);
        described
    }
}

/// What lets the id of a removed tenant be used again.
pub(crate) fn free_id(id: &TenantId) -> Hint {
    Hint::command(format!("tenant remove {id} --purge"), "frees the id")
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let code = error.code();
        let described = match error {
            AdminError::Store(error) => Self::from(error),
            AdminError::Invalid { .. } => Self::of(ErrorKind::Usage, error),
            AdminError::NotFound(ref what) => {
                let list = match what {
                    Record::Tenant(_) => Some(Hint::command("tenant list", "lists the tenants")),
                    Record::User { .. } => Some(Hint::command("tenant users", "lists the users")),
                    Record::Key { .. } => Some(Hint::command("key list", "lists the keys")),
                    Record::Secret(_) => Some(Hint::command("secret list", "lists the secrets")),
                    Record::Memory { .. }
                    | Record::Channel { .. }
                    | Record::Conversation(_)
                    | Record::Turn(_)
                    | Record::Reservation(_)
                    | Record::AuditEntry(_) => None,
                };
                let mut described = Self::of(ErrorKind::Failed, error);
                described.hints.extend(list);
                described
            }
            AdminError::AlreadyExists(_)
            | AdminError::Changed { .. }
            | AdminError::Refused { .. }
            | AdminError::Randomness(_) => Self::of(ErrorKind::Failed, error),
        };
        let described = described.code(code);
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
                let mut described =
                    Self::failed("the file cannot be imported").code("invalid_file");
                described.details = problems.iter().map(ToString::to_string).collect();
                if more {
                    described = described.detail("there may be more problems");
                }
                described.hint("nothing was changed; fix the file, or export it again")
            }
            TransferError::Read(error) => Self::failed("cannot read the file").caused_by(error),
            TransferError::Write(error) => Self::output(error),
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

        let error = CliError::failed("it failed").caused_by(Outer(std::io::Error::other("inner")));
        assert_eq!(error.causes(), ["outer: inner"]);
    }

    #[test]
    fn a_closed_pipe_ends_the_program_without_failure() {
        let error = CliError::output(std::io::ErrorKind::BrokenPipe.into());
        assert_eq!(error.kind.exit_code(), exit_code::DONE);
    }
}
