//! A model's answer, from one response or from the events of a stream, which are read field by
//! field.

use aws_sdk_bedrockruntime::operation::converse::ConverseOutput as Response;
use aws_sdk_bedrockruntime::types::{
    ContentBlock as Block, ConverseOutput, ReasoningContentBlock, TokenUsage as Usage,
};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::document::to_value;
use crate::ai::reading::{Room, count, index, name, raise, text, tool_input, with_own_ids};
use crate::ai::thinking::Thoughts;
use crate::ai::{broken_off, result_text};
use crate::model::{ContentBlock, ModelReply, StopReason, TokenUsage};
use crate::ports::{Listener, ModelError, ModelEvent};

/// An answer that is being streamed.
#[derive(Default)]
pub(super) struct Answer {
    blocks: Vec<(Option<i64>, Part)>,
    thoughts: Thoughts,
    room: Room,
    stop: Option<String>,
    usage: TokenUsage,
    answered_by: Option<String>,
}

enum Part {
    Text(String),
    Tool {
        id: String,
        name: String,
        json: String,
    },
    Thought {
        text: String,
        signature: Option<String>,
    },
    /// In base64, as it came and is sent back.
    Redacted(String),
    Unknown,
}

impl Answer {
    /// Takes an event. Kinds that are not known are skipped. Text is passed on at once.
    ///
    /// # Errors
    /// If a part of a call came without its beginning.
    pub(super) fn take(
        &mut self,
        kind: &str,
        data: &Value,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        let at = index(data, "contentBlockIndex");
        match kind {
            // Only tool calls have such an event; text and reasoning start with their first delta:
            // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlockStart.html
            "contentBlockStart" => {
                if let Some(tool) = data.pointer("/start/toolUse") {
                    self.blocks.push((at, call(tool, String::new())));
                }
            }
            "contentBlockDelta" => {
                let delta = data.get("delta").unwrap_or(&Value::Null);
                self.add(at, delta, listen)?;
            }
            "messageStop" => self.stopped(data),
            "metadata" => self.described(data, listen),
            _ => {}
        }
        Ok(())
    }

    /// Takes a whole response of Converse, which came in place of a stream.
    pub(super) fn take_whole(
        &mut self,
        data: &Value,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        let content = data.pointer("/output/message/content");
        for block in content.and_then(Value::as_array).into_iter().flatten() {
            match block.get("toolUse") {
                Some(tool) => {
                    let input = tool.get("input").map(result_text);
                    self.blocks
                        .push((None, call(tool, input.unwrap_or_default())));
                }
                None => {
                    let reasoning = block.get("reasoningContent");
                    let thought = reasoning.and_then(|content| content.get("reasoningText"));
                    let delta = thought.map(|thought| json!({ "reasoningContent": thought }));
                    self.add(None, delta.as_ref().unwrap_or(block), listen)?;
                }
            }
        }
        self.described(data, listen);
        self.stopped(data);
        Ok(())
    }

    fn stopped(&mut self, data: &Value) {
        let reason = text(data, "stopReason").filter(|reason| !reason.is_empty());
        if let Some(reason) = reason {
            self.stop = Some(reason.to_owned());
        }
    }

    fn described(&mut self, data: &Value, listen: &mut Listener<'_>) {
        if let Some(usage) = data.get("usage").filter(|usage| usage.is_object()) {
            raise(&mut self.usage, usage_of(usage));
            listen(ModelEvent::Usage(self.usage));
        }
        let router = data.pointer("/trace/promptRouter");
        let invoked = router.and_then(|router| name(router, "invokedModelId"));
        self.answered_by = invoked.or(self.answered_by.take());
    }

    /// A piece of a block: of the last one, if it does not say of which.
    fn add(
        &mut self,
        at: Option<i64>,
        delta: &Value,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        if !delta.is_object() {
            return Ok(());
        }
        let reasoning = delta.get("reasoningContent");
        let redacted = reasoning.and_then(|content| text(content, "redactedContent"));
        let known = match at {
            Some(_) => self.blocks.iter().rposition(|(index, _)| *index == at),
            None => self.blocks.len().checked_sub(1),
        };
        let fits = known.filter(|known| at.is_some() || self.blocks[*known].1.takes(delta));
        let position = match fits {
            Some(position) => position,
            None => {
                self.blocks.push((at, Part::beginning_with(delta)?));
                self.blocks.len() - 1
            }
        };
        let part = &mut self.blocks[position].1;
        // What it is may be told by a later piece.
        if matches!(part, Part::Unknown) {
            *part = Part::beginning_with(delta)?;
        }
        match part {
            Part::Text(all) => {
                let words = text(delta, "text").unwrap_or_default();
                self.room.take(words)?;
                say(all, &self.thoughts.without(words), listen);
            }
            Part::Tool { json, .. } => {
                // A piece of JSON text, or the object itself.
                match delta.pointer("/toolUse/input") {
                    None | Some(Value::Null) => {}
                    Some(input) => {
                        let input = result_text(input);
                        self.room.take(&input)?;
                        json.push_str(&input);
                    }
                }
            }
            Part::Thought {
                text: all,
                signature,
            } => {
                let piece = |field| reasoning.and_then(|content| text(content, field));
                let words = piece("text").unwrap_or_default();
                self.room.take(words)?;
                all.push_str(words);
                if let Some(more) = piece("signature") {
                    self.room.take(more)?;
                    signature.get_or_insert_default().push_str(more);
                }
            }
            Part::Redacted(all) => {
                let more = redacted.unwrap_or_default();
                self.room.take(more)?;
                all.push_str(more);
            }
            Part::Unknown => {}
        }
        Ok(())
    }

    /// Whether the reason to stop was read: nothing that follows can take the answer back.
    pub(super) fn has_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// The answer, once the stream is over. `turn` makes the ids that are missing unique in the
    /// conversation.
    pub(super) fn finish(
        mut self,
        turn: usize,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let stop = self.stop.as_deref().ok_or_else(broken_off)?;
        // Only what an answer begins with may be held back.
        let held = self.thoughts.finish();
        let texts = self.blocks.iter_mut().filter_map(|(_, part)| match part {
            Part::Text(all) => Some(all),
            _ => None,
        });
        if let Some(last) = texts.last() {
            say(last, &held, listen);
        }
        let content = self
            .blocks
            .into_iter()
            .filter_map(|(_, part)| match part {
                Part::Text(text) => Some(ContentBlock::Text(text)).filter(is_not_empty),
                Part::Tool { id, name, json } => Some(ContentBlock::ToolUse {
                    id,
                    name,
                    input: tool_input(&json),
                }),
                Part::Thought { text, signature } => Some(ContentBlock::Reasoning(thought(
                    &text,
                    signature.as_deref(),
                ))),
                Part::Redacted(bytes) => {
                    Some(ContentBlock::Reasoning(json!({ "redactedContent": bytes })))
                }
                Part::Unknown => None,
            })
            .collect();
        reply(content, stop, self.usage, self.answered_by, turn)
    }
}

impl Part {
    /// The block that a first delta starts.
    fn beginning_with(delta: &Value) -> Result<Self, ModelError> {
        let reasoning = delta.get("reasoningContent");
        Ok(match delta {
            _ if text(delta, "text").is_some() => Self::Text(String::new()),
            _ if reasoning.is_some_and(|content| content.get("redactedContent").is_some()) => {
                Self::Redacted(String::new())
            }
            _ if reasoning.is_some() => Self::Thought {
                text: String::new(),
                signature: None,
            },
            _ if delta.get("toolUse").is_some() => {
                return Err(ModelError::Protocol(
                    "a part of a tool call came before its beginning".to_owned(),
                ));
            }
            _ => Self::Unknown,
        })
    }

    /// Whether a delta that does not say of which block it is can be of this one.
    fn takes(&self, delta: &Value) -> bool {
        match self {
            Self::Text(_) => delta.get("text").is_some(),
            Self::Tool { .. } => delta.get("toolUse").is_some(),
            Self::Thought { .. } | Self::Redacted(_) => delta.get("reasoningContent").is_some(),
            Self::Unknown => false,
        }
    }
}

fn call(tool: &Value, json: String) -> Part {
    Part::Tool {
        id: name(tool, "toolUseId").unwrap_or_default(),
        name: name(tool, "name").unwrap_or_default(),
        json,
    }
}

fn say(all: &mut String, words: &str, listen: &mut Listener<'_>) {
    if !words.is_empty() {
        listen(ModelEvent::Text(words));
        all.push_str(words);
    }
}

/// Bedrock counts tokens read from and written to the cache apart from other input
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>).
fn usage_of(usage: &Value) -> TokenUsage {
    let tokens = |field| count(usage, field).unwrap_or_default();
    let counted = TokenUsage {
        input: tokens("inputTokens"),
        output: tokens("outputTokens"),
        cache_read: tokens("cacheReadInputTokens"),
        cache_write: tokens("cacheWriteInputTokens"),
    };
    // What a model thought may be in the sum alone.
    let sent = counted.all_input();
    TokenUsage {
        output: counted
            .output
            .max(tokens("totalTokens").saturating_sub(sent)),
        ..counted
    }
}

/// The answer in a response of Converse.
pub(super) fn from_response(
    output: Response,
    turn: usize,
    listen: &mut Listener<'_>,
) -> Result<ModelReply, ModelError> {
    let usage = counts(output.usage.as_ref());
    listen(ModelEvent::Usage(usage));
    let message = match output.output {
        Some(ConverseOutput::Message(message)) => message,
        _ => {
            return Err(ModelError::Protocol(
                "the answer holds no message".to_owned(),
            ));
        }
    };
    let mut content = Vec::with_capacity(message.content.len());
    for block in message.content {
        content.extend(match block {
            Block::Text(text) => Some(ContentBlock::Text(text)).filter(is_not_empty),
            Block::ToolUse(tool) => Some(ContentBlock::ToolUse {
                input: to_value(&tool.input).ok_or_else(|| {
                    ModelError::Protocol("a tool's input is nested too deeply".to_owned())
                })?,
                id: tool.tool_use_id,
                name: tool.name,
            }),
            Block::ReasoningContent(ReasoningContentBlock::ReasoningText(block)) => {
                let signature = block.signature.as_deref();
                Some(ContentBlock::Reasoning(thought(&block.text, signature)))
            }
            Block::ReasoningContent(ReasoningContentBlock::RedactedContent(bytes)) => {
                Some(ContentBlock::Reasoning(redacted(bytes.as_ref())))
            }
            _ => None,
        });
    }
    let answered_by = output
        .trace
        .and_then(|trace| trace.prompt_router?.invoked_model_id);
    let stop = output.stop_reason.as_str();
    reply(content, stop, usage, answered_by, turn)
}

fn reply(
    content: Vec<ContentBlock>,
    stop: &str,
    usage: TokenUsage,
    answered_by: Option<String>,
    turn: usize,
) -> Result<ModelReply, ModelError> {
    let mut content = content;
    with_own_ids(&mut content, turn);
    let calls = content
        .iter()
        .any(|block| matches!(block, ContentBlock::ToolUse { .. }));
    let stop = match stop {
        "max_tokens" => StopReason::MaxTokens,
        "model_context_window_exceeded" if content.is_empty() => return Err(ModelError::TooLong),
        "model_context_window_exceeded" => StopReason::MaxTokens,
        "content_filtered" => StopReason::Filtered,
        "guardrail_intervened" => StopReason::Guardrail,
        "malformed_model_output" | "malformed_tool_use" => {
            return Err(ModelError::Protocol(format!(
                "the model wrote what Bedrock cannot read ({stop})"
            )));
        }
        // Some models say that their turn ended beside calls, too.
        _ if calls => StopReason::ToolUse,
        _ => StopReason::EndTurn,
    };
    Ok(ModelReply {
        content,
        stop,
        usage,
        answered_by,
        without_tools: false,
    })
}

fn counts(usage: Option<&Usage>) -> TokenUsage {
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or(0);
    usage.map_or_else(TokenUsage::default, |usage| TokenUsage {
        input: count(usage.input_tokens),
        output: count(usage.output_tokens),
        cache_read: count(usage.cache_read_input_tokens.unwrap_or(0)),
        cache_write: count(usage.cache_write_input_tokens.unwrap_or(0)),
    })
}

fn is_not_empty(block: &ContentBlock) -> bool {
    !matches!(block, ContentBlock::Text(text) if text.is_empty())
}

fn thought(text: &str, signature: Option<&str>) -> Value {
    let mut block = json!({"text": text});
    if let Some(signature) = signature {
        block["signature"] = json!(signature);
    }
    json!({ "reasoningText": block })
}

fn redacted(bytes: &[u8]) -> Value {
    json!({"redactedContent": BASE64.encode(bytes)})
}
