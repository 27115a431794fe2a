//! Authentication. Deny by default: the caller is the owner of a verified credential, and an
//! invalid credential is refused even where none is needed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use moka::future::Cache;

use super::AppState;
use super::cookies::{Cookies, Credential, Presented};
use super::error::{ApiError, Cause};
use super::jwt::{self, Jwts};
use crate::admin::Admin;
use crate::chat::Caller;
use crate::model::{
    ApiKey, ChannelKind, KeyHash, OwnBudgets, Tenant, TenantId, TokenKind, UserId, UserRole,
};
use crate::oidc::Issuer;
use crate::ports::{Bearer, Member, Platform, StoreError};

/// How long a verified credential is cached, and so how long a revocation may go unnoticed.
pub(super) const CACHE_TTL: Duration = Duration::from_secs(5);
pub(super) const MAX_CACHED_KEYS: u64 = 10_000;

/// Verifies credentials, and caches those that are valid.
pub(super) struct Authenticator {
    platform: Platform,
    anonymous_tenant: Option<TenantId>,
    sessions: Cookies,
    keys: Cache<KeyHash, Arc<Verified>>,
    /// Those of the environment's issuer, if it has one.
    jwts: Option<Jwts>,
    anonymous: Cache<TenantId, Caller>,
}

struct Verified {
    key: Arc<ApiKey>,
    caller: Caller,
}

impl Authenticator {
    pub(super) fn new(
        platform: Platform,
        anonymous_tenant: Option<TenantId>,
        sessions: Cookies,
        issuer: Option<Arc<Issuer>>,
    ) -> Self {
        let keys = Cache::builder()
            .max_capacity(MAX_CACHED_KEYS)
            .time_to_live(CACHE_TTL)
            .build();
        let anonymous = Cache::builder()
            .max_capacity(1)
            .time_to_live(CACHE_TTL)
            .build();
        Self {
            jwts: issuer.map(|issuer| Jwts::new(platform.clone(), issuer)),
            platform,
            anonymous_tenant,
            sessions,
            keys,
            anonymous,
        }
    }

    /// The caller whom the headers prove, if they name one.
    pub(super) async fn known(&self, headers: &HeaderMap) -> Result<Option<Admitted>, ApiError> {
        let admitted = match self.sessions.presented(headers)? {
            None => return Ok(None),
            Some(Credential::Own(credential)) => {
                let (caller, key) = self.owner(credential).await?;
                let by = By::Key(key);
                Admitted { caller, by }
            }
            Some(Credential::Jwt(token)) => self.bearer(token).await?,
        };
        Ok(Some(admitted))
    }

    /// The caller whom the headers prove; without a credential, whoever callers without one are.
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Admitted, ApiError> {
        if let Some(known) = self.known(headers).await? {
            return Ok(known);
        }
        let caller = self.anonymous_caller().await?;
        require_active(&caller)?;
        let by = By::Nothing;
        Ok(Admitted { caller, by })
    }

    /// The owner of a credential that T3nets made.
    pub(super) async fn owner(
        &self,
        credential: Presented<'_>,
    ) -> Result<(Caller, Arc<ApiKey>), ApiError> {
        let (caller, key) = self.caller_of_key(credential).await?;
        require_active(&caller)?;
        Ok((caller, key))
    }

    /// Whom a token of the issuer lets in.
    async fn bearer(&self, token: &str) -> Result<Admitted, ApiError> {
        let jwts = self.jwts.as_ref().ok_or_else(jwt::no_issuer)?;
        let hash = KeyHash::of(token);
        let mut bearer = jwts.bearer(token, &hash).await?;
        let caller = match self.current(&bearer.caller).await? {
            Some(caller) => caller,
            None => {
                jwts.forget(&hash).await;
                bearer = jwts.bearer(token, &hash).await?;
                bearer.caller.clone()
            }
        };
        require_active(&caller)?;
        let expires_at = bearer.claimed.expires_at;
        let by = By::Jwt { hash, expires_at };
        Ok(Admitted { caller, by })
    }

    /// A refusal of callers who sent no credential.
    pub(super) fn required(&self, message: &str) -> ApiError {
        let hint = "send `Authorization: Bearer` with a tenant's API key".to_owned();
        unauthorized(message).hint(match &self.jwts {
            None => hint,
            Some(jwts) => format!("{hint}, or with a JWT of {}", jwts.issuer()),
        })
    }

    /// Forgets a credential: what is known of it changed.
    pub(super) async fn forget(&self, hash: &KeyHash) {
        self.keys.invalidate(hash).await;
    }

    async fn caller_of_key(
        &self,
        credential: Presented<'_>,
    ) -> Result<(Caller, Arc<ApiKey>), ApiError> {
        let hash = KeyHash::of(credential.token);
        let mut verified = self.verified(&hash, credential.kind).await?;
        let caller = match self.current(&verified.caller).await? {
            Some(caller) => caller,
            None => {
                self.keys.invalidate(&hash).await;
                verified = self.verified(&hash, credential.kind).await?;
                verified.caller.clone()
            }
        };
        let expired = verified
            .key
            .expires_at
            .is_some_and(|end| end <= self.platform.clock.now());
        if expired {
            return Err(refused(credential.kind, "has expired"));
        }
        Ok((caller, verified.key.clone()))
    }

    async fn verified(&self, hash: &KeyHash, kind: TokenKind) -> Result<Arc<Verified>, ApiError> {
        self.keys
            .try_get_with(hash.clone(), async {
                verify(&self.platform, hash)
                    .await?
                    .map(Arc::new)
                    .ok_or(Refusal::Unknown)
            })
            .await
            .map_err(|refusal| match &*refusal {
                Refusal::Unknown => refused(kind, "is not valid"),
                Refusal::Store(error) => ApiError::from(error.clone()),
            })
    }

    /// The caller, who may be from the cache, with the tenant as it is now; `None` if another has
    /// its id. Asked of the store only where a removed tenant's id can be another's at once.
    async fn current(&self, caller: &Caller) -> Result<Option<Caller>, StoreError> {
        let store = &self.platform.tenants;
        if !store.id_reservation().is_zero() {
            return Ok(Some(caller.clone()));
        }
        let now = store.tenant(&caller.tenant.id).await?;
        let same = now.filter(|now| now.created_at == caller.tenant.created_at);
        Ok(same.map(|tenant| Caller {
            tenant,
            ..caller.clone()
        }))
    }

    async fn anonymous_caller(&self) -> Result<Caller, ApiError> {
        let Some(id) = &self.anonymous_tenant else {
            return Err(self.required("an API key is required"));
        };
        let caller = self.anonymous_caller_of(id).await?;
        if let Some(caller) = self.current(&caller).await? {
            return Ok(caller);
        }
        self.anonymous.invalidate(id).await;
        self.anonymous_caller_of(id).await
    }

    async fn anonymous_caller_of(&self, id: &TenantId) -> Result<Caller, ApiError> {
        self.anonymous
            .try_get_with(id.clone(), async {
                let as_of = self.platform.clock.now();
                let tenant = self
                    .platform
                    .tenants
                    .tenant(id)
                    .await?
                    .ok_or(Refusal::Unknown)?;
                Ok::<_, Refusal>(Caller {
                    tenant,
                    user: None,
                    role: UserRole::Member,
                    credential: None,
                    key_budgets: OwnBudgets::default(),
                    memory: None,
                    as_of,
                })
            })
            .await
            .map_err(|refusal| match &*refusal {
                Refusal::Unknown => unauthorized("an API key is required").hint(
                    "callers without one are let in once their tenant exists; the operator makes it by `t3nets seed`",
                ),
                Refusal::Store(error) => ApiError::from(error.clone()),
            })
    }
}

/// Why a credential was not verified. Not cached.
enum Refusal {
    Unknown,
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Finds the key, then its tenant and user; `None` unless all three exist.
async fn verify(platform: &Platform, hash: &KeyHash) -> Result<Option<Verified>, StoreError> {
    // The store looks up by hash, whose timing reveals nothing of a key; the comparison guards
    // against a store that answers with another key.
    let as_of = platform.clock.now();
    let bearer = platform.tenants.bearer(hash).await?;
    let Some(bearer) = bearer.filter(|bearer| bearer.key.hash.matches(hash)) else {
        return Ok(None);
    };
    let Bearer { key, member } = bearer;
    let Member {
        tenant,
        user,
        memory,
    } = member;
    let role = key.role.min(user.role);
    Ok(Some(Verified {
        caller: Caller {
            tenant,
            user: Some(user),
            role,
            credential: Some(key.name_in_ledger().to_owned()),
            key_budgets: key.budgets.clone(),
            memory,
            as_of,
        },
        key: key.into(),
    }))
}

/// A caller whom a layer let through, and by what.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) by: By,
}

/// The credential by which a caller came.
#[derive(Debug, Clone)]
pub(super) enum By {
    /// None.
    Nothing,
    /// A key or session.
    Key(Arc<ApiKey>),
    /// A token of the issuer.
    Jwt {
        /// Of the token.
        hash: KeyHash,
        expires_at: Timestamp,
    },
}

impl By {
    /// The kind of credential, in a word.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Key(key) => key.kind().as_str(),
            Self::Jwt { .. } => "jwt",
        }
    }

    /// What tells it from others.
    pub(super) fn hash(&self) -> Option<&KeyHash> {
        match self {
            Self::Nothing => None,
            Self::Key(key) => Some(&key.hash),
            Self::Jwt { hash, .. } => Some(hash),
        }
    }

    /// When it ends, if it does.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Nothing => None,
            Self::Key(key) => key.expires_at,
            Self::Jwt { expires_at, .. } => Some(*expires_at),
        }
    }
}

impl Admitted {
    /// The session of the web page by which the caller came, if by one.
    pub(super) fn session(&self) -> Option<&ApiKey> {
        match &self.by {
            By::Key(key) if key.kind() == TokenKind::Session => Some(key),
            _ => None,
        }
    }

    /// Where the caller's messages come from.
    pub(super) fn channel(&self) -> ChannelKind {
        match self.session() {
            Some(_) => ChannelKind::Dashboard,
            None => ChannelKind::Api,
        }
    }
}

fn require_active(caller: &Caller) -> Result<(), ApiError> {
    if caller.tenant.status.may_chat() {
        return Ok(());
    }
    let message = format!("tenant `{}` is {}", caller.tenant.id, caller.tenant.status);
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "tenant_suspended",
        message,
    ))
}

/// A credential that is not taken.
pub(super) fn refused(kind: TokenKind, why: &str) -> ApiError {
    let message = match kind {
        TokenKind::Key => format!("the key {why}"),
        TokenKind::Session => format!("the session {why}"),
        TokenKind::Link => format!("the link {why}, or was used"),
        TokenKind::Recovery => format!("the recovery code {why}, or was used"),
    };
    let refused = unauthorized(&message);
    match kind {
        TokenKind::Key => refused,
        TokenKind::Session => refused.hint("sign in again"),
        TokenKind::Link => refused.hint(
            "links work once and expire. Ask for a new one; the operator can run `t3nets open`",
        ),
        TokenKind::Recovery => refused.hint("ask an admin of your tenant for a link"),
    }
}

pub(super) fn unauthorized(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// The caller whom [`super::access`] let through.
fn admitted(parts: &Parts) -> Option<&Admitted> {
    parts.extensions.get()
}

/// A caller who may chat.
pub(super) struct Authenticated(pub(super) Admitted);

impl FromRequestParts<AppState> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let caller = admitted(parts).cloned();
        caller.map(Self).ok_or_else(nobody)
    }
}

/// A caller who is a user.
pub(super) struct KnownUser {
    pub(super) caller: Caller,
    pub(super) user_id: UserId,
    pub(super) channel: ChannelKind,
}

impl FromRequestParts<AppState> for KnownUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let admitted = admitted(parts).ok_or_else(nobody)?;
        let user = admitted.caller.user.as_ref().ok_or_else(nobody)?;
        Ok(Self {
            user_id: user.id.clone(),
            caller: admitted.caller.clone(),
            channel: admitted.channel(),
        })
    }
}

/// A user who administers a tenant, with the operations in their name.
pub(super) struct Administrator {
    pub(super) admin: Admin,
    pub(super) tenant: Tenant,
    pub(super) user_id: UserId,
    /// They as a caller.
    pub(super) caller: Caller,
    /// The credential by which they came.
    pub(super) by: Option<KeyHash>,
}

impl FromRequestParts<AppState> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let KnownUser {
            caller, user_id, ..
        } = KnownUser::from_request_parts(parts, state).await?;
        if caller.role != UserRole::Admin {
            return Err(nobody());
        }
        let by = admitted(parts).and_then(|admitted| admitted.by.hash());
        Ok(Self {
            admin: Admin::new(state.platform.clone(), format!("user:{user_id}")),
            tenant: caller.tenant.clone(),
            caller,
            user_id,
            by: by.cloned(),
        })
    }
}

/// A caller on a route that is everyone's: `None` without a credential.
pub(super) struct OptionallyAuthenticated(pub(super) Option<Caller>);

impl FromRequestParts<AppState> for OptionallyAuthenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        Ok(Self(
            admitted(parts).map(|admitted| admitted.caller.clone()),
        ))
    }
}

/// The route is not in the table of who may call it, or not with such callers.
fn nobody() -> ApiError {
    ApiError::internal(Cause::NobodyAdmitted)
}
