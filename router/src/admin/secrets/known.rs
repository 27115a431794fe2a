//! Which integrations T3nets knows, and the fields of each.

use super::fields::{Field, FieldKind};
use crate::model::IntegrationName;
use crate::skills::mcp::own;

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
    Field::new("board_id", "the board's number", FieldKind::Number).chosen_last(),
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

const MCP: &[Field] = &[
    Field::new(
        "url",
        "address of the MCP server (streamable HTTP)",
        FieldKind::Url,
    ),
    Field::new("token", "token that the server wants", FieldKind::Text)
        .secret()
        .optional(),
    Field::new(
        "header",
        "header that carries the token; `Authorization: Bearer` without it",
        FieldKind::Header,
    )
    .optional(),
    Field::new(
        own::CREDENTIALS,
        "`user` if each user has a token of their own; otherwise all use the tenant's",
        FieldKind::Whose,
    )
    .optional(),
    Field::new(
        "client_id",
        "id by which the server's sign-in knows T3nets, where T3nets cannot register itself",
        FieldKind::Text,
    )
    .optional(),
    Field::new(
        "client_secret",
        "secret of that client, if it has one",
        FieldKind::Text,
    )
    .secret()
    .optional(),
    Field::new(
        "scopes",
        "what a sign-in asks for, with spaces between; what the server says without it",
        FieldKind::Text,
    )
    .optional(),
    Field::new(
        "tools",
        "tools that may be called; those that only read without it",
        FieldKind::Tools,
    )
    .optional(),
    Field::new(
        "run_without_asking",
        "tools that run without asking; those that say that they only read without it",
        FieldKind::Tools,
    )
    .optional(),
    Field::new(
        "timeout",
        "seconds that a tool may take; 15 without it",
        FieldKind::Seconds,
    )
    .optional(),
];

/// The integrations whose fields T3nets knows, beside the MCP servers'. Any other can
/// be stored as it is given.
pub const KNOWN_INTEGRATIONS: [&str; 3] = ["jira", "anthropic", "openai"];

/// The fields of an integration; `None` if T3nets does not know it.
pub fn fields_of(integration: &IntegrationName) -> Option<&'static [Field]> {
    match integration.as_str() {
        "jira" => Some(JIRA),
        "anthropic" => Some(ANTHROPIC),
        "openai" => Some(OPENAI),
        _ => integration.is_mcp_server().then_some(MCP),
    }
}
