//! The model's part of a turn: it is asked, calls tools, gets their results, and is asked again
//! until it answers.

use jiff::Timestamp;
use serde_json::Value;

use super::asking::Asking;
use super::consent::Question;
use super::outcome::{Outcome, pretty};
use super::tools::{self, TurnTools};
use super::{OnEvent, TurnError};
use crate::model::{
    ContentBlock, IntegrationName, ModelMessage, ModelRequest, Role, StopReason, ToolSpec,
};
use crate::ports::ModelError;

/// How many rounds of tool calls a model gets in one turn before it must answer.
const MAX_ROUNDS: usize = 5;

/// What every round needs.
pub(super) struct ToolLoop<'turn> {
    pub(super) asking: Asking<'turn>,
    pub(super) tools: &'turn TurnTools,
    /// When the turn began.
    pub(super) now: Timestamp,
    /// Whether the JSON of the first tools that are called is the answer.
    pub(super) raw: bool,
    /// How many of the request's first messages are of earlier turns.
    pub(super) history: usize,
    /// The client's own tools, where the answer goes to a program that has some, or may have.
    pub(super) client: Option<ClientTools<'turn>>,
}

/// The tools of a client that makes their calls itself.
pub(super) struct ClientTools<'turn> {
    pub(super) specs: &'turn [ToolSpec],
    /// Whether it takes one call at a time.
    pub(super) one_call: bool,
}

impl ClientTools<'_> {
    /// Its calls among those of a reply. Whatever else was called with them is left out: the client
    /// holds the conversation, and a result that it is not shown would be missing from it.
    fn calls(&self, reply: &[ContentBlock]) -> Vec<ContentBlock> {
        let is_own = |block: &&ContentBlock| {
            matches!(block, ContentBlock::ToolUse { name, .. }
                if self.specs.iter().any(|spec| spec.name == *name))
        };
        let most = if self.one_call { 1 } else { usize::MAX };
        reply.iter().filter(is_own).take(most).cloned().collect()
    }
}

impl ToolLoop<'_> {
    /// Asks until the model answers. `outcome` holds what the turn has come to before.
    pub(super) async fn run(
        &mut self,
        mut request: ModelRequest,
        mut outcome: Outcome,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Outcome, TurnError> {
        let (mut history, mut without_tools) = (self.history, false);
        for round in 0..=MAX_ROUNDS {
            let is_last = round == MAX_ROUNDS;
            if is_last {
                request.options.must_answer = true;
                // Anthropic and Bedrock refuse a request that leaves out the tools while their
                // calls are in the conversation, so the model is told instead:
                // https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html
                request
                    .system
                    .push_str("\n\nAnswer now with what you have. Call no more tools.");
            }
            let reply = loop {
                match self.asking.ask(&mut request, &mut outcome, on_event).await {
                    Err(TurnError::Model(ModelError::TooLong))
                        if shorten(&mut request, &mut history) => {}
                    Err(TurnError::Model(ModelError::Rejected(why)))
                        if names_sampling(&why) && request.options.take_sampling() => {}
                    Err(TurnError::Model(ModelError::Rejected(_)))
                        if self.tools.servers.take_off(&mut request) => {}
                    reply => break reply?,
                }
            };
            without_tools |= reply.without_tools;
            outcome.stop = reply.stop;
            if let Some(client) = &self.client
                && reply.stop == StopReason::ToolUse
            {
                outcome.calls = client.calls(&reply.content);
                if !outcome.calls.is_empty() {
                    return Ok(outcome);
                }
            }
            let calls = reply
                .content
                .iter()
                .filter(|block| matches!(block, ContentBlock::ToolUse { .. }))
                .count();
            let has_form = request.options.format.is_some();
            if reply.stop != StopReason::ToolUse || calls == 0 || is_last {
                if has_form && reply.stop == StopReason::ToolUse {
                    let error = "it calls tools where it has to answer".to_owned();
                    return Err(ModelError::Protocol(error).into());
                }
                if self.client.is_some() {
                    // A program is told why the model stopped, and shows it in its own way.
                    return Ok(outcome);
                }
                outcome.finish(reply.stop, on_event);
                if without_tools {
                    outcome.add_note(&self.without_skills(), on_event);
                }
                return Ok(outcome);
            }
            // Neither has the form: the model is told instead that there is no such tool.
            let to_connect = || self.tools.servers.to_connect(&reply.content);
            if let Some(how) = (!has_form).then(to_connect).flatten() {
                outcome.stop = StopReason::EndTurn;
                outcome.add_note(&how, on_event);
                return Ok(outcome);
            }
            // A JSON answer is not stored, so nothing could be agreed to.
            let question = match self.raw || has_form {
                true => None,
                false => Question::about(self.tools, &reply.content, self.now)?,
            };
            if let Some(question) = question {
                outcome.ask(question, self.client.is_some(), on_event);
                return Ok(outcome);
            }
            let round = tools::run_calls(self.tools, &reply.content, on_event).await;
            for name in round.ran {
                if !outcome.skills.contains(&name) {
                    outcome.skills.push(name);
                }
            }
            if self.raw && !round.results.is_empty() {
                outcome.text = match <[Value; 1]>::try_from(round.results) {
                    Ok([one]) => pretty(&one),
                    Err(several) => pretty(&Value::Array(several)),
                };
                outcome.raw = true;
                return Ok(outcome);
            }
            request.messages.push(ModelMessage {
                role: Role::Assistant,
                content: reply.content,
            });
            request.messages.push(ModelMessage {
                role: Role::User,
                content: round.blocks,
            });
        }
        Ok(outcome)
    }

    /// What an answer says that was given without the skills it might have needed.
    fn without_skills(&self) -> String {
        let servers = self.tools.servers.integrations();
        let names = self
            .tools
            .skills
            .iter()
            .map(|ready| ready.skill.name())
            .chain(servers.map(IntegrationName::as_str))
            .map(|name| format!("`{name}`"));
        format!(
            "(The model {} cannot use skills, so this answer was given without {}.)",
            self.asking.model().name,
            names.collect::<Vec<_>>().join(", ")
        )
    }
}

/// Whether a refusal is about how the answer's words are chosen: newer models of OpenAI's and
/// Anthropic's take no `temperature`, or not beside `top_p`.
fn names_sampling(refusal: &str) -> bool {
    let refusal = refusal.to_lowercase();
    ["temperature", "top_p", "topp"]
        .iter()
        .any(|name| refusal.contains(name))
}

/// Takes away the older half of the earlier turns, once; false if there is nothing to take.
fn shorten(request: &mut ModelRequest, history: &mut usize) -> bool {
    let mut gone = (*history).div_ceil(2);
    // A conversation begins with the person.
    while gone < *history
        && request
            .messages
            .get(gone)
            .is_some_and(|one| !one.begins_turn())
    {
        gone += 1;
    }
    *history = 0;
    request.messages.drain(..gone);
    gone > 0
}
