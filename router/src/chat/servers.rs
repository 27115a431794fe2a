//! The MCP servers of a turn: which can be asked, and which of their tools the model is offered.
//! None of them can fail a turn: one that does not answer is left out, and the model is told so.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use super::Caller;
use crate::config::PublicUrl;
use crate::model::{ContentBlock, IntegrationName, ModelRequest, SecretName, ToolSpec, User};
use crate::ports::Platform;
use crate::skills::SkillSet;
use crate::skills::mcp::oauth::grant::is_renewable;
use crate::skills::mcp::oauth::{Held, scopes};
use crate::skills::mcp::{OfferedTool, Server, Servers, own};
use crate::skills::{SkillError, SkillErrorKind};
use crate::telemetry::Span;

/// The most tools of all servers that a model is offered: OpenAI's take 128
/// (<https://platform.openai.com/docs/api-reference/chat/create>), and the skills are among them.
const MOST_TOOLS: usize = 100;

/// The MCP servers of a turn.
#[derive(Default)]
pub(super) struct TurnServers {
    way: Option<(Arc<Servers>, Platform)>,
    servers: Vec<Connected>,
    tools: Vec<ServerTool>,
    /// Those that did not tell their tools.
    missing: Vec<IntegrationName>,
    /// Those that want a token of the user's own, which there is not: with what the model calls in
    /// place of their tools.
    unconnected: Vec<(IntegrationName, ToolSpec)>,
    /// Where the page is on which users connect them.
    public_url: Option<PublicUrl>,
}

/// A server whose tools are offered.
struct Connected {
    server: Server,
    /// The secret that its token is stored in.
    token: SecretName,
}

/// A tool that the model may call.
pub(super) struct ServerTool {
    /// Which of the servers has it.
    server: usize,
    pub(super) tool: OfferedTool,
}

impl TurnServers {
    /// The servers that the tenant connected, but none of their tools that has a name of `taken`.
    pub(super) async fn ready(
        platform: &Platform,
        caller: &Caller,
        skills: &SkillSet,
        taken: &[ToolSpec],
    ) -> Self {
        let names = caller.tenant.mcp_servers();
        let Some(way) = skills.servers().filter(|_| !names.is_empty()) else {
            return Self::default();
        };
        let asked = names.iter().map(|name| one(platform, caller, way, name));
        let mut ready = Self {
            way: Some((way.clone(), platform.clone())),
            public_url: skills.public_url().cloned(),
            ..Self::default()
        };
        for (name, found) in names.iter().zip(join_all(asked).await) {
            match found {
                Found::Connected(connected) => ready.add(*connected, taken),
                Found::Missing => ready.missing.push(name.clone()),
                Found::Unconnected => {
                    let spec = connecting(name);
                    if taken.iter().all(|other| other.name != spec.name) {
                        ready.unconnected.push((name.clone(), spec));
                    }
                }
                Found::NotConnected => {}
            }
        }
        ready
    }

    fn add(&mut self, connected: Connected, taken: &[ToolSpec]) {
        let at = self.servers.len();
        let server = &connected.server;
        let offered = server.catalogue.offered.iter();
        let offered = offered.filter(|tool| taken.iter().all(|spec| spec.name != tool.spec.name));
        let tools = offered.map(|tool| ServerTool {
            server: at,
            tool: tool.clone(),
        });
        self.tools.extend(tools);
        if self.tools.len() > MOST_TOOLS {
            tracing::warn!(
                integration = %server.integration(), most = MOST_TOOLS,
                "the tenant's MCP servers have more tools than a model is offered"
            );
            self.tools.truncate(MOST_TOOLS);
        }
        self.servers.push(connected);
    }

    /// The tools as the model is told of them.
    pub(super) fn specs(&self) -> impl Iterator<Item = ToolSpec> {
        let own = self.unconnected.iter().map(|(_, spec)| spec.clone());
        self.tools
            .iter()
            .map(|tool| tool.tool.spec.clone())
            .chain(own)
    }

    /// The tool that the model calls so.
    pub(super) fn find(&self, name: &str) -> Option<&ServerTool> {
        self.tools.iter().find(|tool| tool.tool.spec.name == name)
    }

    /// What the user is told where the model calls for a server that is not connected for them.
    pub(super) fn to_connect(&self, reply: &[ContentBlock]) -> Option<String> {
        let is_called = |spec: &ToolSpec| {
            let mut blocks = reply.iter();
            blocks.any(
                |block| matches!(block, ContentBlock::ToolUse { name, .. } if *name == spec.name),
            )
        };
        let called = self.unconnected.iter().filter(|(_, spec)| is_called(spec));
        let told = called.map(|(integration, _)| {
            let way = match &self.public_url {
                Some(url) => format!(
                    "[Connect `{}`]({})",
                    integration.mcp_label().unwrap_or_default(),
                    url.connections(integration)
                ),
                None => format!(
                    "Send a token of yours to `PUT /api/me/integrations/{integration}`, or have an \
                     operator store it with `t3nets secret set {integration} --user`."
                ),
            };
            format!(
                "Connect your account at `{}` first: it is used with each person's own, and yours \
                 is not connected, or not any more. {way}",
                integration.mcp_label().unwrap_or_default(),
            )
        });
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join("\n\n"))
    }

    /// The integration whose tool it is.
    pub(super) fn integration(&self, tool: &ServerTool) -> Option<&IntegrationName> {
        let connected = self.servers.get(tool.server)?;
        Some(connected.server.integration())
    }

    /// The integrations whose tools are offered.
    pub(super) fn integrations(&self) -> impl Iterator<Item = &IntegrationName> {
        let all = self.servers.iter();
        all.map(|connected| connected.server.integration())
    }

    /// Calls a tool. The result, as well as what is an error to its server, is the server's text.
    pub(super) async fn call(&self, tool: &ServerTool, input: &Value) -> Result<Value, Value> {
        let (Some((way, platform)), Some(connected)) = (&self.way, self.servers.get(tool.server))
        else {
            return Err("the tool's server is not connected".into());
        };
        let arguments = input.as_object().cloned().unwrap_or_default();
        let span = Span::of_tool(&tool.tool.spec.name);
        let calling = Box::pin(way.call(&connected.server, &tool.tool, arguments));
        let result = match span.around(calling).await {
            Ok(result) if result.is_error => Err(result.content),
            Ok(result) => Ok(result.content),
            Err(error) => {
                let mut told = error.to_string();
                if let SkillErrorKind::MoreAccess { scopes } = &error.kind {
                    remember(platform, &connected.token, scopes).await;
                    told = format!("{told}. {}", self.to_grant(&connected.token));
                }
                Err(told.into())
            }
        };
        result.inspect_err(|_| span.failed("tool"))
    }

    /// How a server gets the access that it asks for.
    fn to_grant(&self, token: &SecretName) -> String {
        match (&token.user_id, &self.public_url) {
            (None, _) => "An administrator has to connect it again.".to_owned(),
            (Some(_), None) => "The user has to connect it again.".to_owned(),
            (Some(_), Some(url)) => format!(
                "The user has to connect it again at {}",
                url.connections(&token.integration)
            ),
        }
    }

    /// Calls a tool that its user agreed to, if the tenant still offers it.
    pub(super) async fn call_agreed(
        &self,
        integration: &IntegrationName,
        own_name: &str,
        input: &Value,
    ) -> Result<Value, Value> {
        let tool = self.tools.iter().find(|tool| {
            tool.tool.own_name == own_name && self.integration(tool) == Some(integration)
        });
        match tool {
            Some(tool) => self.call(tool, input).await,
            None => {
                Err("it was not run: the tool cannot be reached, or is not offered any more".into())
            }
        }
    }

    /// What the model is told of the servers that are missing.
    pub(super) fn note(&self) -> Option<String> {
        let names: Vec<&str> = self.missing.iter().map(IntegrationName::as_str).collect();
        (!names.is_empty()).then(|| {
            format!(
                "\n\nThe tools of {} cannot be reached at present. Where a question needs them, say so.",
                names.join(", ")
            )
        })
    }

    /// Takes the servers' tools off a request that the provider refused, since one of them may be
    /// why; `false` if there are none, or one was called already.
    pub(super) fn take_off(&self, request: &mut ModelRequest) -> bool {
        let is_own = |name: &str| {
            let mut unconnected = self.unconnected.iter();
            self.find(name).is_some() || unconnected.any(|(_, spec)| spec.name == name)
        };
        let mut blocks = request.messages.iter().flat_map(|message| &message.content);
        if blocks.any(|block| matches!(block, ContentBlock::ToolUse { name, .. } if is_own(name))) {
            return false;
        }
        let before = request.tools.len();
        request.tools.retain(|spec| !is_own(&spec.name));
        let is_less = request.tools.len() < before;
        if is_less {
            tracing::warn!(
                "the model's provider refused the request: it is asked again without the tools of MCP servers"
            );
        }
        is_less
    }
}

/// What there is of a server that the tenant's record names.
enum Found {
    Connected(Box<Connected>),
    Missing,
    Unconnected,
    NotConnected,
}

/// What a model calls where it needs the tools of a server that is not connected for the user.
fn connecting(integration: &IntegrationName) -> ToolSpec {
    let label = integration.mcp_label().unwrap_or_default();
    ToolSpec {
        name: format!("{label}__connect_account"),
        description: format!(
            "The tools of the MCP server `{label}` need the user's own account, which is not connected. \
             Call this where the question needs them: the user is then told how to connect it."
        ),
        input_schema: json!({"type": "object", "properties": {}}),
    }
}

async fn one(
    platform: &Platform,
    caller: &Caller,
    way: &Arc<Servers>,
    integration: &IntegrationName,
) -> Found {
    let tenant = &caller.tenant.id;
    let name = SecretName {
        tenant_id: tenant.clone(),
        integration: integration.clone(),
        user_id: None,
    };
    let fields = match platform.secrets.get(&name).await {
        Ok(Some(fields)) => fields,
        Ok(None) => return Found::NotConnected,
        Err(error) => {
            tracing::warn!(%tenant, %integration, %error, "an MCP server's settings cannot be read");
            return Found::Missing;
        }
    };
    let user = match (own::is_wanted(&fields), &caller.user) {
        (false, _) => None,
        // Without a user there is nobody to connect it.
        (true, None) => return Found::NotConnected,
        (true, Some(user)) => Some(user),
    };
    let mut held = Held {
        name,
        document: fields.clone(),
        settings: fields,
        was_refused: false,
    };
    if let Some(user) = user {
        held.name.user_id = Some(user.id.clone());
        held.document = match platform.secrets.get(&held.name).await {
            Ok(Some(own)) if own::applied(&held.settings, &own, user).is_some() => own,
            Ok(_) => return Found::Unconnected,
            Err(error) => {
                tracing::warn!(%tenant, %integration, %error, "a user's own token cannot be read");
                return Found::Missing;
            }
        };
    }
    let token = held.name.clone();
    let mut ready = with_current(platform, way, user, held.clone()).await;
    // One that was taken back before its time is renewed, if it can be.
    if is_denied(&ready) && is_renewable(&held.document) {
        held.was_refused = true;
        ready = with_current(platform, way, user, held).await;
    }
    match ready {
        Ok(server) => Found::Connected(Box::new(Connected { server, token })),
        Err(_) if is_denied(&ready) && user.is_some() => Found::Unconnected,
        Err(error) => {
            if let SkillErrorKind::MoreAccess { scopes } = &error.kind {
                remember(platform, &token, scopes).await;
                if user.is_some() {
                    return Found::Unconnected;
                }
            }
            tracing::warn!(%tenant, %integration, %error, "a turn goes on without an MCP server's tools");
            Found::Missing
        }
    }
}

/// Remembers what a server asks for beside what was granted, for when it is connected again.
async fn remember(platform: &Platform, token: &SecretName, more: &str) {
    let remembered = scopes::remember(&*platform.notes, token, more, platform.clock.now()).await;
    if let Err(error) = remembered {
        tracing::warn!(secret = %token, %error, "what a server asks for cannot be remembered");
    }
}

/// The server with a token that works as far as is known.
async fn with_current(
    platform: &Platform,
    way: &Arc<Servers>,
    user: Option<&User>,
    held: Held,
) -> Result<Server, SkillError> {
    let (name, settings) = (held.name.clone(), held.settings.clone());
    let mut fields = way.sign_ins().current(platform, held).await?;
    if let Some(user) = user {
        fields = own::applied(&settings, &fields, user).ok_or_else(|| SkillError {
            kind: SkillErrorKind::Denied,
            message: "the user's own token was taken away meanwhile".to_owned(),
            hint: None,
        })?;
    }
    way.ready(&name.tenant_id, &name.integration, &fields).await
}

fn is_denied(ready: &Result<Server, SkillError>) -> bool {
    matches!(ready, Err(error) if error.kind == SkillErrorKind::Denied)
}
