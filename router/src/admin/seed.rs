//! Setting a tenant up in one go: the tenant, people, channels and integrations that a description
//! names.
//!
//! Repeating it changes nothing, and it never takes back what an operator did since: a setting that
//! has a value keeps it, a role is never lowered, a suspended tenant stays suspended, and what the
//! description does not name is left alone.

mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::addresses::{Addresses, touching};
use super::settings::{self, SettingEdit};
use super::tenants::{NewTenant, new_tenant};
use super::users::{NewUser, new_user};
use super::{Admin, AdminError, channels, one_line, secrets, tenants, until_unchanged};
use crate::model::{
    ChannelId, ChannelKind, IntegrationName, JsonObject, SecretDocument, SecretName, Tenant,
    TenantId, TenantStatus, User, UserId, UserRole,
};
use crate::ports::{Change, StoreError};

/// What a tenant should have.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantSeed {
    /// The tenant's id.
    pub id: TenantId,
    /// The name people read; for a new tenant without one, its id.
    pub name: Option<String>,
    /// Settings, where they have no value yet.
    pub settings: Vec<SettingEdit>,
    /// People, by their ids; those of the tenant that are not named stay.
    pub users: Vec<UserSeed>,
    /// Channels that should be mapped to the tenant.
    pub channels: Vec<(ChannelKind, ChannelId)>,
    /// Credentials by integration. Fields that are stored and not named here stay.
    pub secrets: BTreeMap<IntegrationName, SecretDocument>,
}

/// A person that a tenant should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSeed {
    /// The e-mail address.
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
    /// The id, the kind and id of a channel, or the integration.
    pub name: String,
    /// The address by which a person was found who has another id.
    pub found_by: Option<String>,
    /// What seeding does to it, or did.
    pub outcome: SeedOutcome,
}

/// What seeding does to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedOutcome {
    /// It did not exist.
    Created,
    /// These fields change.
    Changed(Vec<String>),
    /// It had been removed and comes back.
    Restored,
    /// It has all that the seed names already.
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

/// What is stored of what a seed names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Current {
    /// The tenant; `None` if it does not exist.
    pub tenant: Option<Tenant>,
    /// The people that the seed names, by id or address, as far as they exist.
    pub users: BTreeMap<UserId, User>,
    /// Who has which address, whether the seed names them or not.
    pub(super) addresses: Addresses,
    /// The owners of the channels that the seed names.
    pub channels: BTreeMap<(ChannelKind, ChannelId), TenantId>,
    /// The secrets that the seed names.
    pub secrets: BTreeMap<IntegrationName, CurrentSecret>,
}

/// What is stored of a secret.
#[derive(Debug, Clone, PartialEq)]
pub enum CurrentSecret {
    /// It can be read; this is its content.
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
    /// The addresses of the people so far.
    addresses: Addresses,
}

/// How many channels are looked up at once.
const LOOKUPS_AT_ONCE: usize = 16;

/// What earlier attempts at a seed did to items that a fresh plan finds unchanged.
type Done = Mutex<BTreeMap<String, SeedOutcome>>;

impl Admin {
    /// What seeding would do now.
    pub async fn plan_seed(&self, seed: &TenantSeed) -> Result<SeedPlan, AdminError> {
        let current = self.current(seed).await?;
        plan(&current, seed, self.now())
    }

    /// Seeds a tenant and says what it did to each item: reads what is stored once, plans, and
    /// commits the plan. A large seed takes several commits, each of them whole or not at all;
    /// repeating goes on where an interruption ended it.
    pub async fn seed(&self, seed: &TenantSeed) -> Result<Vec<SeedItem>, AdminError> {
        let done = Done::default();
        until_unchanged(|| self.try_seed(seed, &done)).await
    }

    async fn try_seed(&self, seed: &TenantSeed, done: &Done) -> Result<Vec<SeedItem>, AdminError> {
        let SeedPlan {
            mut items,
            changes,
            secrets,
            ..
        } = self.plan_seed(seed).await?;
        let note = |targets: &[String]| {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            for item in &items {
                let target = item.target();
                if targets.contains(&target) {
                    done.entry(target).or_insert_with(|| item.outcome.clone());
                }
            }
        };
        let limit = self.platform.tenants.commit_limit();
        for changes in limit.split(changes, |change| ((limit.units_of)(change), 0)) {
            let is_made = |change: &&Change| !matches!(change, Change::UpdateTenant { before, after } if before == after);
            let targets: Vec<String> = changes.iter().filter(is_made).map(target).collect();
            self.commit(&seed.id, &changes, "tenant.seed", &targets.join(", "))
                .await
                .map_err(|error| match error {
                    // Someone else was faster: what is stored is read again.
                    AdminError::AlreadyExists(record) | AdminError::NotFound(record) => {
                        AdminError::Store(StoreError::Changed(record))
                    }
                    other => other,
                })?;
            note(&targets);
        }
        for (name, document) in &secrets {
            self.put_secret(name, document).await?;
        }
        let done = done.lock().unwrap_or_else(PoisonError::into_inner);
        for item in &mut items {
            if let Some(outcome) = done.get(&item.target()) {
                item.outcome = outcome.clone();
            }
        }
        Ok(items)
    }

    async fn current(&self, seed: &TenantSeed) -> Result<Current, AdminError> {
        let store = &self.platform.tenants;
        let mut current = Current {
            tenant: store.tenant(&seed.id).await?,
            ..Current::default()
        };
        let mut wanted = BTreeSet::new();
        for user in &seed.users {
            wanted.insert(user.user(&seed.id)?.id);
        }
        if !wanted.is_empty() {
            // By pages: one by one, as many reads would follow each other as there are people.
            let users = self.all(|page| store.users(&seed.id, page)).await?;
            current.addresses = Addresses::of(&users);
            let found = seed.users.iter();
            wanted.extend(found.filter_map(|user| current.addresses.holder(&user.email).cloned()));
            let named = users.into_iter().filter(|user| wanted.contains(&user.id));
            current.users = named.map(|user| (user.id.clone(), user)).collect();
        }
        let owners: Vec<_> = stream::iter(seed.channels.clone())
            .map(|(kind, id)| async move {
                let owner = store.channel_owner(kind, &id).await?;
                Ok::<_, StoreError>(owner.map(|owner| ((kind, id), owner)))
            })
            .buffered(LOOKUPS_AT_ONCE)
            .try_collect()
            .await?;
        current.channels = owners.into_iter().flatten().collect();
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

/// What must be done so that everything the seed names exists.
///
/// # Errors
/// [`AdminError::Invalid`] for what cannot be stored; [`StoreError::Taken`] for another tenant's
/// channel.
pub fn plan(current: &Current, seed: &TenantSeed, now: Timestamp) -> Result<SeedPlan, AdminError> {
    let mut plan = SeedPlan {
        items: Vec::new(),
        changes: Vec::new(),
        secrets: Vec::new(),
        addresses: Addresses::default(),
    };
    plan.tenant(current, seed, now)?;
    for wanted in &seed.users {
        plan.user(current, seed, wanted)?;
    }
    plan.tie_addresses(current);
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
    /// Addresses are given out only while nobody else gives one out.
    fn tie_addresses(&mut self, current: &Current) {
        let Some(tenant) = &current.tenant else {
            return;
        };
        let is_new = |change: &Change| match change {
            Change::CreateUser(_) => true,
            Change::UpdateUser { before, after } => before.email != after.email,
            _ => false,
        };
        let is_tied = |change: &Change| matches!(change, Change::UpdateTenant { .. });
        if self.changes.iter().any(is_new) && !self.changes.iter().any(is_tied) {
            self.changes.insert(0, touching(tenant.clone()));
        }
    }

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
        let stored = settings::of(before);
        let absent: Vec<SettingEdit> = seed
            .settings
            .iter()
            .filter(|edit| !stored.contains_key(edit.key().as_str()))
            .cloned()
            .collect();
        let mut after = settings::edited(before, &absent)?;
        let mut changed = settings::changed_fields(before, &absent);
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
            Some(_) => return Err(StoreError::Taken((&mapping).into()).into()),
            None => {
                channels::require_served(kind)?;
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
            found_by: None,
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
            user_id: None,
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

impl SeedItem {
    /// The item as the audit trail names it.
    fn target(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

/// The item that a change makes as the seed has it, as the audit trail names it.
fn target(change: &Change) -> String {
    match change {
        Change::CreateTenant(tenant) | Change::UpdateTenant { after: tenant, .. } => {
            format!("tenant {}", tenant.id)
        }
        Change::MapChannel(mapping) | Change::UnmapChannel(mapping) => {
            format!("channel {} {}", mapping.kind, mapping.channel_id)
        }
        Change::CreateUser(user)
        | Change::UpdateUser { after: user, .. }
        | Change::RemoveUser(user) => format!("user {}", user.id),
        Change::PutMemory { user_id, .. } => format!("memory {user_id}"),
        Change::CreateKey(key) | Change::RevokeKey(key) | Change::UpdateKey { before: key, .. } => {
            format!("key {}", key.prefix)
        }
    }
}

#[cfg(test)]
#[cfg(feature = "local")]
mod crashes;
#[cfg(test)]
mod tests;
