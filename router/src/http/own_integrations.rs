//! The caller's own tokens for the tenant's MCP servers: `/api/me/integrations`. No answer has one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use super::admin::integrations::{Tested, tested, try_out};
use super::admin::of_path;
use super::auth::KnownUser;
use super::error::{ApiError, ErrorBody, Errors};
use super::extract::JsonBody;
use super::fields::{Fields, FromFields};
use crate::admin::Admin;
use crate::admin::secrets::OwnIntegration;
use crate::model::{IntegrationName, SecretName};

/// The servers that are used with each user's own token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwnIntegrations {
    integrations: Vec<OwnIntegrationView>,
}

/// A server, and whether the caller has a token for it.
#[derive(Debug, Serialize, ToSchema)]
struct OwnIntegrationView {
    #[schema(value_type = String)]
    name: IntegrationName,
    /// Its scheme, host and port.
    server: Option<String>,
    /// Whether there is a token that it is called with.
    connected: bool,
    /// When the token last changed; `null` if there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
    /// Whether the token came of a sign-in at the server, and was not entered.
    signed_in: bool,
    /// Since when one has to sign in again; `null` if one need not.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

impl From<OwnIntegration> for OwnIntegrationView {
    fn from(own: OwnIntegration) -> Self {
        Self {
            name: own.integration,
            server: own.server,
            connected: own.stored.is_some() && own.ended_at.is_none(),
            signed_in: own.is_signed_in,
            ended_at: own.ended_at,
            updated_at: own.stored.map(|secret| secret.updated_at),
        }
    }
}

/// A token.
#[derive(Debug, ToSchema)]
pub(super) struct TokenBody {
    #[schema(value_type = String)]
    token: String,
}

impl FromFields for TokenBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["token"])?;
        Ok(Self {
            token: fields.required_text("token")?,
        })
    }
}

/// List the servers that are used with the caller's own token
#[utoipa::path(
    get,
    path = "/api/me/integrations",
    tag = "session",
    responses((status = 200, description = "The servers", body = OwnIntegrations), Errors),
    security(("key" = [])),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    user: KnownUser,
) -> Result<Json<OwnIntegrations>, ApiError> {
    listed(&operations(&state, &user), &user).await
}

/// Store the caller's own token for a server
#[utoipa::path(
    put,
    path = "/api/me/integrations/{name}",
    tag = "session",
    params(("name" = String, Path, description = "`mcp-NAME`")),
    request_body = TokenBody,
    responses((status = 200, description = "Stored", body = OwnIntegrations), Errors),
    security(("key" = [])),
)]
pub(super) async fn put(
    State(state): State<AppState>,
    user: KnownUser,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<TokenBody>,
) -> Result<Json<OwnIntegrations>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let admin = writing(&state, &user, &name).await?;
    admin
        .set_own_token(&user.caller.tenant.id, &user.user_id, &name, &body.token)
        .await?;
    listed(&admin, &user).await
}

/// Delete the caller's own token for a server, for good
#[utoipa::path(
    delete,
    path = "/api/me/integrations/{name}",
    tag = "session",
    params(("name" = String, Path, description = "`mcp-NAME`")),
    responses((status = 200, description = "Deleted", body = OwnIntegrations), Errors),
    security(("key" = [])),
)]
pub(super) async fn remove(
    State(state): State<AppState>,
    user: KnownUser,
    Path(name): Path<String>,
) -> Result<Json<OwnIntegrations>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let admin = writing(&state, &user, &name).await?;
    admin
        .remove_own_token(&user.caller.tenant.id, &user.user_id, &name)
        .await?;
    listed(&admin, &user).await
}

/// Test the caller's own token for a server
#[utoipa::path(
    post,
    path = "/api/me/integrations/{name}/test",
    tag = "session",
    params(("name" = String, Path, description = "`mcp-NAME`")),
    responses(
        (status = 200, description = "It works", body = Tested),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "It does not work, or the test failed", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn test(
    State(state): State<AppState>,
    user: KnownUser,
    Path(name): Path<String>,
) -> Result<Json<Tested>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let tenant = &user.caller.tenant;
    let secret = SecretName {
        tenant_id: tenant.id.clone(),
        integration: name.clone(),
        user_id: Some(user.user_id.clone()),
    };
    let trying = async {
        let admin = operations(&state, &user);
        let credentials = admin.credentials_to_try(state.engine.skills(), &secret);
        try_out(&state, tenant, &name, &credentials.await?).await
    };
    tested(&state, &name, trying).await.map(Json)
}

async fn listed(admin: &Admin, user: &KnownUser) -> Result<Json<OwnIntegrations>, ApiError> {
    let own = admin.own_integrations(&user.caller.tenant.id, &user.user_id);
    let integrations = own
        .await?
        .into_iter()
        .map(OwnIntegrationView::from)
        .collect();
    Ok(Json(OwnIntegrations { integrations }))
}

pub(super) fn operations(state: &AppState, user: &KnownUser) -> Admin {
    Admin::new(state.platform.clone(), format!("user:{}", user.user_id))
}

/// The same where the router may write secrets at all.
pub(super) async fn writing(
    state: &AppState,
    user: &KnownUser,
    name: &IntegrationName,
) -> Result<Admin, ApiError> {
    let admin = operations(state, user);
    if state.admin_api {
        return Ok(admin);
    }
    let own = admin.own_integrations(&user.caller.tenant.id, &user.user_id);
    match own.await?.iter().any(|own| own.integration == *name) {
        // A name that does not exist gets the same error as everywhere.
        false => Ok(admin),
        true => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "admin_api_off",
            "the router may not store credentials in this environment",
        )
        .hint(format!(
            "an operator stores yours by `t3nets secret set {name} --user {}`, or sets `admin_api = true` for infra/aws",
            user.user_id
        ))),
    }
}
