//! What was used: `/api/admin/usage` by the tenant, `/api/usage` by the caller.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::admin::Admin;
use crate::admin::usage::{MAX_USAGE_DAYS, OwnUsageView, UsageBy, UsageView};
use crate::http::AppState;
use crate::http::auth::{Administrator, KnownUser};
use crate::http::error::{ApiError, Errors};
use crate::http::extract::QueryString;
use crate::http::fields::{Fields, FromFields};
use crate::http::settings::Limits;

const DEFAULT_DAYS: u32 = 30;

fn days(fields: &Fields) -> Result<u32, ApiError> {
    let days = fields.number("days", 1..=MAX_USAGE_DAYS as usize)?;
    Ok(days
        .and_then(|days| u32::try_from(days).ok())
        .unwrap_or(DEFAULT_DAYS))
}

/// The days to return, and how.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct UsageQuery {
    /// The number of days, ending today (UTC): 1 to 366, 30 if absent.
    #[param(minimum = 1, maximum = 366, required = false)]
    days: u32,
    /// What to group by besides: `user`, `key`, `model` or `route`.
    #[param(inline)]
    by: Option<UsageBy>,
}

impl FromFields for UsageQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        Ok(Self {
            days: days(fields)?,
            by: fields.id(&["by"])?,
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
///
/// With `by` also by user, key, model or route. What the days have and no group does (turns under
/// way, a router of an earlier release beside this one) is a group of its own, `not_attributed`. A
/// day runs in UTC.
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
    Ok(Json(Usage {
        tenant_id: tenant.id.to_string(),
        usage: admin.usage(&tenant.id, query.days, query.by).await?,
    }))
}

/// The days to return.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct OwnUsageQuery {
    /// The number of days, ending today (UTC): 1 to 366, 30 if absent.
    #[param(minimum = 1, maximum = 366, required = false)]
    days: u32,
}

impl FromFields for OwnUsageQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        Ok(Self {
            days: days(fields)?,
        })
    }
}

/// What the caller used.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OwnUsage {
    user_id: String,
    #[serde(flatten)]
    usage: OwnUsageView,
    /// The tenant's limits, which all its users share.
    limits: Limits,
}

/// Show the caller's own usage by day, and the limits
///
/// A day runs in UTC.
#[utoipa::path(
    get,
    path = "/api/usage",
    tag = "settings",
    params(OwnUsageQuery),
    responses(
        (status = 200, description = "The days on which the caller used something, oldest first", body = OwnUsage),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn own(
    State(state): State<AppState>,
    KnownUser {
        caller, user_id, ..
    }: KnownUser,
    QueryString(query): QueryString<OwnUsageQuery>,
) -> Result<Json<OwnUsage>, ApiError> {
    let admin = Admin::new(state.platform.clone(), format!("user:{user_id}"));
    let usage = async {
        match &caller.user {
            Some(user) => Ok::<_, ApiError>(admin.usage_of(user, query.days).await?),
            None => Ok(OwnUsageView::new(&[])),
        }
    };
    let limits = Limits::of_now(&state, &caller.tenant, &caller);
    let (usage, limits) = futures::try_join!(usage, limits)?;
    Ok(Json(OwnUsage {
        user_id: user_id.into(),
        usage,
        limits,
    }))
}
