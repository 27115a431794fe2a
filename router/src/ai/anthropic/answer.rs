//! An answer of Anthropic's while it comes, read field by field.

use serde_json::{Map, Value, json};

use crate::ai::broken_off;
use crate::ai::reading::{self, Room, count, index, name, text, tool_input, with_own_ids};
use crate::ai::thinking::Thoughts;
use crate::model::{ContentBlock, ModelReply, StopReason, TokenUsage};
use crate::ports::{Listener, ModelError, ModelEvent};

/// An answer while it comes.
#[derive(Default)]
pub(super) struct Answer {
    blocks: Vec<(Option<i64>, Block)>,
    /// What compatible endpoints leave in the text.
    thoughts: Thoughts,
    room: Room,
    stop: Option<String>,
    usage: TokenUsage,
}

enum Block {
    Text(String),
    Tool {
        id: String,
        name: String,
        input: Option<Value>,
        json: String,
    },
    Reasoning(Map<String, Value>),
    /// Of a kind that is not known.
    Unknown,
    /// Of a kind that was not said: its first piece tells.
    Untold,
}

impl Answer {
    /// Whether the reason to stop was read: nothing that follows can take the answer back.
    pub(super) fn has_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// Takes an event. Kinds that are not known are skipped; a whole message in place of a stream
    /// is read, too.
    ///
    /// # Errors
    /// If a part of a call came without its beginning.
    pub(super) fn take(
        &mut self,
        kind: &str,
        data: &Value,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        match kind {
            "message_start" => self.count(data.pointer("/message/usage"), listen),
            "content_block_start" => {
                let block = data.get("content_block").and_then(Value::as_object);
                self.start(
                    index(data, "index"),
                    block.cloned().unwrap_or_default(),
                    listen,
                );
            }
            "content_block_delta" => {
                let delta = data.get("delta").unwrap_or(&Value::Null);
                self.add(index(data, "index"), delta, listen)?;
            }
            "message_delta" => {
                self.count(data.get("usage"), listen);
                self.stopped(data.get("delta"));
            }
            "message" => {
                self.count(data.get("usage"), listen);
                let blocks = data.get("content").and_then(Value::as_array);
                for block in blocks.into_iter().flatten().filter_map(Value::as_object) {
                    self.start(None, block.clone(), listen);
                }
                self.stopped(Some(data));
            }
            _ => {}
        }
        Ok(())
    }

    fn stopped(&mut self, bearer: Option<&Value>) {
        let reason = bearer.and_then(|bearer| text(bearer, "stop_reason"));
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.stop = Some(reason.to_owned());
        }
    }

    fn count(&mut self, usage: Option<&Value>, listen: &mut Listener<'_>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else {
            return;
        };
        let tokens = |field| count(usage, field).unwrap_or_default();
        reading::raise(
            &mut self.usage,
            TokenUsage {
                input: tokens("input_tokens"),
                output: tokens("output_tokens"),
                cache_read: tokens("cache_read_input_tokens"),
                cache_write: tokens("cache_creation_input_tokens"),
            },
        );
        listen(ModelEvent::Usage(self.usage));
    }

    fn start(&mut self, at: Option<i64>, block: Map<String, Value>, listen: &mut Listener<'_>) {
        let block = Value::Object(block);
        let field = |field| text(&block, field).unwrap_or_default().to_owned();
        let started = match text(&block, "type") {
            Some("text") => {
                let mut words = String::new();
                say(&mut words, &self.thoughts.without(&field("text")), listen);
                Block::Text(words)
            }
            Some("tool_use") => Block::Tool {
                id: name(&block, "id").unwrap_or_default(),
                name: field("name"),
                input: block.get("input").cloned(),
                json: String::new(),
            },
            Some("thinking" | "redacted_thinking") => match block {
                Value::Object(block) => Block::Reasoning(block),
                _ => Block::Unknown,
            },
            Some(_) => Block::Unknown,
            None => Block::Untold,
        };
        self.blocks.push((at, started));
    }

    /// A piece of a block: of the last one, if it does not say of which. Words may come without
    /// their block's beginning.
    fn add(
        &mut self,
        at: Option<i64>,
        delta: &Value,
        listen: &mut Listener<'_>,
    ) -> Result<(), ModelError> {
        let kind = text(delta, "type").unwrap_or_default();
        let known = match at {
            Some(_) => self.blocks.iter().rposition(|(index, _)| *index == at),
            None => self.blocks.len().checked_sub(1),
        };
        let position = match (known, kind) {
            (Some(position), _) => position,
            (None, "input_json_delta") => {
                return Err(ModelError::Protocol(
                    "a part of a tool call came before its beginning".to_owned(),
                ));
            }
            (None, _) => {
                self.blocks.push((at, Block::Untold));
                self.blocks.len() - 1
            }
        };
        let block = &mut self.blocks[position].1;
        if matches!(block, Block::Untold) && kind == "text_delta" {
            *block = Block::Text(String::new());
        }
        let piece = |field| text(delta, field).unwrap_or_default();
        for field in ["text", "partial_json", "thinking", "signature"] {
            self.room.take(piece(field))?;
        }
        match (block, kind) {
            (Block::Text(all), "text_delta") => {
                say(all, &self.thoughts.without(piece("text")), listen);
            }
            (Block::Tool { json, .. }, "input_json_delta") => {
                json.push_str(piece("partial_json"));
            }
            (Block::Reasoning(all), "thinking_delta") => {
                append(all, "thinking", piece("thinking"));
            }
            (Block::Reasoning(all), "signature_delta") => {
                append(all, "signature", piece("signature"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The answer, once the stream is over. `turn` makes the ids that are missing unique in the
    /// conversation.
    ///
    /// # Errors
    /// If it broke off, or the conversation left no room for it.
    pub(super) fn finish(
        mut self,
        turn: usize,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let stop = self.stop.as_deref().ok_or_else(broken_off)?;
        // Only what an answer begins with may be held back.
        let held = self.thoughts.finish();
        let texts = self.blocks.iter_mut().filter_map(|(_, block)| match block {
            Block::Text(all) => Some(all),
            _ => None,
        });
        if let Some(last) = texts.last() {
            say(last, &held, listen);
        }
        let mut content: Vec<ContentBlock> = self
            .blocks
            .into_iter()
            .filter_map(|(_, block)| match block {
                Block::Text(words) => (!words.is_empty()).then_some(ContentBlock::Text(words)),
                Block::Tool {
                    id,
                    name,
                    input,
                    json,
                } => Some(ContentBlock::ToolUse {
                    id,
                    name,
                    input: match input {
                        Some(input) if json.is_empty() && !input.is_null() => input,
                        _ => tool_input(&json),
                    },
                }),
                Block::Reasoning(block) => Some(ContentBlock::Reasoning(Value::Object(block))),
                Block::Unknown | Block::Untold => None,
            })
            .collect();
        with_own_ids(&mut content, turn);
        let calls = content
            .iter()
            .any(|block| matches!(block, ContentBlock::ToolUse { .. }));
        let stop = match stop {
            "max_tokens" => StopReason::MaxTokens,
            "model_context_window_exceeded" if content.is_empty() => {
                return Err(ModelError::TooLong);
            }
            "model_context_window_exceeded" => StopReason::MaxTokens,
            "refusal" => StopReason::Filtered,
            // Compatible endpoints say `end_turn` beside calls, too.
            _ if calls => StopReason::ToolUse,
            _ => StopReason::EndTurn,
        };
        Ok(ModelReply {
            content,
            stop,
            usage: self.usage,
            answered_by: None,
            without_tools: false,
        })
    }
}

fn say(all: &mut String, words: &str, listen: &mut Listener<'_>) {
    if !words.is_empty() {
        listen(ModelEvent::Text(words));
        all.push_str(words);
    }
}

fn append(block: &mut Map<String, Value>, field: &str, more: &str) {
    match block.entry(field).or_insert_with(|| json!("")) {
        Value::String(text) => text.push_str(more),
        other => *other = json!(more),
    }
}
