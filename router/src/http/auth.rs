//! Authentication. Deny by default: the caller is the owner of a verified credential, and an
//! invalid credential is refused even where none is needed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use moka::future::Cache;

use super::AppState;
use super::error::{ApiError, Cause};
use crate::admin::Admin;
use crate::chat::Caller;
use crate::model::{ApiKey, KeyHash, Tenant, TenantId, TenantStatus, UserId, UserRole};
use crate::ports::{Platform, StoreError};

/// How long a verified credential is cached, and so how long a revocation may go unnoticed.
const CACHE_TTL: Duration = Duration::from_secs(5);
const MAX_CACHED_KEYS: u64 = 10_000;

/// Verifies credentials, and caches those that are valid.
pub(super) struct Authenticator {
    platform: Platform,
    anonymous_tenant: Option<TenantId>,
    keys: Cache<KeyHash, Arc<Verified>>,
    anonymous: Cache<TenantId, Caller>,
}

struct Verified {
    key: ApiKey,
    caller: Caller,
}

impl Authenticator {
    pub(super) fn new(platform: Platform, anonymous_tenant: Option<TenantId>) -> Self {
        let keys = Cache::builder()
            .max_capacity(MAX_CACHED_KEYS)
            .time_to_live(CACHE_TTL)
            .build();
        let anonymous = Cache::builder()
            .max_capacity(1)
            .time_to_live(CACHE_TTL)
            .build();
        Self {
            platform,
            anonymous_tenant,
            keys,
            anonymous,
        }
    }

    /// The caller whom the headers prove, if they name one.
    pub(super) async fn known(&self, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
        match headers.contains_key(AUTHORIZATION) {
            true => self.caller(headers).await.map(Some),
            false => Ok(None),
        }
    }

    /// The caller whom the headers prove; without a credential, whoever callers without one are.
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let caller = match headers.get(AUTHORIZATION) {
            Some(header) => {
                let key = header.to_str().ok().and_then(bearer).ok_or_else(|| {
                    unauthorized(
                        "the `Authorization` header must be `Bearer` followed by an API key",
                    )
                })?;
                self.caller_of_key(key).await?
            }
            None => self.anonymous_caller().await?,
        };
        if caller.tenant.status == TenantStatus::Suspended {
            let message = format!("tenant `{}` is suspended", caller.tenant.id);
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "tenant_suspended",
                message,
            ));
        }
        Ok(caller)
    }

    async fn caller_of_key(&self, key: &str) -> Result<Caller, ApiError> {
        let hash = KeyHash::of(key);
        let mut verified = self.verified(&hash).await?;
        let caller = match self.current(&verified.caller).await? {
            Some(caller) => caller,
            None => {
                self.keys.invalidate(&hash).await;
                verified = self.verified(&hash).await?;
                verified.caller.clone()
            }
        };
        let expired = verified
            .key
            .expires_at
            .is_some_and(|end| end <= self.platform.clock.now());
        if expired {
            return Err(unauthorized("the key has expired"));
        }
        Ok(caller)
    }

    async fn verified(&self, hash: &KeyHash) -> Result<Arc<Verified>, ApiError> {
        self.keys
            .try_get_with(hash.clone(), async {
                verify(&self.platform, hash)
                    .await?
                    .map(Arc::new)
                    .ok_or(Refusal::Unknown)
            })
            .await
            .map_err(|refusal| match &*refusal {
                Refusal::Unknown => unauthorized("the key is not valid"),
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
            return Err(unauthorized("an API key is required")
                .hint("send `Authorization: Bearer` with a tenant's API key"));
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
                })
            })
            .await
            .map_err(|refusal| match &*refusal {
                Refusal::Unknown => unauthorized("an API key is required"),
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
    let Some(key) = platform
        .tenants
        .key(hash)
        .await?
        .filter(|key| key.hash.matches(hash))
    else {
        return Ok(None);
    };
    let (tenant, user) = futures::try_join!(
        platform.tenants.tenant(&key.tenant_id),
        platform.tenants.user(&key.tenant_id, &key.user_id)
    )?;
    let (Some(tenant), Some(user)) = (tenant, user) else {
        return Ok(None);
    };
    let role = key.role.min(user.role);
    Ok(Some(Verified {
        key,
        caller: Caller {
            tenant,
            user: Some(user),
            role,
        },
    }))
}

/// The credential in an `Authorization` header's value.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

pub(super) fn unauthorized(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// The caller whom [`super::access`] let through.
fn admitted(parts: &Parts) -> Option<&Caller> {
    parts.extensions.get()
}

/// A caller who may chat.
pub(super) struct Authenticated(pub(super) Caller);

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
}

impl FromRequestParts<AppState> for KnownUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let caller = admitted(parts).ok_or_else(nobody)?;
        let user = caller.user.as_ref().ok_or_else(nobody)?;
        Ok(Self {
            user_id: user.id.clone(),
            caller: caller.clone(),
        })
    }
}

/// A user who administers a tenant, with the operations in their name.
pub(super) struct Administrator {
    pub(super) admin: Admin,
    pub(super) tenant: Tenant,
    pub(super) user_id: UserId,
}

impl FromRequestParts<AppState> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let KnownUser { caller, user_id } = KnownUser::from_request_parts(parts, state).await?;
        if caller.role != UserRole::Admin {
            return Err(nobody());
        }
        Ok(Self {
            admin: Admin::new(state.platform.clone(), format!("user:{user_id}")),
            tenant: caller.tenant,
            user_id,
        })
    }
}

/// A caller on a route that is everyone's: `None` without a credential.
pub(super) struct OptionallyAuthenticated(pub(super) Option<Caller>);

impl FromRequestParts<AppState> for OptionallyAuthenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        Ok(Self(admitted(parts).cloned()))
    }
}

/// The route is not in the table of who may call it, or not with such callers.
fn nobody() -> ApiError {
    ApiError::internal(Cause::NobodyAdmitted)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_a_bearer_key_is_a_credential() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for bad in ["", "abc", "Basic abc", "Bearer", "Bearer ", "Bearer  "] {
            assert_eq!(bearer(bad), None, "{bad:?}");
        }
    }
}
