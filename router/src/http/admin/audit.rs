//! Who changed what in the tenant: `/api/admin/audit`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::views::AuditView;
use crate::http::AppState;
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, Errors};
use crate::http::extract::QueryString;
use crate::http::paging::PageQuery;

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Trail {
    /// The changes, newest first.
    entries: Vec<AuditView>,
    /// Send it as `after` for older ones; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// List changes, newest first
#[utoipa::path(
    get,
    path = "/api/admin/audit",
    tag = "administration",
    params(PageQuery),
    responses(
        (status = 200, description = "The changes", body = Trail),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    Administrator { tenant, .. }: Administrator,
    QueryString(page): QueryString<PageQuery>,
) -> Result<Json<Trail>, ApiError> {
    let store = &state.platform.tenants;
    let found = store.audit_trail(&tenant.id, page.into()).await?;
    Ok(Json(Trail {
        entries: found.items.into_iter().map(AuditView::from).collect(),
        next: found.next,
    }))
}
