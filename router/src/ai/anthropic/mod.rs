//! Anthropic's Messages API, always streamed.
//!
//! The API is described at <https://platform.claude.com/docs/en/api/messages>, the stream at
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>, the types of errors at
//! <https://platform.claude.com/docs/en/api/errors>. New event, block and delta types may appear at
//! any time and are skipped, as the documentation asks.

mod answer;

use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Response;
use serde_json::{Value, json};

use self::answer::Answer;
use super::endpoint::{BaseUrl, ProviderKey};
use super::http;
use super::reading::text;
use super::refusal::{Refusal, excerpt, says_too_long};
use super::{result_text, tool_arguments};
use crate::lenient::read_json;
use crate::model::{
    ContentBlock, ModelMessage, ModelReply, ModelRequest, ResponseFormat, ToolChoice,
};
use crate::outbound::Client;
use crate::ports::{ChatModel, Listener, ModelError, ModelEvent};

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
        let body = read_json(refusal.body.as_bytes()).unwrap_or_default();
        let error = body.get("error").unwrap_or(&Value::Null);
        match (text(error, "type"), text(error, "message")) {
            (Some(kind), message) if !kind.is_empty() => {
                let message = self.excerpt(message.unwrap_or_default());
                meaning(kind, message, refusal.retry_after, model)
            }
            // Proxies in between know no types.
            (_, Some(message)) => refusal.by_status(self.excerpt(message), model),
            (_, None) => refusal.by_status(self.excerpt(&refusal.message()), model),
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
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let call = self
            .client
            .post(&self.url)
            .header("x-api-key", self.key.header(""))
            .header("anthropic-version", API_VERSION)
            .json(&body(request, self.effort));
        let response = http::send(&self.client, call).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response, &request.model).await);
        }
        read(response, Some(&self.key), request, listen).await
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
        let data = match http::parse(&event.data) {
            Ok(data) => data,
            // What cannot be read may have been words.
            Err(error) if !answer.has_stopped() => return Err(error),
            Err(_) => continue,
        };
        let kind = text(&data, "type").unwrap_or(&event.event);
        match kind {
            "message_stop" => break,
            "error" if !answer.has_stopped() => {
                let error = data.get("error").unwrap_or(&Value::Null);
                return Err(meaning(
                    text(error, "type").unwrap_or_default(),
                    excerpt(text(error, "message").unwrap_or_default(), key),
                    None,
                    &request.model,
                ));
            }
            _ => answer.take(kind, &data, listen)?,
        }
    }
    answer.finish(request.messages.len(), listen)
}

/// What an error's type means.
fn meaning(kind: &str, message: String, retry_after: Option<Duration>, model: &str) -> ModelError {
    match kind {
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
    let options = &request.options;
    // https://platform.claude.com/docs/en/build-with-claude/structured-outputs
    if let Some(ResponseFormat::Schema(of)) = &options.format {
        body["output_config"]["format"] = json!({"type": "json_schema", "schema": of.schema});
    }
    match &options.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::Required => body["tool_choice"] = json!({"type": "any"}),
        ToolChoice::Named(name) => body["tool_choice"] = json!({"type": "tool", "name": name}),
    }
    if !options.stop.is_empty() {
        body["stop_sequences"] = json!(options.stop);
    }
    if let Some(temperature) = options.temperature {
        // The API's range ends at 1: https://platform.claude.com/docs/en/api/messages
        body["temperature"] = json!(temperature.min(1.0));
    }
    if let Some(top_p) = options.top_p {
        body["top_p"] = json!(top_p);
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
