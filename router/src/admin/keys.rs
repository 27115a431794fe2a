//! API keys: creating, listing and revoking them.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::own_budgets::{self, OwnBudgetEdit};
use super::sessions::was_opened_with;
use super::tenants::MAX_NAME_CHARS;
use super::{Admin, AdminError, Edited, one_line, until_unchanged};
use crate::model::{
    ApiKey, KeyHash, OwnBudgets, Record, TenantId, TokenKind, User, UserId, UserRole,
};
use crate::ports::Change;
use crate::token::random_token;

/// How much of a key is kept to tell keys apart, in characters: the mark and 40 bits, of 256.
const PREFIX_CHARS: usize = TokenKind::Key.mark().len() + 8;

/// The fewest characters of a hash that name a key.
const MIN_HASH_CHARS: usize = 8;

/// The longest life of a key that expires.
pub const MAX_KEY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

/// A key to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The user it speaks for.
    pub user_id: UserId,
    /// What it is for, in the operator's words.
    pub name: Option<String>,
    /// The most it may do; as much as the user if absent.
    pub role: Option<UserRole>,
    /// How long it works; it never expires if absent.
    pub expires_in: Option<SignedDuration>,
    /// Budgets of its own.
    pub budgets: Vec<OwnBudgetEdit>,
}

/// A key that was just created.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The key itself, to be shown to its owner once. It is stored nowhere and cannot be shown
    /// again.
    pub key: SecretString,
    /// What is stored of it.
    pub stored: ApiKey,
}

impl CreatedKey {
    /// A token of a kind for a user, not yet stored, with when it was made and when it ends.
    pub(super) fn new(
        kind: TokenKind,
        user: &User,
        name: String,
        role: UserRole,
        (created_at, expires_at): (Timestamp, Option<Timestamp>),
    ) -> Result<Self, AdminError> {
        let key = SecretString::from(random_token(kind.mark())?);
        let stored = ApiKey {
            hash: KeyHash::of(key.expose_secret()),
            tenant_id: user.tenant_id.clone(),
            user_id: user.id.clone(),
            name,
            role,
            created_at,
            expires_at,
            prefix: key.expose_secret().chars().take(PREFIX_CHARS).collect(),
            budgets: Default::default(),
            other: Default::default(),
        };
        Ok(Self { key, stored })
    }
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It works, as far as its user and tenant do.
    Active,
    /// Its time is over.
    Expired,
}

impl KeyState {
    /// The state of a key at a moment.
    pub fn of(key: &ApiKey, now: Timestamp) -> Self {
        match key.expires_at {
            Some(end) if end <= now => Self::Expired,
            _ => Self::Active,
        }
    }

    /// The state in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }
}

impl Admin {
    /// Creates a key for a user.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if the key should do more than its user may.
    pub async fn create_key(
        &self,
        tenant: &TenantId,
        new: NewKey,
    ) -> Result<CreatedKey, AdminError> {
        let user = self.user(tenant, &new.user_id).await?;
        let role = new.role.unwrap_or(user.role);
        if role > user.role {
            return Err(AdminError::Refused {
                message: format!(
                    "{} is {}, and a key cannot do more than its user",
                    Record::from(&user),
                    user.role
                ),
                hint: format!("make the key with role {}, or change the user's", user.role),
            });
        }
        let created_at = self.now();
        let name = match new.name {
            Some(name) => one_line("name", &name, MAX_NAME_CHARS)?,
            None => String::new(),
        };
        let expires_at = new
            .expires_in
            .map(|life| expiry(created_at, life))
            .transpose()?;
        let mut created =
            CreatedKey::new(TokenKind::Key, &user, name, role, (created_at, expires_at))?;
        let none = OwnBudgets::default();
        created.stored.budgets = own_budgets::planned(&none, &none, &new.budgets).value;
        let stored = &created.stored;
        let change = Change::CreateKey(stored.clone());
        let target = format!("{} for {}", stored.prefix, stored.user_id);
        self.commit(tenant, &[change], "key.create", &target)
            .await?;
        Ok(created)
    }

    /// A tenant's keys, oldest first.
    pub async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, AdminError> {
        self.tenant(tenant).await?;
        let mut keys = self
            .all(|page| self.platform.tenants.keys(tenant, page))
            .await?;
        keys.sort_by(|a, b| (a.created_at, &a.hash).cmp(&(b.created_at, &b.hash)));
        Ok(keys)
    }

    /// The one key of a tenant that `selector` names: the beginning of its prefix, or of its hash.
    ///
    /// # Errors
    /// [`AdminError::NotFound`]; [`AdminError::Refused`] if it names several;
    /// [`AdminError::Invalid`] for a whole key, which has no business here.
    pub async fn find_key(&self, tenant: &TenantId, selector: &str) -> Result<ApiKey, AdminError> {
        choose(self.keys(tenant).await?, selector)
    }

    /// Changes a key's own budgets.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] for a session or a link, which has none; [`AdminError::Changed`] if
    /// someone else changes one of the same at the same moment.
    pub async fn set_key(
        &self,
        seen: &ApiKey,
        edits: &[OwnBudgetEdit],
    ) -> Result<Edited<ApiKey>, AdminError> {
        require_api_key(seen)?;
        until_unchanged(|| self.try_set_key(seen, edits)).await
    }

    async fn try_set_key(
        &self,
        seen: &ApiKey,
        edits: &[OwnBudgetEdit],
    ) -> Result<Edited<ApiKey>, AdminError> {
        let stored = self.platform.tenants.key(&seen.hash).await?;
        let stored = stored.filter(|stored| stored.tenant_id == seen.tenant_id);
        let before = stored.ok_or_else(|| AdminError::NotFound(seen.into()))?;
        let planned = own_budgets::planned(&seen.budgets, &before.budgets, edits);
        if !planned.conflicts.is_empty() {
            return Err(AdminError::Changed {
                what: seen.into(),
                fields: planned.conflicts,
            });
        }
        let after = ApiKey {
            budgets: planned.value,
            ..before.clone()
        };
        let changed = planned.changed;
        if !changed.is_empty() {
            let target = format!(
                "{} of {} ({})",
                after.prefix,
                after.user_id,
                changed.join(", ")
            );
            let change = Change::UpdateKey {
                before,
                after: after.clone(),
            };
            self.commit(&after.tenant_id, &[change], "key.set", &target)
                .await?;
        }
        Ok(Edited {
            value: after,
            changed,
        })
    }

    /// Revokes a key. It stops working at once, and so do the sessions that were opened with it.
    pub async fn revoke_key(&self, key: &ApiKey) -> Result<(), AdminError> {
        let change = Change::RevokeKey(key.clone());
        let target = format!("{} of {}", key.prefix, key.user_id);
        self.commit(&key.tenant_id, &[change], "key.revoke", &target)
            .await?;
        let of_user = self.keys_of(&key.tenant_id, &key.user_id).await?;
        let opened = of_user
            .into_iter()
            .filter(|other| was_opened_with(other, key));
        self.revoke_all(&key.tenant_id, opened.map(Change::RevokeKey).collect())
            .await
    }

    /// The state of a key now.
    pub fn key_state(&self, key: &ApiKey) -> KeyState {
        KeyState::of(key, self.now())
    }
}

/// Whether a key is one that budgets are for.
pub(super) fn require_api_key(key: &ApiKey) -> Result<(), AdminError> {
    match key.kind() {
        TokenKind::Key => Ok(()),
        _ => Err(AdminError::invalid(
            "key",
            "must be an API key: sessions and links have no budgets of their own",
        )),
    }
}

fn expiry(from: Timestamp, life: SignedDuration) -> Result<Timestamp, AdminError> {
    if !life.is_positive() || life > MAX_KEY_LIFE {
        return Err(AdminError::invalid(
            "expires",
            "must be more than zero and at most ten years",
        ));
    }
    from.checked_add(life)
        .map_err(|_| AdminError::invalid("expires", "is too far away"))
}

fn choose(keys: Vec<ApiKey>, selector: &str) -> Result<ApiKey, AdminError> {
    if TokenKind::of(selector).is_some() && selector.len() > PREFIX_CHARS {
        return Err(AdminError::invalid(
            "key",
            format!("must be named by its first {PREFIX_CHARS} characters, not given whole"),
        ));
    }
    if selector.is_empty() {
        return Err(AdminError::invalid("key", "must not be empty"));
    }
    let mut found = keys.into_iter().filter(|key| {
        key.prefix.starts_with(selector)
            || (selector.len() >= MIN_HASH_CHARS && key.hash.as_str().starts_with(selector))
    });
    let Some(first) = found.next() else {
        // What was typed may be part of another secret: only what looks like a prefix is repeated.
        let shown: String = selector.chars().take(PREFIX_CHARS).collect();
        let prefix = shown.escape_debug().to_string();
        return Err(AdminError::NotFound(Record::Key { prefix }));
    };
    let others: Vec<String> = found.map(|key| key.prefix).collect();
    if others.is_empty() {
        return Ok(first);
    }
    Err(AdminError::Refused {
        message: format!(
            "`{selector}` names several keys: {}, {}",
            first.prefix,
            others.join(", ")
        ),
        hint: "give more of the key's prefix or of its hash".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ApiKey {
        ApiKey {
            hash: KeyHash::of(text),
            tenant_id: "default".parse().unwrap(),
            user_id: "ada".parse().unwrap(),
            name: String::new(),
            role: UserRole::Member,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            prefix: text.chars().take(PREFIX_CHARS).collect(),
            budgets: Default::default(),
            other: Default::default(),
        }
    }

    fn keys() -> Vec<ApiKey> {
        vec![key("t3n_aaaaaaaabbbb"), key("t3n_aaaacccccccc")]
    }

    #[test]
    fn a_key_is_named_by_its_prefix_or_its_hash() {
        assert_eq!(choose(keys(), "t3n_aaaac").unwrap(), keys()[1]);
        assert_eq!(choose(keys(), keys()[0].hash.as_str()).unwrap(), keys()[0]);
        assert_eq!(
            choose(keys(), &keys()[0].hash.as_str()[..8]).unwrap(),
            keys()[0]
        );
    }

    #[test]
    fn a_prefix_of_several_keys_names_none() {
        for ambiguous in ["t3n_", "t3n_aaaa"] {
            let error = choose(keys(), ambiguous).unwrap_err();
            assert!(matches!(error, AdminError::Refused { .. }), "{error}");
        }
        assert!(matches!(
            choose(keys(), "t3n_z"),
            Err(AdminError::NotFound(_))
        ));
        assert!(matches!(
            choose(keys(), ""),
            Err(AdminError::Invalid { .. })
        ));
    }

    #[test]
    fn a_whole_key_is_neither_taken_nor_repeated() {
        let error = choose(keys(), "t3n_aaaaaaaabbbb").unwrap_err().to_string();
        assert!(!error.contains("bbbb"), "{error}");
    }

    #[test]
    fn keys_expire_at_their_moment() {
        let end = Timestamp::from_second(100).unwrap();
        let expiring = ApiKey {
            expires_at: Some(end),
            ..key("t3n_x")
        };
        let before = end - SignedDuration::from_nanos(1);
        assert_eq!(KeyState::of(&expiring, before), KeyState::Active);
        assert_eq!(KeyState::of(&expiring, end), KeyState::Expired);
        assert_eq!(KeyState::of(&key("t3n_x"), end), KeyState::Active);
    }

    #[test]
    fn a_keys_life_has_bounds() {
        let now = Timestamp::UNIX_EPOCH;
        for bad in [
            SignedDuration::ZERO,
            SignedDuration::from_secs(-1),
            SignedDuration::MAX,
        ] {
            assert!(expiry(now, bad).is_err(), "{bad:?} was accepted");
        }
        assert!(expiry(now, SignedDuration::from_secs(900)).is_ok());
    }
}
