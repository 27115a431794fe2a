//! The records of the tenants' table as items. Ids are read from keys, which cannot be changed;
//! attributes repeat them for other programs.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::Value;

use super::keys::{self, ChannelNames};
use super::removal::RESERVED_UNTIL;
use crate::aws::dynamodb::Condition;
use crate::aws::dynamodb::attributes::{
    Item, corrupt, counter, identity, json, json_value, number_value, parsed, parsed_if_set, text,
    text_if_set, text_value, time, time_if_set,
};
use crate::aws::dynamodb::other::{other_attributes, other_items};
use crate::model::{
    ApiKey, AuditEntry, ChannelId, ChannelMapping, KEY_ATTRIBUTES, KeyHash, MAPPING_ATTRIBUTES,
    MEMORY_ATTRIBUTES, OwnBudgets, TENANT_ATTRIBUTES, Tenant, TenantId, TenantStatus,
    USER_ATTRIBUTES, USER_CREATED_AT, User, UserMemory, UserRole,
};
use crate::ports::StoreError;

/// The tenant of an item, from its partition key.
pub(super) fn tenant_of(item: &Item) -> Result<TenantId, StoreError> {
    after_mark(item, "pk", keys::TENANT)
}

/// The rest of a key behind its mark.
fn after_mark<T>(item: &Item, attribute: &str, mark: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text(item, attribute)?
        .strip_prefix(mark)
        .ok_or_else(|| corrupt(attribute, &format!("it does not begin with `{mark}`")))?
        .parse()
        .map_err(|error| corrupt(attribute, &error))
}

/// The key of an item, to be shown. Of an API key's hash only the beginning.
pub(super) fn key_of(item: &Item) -> String {
    let (partition, mut sort) = identity(item);
    if let Some(hash) = sort.strip_prefix(keys::API_KEY) {
        let begin: String = hash.chars().take(8).collect();
        sort = format!("{}{begin}…", keys::API_KEY);
    }
    format!("{partition} {sort}")
}

/// What was read of one item; what cannot be read is named by its key.
pub(super) fn named<T>(item: &Item, read: Result<T, StoreError>) -> Result<T, StoreError> {
    read.map_err(|error| match error {
        StoreError::Corrupt { what, detail } => StoreError::Corrupt {
            what: format!("{what} of the item `{}`", key_of(item)),
            detail,
        },
        other => other,
    })
}

/// Whatever an older program left out has the value with which that program reads it.
pub(crate) fn tenant(item: &Item) -> Result<Tenant, StoreError> {
    let id = tenant_of(item)?;
    Ok(Tenant {
        name: text_if_set(item, "name")?
            .filter(|name| !name.trim().is_empty())
            .unwrap_or(id.as_str())
            .to_owned(),
        id,
        status: parsed_if_set(item, "status")?.unwrap_or(TenantStatus::Active),
        created_at: time_if_set(item, "created_at")?.unwrap_or(Timestamp::UNIX_EPOCH),
        settings: json(item, "settings")?,
        extensions: json(item, "extensions")?,
        version: counter(item, "version")?,
        other: other_attributes(item, TENANT_ATTRIBUTES)?,
    })
}

/// An extension is an attribute of its own that older programs do not look at; without any it is
/// left out.
pub(super) fn tenant_item(tenant: &Tenant) -> Result<Item, StoreError> {
    let mut item = other_items(&tenant.other, TENANT_ATTRIBUTES);
    item.extend(keys::tenant(&tenant.id));
    item.extend([
        ("tenant_id".to_owned(), text_value(tenant.id.as_str())),
        ("name".to_owned(), text_value(&tenant.name)),
        ("status".to_owned(), text_value(tenant.status.as_str())),
        (
            "created_at".to_owned(),
            text_value(tenant.created_at.to_string()),
        ),
        ("settings".to_owned(), json_value(&tenant.settings)?),
        ("version".to_owned(), number_value(tenant.version)),
    ]);
    if !tenant.extensions.is_empty() {
        item.insert("extensions".to_owned(), json_value(&tenant.extensions)?);
    }
    Ok(item)
}

pub(crate) fn user(item: &Item) -> Result<User, StoreError> {
    Ok(User {
        id: after_mark(item, "sk", keys::USER)?,
        tenant_id: tenant_of(item)?,
        email: text_if_set(item, "email")?.unwrap_or_default().to_owned(),
        display_name: text_if_set(item, "display_name")?
            .unwrap_or_default()
            .to_owned(),
        // Whoever is given no role may do the least.
        role: parsed_if_set(item, "role")?.unwrap_or(UserRole::Member),
        channel_identities: json(item, "channel_identities")?,
        budgets: json(item, "budgets")?,
        created_at: time_if_set(item, USER_CREATED_AT)?,
        other: other_attributes(item, USER_ATTRIBUTES)?,
    })
}

pub(super) fn user_item(user: &User) -> Result<Item, StoreError> {
    let mut item = other_items(&user.other, USER_ATTRIBUTES);
    item.extend(keys::user(&user.tenant_id, &user.id));
    item.extend([
        ("user_id".to_owned(), text_value(user.id.as_str())),
        ("tenant_id".to_owned(), text_value(user.tenant_id.as_str())),
        ("email".to_owned(), text_value(&user.email)),
        ("display_name".to_owned(), text_value(&user.display_name)),
        ("role".to_owned(), text_value(user.role.as_str())),
        (
            "channel_identities".to_owned(),
            json_value(&user.channel_identities)?,
        ),
    ]);
    item.extend(budgets_attribute(&user.budgets));
    item.extend(user.created_at.map(|at| {
        let at = text_value(at.to_string());
        (USER_CREATED_AT.to_owned(), at)
    }));
    Ok(item)
}

/// That the user is there, and the same: not another of the same id.
pub(crate) fn is_same_user(created_at: Option<Timestamp>) -> Condition {
    let created_at = created_at.map(|at| text_value(at.to_string()));
    Condition::present().and(Condition::same(USER_CREATED_AT, created_at))
}

pub(super) fn memory(item: &Item) -> Result<UserMemory, StoreError> {
    Ok(UserMemory {
        preferences: json(item, "preferences")?,
        custom_properties: json(item, "custom_properties")?,
        // Older programs write an empty text for what they do not know yet.
        memory_summary: text_if_set(item, "memory_summary")?
            .filter(|summary| !summary.trim().is_empty())
            .map(str::to_owned),
        memory_updated_at: time_if_set(item, "memory_updated_at")?,
        other: other_attributes(item, MEMORY_ATTRIBUTES)?,
    })
}

/// Without its key, which the memory does not know.
pub(super) fn memory_attributes(memory: &UserMemory) -> Result<Item, StoreError> {
    let mut item = other_items(&memory.other, MEMORY_ATTRIBUTES);
    item.extend([
        ("preferences".to_owned(), json_value(&memory.preferences)?),
        (
            "custom_properties".to_owned(),
            json_value(&memory.custom_properties)?,
        ),
    ]);
    if let Some(summary) = &memory.memory_summary {
        item.insert("memory_summary".to_owned(), text_value(summary));
    }
    if let Some(at) = memory.memory_updated_at {
        item.insert("memory_updated_at".to_owned(), text_value(at.to_string()));
    }
    Ok(item)
}

pub(super) fn mapping(item: &Item) -> Result<ChannelMapping, StoreError> {
    Ok(ChannelMapping {
        tenant_id: tenant_of(item)?,
        kind: parsed(item, "channel_type")?,
        channel_id: parsed(item, "channel_specific_id")?,
        other: other_attributes(item, MAPPING_ATTRIBUTES)?,
    })
}

/// Whether a mapping is this channel's: under one name there may be another's.
pub(super) fn is_mapping_of(item: &Item, id: &ChannelId) -> bool {
    match text_if_set(item, "channel_specific_id") {
        Ok(Some(stored)) => stored == id.as_str(),
        // Nothing else it could be.
        Ok(None) | Err(_) => true,
    }
}

/// The names on which a channel's mapping may have claims.
pub(super) fn claimed_names(item: &Item) -> Vec<String> {
    let (_, stored) = identity(item);
    let mut names = vec![stored];
    if let Ok(mapping) = mapping(item) {
        let known = ChannelNames::of(mapping.kind, &mapping.channel_id);
        names.extend(known.claimed().map(str::to_owned));
    }
    names.sort();
    names.dedup();
    names
}

pub(super) fn mapping_item(mapping: &ChannelMapping) -> Item {
    let name = keys::channel_name(mapping.kind, &mapping.channel_id);
    let mut item = other_items(&mapping.other, MAPPING_ATTRIBUTES);
    item.extend(mapping_with(
        &mapping.tenant_id,
        &name,
        mapping.kind.as_str(),
        mapping.channel_id.as_str(),
    ));
    item
}

fn mapping_with(tenant: &TenantId, name: &str, kind: &str, id: &str) -> Item {
    let mut item = keys::mapping(tenant, name);
    item.extend([
        (keys::CHANNEL_INDEX_KEY.to_owned(), text_value(name)),
        ("channel_type".to_owned(), text_value(kind)),
        ("channel_specific_id".to_owned(), text_value(id)),
    ]);
    item
}

pub(super) fn claim_item(name: &str, tenant: &TenantId) -> Item {
    let mut item = keys::claim(name);
    item.insert("tenant_id".to_owned(), text_value(tenant.as_str()));
    item
}

/// Who a claim says owns the channel.
pub(super) fn claimant(claim: &Item) -> Result<TenantId, StoreError> {
    parsed(claim, "tenant_id")
}

/// That a claim is this tenant's.
pub(super) fn claimed_by(tenant: &TenantId) -> Condition {
    Condition::equals("tenant_id", text_value(tenant.as_str()))
}

/// Whether a channel of type `api` is an API key, and which.
pub(super) fn key_hash(item: &Item) -> Result<Option<KeyHash>, StoreError> {
    Ok(text(item, "sk")?
        .strip_prefix(keys::API_KEY)
        .and_then(|hash| hash.parse().ok()))
}

pub(super) fn api_key(item: &Item) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        hash: after_mark(item, "sk", keys::API_KEY)?,
        tenant_id: tenant_of(item)?,
        user_id: parsed(item, "user_id")?,
        name: text_if_set(item, "name")?.unwrap_or_default().to_owned(),
        role: parsed(item, "role")?,
        created_at: time(item, "created_at")?,
        expires_at: time_if_set(item, "expires_at")?,
        prefix: text_if_set(item, "prefix")?.unwrap_or_default().to_owned(),
        budgets: json(item, "budgets")?,
        other: other_attributes(item, KEY_ATTRIBUTES)?,
    })
}

pub(super) fn api_key_item(key: &ApiKey) -> Item {
    let name = keys::api_key_name(&key.hash);
    let mut item = other_items(&key.other, KEY_ATTRIBUTES);
    item.extend(mapping_with(
        &key.tenant_id,
        &name,
        "api",
        key.hash.as_str(),
    ));
    item.extend([
        ("name".to_owned(), text_value(&key.name)),
        ("user_id".to_owned(), text_value(key.user_id.as_str())),
        ("role".to_owned(), text_value(key.role.as_str())),
        (
            "created_at".to_owned(),
            text_value(key.created_at.to_string()),
        ),
        ("prefix".to_owned(), text_value(&key.prefix)),
    ]);
    if let Some(at) = key.expires_at {
        item.insert("expires_at".to_owned(), text_value(at.to_string()));
    }
    item.extend(budgets_attribute(&key.budgets));
    item
}

/// Left out where there are none.
fn budgets_attribute(own: &OwnBudgets) -> Option<(String, AttributeValue)> {
    let stored = Value::Object(own.stored().clone());
    (!own.is_empty()).then(|| ("budgets".to_owned(), text_value(stored.to_string())))
}

pub(super) fn audit_entry(item: &Item) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: after_mark(item, "sk", keys::AUDIT)?,
        tenant_id: tenant_of(item)?,
        actor: text(item, "actor")?.to_owned(),
        action: text(item, "action")?.to_owned(),
        target: text(item, "target")?.to_owned(),
        at: time(item, "at")?,
    })
}

pub(super) fn audit_item(entry: &AuditEntry) -> Item {
    let mut item = keys::audit(&entry.tenant_id, entry.id);
    item.extend([
        ("actor".to_owned(), text_value(&entry.actor)),
        ("action".to_owned(), text_value(&entry.action)),
        ("target".to_owned(), text_value(&entry.target)),
        ("at".to_owned(), text_value(entry.at.to_string())),
    ]);
    item
}

/// Until when a removed tenant's id cannot be used.
pub(super) fn reserved_until(tombstone: &Item) -> Result<Timestamp, StoreError> {
    time(tombstone, RESERVED_UNTIL)
}
