//! Tenants: creating, changing, suspending and removing them.

use jiff::Timestamp;

use super::settings::{self, SettingEdit};
use super::{Admin, AdminError, Edited, FieldConflict, one_line, until_unchanged};
use crate::model::{ApiKey, Tenant, TenantId, TenantSettings, TenantStatus, TokenKind};
use crate::ports::{Change, Page, PageRequest, StoreError};

/// The longest name of a tenant or a person, in characters.
pub(super) const MAX_NAME_CHARS: usize = 200;

/// A tenant to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTenant {
    /// Unique among all tenants of the environment.
    pub id: TenantId,
    /// The name people read; the id if absent.
    pub name: Option<String>,
    /// Whether it is still being set up.
    pub status: TenantStatus,
    /// Settings other than the defaults.
    pub settings: Vec<SettingEdit>,
}

/// What should change on a tenant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TenantEdits {
    /// The name people read.
    pub name: Option<String>,
    /// Settings, each with its new value or none.
    pub settings: Vec<SettingEdit>,
}

/// A tenant with how much belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantOverview {
    /// The tenant's record.
    pub tenant: Tenant,
    /// What belongs to it.
    pub holdings: Holdings,
}

/// How much belongs to a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// How many people.
    pub users: usize,
    /// How many API keys, expired ones included.
    pub keys: usize,
    /// How many sessions of the web page, and links that open one.
    pub sessions: usize,
    /// How many mapped channels.
    pub channels: usize,
    /// How many secrets that were not removed.
    pub secrets: usize,
}

impl Admin {
    /// Creates a tenant.
    ///
    /// # Errors
    /// [`AdminError::AlreadyExists`]; [`StoreError::Reserved`] for the id of a tenant that was
    /// removed lately.
    pub async fn add_tenant(&self, new: NewTenant) -> Result<Tenant, AdminError> {
        let tenant = new_tenant(new, self.now())?;
        let change = Change::CreateTenant(tenant.clone());
        self.commit(&tenant.id, &[change], "tenant.add", tenant.id.as_str())
            .await?;
        Ok(tenant)
    }

    /// All tenants by id. For operators only.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, AdminError> {
        let mut tenants = self.all(|page| self.platform.tenants.tenants(page)).await?;
        tenants.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tenants)
    }

    /// The tenant that is meant where none is named: the only one there is, else
    /// [`TenantId::DEFAULT`]. For operators only: it may list tenants.
    pub async fn usual_tenant(&self) -> Result<TenantId, AdminError> {
        let store = &self.platform.tenants;
        let usual = TenantId::usual();
        if store.tenant(&usual).await?.is_some() {
            return Ok(usual);
        }
        let mut found = Vec::new();
        let mut after = None;
        while found.len() < 2 {
            let page = match store.tenants(PageRequest { limit: 2, after }).await {
                Ok(page) => page,
                // Who may not list them has to name one that is not the usual one.
                Err(StoreError::Denied(_)) => return Ok(usual),
                Err(error) => return Err(error.into()),
            };
            // What cannot be read is a tenant all the same.
            if !page.unreadable.is_empty() {
                return Ok(usual);
            }
            found.extend(page.items.into_iter().map(|tenant| tenant.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(match &found[..] {
            [only] => only.clone(),
            _ => usual,
        })
    }

    /// One tenant's record.
    pub async fn tenant(&self, id: &TenantId) -> Result<Tenant, AdminError> {
        self.platform
            .tenants
            .tenant(id)
            .await?
            .ok_or_else(|| AdminError::NotFound(id.into()))
    }

    /// One tenant with how much belongs to it.
    pub async fn tenant_overview(&self, id: &TenantId) -> Result<TenantOverview, AdminError> {
        let tenant = self.tenant(id).await?;
        let holdings = self.holdings(id).await?;
        Ok(TenantOverview { tenant, holdings })
    }

    /// Changes a tenant as it is now.
    ///
    /// # Errors
    /// [`AdminError::Changed`] if someone else changes one of the same fields at the same moment.
    pub async fn set_tenant(
        &self,
        id: &TenantId,
        edits: &TenantEdits,
    ) -> Result<Edited<Tenant>, AdminError> {
        let seen = self.tenant(id).await?;
        self.set_tenant_as_seen(&seen, edits).await
    }

    /// Changes a tenant that the caller saw before.
    ///
    /// # Errors
    /// [`AdminError::Changed`] if someone else changed one of the same fields since.
    pub async fn set_tenant_as_seen(
        &self,
        seen: &Tenant,
        edits: &TenantEdits,
    ) -> Result<Edited<Tenant>, AdminError> {
        until_unchanged(|| async {
            let before = self.tenant(&seen.id).await?;
            let edited = plan_edits(seen, &before, edits)?;
            self.update_tenant(before, edited, "tenant.set").await
        })
        .await
    }

    /// Stops a tenant from chatting.
    pub async fn suspend_tenant(&self, id: &TenantId) -> Result<Edited<Tenant>, AdminError> {
        self.set_status(id, TenantStatus::Suspended, "tenant.suspend")
            .await
    }

    /// Lets a suspended tenant chat again; ends the setting-up of one that is being set up.
    pub async fn resume_tenant(&self, id: &TenantId) -> Result<Edited<Tenant>, AdminError> {
        self.set_status(id, TenantStatus::Active, "tenant.resume")
            .await
    }

    async fn set_status(
        &self,
        id: &TenantId,
        status: TenantStatus,
        action: &str,
    ) -> Result<Edited<Tenant>, AdminError> {
        until_unchanged(|| async {
            let before = self.tenant(id).await?;
            let changed = match before.status == status {
                true => Vec::new(),
                false => vec!["status".to_owned()],
            };
            let value = Tenant {
                status,
                ..before.clone()
            };
            self.update_tenant(before, Edited { value, changed }, action)
                .await
        })
        .await
    }

    pub(super) async fn update_tenant(
        &self,
        before: Tenant,
        mut edited: Edited<Tenant>,
        action: &str,
    ) -> Result<Edited<Tenant>, AdminError> {
        if edited.changed.is_empty() {
            return Ok(edited);
        }
        let id = before.id.clone();
        let target = format!("{id} ({})", edited.changed.join(", "));
        let change = Change::UpdateTenant {
            before,
            after: edited.value.clone(),
        };
        self.commit(&id, &[change], action, &target).await?;
        edited.value.version += 1;
        Ok(edited)
    }

    async fn holdings(&self, id: &TenantId) -> Result<Holdings, AdminError> {
        let store = &self.platform.tenants;
        let keys = self.counted_keys(id).await?;
        Ok(Holdings {
            users: self
                .counted(|page| store.users(id, page), |_| true)
                .await?
                .count,
            keys: keys.count,
            sessions: keys.others,
            channels: self
                .counted(|page| store.channels(id, page), |_| true)
                .await?
                .count,
            secrets: self.present_secrets(id).await?.len(),
        })
    }
}

/// A list, counted.
pub(super) struct Counted<T> {
    /// How many items it has.
    pub(super) count: usize,
    /// The first of them.
    pub(super) first: Vec<T>,
    /// How many others it has, which are not meant.
    pub(super) others: usize,
}

/// How many items of a list are named.
const NAMED: usize = 10;

impl Admin {
    /// How many API keys a tenant has, and the first of them. The others are sessions and links.
    pub(super) async fn counted_keys(&self, id: &TenantId) -> Result<Counted<ApiKey>, StoreError> {
        let read = |page| self.platform.tenants.keys(id, page);
        self.counted(read, |key| key.kind() == TokenKind::Key).await
    }

    /// How many items of a list are meant, and the first of them. Holds one page at a time.
    pub(super) async fn counted<T, F, Fut>(
        &self,
        mut read: F,
        is_meant: impl Fn(&T) -> bool,
    ) -> Result<Counted<T>, StoreError>
    where
        F: FnMut(PageRequest) -> Fut,
        Fut: Future<Output = Result<Page<T>, StoreError>>,
    {
        let mut counted = Counted {
            count: 0,
            first: Vec::new(),
            others: 0,
        };
        let mut after = None;
        loop {
            let page = self.noted(read(PageRequest { limit: 500, after }).await?);
            for item in page.items {
                match is_meant(&item) {
                    true if counted.first.len() < NAMED => counted.first.push(item),
                    true => {}
                    false => {
                        counted.others += 1;
                        continue;
                    }
                }
                counted.count += 1;
            }
            after = page.next;
            if after.is_none() {
                return Ok(counted);
            }
        }
    }
}

pub(super) fn new_tenant(new: NewTenant, now: Timestamp) -> Result<Tenant, AdminError> {
    let name = match new.name {
        Some(name) => one_line("name", &name, MAX_NAME_CHARS)?,
        None => new.id.to_string(),
    };
    if new.status == TenantStatus::Deleted {
        let reason = "must be active, suspended or onboarding";
        return Err(AdminError::invalid("status", reason));
    }
    let tenant = Tenant {
        id: new.id,
        name,
        status: new.status,
        created_at: now,
        settings: TenantSettings::default(),
        extensions: Default::default(),
        version: 0,
        other: Default::default(),
    };
    settings::edited(&tenant, &new.settings)
}

/// What a tenant becomes, given what the caller saw and what is stored now.
fn plan_edits(
    seen: &Tenant,
    now: &Tenant,
    edits: &TenantEdits,
) -> Result<Edited<Tenant>, AdminError> {
    let name = edits
        .name
        .as_deref()
        .map(|name| one_line("name", name, MAX_NAME_CHARS))
        .transpose()?;
    let mut conflicts = settings::conflicts(seen, now, &edits.settings);
    let mut changed = settings::changed_fields(now, &edits.settings);
    if name.as_ref().is_some_and(|name| *name != now.name) {
        changed.insert(0, "name".to_owned());
        if now.name != seen.name {
            conflicts.push(FieldConflict {
                field: "name".to_owned(),
                now: format!("`{}`", now.name),
            });
        }
    }
    if !conflicts.is_empty() {
        return Err(AdminError::Changed {
            what: now.into(),
            fields: conflicts,
        });
    }
    let value = Tenant {
        name: name.unwrap_or_else(|| now.name.clone()),
        ..settings::edited(now, &edits.settings)?
    };
    Ok(Edited { value, changed })
}

#[cfg(test)]
mod tests {
    use super::super::settings::SettingKey;
    use super::*;

    fn tenant(name: &str, history: Option<u32>) -> Tenant {
        Tenant {
            id: "default".parse().unwrap(),
            name: name.to_owned(),
            status: TenantStatus::Active,
            created_at: Timestamp::UNIX_EPOCH,
            settings: TenantSettings {
                max_conversation_history: history,
                ..TenantSettings::default()
            },
            extensions: Default::default(),
            version: 3,
            other: Default::default(),
        }
    }

    fn history(turns: &str) -> TenantEdits {
        TenantEdits {
            name: None,
            settings: vec![
                SettingEdit::set_text(SettingKey::MaxConversationHistory, turns).unwrap(),
            ],
        }
    }

    #[test]
    fn edits_are_planned_on_what_is_stored_now() {
        let edited = plan_edits(
            &tenant("Seen", None),
            &tenant("Renamed", None),
            &history("5"),
        );
        let edited = edited.unwrap();
        assert_eq!(edited.changed, ["max_conversation_history"]);
        assert_eq!(edited.value, tenant("Renamed", Some(5)));
    }

    #[test]
    fn a_field_that_someone_else_changed_is_told_with_its_value() {
        let error = plan_edits(&tenant("T", Some(1)), &tenant("T", Some(2)), &history("5"));
        assert_eq!(
            error.unwrap_err().to_string(),
            "tenant `default` was changed by someone else in the meantime: \
             `max_conversation_history` is now `2`"
        );
        let rename = TenantEdits {
            name: Some("Mine".to_owned()),
            settings: Vec::new(),
        };
        let error = plan_edits(&tenant("T", None), &tenant("Theirs", None), &rename);
        assert!(matches!(error, Err(AdminError::Changed { .. })));
    }

    #[test]
    fn someone_else_making_the_same_change_is_no_conflict() {
        let edited = plan_edits(&tenant("T", None), &tenant("T", Some(5)), &history("5"));
        assert_eq!(edited.unwrap().changed, Vec::<String>::new());
    }

    #[test]
    fn names_are_one_line_that_people_can_read() {
        for bad in ["", "  ", "a\nb", "\u{1b}[31m", &"x".repeat(201)] {
            let edits = TenantEdits {
                name: Some(bad.to_owned()),
                settings: Vec::new(),
            };
            let result = plan_edits(&tenant("T", None), &tenant("T", None), &edits);
            assert!(
                matches!(result, Err(AdminError::Invalid { ref field, .. }) if field == "name"),
                "{bad:?} was accepted"
            );
        }
    }
}
