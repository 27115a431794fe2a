//! The MCP servers that a tenant connected: integrations named `mcp-…`, whose credentials are
//! secrets as all are. Which there are is told by the tenant's record, since a list of secrets lags
//! behind, and a turn reads secrets by exact name.

use serde_json::Value;

use super::{IntegrationName, Tenant};

/// In a tenant's extensions: the names of its MCP servers' integrations.
const EXTENSION: &str = "mcp_servers";

/// What the name of an MCP server's integration begins with.
const PREFIX: &str = "mcp-";

/// The longest name of a server, without what it begins with. A model's tool has room for it beside
/// its own name.
const MOST_CHARS: usize = 24;

/// The most MCP servers of a tenant: a turn may have to ask each for its tools.
pub const MOST_MCP_SERVERS: usize = 8;

impl IntegrationName {
    /// Whether it is an MCP server's, by how it begins.
    pub fn is_mcp_server(&self) -> bool {
        self.as_str().starts_with(PREFIX)
    }

    /// What the MCP server is called: `github` of `mcp-github`. `None` of what is no MCP server's,
    /// or could not be part of a tool's name.
    pub fn mcp_label(&self) -> Option<&str> {
        self.as_str().strip_prefix(PREFIX).filter(|label| {
            (1..=MOST_CHARS).contains(&label.len())
                && !label.starts_with('-')
                && label
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
    }
}

impl Tenant {
    /// The integrations of its MCP servers, by name.
    pub fn mcp_servers(&self) -> Vec<IntegrationName> {
        let stored = self.extensions.get(EXTENSION).and_then(Value::as_array);
        let mut names: Vec<IntegrationName> = stored
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str()?.parse().ok())
            .filter(|name: &IntegrationName| name.mcp_label().is_some())
            .collect();
        names.sort();
        names.dedup();
        names.truncate(MOST_MCP_SERVERS);
        names
    }

    /// Notes its MCP servers.
    pub(crate) fn set_mcp_servers(&mut self, names: &[IntegrationName]) {
        match names.is_empty() {
            true => self.extensions.remove(EXTENSION),
            false => {
                let names: Vec<&str> = names.iter().map(IntegrationName::as_str).collect();
                self.extensions.insert(EXTENSION.to_owned(), names.into())
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_server_can_be_part_of_a_tools_name() {
        let label = |name: &str| {
            let name: IntegrationName = name.parse().unwrap();
            name.mcp_label().map(str::to_owned)
        };
        assert_eq!(label("mcp-github").as_deref(), Some("github"));
        assert_eq!(label("mcp-a-1").as_deref(), Some("a-1"));
        for other in [
            "jira",
            "mcp",
            "mcp-",
            "mcp--a",
            "mcp-Git",
            "mcp-a.b",
            "mcp-a_b",
            &format!("mcp-{}", "x".repeat(25)),
        ] {
            assert_eq!(label(other), None, "{other}");
        }
    }
}
