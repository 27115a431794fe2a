//! Running skills for a turn: which are allowed, with whose credentials, and how a model gets their
//! results.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use super::servers::{ServerTool, TurnServers};
use super::{Caller, OnEvent, TurnError, TurnEvent};
use crate::model::{ContentBlock, ModelMessage, Role, SecretDocument, SecretName, ToolSpec};
use crate::ports::{Platform, StoreError};
use crate::skills::{Skill, SkillCall, SkillSet};
use crate::telemetry::{Part, Span, Waiting};

/// The longest tool result that a model is given, in bytes of JSON.
const MAX_RESULT_BYTES: usize = 64 * 1024;

/// A skill that the tenant enabled and connected, with what it needs to run for the caller.
#[derive(Clone)]
pub(super) struct ReadySkill {
    pub(super) skill: Arc<dyn Skill>,
    call: SkillCall,
}

impl ReadySkill {
    /// Runs the skill. `input` is checked by the skill itself.
    pub(super) async fn run(&self, input: &Value) -> Result<Value, TurnError> {
        let _waiting = Waiting::begin(Part::Skill);
        let span = Span::of_tool(self.skill.name());
        let outcome = span.around(self.skill.run(&self.call, input)).await;
        outcome.map_err(|error| {
            span.failed("skill");
            TurnError::Skill {
                skill: self.skill.name(),
                error,
            }
        })
    }
}

/// The skill for this caller, if the tenant connected its integration.
pub(super) async fn prepare(
    platform: &Platform,
    caller: &Caller,
    skill: &Arc<dyn Skill>,
) -> Result<ReadySkill, TurnError> {
    let credentials = match skill.integration() {
        None => None,
        Some(integration) => Some(
            credentials(platform, caller, integration)
                .await?
                .ok_or_else(|| TurnError::NotConnected {
                    integration,
                    tenant: caller.tenant.id.clone(),
                })?,
        ),
    };
    let email = caller.user.as_ref().map(|user| user.email.clone());
    Ok(ReadySkill {
        skill: skill.clone(),
        call: SkillCall {
            email,
            credentials,
            now: platform.clock.now(),
        },
    })
}

/// Every skill that the tenant enabled and whose integration is connected.
pub(super) async fn prepare_all(
    platform: &Platform,
    caller: &Caller,
    skills: &SkillSet,
) -> Result<Vec<ReadySkill>, TurnError> {
    let enabled = skills
        .iter()
        .filter(|skill| caller.tenant.settings.allows_skill(skill.name()));
    let mut ready = Vec::new();
    for prepared in join_all(enabled.map(|skill| prepare(platform, caller, skill))).await {
        match prepared {
            Ok(skill) => ready.push(skill),
            Err(TurnError::NotConnected { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ready)
}

async fn credentials(
    platform: &Platform,
    caller: &Caller,
    integration: &str,
) -> Result<Option<SecretDocument>, StoreError> {
    let integration = integration
        .parse()
        .map_err(|error: crate::model::InvalidId| StoreError::Corrupt {
            what: format!("integration `{integration}`"),
            detail: error.to_string(),
        })?;
    platform
        .secrets
        .get(&SecretName {
            tenant_id: caller.tenant.id.clone(),
            integration,
            user_id: None,
        })
        .await
}

/// What the model of a turn may call.
#[derive(Default)]
pub(super) struct TurnTools {
    pub(super) skills: Vec<ReadySkill>,
    pub(super) servers: TurnServers,
}

impl TurnTools {
    /// As the model is told of them.
    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        let skills = self.skills.iter().map(|ready| ready.skill.tool());
        skills.chain(self.servers.specs()).collect()
    }

    fn find(&self, name: &str) -> Option<Tool<'_>> {
        let skill = self.skills.iter().find(|ready| ready.skill.name() == name);
        let tool = || self.servers.find(name).map(Tool::OfServer);
        skill.map(Tool::Skill).or_else(tool)
    }

    async fn run(&self, tool: Tool<'_>, input: &Value) -> Result<Value, Value> {
        match tool {
            Tool::Skill(skill) => {
                let result = skill.run(input).await;
                result.map_err(|error| error.to_string().into())
            }
            Tool::OfServer(tool) => self.servers.call(tool, input).await,
        }
    }
}

/// Something that the model may call.
#[derive(Clone, Copy)]
enum Tool<'turn> {
    Skill(&'turn ReadySkill),
    OfServer(&'turn ServerTool),
}

/// What one round of tool calls returned.
pub(super) struct ToolRound {
    /// The results as blocks for the model, one for each call, in the same order.
    pub(super) blocks: Vec<ContentBlock>,
    /// The names of the skills that ran.
    pub(super) ran: Vec<String>,
    /// The results of the calls that succeeded.
    pub(super) results: Vec<Value>,
}

/// The most tools that run at once; more is no answer to a person's question.
const MOST_CALLS: usize = 8;

/// Runs the tools that a model asked for, concurrently. A failed call becomes an error result,
/// which the model can explain; so does one of a tool that does not exist, one whose arguments are
/// no object, and what is more than can run at once. What only runs after the user was asked does
/// not run here, whoever calls it.
pub(super) async fn run_calls(
    tools: &TurnTools,
    reply: &[ContentBlock],
    on_event: &mut OnEvent<'_>,
) -> ToolRound {
    let calls: Vec<(&str, &str, &Value)> = reply
        .iter()
        .filter_map(|block| match block {
            ContentBlock::ToolUse { id, name, input } => Some((id.as_str(), name.as_str(), input)),
            ContentBlock::Text(_)
            | ContentBlock::Reasoning(_)
            | ContentBlock::ToolResult { .. } => None,
        })
        .collect();
    let chosen: Vec<Result<Tool<'_>, String>> = calls
        .iter()
        .enumerate()
        .map(|(at, (_, name, input))| match tools.find(name) {
            None => Err(format!("there is no tool `{name}`")),
            Some(_) if !input.is_object() => {
                Err("the arguments are not a JSON object: call it again with one".to_owned())
            }
            Some(_) if at >= MOST_CALLS => {
                Err(format!("only {MOST_CALLS} tools can be called at once"))
            }
            Some(Tool::OfServer(tool)) if !tool.tool.is_free => {
                Err("it was not run: the user has to be asked first, which needs an answer in words, fewer calls at once, or shorter arguments".to_owned())
            }
            Some(tool) => Ok(tool),
        })
        .collect();
    for ((_, name, _), _) in calls.iter().zip(&chosen).filter(|(_, tool)| tool.is_ok()) {
        on_event(TurnEvent::Tool { name });
    }
    let runs = calls
        .iter()
        .zip(chosen)
        .map(|((_, _, input), chosen)| async move {
            match chosen {
                Ok(tool) => tools.run(tool, input).await,
                Err(why) => Err(why.into()),
            }
        });
    let outcomes = join_all(runs).await;
    let mut round = ToolRound {
        blocks: Vec::new(),
        ran: Vec::new(),
        results: Vec::new(),
    };
    for ((id, name, _), outcome) in calls.into_iter().zip(outcomes) {
        let block = match outcome {
            Ok(result) => {
                round.ran.push(name.to_owned());
                let block = result_block(id, result.clone());
                round.results.push(result);
                block
            }
            Err(why) => {
                tracing::info!(tool = name, %why, "a tool call failed");
                ContentBlock::ToolResult {
                    id: id.to_owned(),
                    content: bounded(why),
                    is_error: true,
                }
            }
        };
        round.blocks.push(block);
    }
    round
}

/// A result as the model gets it; a very long one is cut.
fn result_block(id: &str, result: Value) -> ContentBlock {
    ContentBlock::ToolResult {
        id: id.to_owned(),
        content: bounded(result),
        is_error: false,
    }
}

/// A result, cut where it is longer than a model is given.
pub(super) fn bounded(result: Value) -> Value {
    let text = result.to_string();
    if text.len() <= MAX_RESULT_BYTES {
        return result;
    }
    let end = text.floor_char_boundary(MAX_RESULT_BYTES);
    json!({"truncated": true, "beginning": &text[..end]})
}

/// A call that a rule made, and its result, in the messages by which a model makes one.
pub(super) fn as_called_by_the_model(name: &str, input: Value, result: Value) -> [ModelMessage; 2] {
    let id = "call_by_rule".to_owned();
    let result = result_block(&id, result);
    let call = ContentBlock::ToolUse {
        id,
        name: name.to_owned(),
        input,
    };
    [
        ModelMessage {
            role: Role::Assistant,
            content: vec![call],
        },
        ModelMessage {
            role: Role::User,
            content: vec![result],
        },
    ]
}
