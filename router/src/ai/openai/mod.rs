//! Chat completions of OpenAI and of every endpoint that speaks them (Ollama, llama.cpp, vLLM),
//! always streamed.
//!
//! The API is described at <https://developers.openai.com/api/reference/resources/chat>, the codes
//! of errors at <https://developers.openai.com/api/docs/guides/error-codes>. Compatible endpoints
//! leave things out and put things in, so little is required of an answer ([`answer`]): ids, usage,
//! the final `[DONE]` and the reason for stopping may each be missing, but not both of the last
//! two, or an answer that broke off would look whole. What an endpoint refuses to take is left out
//! from then on ([`learnt`]).

mod answer;
mod learnt;

use std::pin::pin;

use async_trait::async_trait;
use reqwest::Response;
use serde_json::{Value, json};

use self::answer::Answer;
pub(super) use self::learnt::Learnt;
use self::learnt::{LimitName, Takes};
use super::endpoint::{BaseUrl, ProviderKey};
use super::http;
use super::refusal::{Refusal, Refused, excerpt};
use super::result_text;
use crate::model::{
    ContentBlock, ModelMessage, ModelReply, ModelRequest, ResponseFormat, ToolChoice,
};
use crate::outbound::Client;
use crate::ports::{ChatModel, Listener, ModelError, ModelEvent};

const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";
/// How often a request is changed after what was refused: tools, the counting of tokens, and the
/// limit's name.
const MOST_CHANGES: usize = 3;

/// One model of an OpenAI-compatible endpoint.
pub(super) struct OpenAi {
    client: Client,
    url: String,
    key: Option<ProviderKey>,
    /// What is tried first.
    takes: Takes,
    learnt: Learnt,
    /// The effort to ask for, for models that reason unless told otherwise.
    effort: Option<&'static str>,
}

impl OpenAi {
    pub(super) fn new(
        client: Client,
        base_url: Option<BaseUrl>,
        key: Option<ProviderKey>,
        effort: Option<&'static str>,
        learnt: Learnt,
    ) -> Self {
        let is_openai = base_url
            .as_ref()
            .is_none_or(|base| base.is_within("openai.com"));
        Self {
            client,
            url: BaseUrl::endpoint(base_url.as_ref(), DEFAULT_BASE_URL, "/chat/completions"),
            key,
            takes: Takes {
                tools: true,
                stream_options: true,
                limit: match is_openai {
                    true => LimitName::MaxCompletionTokens,
                    false => LimitName::MaxTokens,
                },
            },
            learnt,
            effort,
        }
    }

    fn body(&self, request: &ModelRequest, takes: Takes) -> Value {
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
        });
        if takes.stream_options {
            body["stream_options"] = json!({"include_usage": true});
        }
        body[takes.limit.as_str()] = json!(request.max_tokens);
        if takes.tools && !request.tools.is_empty() {
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
        let options = &request.options;
        match &options.tool_choice {
            ToolChoice::Auto => {}
            ToolChoice::Required => body["tool_choice"] = json!("required"),
            ToolChoice::Named(name) => {
                body["tool_choice"] = json!({"type": "function", "function": {"name": name}});
            }
        }
        if let Some(format) = &options.format {
            body["response_format"] = response_format(format);
        }
        if !options.stop.is_empty() {
            body["stop"] = json!(options.stop);
        }
        if let Some(temperature) = options.temperature {
            body["temperature"] = json!(temperature);
        }
        if let Some(top_p) = options.top_p {
            body["top_p"] = json!(top_p);
        }
        body
    }

    /// Sends the request, changed as often as the endpoint refuses a part of it that can be left
    /// out. Returns the answer and what was taken.
    async fn send(&self, request: &ModelRequest) -> Result<(Response, Takes), ModelError> {
        let model = &request.model;
        let first = self.learnt.of(&self.url, model, self.takes);
        let mut takes = first;
        let has_tools = !request.tools.is_empty();
        let mut changes = 0;
        loop {
            if !takes.tools && (request.calls_tools() || request.options.needs_tools) {
                return Err(ModelError::NoTools);
            }
            let mut call = self.client.post(&self.url).json(&self.body(request, takes));
            if let Some(key) = &self.key {
                call = call.header("authorization", key.header("Bearer "));
            }
            let response = http::send(&self.client, call).await?;
            if response.status().is_success() {
                if takes != first {
                    self.learnt.note(&self.url, model, takes);
                }
                return Ok((response, takes));
            }
            let refusal = Refusal::read(response).await;
            let refused = Refused::of_body(&refusal);
            let changed = refusal.status.is_client_error() && changes < MOST_CHANGES;
            match changed
                .then(|| takes.after(&refused.message, has_tools))
                .flatten()
            {
                Some(other) => takes = other,
                None => return Err(self.refusal(&refusal, &refused, model)),
            }
            changes += 1;
        }
    }

    fn refusal(&self, refusal: &Refusal, refused: &Refused, model: &str) -> ModelError {
        let message = excerpt(&refused.message, self.key.as_ref());
        refused
            .meaning(&message, refusal.retry_after, model)
            .unwrap_or_else(|| refusal.by_status(message, model))
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    async fn reply(
        &self,
        request: &ModelRequest,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let (response, takes) = self.send(request).await?;
        let reply = read(response, self.key.as_ref(), request, listen).await?;
        Ok(ModelReply {
            without_tools: !takes.tools && !request.tools.is_empty(),
            ..reply
        })
    }
}

/// Reads an answer.
pub(super) async fn read(
    response: Response,
    key: Option<&ProviderKey>,
    request: &ModelRequest,
    listen: &mut Listener<'_>,
) -> Result<ModelReply, ModelError> {
    listen(ModelEvent::Accepted);
    let mut events = pin!(http::events(response)?);
    let mut answer = Answer::default();
    while let Some(event) = http::next_event(&mut events, answer.has_stopped()).await? {
        let data = event.data.trim();
        if data == "[DONE]" {
            answer.done();
            continue;
        }
        match http::parse(data) {
            Ok(chunk) => answer.take(&chunk, key, &request.model, listen)?,
            // What cannot be read may have been words.
            Err(error) if !answer.has_stopped() => return Err(error),
            Err(_) => {}
        }
    }
    answer.finish(request.messages.len(), listen)
}

/// The form of an answer as a client asked for it
/// (<https://developers.openai.com/api/docs/guides/structured-outputs>).
fn response_format(format: &ResponseFormat) -> Value {
    let ResponseFormat::Schema(of) = format else {
        return json!({"type": "json_object"});
    };
    let mut schema = json!({"name": of.name, "schema": of.schema});
    if let Some(description) = &of.description {
        schema["description"] = json!(description);
    }
    if let Some(strict) = of.strict {
        schema["strict"] = json!(strict);
    }
    json!({"type": "json_schema", "json_schema": schema})
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
            options: Default::default(),
            origin: None,
        };
        let body = |base: Option<&str>| {
            let base = base.map(|text| BaseUrl::parse(text, PlainHttp::Loopback).unwrap());
            let model = OpenAi::new(
                http::client(crate::outbound::Reach::Anywhere).unwrap(),
                base,
                None,
                None,
                Learnt::default(),
            );
            model.body(&request, model.takes)
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
