//! The fields of the integrations that T3nets knows: what they are, whether their values are
//! acceptable, and what becomes of a secret when a form changes some of them.

use serde_json::Value;
use url::Url;

use super::known::fields_of;
use crate::admin::AdminError;
use crate::model::{IntegrationName, JsonObject, SecretDocument};
use crate::nearest::did_you_mean;
use crate::outbound;
use crate::skills::is_project_key;
use crate::skills::mcp::oauth::grant;
use crate::skills::mcp::{MOST_SECONDS, NONE, own};

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
    /// Whether credentials can be tried without it, because it is chosen among what they reach.
    is_chosen_last: bool,
    kind: FieldKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Url,
    Number,
    ProjectKey,
    Header,
    Tools,
    Seconds,
    Whose,
}

impl Field {
    pub(super) const fn new(
        name: &'static str,
        description: &'static str,
        kind: FieldKind,
    ) -> Self {
        Self {
            name,
            description,
            is_secret: false,
            is_optional: false,
            is_chosen_last: false,
            kind,
        }
    }

    pub(super) const fn secret(self) -> Self {
        Self {
            is_secret: true,
            ..self
        }
    }

    pub(super) const fn chosen_last(self) -> Self {
        Self {
            is_chosen_last: true,
            ..self
        }
    }

    pub(super) const fn optional(self) -> Self {
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
            FieldKind::Header if is_header(value) => Ok(()),
            FieldKind::Header => Err(AdminError::invalid(
                self.name,
                "must be the name of a header that carries a token, such as `X-Api-Key`",
            )),
            FieldKind::Tools if value.split(',').all(is_tool) => Ok(()),
            FieldKind::Tools => Err(AdminError::invalid(
                self.name,
                format!("must be names of tools with commas between them, or `{NONE}` for none"),
            )),
            FieldKind::Whose if [own::TENANT, own::USER].contains(&value) => Ok(()),
            FieldKind::Whose => Err(AdminError::invalid(self.name, "must be `tenant` or `user`")),
            FieldKind::Seconds if matches!(value.parse(), Ok(1..=MOST_SECONDS)) => Ok(()),
            FieldKind::Seconds => Err(AdminError::invalid(
                self.name,
                format!("must be a whole number of seconds, from 1 to {MOST_SECONDS}"),
            )),
        }
    }
}

/// What may carry a token: none of the headers that the connection or the protocol needs.
fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_taken = ["mcp-", "content-", "transfer-"]
        .iter()
        .any(|taken| name.starts_with(taken))
        || ["accept", "connection", "host", "te", "upgrade"].contains(&&*name);
    !is_taken && name.parse::<reqwest::header::HeaderName>().is_ok()
}

fn is_tool(name: &str) -> bool {
    let name = name.trim();
    (1..=128).contains(&name.len()) && !name.chars().any(char::is_control)
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

/// A secret's content after a change of some of its fields, as a form sends them: an empty text
/// keeps what is stored, null takes it away. Of an integration that T3nets does not know, nothing
/// is kept: which of its fields is an address and which a secret cannot be told. What is chosen
/// last may be missing, since the result may be tried; storing it [`check`]s it.
///
/// Where an address names another host than the stored one, no stored secret goes there: whoever
/// may change the address could otherwise have it sent to a host of their own.
///
/// # Errors
/// [`AdminError::Invalid`] with the first field that is wrong or missing.
pub fn merged(
    integration: &IntegrationName,
    stored: &SecretDocument,
    given: &JsonObject,
) -> Result<SecretDocument, AdminError> {
    let Some(known) = fields_of(integration) else {
        let given = SecretDocument::new(given.clone());
        return check(integration, &given).map(|()| given);
    };
    let stored = &without_sign_in(integration, stored, given);
    let mut fields = stored.fields().clone();
    for (name, value) in given {
        if !known.iter().any(|field| field.name == name) {
            let names = known.iter().map(|field| field.name);
            let meant = did_you_mean(name, names);
            let reason = format!("is not a field of `{integration}`{meant}");
            return Err(AdminError::invalid(
                name.chars().take(64).collect::<String>(),
                reason,
            ));
        }
        match value {
            Value::Null => {
                fields.remove(name);
            }
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => {
                fields.insert(name.clone(), text.trim().into());
            }
            Value::Number(number) => {
                fields.insert(name.clone(), number.to_string().into());
            }
            _ => return Err(AdminError::invalid(name, "must be text")),
        }
    }
    let merged = SecretDocument::new(fields);
    let is_moved = known
        .iter()
        .filter(|field| field.kind == FieldKind::Url)
        .any(|field| origin(stored, field) != origin(&merged, field));
    let is_given = |field: &Field| {
        let value = given.get(field.name);
        value.is_some_and(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
    };
    let is_kept =
        |field: &&Field| field.is_secret && stored.text(field.name).is_some() && !is_given(field);
    if let (true, Some(secret)) = (is_moved, known.iter().find(is_kept)) {
        return Err(AdminError::invalid(
            secret.name,
            "must be entered again, because the address is another host's",
        ));
    }
    check_but(integration, &merged, |field| field.is_chosen_last)?;
    Ok(merged)
}

/// What is stored, without what came of a sign-in where that ends: it is for the server as it was,
/// and gives way to a token that is entered.
fn without_sign_in(
    integration: &IntegrationName,
    stored: &SecretDocument,
    given: &JsonObject,
) -> SecretDocument {
    let mut fields = stored.fields().clone();
    let entered = |name: &str| {
        let text = given.get(name)?.as_str().unwrap_or_default().trim();
        Some(text.to_owned())
    };
    let url = entered("url").filter(|url| !url.is_empty());
    let is_moved = url.is_some_and(|url| stored.text("url").map(origin_of) != Some(origin_of(url)));
    let is_null = given.get("token").is_some_and(Value::is_null);
    let is_over = is_moved || is_null || entered("token").is_some_and(|token| !token.is_empty());
    if integration.is_mcp_server() && is_over && grant::take_away(&mut fields) {
        fields.remove("token");
    }
    SecretDocument::new(fields)
}

/// Scheme, host and port of an address, or what stands in its place.
fn origin(document: &SecretDocument, field: &Field) -> Option<String> {
    document.text(field.name).map(origin_of)
}

fn origin_of(text: String) -> String {
    Url::parse(&text).map_or(text, |url| url.origin().ascii_serialization())
}

/// Whether the document has what its integration needs.
///
/// # Errors
/// [`AdminError::Invalid`] with the first field that is missing or wrong; its value is not
/// repeated.
pub fn check(integration: &IntegrationName, document: &SecretDocument) -> Result<(), AdminError> {
    check_but(integration, document, |_| false)
}

/// The same, but of the fields for which `may_lack` holds, only those that there are.
fn check_but(
    integration: &IntegrationName,
    document: &SecretDocument,
    may_lack: impl Fn(&Field) -> bool,
) -> Result<(), AdminError> {
    if document.fields().is_empty() {
        return Err(AdminError::invalid(
            integration.as_str(),
            "must have fields",
        ));
    }
    if integration.is_mcp_server() && integration.mcp_label().is_none() {
        return Err(AdminError::invalid(
            integration.as_str(),
            "must be `mcp-` and at most 24 of a-z, 0-9 and -",
        ));
    }
    for field in fields_of(integration).unwrap_or_default() {
        let value = document.text(field.name);
        if value.is_none() && may_lack(field) {
            continue;
        }
        field.check(&value.unwrap_or_default())?;
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
    fn a_form_keeps_what_is_blank_and_takes_away_what_is_null() {
        let jira = "jira".parse().unwrap();
        let stored = document(json!({
            "url": "https://t.atlassian.net", "email": "a@b", "api_token": "s", "board_id": "7",
            "project_key": "ABC",
        }));
        let form = json!({"url": " ", "email": " c@d ", "api_token": "", "board_id": 8, "project_key": null});
        let merged = merged(&jira, &stored, form.as_object().unwrap()).unwrap();
        let whole = json!({
            "url": "https://t.atlassian.net", "email": "c@d", "api_token": "s", "board_id": "8",
        });
        assert_eq!(merged, document(whole));
    }

    #[test]
    fn no_stored_secret_goes_to_another_host() {
        let stored = document(json!({
            "url": "https://t.atlassian.net", "email": "a@b", "api_token": "s", "board_id": "7",
        }));
        let moved = |form: serde_json::Value| {
            merged(&"jira".parse().unwrap(), &stored, form.as_object().unwrap())
                .map_err(|error| error.to_string())
        };
        for url in [
            "https://evil.example",
            "https://t.atlassian.net:8443",
            "http://127.0.0.1",
        ] {
            for token in [json!(null), json!(""), json!(" ")] {
                let form = match token.is_null() {
                    true => json!({"url": url}),
                    false => json!({"url": url, "api_token": token}),
                };
                let error = moved(form).unwrap_err();
                assert!(
                    error.starts_with("`api_token` must be entered again"),
                    "{url}: {error}"
                );
            }
            assert!(moved(json!({"url": url, "api_token": "mine"})).is_ok());
        }
        assert!(moved(json!({"url": "https://t.atlassian.net/jira"})).is_ok());

        // What is not set is the provider's own address.
        let stored = document(json!({"api_key": "s"}));
        for (integration, form) in [
            ("anthropic", json!({"base_url": "https://evil.example"})),
            ("openai", json!({"base_url": "https://evil.example"})),
        ] {
            let error = merged(
                &integration.parse().unwrap(),
                &stored,
                form.as_object().unwrap(),
            );
            assert!(
                error
                    .unwrap_err()
                    .to_string()
                    .starts_with("`api_key` must be")
            );
        }
        // Nothing is kept of what is not known.
        let pager = merged(
            &"pager".parse().unwrap(),
            &document(json!({"token": "s"})),
            json!({"address": "x"}).as_object().unwrap(),
        );
        assert_eq!(pager.unwrap(), document(json!({"address": "x"})));
    }

    #[test]
    fn what_an_mcp_server_cannot_be_called_with_is_refused_when_it_is_set() {
        let url = "https://mcp.example.com/mcp";
        let whole = json!({
            "url": url, "token": "s", "header": "X-Api-Key", "tools": "a, b.c",
            "run_without_asking": "-", "timeout": "20",
        });
        assert_eq!(checked("mcp-docs", json!({"url": url})), Ok(()));
        assert_eq!(checked("mcp-docs", whole.clone()), Ok(()));
        for (field, value) in [
            ("url", ""),
            ("header", "a b"),
            ("header", "Host"),
            ("header", "Mcp-Session-Id"),
            ("tools", "a,,b"),
            ("run_without_asking", "a\nb"),
            ("timeout", "0"),
            ("timeout", "21"),
        ] {
            let mut fields = whole.clone();
            fields[field] = json!(value);
            let error = checked("mcp-docs", fields).unwrap_err();
            assert!(error.starts_with(&format!("`{field}`")), "{value}: {error}");
        }
        assert!(checked("mcp-My_Docs", json!({"url": url})).is_err());
    }

    #[test]
    fn an_unknown_integration_needs_only_some_field() {
        assert_eq!(checked("pager", json!({"x": 1})), Ok(()));
        assert!(checked("pager", json!({})).is_err());
        assert!(checked("pager", json!({"x": "y".repeat(MAX_SECRET_BYTES)})).is_err());
    }
}
