//! An answer of chat completions while it comes, read field by field.

use serde_json::Value;

use crate::ai::reading::{
    self, Room, count, index, is_whole_json, name, text, tool_input, with_own_ids,
};
use crate::ai::refusal::{Refused, excerpt};
use crate::ai::thinking::Thoughts;
use crate::ai::{broken_off, endpoint::ProviderKey, result_text};
use crate::model::{ContentBlock, ModelReply, StopReason, TokenUsage};
use crate::ports::{Listener, ModelError, ModelEvent};

/// An answer while it comes.
#[derive(Default)]
pub(super) struct Answer {
    text: String,
    thoughts: Thoughts,
    room: Room,
    calls: Vec<Call>,
    finish: Option<String>,
    is_refusal: bool,
    is_done: bool,
    usage: TokenUsage,
    /// How many chunks came: two calls in one of them are two calls.
    chunks: usize,
}

#[derive(Default)]
struct Call {
    index: Option<i64>,
    id: String,
    name: String,
    arguments: String,
    last_chunk: usize,
}

impl Answer {
    /// Whether the reason to stop was read: nothing that follows can take the answer back.
    pub(super) fn has_stopped(&self) -> bool {
        self.finish.is_some() || self.is_done
    }

    /// The stream said that it is over.
    pub(super) fn done(&mut self) {
        self.is_done = true;
    }

    /// Takes a chunk; `null` and what is no object is none. Some endpoints wrap an error into a
    /// list.
    ///
    /// # Errors
    /// What the endpoint reports instead of an answer.
    pub(super) fn take(
        &mut self,
        chunk: &Value,
        key: Option<&ProviderKey>,
        model: &str,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        if let Value::Array(several) = chunk {
            return several
                .iter()
                .try_for_each(|one| self.take(one, key, model, listen));
        }
        self.chunks += 1;
        // One choice was asked for; the last chunk, with the usage, has none.
        let choices = chunk.get("choices");
        let choice = match choices.and_then(Value::as_array) {
            Some(choices) => choices.first(),
            None => choices.filter(|choices| choices.is_object()),
        };
        let choice = choice.unwrap_or(&Value::Null);
        for bearer in [chunk, choice, chunk.get("x_groq").unwrap_or(&Value::Null)] {
            self.count(bearer.get("usage"), listen);
        }
        if self.has_stopped() {
            return Ok(());
        }
        let finish = text(choice, "finish_reason").filter(|reason| !reason.is_empty());
        let error = [chunk, choice]
            .iter()
            .find_map(|bearer| bearer.get("error").filter(|error| !error.is_null()));
        if error.is_some() || finish == Some("error") {
            return Err(reported(error, key, model));
        }
        let delta = ["delta", "message"]
            .iter()
            .find_map(|field| choice.get(field).filter(|delta| delta.is_object()));
        if let Some(delta) = delta {
            self.add(delta, listen)?;
        }
        self.finish = finish.map(str::to_owned);
        Ok(())
    }

    fn add(&mut self, delta: &Value, listen: &mut Listener<'_>) -> Result<(), ModelError> {
        let refusal = text(delta, "refusal").unwrap_or_default();
        self.is_refusal |= !refusal.is_empty();
        let words = content(delta);
        self.room.take(&words)?;
        self.room.take(refusal)?;
        let spoken = self.thoughts.without(&words);
        for words in [spoken.as_str(), refusal] {
            self.say(words, listen);
        }
        let calls = delta.get("tool_calls");
        match calls.and_then(Value::as_array) {
            Some(calls) => calls.iter().try_for_each(|call| self.take_call(call)),
            None => calls
                .into_iter()
                .filter(|call| call.is_object())
                .try_for_each(|call| self.take_call(call)),
        }
    }

    fn say(&mut self, words: &str, listen: &mut Listener<'_>) {
        if !words.is_empty() {
            listen(ModelEvent::Text(words));
            self.text.push_str(words);
        }
    }

    fn count(&mut self, usage: Option<&Value>, listen: &mut Listener<'_>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else {
            return;
        };
        let sent = count(usage, "prompt_tokens").unwrap_or_default();
        let answered = count(usage, "completion_tokens").unwrap_or_default();
        // What a model thought is beside the completion at some endpoints, and in the sum at all.
        let total = count(usage, "total_tokens").unwrap_or_default();
        let cached = usage
            .get("prompt_tokens_details")
            .and_then(|details| count(details, "cached_tokens"))
            .unwrap_or_default()
            .min(sent);
        reading::raise(
            &mut self.usage,
            TokenUsage {
                input: sent - cached,
                output: answered.max(total.saturating_sub(sent)),
                cache_read: cached,
                cache_write: 0,
            },
        );
        listen(ModelEvent::Usage(self.usage));
    }

    /// A call comes in pieces of one index, the first with id and name. Some endpoints send whole
    /// calls that all have the index 0, or none, and no ids: a call is another one if its id
    /// differs, or if it has a name and the one before is whole.
    fn take_call(&mut self, delta: &Value) -> Result<(), ModelError> {
        let at = index(delta, "index");
        let id = name(delta, "id").unwrap_or_default();
        let function = delta.get("function").unwrap_or(&Value::Null);
        let called = name(function, "name").unwrap_or_default();
        let known = match at {
            Some(_) => self.calls.iter().rposition(|call| call.index == at),
            None => self.calls.len().checked_sub(1),
        };
        let continued = known.filter(|known| {
            let call = &self.calls[*known];
            let same_id = id.is_empty() || call.id.is_empty() || call.id == id;
            let is_whole = at.is_none()
                || call.name != called
                || call.last_chunk == self.chunks
                || is_whole_json(&call.arguments);
            same_id && (called.is_empty() || call.name.is_empty() || !is_whole)
        });
        let position = continued.unwrap_or_else(|| {
            self.calls.push(Call {
                index: at,
                ..Call::default()
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[position];
        call.last_chunk = self.chunks;
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = called;
        }
        // A piece of JSON text; some endpoints give the object itself.
        match function.get("arguments") {
            None | Some(Value::Null) => {}
            Some(arguments) => {
                let arguments = result_text(arguments);
                self.room.take(&arguments)?;
                call.arguments.push_str(&arguments);
            }
        }
        Ok(())
    }

    /// The answer, once the stream is over. `turn` makes the ids that are missing unique in the
    /// conversation.
    ///
    /// # Errors
    /// If it broke off.
    pub(super) fn finish(
        mut self,
        turn: usize,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        if !self.has_stopped() {
            return Err(broken_off());
        }
        let held = self.thoughts.finish();
        self.say(&held, listen);
        let stop = match self.finish.as_deref() {
            Some("length") => StopReason::MaxTokens,
            Some("content_filter") => StopReason::Filtered,
            _ if self.is_refusal => StopReason::Filtered,
            // Some endpoints say "stop" after calls, or nothing.
            _ if !self.calls.is_empty() => StopReason::ToolUse,
            _ => StopReason::EndTurn,
        };
        let mut content = Vec::new();
        if !self.text.is_empty() {
            content.push(ContentBlock::Text(self.text));
        }
        content.extend(self.calls.into_iter().map(|call| ContentBlock::ToolUse {
            input: tool_input(&call.arguments),
            id: call.id,
            name: call.name,
        }));
        with_own_ids(&mut content, turn);
        Ok(ModelReply {
            content,
            stop,
            usage: self.usage,
            answered_by: None,
            without_tools: false,
        })
    }
}

/// The words of a message or of a piece of one: a text, or a list of parts.
fn content(delta: &Value) -> String {
    match delta.get("content") {
        Some(Value::String(words)) => words.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| text(part, "text")).collect(),
        _ => String::new(),
    }
}

/// An error within a stream, whose head said that all was well.
fn reported(error: Option<&Value>, key: Option<&ProviderKey>, model: &str) -> ModelError {
    let refused = match error {
        Some(error) => Refused::read(error),
        None => Refused::default(),
    };
    let message = match refused.message.is_empty() {
        true => "the endpoint reports an error and says no more".to_owned(),
        false => excerpt(&refused.message, key),
    };
    refused
        .meaning(&message, None, model)
        .unwrap_or(ModelError::Unavailable(message))
}
