//! The map as a list, as JSON has no keys of two parts.

use serde::{Deserializer, Serializer};

use super::{
    BTreeMap, Deserialize, IntegrationName, Secret, SecretName, Serialize, TenantId, UserId,
};

#[derive(Serialize)]
struct EntryRef<'a> {
    tenant_id: &'a TenantId,
    integration: &'a IntegrationName,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserId>,
    #[serde(flatten)]
    secret: &'a Secret,
}

#[derive(Deserialize)]
struct Entry {
    tenant_id: TenantId,
    integration: IntegrationName,
    #[serde(default)]
    user_id: Option<UserId>,
    #[serde(flatten)]
    secret: Secret,
}

pub(super) fn serialize<S: Serializer>(
    secrets: &BTreeMap<SecretName, Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(secrets.iter().map(|(name, secret)| EntryRef {
        tenant_id: &name.tenant_id,
        integration: &name.integration,
        user_id: name.user_id.as_ref(),
        secret,
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<SecretName, Secret>, D::Error> {
    let entries = Vec::<Entry>::deserialize(deserializer)?;
    Ok(entries
        .into_iter()
        .map(|entry| {
            let name = SecretName {
                tenant_id: entry.tenant_id,
                integration: entry.integration,
                user_id: entry.user_id,
            };
            (name, entry.secret)
        })
        .collect())
}
