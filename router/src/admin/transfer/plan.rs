//! What is to be done with a record, given what is stored.

use std::collections::BTreeSet;

use super::super::settings;
use super::format::ExportedRecord;
use crate::model::{ApiKey, OtherAttributes, SecretDocument, Tenant, TenantId, User, UserMemory};
use crate::ports::Change;

/// The field of a user and of a key that is theirs alone.
const BUDGETS: &str = "budgets";

/// What is stored where a record would be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stored {
    /// Nothing of this identity.
    Nothing,
    /// The tenant.
    Tenant(Tenant),
    /// The user.
    User(User),
    /// What is remembered of the user.
    Memory(UserMemory),
    /// Who has the channel.
    Owner(TenantId),
    /// The key.
    ApiKey(ApiKey),
    /// The user that the record belongs to does not exist.
    NoUser,
}

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It did not exist.
    Created,
    /// It is stored just so.
    Unchanged,
    /// These fields were others.
    Overwritten,
    /// It is left as it is, and why.
    Failed(String),
    /// The file names a secret that is not stored.
    Missing,
}

/// What is to be done with a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    pub(super) outcome: Outcome,
    pub(super) change: Option<Change>,
}

impl Planned {
    fn nothing(outcome: Outcome) -> Self {
        Self {
            outcome,
            change: None,
        }
    }

    fn make(outcome: Outcome, change: Change) -> Self {
        Self {
            outcome,
            change: Some(change),
        }
    }
}

/// The change that makes a record where there is nothing; `None` for a secret, which is another
/// store's.
pub(super) fn creation(record: &ExportedRecord) -> Option<Change> {
    Some(match record {
        ExportedRecord::Tenant(tenant) => Change::CreateTenant(tenant.clone()),
        ExportedRecord::User(user) => Change::CreateUser(user.clone()),
        ExportedRecord::Memory(user_id, memory) => Change::PutMemory {
            user_id: user_id.clone(),
            before: None,
            after: memory.clone(),
        },
        ExportedRecord::Channel(mapping) => Change::MapChannel(mapping.clone()),
        ExportedRecord::ApiKey(key) => Change::CreateKey(key.clone()),
        ExportedRecord::Secret(..) => return None,
    })
}

/// What is to be done with a record of `tenant`.
pub(super) fn plan(
    tenant: &TenantId,
    record: &ExportedRecord,
    stored: Stored,
    overwrite: bool,
) -> Planned {
    let (fields, update) = match (record, stored) {
        (_, Stored::NoUser) => {
            return failed("its user does not exist");
        }
        (ExportedRecord::Tenant(wanted), Stored::Tenant(before)) => {
            let after = Tenant {
                version: before.version,
                other: before.other.clone().overlaid(&wanted.other),
                ..wanted.clone()
            };
            let fields = tenant_fields(&before, &after);
            (fields, Some(Change::UpdateTenant { before, after }))
        }
        (ExportedRecord::User(wanted), Stored::User(before)) => {
            let after = User {
                created_at: before.created_at,
                other: before.other.clone().overlaid(&wanted.other),
                ..wanted.clone()
            };
            let fields = user_fields(&before, &after);
            (fields, Some(Change::UpdateUser { before, after }))
        }
        (ExportedRecord::Memory(user_id, wanted), Stored::Memory(before)) => {
            let after = UserMemory {
                other: before.other.clone().overlaid(&wanted.other),
                ..wanted.clone()
            };
            let fields = memory_fields(&before, &after);
            let change = Change::PutMemory {
                user_id: user_id.clone(),
                before: Some(before),
                after,
            };
            (fields, Some(change))
        }
        (ExportedRecord::Channel(_), Stored::Owner(owner)) if owner == *tenant => {
            (Vec::new(), None)
        }
        (ExportedRecord::ApiKey(_), Stored::ApiKey(stored)) if stored.tenant_id != *tenant => {
            return failed("another tenant has it");
        }
        (ExportedRecord::Channel(_), Stored::Owner(_)) => {
            return failed("another tenant has it");
        }
        (ExportedRecord::ApiKey(wanted), Stored::ApiKey(stored)) => {
            let fields = key_fields(&stored, wanted);
            let after = ApiKey {
                budgets: wanted.budgets.clone(),
                ..stored.clone()
            };
            let change = Change::UpdateKey {
                before: stored,
                after,
            };
            let is_change = fields.iter().all(|field| field == BUDGETS);
            (fields, is_change.then_some(change))
        }
        (record, _) => {
            return match creation(record) {
                Some(change) => Planned::make(Outcome::Created, change),
                None => Planned::nothing(Outcome::Unchanged),
            };
        }
    };
    match update {
        _ if fields.is_empty() => Planned::nothing(Outcome::Unchanged),
        Some(change) if overwrite => Planned::make(Outcome::Overwritten, change),
        Some(_) => failed(&differs(&fields)),
        // But for its budgets, a key is made and revoked, never changed.
        None => failed(&format!(
            "{}; a key must be revoked before it can be another",
            differs(&fields)
        )),
    }
}

/// What is to be done with a secret, and whether it is to be written.
pub(super) fn plan_secret(
    wanted: Option<&SecretDocument>,
    stored: Option<&SecretDocument>,
    overwrite: bool,
) -> (Outcome, bool) {
    match (wanted, stored) {
        (None, None) => (Outcome::Missing, false),
        (None, Some(_)) => (Outcome::Unchanged, false),
        (Some(_), None) => (Outcome::Created, true),
        (Some(wanted), Some(stored)) if wanted == stored => (Outcome::Unchanged, false),
        (Some(_), Some(_)) if overwrite => (Outcome::Overwritten, true),
        (Some(wanted), Some(stored)) => {
            let names = wanted.fields().keys().chain(stored.fields().keys());
            let mut fields: Vec<String> = names
                .filter(|name| wanted.fields().get(*name) != stored.fields().get(*name))
                .cloned()
                .collect();
            fields.sort();
            fields.dedup();
            (Outcome::Failed(differs(&fields)), false)
        }
    }
}

fn failed(reason: &str) -> Planned {
    Planned::nothing(Outcome::Failed(reason.to_owned()))
}

fn differs(fields: &[String]) -> String {
    format!("the stored record differs in {}", fields.join(", "))
}

/// The fields that differ, by comparing values one by one.
struct Differences(Vec<String>);

impl Differences {
    /// What other programs store, of which a record keeps what a file does not name.
    fn others(mut self, a: &OtherAttributes, b: &OtherAttributes) -> Vec<String> {
        self.0.extend(a.differing(b));
        self.0
    }

    fn compare<T: PartialEq>(mut self, field: &str, a: &T, b: &T) -> Self {
        if a != b {
            self.0.push(field.to_owned());
        }
        self
    }
}

fn tenant_fields(a: &Tenant, b: &Tenant) -> Vec<String> {
    let differences = Differences(Vec::new())
        .compare("name", &a.name, &b.name)
        .compare("status", &a.status, &b.status)
        .compare("created_at", &a.created_at, &b.created_at)
        .compare("extensions", &a.extensions, &b.extensions);
    let mut fields = differences.others(&a.other, &b.other);
    let (before, after) = (
        settings::as_object(&a.settings),
        settings::as_object(&b.settings),
    );
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    fields.extend(
        names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name))
            .cloned(),
    );
    fields
}

fn user_fields(a: &User, b: &User) -> Vec<String> {
    Differences(Vec::new())
        .compare("email", &a.email, &b.email)
        .compare("display_name", &a.display_name, &b.display_name)
        .compare("role", &a.role, &b.role)
        .compare(
            "channel_identities",
            &a.channel_identities,
            &b.channel_identities,
        )
        .compare(BUDGETS, &a.budgets, &b.budgets)
        .others(&a.other, &b.other)
}

fn memory_fields(a: &UserMemory, b: &UserMemory) -> Vec<String> {
    Differences(Vec::new())
        .compare("preferences", &a.preferences, &b.preferences)
        .compare(
            "custom_properties",
            &a.custom_properties,
            &b.custom_properties,
        )
        .compare("memory_summary", &a.memory_summary, &b.memory_summary)
        .compare(
            "memory_updated_at",
            &a.memory_updated_at,
            &b.memory_updated_at,
        )
        .others(&a.other, &b.other)
}

fn key_fields(a: &ApiKey, b: &ApiKey) -> Vec<String> {
    Differences(Vec::new())
        .compare("user_id", &a.user_id, &b.user_id)
        .compare("name", &a.name, &b.name)
        .compare("role", &a.role, &b.role)
        .compare("created_at", &a.created_at, &b.created_at)
        .compare("expires_at", &a.expires_at, &b.expires_at)
        .compare("prefix", &a.prefix, &b.prefix)
        .compare(BUDGETS, &a.budgets, &b.budgets)
        .others(&a.other, &b.other)
}
