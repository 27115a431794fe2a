//! Callers by a JWT of the environment's issuer: the member of the tenant that it names, with the
//! address that the issuer verified. A member is never made of a token.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use moka::future::Cache;

use super::auth::{CACHE_TTL, MAX_CACHED_KEYS, unauthorized};
use super::error::ApiError;
use super::members::Members;
use crate::chat::Caller;
use crate::model::{KeyHash, OwnBudgets};
use crate::oidc::{Claimed, Issuer, NotVerified, Refused};
use crate::ports::{Member, Platform, StoreError};

/// Verifies tokens, and caches those that are a member's.
pub(super) struct Jwts {
    platform: Platform,
    issuer: Arc<Issuer>,
    members: Members,
    verified: Cache<KeyHash, Arc<Bearer>>,
}

/// Whom a token lets in.
pub(super) struct Bearer {
    pub(super) caller: Caller,
    pub(super) claimed: Claimed,
}

/// Why a token lets nobody in. Not cached.
enum NotAdmitted {
    NotVerified(NotVerified),
    /// It is valid, and of nobody whom the tenant has.
    Stranger,
    Store(StoreError),
}

impl Jwts {
    pub(super) fn new(platform: Platform, issuer: Arc<Issuer>) -> Self {
        Self {
            members: Members::new(platform.tenants.clone()),
            verified: Cache::builder()
                .max_capacity(MAX_CACHED_KEYS)
                .time_to_live(CACHE_TTL)
                .build(),
            platform,
            issuer,
        }
    }

    /// Whose tokens they are.
    pub(super) fn issuer(&self) -> &str {
        self.issuer.name()
    }

    /// Whom the token lets in.
    pub(super) async fn bearer(
        &self,
        token: &str,
        hash: &KeyHash,
    ) -> Result<Arc<Bearer>, ApiError> {
        let bearer = self
            .verified
            .try_get_with(hash.clone(), async {
                self.verify(token).await.map(Arc::new)
            })
            .await
            .map_err(|error| ApiError::from(&*error))?;
        match bearer.claimed.has_expired(self.platform.clock.now()) {
            true => Err(refused(Refused::Expired)),
            false => Ok(bearer),
        }
    }

    /// Forgets a token: what is known of it changed.
    pub(super) async fn forget(&self, hash: &KeyHash) {
        self.verified.invalidate(hash).await;
    }

    async fn verify(&self, token: &str) -> Result<Bearer, NotAdmitted> {
        let verified = self.issuer.verified(token).await;
        let claimed = verified.map_err(NotAdmitted::NotVerified)?;
        let as_of = self.platform.clock.now();
        let member = self.members.with_address(&claimed.tenant, &claimed.email);
        let Some(member) = member.await.map_err(NotAdmitted::Store)? else {
            return Err(NotAdmitted::Stranger);
        };
        let Member {
            tenant,
            user,
            memory,
        } = member;
        let caller = Caller {
            tenant,
            role: user.role,
            user: Some(user),
            credential: None,
            key_budgets: OwnBudgets::default(),
            memory,
            as_of,
        };
        Ok(Bearer { caller, claimed })
    }
}

impl From<&NotAdmitted> for ApiError {
    fn from(error: &NotAdmitted) -> Self {
        match error {
            NotAdmitted::NotVerified(NotVerified::Refused(why)) => refused(*why),
            NotAdmitted::NotVerified(NotVerified::Unavailable { retry_after }) => {
                unavailable(*retry_after)
            }
            NotAdmitted::Stranger => Self::new(
                StatusCode::FORBIDDEN,
                "not_a_member",
                "the token is valid, and its tenant has no user with its e-mail address",
            )
            .hint("an admin of the tenant, or the operator by `t3nets tenant add-user`, adds them"),
            NotAdmitted::Store(error) => error.clone().into(),
        }
    }
}

/// That the issuer's keys are not there. Why, is in the log since they were asked for.
fn unavailable(retry_after: Duration) -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "issuer_unavailable",
        "the keys by which tokens are verified cannot be fetched now; try again",
    )
    .retry_after(Some(retry_after))
}

fn refused(why: Refused) -> ApiError {
    let refused = unauthorized(&why.to_string()).about_token();
    match why {
        Refused::Expired => refused.hint("sign in at the issuer again"),
        Refused::NoTenant => refused.hint(
            "the issuer has to say it as `tenant_id` or `custom:tenant_id`. Cognito says it in ID tokens alone: send that one",
        ),
        Refused::NoEmail | Refused::Unverified => refused.hint(
            "the issuer has to say `email` and `email_verified`. Cognito says them in ID tokens alone: send that one",
        ),
        _ => refused,
    }
}

/// A token where no issuer is set.
pub(super) fn no_issuer() -> ApiError {
    unauthorized("this environment accepts no JWT").hint("send a tenant's API key")
}
