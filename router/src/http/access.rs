//! Who may call which route: one table, and the layer that holds every request against it before
//! its handler sees it. A handler of a route that is not in the table finds no caller, and fails.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::auth::Admitted;
use super::cookies::has_csrf_token;
use super::error::ApiError;
use super::{AppState, session};
use crate::model::UserRole;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Everyone. Credentials are not looked at.
    Everyone,
    /// Everyone, and who gives a credential gives a valid one.
    EveryoneOrKnown,
    /// Whoever may chat: a user, or anonymous callers where a tenant takes them.
    Chat,
    /// Users.
    Users,
    /// Users whose role, and whose credential's, is `admin`.
    Admins,
}

/// Every route with who may call it.
pub const ROUTES: &[(Method, &str, Callers)] = &[
    (Method::GET, "/health", Callers::Everyone),
    (Method::GET, "/ready", Callers::Everyone),
    (Method::GET, "/openapi.json", Callers::Everyone),
    (Method::GET, "/", Callers::Everyone),
    (Method::GET, "/c/{session_id}", Callers::Everyone),
    (Method::GET, "/dashboard", Callers::Everyone),
    (Method::GET, "/setup", Callers::Everyone),
    (Method::GET, "/oauth/callback/{name}", Callers::Everyone),
    (Method::GET, "/assets/{file}", Callers::Everyone),
    (Method::GET, "/api/health", Callers::EveryoneOrKnown),
    (Method::POST, "/api/chat", Callers::Chat),
    (Method::POST, "/api/turns", Callers::Chat),
    (Method::GET, "/api/turns", Callers::Users),
    (Method::GET, "/api/turns/{turn_id}", Callers::Chat),
    (Method::DELETE, "/api/turns/{turn_id}", Callers::Chat),
    (Method::POST, "/v1/chat/completions", Callers::Chat),
    (Method::GET, "/v1/models", Callers::Chat),
    (Method::GET, "/v1/models/{model}", Callers::Chat),
    (Method::POST, "/v1/embeddings", Callers::Chat),
    (Method::POST, "/session", Callers::Everyone),
    (Method::DELETE, "/session", Callers::Everyone),
    (Method::GET, "/api/me", Callers::Chat),
    (Method::POST, "/api/me/recovery-code", Callers::Users),
    (Method::GET, "/api/me/export", Callers::Users),
    (Method::GET, "/api/me/integrations", Callers::Users),
    (Method::PUT, "/api/me/integrations/{name}", Callers::Users),
    (
        Method::DELETE,
        "/api/me/integrations/{name}",
        Callers::Users,
    ),
    (
        Method::POST,
        "/api/me/integrations/{name}/test",
        Callers::Users,
    ),
    (
        Method::POST,
        "/api/me/integrations/{name}/connect",
        Callers::Users,
    ),
    (
        Method::POST,
        "/api/me/integrations/{name}/connected",
        Callers::Users,
    ),
    (Method::GET, "/api/history", Callers::Users),
    (Method::GET, "/api/sessions", Callers::Users),
    (Method::POST, "/api/clear", Callers::Users),
    (Method::GET, "/api/usage", Callers::Users),
    (Method::GET, "/api/settings", Callers::Users),
    (Method::PUT, "/api/settings", Callers::Admins),
    (Method::GET, "/api/admin/users", Callers::Admins),
    (Method::POST, "/api/admin/users", Callers::Admins),
    (Method::PATCH, "/api/admin/users/{user_id}", Callers::Admins),
    (
        Method::DELETE,
        "/api/admin/users/{user_id}",
        Callers::Admins,
    ),
    (
        Method::POST,
        "/api/admin/users/{user_id}/invite",
        Callers::Admins,
    ),
    (
        Method::GET,
        "/api/admin/users/{user_id}/budgets",
        Callers::Admins,
    ),
    (Method::GET, "/api/admin/keys", Callers::Admins),
    (Method::POST, "/api/admin/keys", Callers::Admins),
    (Method::PATCH, "/api/admin/keys/{key}", Callers::Admins),
    (Method::DELETE, "/api/admin/keys/{key}", Callers::Admins),
    (
        Method::GET,
        "/api/admin/keys/{key}/budgets",
        Callers::Admins,
    ),
    (Method::GET, "/api/admin/triggers", Callers::Admins),
    (Method::PATCH, "/api/admin/triggers", Callers::Admins),
    (Method::GET, "/api/admin/channels", Callers::Admins),
    (Method::POST, "/api/admin/channels", Callers::Admins),
    (
        Method::DELETE,
        "/api/admin/channels/{type}/{channel_id}",
        Callers::Admins,
    ),
    (Method::GET, "/api/admin/integrations", Callers::Admins),
    (
        Method::PUT,
        "/api/admin/integrations/{name}",
        Callers::Admins,
    ),
    (
        Method::DELETE,
        "/api/admin/integrations/{name}",
        Callers::Admins,
    ),
    (
        Method::POST,
        "/api/admin/integrations/{name}/test",
        Callers::Admins,
    ),
    (
        Method::POST,
        "/api/admin/integrations/{name}/restore",
        Callers::Admins,
    ),
    (
        Method::POST,
        "/api/admin/integrations/{name}/connect",
        Callers::Admins,
    ),
    (Method::GET, "/api/admin/health", Callers::Admins),
    (Method::GET, "/api/admin/usage", Callers::Admins),
    (Method::GET, "/api/admin/audit", Callers::Admins),
];

/// Who may call a route; `None` if there is no such route.
fn callers_of(method: &Method, path: &str) -> Option<Callers> {
    // axum answers HEAD by the handler of GET.
    let method = match *method {
        Method::HEAD => &Method::GET,
        _ => method,
    };
    let found = ROUTES
        .iter()
        .find(|(of, at, _)| of == method && *at == path)?;
    Some(found.2)
}

/// Lets a request through whose caller may call its route, and leaves the caller for the
/// handler.
pub(super) async fn admit(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let path = request.extensions().get::<MatchedPath>();
    let callers = path.and_then(|path| callers_of(request.method(), path.as_str()));
    let headers = request.headers();
    let admitted = match callers {
        None | Some(Callers::Everyone) => None,
        Some(Callers::EveryoneOrKnown) => state.authenticator.known(headers).await?,
        Some(Callers::Chat) => Some(state.authenticator.caller(headers).await?),
        Some(Callers::Users) => Some(user(&state, headers).await?),
        Some(Callers::Admins) => Some(admin(&state, user(&state, headers).await?)?),
    };
    if let Some(admitted) = admitted {
        require_own_page(&state, request.method(), headers, &admitted)?;
        session::renew(&state, &admitted);
        request.extensions_mut().insert(admitted);
    }
    Ok(next.run(request).await)
}

/// What changes something by a session must come from the session's page: it has the CSRF token.
fn require_own_page(
    state: &AppState,
    method: &Method,
    headers: &HeaderMap,
    admitted: &Admitted,
) -> Result<(), ApiError> {
    if admitted.session().is_none() || method.is_safe() {
        return Ok(());
    }
    match state.cookies.session(headers) {
        Some(session) if has_csrf_token(headers, session) => Ok(()),
        _ => Err(ApiError::no_csrf_token()),
    }
}

/// The caller, who is a user.
async fn user(state: &AppState, headers: &HeaderMap) -> Result<Admitted, ApiError> {
    let admitted = state.authenticator.caller(headers).await?;
    match admitted.caller.user {
        Some(_) => Ok(admitted),
        None => {
            let message = "this needs a user: sign in, or send an API key";
            Err(state.authenticator.required(message))
        }
    }
}

fn admin(state: &AppState, admitted: Admitted) -> Result<Admitted, ApiError> {
    match admitted.caller.role {
        UserRole::Admin if state.admin_api => Ok(admitted),
        UserRole::Admin => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "admin_api_off",
            "administration over HTTP is off in this environment",
        )
        .hint("the operator administers it by `t3nets tenant`, or sets `admin_api = true` for infra/aws")),
        UserRole::Member => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "admins_only",
            "only an admin of the tenant may do this",
        )
        .hint("ask an admin of your tenant; a key's role counts, too")),
    }
}
