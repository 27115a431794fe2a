//! The part of a list that a request wants.

use utoipa::IntoParams;

use super::error::ApiError;
use super::fields::{Fields, FromFields};
use crate::ports::PageRequest;

const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 200;

/// The page to return.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The most items to return: 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next` of the page before; nothing else is accepted.
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
}

impl FromFields for PageQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        let after = match fields.text(&["after"])? {
            Some("") => {
                return Err(ApiError::invalid(
                    "`after` is empty; leave it out for the first page",
                ));
            }
            after => after.map(str::to_owned),
        };
        Ok(Self {
            limit: fields.number("limit", 1..=MAX_PAGE)?,
            after,
        })
    }
}

impl From<PageQuery> for PageRequest {
    fn from(query: PageQuery) -> Self {
        Self {
            limit: query.limit.unwrap_or(DEFAULT_PAGE),
            after: query.after,
        }
    }
}
