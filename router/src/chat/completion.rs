//! A turn of a client that holds the conversation itself, as OpenAI's clients do. It is reserved,
//! answered and settled as every turn is; the difference is in what the model is given: the
//! client's own messages instead of stored ones, its instructions behind the tenant's, its tools
//! beside the skills. Nothing of it is stored.
//!
//! Skills run here, within the request. A call of the client's own tool ends the request: the
//! client makes the call and asks again with the result. Skills that were called beside it are not
//! run, since the client, which holds the conversation, is not shown their results; they are
//! offered again with its next request.

use std::collections::BTreeSet;

use serde_json::json;

use super::engine::{Engine, Source, WINDOW_BYTES};
use super::tool_loop::ClientTools;
use super::{OnEvent, TurnError, TurnRequest, admit, tools};
use crate::ai::SelectError;
use crate::model::{
    ContentBlock, ModelMessage, ModelOptions, ModelRequest, StopReason, Tenant, TokenUsage,
    ToolChoice, ToolSpec,
};
use crate::telemetry::of_turn;

/// What stands between the assistant's own instructions and a client's.
const CLIENTS_WORDS: &str = "The program by which this conversation comes gives the following instructions. Follow them as far as they do \
     not contradict what stands above.";

/// A conversation that its client holds, and what it asks for.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// Who asks, by which channel, and what the person said last. It has no session.
    pub turn: TurnRequest,
    /// The conversation: speakers alternate, every call of a tool has its result, and the last
    /// message is the person's or a result. A person's message begins it, or it is cut.
    pub messages: Vec<ModelMessage>,
    /// The client's own instructions; empty if it has none.
    pub instructions: String,
    /// The client's own tools, none of which has a skill's name.
    pub tools: Vec<ToolSpec>,
    /// Whether the client takes one call at a time.
    pub one_call: bool,
    /// The longest answer that it wants, in tokens; the tenant's limit holds all the same.
    pub max_tokens: Option<u32>,
    /// What else it asks of the model.
    pub options: ModelOptions,
    /// Whether the last message is a person's to the assistant as it is: without a client's
    /// instructions, tools and form of the answer, which small talk and rules know nothing of.
    pub is_plain: bool,
}

/// The answer to a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The answer's words.
    pub text: String,
    /// The calls of its own tools that the client is to make.
    pub calls: Vec<ContentBlock>,
    /// Why it ends.
    pub stop: StopReason,
    /// Tokens used by all calls of the model.
    pub usage: TokenUsage,
}

impl CompletionRequest {
    /// Whether the model has to call one of the client's tools.
    pub(super) fn must_call(&self) -> bool {
        self.options.tool_choice != ToolChoice::Auto
    }

    /// Whether the answer has to be more than words.
    pub(super) fn asks_for_form(&self) -> bool {
        self.options.format.is_some()
    }

    pub(super) fn own_tools(&self) -> ClientTools<'_> {
        ClientTools {
            specs: &self.tools,
            one_call: self.one_call,
        }
    }

    /// The request with what is the client's, and how many of its messages are of earlier turns, of
    /// which there are `turns` at most.
    pub(super) fn asked(&self, mut request: ModelRequest, turns: usize) -> (ModelRequest, usize) {
        if !self.instructions.trim().is_empty() {
            request.system = format!(
                "{}\n\n{CLIENTS_WORDS}\n\n{}",
                request.system, self.instructions
            );
        }
        let (messages, history) = window(&self.messages, turns);
        request.messages = messages.to_vec();
        let blocks = request
            .messages
            .iter_mut()
            .flat_map(|message| &mut message.content);
        for block in blocks {
            if let ContentBlock::ToolResult { content, .. } = block {
                *content = tools::bounded(content.take());
            }
        }
        request.tools.extend(self.tools.iter().cloned());
        if request.tools.is_empty() {
            request.tools = called(&request.messages);
        }
        if let Some(wanted) = self.max_tokens {
            request.max_tokens = request.max_tokens.min(wanted);
        }
        request.options = self.options.clone();
        (request, history)
    }
}

impl Engine {
    /// The name of the model that a tenant gets.
    ///
    /// # Errors
    /// If it gets none: see [`SelectError`].
    pub async fn model_name(&self, tenant: &Tenant) -> Result<String, SelectError> {
        let secrets = &*self.platform.secrets;
        Ok(self.models().select(tenant, secrets).await?.name)
    }

    /// Answers a client that holds the conversation.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn complete(
        &self,
        request: &CompletionRequest,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Completion, TurnError> {
        let tenant = &request.turn.caller.tenant.id;
        of_turn(tenant, self.complete_held(request, on_event)).await
    }

    async fn complete_held(
        &self,
        request: &CompletionRequest,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Completion, TurnError> {
        admit(&request.turn)?;
        let caller = &request.turn.caller;
        let now = self.platform.clock.now();
        let source = Source::Client(request);
        let (reservation, outcome) = self
            .reserve_and_answer(&request.turn, source, now, on_event)
            .await?;
        if let Some(question) = &outcome.question {
            self.keep_question(question, &request.turn).await?;
        }
        reservation.answered(&outcome);
        self.answered.count(&caller.tenant, outcome.route);
        Ok(Completion {
            text: outcome.text,
            calls: outcome.calls,
            stop: outcome.stop,
            usage: outcome.usage,
        })
    }
}

/// The end of a conversation: the turn that is to be answered, which is given whole, and so many
/// turns before it, as far as their size allows; and how many messages are those of earlier turns.
fn window(messages: &[ModelMessage], turns: usize) -> (&[ModelMessage], usize) {
    let begins = |at: &usize| messages.get(*at).is_some_and(ModelMessage::begins_turn);
    let mut starts = (0..messages.len()).rev().filter(begins);
    let Some(current) = starts.next() else {
        return (messages, 0);
    };
    let mut from = current;
    let mut bytes = 0;
    for start in starts.take(turns) {
        let turn = messages.get(start..from).unwrap_or_default();
        let blocks = turn.iter().flat_map(|message| &message.content);
        bytes += blocks.map(ContentBlock::bytes).sum::<usize>();
        if bytes > WINDOW_BYTES {
            break;
        }
        from = start;
    }
    (messages.get(from..).unwrap_or_default(), current - from)
}

/// The tools that were called in a conversation, where none is offered now: Anthropic and Bedrock
/// refuse calls of tools that they are not told of. One that is called again gets an error.
fn called(messages: &[ModelMessage]) -> Vec<ToolSpec> {
    let blocks = messages.iter().flat_map(|message| &message.content);
    let names: BTreeSet<&String> = blocks
        .filter_map(|block| match block {
            ContentBlock::ToolUse { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    let spec = |name: &String| ToolSpec {
        name: name.clone(),
        description: "Not available any more: do not call it.".to_owned(),
        input_schema: json!({"type": "object", "properties": {}}),
    };
    names.into_iter().map(spec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn said(role: Role, text: &str) -> ModelMessage {
        ModelMessage {
            role,
            content: vec![ContentBlock::Text(text.to_owned())],
        }
    }

    fn call_and_result(id: &str, result: &str) -> [ModelMessage; 2] {
        let call = ContentBlock::ToolUse {
            id: id.to_owned(),
            name: "look".to_owned(),
            input: json!({}),
        };
        let result = ContentBlock::ToolResult {
            id: id.to_owned(),
            content: json!(result),
            is_error: false,
        };
        [(Role::Assistant, call), (Role::User, result)].map(|(role, block)| ModelMessage {
            role,
            content: vec![block],
        })
    }

    #[test]
    fn a_window_holds_whole_turns_and_the_last_one_however_long_it_is() {
        let mut messages = vec![said(Role::Assistant, "Welcome!")];
        for turn in 0..3 {
            messages.push(said(Role::User, &format!("question {turn}")));
            messages.extend(call_and_result("c", &"x".repeat(10_000)));
            messages.push(said(Role::Assistant, "answer"));
        }
        messages.push(said(Role::User, "now"));
        messages.extend(call_and_result("d", &"x".repeat(2 * WINDOW_BYTES)));
        for (turns, expected) in [(0, 0), (1, 4), (2, 8), (20, 12)] {
            let (given, history) = window(&messages, turns);
            assert_eq!((given.len(), history), (expected + 3, expected), "{turns}");
            assert!(given[0].begins_turn());
        }
        // By bytes.
        let long = said(Role::User, &"y".repeat(WINDOW_BYTES - 15_000));
        messages[5] = long;
        let (given, history) = window(&messages, 20);
        assert_eq!((given.len(), history), (7, 4));
        assert_eq!(window(&[], 3), (&[][..], 0));
    }
}
