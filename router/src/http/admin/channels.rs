//! The channels on which the tenant answers: `/api/admin/channels`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::of_path;
use crate::admin::views::ChannelView;
use crate::http::AppState;
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, Errors};
use crate::http::extract::{JsonBody, QueryString};
use crate::http::fields::{Fields, FromFields};
use crate::http::paging::PageQuery;
use crate::model::{ChannelId, ChannelKind};

/// A page of the tenant's channels.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Channels {
    channels: Vec<ChannelView>,
    /// Send it as `after` for more; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// List channels
#[utoipa::path(
    get,
    path = "/api/admin/channels",
    tag = "administration",
    params(PageQuery),
    responses(
        (status = 200, description = "The channels", body = Channels),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    Administrator { tenant, .. }: Administrator,
    QueryString(page): QueryString<PageQuery>,
) -> Result<Json<Channels>, ApiError> {
    let store = &state.platform.tenants;
    let found = store.channels(&tenant.id, page.into()).await?;
    Ok(Json(Channels {
        channels: found.items.into_iter().map(ChannelView::from).collect(),
        next: found.next,
    }))
}

/// A channel to be mapped.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct ChannelBody {
    /// `slack`, `teams` or `telegram`.
    #[schema(value_type = String)]
    channel_type: ChannelKind,
    /// What the outside system calls it.
    #[schema(value_type = String)]
    channel_id: ChannelId,
}

impl FromFields for ChannelBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["channel_type", "channel_id"])?;
        let missing = |name: &str| ApiError::invalid(format!("`{name}` is missing"));
        Ok(Self {
            channel_type: fields
                .id(&["channel_type"])?
                .ok_or_else(|| missing("channel_type"))?,
            channel_id: fields
                .id(&["channel_id"])?
                .ok_or_else(|| missing("channel_id"))?,
        })
    }
}

/// Map a channel to the tenant
#[utoipa::path(
    post,
    path = "/api/admin/channels",
    tag = "administration",
    request_body = ChannelBody,
    responses(
        (status = 200, description = "It was mapped already", body = ChannelView),
        (status = 201, description = "Mapped", body = ChannelView),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn map(
    Administrator { admin, tenant, .. }: Administrator,
    JsonBody(body): JsonBody<ChannelBody>,
) -> Result<(StatusCode, Json<ChannelView>), ApiError> {
    let is_new = admin
        .map_channel(&tenant.id, body.channel_type, &body.channel_id)
        .await?;
    let status = match is_new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((
        status,
        Json(ChannelView {
            channel_type: body.channel_type,
            channel_id: body.channel_id,
        }),
    ))
}

/// Unmap a channel
#[utoipa::path(
    delete,
    path = "/api/admin/channels/{type}/{channel_id}",
    tag = "administration",
    params(
        ("type" = String, Path, description = "`slack`, `teams` or `telegram`"),
        ("channel_id" = String, Path, description = "What the outside system calls it"),
    ),
    responses(
        (status = 200, description = "Unmapped", body = ChannelView),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn unmap(
    Administrator { admin, tenant, .. }: Administrator,
    Path((kind, channel_id)): Path<(String, String)>,
) -> Result<Json<ChannelView>, ApiError> {
    let channel_type: ChannelKind = of_path("type", &kind)?;
    let channel_id: ChannelId = of_path("channel_id", &channel_id)?;
    admin
        .unmap_channel(&tenant.id, channel_type, &channel_id)
        .await?;
    Ok(Json(ChannelView {
        channel_type,
        channel_id,
    }))
}
