//! The people of a tenant: adding, changing and removing them, and what the assistant is told of
//! them.

use serde_json::Value;

use super::addresses::{Addresses, touching};
use super::own_budgets::{self, OwnBudgetEdit};
use super::tenants::MAX_NAME_CHARS;
use super::{Admin, AdminError, Edited, FieldConflict, one_line, until_unchanged};
use crate::model::{
    ApiKey, OwnBudgets, Record, Tenant, TenantId, TokenKind, User, UserId, UserMemory, UserRole,
};
use crate::ports::Change;

/// The longest e-mail address, in characters (RFC 5321's path without its brackets).
const MAX_EMAIL_CHARS: usize = 254;

/// The longest name and the longest value of a preference, in characters. Preferences are sent with
/// every turn.
const MAX_PREFERENCE_CHARS: (usize, usize) = (64, 500);

/// The most preferences of a person.
const MAX_PREFERENCES: usize = 50;

/// A person to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The address that skills know the person by.
    pub email: String,
    /// Unique within the tenant; the lower-cased address if absent.
    pub id: Option<UserId>,
    /// The name people read; the address up to its `@` if absent.
    pub display_name: Option<String>,
    /// What the person may do.
    pub role: UserRole,
}

/// What should change on a person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserEdits {
    /// The e-mail address.
    pub email: Option<String>,
    /// The name people read.
    pub display_name: Option<String>,
    /// What the person may do.
    pub role: Option<UserRole>,
    /// Preferences by name; `None` takes one away.
    pub preferences: Vec<(String, Option<String>)>,
    /// Budgets of the person's own.
    pub budgets: Vec<OwnBudgetEdit>,
    /// Those that the person had where they were decided on; as they are now if absent.
    pub budgets_seen: Option<OwnBudgets>,
}

/// What went with a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedUser {
    /// How many of the person's API keys were revoked. Their sessions ended too.
    pub keys: usize,
}

/// Whether a change may leave a tenant without an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastAdmin {
    /// It may not: the change is refused.
    Keep,
    /// It may; nobody is left who can administer the tenant.
    MayGo,
}

impl Admin {
    /// Adds a person to a tenant.
    ///
    /// # Errors
    /// [`AdminError::AlreadyExists`] if the tenant has a person of that id;
    /// [`AdminError::Refused`] if it has another of that address.
    pub async fn add_user(&self, tenant: &TenantId, new: NewUser) -> Result<User, AdminError> {
        let user = new_user(tenant, new)?;
        until_unchanged(|| self.try_add_user(&user)).await?;
        Ok(user)
    }

    async fn try_add_user(&self, user: &User) -> Result<(), AdminError> {
        let tenant = &user.tenant_id;
        let guard = self.tenant(tenant).await?;
        let addresses = self.addresses(tenant).await?;
        addresses.require_free(&user.email, &user.id)?;
        let changes = [Change::CreateUser(user.clone()), touching(guard)];
        self.commit(tenant, &changes, "user.add", user.id.as_str())
            .await
    }

    pub(super) async fn addresses(&self, tenant: &TenantId) -> Result<Addresses, AdminError> {
        let users = self
            .all(|page| self.platform.tenants.users(tenant, page))
            .await?;
        Ok(Addresses::of(&users))
    }

    /// A tenant's people by id.
    pub async fn users(&self, tenant: &TenantId) -> Result<Vec<User>, AdminError> {
        self.tenant(tenant).await?;
        Ok(self
            .all(|page| self.platform.tenants.users(tenant, page))
            .await?)
    }

    /// One person of a tenant.
    pub async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<User, AdminError> {
        match self.platform.tenants.user(tenant, id).await? {
            Some(user) => Ok(user),
            None => {
                self.tenant(tenant).await?;
                Err(AdminError::NotFound(Record::user(tenant, id)))
            }
        }
    }

    /// What the assistant remembers of a person.
    pub async fn user_memory(
        &self,
        tenant: &TenantId,
        id: &UserId,
    ) -> Result<UserMemory, AdminError> {
        self.user(tenant, id).await?;
        let memory = self.platform.tenants.memory(tenant, id).await?;
        Ok(memory.unwrap_or_default())
    }

    /// Changes a person's record and preferences.
    ///
    /// # Errors
    /// [`AdminError::Changed`] if someone else changes one of the same fields at the same moment,
    /// or changed one of its budgets since they were seen;
    /// [`AdminError::Refused`] for an address that is another person's, and if the tenant would be
    /// left without an administrator, unless that is allowed.
    pub async fn set_user(
        &self,
        tenant: &TenantId,
        id: &UserId,
        edits: &UserEdits,
        last_admin: LastAdmin,
    ) -> Result<Edited<User>, AdminError> {
        let mut seen = self.user(tenant, id).await?;
        if let Some(budgets) = &edits.budgets_seen {
            seen.budgets = budgets.clone();
        }
        until_unchanged(|| self.try_set_user(&seen, edits, last_admin)).await
    }

    async fn try_set_user(
        &self,
        seen: &User,
        edits: &UserEdits,
        last_admin: LastAdmin,
    ) -> Result<Edited<User>, AdminError> {
        let (tenant, id) = (&seen.tenant_id, &seen.id);
        let guard = self.tenant(tenant).await?;
        let before = self.user(tenant, id).await?;
        let memory = self.platform.tenants.memory(tenant, id).await?;
        let mut edited = plan_user_edits(seen, &before, edits)?;
        let (remembered, preferences) = plan_preferences(memory.as_ref(), &edits.preferences)?;

        let mut changes = Vec::new();
        if before.role == UserRole::Admin && edited.value.role != UserRole::Admin {
            changes.extend(self.losing_admin(guard.clone(), id, last_admin).await?);
        }
        if !edited.value.email.eq_ignore_ascii_case(&before.email) {
            let addresses = self.addresses(tenant).await?;
            addresses.require_free(&edited.value.email, id)?;
            if changes.is_empty() {
                changes.push(touching(guard));
            }
        }
        if !edited.changed.is_empty() {
            changes.push(Change::UpdateUser {
                before,
                after: edited.value.clone(),
            });
        }
        if !preferences.is_empty() {
            changes.push(Change::PutMemory {
                user_id: id.clone(),
                before: memory,
                after: remembered,
            });
        }
        edited.changed.extend(preferences);
        if !changes.is_empty() {
            let target = format!("{id} ({})", edited.changed.join(", "));
            self.commit(tenant, &changes, "user.set", &target).await?;
        }
        Ok(edited)
    }

    /// Removes a person: revokes their keys in the same transaction, then forgets their
    /// conversations.
    ///
    /// Safe to repeat: what an interrupted removal left is removed by the next.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if the tenant would be left without an administrator, unless that is
    /// allowed.
    pub async fn remove_user(
        &self,
        tenant: &TenantId,
        id: &UserId,
        last_admin: LastAdmin,
    ) -> Result<RemovedUser, AdminError> {
        let removed = until_unchanged(|| self.try_remove_user(tenant, id, last_admin)).await;
        if matches!(removed, Ok(_) | Err(AdminError::NotFound(_))) {
            let users = std::slice::from_ref(id);
            self.platform
                .conversations
                .remove_all(tenant, users)
                .await?;
            self.delete_own_secrets(tenant, id).await?;
            // A key made while its user was being removed would work again for a later user of the
            // same id.
            let keys = self.keys_of(tenant, id).await?.into_iter();
            self.revoke_all(tenant, keys.map(Change::RevokeKey).collect())
                .await?;
        }
        removed
    }

    async fn try_remove_user(
        &self,
        tenant: &TenantId,
        id: &UserId,
        last_admin: LastAdmin,
    ) -> Result<RemovedUser, AdminError> {
        let guard = self.tenant(tenant).await?;
        let user = self.user(tenant, id).await?;
        let mut changes = match user.role {
            UserRole::Admin => self.losing_admin(guard, id, last_admin).await?,
            UserRole::Member => Vec::new(),
        };
        changes.push(Change::RemoveUser(user));

        let keys = self.keys_of(tenant, id).await?;
        let api_keys = keys.iter().filter(|key| key.kind() == TokenKind::Key);
        let count = api_keys.count();
        // Whoever has more keys than fit one commit loses the others first: without keys nobody
        // gets in.
        let mut room = self.platform.tenants.commit_limit().room();
        for change in &changes {
            room.take_change(change);
        }
        let mut others = Vec::new();
        for revocation in keys.into_iter().map(Change::RevokeKey) {
            match room.take_change(&revocation) {
                true => changes.push(revocation),
                false => others.push(revocation),
            }
        }
        self.revoke_all(tenant, others).await?;
        self.commit(tenant, &changes, "user.remove", id.as_str())
            .await?;
        Ok(RemovedUser { keys: count })
    }

    /// The changes that must go with one that takes an administrator away. Touching the tenant
    /// makes two such changes at once exclude each other, so that each sees the other's result.
    async fn losing_admin(
        &self,
        tenant: Tenant,
        leaving: &UserId,
        last_admin: LastAdmin,
    ) -> Result<Vec<Change>, AdminError> {
        if last_admin == LastAdmin::MayGo {
            return Ok(Vec::new());
        }
        let users = self
            .all(|page| self.platform.tenants.users(&tenant.id, page))
            .await?;
        if !users
            .iter()
            .any(|user| user.role == UserRole::Admin && user.id != *leaving)
        {
            return Err(AdminError::Refused {
                message: format!(
                    "{} is the tenant's last administrator",
                    Record::user(&tenant.id, leaving)
                ),
                hint: "make someone else an administrator first, or use force".to_owned(),
            });
        }
        Ok(vec![touching(tenant)])
    }

    pub(super) async fn keys_of(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Vec<ApiKey>, AdminError> {
        let mut keys = self
            .all(|page| self.platform.tenants.keys(tenant, page))
            .await?;
        keys.retain(|key| key.user_id == *user);
        Ok(keys)
    }

    pub(super) async fn revoke_all(
        &self,
        tenant: &TenantId,
        revocations: Vec<Change>,
    ) -> Result<(), AdminError> {
        let limit = self.platform.tenants.commit_limit();
        for changes in limit.split(revocations, |change| ((limit.units_of)(change), 0)) {
            let prefixes: Vec<&str> = changes
                .iter()
                .filter_map(|change| match change {
                    Change::RevokeKey(key) => Some(key.prefix.as_str()),
                    _ => None,
                })
                .collect();
            self.commit(tenant, &changes, "key.revoke", &prefixes.join(", "))
                .await?;
        }
        Ok(())
    }
}

pub(super) fn new_user(tenant: &TenantId, new: NewUser) -> Result<User, AdminError> {
    let email = valid_email(&new.email)?;
    let id = match new.id {
        Some(id) => id,
        None => email.to_lowercase().parse().map_err(|error| {
            AdminError::invalid(
                "id",
                format!("must be given, because the e-mail address cannot be one: {error}"),
            )
        })?,
    };
    if id.as_str() == UserId::ANONYMOUS {
        return Err(AdminError::invalid(
            "id",
            "is the one that callers without a credential have",
        ));
    }
    let display_name = match new.display_name {
        Some(name) => valid_name(&name)?,
        None => before_at(&email).to_owned(),
    };
    Ok(User {
        id,
        tenant_id: tenant.clone(),
        email,
        display_name,
        role: new.role,
        channel_identities: Default::default(),
        budgets: Default::default(),
        created_at: None,
        other: Default::default(),
    })
}

/// An address as it can be: one `@` with something on either side, and nothing that breaks out of a
/// header, a log line or a prompt. Whether it exists, only mail can tell.
///
/// # Errors
/// [`AdminError::Invalid`] if it is none.
pub fn valid_email(text: &str) -> Result<String, AdminError> {
    let text = one_line("email", text, MAX_EMAIL_CHARS)?;
    let is_valid = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.split('.').all(|label| {
                !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            })
    }) && !text
        .chars()
        .any(|c| c.is_whitespace() || "\"(),:;<>[\\]`".contains(c));
    if is_valid {
        Ok(text)
    } else {
        Err(AdminError::invalid(
            "email",
            "must be an e-mail address like ada@example.com",
        ))
    }
}

/// A name that people read, trimmed.
///
/// # Errors
/// [`AdminError::Invalid`] if it is empty, too long, or not in one line.
pub fn valid_name(text: &str) -> Result<String, AdminError> {
    one_line("name", text, MAX_NAME_CHARS)
}

fn before_at(email: &str) -> &str {
    email.split_once('@').map_or(email, |(local, _)| local)
}

/// What a person becomes, given what the caller saw and what is stored now.
fn plan_user_edits(seen: &User, now: &User, edits: &UserEdits) -> Result<Edited<User>, AdminError> {
    let email = edits.email.as_deref().map(valid_email).transpose()?;
    let name = edits
        .display_name
        .as_deref()
        .map(|name| one_line("name", name, MAX_NAME_CHARS))
        .transpose()?;
    let own = own_budgets::planned(&seen.budgets, &now.budgets, &edits.budgets);
    let value = User {
        email: email.unwrap_or_else(|| now.email.clone()),
        display_name: name.unwrap_or_else(|| now.display_name.clone()),
        role: edits.role.unwrap_or(now.role),
        budgets: own.value,
        ..now.clone()
    };
    let fields = [
        ("email", &seen.email, &now.email, &value.email),
        (
            "display_name",
            &seen.display_name,
            &now.display_name,
            &value.display_name,
        ),
        (
            "role",
            &seen.role.to_string(),
            &now.role.to_string(),
            &value.role.to_string(),
        ),
    ];
    let changed: Vec<_> = fields
        .into_iter()
        .filter(|(_, _, now, after)| now != after)
        .collect();
    let conflicts =
        changed
            .iter()
            .filter(|(_, seen, now, _)| seen != now)
            .map(|(field, _, now, _)| FieldConflict {
                field: (*field).to_owned(),
                now: format!("`{now}`"),
            });
    let conflicts: Vec<FieldConflict> = conflicts.chain(own.conflicts).collect();
    if !conflicts.is_empty() {
        return Err(AdminError::Changed {
            what: now.into(),
            fields: conflicts,
        });
    }
    let changed = changed
        .into_iter()
        .map(|(field, ..)| field.to_owned())
        .chain(own.changed)
        .collect();
    Ok(Edited { value, changed })
}

/// What is remembered of a person once the preferences are changed, and which of them change.
fn plan_preferences(
    memory: Option<&UserMemory>,
    edits: &[(String, Option<String>)],
) -> Result<(UserMemory, Vec<String>), AdminError> {
    let mut memory = memory.cloned().unwrap_or_default();
    let mut changed = Vec::new();
    for (name, value) in edits {
        let name = one_line("preference", name, MAX_PREFERENCE_CHARS.0)?;
        let value = value
            .as_deref()
            .map(|text| one_line(&name, text, MAX_PREFERENCE_CHARS.1).map(Value::from))
            .transpose()?;
        if memory.preferences.get(&name) == value.as_ref() {
            continue;
        }
        changed.push(format!("preference {name}"));
        match value {
            Some(value) => memory.preferences.insert(name, value),
            None => memory.preferences.remove(&name),
        };
    }
    if !changed.is_empty() && memory.preferences.len() > MAX_PREFERENCES {
        return Err(AdminError::invalid(
            "preference",
            format!("must not be given more than {MAX_PREFERENCES} times"),
        ));
    }
    Ok((memory, changed))
}

#[cfg(test)]
mod tests;
