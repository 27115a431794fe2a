//! A model's answer, from one response or from the events of a stream.

use aws_sdk_bedrockruntime::operation::converse::ConverseOutput as Response;
use aws_sdk_bedrockruntime::types::{
    ContentBlock as Block, ContentBlockDelta, ContentBlockStart, ConverseOutput,
    ConverseStreamOutput, ReasoningContentBlock, ReasoningContentBlockDelta, StopReason as Stop,
    TokenUsage as Usage,
};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::document::to_value;
use crate::ai::broken_off;
use crate::ai::reading::{raise, tool_input, with_own_ids};
use crate::model::{ContentBlock, ModelReply, StopReason, TokenUsage};
use crate::ports::{Listener, ModelError, ModelEvent};

/// The longest streamed answer in bytes: many times what the longest output of any model takes.
const MAX_ANSWER: usize = 16 << 20;

/// An answer that is being streamed.
#[derive(Default)]
pub(super) struct Answer {
    blocks: Vec<(i32, Part)>,
    bytes: usize,
    stop: Option<Stop>,
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
    Redacted(Vec<u8>),
    Unknown,
}

impl Answer {
    /// Adds an event. Text is passed on at once.
    pub(super) fn add_event(
        &mut self,
        event: ConverseStreamOutput,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        match event {
            ConverseStreamOutput::ContentBlockStart(event) => {
                let part = match event.start {
                    Some(ContentBlockStart::ToolUse(tool)) => Part::Tool {
                        id: tool.tool_use_id,
                        name: tool.name,
                        json: String::new(),
                    },
                    _ => Part::Unknown,
                };
                self.blocks.push((event.content_block_index, part));
                Ok(())
            }
            ConverseStreamOutput::ContentBlockDelta(event) => match event.delta {
                Some(delta) => self.add(event.content_block_index, delta, listen),
                None => Ok(()),
            },
            ConverseStreamOutput::MessageStop(event) => {
                self.stop = Some(event.stop_reason);
                Ok(())
            }
            ConverseStreamOutput::Metadata(event) => {
                raise(&mut self.usage, counts(event.usage.as_ref()));
                listen(ModelEvent::Usage(self.usage));
                self.answered_by = event
                    .trace
                    .and_then(|trace| trace.prompt_router?.invoked_model_id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Only tool calls have a start event; text and reasoning start with their first delta
    /// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlockStart.html>).
    fn add(
        &mut self,
        index: i32,
        delta: ContentBlockDelta,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        self.bytes += length(&delta);
        if self.bytes > MAX_ANSWER {
            return Err(ModelError::Protocol("the answer is too long".to_owned()));
        }
        let known = self.blocks.iter().rposition(|(at, _)| *at == index);
        let position = match known {
            Some(position) => position,
            None => {
                self.blocks.push((index, new_part(&delta)?));
                self.blocks.len() - 1
            }
        };
        let Some((_, part)) = self.blocks.get_mut(position) else {
            return Ok(());
        };
        match (part, delta) {
            (Part::Text(all), ContentBlockDelta::Text(text)) => {
                if !text.is_empty() {
                    listen(ModelEvent::Text(&text));
                }
                all.push_str(&text);
            }
            (Part::Tool { json, .. }, ContentBlockDelta::ToolUse(delta)) => {
                json.push_str(&delta.input);
            }
            (Part::Thought { text, signature }, ContentBlockDelta::ReasoningContent(delta)) => {
                match delta {
                    ReasoningContentBlockDelta::Text(more) => text.push_str(&more),
                    ReasoningContentBlockDelta::Signature(more) => {
                        signature.get_or_insert_default().push_str(&more);
                    }
                    _ => {}
                }
            }
            (
                Part::Redacted(all),
                ContentBlockDelta::ReasoningContent(ReasoningContentBlockDelta::RedactedContent(
                    more,
                )),
            ) => all.extend_from_slice(more.as_ref()),
            _ => {}
        }
        Ok(())
    }

    /// Whether the reason to stop was read: nothing that follows can take the answer back.
    pub(super) fn has_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// The answer, once the stream is over. `turn` makes the ids that are missing unique in the
    /// conversation.
    pub(super) fn finish(self, turn: usize) -> Result<ModelReply, ModelError> {
        let stop = self.stop.ok_or_else(broken_off)?;
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
                Part::Redacted(bytes) => Some(ContentBlock::Reasoning(redacted(&bytes))),
                Part::Unknown => None,
            })
            .collect();
        reply(content, &stop, self.usage, self.answered_by, turn)
    }
}

/// The block that a first delta starts.
fn new_part(delta: &ContentBlockDelta) -> Result<Part, ModelError> {
    match delta {
        ContentBlockDelta::Text(_) => Ok(Part::Text(String::new())),
        ContentBlockDelta::ReasoningContent(ReasoningContentBlockDelta::RedactedContent(_)) => {
            Ok(Part::Redacted(Vec::new()))
        }
        ContentBlockDelta::ReasoningContent(_) => Ok(Part::Thought {
            text: String::new(),
            signature: None,
        }),
        ContentBlockDelta::ToolUse(_) => Err(ModelError::Protocol(
            "a part of a tool call came before its beginning".to_owned(),
        )),
        _ => Ok(Part::Unknown),
    }
}

fn length(delta: &ContentBlockDelta) -> usize {
    match delta {
        ContentBlockDelta::Text(text) => text.len(),
        ContentBlockDelta::ToolUse(delta) => delta.input.len(),
        ContentBlockDelta::ReasoningContent(delta) => match delta {
            ReasoningContentBlockDelta::Text(text) => text.len(),
            ReasoningContentBlockDelta::Signature(text) => text.len(),
            ReasoningContentBlockDelta::RedactedContent(bytes) => bytes.as_ref().len(),
            _ => 0,
        },
        _ => 0,
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
    reply(content, &output.stop_reason, usage, answered_by, turn)
}

fn reply(
    content: Vec<ContentBlock>,
    stop: &Stop,
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
        Stop::MaxTokens => StopReason::MaxTokens,
        Stop::ModelContextWindowExceeded if content.is_empty() => return Err(ModelError::TooLong),
        Stop::ModelContextWindowExceeded => StopReason::MaxTokens,
        Stop::ContentFiltered | Stop::GuardrailIntervened => StopReason::Filtered,
        Stop::MalformedModelOutput | Stop::MalformedToolUse => {
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

/// Bedrock counts tokens read from and written to the cache apart from other input
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>).
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
