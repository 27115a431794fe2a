//! From the integration's stored fields to a server that may be called.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

use super::oauth::grant;
use crate::model::{IntegrationName, SecretDocument};
use crate::outbound;
use crate::skills::{SkillError, SkillErrorKind};

/// What stands in a list of tools for none.
pub(crate) const NONE: &str = "-";
/// How long a tool may take unless the tenant says otherwise, and at most: a turn of 25 s needs
/// time to word the answer.
const USUAL_SECONDS: u64 = 15;
pub(crate) const MOST_SECONDS: u64 = 20;

/// An MCP server as the tenant connected it.
#[derive(Debug, Clone)]
pub(super) struct ServerSettings {
    pub(super) integration: IntegrationName,
    /// What its tools' names begin with.
    pub(super) label: String,
    pub(super) url: Url,
    /// The header that every request carries; marked as sensitive.
    pub(super) credentials: Option<(HeaderName, HeaderValue)>,
    /// The tools that the model may call; those that only read if absent.
    pub(super) offered: Option<Vec<String>>,
    /// The tools that run without asking; those that say that they only read if absent.
    pub(super) free: Option<Vec<String>>,
    /// The longest time that a tool may take.
    pub(super) timeout: Duration,
}

impl ServerSettings {
    /// Reads the fields and refuses those that cannot work or would travel in clear.
    pub(super) fn read(
        integration: &IntegrationName,
        fields: &SecretDocument,
    ) -> Result<Self, SkillError> {
        let wrong = |what: &str| {
            Err(SkillError {
                kind: SkillErrorKind::Configuration,
                message: format!("{what} of the integration `{integration}`"),
                hint: Some(format!("set it with `t3nets secret set {integration}`")),
            })
        };
        let Some(label) = integration.mcp_label() else {
            return wrong("there can be no MCP server of the name");
        };
        let url = fields.text("url").and_then(|url| Url::parse(&url).ok());
        let Some(url) = url.filter(|url| {
            let is_safe =
                url.scheme() == "https" || (url.scheme() == "http" && outbound::is_loopback(url));
            is_safe && url.has_host() && url.username().is_empty() && url.password().is_none()
        }) else {
            return wrong("`url` is missing, or no https address, in the settings");
        };
        let credentials = match fields.text("token") {
            None => None,
            Some(token) => match header(named_header(fields).as_deref(), &token) {
                Some(header) => Some(header),
                None => return wrong("`token` or `header` cannot be sent in the settings"),
            },
        };
        let seconds = fields.text("timeout").and_then(|text| text.parse().ok());
        Ok(Self {
            integration: integration.clone(),
            label: label.to_owned(),
            url,
            credentials,
            offered: list(fields, "tools"),
            free: list(fields, "run_without_asking"),
            timeout: Duration::from_secs(seconds.unwrap_or(USUAL_SECONDS).clamp(1, MOST_SECONDS)),
        })
    }

    /// Whether the model may call the tool, by the tenant's list or, without one, as far as it only
    /// reads.
    pub(super) fn offers(&self, tool: &str, says_it_reads: bool) -> bool {
        match &self.offered {
            Some(names) => names.iter().any(|name| name == tool),
            None => self.is_free(tool, says_it_reads),
        }
    }

    /// Whether the tool runs without asking. What a server says of its tools is a hint: where the
    /// tenant has a list, nothing else counts.
    pub(super) fn is_free(&self, tool: &str, says_it_reads: bool) -> bool {
        match &self.free {
            Some(names) => names.iter().any(|name| name == tool),
            None => says_it_reads,
        }
    }
}

/// The names in a field, separated by commas; `None` if it is not set.
fn list(fields: &SecretDocument, field: &str) -> Option<Vec<String>> {
    let text = fields.text(field)?;
    let names = text.split(',').map(str::trim);
    Some(
        names
            .filter(|name| !name.is_empty() && *name != NONE)
            .map(str::to_owned)
            .collect(),
    )
}

/// The header that carries a token that was entered. What a sign-in gave is a bearer's.
fn named_header(fields: &SecretDocument) -> Option<String> {
    let is_signed_in = fields.fields().contains_key(grant::FIELD);
    fields.text("header").filter(|_| !is_signed_in)
}

/// The token as a bearer's, or as it is in the header of this name.
fn header(name: Option<&str>, token: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = match name {
        None => (AUTHORIZATION, format!("Bearer {token}")),
        Some(name) => (name.parse().ok()?, token.to_owned()),
    };
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: serde_json::Value) -> Result<ServerSettings, SkillError> {
        let fields = SecretDocument::new(fields.as_object().unwrap().clone());
        ServerSettings::read(&"mcp-docs".parse().unwrap(), &fields)
    }

    #[test]
    fn credentials_never_travel_in_clear() {
        for good in ["https://mcp.example.com/mcp", "http://127.0.0.1:9/mcp"] {
            assert!(read(json!({"url": good, "token": "s3cret"})).is_ok());
        }
        for bad in [
            "http://mcp.example.com/mcp",
            "https://user:word@mcp.example.com",
            "ftp://127.0.0.1",
            "mcp.example.com",
            "",
        ] {
            let error = read(json!({"url": bad, "token": "s3cret"})).unwrap_err();
            assert_eq!(error.kind, SkillErrorKind::Configuration, "{bad}");
        }
        let settings = read(json!({"url": "https://x.example", "token": "s3cret"})).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret"));
        let named = json!({"url": "https://x.example", "token": "s3cret", "header": "X-Api-Key"});
        let (name, value) = read(named).unwrap().credentials.unwrap();
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("x-api-key", &b"s3cret"[..])
        );
    }

    #[test]
    fn the_tenants_lists_decide_and_without_one_what_the_server_says() {
        let settings = |tools: &str, free: &str| {
            let url = "https://x.example";
            read(json!({"url": url, "tools": tools, "run_without_asking": free})).unwrap()
        };
        let decided = |settings: &ServerSettings, reads: bool| {
            (settings.offers("a", reads), settings.is_free("a", reads))
        };
        for (tools, free, reads, expected) in [
            ("", "", true, (true, true)),
            ("", "", false, (false, false)),
            ("a, b", "", false, (true, false)),
            ("a", "", true, (true, true)),
            ("b", "", true, (false, true)),
            ("a", "-", true, (true, false)),
            ("a", "a", false, (true, true)),
            ("", "a", false, (true, true)),
            ("-", "", true, (false, true)),
        ] {
            let settings = settings(tools, free);
            assert_eq!(
                decided(&settings, reads),
                expected,
                "{tools} {free} {reads}"
            );
        }
    }
}
