//! Signing in and out on the web page, and who is signed in: `POST` and `DELETE /session`,
//! `GET /api/me`, `POST /api/me/recovery-code`.
//!
//! A session is a key of its own kind ([`crate::admin::sessions`]) in a cookie that scripts cannot
//! read and other sites cannot have sent. Every way to sign in ends in [`open`].

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use super::auth::{Admitted, Authenticated, By, refused, unauthorized};
use super::chat::MAX_MESSAGE_BYTES;
use super::cookies::{Presented, csrf_token, has_csrf_token};
use super::error::{ApiError, Errors};
use super::extract::JsonBody;
use super::fields::{Fields, FromFields};
use super::settings::{AnsweringModel, answering_model};
use crate::admin::views::UserView;
use crate::admin::{Admin, AdminError};
use crate::model::{SecretName, Tenant, TokenKind};

/// What to sign in with: one of the three.
#[derive(ToSchema)]
pub(super) struct SignInBody {
    /// An API key.
    key: Option<String>,
    /// What a one-time link holds.
    link: Option<String>,
    /// A recovery code.
    recovery_code: Option<String>,
}

impl FromFields for SignInBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["key", "link", "recovery_code"])?;
        let text = |name| -> Result<_, ApiError> {
            let text = fields.text(&[name])?.map(str::trim);
            Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
        };
        Ok(Self {
            key: text("key")?,
            link: text("link")?,
            recovery_code: text("recovery_code")?,
        })
    }
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    tenant_id: String,
    tenant_name: String,
    /// The environment's name: `local`, `dev`, `prod`.
    environment: String,
    /// `null` for callers without a credential.
    user: Option<UserView>,
    /// `admin` or `member`: the lower one of the user's and the credential's.
    role: &'static str,
    /// `key`, `session`, `jwt`, or `nothing` for callers without a credential.
    by: &'static str,
    /// Whether the tenant can be administered over HTTP.
    may_administer: bool,
    /// When key, session or token end; `null` if they do not.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Who answers.
    model: AnsweringModel,
    /// Whether the tenant's Jira is a sample board.
    sample_data: bool,
    /// Questions to begin with.
    ask: Vec<&'static str>,
    limits: MessageLimits,
    /// Of a session: what has to be sent as `x-csrf-token` with whatever changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

/// What a message may be.
#[derive(Debug, Serialize, ToSchema)]
struct MessageLimits {
    /// The longest message, in bytes of UTF-8.
    message_bytes: usize,
}

/// Whether the tenant's Jira is the sample board, which its admins may have replaced.
async fn has_sample_data(state: &AppState, tenant: &Tenant) -> Result<bool, ApiError> {
    let Some(board) = &state.sample_board else {
        return Ok(false);
    };
    let Ok(integration) = "jira".parse() else {
        return Ok(false);
    };
    if board.tenant != tenant.id {
        return Ok(false);
    }
    let name = SecretName {
        tenant_id: tenant.id.clone(),
        integration,
        user_id: None,
    };
    let stored = state.platform.secrets.get(&name).await?;
    Ok(stored.is_some_and(|jira| jira.text("url").as_deref() == Some(&*board.url)))
}

impl Me {
    async fn new(
        state: &AppState,
        admitted: &Admitted,
        session: Option<&str>,
    ) -> Result<Self, ApiError> {
        let Admitted { caller, by } = admitted;
        let (model, ask, sample_data) = futures::try_join!(
            answering_model(state, &caller.tenant),
            async { Ok(state.engine.examples(caller).await?) },
            has_sample_data(state, &caller.tenant)
        )?;
        Ok(Self {
            tenant_id: caller.tenant.id.to_string(),
            tenant_name: caller.tenant.name.clone(),
            environment: state.identity.environment.clone(),
            user: caller.user.clone().map(UserView::from),
            role: caller.role.as_str(),
            by: by.as_str(),
            may_administer: state.admin_api && caller.role == crate::model::UserRole::Admin,
            expires_at: by.expires_at(),
            model,
            sample_data,
            ask,
            limits: MessageLimits {
                message_bytes: MAX_MESSAGE_BYTES,
            },
            csrf_token: session.map(csrf_token),
        })
    }
}

/// Sign in
///
/// With an API key, or with a one-time link or a recovery code, which work once. The answer sets a
/// cookie. The session lasts 30 days from its last renewal, and ends with its user, with the key
/// that opened it, or by signing out.
#[utoipa::path(
    post,
    path = "/session",
    tag = "session",
    request_body = SignInBody,
    responses(
        (status = 201, description = "Signed in", body = Me),
        Errors,
    ),
)]
pub(super) async fn open(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<SignInBody>,
) -> Result<Response, ApiError> {
    let given = [
        (TokenKind::Key, &body.key),
        (TokenKind::Link, &body.link),
        (TokenKind::Recovery, &body.recovery_code),
    ];
    let mut given = given
        .into_iter()
        .filter_map(|(kind, token)| Some((kind, token.as_deref()?)));
    let (Some((kind, token)), None) = (given.next(), given.next()) else {
        let message = "send one of `key`, `link` and `recovery_code`";
        return Err(ApiError::invalid(message));
    };
    let presented = Presented { kind, token };
    if TokenKind::of(presented.token) != Some(presented.kind) {
        let field = presented.kind.as_str();
        return Err(malformed(presented.kind).about_field(field));
    }
    let (caller, by) = state.authenticator.owner(presented).await?;
    let admin = Admin::new(state.platform.clone(), format!("user:{}", by.user_id));
    let opened = admin.open_session(&by).await;
    if by.kind().is_used_up() {
        state.authenticator.forget(&by.hash).await;
    }
    let opened = match opened {
        // Somebody was faster, or its user is gone.
        Err(AdminError::NotFound(_)) => return Err(refused(by.kind(), "is not valid")),
        opened => opened?,
    };
    let token = opened.key.expose_secret();
    let admitted = Admitted {
        caller,
        by: By::Key(opened.stored.into()),
    };
    let me = Me::new(&state, &admitted, Some(token)).await?;
    let cookie = state.cookies.set(token)?;
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(me)).into_response())
}

/// Not even of the form of what T3nets makes.
fn malformed(kind: TokenKind) -> ApiError {
    let (message, hint) = match kind {
        TokenKind::Link => (
            "that link isn't valid",
            "copy it whole, or ask your administrator for a new one",
        ),
        TokenKind::Recovery => (
            "that recovery code isn't valid",
            "check it, or ask your administrator for a link",
        ),
        TokenKind::Key | TokenKind::Session => (
            "that key isn't valid",
            "check it, or ask your administrator for a new one",
        ),
    };
    unauthorized(message).hint(hint)
}

/// Sign out
///
/// Ends the session of the cookie, if it has one that is not over, and takes the cookie away.
#[utoipa::path(
    delete,
    path = "/session",
    tag = "session",
    responses(
        (status = 204, description = "Signed out"),
        Errors,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn close(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(token) = state.cookies.session(&headers) {
        let presented = Presented {
            kind: TokenKind::Session,
            token,
        };
        match state.authenticator.owner(presented).await {
            Ok((_, by)) => {
                if !has_csrf_token(&headers, token) {
                    return Err(ApiError::no_csrf_token());
                }
                let admin = Admin::new(state.platform.clone(), format!("user:{}", by.user_id));
                match admin.revoke_key(&by).await {
                    Ok(()) | Err(AdminError::NotFound(_)) => {}
                    Err(error) => return Err(error.into()),
                }
                state.authenticator.forget(&by.hash).await;
            }
            // It is over already.
            Err(error) if error.is_unauthorized() => {}
            Err(error) => return Err(error),
        }
    }
    let cookie = state.cookies.clear()?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// A recovery code that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct RecoveryCode {
    /// The code. It is shown here and nowhere else, and signs in once: `POST /session`.
    recovery_code: String,
    /// Its first characters, by which it is listed and revoked.
    prefix: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Make a recovery code
///
/// It signs the caller in once, whenever that is, where no key and no session is left. A user has
/// one: the one before it no longer works. A key that expires, a session that was opened with
/// one, and a JWT make none.
#[utoipa::path(
    post,
    path = "/api/me/recovery-code",
    tag = "session",
    responses(
        (status = 201, description = "Made", body = RecoveryCode),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn make_recovery_code(
    State(state): State<AppState>,
    Authenticated(admitted): Authenticated,
) -> Result<Response, ApiError> {
    let by = match admitted.by {
        By::Key(key) => key,
        By::Jwt { .. } => return Err(AdminError::would_outlive().into()),
        By::Nothing => return Err(unauthorized("this needs a user")),
    };
    let admin = Admin::new(state.platform.clone(), format!("user:{}", by.user_id));
    let code = admin.make_recovery_code(&by).await?;
    let made = RecoveryCode {
        recovery_code: code.key.expose_secret().to_owned(),
        prefix: code.stored.prefix,
        created_at: code.stored.created_at,
    };
    let headers = [(CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Json(made)).into_response())
}

/// Show who is signed in
#[utoipa::path(
    get,
    path = "/api/me",
    tag = "session",
    responses(
        (status = 200, description = "The caller", body = Me),
        Errors,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn me(
    State(state): State<AppState>,
    headers: HeaderMap,
    Authenticated(admitted): Authenticated,
) -> Result<Json<Me>, ApiError> {
    let session = admitted
        .session()
        .and_then(|_| state.cookies.session(&headers));
    Me::new(&state, &admitted, session).await.map(Json)
}

/// Renews the session by which a caller came, if it is due. The request does not wait for it.
pub(super) fn renew(state: &AppState, admitted: &Admitted) {
    let Some(session) = admitted.session().cloned() else {
        return;
    };
    if !crate::admin::sessions::is_due(&session, state.platform.clock.now()) {
        return;
    }
    let admin = Admin::new(state.platform.clone(), format!("user:{}", session.user_id));
    let authenticator = state.authenticator.clone();
    state.tasks.spawn(crate::telemetry::in_request(async move {
        match admin.renew_session(&session).await {
            Ok(_) => authenticator.forget(&session.hash).await,
            // Another request of the page was faster.
            Err(AdminError::Store(crate::ports::StoreError::Changed(_))) => {}
            Err(error) => tracing::warn!(%error, "a session was not renewed"),
        }
    }));
}
