//! Setting a tenant up in one go: the tenant, people, channels and integrations that a description names.
//!
//! Repeating it changes nothing, and it never takes back what an operator did since: a setting that has a value keeps it, a
//! role is never lowered, a suspended tenant stays suspended, and what the description does not name is left alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::settings::{self, SettingEdit};
use super::tenants::{NewTenant, new_tenant};
use super::users::{NewUser, new_user};
use super::{Admin, AdminError, channels, one_line, secrets, tenants, until_unchanged};
use crate::model::{
    ChannelId, ChannelKind, IntegrationName, JsonObject, SecretDocument, SecretName, Tenant,
    TenantId, TenantStatus, User, UserId, UserRole,
};
use crate::ports::{Change, MAX_WEIGHT, StoreError};

/// What a tenant should have.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantSeed {
    /// The tenant.
    pub id: TenantId,
    /// The name people read; for a new tenant without one, its id.
    pub name: Option<String>,
    /// Settings, where they have no value yet.
    pub settings: Vec<SettingEdit>,
    /// People.
    pub users: Vec<UserSeed>,
    /// Channels.
    pub channels: Vec<(ChannelKind, ChannelId)>,
    /// Credentials by integration. Fields that are stored and not named here stay.
    pub secrets: BTreeMap<IntegrationName, SecretDocument>,
}

/// A person that a tenant should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSeed {
    /// The address.
    pub email: String,
    /// The id; the lower-cased address if absent.
    pub id: Option<UserId>,
    /// The name people read; for a new person without one, the address up to its `@`.
    pub display_name: Option<String>,
    /// At least this role.
    pub role: UserRole,
}

/// What seeding does to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedItem {
    /// `tenant`, `user`, `channel` or `secret`.
    pub kind: &'static str,
    /// Which one.
    pub name: String,
    /// What is done.
    pub outcome: SeedOutcome,
}

/// What seeding does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedOutcome {
    /// It was not there.
    Created,
    /// These fields change.
    Changed(Vec<String>),
    /// It had been removed and comes back.
    Restored,
    /// It is so already.
    Unchanged,
}

impl SeedOutcome {
    /// The outcome in a word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed(_) => "changed",
            Self::Restored => "restored",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What there is of what a seed names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Current {
    /// The tenant.
    pub tenant: Option<Tenant>,
    /// The people that the seed names, as far as they are there.
    pub users: BTreeMap<UserId, User>,
    /// The owners of the channels that the seed names.
    pub channels: BTreeMap<(ChannelKind, ChannelId), TenantId>,
    /// The secrets that the seed names.
    pub secrets: BTreeMap<IntegrationName, CurrentSecret>,
}

/// What there is of a secret.
#[derive(Debug, Clone, PartialEq)]
pub enum CurrentSecret {
    /// Its content.
    Present(SecretDocument),
    /// It was removed and can be restored; its content cannot be read.
    Removed,
}

/// What seeding will do. No secret's value is in its items.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedPlan {
    /// Each item, in the seed's order.
    pub items: Vec<SeedItem>,
    changes: Vec<Change>,
    secrets: Vec<(SecretName, SecretDocument)>,
}

/// How many people are planned and committed together: with the tenant, within one transaction.
const USERS_AT_ONCE: usize = MAX_WEIGHT - 1;
/// How many channels; each weighs two.
const CHANNELS_AT_ONCE: usize = USERS_AT_ONCE / 2;

impl Admin {
    /// What seeding would do now.
    pub async fn plan_seed(&self, seed: &TenantSeed) -> Result<SeedPlan, AdminError> {
        let current = self.current(seed).await?;
        plan(&current, seed, self.now())
    }

    /// Seeds a tenant and says what it did to each item. Large seeds are done in batches, each of them whole or not at
    /// all; repeating goes on where an interruption ended it.
    pub async fn seed(&self, seed: &TenantSeed) -> Result<Vec<SeedItem>, AdminError> {
        // Finds what is wrong with the seed before anything changes.
        self.plan_seed(seed).await?;
        let mut items = Vec::new();
        for (n, part) in in_batches(seed).iter().enumerate() {
            let done = until_unchanged(|| self.try_seed(part)).await?;
            // The first part says what became of the tenant.
            items.extend(
                done.into_iter()
                    .filter(|item| n == 0 || item.kind != "tenant"),
            );
        }
        Ok(items)
    }

    async fn try_seed(&self, seed: &TenantSeed) -> Result<Vec<SeedItem>, AdminError> {
        let plan = self.plan_seed(seed).await?;
        if !plan.changes.is_empty() {
            let target: Vec<String> = plan
                .items
                .iter()
                .filter(|item| item.kind != "secret" && item.outcome != SeedOutcome::Unchanged)
                .map(|item| format!("{} {}", item.kind, item.name))
                .collect();
            self.commit(&seed.id, &plan.changes, "tenant.seed", &target.join(", "))
                .await?;
        }
        for (name, document) in &plan.secrets {
            self.put_secret(name, document).await?;
        }
        Ok(plan.items)
    }

    async fn current(&self, seed: &TenantSeed) -> Result<Current, AdminError> {
        let store = &self.platform.tenants;
        let mut current = Current {
            tenant: store.tenant(&seed.id).await?,
            ..Current::default()
        };
        for wanted in &seed.users {
            let id = wanted.user(&seed.id)?.id;
            if let Some(user) = store.user(&seed.id, &id).await? {
                current.users.insert(id, user);
            }
        }
        for (kind, id) in &seed.channels {
            if let Some(owner) = store.channel_owner(*kind, id).await? {
                current.channels.insert((*kind, id.clone()), owner);
            }
        }
        for integration in seed.secrets.keys() {
            let name = seed.secret_name(integration);
            let secret = match self.platform.secrets.get(&name).await? {
                Some(document) => Some(CurrentSecret::Present(document)),
                None => self
                    .platform
                    .secrets
                    .describe(&name)
                    .await?
                    .map(|_| CurrentSecret::Removed),
            };
            current
                .secrets
                .extend(secret.map(|secret| (integration.clone(), secret)));
        }
        Ok(current)
    }
}

/// What must be done so that everything the seed names is there.
///
/// # Errors
/// [`AdminError::Invalid`] for what cannot be stored; [`StoreError::Taken`] for another tenant's channel.
pub fn plan(current: &Current, seed: &TenantSeed, now: Timestamp) -> Result<SeedPlan, AdminError> {
    let mut plan = SeedPlan {
        items: Vec::new(),
        changes: Vec::new(),
        secrets: Vec::new(),
    };
    plan.tenant(current, seed, now)?;
    for wanted in &seed.users {
        plan.user(current, seed, wanted)?;
    }
    for (kind, id) in &seed.channels {
        plan.channel(current, seed, *kind, id)?;
    }
    for (integration, document) in &seed.secrets {
        plan.secret(current, seed, integration, document)?;
    }
    let mut named = BTreeSet::new();
    match plan
        .items
        .iter()
        .find(|item| !named.insert((item.kind, &item.name)))
    {
        Some(twice) => Err(AdminError::invalid(
            twice.kind,
            format!("`{}` is named twice", twice.name),
        )),
        None => Ok(plan),
    }
}

impl SeedPlan {
    fn tenant(
        &mut self,
        current: &Current,
        seed: &TenantSeed,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let Some(before) = &current.tenant else {
            let tenant = new_tenant(
                NewTenant {
                    id: seed.id.clone(),
                    name: seed.name.clone(),
                    status: TenantStatus::Active,
                    settings: seed.settings.clone(),
                },
                now,
            )?;
            self.changes.push(Change::CreateTenant(tenant));
            self.push("tenant", &seed.id, SeedOutcome::Created);
            return Ok(());
        };
        let stored = settings::as_object(&before.settings);
        let absent: Vec<SettingEdit> = seed
            .settings
            .iter()
            .filter(|edit| !stored.contains_key(edit.key().as_str()))
            .cloned()
            .collect();
        let mut after = before.clone();
        after.settings = settings::edited(&before.settings, &absent)?;
        let mut changed = settings::changed_fields(&before.settings, &absent);
        if let Some(name) = &seed.name {
            let name = one_line("name", name, tenants::MAX_NAME_CHARS)?;
            if name != before.name {
                after.name = name;
                changed.insert(0, "name".to_owned());
            }
        }
        self.changed("tenant", &seed.id, changed, || Change::UpdateTenant {
            before: before.clone(),
            after,
        });
        Ok(())
    }

    fn user(
        &mut self,
        current: &Current,
        seed: &TenantSeed,
        wanted: &UserSeed,
    ) -> Result<(), AdminError> {
        let new = wanted.user(&seed.id)?;
        let id = new.id.clone();
        let Some(before) = current.users.get(&id) else {
            self.changes.push(Change::CreateUser(new));
            self.push("user", &id, SeedOutcome::Created);
            return Ok(());
        };
        let mut after = before.clone();
        let mut changed = Vec::new();
        if new.email != before.email {
            after.email = new.email;
            changed.push("email".to_owned());
        }
        if wanted.display_name.is_some() && new.display_name != before.display_name {
            after.display_name = new.display_name;
            changed.push("display_name".to_owned());
        }
        if new.role > before.role {
            after.role = new.role;
            changed.push("role".to_owned());
        }
        self.changed("user", &id, changed, || Change::UpdateUser {
            before: before.clone(),
            after,
        });
        Ok(())
    }

    fn channel(
        &mut self,
        current: &Current,
        seed: &TenantSeed,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<(), AdminError> {
        let mapping = channels::mapping(&seed.id, kind, id)?;
        let name = format!("{kind} {id}");
        match current.channels.get(&(kind, id.clone())) {
            Some(owner) if *owner == seed.id => self.push("channel", name, SeedOutcome::Unchanged),
            Some(_) => return Err(StoreError::Taken(channels::named(&mapping)).into()),
            None => {
                self.changes.push(Change::MapChannel(mapping));
                self.push("channel", name, SeedOutcome::Created);
            }
        }
        Ok(())
    }

    fn secret(
        &mut self,
        current: &Current,
        seed: &TenantSeed,
        integration: &IntegrationName,
        wanted: &SecretDocument,
    ) -> Result<(), AdminError> {
        let (stored, absent) = match current.secrets.get(integration) {
            Some(CurrentSecret::Present(document)) => (document.fields().clone(), None),
            Some(CurrentSecret::Removed) => (JsonObject::new(), Some(SeedOutcome::Restored)),
            None => (JsonObject::new(), Some(SeedOutcome::Created)),
        };
        let mut fields = stored.clone();
        fields.extend(wanted.fields().clone());
        let document = SecretDocument::new(fields);
        secrets::check(integration, &document)?;
        let changed: Vec<String> = document
            .fields()
            .iter()
            .filter(|(name, value)| stored.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect();
        let outcome = match absent {
            Some(outcome) => outcome,
            None if changed.is_empty() => SeedOutcome::Unchanged,
            None => SeedOutcome::Changed(changed),
        };
        if outcome != SeedOutcome::Unchanged {
            self.secrets.push((seed.secret_name(integration), document));
        }
        self.push("secret", integration, outcome);
        Ok(())
    }

    fn changed(
        &mut self,
        kind: &'static str,
        name: impl ToString,
        fields: Vec<String>,
        change: impl FnOnce() -> Change,
    ) {
        if fields.is_empty() {
            self.push(kind, name, SeedOutcome::Unchanged);
        } else {
            self.changes.push(change());
            self.push(kind, name, SeedOutcome::Changed(fields));
        }
    }

    fn push(&mut self, kind: &'static str, name: impl ToString, outcome: SeedOutcome) {
        self.items.push(SeedItem {
            kind,
            name: name.to_string(),
            outcome,
        });
    }
}

impl TenantSeed {
    /// A seed that names a tenant alone.
    pub fn new(id: TenantId) -> Self {
        Self {
            id,
            name: None,
            settings: Vec::new(),
            users: Vec::new(),
            channels: Vec::new(),
            secrets: BTreeMap::new(),
        }
    }

    fn secret_name(&self, integration: &IntegrationName) -> SecretName {
        SecretName {
            tenant_id: self.id.clone(),
            integration: integration.clone(),
        }
    }
}

impl UserSeed {
    fn user(&self, tenant: &TenantId) -> Result<User, AdminError> {
        new_user(
            tenant,
            NewUser {
                email: self.email.clone(),
                id: self.id.clone(),
                display_name: self.display_name.clone(),
                role: self.role,
            },
        )
    }
}

/// The seed in parts that fit one transaction each: as a whole if it does, else the tenant first and its secrets last.
fn in_batches(seed: &TenantSeed) -> Vec<TenantSeed> {
    if seed.users.len() + 2 * seed.channels.len() <= USERS_AT_ONCE {
        return vec![seed.clone()];
    }
    let bare = TenantSeed::new(seed.id.clone());
    let tenant = TenantSeed {
        name: seed.name.clone(),
        settings: seed.settings.clone(),
        ..bare.clone()
    };
    let users = seed.users.chunks(USERS_AT_ONCE).map(|users| TenantSeed {
        users: users.to_vec(),
        ..bare.clone()
    });
    let channels = seed
        .channels
        .chunks(CHANNELS_AT_ONCE)
        .map(|channels| TenantSeed {
            channels: channels.to_vec(),
            ..bare.clone()
        });
    let secrets = TenantSeed {
        secrets: seed.secrets.clone(),
        ..bare.clone()
    };
    std::iter::once(tenant)
        .chain(users)
        .chain(channels)
        .chain([secrets])
        .collect()
}

#[cfg(test)]
#[cfg(feature = "local")]
mod killed;
#[cfg(test)]
mod tests;
