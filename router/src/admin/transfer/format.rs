//! The file's form: JSON Lines. The first line says what the file is, the last one how many records
//! are between them, so that a file that was cut off is never taken for a whole one. Names of
//! fields are those that are stored; what other programs store beside them is in `other`, typed as
//! DynamoDB's JSON is.
//!
//! ```json
//! {"format":"t3nets-tenant","version":2,"tenant_id":"default","secrets":"names"}
//! {"type":"tenant","tenant_id":"default","name":"Default","status":"active","created_at":"2026-01-01T00:00:00Z","settings":{}}
//! {"type":"user","tenant_id":"default","user_id":"ada@example.com","email":"ada@example.com","display_name":"Ada","role":"admin"}
//! {"type":"end","records":2}
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{AdminError, channels, one_line, secrets};
use super::RecordKind;
use crate::model::{
    ApiKey, ChannelId, ChannelKind, ChannelMapping, IntegrationName, JsonObject, KEY_ATTRIBUTES,
    MAPPING_ATTRIBUTES, MEMORY_ATTRIBUTES, OtherAttributes, OwnBudgets, SecretDocument,
    TENANT_ATTRIBUTES, Tenant, TenantId, TenantSettings, TenantStatus, USER_ATTRIBUTES, User,
    UserId, UserMemory, UserRole,
};

/// The version of the form that this program writes, and the latest that it reads.
pub const FORMAT_VERSION: u32 = 2;

/// The first version of the form, which lacks what other programs store with a record.
const WITHOUT_OTHERS: u32 = 1;
/// The most bytes of a line: more than any store takes in one item, however it is escaped.
pub const MAX_LINE_BYTES: usize = 4 << 20;

const FORMAT: &str = "t3nets-tenant";
/// The longest single line of text that a person or a key has, in characters. Generous: older
/// programs check nothing.
const MAX_TEXT_CHARS: usize = 1000;

/// What a file holds of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretsIn {
    /// Their names alone.
    Names,
    /// Their values too.
    Values,
}

/// The first line: what the file is, whose records follow, and what it holds of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    format: String,
    version: u32,
    /// Whose records the file holds.
    pub(super) tenant_id: TenantId,
    /// What it holds of secrets.
    pub(super) secrets: SecretsIn,
}

/// What every version's first line has.
#[derive(Deserialize)]
struct AnyHeader {
    format: String,
    version: u32,
}

impl Header {
    pub(super) fn new(tenant_id: TenantId, secrets: SecretsIn) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: FORMAT_VERSION,
            tenant_id,
            secrets,
        }
    }

    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let any: AnyHeader = serde_json::from_str(line)
            .ok()
            .filter(|any: &AnyHeader| any.format == FORMAT)
            .ok_or("it does not begin as an export of a tenant does")?;
        if !(WITHOUT_OTHERS..=FORMAT_VERSION).contains(&any.version) {
            return Err(format!(
                "the file has version {} of its form, and this program reads versions {WITHOUT_OTHERS} to {FORMAT_VERSION}",
                any.version
            ));
        }
        serde_json::from_str(line).map_err(|error| told(&error))
    }
}

/// One record of a tenant, as a line holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum ExportedRecord {
    /// The tenant. Its version is not part of a file.
    Tenant(Tenant),
    /// A person.
    User(User),
    /// What is remembered of a person.
    Memory(UserId, UserMemory),
    /// A channel.
    Channel(ChannelMapping),
    /// An API key, without the key.
    ApiKey(ApiKey),
    /// A secret; `None` if the file names it alone.
    Secret(IntegrationName, Option<SecretDocument>),
}

impl ExportedRecord {
    /// What it is about.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::Tenant(_) => RecordKind::Tenant,
            Self::User(_) => RecordKind::User,
            Self::Memory(..) => RecordKind::Memory,
            Self::Channel(_) => RecordKind::Channel,
            Self::ApiKey(_) => RecordKind::ApiKey,
            Self::Secret(..) => RecordKind::Secret,
        }
    }

    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Self::Tenant(tenant) => tenant.id.to_string(),
            Self::User(user) => user.id.to_string(),
            Self::Memory(user, _) => user.to_string(),
            Self::Channel(mapping) => format!("{} {}", mapping.kind, mapping.channel_id),
            Self::ApiKey(key) => format!("{}…", key.prefix),
            Self::Secret(integration, _) => integration.to_string(),
        }
    }

    /// What no second record of its kind may have.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::ApiKey(key) => key.hash.as_str().to_owned(),
            other => other.name(),
        }
    }

    /// The record as another tenant's.
    pub(super) fn of(mut self, tenant: &TenantId) -> Self {
        match &mut self {
            Self::Tenant(record) => record.id = tenant.clone(),
            Self::User(record) => record.tenant_id = tenant.clone(),
            Self::Channel(record) => record.tenant_id = tenant.clone(),
            Self::ApiKey(record) => record.tenant_id = tenant.clone(),
            Self::Memory(..) | Self::Secret(..) => {}
        }
        self
    }
}

/// A line after the first.
#[expect(
    clippy::large_enum_variant,
    reason = "one is made at a time, and nearly all are records"
)]
pub(super) enum Line {
    Record(TenantId, ExportedRecord),
    /// With the number of records that were written.
    End(u64),
}

impl Line {
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let stored: StoredLine = serde_json::from_str(line).map_err(|error| {
            // The parser's own words can quote a value.
            if line.contains("\"secret\"") && error.is_data() {
                "it is not a secret in this form".to_owned()
            } else {
                told(&error)
            }
        })?;
        stored.read().map_err(|error| error.to_string())
    }
}

/// What the parser has to say, with the place as people count it.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line 1 column ") {
        Some((reason, "0")) => reason.to_owned(),
        Some((reason, column)) => format!("{reason} (column {column})"),
        None => text,
    }
}

/// The first line's text, with its line break.
pub(super) fn header_line(header: &Header) -> Result<Vec<u8>, serde_json::Error> {
    line(header)
}

/// A record's text, with its line break.
pub(super) fn record_line(
    tenant: &TenantId,
    record: &ExportedRecord,
) -> Result<Vec<u8>, serde_json::Error> {
    line(&StoredLine::write(tenant, record))
}

/// The last line's text, with its line break.
pub(super) fn end_line(records: u64) -> Result<Vec<u8>, serde_json::Error> {
    line(&StoredLine::End(EndLine { records }))
}

fn line(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(text)
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StoredLine {
    Tenant(TenantLine),
    User(UserLine),
    Memory(MemoryLine),
    Channel(ChannelLine),
    ApiKey(ApiKeyLine),
    Secret(SecretLine),
    End(EndLine),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantLine {
    tenant_id: TenantId,
    name: String,
    status: TenantStatus,
    created_at: Timestamp,
    #[serde(default)]
    settings: TenantSettings,
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    extensions: JsonObject,
    #[serde(default, skip_serializing_if = "OtherAttributes::is_empty")]
    other: OtherAttributes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserLine {
    tenant_id: TenantId,
    user_id: UserId,
    email: String,
    display_name: String,
    role: UserRole,
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    channel_identities: JsonObject,
    #[serde(default, skip_serializing_if = "OwnBudgets::is_empty")]
    budgets: OwnBudgets,
    #[serde(default, skip_serializing_if = "OtherAttributes::is_empty")]
    other: OtherAttributes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemoryLine {
    tenant_id: TenantId,
    user_id: UserId,
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    preferences: JsonObject,
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    custom_properties: JsonObject,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_updated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "OtherAttributes::is_empty")]
    other: OtherAttributes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelLine {
    tenant_id: TenantId,
    channel_type: ChannelKind,
    channel_specific_id: ChannelId,
    #[serde(default, skip_serializing_if = "OtherAttributes::is_empty")]
    other: OtherAttributes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiKeyLine {
    tenant_id: TenantId,
    hash: String,
    user_id: UserId,
    name: String,
    role: UserRole,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    prefix: String,
    #[serde(default, skip_serializing_if = "OwnBudgets::is_empty")]
    budgets: OwnBudgets,
    #[serde(default, skip_serializing_if = "OtherAttributes::is_empty")]
    other: OtherAttributes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretLine {
    tenant_id: TenantId,
    integration: IntegrationName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<JsonObject>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    records: u64,
}

impl StoredLine {
    fn write(tenant: &TenantId, record: &ExportedRecord) -> Self {
        let tenant_id = tenant.clone();
        match record.clone() {
            ExportedRecord::Tenant(record) => Self::Tenant(TenantLine {
                tenant_id,
                name: record.name,
                status: record.status,
                created_at: record.created_at,
                settings: record.settings,
                extensions: record.extensions,
                other: record.other,
            }),
            ExportedRecord::User(record) => Self::User(UserLine {
                tenant_id,
                user_id: record.id,
                email: record.email,
                display_name: record.display_name,
                role: record.role,
                channel_identities: record.channel_identities,
                budgets: record.budgets,
                other: record.other,
            }),
            ExportedRecord::Memory(user_id, record) => Self::Memory(MemoryLine {
                tenant_id,
                user_id,
                preferences: record.preferences,
                custom_properties: record.custom_properties,
                memory_summary: record.memory_summary,
                memory_updated_at: record.memory_updated_at,
                other: record.other,
            }),
            ExportedRecord::Channel(record) => Self::Channel(ChannelLine {
                tenant_id,
                channel_type: record.kind,
                channel_specific_id: record.channel_id,
                other: record.other,
            }),
            ExportedRecord::ApiKey(record) => Self::ApiKey(ApiKeyLine {
                tenant_id,
                hash: record.hash.as_str().to_owned(),
                user_id: record.user_id,
                name: record.name,
                role: record.role,
                created_at: record.created_at,
                expires_at: record.expires_at,
                prefix: record.prefix,
                budgets: record.budgets,
                other: record.other,
            }),
            ExportedRecord::Secret(integration, document) => Self::Secret(SecretLine {
                tenant_id,
                integration,
                fields: document.map(|document| document.fields().clone()),
            }),
        }
    }

    /// The record, if it is one that can be stored.
    fn read(self) -> Result<Line, AdminError> {
        Ok(match self {
            Self::Tenant(line) => {
                text("name", &line.name)?;
                others(&line.other, TENANT_ATTRIBUTES)?;
                let record = ExportedRecord::Tenant(Tenant {
                    id: line.tenant_id.clone(),
                    name: line.name,
                    status: line.status,
                    created_at: line.created_at,
                    settings: line.settings,
                    extensions: line.extensions,
                    version: 0,
                    other: line.other,
                });
                Line::Record(line.tenant_id, record)
            }
            Self::User(line) => {
                text("email", &line.email)?;
                others(&line.other, USER_ATTRIBUTES)?;
                text("display_name", &line.display_name)?;
                if line.user_id.as_str() == UserId::ANONYMOUS {
                    return Err(AdminError::invalid(
                        "user_id",
                        "is the one that callers without a credential have",
                    ));
                }
                let record = ExportedRecord::User(User {
                    id: line.user_id,
                    tenant_id: line.tenant_id.clone(),
                    email: line.email,
                    display_name: line.display_name,
                    role: line.role,
                    channel_identities: line.channel_identities,
                    budgets: line.budgets,
                    created_at: None,
                    other: line.other,
                });
                Line::Record(line.tenant_id, record)
            }
            Self::Memory(line) => {
                others(&line.other, MEMORY_ATTRIBUTES)?;
                let memory = UserMemory {
                    preferences: line.preferences,
                    custom_properties: line.custom_properties,
                    memory_summary: line.memory_summary,
                    memory_updated_at: line.memory_updated_at,
                    other: line.other,
                };
                Line::Record(line.tenant_id, ExportedRecord::Memory(line.user_id, memory))
            }
            Self::Channel(line) => {
                others(&line.other, MAPPING_ATTRIBUTES)?;
                let mut mapping = channels::mapping(
                    &line.tenant_id,
                    line.channel_type,
                    &line.channel_specific_id,
                )?;
                mapping.other = line.other;
                Line::Record(line.tenant_id, ExportedRecord::Channel(mapping))
            }
            Self::ApiKey(line) => {
                text("name", &line.name)?;
                text("prefix", &line.prefix)?;
                others(&line.other, KEY_ATTRIBUTES)?;
                let hash = line
                    .hash
                    .parse()
                    .map_err(|error: crate::model::InvalidId| {
                        AdminError::invalid("hash", format!("is none: {error}"))
                    })?;
                let record = ExportedRecord::ApiKey(ApiKey {
                    hash,
                    tenant_id: line.tenant_id.clone(),
                    user_id: line.user_id,
                    name: line.name,
                    role: line.role,
                    created_at: line.created_at,
                    expires_at: line.expires_at,
                    prefix: line.prefix,
                    budgets: line.budgets,
                    other: line.other,
                });
                Line::Record(line.tenant_id, record)
            }
            Self::Secret(line) => {
                let document = line.fields.map(SecretDocument::new);
                if let Some(document) = &document {
                    secrets::check(&line.integration, document)?;
                }
                Line::Record(
                    line.tenant_id,
                    ExportedRecord::Secret(line.integration, document),
                )
            }
            Self::End(line) => Line::End(line.records),
        })
    }
}

/// What other programs stored is taken as it is, but for what would break out of a line where it is
/// shown.
fn text(field: &str, text: &str) -> Result<(), AdminError> {
    match text {
        "" => Ok(()),
        // Blanks around it are kept.
        text if text.trim().is_empty() => Ok(()),
        text => one_line(field, text, MAX_TEXT_CHARS).map(|_| ()),
    }
}

/// What other programs store with a record never takes the place of what it is.
fn others(other: &OtherAttributes, of_record: &[&str]) -> Result<(), AdminError> {
    let checked = other.require_unknown(of_record);
    checked.map_err(|error| AdminError::invalid("other", format!("is refused: {error}")))
}
