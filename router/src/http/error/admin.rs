//! What an operation of the administration reports, as callers get it.

use axum::http::StatusCode;

use super::{ApiError, Cause};
use crate::admin::AdminError;
use crate::ports::StoreError;

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        let status = match &error {
            AdminError::NotFound(_) => StatusCode::NOT_FOUND,
            AdminError::Invalid { .. } => StatusCode::BAD_REQUEST,
            AdminError::AlreadyExists(_)
            | AdminError::Changed { .. }
            | AdminError::Refused { .. }
            | AdminError::Store(
                StoreError::Changed(_) | StoreError::Taken(_) | StoreError::Reserved { .. },
            ) => StatusCode::CONFLICT,
            AdminError::Randomness(error) => {
                return Self::internal(Cause::NoRandomness(error.clone()));
            }
            AdminError::Store(error @ StoreError::Denied(_)) => {
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "router_not_permitted",
                    "the router's AWS role does not allow this",
                )
                .hint("the operator can allow it: `admin_api = true` for infra/aws, then `t3nets infra apply`")
                .caused_by(Cause::Store(error.clone()));
            }
            AdminError::Store(error) => return error.clone().into(),
        };
        let api = Self::new(status, error.code(), error.to_string());
        let api = match error.hint() {
            Some(hint) => api.hint(hint),
            None => api,
        };
        match error {
            AdminError::Invalid { field, .. } => api.about_field(field),
            _ => api,
        }
    }
}
