//! What an admin of a tenant does without the operator: `/api/admin/…`, each by the operation of
//! [`crate::admin`] that the CLI calls, and in the audit trail under the admin's name. The tenant
//! is always the credential's.

pub(super) mod audit;
pub(super) mod channels;
pub(super) mod health;
pub(super) mod integrations;
pub(super) mod keys;
pub(super) mod triggers;
pub(super) mod usage;
pub(super) mod users;

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value;

use super::error::ApiError;
use super::fields::Fields;
use crate::admin::own_budgets::OwnBudgetEdit;
use crate::model::OwnBudgets;

/// A part of the path.
///
/// # Errors
/// If it is not what has to stand there: then there is nothing of that name.
pub(super) fn of_path<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|error| ApiError::invalid(format!("`{what}` in the path cannot be used: {error}")))
}

/// Budgets of one user or key, by name; null takes one away.
///
/// # Errors
/// If there is no such budget, or it does not accept its value.
fn own_budgets(fields: &Fields) -> Result<Vec<OwnBudgetEdit>, ApiError> {
    let budgets = fields.object("budgets")?.into_iter().flatten();
    let edits = budgets.map(|(name, value)| match value {
        Value::Null => OwnBudgetEdit::unset(name),
        value => OwnBudgetEdit::set(name, value.clone()),
    });
    edits.map(|edit| Ok(edit?)).collect()
}

/// The budgets that one user or key had where they were decided on.
///
/// # Errors
/// If it is no object.
fn budgets_seen(fields: &Fields) -> Result<Option<OwnBudgets>, ApiError> {
    let mut seen = fields.object("budgets_seen")?.cloned();
    if let Some(seen) = &mut seen {
        // What was not set may be sent as null, as it is told.
        seen.retain(|_, value| !value.is_null());
    }
    Ok(seen.map(OwnBudgets::from))
}
