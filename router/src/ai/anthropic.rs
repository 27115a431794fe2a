//! Anthropic's Messages API, always streamed.
//!
//! The API is described at <https://platform.claude.com/docs/en/api/messages>, the stream at
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>, the types of errors at
//! <https://platform.claude.com/docs/en/api/errors>. New event, block and delta types may appear at
//! any time and are skipped, as the documentation asks.

use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::{BaseUrl, ProviderKey};
use super::http;
use super::refusal::{Refusal, excerpt, says_too_long};
use super::{broken_off, result_text, tool_arguments, tool_input};
use crate::model::{ContentBlock, ModelMessage, ModelReply, ModelRequest, StopReason, TokenUsage};
use crate::ports::{ChatModel, ModelError};

const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";
const API_VERSION: &str = "2023-06-01";

/// One model of Anthropic, with the key it is asked with.
pub(super) struct Anthropic {
    client: Client,
    url: String,
    key: ProviderKey,
    /// The effort to ask for, for models that reason unless told otherwise.
    effort: Option<&'static str>,
}

impl Anthropic {
    pub(super) fn new(
        client: Client,
        base_url: Option<BaseUrl>,
        key: ProviderKey,
        effort: Option<&'static str>,
    ) -> Self {
        Self {
            client,
            url: BaseUrl::endpoint(base_url.as_ref(), DEFAULT_BASE_URL, "/v1/messages"),
            key,
            effort,
        }
    }

    async fn refusal(&self, response: Response, model: &str) -> ModelError {
        let refusal = Refusal::read(response).await;
        match serde_json::from_str::<ErrorBody>(&refusal.body) {
            Ok(ErrorBody { error }) if !error.kind.is_empty() => {
                self.error(&error, refusal.retry_after, model)
            }
            // Proxies in between know no types.
            Ok(ErrorBody { error }) => refusal.by_status(self.excerpt(&error.message), model),
            Err(_) => refusal.by_status(self.excerpt(&refusal.message()), model),
        }
    }

    /// What an error's type means.
    fn error(&self, error: &ApiError, retry_after: Option<Duration>, model: &str) -> ModelError {
        let message = self.excerpt(&error.message);
        match error.kind.as_str() {
            "invalid_request_error" if says_too_long(&message) => ModelError::TooLong,
            // An account without credit is refused with the type of a malformed request, and only
            // the message says so: "Your credit balance is too low to access the Anthropic API".
            "invalid_request_error" if message.contains("credit balance") => {
                ModelError::Denied(message)
            }
            "authentication_error" | "permission_error" | "billing_error" => {
                ModelError::Denied(message)
            }
            // A wrong base URL is "not found" too; the message names what was not found.
            "not_found_error" if message.contains("model") => {
                ModelError::UnknownModel(model.to_owned())
            }
            "request_too_large" => ModelError::TooLong,
            "rate_limit_error" => ModelError::Throttled { retry_after },
            "timeout_error" => ModelError::TimedOut,
            // An error within a stream may come without a type.
            "overloaded_error" | "api_error" | "" => ModelError::Unavailable(message),
            _ => ModelError::Rejected(message),
        }
    }

    fn excerpt(&self, text: &str) -> String {
        excerpt(text, Some(&self.key))
    }
}

#[async_trait]
impl ChatModel for Anthropic {
    async fn reply(
        &self,
        request: &ModelRequest,
        on_text: &mut (dyn for<'text> FnMut(&'text str) + Send),
    ) -> Result<ModelReply, ModelError> {
        let call = self
            .client
            .post(&self.url)
            .header("x-api-key", self.key.header(""))
            .header("anthropic-version", API_VERSION)
            .json(&body(request, self.effort));
        let response = http::send(call).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response, &request.model).await);
        }
        let mut events = pin!(http::events(response)?);
        let mut answer = Answer::default();
        while let Some(event) = events.next().await {
            match http::parse(&event?.data)? {
                Event::MessageStart { message } => answer.count(message.usage),
                Event::ContentBlockStart {
                    index,
                    content_block,
                } => answer.start(index, content_block, on_text),
                Event::ContentBlockDelta { index, delta } => answer.add(index, delta, on_text)?,
                Event::MessageDelta { delta, usage } => {
                    answer.count(usage);
                    answer.stop = delta.stop_reason.or(answer.stop);
                }
                Event::MessageStop => break,
                Event::Error { error } => return Err(self.error(&error, None, &request.model)),
                Event::Other => {}
            }
        }
        answer.finish()
    }
}

fn body(request: &ModelRequest, effort: Option<&str>) -> Value {
    let messages: Vec<Value> = request.messages.iter().filter_map(message).collect();
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_tokens,
        "stream": true,
        "messages": messages,
    });
    if !request.system.is_empty() {
        body["system"] = json!(request.system);
    }
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.input_schema,
                })
            })
            .collect();
    }
    if let Some(effort) = effort {
        body["output_config"] = json!({"effort": effort});
    }
    body
}

/// A message, or `None` if nothing is in it: the API refuses empty ones.
fn message(message: &ModelMessage) -> Option<Value> {
    let mut content: Vec<Value> = message.content.iter().filter_map(block).collect();
    // Results must come before text, or the request is refused:
    // https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
    content.sort_by_key(|block| block["type"] != "tool_result");
    (!content.is_empty()).then(|| json!({"role": message.role.as_str(), "content": content}))
}

fn block(block: &ContentBlock) -> Option<Value> {
    match block {
        ContentBlock::Text(text) if text.trim().is_empty() => None,
        ContentBlock::Text(text) => Some(json!({"type": "text", "text": text})),
        ContentBlock::ToolUse { id, name, input } => {
            let input = tool_arguments(input);
            Some(json!({"type": "tool_use", "id": id, "name": name, "input": input}))
        }
        ContentBlock::ToolResult {
            id,
            content,
            is_error,
        } => {
            let mut block = json!({
                "type": "tool_result",
                "tool_use_id": id,
                "content": result_text(content),
            });
            if *is_error {
                block["is_error"] = json!(true);
            }
            Some(block)
        }
        ContentBlock::Reasoning(block) => Some(block.clone()),
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: Map<String, Value>,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    MessageDelta {
        delta: End,
        #[serde(default)]
        usage: Usage,
    },
    MessageStop,
    Error {
        error: ApiError,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct End {
    stop_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ApiError,
}

#[derive(Deserialize)]
struct ApiError {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
}

/// An answer while it comes.
#[derive(Default)]
struct Answer {
    blocks: Vec<(u64, Block)>,
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
    Unknown,
}

impl Answer {
    /// The counts are cumulative: each replaces the one before.
    fn count(&mut self, usage: Usage) {
        let set = |count: &mut u64, new: Option<u64>| *count = new.unwrap_or(*count);
        set(&mut self.usage.input, usage.input_tokens);
        set(&mut self.usage.output, usage.output_tokens);
        set(&mut self.usage.cache_read, usage.cache_read_input_tokens);
        set(
            &mut self.usage.cache_write,
            usage.cache_creation_input_tokens,
        );
    }

    fn start(
        &mut self,
        index: u64,
        mut block: Map<String, Value>,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) {
        let kind = take(&mut block, "type");
        let started = match kind.as_str() {
            "text" => {
                let text = take(&mut block, "text");
                say(&text, on_text);
                Block::Text(text)
            }
            "tool_use" => Block::Tool {
                id: take(&mut block, "id"),
                name: take(&mut block, "name"),
                input: block.remove("input"),
                json: String::new(),
            },
            "thinking" | "redacted_thinking" => {
                block.insert("type".to_owned(), json!(kind));
                Block::Reasoning(block)
            }
            _ => Block::Unknown,
        };
        self.blocks.push((index, started));
    }

    fn add(
        &mut self,
        index: u64,
        delta: Delta,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), ModelError> {
        let block = self
            .blocks
            .iter_mut()
            .rev()
            .find(|(at, _)| *at == index)
            .map(|(_, block)| block)
            .ok_or_else(|| {
                ModelError::Protocol("a part of a block came before its beginning".to_owned())
            })?;
        match (block, delta) {
            (Block::Text(all), Delta::Text { text }) => {
                say(&text, on_text);
                all.push_str(&text);
            }
            (Block::Tool { json, .. }, Delta::InputJson { partial_json }) => {
                json.push_str(&partial_json);
            }
            (Block::Reasoning(all), Delta::Thinking { thinking }) => {
                append(all, "thinking", &thinking);
            }
            (Block::Reasoning(all), Delta::Signature { signature }) => {
                append(all, "signature", &signature);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<ModelReply, ModelError> {
        let stop = self.stop.as_deref().ok_or_else(broken_off)?;
        let content: Vec<ContentBlock> = self
            .blocks
            .into_iter()
            .filter_map(|(_, block)| match block {
                Block::Text(text) => Some(text)
                    .filter(|text| !text.is_empty())
                    .map(ContentBlock::Text),
                Block::Tool {
                    id,
                    name,
                    input,
                    json,
                } => Some(ContentBlock::ToolUse {
                    id,
                    name,
                    input: match input {
                        Some(input) if json.is_empty() => input,
                        _ => tool_input(&json),
                    },
                }),
                Block::Reasoning(block) => Some(ContentBlock::Reasoning(Value::Object(block))),
                Block::Unknown => None,
            })
            .collect();
        let stop = match stop {
            "tool_use" => StopReason::ToolUse,
            "max_tokens" => StopReason::MaxTokens,
            "model_context_window_exceeded" if content.is_empty() => {
                return Err(ModelError::TooLong);
            }
            "model_context_window_exceeded" => StopReason::MaxTokens,
            "refusal" => StopReason::Filtered,
            _ => StopReason::EndTurn,
        };
        Ok(ModelReply {
            content,
            stop,
            usage: self.usage,
            answered_by: None,
        })
    }
}

fn take(block: &mut Map<String, Value>, field: &str) -> String {
    match block.remove(field) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn say(text: &str, on_text: &mut (dyn FnMut(&str) + Send)) {
    if !text.is_empty() {
        on_text(text);
    }
}

fn append(block: &mut Map<String, Value>, field: &str, more: &str) {
    match block.entry(field).or_insert_with(|| json!("")) {
        Value::String(text) => text.push_str(more),
        other => *other = json!(more),
    }
}
