//! A tenant's credentials for outside systems: which fields they have, setting, showing, removing
//! and restoring them.
//!
//! No transaction covers the secret store and the audit trail, so a change is recorded as intended
//! before it and as done or failed after.

use jiff::Timestamp;
use url::Url;

use super::{Admin, AdminError};
use crate::model::{
    ChannelKind, IntegrationName, JsonObject, SecretDescription, SecretDocument, SecretName,
    TenantId,
};
use crate::outbound;
use crate::ports::{PutOutcome, StoreError};
use crate::skills::sprint_status::is_project_key;

/// The most bytes of a secret's JSON: what Secrets Manager takes
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
const MAX_SECRET_BYTES: usize = 65_536;

/// A field of an integration that T3nets knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in the secret.
    pub name: &'static str,
    /// What it is, for people who are asked for it.
    pub description: &'static str,
    /// Whether its value must never be shown.
    pub is_secret: bool,
    /// Whether the integration works without it.
    pub is_optional: bool,
    kind: FieldKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldKind {
    Text,
    Url,
    Number,
    ProjectKey,
}

impl Field {
    const fn new(name: &'static str, description: &'static str, kind: FieldKind) -> Self {
        Self {
            name,
            description,
            is_secret: false,
            is_optional: false,
            kind,
        }
    }

    const fn secret(self) -> Self {
        Self {
            is_secret: true,
            ..self
        }
    }

    const fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }

    /// Whether a value is acceptable.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] if it is not; the value is not repeated.
    pub fn check(&self, value: &str) -> Result<(), AdminError> {
        if value.is_empty() && !self.is_optional {
            return Err(AdminError::invalid(self.name, "must not be empty"));
        }
        match self.kind {
            _ if value.is_empty() => Ok(()),
            FieldKind::Text => Ok(()),
            // As it is read where it is used.
            FieldKind::Number if value.parse::<u64>().is_ok() => Ok(()),
            FieldKind::Number => Err(AdminError::invalid(
                self.name,
                "must be a whole number, of at most 19 digits",
            )),
            FieldKind::ProjectKey if is_project_key(value) => Ok(()),
            FieldKind::ProjectKey => Err(AdminError::invalid(
                self.name,
                "must be what stands before the number in an issue's key: `ABC` in `ABC-12`",
            )),
            FieldKind::Url => check_url(self.name, value),
        }
    }
}

/// Credentials go to this address with every call, so they must not travel in clear but to this
/// machine itself.
fn check_url(field: &str, value: &str) -> Result<(), AdminError> {
    let reason = match Url::parse(value) {
        // A password in the address would be shown with it.
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "must not hold a user name or a password"
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            "must end with the path, without `?` and `#`"
        }
        Ok(url) if url.scheme() == "http" && !outbound::is_loopback(&url) => {
            "must begin with https://"
        }
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => return Ok(()),
        _ => "must be an address like https://example.com",
    };
    Err(AdminError::invalid(field, reason))
}

const JIRA: &[Field] = &[
    Field::new(
        "url",
        "Jira's address, https://TEAM.atlassian.net",
        FieldKind::Url,
    ),
    Field::new(
        "email",
        "e-mail address of the Jira account",
        FieldKind::Text,
    ),
    Field::new("api_token", "API token of that account", FieldKind::Text).secret(),
    Field::new("board_id", "the board's number", FieldKind::Number),
    Field::new("project_key", "key of the project", FieldKind::ProjectKey).optional(),
];

const ANTHROPIC: &[Field] = &[
    Field::new("api_key", "API key of Anthropic", FieldKind::Text).secret(),
    Field::new("base_url", "address of another endpoint", FieldKind::Url).optional(),
];

const OPENAI: &[Field] = &[
    Field::new(
        "base_url",
        "address of an OpenAI-compatible endpoint; OpenAI's own without it",
        FieldKind::Url,
    )
    .optional(),
    Field::new("api_key", "API key of the endpoint", FieldKind::Text)
        .secret()
        .optional(),
];

/// The integrations whose fields T3nets knows. Any other can be stored as it is given.
pub const KNOWN_INTEGRATIONS: [&str; 3] = ["jira", "anthropic", "openai"];

/// The integrations that a tenant's secrets can be of by nature: those whose fields T3nets knows,
/// and the channels'.
const NAMED_INTEGRATIONS: [&str; 6] = [
    "jira",
    "anthropic",
    "openai",
    ChannelKind::Slack.as_str(),
    ChannelKind::Teams.as_str(),
    ChannelKind::Telegram.as_str(),
];

/// The fields of an integration; `None` if T3nets does not know it.
pub fn fields_of(integration: &IntegrationName) -> Option<&'static [Field]> {
    match integration.as_str() {
        "jira" => Some(JIRA),
        "anthropic" => Some(ANTHROPIC),
        "openai" => Some(OPENAI),
        _ => None,
    }
}

/// A field of a stored secret, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownField {
    /// The field's name in the secret.
    pub name: String,
    /// Its value; `None` for what must not be shown.
    pub value: Option<String>,
}

/// A stored secret, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSecret {
    /// What is known of it without its content.
    pub description: SecretDescription,
    /// Its fields by name; none of a removed secret.
    pub fields: Vec<ShownField>,
}

impl Admin {
    /// Makes or replaces a tenant's credentials for an integration.
    pub async fn set_secret(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, AdminError> {
        check(&name.integration, document)?;
        self.tenant(&name.tenant_id).await?;
        self.put_secret(name, document).await
    }

    /// A tenant's secrets by name, removed ones included.
    pub async fn secrets(&self, tenant: &TenantId) -> Result<Vec<SecretDescription>, AdminError> {
        self.tenant(tenant).await?;
        self.all_secrets(tenant).await
    }

    /// One secret, as it may be shown.
    pub async fn secret(&self, name: &SecretName) -> Result<ShownSecret, AdminError> {
        self.tenant(&name.tenant_id).await?;
        let Some(description) = self.platform.secrets.describe(name).await? else {
            return Err(AdminError::NotFound(name.into()));
        };
        let document = self.platform.secrets.get(name).await?.unwrap_or_default();
        Ok(ShownSecret {
            description,
            fields: shown(&name.integration, document.fields()),
        })
    }

    /// The credentials themselves, for testing them.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there are none or they were removed.
    pub async fn secret_document(&self, name: &SecretName) -> Result<SecretDocument, AdminError> {
        self.tenant(&name.tenant_id).await?;
        let document = self.platform.secrets.get(name).await?;
        document.ok_or_else(|| AdminError::NotFound(name.into()))
    }

    /// Removes a secret into its recovery window; returns when it will be gone for good.
    pub async fn remove_secret(&self, name: &SecretName) -> Result<Timestamp, AdminError> {
        self.tenant(&name.tenant_id).await?;
        self.audited("secret.remove", name, self.platform.secrets.remove(name))
            .await
    }

    /// Brings a removed secret back.
    pub async fn restore_secret(&self, name: &SecretName) -> Result<(), AdminError> {
        self.tenant(&name.tenant_id).await?;
        self.audited("secret.restore", name, self.platform.secrets.restore(name))
            .await
    }

    pub(super) async fn put_secret(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, AdminError> {
        self.audited(
            "secret.set",
            name,
            self.platform.secrets.put(name, document),
        )
        .await
    }

    /// A tenant's secrets by name. The list may lag on some platforms, so those of
    /// [`NAMED_INTEGRATIONS`] are asked for by name: one that was made just now is neither hidden
    /// nor left behind by a removal.
    pub(super) async fn all_secrets(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<SecretDescription>, AdminError> {
        let mut secrets = self.platform.secrets.list(tenant).await?;
        for named in NAMED_INTEGRATIONS {
            let Ok(integration) = named.parse() else {
                continue;
            };
            let name = SecretName {
                tenant_id: tenant.clone(),
                integration,
            };
            if !secrets.iter().any(|secret| secret.name == name) {
                secrets.extend(self.platform.secrets.describe(&name).await?);
            }
        }
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(secrets)
    }

    /// The names of a tenant's secrets that were not removed.
    pub(super) async fn present_secrets(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<SecretName>, AdminError> {
        let secrets = self.all_secrets(tenant).await?;
        Ok(secrets
            .into_iter()
            .filter(|secret| secret.deleted_for_good_at.is_none())
            .map(|secret| secret.name)
            .collect())
    }

    /// Records a change of a secret as intended before it, and as done or failed after it.
    ///
    /// # Errors
    /// Those of the change, and of recording it.
    pub async fn audited<T>(
        &self,
        action: &str,
        name: &SecretName,
        change: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, AdminError> {
        let target = name.integration.as_str();
        let entry = |state| self.audit(&name.tenant_id, &format!("{action}:{state}"), target);
        let store = &self.platform.tenants;
        store.record_audit(&entry("intended")).await?;
        let result = change.await;
        let state = if result.is_ok() { "done" } else { "failed" };
        let recorded = store.record_audit(&entry(state)).await;
        let value = result?;
        recorded?;
        Ok(value)
    }
}

/// Whether the document has what its integration needs.
///
/// # Errors
/// [`AdminError::Invalid`] with the first field that is missing or wrong; its value is not
/// repeated.
pub fn check(integration: &IntegrationName, document: &SecretDocument) -> Result<(), AdminError> {
    if document.fields().is_empty() {
        return Err(AdminError::invalid(
            integration.as_str(),
            "must have fields",
        ));
    }
    for field in fields_of(integration).unwrap_or_default() {
        field.check(&document.text(field.name).unwrap_or_default())?;
    }
    let bytes = serde_json::to_vec(document.fields()).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_SECRET_BYTES {
        return Err(AdminError::invalid(
            integration.as_str(),
            format!("must not be longer than {MAX_SECRET_BYTES} bytes"),
        ));
    }
    Ok(())
}

/// The fields as they may be shown: values only of those known to be no secret.
fn shown(integration: &IntegrationName, fields: &JsonObject) -> Vec<ShownField> {
    let known = fields_of(integration).unwrap_or_default();
    let document = SecretDocument::new(fields.clone());
    fields
        .keys()
        .map(|name| ShownField {
            name: name.clone(),
            value: known
                .iter()
                .find(|field| field.name == name && !field.is_secret)
                .and_then(|field| document.text(field.name)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(value: serde_json::Value) -> SecretDocument {
        SecretDocument::new(value.as_object().unwrap().clone())
    }

    fn checked(integration: &str, value: serde_json::Value) -> Result<(), String> {
        check(&integration.parse().unwrap(), &document(value)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_would_be_refused_at_each_use_is_refused_when_it_is_set() {
        for (field, value) in [
            ("board_id", "99999999999999999999999"),
            ("board_id", "-7"),
            ("project_key", "A\" OR 1=1"),
            ("project_key", "1A"),
        ] {
            let mut whole = json!({"url": "https://t.atlassian.net", "email": "a@b", "api_token": "s", "board_id": 7});
            whole[field] = json!(value);
            let error = checked("jira", whole).unwrap_err();
            assert!(error.contains(field) && !error.contains(value), "{error}");
        }
    }

    #[test]
    fn jira_needs_its_four_fields() {
        let whole = json!({"url": "https://t.atlassian.net", "email": "a@b", "api_token": "s", "board_id": 7});
        assert_eq!(checked("jira", whole.clone()), Ok(()));
        for field in ["url", "email", "api_token", "board_id"] {
            let mut partly = whole.clone();
            partly.as_object_mut().unwrap().remove(field);
            assert_eq!(
                checked("jira", partly),
                Err(format!("`{field}` must not be empty"))
            );
        }
    }

    #[test]
    fn addresses_and_numbers_are_checked_without_repeating_them() {
        for (field, value) in [
            ("url", "t.atlassian.net"),
            ("url", "ftp://t.atlassian.net"),
            ("url", "http://t.atlassian.net"),
            ("url", "https://t.atlassian.net/?x=y"),
            ("url", "https://ada:hunter2@t.atlassian.net"),
            ("board_id", "seven"),
        ] {
            let mut fields =
                json!({"url": "https://t", "email": "a@b", "api_token": "s", "board_id": "7"});
            fields[field] = json!(value);
            let error = checked("jira", fields).unwrap_err();
            assert!(error.starts_with(&format!("`{field}`")), "{error}");
            assert!(!error.contains(value), "{error}");
        }
    }

    #[test]
    fn an_unknown_integration_needs_only_some_field() {
        assert_eq!(checked("pager", json!({"x": 1})), Ok(()));
        assert!(checked("pager", json!({})).is_err());
        assert!(checked("pager", json!({"x": "y".repeat(MAX_SECRET_BYTES)})).is_err());
    }

    #[test]
    fn only_fields_known_to_be_no_secret_are_shown() {
        let fields = json!({"url": "https://t", "api_token": "hunter2", "extra": "hunter2"});
        let text = format!(
            "{:?}",
            shown(&"jira".parse().unwrap(), fields.as_object().unwrap())
        );
        assert!(text.contains("https://t"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        let shown = shown(&"pager".parse().unwrap(), fields.as_object().unwrap());
        assert!(shown.iter().all(|field| field.value.is_none()));
    }
}
