//! Why an operation was not done.

use std::fmt;

use crate::model::Record;
use crate::ports::StoreError;
use crate::token::NoRandomness;

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What should be read or changed does not exist.
    #[error("{0} does not exist")]
    NotFound(Record),
    /// What should be created exists.
    #[error("{0} already exists")]
    AlreadyExists(Record),
    /// A value that was given is not acceptable. The value itself is not repeated: it may be a
    /// secret.
    #[error("`{field}` {reason}")]
    Invalid {
        /// The name of the setting, field or flag.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Someone else changed the same fields since the caller saw them.
    #[error("{what} was changed by someone else in the meantime: {}", listed(.fields))]
    Changed {
        /// The record that was changed.
        what: Record,
        /// The fields that both meant to change.
        fields: Vec<FieldConflict>,
    },
    /// It would do harm.
    #[error("{message}")]
    Refused {
        /// What would go wrong.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// No key can be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The store could not do it.
    #[error(transparent)]
    Store(StoreError),
}

/// A field that someone else changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// The field's stored name.
    pub field: String,
    /// What it is now.
    pub now: String,
}

impl fmt::Display for FieldConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is now {}", self.field, self.now)
    }
}

fn listed(fields: &[FieldConflict]) -> String {
    let fields: Vec<String> = fields.iter().map(FieldConflict::to_string).collect();
    fields.join(", ")
}

impl AdminError {
    /// A value that is not acceptable.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// That a credential cannot make one that would outlive it.
    pub(crate) fn would_outlive() -> Self {
        Self::Refused {
            message: "a credential that ends makes none that does not".to_owned(),
            hint: "sign in with a link or with a key that never expires".to_owned(),
        }
    }

    /// Its stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::AlreadyExists(_) => "already_exists",
            Self::Invalid { .. } => "invalid_value",
            Self::Changed { .. } => "changed",
            Self::Refused { .. } => "refused",
            Self::Randomness(_) => "no_randomness",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next, where that does not depend on who asks.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } => Some(hint),
            Self::Changed { .. } => Some("look at the current values, then decide again"),
            Self::Store(StoreError::Changed(_)) => {
                Some("others are changing it right now; try again in a moment")
            }
            Self::Store(StoreError::Taken(_)) => Some("the tenant that has it must unmap it first"),
            _ => None,
        }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound(what),
            StoreError::AlreadyExists(what) => Self::AlreadyExists(what),
            other => Self::Store(other),
        }
    }
}
