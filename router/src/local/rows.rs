//! Reading columns into validated types, and SQLite's errors as a store's.

use std::fmt::Display;
use std::str::FromStr;

use rusqlite::{ErrorCode, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{Failure, StoreError};

/// A text column whose type checks what it reads.
pub(super) fn parsed<T>(row: &Row<'_>, column: &str) -> Result<T, StoreError>
where
    T: FromStr<Err: Display>,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| corrupt(column, &error))
}

/// A text column that may be empty (NULL).
pub(super) fn parsed_if_set<T>(row: &Row<'_>, column: &str) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: Display>,
{
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error| corrupt(column, &error)))
        .transpose()
}

/// A column of JSON text.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| corrupt(column, &error))
}

/// JSON text for a column.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| corrupt("json", &error))
}

/// A counter. SQLite's integers are signed, so a counter ends at `i64::MAX`.
pub(super) fn counter(row: &Row<'_>, column: &str) -> Result<u64, StoreError> {
    let stored: i64 = row.get(column)?;
    u64::try_from(stored).map_err(|error| corrupt(column, &error))
}

/// A counter for a column: the largest one where it does not fit.
pub(super) fn to_column(counter: u64) -> i64 {
    i64::try_from(counter).unwrap_or(i64::MAX)
}

/// A number of rows for a `LIMIT`.
pub(super) fn to_limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn corrupt(column: &str, error: &impl Display) -> StoreError {
    StoreError::Corrupt {
        what: format!("column `{column}`"),
        detail: error.to_string(),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match &error {
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Corrupt {
                what: "a database row".to_owned(),
                detail: error.to_string(),
            },
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Unavailable(
                    Failure::caused_by("another program keeps the database locked", error),
                ),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt {
                    what: "the database".to_owned(),
                    detail: error.to_string(),
                },
                Some(ErrorCode::DiskFull) => {
                    Self::Full(Failure::caused_by("the disk is full", error))
                }
                Some(ErrorCode::TooBig) => Self::TooLarge("a database row".to_owned()),
                _ => Self::Unavailable(Failure::caused_by(
                    format!("database error: {error}"),
                    error,
                )),
            },
        }
    }
}
