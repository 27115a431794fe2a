//! One check of `t3nets doctor`: what it found, and what to do about it.

use serde::Serialize;
use t3nets_router::aws::{AwsError, AwsErrorKind};

use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Printer;

/// A check as results show it. The names of fields are an interface: programs read the JSON.
#[derive(Debug, Serialize)]
pub(super) struct CheckView {
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) detail: String,
    pub(super) remedy: Remedy,
}

/// What to do about a check that failed, or to make it better.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Remedy(Vec<Hint>);

#[cfg(test)]
impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hints: Vec<String> = self.0.iter().map(Hint::to_string).collect();
        f.write_str(&hints.join("; "))
    }
}

impl<H: Into<Hint>> From<H> for Remedy {
    fn from(hint: H) -> Self {
        Self(vec![hint.into()])
    }
}

impl From<Vec<Hint>> for Remedy {
    fn from(hints: Vec<Hint>) -> Self {
        Self(hints)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// It works, but not as it could.
    Warning,
    /// It cannot be told from here.
    Skipped,
    Failed,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Ok,
            detail: detail.into(),
            remedy: Remedy::default(),
        }
    }

    pub(super) fn warning(
        name: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<Remedy>,
    ) -> Self {
        Self {
            name,
            status: Status::Warning,
            detail: detail.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self {
            status: Status::Skipped,
            ..Self::ok(name, why)
        }
    }

    pub(super) fn failed(
        name: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<Remedy>,
    ) -> Self {
        Self {
            status: Status::Failed,
            ..Self::warning(name, detail, remedy)
        }
    }

    /// An error as a check. What it hints at is the better remedy.
    pub(super) fn of_error(name: &'static str, error: CliError, remedy: &str) -> Self {
        let why = error.reason();
        match error.hints.is_empty() {
            true => Self::failed(name, why, remedy),
            false => Self::failed(name, why, error.hints),
        }
    }

    /// A call to AWS that failed. `remedy` creates what is missing.
    pub(super) fn refused(
        name: &'static str,
        what: &str,
        error: &AwsError,
        remedy: impl Into<Remedy>,
    ) -> Self {
        let remedy = match error.kind {
            AwsErrorKind::Permission => {
                "have this permission granted, or use other credentials".into()
            }
            AwsErrorKind::Credentials => "see the check `account`".into(),
            AwsErrorKind::Configuration | AwsErrorKind::NotFound => remedy.into(),
            AwsErrorKind::Throttled
            | AwsErrorKind::Unreachable
            | AwsErrorKind::Rejected
            | AwsErrorKind::Internal => "check the network and the region, and run it again".into(),
        };
        Self::failed(name, format!("{what}: {error}"), remedy)
    }

    /// As results show it.
    pub(super) fn view(self, printer: &Printer) -> CheckView {
        let remedies = self.remedy.0.iter().map(|hint| printer.render(hint));
        let remedy = remedies.collect::<Vec<_>>().join("; ");
        CheckView {
            name: self.name,
            status: self.status,
            detail: self.detail,
            remedy: Some(remedy).filter(|remedy| !remedy.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use t3nets_router::admin::AdminError;
    use t3nets_router::ports::StoreError;

    use super::*;

    #[test]
    fn a_stores_failure_is_told_by_its_reason_alone() {
        let reason = "AWS cannot be reached: connection refused";
        for error in [
            StoreError::unavailable(reason),
            StoreError::Misconfigured(reason.into()),
            StoreError::denied(reason),
        ] {
            let check = Check::of_error("tenant", AdminError::Store(error).into(), "look above");
            assert_eq!(check.detail, reason);
        }
    }
}
