//! Sessions of the web page, and the one-time links that open one. Both are stored as keys of a
//! kind of their own: they are listed and revoked like keys, and go with their user.

use jiff::{SignedDuration, Timestamp};

use super::keys::CreatedKey;
use super::{Admin, AdminError};
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

/// The name of a session, which says what opened it.
fn name_of_opened(by: &ApiKey) -> String {
    match by.kind() {
        TokenKind::Link => "signed in with a link".to_owned(),
        TokenKind::Key | TokenKind::Session => format!("signed in with {}", by.prefix),
    }
}

/// Whether a key is a session that was opened with this one.
pub(super) fn was_opened_with(session: &ApiKey, key: &ApiKey) -> bool {
    key.kind() == TokenKind::Key
        && session.kind() == TokenKind::Session
        && session.name == name_of_opened(key)
}

/// Whether a session in use should be renewed. One that ends with the key that opened it is not.
pub(crate) fn is_due(session: &ApiKey, now: Timestamp) -> bool {
    session.expires_at.is_some_and(|ends| {
        let had_whole_life = ends.duration_since(session.created_at) >= SESSION_LIFE;
        had_whole_life && ends.duration_since(now) <= RENEWED_FROM
    })
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

    /// Opens a session with a key, which stays, or with a link, which is used up: of two who have
    /// it, one is signed in. A session opened with a key that expires ends with it.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if the key, the link or its user is gone.
    pub async fn open_session(&self, by: &ApiKey) -> Result<CreatedKey, AdminError> {
        let (tenant, user_id) = (&by.tenant_id, &by.user_id);
        let user = self.user(tenant, user_id).await?;
        let now = self.now();
        let whole = now.saturating_add(SESSION_LIFE).unwrap_or(Timestamp::MAX);
        let ends = match by.kind() {
            TokenKind::Link => whole,
            TokenKind::Key | TokenKind::Session => {
                by.expires_at.map_or(whole, |end| end.min(whole))
            }
        };
        let role = by.role.min(user.role);
        let name = name_of_opened(by);
        let session = CreatedKey::new(TokenKind::Session, &user, name, role, (now, Some(ends)))?;
        let mut changes = vec![Change::CreateKey(session.stored.clone())];
        if by.kind() == TokenKind::Link {
            changes.push(Change::RevokeKey(by.clone()));
        }
        let target = format!(
            "{} of {user_id}, {}",
            session.stored.prefix, session.stored.name
        );
        let committed = self.commit(tenant, &changes, "session.open", &target).await;
        match committed {
            // The link was read, and is used up by now.
            Err(AdminError::Store(StoreError::Changed(_))) if by.kind() == TokenKind::Link => {
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
        let change = Change::RenewKey {
            before: session.clone(),
            expires_at: whole,
        };
        let target = format!("{} of {}", session.prefix, session.user_id);
        self.commit(&session.tenant_id, &[change], "session.renew", &target)
            .await?;
        Ok(Some(whole))
    }
}
