//! Sessions of the web page, and what opens one once: one-time links, and the recovery code that a
//! user may keep. All are stored as keys of a kind of their own: they are listed and revoked like
//! keys, and go with their user.

use jiff::{SignedDuration, Timestamp};

use super::keys::CreatedKey;
use super::{Admin, AdminError, until_unchanged};
use crate::model::{ApiKey, Record, TenantId, TokenKind, UserId};
use crate::ports::{Change, StoreError};

/// How long a session lives after it was opened or renewed.
pub const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A session is renewed when so much of its life is left or less: one in use costs a write every
/// two weeks.
const RENEWED_FROM: SignedDuration = SignedDuration::from_hours(15 * 24);

/// The longest life of a one-time link.
pub const MAX_LINK_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The most sessions of a user that are over and are removed when a new one is opened.
const SWEPT: usize = 20;

/// The name of a session or a recovery code, which says what it comes from: whatever comes from a
/// key goes with it, by however many steps.
fn name_of_opened(by: &ApiKey) -> String {
    match by.kind() {
        TokenKind::Link => "signed in with a link".to_owned(),
        TokenKind::Key => format!("signed in with {}", by.prefix),
        TokenKind::Session | TokenKind::Recovery => by.name.clone(),
    }
}

/// Whether a key is a session or a recovery code that comes from this one.
pub(super) fn was_opened_with(opened: &ApiKey, key: &ApiKey) -> bool {
    key.kind() == TokenKind::Key
        && matches!(opened.kind(), TokenKind::Session | TokenKind::Recovery)
        && opened.name == name_of_opened(key)
}

/// Whether a credential lives as long as its user wants. What comes from one that ends by itself
/// must not outlive it.
fn ends_by_itself(by: &ApiKey) -> bool {
    match (by.kind(), by.expires_at) {
        (_, None) => false,
        (TokenKind::Session, Some(ends)) => ends.duration_since(by.created_at) < SESSION_LIFE,
        (_, Some(_)) => true,
    }
}

/// Whether a session in use should be renewed. One that ends with the key that opened it is not.
pub(crate) fn is_due(session: &ApiKey, now: Timestamp) -> bool {
    let ends = session.expires_at.filter(|_| !ends_by_itself(session));
    ends.is_some_and(|ends| ends.duration_since(now) <= RENEWED_FROM)
}

impl Admin {
    /// Makes a one-time link for a user: whoever has it first is signed in as them.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] unless `life` is more than nothing and at most [`MAX_LINK_LIFE`].
    pub async fn invite(
        &self,
        tenant: &TenantId,
        user_id: &UserId,
        life: SignedDuration,
    ) -> Result<CreatedKey, AdminError> {
        if !life.is_positive() || life > MAX_LINK_LIFE {
            return Err(AdminError::invalid(
                "expires",
                "must be more than zero and at most seven days",
            ));
        }
        let user = self.user(tenant, user_id).await?;
        let now = self.now();
        let ends = now.saturating_add(life).unwrap_or(Timestamp::MAX);
        let link = CreatedKey::new(
            TokenKind::Link,
            &user,
            String::new(),
            user.role,
            (now, Some(ends)),
        )?;
        let target = format!("{} for {}", link.stored.prefix, user.id);
        let change = Change::CreateKey(link.stored.clone());
        self.commit(tenant, &[change], "link.create", &target)
            .await?;
        Ok(link)
    }

    /// Makes a user's recovery code, which signs them in once, whenever that is; the one before it
    /// is gone. It may do no more than the credential by which they came.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if that credential ends by itself, which the code would not.
    pub async fn make_recovery_code(&self, by: &ApiKey) -> Result<CreatedKey, AdminError> {
        if ends_by_itself(by) {
            return Err(AdminError::would_outlive());
        }
        let (tenant, user_id) = (&by.tenant_id, &by.user_id);
        until_unchanged(async || {
            let user = self.user(tenant, user_id).await?;
            let role = by.role.min(user.role);
            let life = (self.now(), None);
            let code = CreatedKey::new(TokenKind::Recovery, &user, name_of_opened(by), role, life)?;
            let before = self.keys_of(tenant, user_id).await?.into_iter();
            let before = before.filter(|key| key.kind() == TokenKind::Recovery);
            let mut changes: Vec<Change> = before.map(Change::RevokeKey).collect();
            changes.push(Change::CreateKey(code.stored.clone()));
            let target = format!("{} of {user_id}", code.stored.prefix);
            self.commit(tenant, &changes, "recovery_code.create", &target)
                .await?;
            Ok(code)
        })
        .await
    }

    /// Opens a session with a key, which stays, or with a link or a recovery code, which is used
    /// up: of two who have it, one is signed in. A session opened with a key that expires ends with
    /// it.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if the credential or its user is gone.
    pub async fn open_session(&self, by: &ApiKey) -> Result<CreatedKey, AdminError> {
        let (tenant, user_id) = (&by.tenant_id, &by.user_id);
        let user = self.user(tenant, user_id).await?;
        let now = self.now();
        let whole = now.saturating_add(SESSION_LIFE).unwrap_or(Timestamp::MAX);
        let ends = match by.kind() {
            TokenKind::Link | TokenKind::Recovery => whole,
            TokenKind::Key | TokenKind::Session => {
                by.expires_at.map_or(whole, |end| end.min(whole))
            }
        };
        let role = by.role.min(user.role);
        let name = name_of_opened(by);
        let session = CreatedKey::new(TokenKind::Session, &user, name, role, (now, Some(ends)))?;
        let mut changes = vec![Change::CreateKey(session.stored.clone())];
        if by.kind().is_used_up() {
            changes.push(Change::RevokeKey(by.clone()));
        }
        let target = format!(
            "{} of {user_id}, {}",
            session.stored.prefix, session.stored.name
        );
        let committed = self.commit(tenant, &changes, "session.open", &target).await;
        match committed {
            // It was read, and is used up by now.
            Err(AdminError::Store(StoreError::Changed(_))) if by.kind().is_used_up() => {
                return Err(AdminError::NotFound(Record::from(by)));
            }
            other => other?,
        }
        self.sweep(tenant, user_id, now).await?;
        Ok(session)
    }

    /// Removes sessions and links of a user whose time is over: nothing else would.
    async fn sweep(
        &self,
        tenant: &TenantId,
        user_id: &UserId,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let keys = self.keys_of(tenant, user_id).await?.into_iter();
        let over = keys.filter(|key| {
            key.kind() != TokenKind::Key && key.expires_at.is_some_and(|end| end <= now)
        });
        let over: Vec<_> = over.take(SWEPT).map(Change::RevokeKey).collect();
        self.revoke_all(tenant, over).await
    }

    /// Gives a session that is in use its whole life again, if half of it is over; returns when it
    /// ends. One that ends with the key that opened it is left.
    pub async fn renew_session(&self, session: &ApiKey) -> Result<Option<Timestamp>, AdminError> {
        let now = self.now();
        if !is_due(session, now) {
            return Ok(None);
        }
        let whole = now.saturating_add(SESSION_LIFE).unwrap_or(Timestamp::MAX);
        let change = Change::UpdateKey {
            before: session.clone(),
            after: ApiKey {
                expires_at: Some(whole),
                ..session.clone()
            },
        };
        let target = format!("{} of {}", session.prefix, session.user_id);
        self.commit(&session.tenant_id, &[change], "session.renew", &target)
            .await?;
        Ok(Some(whole))
    }
}
