//! What an admin of a tenant does without the operator: `/api/admin/…`, each by the operation of
//! [`crate::admin`] that the CLI calls, and in the audit trail under the admin's name. The tenant
//! is always the credential's.

pub(super) mod audit;
pub(super) mod channels;
pub(super) mod health;
pub(super) mod integrations;
pub(super) mod keys;
pub(super) mod usage;
pub(super) mod users;

use std::fmt::Display;
use std::str::FromStr;

use super::error::ApiError;

/// A part of the path.
///
/// # Errors
/// If it is not what has to stand there: then there is nothing of that name.
fn of_path<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|error| ApiError::invalid(format!("`{what}` in the path cannot be used: {error}")))
}
