//! One session with a server: beginning it, asking for the tools, calling one. Each step is bounded
//! in time by its caller, and dropping the session ends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ContentBlock,
    Implementation, PaginatedRequestParams, ResourceContents, Tool,
};
use rmcp::service::{NotificationContext, RunningService, ServiceError, serve_client};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, RoleClient};
use serde_json::Value;

use super::settings::ServerSettings;
use super::transport::{Exchange, Failure};
use crate::model::JsonObject;
use crate::outbound::Client;
use crate::skills::{SkillError, SkillErrorKind};

/// The most pages of a list of tools.
const MOST_PAGES: usize = 20;
/// The most tools of a list that are looked at.
const MOST_LISTED: usize = 1_000;
/// The longest text of a result, in bytes.
const RESULT_BYTES: usize = 64 * 1024;
/// The longest word of a server's own about something that is not shown: a type, an address.
const WORD_CHARS: usize = 100;

/// What the server is told of this client, and what it tells unasked.
#[derive(Clone, Default)]
struct Listener {
    has_changed: Arc<AtomicBool>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("t3nets", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), own)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.has_changed.store(true, Ordering::Relaxed);
    }
}

/// A session with a server.
pub(super) struct Session {
    service: RunningService<RoleClient, Listener>,
    listener: Listener,
    failed: Arc<Mutex<Option<Failure>>>,
    integration: String,
}

/// What a tool returned: data of the server's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolResult {
    pub(crate) content: Value,
    pub(crate) is_error: bool,
}

impl Session {
    /// Begins one.
    pub(super) async fn begin(
        client: &Client,
        settings: &ServerSettings,
    ) -> Result<Self, SkillError> {
        let failed = Arc::default();
        let exchange = Exchange {
            client: client.clone(),
            url: settings.url.clone(),
            credentials: settings.credentials.clone(),
            failed: Arc::clone(&failed),
        };
        let mut config = StreamableHttpClientTransportConfig::with_uri(settings.url.as_str());
        // What was asked is not asked again behind the caller's back.
        config.reinit_on_expired_session = false;
        let listener = Listener::default();
        let transport = StreamableHttpClientTransport::with_client(exchange, config);
        let integration = settings.integration.to_string();
        match serve_client(listener.clone(), transport).await {
            Ok(service) => Ok(Self {
                service,
                listener,
                failed,
                integration,
            }),
            Err(error) => {
                tracing::debug!(%integration, %error, "no MCP session");
                Err(described(&integration, &failed))
            }
        }
    }

    /// What the server calls itself.
    pub(super) fn server(&self) -> Option<(String, String)> {
        let info = self.service.peer_info()?;
        let info = serde_json::to_value(&*info).ok()?;
        let word = |name: &str| Some(word(info.get("serverInfo")?.get(name)?.as_str()?));
        Some((word("name")?, word("version").unwrap_or_default()))
    }

    /// Whether the server said that its tools are not the same any more.
    pub(super) fn has_changed(&self) -> bool {
        self.listener.has_changed.load(Ordering::Relaxed)
    }

    /// All tools, up to the bounds.
    pub(super) async fn tools(&self) -> Result<Vec<Tool>, SkillError> {
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let params = PaginatedRequestParams::default().with_cursor(cursor.take());
            let page = self.service.list_tools(Some(params)).await;
            let page = page.map_err(|error| self.error(error))?;
            tools.extend(page.tools);
            cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
            if cursor.is_none() || tools.len() >= MOST_LISTED {
                break;
            }
        }
        tools.truncate(MOST_LISTED);
        Ok(tools)
    }

    /// Calls a tool.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: JsonObject,
    ) -> Result<ToolResult, SkillError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let result = self.service.call_tool(params).await;
        result.map(returned).map_err(|error| self.error(error))
    }

    fn error(&self, error: ServiceError) -> SkillError {
        if let ServiceError::McpError(refusal) = &error {
            return SkillError {
                kind: SkillErrorKind::Unavailable,
                message: format!(
                    "`{}` refused the call: {}",
                    self.integration,
                    bounded(&refusal.message, 1_000)
                ),
                hint: None,
            };
        }
        tracing::debug!(integration = %self.integration, %error, "an MCP request failed");
        described(&self.integration, &self.failed)
    }
}

/// The error of what went wrong first.
fn described(integration: &str, failed: &Mutex<Option<Failure>>) -> SkillError {
    let first = failed.lock().unwrap_or_else(PoisonError::into_inner);
    let failure = first.clone().unwrap_or(Failure::Protocol);
    let kind = match &failure {
        Failure::MoreAccess(scopes) => SkillErrorKind::MoreAccess {
            scopes: scopes.clone(),
        },
        Failure::Forbidden(_) => SkillErrorKind::Configuration,
        Failure::Status(status) => match status.as_u16() {
            401 | 403 => SkillErrorKind::Denied,
            404 | 405 => SkillErrorKind::NotFound,
            429 => SkillErrorKind::Throttled { retry_after: None },
            _ => SkillErrorKind::Unavailable,
        },
        Failure::TooLong | Failure::Unreachable(_) | Failure::Protocol => {
            SkillErrorKind::Unavailable
        }
    };
    let hint = match kind {
        SkillErrorKind::Denied => Some(format!(
            "check its token: `t3nets secret set {integration}`"
        )),
        SkillErrorKind::MoreAccess { .. } => Some("connect the account again".to_owned()),
        SkillErrorKind::NotFound => {
            Some("check its address, which often ends in `/mcp`".to_owned())
        }
        _ => None,
    };
    SkillError {
        kind,
        message: format!("the MCP server of `{integration}` cannot be used: {failure}"),
        hint,
    }
}

/// A result as the model gets it: text and structured content; what else there is, is named.
fn returned(result: CallToolResult) -> ToolResult {
    let mut texts: Vec<String> = Vec::new();
    for block in result.content {
        texts.push(match block {
            ContentBlock::Text(text) => text.text,
            ContentBlock::Image(image) => {
                format!("[an image is not shown: {}]", word(&image.mime_type))
            }
            ContentBlock::Audio(audio) => {
                format!("[a sound is not shown: {}]", word(&audio.mime_type))
            }
            ContentBlock::ResourceLink(link) => format!("[a link: {}]", word(&link.uri)),
            ContentBlock::Resource(embedded) => match embedded.resource {
                ResourceContents::TextResourceContents { text, .. } => text,
                _ => "[a file is not shown]".to_owned(),
            },
            _ => "[something else is not shown]".to_owned(),
        });
    }
    let text = bounded(&texts.join("\n\n"), RESULT_BYTES);
    let content = match result.structured_content {
        // Servers repeat it as text for clients that know no structure.
        Some(structured) if structured.to_string().len() <= RESULT_BYTES => structured,
        _ => Value::String(text),
    };
    ToolResult {
        content,
        is_error: result.is_error == Some(true),
    }
}

fn bounded(text: &str, most: usize) -> String {
    match text.len() <= most {
        true => text.to_owned(),
        false => format!("{} [cut off]", &text[..text.floor_char_boundary(most)]),
    }
}

/// A word of the server's, in one short line.
fn word(text: &str) -> String {
    let line = text.chars().filter(|char| !char.is_control());
    line.take(WORD_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(value: Value) -> ToolResult {
        returned(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn text_and_structure_are_given_and_the_rest_is_named() {
        let mixed = result(json!({"content": [
            {"type": "text", "text": "two"},
            {"type": "image", "data": "aGk=", "mimeType": "image/png"},
            {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
            {"type": "resource_link", "uri": "file:///a", "name": "a"},
            {"type": "resource", "resource": {"uri": "file:///b", "text": "words"}},
            {"type": "resource", "resource": {"uri": "file:///c", "blob": "aGk="}},
        ]}));
        let said = mixed.content.as_str().unwrap();
        assert!(!said.contains("aGk="), "{said}");
        for part in [
            "two",
            "image/png",
            "audio/wav",
            "file:///a",
            "words",
            "a file",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let structured = result(json!({
            "content": [{"type": "text", "text": "{\"n\":1}"}], "structuredContent": {"n": 1},
        }));
        assert_eq!(structured.content, json!({"n": 1}));
        let failed = result(json!({"content": [{"type": "text", "text": "no"}], "isError": true}));
        assert!(failed.is_error && failed.content == "no");
    }

    #[test]
    fn a_flood_is_cut() {
        let text = "é".repeat(200_000);
        let flood =
            json!({"content": [{"type": "text", "text": text}], "structuredContent": {"a": text}});
        let content = result(flood).content;
        assert!(content.as_str().unwrap().len() <= RESULT_BYTES + 16);
    }
}
