//! What the tenant used: `/api/admin/usage`.

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::admin::MAX_USAGE_DAYS;
use crate::admin::views::UsageView;
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, Errors};
use crate::http::extract::QueryString;
use crate::http::fields::{Fields, FromFields};

const DEFAULT_DAYS: u32 = 30;

/// The days to return.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct UsageQuery {
    /// The number of days, ending today (UTC): 1 to 366, 30 if absent.
    #[param(minimum = 1, maximum = 366)]
    days: Option<u32>,
}

impl FromFields for UsageQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        let days = fields.number("days", 1..=MAX_USAGE_DAYS as usize)?;
        Ok(Self {
            days: days.and_then(|days| u32::try_from(days).ok()),
        })
    }
}

/// What the tenant used.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Usage {
    tenant_id: String,
    #[serde(flatten)]
    usage: UsageView,
}

/// Show usage by day
#[utoipa::path(
    get,
    path = "/api/admin/usage",
    tag = "administration",
    params(UsageQuery),
    responses(
        (status = 200, description = "The days on which something was used, oldest first", body = Usage),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn show(
    Administrator { admin, tenant, .. }: Administrator,
    QueryString(query): QueryString<UsageQuery>,
) -> Result<Json<Usage>, ApiError> {
    let days = query.days.unwrap_or(DEFAULT_DAYS);
    let days = admin.usage(&tenant.id, days).await?;
    Ok(Json(Usage {
        tenant_id: tenant.id.to_string(),
        usage: UsageView::new(&days),
    }))
}
