//! Signing in to an MCP server by the page: the address to go to, and what comes back.
//!
//! The user comes back to a page, the same bytes for everyone, since the cookie of a session is not
//! sent where another site led there. What stands in the address is posted by the page itself, with
//! the session and its CSRF token.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::admin::of_path;
use super::auth::{Administrator, Authenticated, KnownUser, unauthorized};
use super::error::{ApiError, Errors};
use super::extract::JsonBody;
use super::fields::{Fields, FromFields};
use super::{AppState, own_integrations, page};
use crate::admin::Admin;
use crate::admin::secrets::{CameBack, SignInError, SigningIn, Whose};
use crate::config::PUBLIC_URL_VARIABLE;
use crate::model::{IntegrationName, KeyHash, UserRole};

/// A sign-in that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignInBegun {
    /// Where the user goes.
    #[schema(value_type = String)]
    authorization_url: Url,
    /// Where they come back to: in this browser, since the session counts.
    #[schema(value_type = String)]
    redirect_uri: Url,
}

/// Begin to sign in to an MCP server
///
/// For a server that is called with each user's own token. The user goes to the address, and comes
/// back to the page, which finishes the sign-in within 10 minutes, by the same session.
#[utoipa::path(
    post,
    path = "/api/me/integrations/{name}/connect",
    tag = "session",
    params(("name" = String, Path, description = "`mcp-NAME`")),
    responses((status = 200, description = "Begun", body = SignInBegun), Errors),
    security(("key" = [])),
)]
pub(super) async fn begin(
    State(state): State<AppState>,
    user: KnownUser,
    Authenticated(admitted): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<SignInBegun>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let admin = own_integrations::writing(&state, &user, &name).await?;
    let by = admitted.by.hash().cloned();
    let signing = signing(&state, &user, by, name)?;
    begun(&state, &admin, signing, Whose::Users).await
}

/// Begin to sign in to an MCP server for the whole tenant
///
/// For a server that is called with one token for all users.
#[utoipa::path(
    post,
    path = "/api/admin/integrations/{name}/connect",
    tag = "administration",
    params(("name" = String, Path, description = "`mcp-NAME`")),
    responses((status = 200, description = "Begun", body = SignInBegun), Errors),
    security(("key" = [])),
)]
pub(super) async fn begin_for_all(
    State(state): State<AppState>,
    Administrator { admin, by, .. }: Administrator,
    user: KnownUser,
    Path(name): Path<String>,
) -> Result<Json<SignInBegun>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let signing = signing(&state, &user, by, name)?;
    begun(&state, &admin, signing, Whose::Tenants).await
}

async fn begun(
    state: &AppState,
    admin: &Admin,
    signing: SigningIn,
    whose: Whose,
) -> Result<Json<SignInBegun>, ApiError> {
    let skills = state.engine.skills();
    let authorization_url = admin.begin_sign_in(skills, &signing, whose).await?;
    Ok(Json(SignInBegun {
        authorization_url,
        redirect_uri: signing.redirect_uri,
    }))
}

/// What came back in the address.
#[derive(ToSchema)]
pub(super) struct CameBackBody {
    state: String,
    /// Absent where there was an `error`.
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

impl FromFields for CameBackBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["state", "code", "iss", "error"])?;
        let text = |name| -> Result<_, ApiError> {
            let text = fields.text(&[name])?;
            Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
        };
        Ok(Self {
            state: fields.required_text("state")?,
            code: text("code")?,
            iss: text("iss")?,
            error: text("error")?,
        })
    }
}

/// A server that was connected.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignedIn {
    #[schema(value_type = String)]
    name: IntegrationName,
    /// `user` if the token is the caller's own, `tenant` if all users share it.
    credentials: &'static str,
}

/// Finish signing in to an MCP server
///
/// With what came back in the address, once.
#[utoipa::path(
    post,
    path = "/api/me/integrations/{name}/connected",
    tag = "session",
    params(("name" = String, Path, description = "`mcp-NAME`, as in the address")),
    request_body = CameBackBody,
    responses((status = 200, description = "Connected", body = SignedIn), Errors),
    security(("key" = [])),
)]
pub(super) async fn finish(
    State(state): State<AppState>,
    user: KnownUser,
    Authenticated(admitted): Authenticated,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<CameBackBody>,
) -> Result<Json<SignedIn>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let by = admitted.by.hash().cloned();
    let signing = signing(&state, &user, by, name.clone())?;
    let back = CameBack {
        state: body.state,
        code: body.code,
        issuer: body.iss,
        error: body.error,
    };
    let is_admin = user.caller.role == UserRole::Admin;
    let may_administer = state.admin_api && is_admin;
    let whose = own_integrations::operations(&state, &user)
        .finish_sign_in(state.engine.skills(), &signing, &back, may_administer)
        .await?;
    Ok(Json(SignedIn {
        name,
        credentials: match whose {
            Whose::Users => "user",
            Whose::Tenants => "tenant",
        },
    }))
}

/// Where users come back to: the page, whoever they are.
pub(super) async fn callback(headers: HeaderMap) -> Result<Response, ApiError> {
    page::dashboard(headers).await
}

fn signing(
    state: &AppState,
    user: &KnownUser,
    by: Option<KeyHash>,
    integration: IntegrationName,
) -> Result<SigningIn, ApiError> {
    let public_url = state.engine.skills().public_url().ok_or_else(|| {
        ApiError::new(
            StatusCode::CONFLICT,
            "no_public_url",
            "this router does not know its own address, to which a sign-in would come back",
        )
        .hint(format!(
            "the operator sets `{PUBLIC_URL_VARIABLE}`, `public_url` for infra/aws"
        ))
    })?;
    Ok(SigningIn {
        tenant: user.caller.tenant.id.clone(),
        user: user.user_id.clone(),
        session: by.ok_or_else(|| unauthorized("this needs a user"))?,
        redirect_uri: public_url.redirect_uri(&integration),
        integration,
    })
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        let message = error.to_string();
        let (code, hint) = match error {
            SignInError::Admin(error) => return error.into(),
            SignInError::Server(error) => return Self::of_skill("mcp", error),
            SignInError::Refused { .. } => ("sign_in_refused", "connect again, and allow it there"),
            SignInError::Unknown => ("sign_in_unknown", "connect again"),
            SignInError::Mismatch(_) => (
                "sign_in_mismatch",
                "connect again; if that does not help, ask your administrator about this server",
            ),
        };
        Self::new(StatusCode::CONFLICT, code, message).hint(hint)
    }
}
