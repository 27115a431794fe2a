//! Why a store could not do what it was asked.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Record, TenantId};

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What should be created exists.
    #[error("{0} already exists")]
    AlreadyExists(Record),
    /// What should be changed or removed does not exist.
    #[error("{0} does not exist")]
    NotFound(Record),
    /// Someone else changed it since it was read.
    #[error("{0} was changed by someone else in the meantime")]
    Changed(Record),
    /// It belongs to another tenant.
    #[error("{0} belongs to another tenant")]
    Taken(Record),
    /// The tenant is suspended by its operator.
    #[error("tenant `{0}` is suspended")]
    Suspended(TenantId),
    /// The id was a removed tenant's and cannot be used again yet.
    #[error("tenant `{id}` was removed; its id can be used again from {until}")]
    Reserved {
        /// The removed tenant.
        id: TenantId,
        /// From when on it can be used again.
        until: Timestamp,
    },
    /// More than a store takes at once. Holds what is too large, in words.
    #[error("{0} is too large to be stored")]
    TooLarge(String),
    /// The store limits the rate of requests, and waiting did not help.
    #[error("the store limits the rate of requests")]
    Throttled,
    /// The store cannot be reached or is broken.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[source] Failure),
    /// There is no room for what should be stored, until somebody makes some.
    #[error("the store is full: {0}")]
    Full(#[source] Failure),
    /// A table, an index, a region or the like is missing, or not as it must be.
    #[error("the store is not set up: {0}")]
    Misconfigured(#[source] Failure),
    /// There are no credentials for the store, or it does not accept them.
    #[error("the store denied access: {0}")]
    Unauthenticated(#[source] Failure),
    /// The store knows the caller and refuses the permission.
    #[error("the store denied access: {0}")]
    Denied(#[source] Failure),
    /// A page request's `after` is not where a page of this list ended.
    #[error("the page cursor does not belong to this list")]
    InvalidCursor,
    /// What is stored cannot be understood.
    #[error("{what} is stored in a form that cannot be read: {detail}")]
    Corrupt {
        /// What was read: a record, an attribute, a file.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl StoreError {
    /// Why, without saying that a store is behind it: for whoever asked the store itself.
    pub fn reason(&self) -> String {
        match self {
            Self::Unavailable(failure)
            | Self::Misconfigured(failure)
            | Self::Unauthenticated(failure)
            | Self::Denied(failure) => failure.to_string(),
            other => other.to_string(),
        }
    }

    /// Its stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyExists(_) => "already_exists",
            Self::NotFound(_) => "not_found",
            Self::Changed(_) => "changed",
            Self::Taken(_) => "taken",
            Self::Suspended(_) => "suspended",
            Self::Reserved { .. } => "reserved",
            Self::TooLarge(_) => "too_large",
            Self::Throttled => "store_throttled",
            Self::Unavailable(_) => "store_unavailable",
            Self::Full(_) => "store_full",
            Self::Misconfigured(_) => "store_misconfigured",
            Self::Unauthenticated(_) => "store_unauthenticated",
            Self::Denied(_) => "store_denied",
            Self::InvalidCursor => "invalid_cursor",
            Self::Corrupt { .. } => "corrupt",
        }
    }

    /// The store cannot be reached or is broken, and why.
    pub fn unavailable(reason: impl Into<Failure>) -> Self {
        Self::Unavailable(reason.into())
    }

    /// The store refuses the permission, and why.
    pub fn denied(reason: impl Into<Failure>) -> Self {
        Self::Denied(reason.into())
    }
}

/// A platform's reason in words, with its own error behind it where there is one. Equal if the
/// words are.
#[derive(Debug, Clone)]
pub struct Failure {
    reason: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A reason that an error of the platform is behind.
    pub fn caused_by(
        reason: impl Into<String>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            reason: reason.into(),
            source: Some(Arc::new(source)),
        }
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self {
            reason,
            source: None,
        }
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_ref()?;
        Some(source.as_ref())
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.reason == other.reason
    }
}

impl Eq for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_platform_said_stays_behind_its_reason() {
        let error = StoreError::Unavailable(Failure::caused_by(
            "the disk is full",
            std::io::Error::other("no space left on device"),
        ));
        assert_eq!(
            error.to_string(),
            "the store is unavailable: the disk is full"
        );
        let reason = error.source().unwrap();
        assert_eq!(
            reason.source().unwrap().to_string(),
            "no space left on device"
        );
        assert_eq!(error, StoreError::unavailable("the disk is full"));
    }
}
