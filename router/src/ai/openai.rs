//! Chat completions of OpenAI and of every endpoint that speaks them (Ollama, llama.cpp, vLLM),
//! always streamed.
//!
//! The API is described at <https://developers.openai.com/api/reference/resources/chat>, the codes
//! of errors at <https://developers.openai.com/api/docs/guides/error-codes>. Compatible endpoints
//! leave things out, so little is required of an answer: ids, usage, the final `[DONE]` and the
//! reason for stopping may each be missing, but not both of the last two, or an answer that broke
//! off would look whole. Usage that is not given counts as none.

use std::pin::pin;

use async_trait::async_trait;
use futures::StreamExt;
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::endpoint::{BaseUrl, ProviderKey};
use super::http;
use super::refusal::{Refusal, excerpt, says_too_long};
use super::{broken_off, result_text, tool_input};
use crate::model::{ContentBlock, ModelMessage, ModelReply, ModelRequest, StopReason, TokenUsage};
use crate::ports::{ChatModel, ModelError};

const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// One model of an OpenAI-compatible endpoint.
pub(super) struct OpenAi {
    client: Client,
    url: String,
    key: Option<ProviderKey>,
    /// The parameter that limits the answer's length: OpenAI refuses the older name for its newer
    /// models, compatible servers ignore the newer name.
    limit: &'static str,
    /// The effort to ask for, for models that reason unless told otherwise.
    effort: Option<&'static str>,
}

impl OpenAi {
    pub(super) fn new(
        client: Client,
        base_url: Option<BaseUrl>,
        key: Option<ProviderKey>,
        effort: Option<&'static str>,
    ) -> Self {
        let is_openai = base_url
            .as_ref()
            .is_none_or(|base| base.is_within("openai.com"));
        Self {
            client,
            url: BaseUrl::endpoint(base_url.as_ref(), DEFAULT_BASE_URL, "/chat/completions"),
            key,
            limit: if is_openai {
                "max_completion_tokens"
            } else {
                "max_tokens"
            },
            effort,
        }
    }

    fn body(&self, request: &ModelRequest) -> Value {
        let mut messages = Vec::new();
        if !request.system.is_empty() {
            messages.push(json!({"role": "system", "content": request.system}));
        }
        for message in &request.messages {
            push_message(&mut messages, message);
        }
        let mut body = json!({
            "model": request.model,
            "messages": messages,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        body[self.limit] = json!(request.max_tokens);
        if !request.tools.is_empty() {
            body["tools"] = request
                .tools
                .iter()
                .map(|tool| {
                    json!({
                        "type": "function",
                        "function": {
                            "name": tool.name,
                            "description": tool.description,
                            "parameters": tool.input_schema,
                        },
                    })
                })
                .collect();
        }
        if let Some(effort) = self.effort {
            body["reasoning_effort"] = json!(effort);
        }
        body
    }

    async fn refusal(&self, response: Response, model: &str) -> ModelError {
        let refusal = Refusal::read(response).await;
        let error = serde_json::from_str::<Value>(&refusal.body)
            .ok()
            .and_then(|body| ApiError::read(&body))
            .unwrap_or_else(|| ApiError {
                code: String::new(),
                message: refusal.message(),
            });
        let message = excerpt(&error.message, self.key.as_ref());
        match error.code.as_str() {
            // A used-up quota is a 429 too, but waiting does not help.
            "insufficient_quota" => ModelError::Denied(message),
            "model_not_found" => ModelError::UnknownModel(model.to_owned()),
            // The second is llama.cpp's.
            "context_length_exceeded" | "exceed_context_size_error" => ModelError::TooLong,
            _ if says_too_long(&error.message) => ModelError::TooLong,
            _ => refusal.by_status(message, model),
        }
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    async fn reply(
        &self,
        request: &ModelRequest,
        on_text: &mut (dyn for<'text> FnMut(&'text str) + Send),
    ) -> Result<ModelReply, ModelError> {
        let mut call = self.client.post(&self.url).json(&self.body(request));
        if let Some(key) = &self.key {
            call = call.header("authorization", key.header("Bearer "));
        }
        let response = http::send(call).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response, &request.model).await);
        }
        let mut events = pin!(http::events(response)?);
        let mut answer = Answer::default();
        while let Some(event) = events.next().await {
            let data = event?.data;
            if data.trim() == "[DONE]" {
                answer.is_done = true;
                break;
            }
            let chunk: Chunk = http::parse(&data)?;
            if let Some(error) = &chunk.error {
                let message =
                    ApiError::read(error).map_or_else(|| error.to_string(), |e| e.message);
                return Err(ModelError::Unavailable(excerpt(
                    &message,
                    self.key.as_ref(),
                )));
            }
            answer.take(chunk, on_text);
        }
        answer.finish(request.messages.len())
    }
}

/// One message becomes several here: each tool's result is a message of its own, and comes before
/// the text.
fn push_message(messages: &mut Vec<Value>, message: &ModelMessage) {
    let mut text = String::new();
    let mut calls = Vec::new();
    for block in &message.content {
        match block {
            ContentBlock::Text(words) => text.push_str(words),
            ContentBlock::ToolUse { id, name, input } => calls.push(json!({
                "id": id,
                "type": "function",
                "function": {"name": name, "arguments": result_text(input)},
            })),
            ContentBlock::ToolResult {
                id,
                content,
                is_error,
            } => {
                // The API has no field for a failed call, so the content says it.
                let content = if *is_error {
                    json!({"error": content}).to_string()
                } else {
                    result_text(content)
                };
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
            }
            // Another provider's: this API takes no reasoning back.
            ContentBlock::Reasoning(_) => {}
        }
    }
    let role = message.role.as_str();
    if !calls.is_empty() {
        let content = Some(text).filter(|text| !text.is_empty());
        messages.push(json!({"role": role, "content": content, "tool_calls": calls}));
    } else if !text.is_empty() {
        messages.push(json!({"role": role, "content": text}));
    }
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    /// A piece of JSON text; some endpoints give the object itself.
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

/// An error's code (or else type) and message, in the forms that endpoints give them.
struct ApiError {
    code: String,
    message: String,
}

impl ApiError {
    fn read(body: &Value) -> Option<Self> {
        let error = body.get("error").unwrap_or(body);
        let field = |name: &str| error.get(name).and_then(Value::as_str);
        Some(Self {
            code: field("code")
                .or_else(|| field("type"))
                .unwrap_or_default()
                .to_owned(),
            message: error.as_str().or_else(|| field("message"))?.to_owned(),
        })
    }
}

/// An answer while it comes.
#[derive(Default)]
struct Answer {
    text: String,
    calls: Vec<Call>,
    finish: Option<String>,
    is_refusal: bool,
    is_done: bool,
    usage: TokenUsage,
}

#[derive(Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Answer {
    fn take(&mut self, chunk: Chunk, on_text: &mut (dyn FnMut(&str) + Send)) {
        if let Some(usage) = chunk.usage {
            let cached = usage
                .prompt_tokens_details
                .and_then(|details| details.cached_tokens);
            let cached = cached.unwrap_or_default().min(usage.prompt_tokens);
            self.usage = TokenUsage {
                input: usage.prompt_tokens - cached,
                output: usage.completion_tokens,
                cache_read: cached,
                cache_write: 0,
            };
        }
        // One choice was asked for; the last chunk, with the usage, has none.
        let Some(choice) = chunk.choices.into_iter().next() else {
            return;
        };
        self.finish = choice.finish_reason.or(self.finish.take());
        let Some(delta) = choice.delta else {
            return;
        };
        self.is_refusal |= delta.refusal.as_ref().is_some_and(|text| !text.is_empty());
        for words in [delta.content, delta.refusal].into_iter().flatten() {
            if !words.is_empty() {
                on_text(&words);
                self.text.push_str(&words);
            }
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.take_call(call);
        }
    }

    /// A call comes in pieces of one index, the first with id and name. Some endpoints send whole
    /// calls that all have the index 0, or none: an id or name that differs begins a new call.
    fn take_call(&mut self, delta: CallDelta) {
        let id = delta.id.unwrap_or_default();
        let (name, arguments) = match delta.function {
            Some(function) => (function.name.unwrap_or_default(), function.arguments),
            None => (String::new(), None),
        };
        let continued = match delta.index {
            Some(_) => self
                .calls
                .iter()
                .rposition(|call| call.index == delta.index),
            None if name.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        };
        let continued = continued.filter(|at| {
            id.is_empty() || self.calls[*at].id.is_empty() || self.calls[*at].id == id
        });
        let at = continued.unwrap_or_else(|| {
            self.calls.push(Call {
                index: delta.index,
                ..Call::default()
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        match arguments {
            None | Some(Value::Null) => {}
            Some(arguments) => call.arguments.push_str(&result_text(&arguments)),
        }
    }

    /// `turn` makes the ids that are missing unique in the conversation.
    fn finish(self, turn: usize) -> Result<ModelReply, ModelError> {
        if self.finish.is_none() && !self.is_done {
            return Err(broken_off());
        }
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
        for (at, call) in self.calls.into_iter().enumerate() {
            content.push(ContentBlock::ToolUse {
                id: if call.id.is_empty() {
                    format!("call_{turn}_{at}")
                } else {
                    call.id
                },
                name: call.name,
                input: tool_input(&call.arguments),
            });
        }
        Ok(ModelReply {
            content,
            stop,
            usage: self.usage,
            answered_by: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::endpoint::PlainHttp;

    #[test]
    fn the_longest_answer_has_the_name_that_the_endpoint_knows() {
        let request = ModelRequest {
            model: "m".to_owned(),
            system: String::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            max_tokens: 7,
        };
        let body = |base: Option<&str>| {
            let base = base.map(|text| BaseUrl::parse(text, PlainHttp::Loopback).unwrap());
            OpenAi::new(http::client().unwrap(), base, None, None).body(&request)
        };
        assert_eq!(body(None)["max_completion_tokens"], 7);
        assert_eq!(
            body(Some("https://eu.api.openai.com/v1"))["max_completion_tokens"],
            7
        );
        let local = body(Some("http://localhost:11434/v1"));
        assert_eq!(local["max_tokens"], 7);
        assert_eq!(local["max_completion_tokens"], Value::Null);
    }
}
